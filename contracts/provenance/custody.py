"""Custody and ownership: one organisation offers, the other accepts, and both signatures are in the things' histories.

An acceptance moves what the offerer still holds at that moment. What is packed in an offered container goes with it,
level by level, as far as the offerer holds it (or nobody does); the rest stays where it is and is named in the
output. A thing that the acceptor reports as short stays with the offerer, with everything in it.

Heads: ``offer`` {from, to, kind, items, expires_ms, status, offered_ms, terms_hash?, condition?, discrepancies?,
reason?}.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, choice, identifier, prose, refuse, row
from contracts.context import Context
from contracts.membership import require_active
from contracts.provenance.life import ENDED
from contracts.provenance.links import linked
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

OFFER_ID_BYTES_MAX: Final = 64
OFFER_ITEMS_MAX: Final = 1_000
CONSIGNMENT_MAX: Final = 10_000
LEFT_REPORTED_MAX: Final = 100

_HOLDER_FIELD: Final = {"custody": "custodian", "ownership": "owner"}
_NOT_HOLDER: Final = {"custody": ResultCode.NOT_CUSTODIAN, "ownership": ResultCode.NOT_OWNER}
_DISCREPANCIES: Final = frozenset({"short", "over", "damaged"})
_OPEN: Final = "open"


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
    if cast(int, made["expires_ms"]) <= context.block.time_ms:
        raise Rejected(ResultCode.OFFER_EXPIRED, f"{name} expired at {made['expires_ms']!r}")
    short = frozenset(item for item, kind, _ in discrepancies if kind == "short")
    moved, left = _hand_over(context, made, short)
    for item, kind, _ in discrepancies:
        if kind != "over" and item not in moved and item not in short:
            raise Rejected(ResultCode.DISCREPANCY_ELSEWHERE, f"{item} is not in {name}")
    if condition is not None:
        made["condition"] = condition
    if discrepancies:
        made["discrepancies"] = [[item, kind, note] for item, kind, note in discrepancies]
    made["status"] = "accepted"
    context.put(heads.offer(name), made)
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


def _discrepancy(value: object, what: str) -> tuple[str, str, str]:
    item, kind, note = row(value, what, 3)
    return identifier(item, what), choice(kind, what, _DISCREPANCIES), prose(note, what, 500)


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
    made["status"] = status
    context.put(heads.offer(name), made)
    return None


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
