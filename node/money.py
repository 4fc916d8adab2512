"""The read side of money: accounts, what touched them, and what is held.

Answers are JSON values in the shapes of docs/api.md, as in queries.py. An entry is an operation that is a record of the
account; what it changed comes as two signed numbers, ``posted`` and ``pending``, so that the sum of all ``posted`` is
what the account has. What expires has no entry (docs/adr/0010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias, cast

from contracts import heads
from contracts.trade.release import HELD
from ledger.readable import Json
from ledger.state import COUNT_FIELD, Head
from node.queries import JsonObject, Page, get_currency, get_head, head_json, scan_page
from node.records import Record, Records
from node.storage.store import Store

_TOTALS: Final = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
_FLAG_METHODS: Final = {
    "settlement.close_account": "close",
    "settlement.freeze_account": "freeze",
    "settlement.unfreeze_account": "unfreeze",
}
_PAYMENT_METHODS: Final = frozenset({"settlement.pay", "trade.open"})
_NETTING_METHOD: Final = "settlement.settle_window"
_AMOUNTS_MOVED: Final = "amounts_moved"
_TRANSFER_METHODS: Final = frozenset(
    f"settlement.{kind}" for kind in ("issue", "redeem", "transfer", "pend", "post", "void")
)

_LegRow: TypeAlias = tuple[str, str, int]


def account(store: Store, identifier: str) -> JsonObject | None:
    """Return the totals of an account, or None."""
    head = _account_head(store, identifier)
    return None if head is None else {**_account(store, identifier, head), "height": store.tip.height}


def accounts_page(store: Store, owner: str | None, cursor: str | None, limit: int) -> Page:
    """Return accounts by id, all or those of one organisation."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        return None if owner is not None and head["owner"] != owner else _account(store, parts[1], head)

    return scan_page(store, "account", cursor, limit, read)


def account_entries(store: Store, identifier: str, after: int, limit: int) -> Page | None:
    """Return what touched an account after the first ``after``, oldest first; None where it is not open."""
    head = _account_head(store, identifier)
    if head is None:
        return None
    records = Records(store)
    entries: list[Json] = []
    for number, position in enumerate(islice(store.history(heads.account(identifier), after), limit), after + 1):
        entries.append({"number": number, **_entry(store, records.get(position), identifier, head)})
    last = after + len(entries)
    return Page(entries, str(last) if last < cast(int, head.get(COUNT_FIELD, 0)) else None)


def account_holds(
    store: Store, identifier: str, cursor: str | None, limit: int, *, status: str | None = None
) -> Page | None:
    """Return the holds on either side of an account by id, all or those in a status; None where it is not open."""
    if _account_head(store, identifier) is None:
        return None

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        is_wanted = identifier in (head["debit"], head["credit"]) and status in (None, head["status"])
        return _hold(store, parts[1], head) if is_wanted else None

    return scan_page(store, "hold", cursor, limit, read)


def pending_holds(store: Store, cursor: str | None, limit: int) -> Page:
    """Return the holds that are pending now, the first to expire first."""

    def read(parts: tuple[str, ...], _: Head) -> JsonObject | None:
        return hold(store, bytes.fromhex(parts[2]))

    return scan_page(store, "expiry", cursor, limit, read)


def hold(store: Store, identifier: bytes) -> JsonObject | None:
    """Return a hold by the id of its pending transfer, or None."""
    head = get_head(store, heads.held_amount(identifier))
    return None if head is None else _hold(store, identifier.hex(), head)


def _account_head(store: Store, identifier: str) -> Head | None:
    return get_head(store, heads.account(identifier)) if "\0" not in identifier else None


def _account(store: Store, identifier: str, head: Head) -> JsonObject:
    currency = get_currency(store, head["currency"])
    debits_posted, credits_posted, debits_pending, credits_pending = (cast(int, head[name]) for name in _TOTALS)
    posted = credits_posted - debits_posted
    return {
        "id": identifier,
        **{name: value for name, value in head_json(head).items() if name not in (*_TOTALS, "closed", "frozen")},
        "status": "closed" if "closed" in head else "frozen" if "frozen" in head else "open",
        **{name: str(head[name]) for name in _TOTALS},
        "posted": str(posted),
        "held": str(debits_pending),
        "incoming": str(credits_pending),
        "available": str(posted - debits_pending),
        "exponent": cast(int, currency["exponent"]),
        "issuer": cast(str, currency["issuer"]),
    }


def _hold(store: Store, identifier: str, head: Head) -> JsonObject:
    posted_amount = head.get("posted_amount")
    return {
        "id": identifier,
        **head_json(head),
        "amount": str(head["amount"]),
        "posted_amount": None if posted_amount is None else str(posted_amount),
        "resolved_by": cast(bytes, head["resolved_by"]).hex() if "resolved_by" in head else None,
        "exponent": cast(int, get_currency(store, head["currency"])["exponent"]),
    }


def _entry(store: Store, record: Record, identifier: str, account_head: Head) -> JsonObject:
    """Return an operation as an account's statement shows it."""
    if record.method in _FLAG_METHODS:
        moved = _entry_fields(_FLAG_METHODS[record.method], account_head, posted=0, pending=0)
    elif record.method in _TRANSFER_METHODS:
        moved = _moved(store, cast(bytes, record.arguments["id"]), identifier, account_head)
    elif record.method in _PAYMENT_METHODS:
        moved = _paid(store, record, identifier, account_head)
    elif record.method == _NETTING_METHOD:
        moved = _netted(record, identifier, account_head)
    elif type(record.output) is dict and _AMOUNTS_MOVED in record.output:
        moved = _released(store, record.output, identifier, account_head)
    else:
        moved = _entry_fields(record.method, account_head, posted=None, pending=None)
    return {
        "height": record.height,
        "transaction": record.transaction_id.hex(),
        "operation": record.operation_index,
        "time_ms": record.block_time_ms,
        **moved,
    }


