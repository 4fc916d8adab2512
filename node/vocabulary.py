"""What events have said so far: each business step, disposition, place, event type and item once, in pages."""

from collections.abc import Iterator
from typing import Final

from contracts.provenance.events import AGGREGATION, ASSOCIATION, OBJECT, TRANSACTION, TRANSFORMATION
from ledger.readable import Json
from ledger.state import head_key, split_key
from node.queries import CursorError, Page, decode_cursor, encode_cursor
from node.storage.link_index import term_of, term_prefix, terms_prefix
from node.storage.store import Store

STANDARD_TYPES: Final = (AGGREGATION, ASSOCIATION, OBJECT, TRANSACTION, TRANSFORMATION)


def terms_page(store: Store, field: str, cursor: str | None, limit: int) -> Page:
    """Return the values of one of ``link_index.TERMS``, in the order of their bytes."""
    after = None if cursor is None else decode_cursor(cursor)
    found: list[bytes] = []
    for value in _terms(store, field, after):
        if len(found) == limit:
            return _page(found, encode_cursor(found[-1]))
        found.append(value)
    return _page(found, None)


def items_page(store: Store, cursor: str | None, limit: int) -> Page:
    """Return the identifiers of single things, in the order of their bytes."""
    prefix = head_key("item") + b"\0"
    after = None if cursor is None else decode_cursor(cursor)
    if after is not None and not after.startswith(prefix):
        raise CursorError("the nextPageToken is not one of this list")
    entries: list[Json] = []
    for key, _ in store.heads(prefix, after):
        entries.append(split_key(key)[1])
        if len(entries) == limit:
            return Page(entries, encode_cursor(key))
    return Page(entries)


def is_known(store: Store, field: str, value: str) -> bool:
    """Return whether an event has said this, or the standard knows it as a type."""
    if field == "type" and value in STANDARD_TYPES:
        return True
    if "\0" in value:
        return False
    return next(store.links(term_prefix(field, value)), None) is not None


def _terms(store: Store, field: str, after: bytes | None) -> Iterator[bytes]:
    prefix = terms_prefix(field)
    # What follows a value is its separator, and nothing of another value stands before the next byte.
    start = b"" if after is None else after + b"\1"
    while True:
        key = next((key for key, _ in store.links(prefix, start)), None)
        if key is None:
            return
        value = term_of(key, prefix)
        yield value
        start = value + b"\1"


def _page(found: list[bytes], next_cursor: str | None) -> Page:
    return Page([value.decode() for value in found], next_cursor)
