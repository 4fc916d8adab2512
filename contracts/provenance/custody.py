"""Custody and ownership: one organisation offers, the other accepts, and both signatures are in the things' histories.

An acceptance moves what the offerer still holds at that moment. What is packed in an offered container goes with it,
level by level, as far as the offerer holds it (or nobody does); the rest stays where it is and is named in the
output. A thing that the acceptor reports as short stays with the offerer, with everything in it; where an amount of a
lot is short, the lot changes hands and the line says how much of it did not come. An offer that nobody answered in time
ends at the start of a block (contracts/expiry.py).

Heads: ``offer`` {from, to, kind, items, expires_ms, status, offered_ms, terms_hash?, condition?, discrepancies?,
reason?}, ``offer_expiry`` {} while it is open, and ``open_offers`` {count} of an organisation.
"""

from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, choice, identifier, prose, refuse, row
from contracts.context import Context
from contracts.decimals import scaled
from contracts.membership import require_active
from contracts.provenance.life import ENDED
from contracts.provenance.links import linked
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head, Overlay

OFFER_ID_BYTES_MAX: Final = 64
OFFER_ITEMS_MAX: Final = 1_000
CONSIGNMENT_MAX: Final = 10_000
LEFT_REPORTED_MAX: Final = 100
OPEN_OFFERS_MAX: Final = 1_000
"""Of one organisation, so that what can expire in one block is bounded."""

_HOLDER_FIELD: Final = {"custody": "custodian", "ownership": "owner"}
_NOT_HOLDER: Final = {"custody": ResultCode.NOT_CUSTODIAN, "ownership": ResultCode.NOT_OWNER}
_DISCREPANCIES: Final = frozenset({"short", "over", "damaged"})
_OPEN: Final = "open"
_EXPIRED: Final = "expired"


def offer(context: Context, arguments: dict[str, Value]) -> Value:
    """Offer custody or ownership of things to another organisation until a time."""
    read = Arguments(arguments)
    name = read.identifier("id", OFFER_ID_BYTES_MAX)
    recipient = read.identifier("to", ORGANISATION_LENGTH_MAX)
    kind = read.choice("kind", frozenset(_HOLDER_FIELD))
    items = tuple(dict.fromkeys(read.listed("items", OFFER_ITEMS_MAX, identifier)))
    expires_ms = read.integer("expires_ms")
    terms_hash = read.optional_fixed("terms_hash", 32)
    read.end()
    if not items:
        refuse("items names at least one thing")
    if context.get(heads.offer(name)) is not None:
        raise Rejected(ResultCode.OFFER_EXISTS, f"{name} was offered")
    if recipient == context.member:
        raise Rejected(ResultCode.SAME_PARTY, f"{recipient} cannot offer to itself")
    require_active(context, recipient)
    if expires_ms <= context.block.time_ms:
        raise Rejected(ResultCode.EXPIRY_PASSED, f"{expires_ms} is not after {context.block.time_ms}")
    _count_open(context, context.member, 1)
    for item in items:
        key, head = _thing(context, item)
        ended = ENDED.get(cast(str, head["status"]))
        if ended is not None:
            raise Rejected(ended, f"{item} is {head['status']!r}")
        if head.get(_HOLDER_FIELD[kind]) != context.member:
            raise Rejected(_NOT_HOLDER[kind], f"{item} is held by {head.get(_HOLDER_FIELD[kind])!r}")
        context.record(key, head)
    made: Head = {
        "from": context.member,
        "to": recipient,
        "kind": kind,
        "items": cast("list[Value]", list(items)),
        "expires_ms": expires_ms,
        "status": _OPEN,
        "offered_ms": context.block.time_ms,
    }
    if terms_hash is not None:
        made["terms_hash"] = terms_hash
    context.put(heads.offer(name), made)
    context.put(heads.offer_expiry(expires_ms, name), {})
    return None


def accept(context: Context, arguments: dict[str, Value]) -> Value:
    """Accept an offer; the output tells how many things moved and which contents did not."""
    read = Arguments(arguments)
    name = read.identifier("id", OFFER_ID_BYTES_MAX)
    condition = read.optional_text("condition", 500)
    discrepancies = read.listed("discrepancies", OFFER_ITEMS_MAX, _discrepancy)
    read.end()
    made = _open_offer(context, name)
    _require_recipient(context, made)
    short = frozenset(line.item for line in discrepancies if line.kind == "short" and line.amount is None)
    moved, left = _hand_over(context, made, short)
    for line in discrepancies:
        if line.kind != "over" and line.item not in moved and line.item not in short:
            raise Rejected(ResultCode.DISCREPANCY_ELSEWHERE, f"{line.item} is not in {name}")
        if line.amount is not None and context.get(heads.item(line.item)) is not None:
            refuse(f"{line.item} is one thing: an amount is said of a lot")
    if condition is not None:
        made["condition"] = condition
    if discrepancies:
        made["discrepancies"] = [line.to_value() for line in discrepancies]
    _end(context, name, made, "accepted")
    return {"moved": len(moved), "left": cast("list[Value]", left[:LEFT_REPORTED_MAX]), "left_count": len(left)}


def reject(context: Context, arguments: dict[str, Value]) -> Value:
    """Turn an offer down; its things stay where they are."""
    read = Arguments(arguments)
    name = read.identifier("id", OFFER_ID_BYTES_MAX)
    reason = read.text("reason", 500)
    read.end()
    made = _open_offer(context, name)
    _require_recipient(context, made)
    made["reason"] = reason
    return _close(context, name, made, "rejected")


