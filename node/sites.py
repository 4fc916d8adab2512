"""What happened at a place, in the order in which it happened: the read side of the rows of places."""

from typing import Final

from node.links import EVER_MS, Interval
from node.queries import CursorError, JsonObject, Page, decode_cursor, encode_cursor
from node.records import Record, Records
from node.storage.link_index import site_prefix, time_bytes, time_end
from node.storage.rows import row_position
from node.storage.store import Store
from standards.digital_link import canonical_id

NAMED_MAX: Final = 20
"""Things that an entry names; ``named_count`` says how many the event does."""
_SUFFIX_BYTES: Final = 24


def canonical_site(text: str) -> str:
    """Return a place in the spelling of the ledger: a GLN of 13 digits, or an identifier in any spelling."""
    is_gln = len(text) == 13 and text.isascii() and text.isdigit()
    return f"https://id.gs1.org/414/{text}" if is_gln else canonical_id(text)


def site_page(store: Store, site: str, window: Interval | None, cursor: str | None, limit: int) -> Page:
    """Return the events at a place in a time; those whose transactions were given up are passed over."""
    asked = window or Interval(EVER_MS)
    start = time_bytes(asked.since_ms)
    if cursor is not None:
        start = decode_cursor(cursor)
        if len(start) != _SUFFIX_BYTES:
            raise CursorError("the cursor is not one of this API's")
        start += b"\0"
    stop = None if asked.until_ms is None else time_end(asked.until_ms)
    records = Records(store)
    page = Page([])
    for key, _ in store.links(site_prefix(site), start, stop):
        position = row_position(key)
        if position.height < store.earliest_height:
            continue
        page.entries.append(_entry(records.get(position)))
        if len(page.entries) == limit:
            return Page(page.entries, encode_cursor(key[-_SUFFIX_BYTES:]))
    return page


def _entry(record: Record) -> JsonObject:
    event = record.event
    assert event is not None, "places have events alone"
    parent = () if event.parent is None else (event.parent,)
    every = (
        *(*parent, *event.epcs, *event.children, *event.inputs, *event.outputs),
        *(one.class_id for one in (*event.quantities, *event.child_quantities)),
        *(one.class_id for one in (*event.input_quantities, *event.output_quantities)),
    )
    named = list(dict.fromkeys(every))
    answer = record.to_json("")
    del answer["violations"]
    return {**answer, "named": list(named[:NAMED_MAX]), "named_count": len(named)}
