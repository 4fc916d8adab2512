"""Payments as people follow them: what was agreed, what it cost, and every step with its time."""

from typing import Final, cast

from contracts import heads
from ledger.readable import Json
from ledger.state import Head
from node.queries import JsonObject, Page, get_currency, get_head, head_json, scan_page
from node.records import Records
from node.storage.store import Store

STEPS_MAX: Final = 200
"""Steps that an answer shows; the proof bundle of a payment has all of them."""

_AMOUNTS: Final = ("source_amount", "target_amount", "fee", "refunded")


def payment(store: Store, uetr: str) -> JsonObject | None:
    """Return a payment with its steps, or None where none has this reference."""
    head = get_head(store, heads.payment(uetr)) if "\0" not in uetr else None
    if head is None:
        return None
    records = Records(store)
    steps: list[Json] = []
    for number, position in enumerate(store.history(heads.payment(uetr)), 1):
        record = records.get(position)
        steps.append(
            {
                "number": number,
                "height": record.height,
                "time_ms": record.block_time_ms,
                "transaction": record.transaction_id.hex(),
                "operation": record.operation_index,
                "method": record.method,
                "organisation": record.organisation,
            }
        )
        if number == STEPS_MAX:
            break
    return {**_payment(store, uetr, head), "steps": steps, "height": store.tip.height}


def payments_page(store: Store, statuses: frozenset[str] | None, cursor: str | None, limit: int) -> Page:
    """Return payments by UETR without their steps, all or those in some statuses."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        is_wanted = statuses is None or head["status"] in statuses
        return _payment(store, parts[1], head) if is_wanted else None

    return scan_page(store, "payment", cursor, limit, read)


def _payment(store: Store, uetr: str, head: Head) -> JsonObject:
    return {
        "uetr": uetr,
        **{name: value for name, value in head_json(head).items() if name not in ("legs", *_AMOUNTS)},
        **{name: str(head[name]) for name in _AMOUNTS if name in head},
        "legs": [
            {"debit": debit, "credit": credit, "amount": str(amount)}
            for debit, credit, amount in cast("list[tuple[str, str, int]]", head["legs"])
        ],
        "source_exponent": cast(int, get_currency(store, head["source_currency"])["exponent"]),
        "target_exponent": cast(int, get_currency(store, head["target_currency"])["exponent"]),
    }