def cancel(context: Context, arguments: dict[str, Value]) -> Value:
    """Take one's own offer back."""
    read = Arguments(arguments)
    name = read.identifier("id", OFFER_ID_BYTES_MAX)
    read.end()
    made = _open_offer(context, name)
    if made["from"] != context.member:
        raise Rejected(ResultCode.NOT_OFFERER, f"{name} was made by {made['from']!r}")
    return _close(context, name, made, "cancelled")


def end_offer(overlay: Overlay, expires_ms: int, name: str) -> None:
    """End an offer whose time is over; its things stay where they are, and their histories say nothing of it."""
    made = overlay.get(heads.offer(name))
    assert made is not None, "an expiry belongs to an offer"
    counted = overlay.get(heads.open_offers(cast(str, made["from"])))
    assert counted is not None, "open offers are counted"
    overlay.put(heads.offer(name), {**made, "status": _EXPIRED})
    overlay.put(heads.open_offers(cast(str, made["from"])), {"count": cast(int, counted["count"]) - 1})
    overlay.delete(heads.offer_expiry(expires_ms, name))


@dataclass(frozen=True, slots=True)
class _Discrepancy:
    """A line: a thing that is not as it was offered, or so much of a lot (None: the thing as a whole)."""

    item: str
    kind: str
    note: str
    amount: str | None = None
    unit: str | None = None

    def to_value(self) -> Value:
        line: list[Value] = [self.item, self.kind, self.note]
        return line if self.amount is None else [*line, self.amount, self.unit]


def _discrepancy(value: object, what: str) -> _Discrepancy:
    is_counted = type(value) is list and len(value) == 5
    item, kind, note, *counted = row(value, what, 5 if is_counted else 3)
    line = identifier(item, what), choice(kind, what, _DISCREPANCIES), prose(note, what, 500)
    if not counted:
        return _Discrepancy(*line)
    amount, unit = counted
    number = scaled(amount) if type(amount) is str else None
    if number is None or number <= 0:
        refuse(f"{what}: an amount is a decimal string above nothing")
    return _Discrepancy(*line, cast(str, amount), None if unit is None else identifier(unit, what, 20))


def _count_open(context: Context, organisation: str, change: int) -> None:
    key = heads.open_offers(organisation)
    count = cast(int, (context.get(key) or {"count": 0})["count"]) + change
    if count > OPEN_OFFERS_MAX:
        raise Rejected(ResultCode.TOO_MANY_OFFERS, f"{organisation} has {OPEN_OFFERS_MAX} open ones; cancel some")
    context.put(key, {"count": count})


def _thing(context: Context, name: str) -> tuple[bytes, Head]:
    """Return the key and the head of an item or, where there is none, of a lot."""
    for key in (heads.item(name), heads.lot(name)):
        head = context.get(key)
        if head is not None:
            return key, head
    raise Rejected(ResultCode.UNKNOWN_ITEM, f"{name} is not on the ledger")


def _open_offer(context: Context, name: str) -> Head:
    made = context.get(heads.offer(name))
    if made is None:
        raise Rejected(ResultCode.UNKNOWN_OFFER, f"{name} was not offered")
    if made["status"] == _EXPIRED:
        raise Rejected(ResultCode.OFFER_EXPIRED, f"{name} expired at {made['expires_ms']!r}")
    if made["status"] != _OPEN:
        raise Rejected(ResultCode.OFFER_CLOSED, f"{name} was {made['status']!r}")
    return made


def _require_recipient(context: Context, made: Head) -> None:
    if made["to"] != context.member:
        raise Rejected(ResultCode.NOT_RECIPIENT, f"the offer was made to {made['to']!r}")


def _close(context: Context, name: str, made: Head, status: str) -> Value:
    for item in cast("list[str]", made["items"]):
        key, head = _thing(context, item)
        context.record(key, head)
    _end(context, name, made, status)
    return None


def _end(context: Context, name: str, made: Head, status: str) -> None:
    made["status"] = status
    context.put(heads.offer(name), made)
    context.delete(heads.offer_expiry(cast(int, made["expires_ms"]), name))
    _count_open(context, cast(str, made["from"]), -1)


def _hand_over(context: Context, made: Head, short: frozenset[str]) -> tuple[set[str], list[str]]:
    """Move the offered things and their contents, breadth first; return what moved and which contents did not.

    A short item that is named in the offer gets the acceptance in its history too: that it did not arrive is said
    there.
    """
    field = _HOLDER_FIELD[cast(str, made["kind"])]
    offerer = made["from"]
    seen: set[str] = set()
    missing: set[str] = set()
    left: list[str] = []
    level = cast("list[str]", made["items"])
    is_offered = True
    while level:
        below: list[str] = []
        for name in level:
            if name in seen or name in missing:
                continue
            key, head = _thing(context, name)
            holder = head.get(field)
            if is_offered and (holder != offerer or head["status"] in ENDED):
                raise Rejected(ResultCode.OFFERER_NO_LONGER_HOLDS, f"{name} is {head['status']!r}, held by {holder!r}")
            if name in short:
                missing.add(name)
                context.record(key, head)
                continue
            if holder not in (None, offerer):
                left.append(name)
                continue
            seen.add(name)
            if len(seen) > CONSIGNMENT_MAX:
                raise Rejected(ResultCode.CONSIGNMENT_TOO_LARGE, f"more than {CONSIGNMENT_MAX} things")
            head[field] = made["to"]
            context.record(key, head)
            if head.get("contents"):
                below += linked(context, "content", name)
        level, is_offered = below, False
    unknown = sorted(short - missing)
    if unknown:
        raise Rejected(ResultCode.DISCREPANCY_ELSEWHERE, f"{unknown[0]} is not in the offer")
    return seen, left
