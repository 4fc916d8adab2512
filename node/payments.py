"""Payments as people follow them: what was agreed, what it cost, and every step with its time."""

from typing import Final, cast

from contracts import heads
from ledger.readable import Json
from node.queries import JsonObject, get_currency, get_head, head_json
from node.records import Records
from node.storage.store import Store

STEPS_MAX: Final = 200
"""Steps that an answer shows; the proof bundle of a payment has all of them."""

_AMOUNTS: Final = ("source_amount", "target_amount", "fee", "refunded")


def payment(store: Store, uetr: str) -> JsonObject | None:
    """Return a payment with its steps, or None where none has this reference."""
    key = heads.payment(uetr)
    head = get_head(store, key) if "\0" not in uetr else None
    if head is None:
        return None
    records = Records(store)
    steps: list[Json] = []
    for number, position in enumerate(store.history(key), 1):
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
        "steps": steps,
        "height": store.tip.height,
    }
