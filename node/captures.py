"""Documents that were captured in parts, as lists: what of each is on the ledger (contracts/provenance/parts.py)."""

from collections.abc import Iterator
from typing import cast

from ledger.codec import decode_own
from ledger.readable import Json
from ledger.state import Head, head_key, split_key
from node.queries import SCAN_MAX, CursorError, JsonObject, Page, decode_cursor, encode_cursor, organisation_of
from node.storage.store import Store


def captures_page(
    store: Store,
    cursor: str | None,
    limit: int,
    *,
    document: str | None = None,
    organisation: str | None = None,
    key: bytes | None = None,
    status: str | None = None,
) -> Page:
    """Return documents that came in parts: of a hash, of an organisation or that of a key, in a status."""
    if key is not None:
        signer = organisation_of(store, key)
        if signer is None or organisation not in (None, signer):
            return Page([])
        organisation = signer
    prefix = (head_key("capture") if document is None else head_key("capture", document)) + b"\0"
    after = None if cursor is None else decode_cursor(cursor)
    if after is not None and not after.startswith(prefix):
        raise CursorError("the cursor belongs to another list")
    entries: list[Json] = []
    rows: Iterator[tuple[bytes, bytes]] = store.heads(prefix, after)
    for seen, (row_key, encoded) in enumerate(rows, 1):
        _, name, captor = split_key(row_key)
        entry = _entry(name, captor, cast(Head, decode_own(encoded)))
        if organisation in (None, captor) and status in (None, entry["status"]):
            entries.append(entry)
        if len(entries) == limit or seen == SCAN_MAX:
            return Page(entries, encode_cursor(row_key))
    return Page(entries)


def _entry(document: str, organisation: str, head: Head) -> JsonObject:
    captured, parts = cast(int, head["captured"]), cast(int, head["parts"])
    return {
        "document": document,
        "organisation": organisation,
        "events": cast(int, head["events"]),
        "parts": parts,
        "captured": captured,
        "status": "whole" if captured == parts else "partial",
        "transaction": cast(bytes, head["transaction"]).hex(),
    }