def _entry_fields(kind: str, account_head: Head, *, posted: int | None, pending: int | None) -> JsonObject:
    """Return the fields that every entry has; what it moved is None where this node cannot say it."""
    moved = posted or pending or 0
    return {
        "transfer": None,
        "kind": kind,
        "side": None if moved == 0 else "debit" if moved < 0 else "credit",
        "counterparty": None,
        "amount": str(abs(posted or 0)),
        "posted": None if posted is None else str(posted),
        "pending": None if pending is None else str(pending),
        "currency": cast(str, account_head["currency"]),
        "hold": None,
        "reference": None,
        "uetr": None,
    }


def _paid(store: Store, record: Record, identifier: str, account_head: Head) -> JsonObject:
    """Return what a payment moved, or set aside for its condition, seen from one of the accounts of its legs."""
    uetr = cast(str, record.arguments["uetr"])
    payment = _payment(store, uetr)
    seen = _Seen(identifier)
    # One that has to be reviewed is held, by whichever method it came.
    is_escrow = cast(Head, record.output)["status"] == HELD
    seen.add(cast("list[_LegRow]", payment["legs"]), posted=0 if is_escrow else 1, pending=1 if is_escrow else 0)
    return seen.to_json("escrow" if is_escrow else "pay", account_head, payment, uetr)


def _netted(record: Record, identifier: str, account_head: Head) -> JsonObject:
    """Return what the settlement of a window moved, seen from one of the accounts that paid or were paid."""
    seen = _Seen(identifier)
    seen.add(cast("list[_LegRow]", cast(Head, record.output)["payments"]), posted=1, pending=0)
    return {
        **_entry_fields("net", account_head, posted=seen.posted, pending=0),
        "counterparty": seen.counterparty,
        "reference": f"window {record.arguments['id']!s}",
    }


def _released(store: Store, output: Head, identifier: str, account_head: Head) -> JsonObject:
    """Return what an operation moved of payments in escrow, which any operation on goods may do (its output says)."""
    seen, found = _Seen(identifier), []
    for uetr, _, posted, freed in cast("list[tuple[str, str, list[_LegRow], list[_LegRow]]]", output[_AMOUNTS_MOVED]):
        seen.add(posted, posted=1, pending=-1)
        seen.add(freed, posted=0, pending=-1)
        if any(identifier in (debit, credit) for debit, credit, _ in (*posted, *freed)):
            found.append(uetr)
    # Several payments of one account may be released at once; the entry names the first.
    uetr = found[0]
    return seen.to_json("escrow", account_head, _payment(store, uetr), uetr)


@dataclass(slots=True)
class _Seen:
    """What legs change, seen from one account."""

    identifier: str
    posted: int = 0
    pending: int = 0
    counterparty: str | None = None

    def add(self, legs: Sequence[_LegRow], *, posted: int, pending: int) -> None:
        """Count legs in, so many times for either total."""
        for debit, credit, amount in legs:
            if self.identifier in (debit, credit):
                signed = amount if credit == self.identifier else -amount
                self.posted += posted * signed
                self.pending += pending * signed
                self.counterparty = self.counterparty or (debit if credit == self.identifier else credit)

    def to_json(self, kind: str, account_head: Head, payment: Head, uetr: str) -> JsonObject:
        """Return the fields of the entry."""
        return {
            **_entry_fields(kind, account_head, posted=self.posted, pending=self.pending),
            "counterparty": self.counterparty,
            "reference": cast("str | None", payment.get("reference")),
            "uetr": uetr,
        }


def _payment(store: Store, uetr: str) -> Head:
    payment = get_head(store, heads.payment(uetr))
    assert payment is not None, "a payment that is in a history was made"
    return payment


def _moved(store: Store, transfer_id: bytes, identifier: str, account_head: Head) -> JsonObject:
    """Return what a transfer moved, seen from one of its two accounts."""
    made = get_head(store, heads.transfer(transfer_id))
    assert made is not None, "a transfer that is in a history was made"
    kind, amount = cast(str, made["kind"]), cast(int, made["amount"])
    posted, pending, pending_id = amount, 0, cast("bytes | None", made.get("pending_id"))
    if kind == "pend":
        posted, pending, pending_id = 0, amount, transfer_id
    elif pending_id is not None:
        held = get_head(store, heads.held_amount(pending_id))
        assert held is not None, "what is resolved was held"
        pending = -cast(int, held["amount"])
    is_debit = made["debit"] == identifier
    sign = -1 if is_debit else 1
    return {
        **_entry_fields(kind, account_head, posted=sign * posted, pending=sign * pending),
        "transfer": transfer_id.hex(),
        "side": "debit" if is_debit else "credit",
        "counterparty": cast(str, made["credit" if is_debit else "debit"]),
        "amount": str(amount),
        "hold": None if pending_id is None else pending_id.hex(),
        "reference": cast("str | None", made.get("reference")),
        "uetr": cast("str | None", made.get("uetr")),
    }


def quote(store: Store, provider: str, identifier: bytes) -> JsonObject | None:
    """Return what the ledger knows of a provider's quote, or None where it does not know the provider.

    A quote is not on the ledger before somebody pays by it, so that nothing is used of one that nobody has heard of.
    """
    if "\0" in provider or get_head(store, heads.organisation(provider)) is None:
        return None
    used = get_head(store, heads.quote(provider, identifier))
    floor = get_head(store, heads.quote_floor(provider))
    return {
        "provider": provider,
        "id": identifier.hex(),
        "used": str(0 if used is None else used["used"]),
        "nonce_floor": 0 if floor is None else cast(int, floor["nonce"]),
    }
