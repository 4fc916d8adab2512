"""Recalls over HTTP: those that were opened, and what one reaches, also before it is opened.

What is reached is worked out once and then told in pages, as of the block at which that was done. The last few are
kept, a million things in all; a page of one that is gone is refused, for another one might tell a thing twice or never.
One is worked out at a time, so that nobody keeps a node from its blocks by asking.
"""

import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from contracts.provenance.recalls import ITEM, LOT, PRODUCT
from node.api.answers import Answers
from node.api.parameters import ClosureOf, ClosurePage, Read, RecallsOf
from node.api.problems import Problem
from node.closure import THINGS_MAX, Closure, Selector, closure
from node.closure_summary import Summary, entries_json, summarise, summary_json
from node.queries import CursorError, JsonObject, decode_cursor, encode_cursor, find_thing
from node.recalls import recall, recalls_page
from node.sites import canonical_site
from node.storage.store import Store
from standards.digital_link import canonical_id

_TARGETS_MAX: Final = 1_000
_GTIN: Final = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_PRODUCT_LINK: Final = re.compile(r"https://id\.gs1\.org/01/([0-9]{14})")
_HEIGHT_BYTES: Final = 8

Kept = tuple[Closure, Summary]


def router(answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["recalls"])
    closures = _Closures()

    @routes.get("/recalls", summary="Recalls by id")
    async def recalls(asked: Annotated[RecallsOf, Query()]) -> Response:
        return await answers.json(
            lambda store: recalls_page(
                store, asked.cursor, asked.limit, target=asked.target, status=asked.status
            ).to_json(),
            asked,
        )

    # Before the recall itself, whose id may hold slashes.
    @routes.get("/recalls/{identifier:path}/closure", summary="What a recall reaches, and who holds it where")
    async def reached(identifier: str, asked: Annotated[ClosurePage, Query()]) -> Response:
        def read(store: Store) -> JsonObject:
            made = _recall(store, identifier)
            targets = tuple((str(kind), str(name)) for kind, name in _rows(made["targets"]))
            return {"recall": identifier, **closures.page(store, Selector(targets), asked)}

        return await answers.json_once(read, asked)

    @routes.get("/recalls/{identifier:path}", summary="A recall")
    async def one(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await answers.json(lambda store: _recall(store, identifier), asked)

    @routes.get("/closure", summary="What a recall of these things would reach, and who holds it where")
    async def simulated(asked: Annotated[ClosureOf, Query()]) -> Response:
        return await answers.json_once(lambda store: closures.page(store, _selector(store, asked), asked), asked)

    return routes


class _Closures:
    """The closures that were worked out last, by what was asked and the height that they are as of."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Selector, int, int], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, store: Store, selector: Selector, asked: ClosurePage) -> JsonObject:
        """Return the numbers of a closure and one page of the things in it that can be had back."""
        height, after = store.tip.height, b""
        if asked.cursor is not None:
            height, after = _read_cursor(asked.cursor)
        found, summary = self._find(store, selector, asked.things, height, is_first=asked.cursor is None)
        first = bisect_right(summary.open_keys, after) if after else 0
        keys = summary.open_keys[first : first + asked.limit]
        is_last = first + len(keys) == len(summary.open_keys)
        return {
            **summary_json(store, found, summary),
            "targets": [[kind, name] for kind, name in selector.targets],
            "site": selector.site,
            "since_ms": selector.since_ms,
            "until_ms": selector.until_ms,
            "entries": entries_json(store, found, keys),
            "next_cursor": None if is_last else encode_cursor(found.height.to_bytes(_HEIGHT_BYTES, "big") + keys[-1]),
        }

    def _find(self, store: Store, selector: Selector, things_max: int, height: int, *, is_first: bool) -> Kept:
        kept = self._kept.get((selector, things_max, height))
        if kept is not None:
            return kept
        if not is_first:
            raise Problem("recall.closure_gone", f"what was reached as of block {height} is not kept any more")
        # Whoever waited would hold one of the few threads that read.
        if not self._lock.acquire(blocking=False):
            raise Problem("recall.busy", "another one is being worked out")
        try:
            found = closure(store, selector, things_max)
            kept = (found, summarise(store, found))
            self._kept[selector, things_max, found.height] = kept
            while sum(len(one.reached) for one, _ in self._kept.values()) > THINGS_MAX and len(self._kept) > 1:
                self._kept.popitem(last=False)
            return kept
        finally:
            self._lock.release()


def _selector(store: Store, asked: ClosureOf) -> Selector:
    names = () if asked.target is None else tuple(dict.fromkeys(asked.target.split(" ")))
    if not names and asked.site is None:
        raise Problem("query.missing", "'target' or 'site': what is called back must be there")
    if len(names) > _TARGETS_MAX:
        raise Problem("query.wrong_type", f"'target': {len(names)} names, at most {_TARGETS_MAX}")
    site = None if asked.site is None else canonical_site(asked.site)
    return Selector(tuple(_target(store, name) for name in names), site, asked.since_ms, asked.until_ms)


def _target(store: Store, name: str) -> tuple[str, str]:
    """Return what a name stands for: a GTIN, or an item or a lot in any spelling."""
    if _GTIN.fullmatch(name):
        return PRODUCT, name.zfill(14)
    canonical = canonical_id(name)
    product = _PRODUCT_LINK.fullmatch(canonical)
    if product is not None:
        return PRODUCT, product.group(1)
    thing = find_thing(store, canonical)
    if thing is not None:
        return (ITEM if thing.kind == "item" else LOT), canonical
    # A lot that is in master data alone has no head.
    return (LOT if "/10/" in canonical else ITEM), canonical


def _recall(store: Store, identifier: str) -> JsonObject:
    found = recall(store, identifier)
    if found is None:
        raise Problem("recall.unknown", f"{identifier[:200]!r} is not on the ledger at this height")
    return found


def _rows(value: object) -> list[list[object]]:
    assert isinstance(value, list), "the targets of a recall are a list"
    return value


def _read_cursor(cursor: str) -> tuple[int, bytes]:
    position = decode_cursor(cursor)
    if len(position) <= _HEIGHT_BYTES:
        raise CursorError("the cursor is not one of this API's")
    return int.from_bytes(position[:_HEIGHT_BYTES], "big"), position[_HEIGHT_BYTES:]
