"""Where things lead on to other things, by thing: what no head and no history answers without reading all of them.

A row stands for one EPCIS event and has no value but its kind, so that whoever follows a row reads the event itself:

l item|lot, identifier, position         the event uses it up (``i``), installs it in or on something (``c``), or brings
                                         items of the lot into being (``m``)
l transformation, id, position           an event that is part of this transformation
l site, identifier, time(8), position    an event at a place, in the order in which they happened
l term, field, value, position           an event whose business step, disposition, place or (own) type is this

Parts are separated by zero bytes, which identifiers never hold; positions and times have a fixed length at the end. The
rows follow from the bodies of blocks alone, and stay when a body is given up, as histories do. Reasons: ADR 0014.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import quote

from contracts.identifiers import lot_link, product_of
from contracts.provenance.events import ADD, AGGREGATION, ASSOCIATION, OBJECT, TRANSACTION, TRANSFORMATION
from ledger.codec import Value
from ledger.state import KEY_SEPARATOR, head_key

LINK: Final = b"l"
USED: Final = b"i"
INSTALLED: Final = b"c"
LOT_MEMBERS: Final = b"m"
_PART: Final = b"t"
_SEEN: Final = b"s"
_SAID: Final = b"v"

TERMS: Final = ("biz_step", "disposition", "read_point", "biz_location", "type")
"""Arguments of which each value has rows of its own; of the types only those that no standard knows."""

_STANDARD_TYPES: Final = frozenset({AGGREGATION, ASSOCIATION, OBJECT, TRANSACTION, TRANSFORMATION})
_TIME_OFFSET: Final = 1 << 63
_POSITION_BYTES: Final = 16
_TIME_BYTES: Final = 8


def thing_prefix(head: bytes) -> bytes:
    """Return what the rows of a thing begin with, by the key of its head."""
    return LINK + head + KEY_SEPARATOR


def transformation_prefix(identifier: str) -> bytes:
    """Return what the rows of a transformation begin with."""
    return LINK + head_key("transformation", identifier) + KEY_SEPARATOR


def site_prefix(identifier: str) -> bytes:
    """Return what the rows of a place begin with."""
    return LINK + head_key("site", identifier) + KEY_SEPARATOR


def term_prefix(field: str, value: str) -> bytes:
    """Return what the rows of a value of one of ``TERMS`` begin with."""
    return LINK + head_key("term", field, value) + KEY_SEPARATOR


def terms_prefix(field: str) -> bytes:
    """Return what the rows of all values of one of ``TERMS`` begin with."""
    return LINK + head_key("term", field) + KEY_SEPARATOR


def term_of(key: bytes, prefix: bytes) -> bytes:
    """Return the value that a row under ``terms_prefix`` is of."""
    return key[len(prefix) : -_POSITION_BYTES - 1]


def time_bytes(time_ms: int) -> bytes:
    """Return a time so that earlier ones stand first, also those before 1970."""
    return (time_ms + _TIME_OFFSET).to_bytes(_TIME_BYTES, "big")


def time_end(time_ms: int) -> bytes:
    """Return what stands after every row of a time, also of the last one that there can be."""
    return time_bytes(time_ms) + b"\xff" * _POSITION_BYTES


def row_height(key: bytes) -> int:
    """Return the height of the block that made a row."""
    return int.from_bytes(key[-_POSITION_BYTES : -_POSITION_BYTES + 8], "big")


def row_head(key: bytes) -> bytes:
    """Return the key of the head that a row of a thing is about."""
    return key[len(LINK) : -_POSITION_BYTES - 1]


def link_rows(where: bytes, arguments: Mapping[str, Value]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of one captured event, by the bytes of its position."""
    if "declaration" in arguments:
        # It repeats the event that it is about.
        return
    kind = arguments.get("type")
    for field in TERMS:
        value = arguments.get(field)
        if isinstance(value, str) and (field != "type" or value not in _STANDARD_TYPES):
            yield term_prefix(field, value) + where, _SAID
    if kind == TRANSFORMATION:
        for head in (*_items(arguments, "inputs"), *_lots(arguments, "input_quantities")):
            yield thing_prefix(head) + where, USED
        identifier = arguments.get("transformation_id")
        if isinstance(identifier, str):
            yield transformation_prefix(identifier) + where, _PART
        yield from _lot_rows(arguments, "outputs", where)
    elif kind == ASSOCIATION and arguments.get("action") == ADD:
        for head in (*_items(arguments, "children"), *_lots(arguments, "child_quantities")):
            yield thing_prefix(head) + where, INSTALLED
    elif kind == OBJECT and arguments.get("action") == ADD:
        yield from _lot_rows(arguments, "epcs", where)
    happened_ms = arguments.get("event_time_ms")
    if type(happened_ms) is int:
        for site in {arguments.get("read_point"), arguments.get("biz_location")} - {None}:
            yield site_prefix(cast(str, site)) + time_bytes(happened_ms) + where, _SEEN


def _items(arguments: Mapping[str, Value], name: str) -> list[bytes]:
    return [head_key("item", identifier) for identifier in cast("list[str]", arguments.get(name, []))]


def _lots(arguments: Mapping[str, Value], name: str) -> list[bytes]:
    rows = cast("list[list[str]]", arguments.get(name, []))
    return [head_key("lot", row[0]) for row in rows]


def _lot_rows(arguments: Mapping[str, Value], name: str, where: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of the lots that an event brings items of into being, as their master data (ILMD) say."""
    lot = lot_number(arguments)
    if lot is None:
        return
    gtins = map(product_of, cast("list[str]", arguments.get(name, [])))
    for gtin in {gtin for gtin in gtins if gtin is not None}:
        yield thing_prefix(head_key("lot", lot_link(gtin, quote(lot, safe="")))) + where, LOT_MEMBERS


def lot_number(arguments: Mapping[str, Value]) -> str | None:
    """Return the lot in an event's instance and lot master data, which the ledger keeps unread in the residue."""
    held = arguments.get("residue")
    if not isinstance(held, bytes) or b"lotNumber" not in held:
        return None
    try:
        ilmd = json.loads(held)["event"]["+"]["ilmd"]
        found = [ilmd[name] for name in sorted(ilmd) if name.rsplit(":", 1)[-1].rsplit("/", 1)[-1] == "lotNumber"]
    # A residue may hold anything.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    is_name = len(found) == 1 and isinstance(found[0], str) and "\0" not in found[0] and 0 < len(found[0]) <= 200
    if not is_name:
        return None
    try:
        found[0].encode()
    except UnicodeEncodeError:
        return None
    return cast(str, found[0])
