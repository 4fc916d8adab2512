"""Recalls as the read side shows them: one, all of them, and those that stand for a thing, its lot and its product."""

from collections.abc import Iterator
from typing import cast
from urllib.parse import quote

from contracts import heads
from contracts.identifiers import lot_link
from contracts.provenance.recalls import ITEM, LOT, PRODUCT
from ledger.state import Head
from node.queries import JsonObject, Page, Thing, get_head, head_json, scan_page
from node.storage.store import Store
from standards.digital_link import canonical_id


def recall(store: Store, identifier: str) -> JsonObject | None:
    """Return a recall, or None."""
    head = get_head(store, heads.recall(identifier)) if "\0" not in identifier else None
    return None if head is None else {"id": identifier, **head_json(head)}


def recalls_page(
    store: Store, cursor: str | None, limit: int, *, target: str | None = None, status: str | None = None
) -> Page:
    """Return recalls by id: those that name a target (a GTIN, or a lot or item in any spelling), in a status."""
    names = None if target is None else {target, target.zfill(14), canonical_id(target)}

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        named = {name for _, name in cast("list[list[str]]", head["targets"])}
        is_wanted = status in (None, head["status"]) and (names is None or names & named)
        return {"id": parts[1], **head_json(head)} if is_wanted else None

    return scan_page(store, "recall", cursor, limit, read)


def targets_of(identifier: str, kind: str, gtin: str | None, lot: str | None) -> tuple[tuple[str, str], ...]:
    """Return under what recalls of a thing may stand: itself, its lot, its product."""
    found = [(ITEM if kind == "item" else LOT, identifier)]
    if kind == "item" and gtin is not None and lot is not None:
        found.append((LOT, lot_link(gtin, lot)))
    if gtin is not None:
        found.append((PRODUCT, gtin))
    return tuple(found)


def recall_keys(thing: Thing) -> list[bytes]:
    """Return the keys of the heads that are there while a recall of a thing, its lot or its product stands."""
    return [heads.recalled(kind, name) for kind, name in _targets(thing)]


def standing_recalls(store: Store, thing: Thing, told_lot: str | None = None) -> Iterator[tuple[str, Head]]:
    """Yield (target, recall) of every recall that stands for a thing, each once, the closest target first.

    ``told_lot`` is the lot that the master data of the thing's events say: contracts do not look at these.
    """
    seen: set[str] = set()
    targets = _targets(thing)
    gtin = cast("str | None", thing.head.get("product"))
    if told_lot is not None and gtin is not None and "\0" not in told_lot:
        told = (LOT, lot_link(gtin, quote(told_lot, safe="")))
        targets = (targets[0], *dict.fromkeys((told, *targets[1:])))
    for kind, name in targets:
        head = get_head(store, heads.recalled(kind, name))
        for identifier in cast("list[str]", head["recalls"]) if head is not None else ():
            if identifier not in seen:
                seen.add(identifier)
                made = get_head(store, heads.recall(identifier))
                assert made is not None, "what stands was opened"
                yield kind, made


def _targets(thing: Thing) -> tuple[tuple[str, str], ...]:
    gtin, lot = (cast("str | None", thing.head.get(field)) for field in ("product", "lot"))
    return targets_of(thing.identifier, thing.kind, gtin, lot)
