"""A closure as people need it: how much is with whom, where it is now, and what is not to be had back any more.

Heads say who holds a thing. Where it is, is said by whoever saw it last: it, or what it is in, up to the outermost
container. Of a lot the ledger knows how much there is in all and not who has how much of it.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final, cast

from contracts import heads
from contracts.provenance.life import ENDED
from contracts.provenance.links import DEPTH_MAX
from ledger.codec import decode_own
from ledger.readable import Json
from ledger.state import Head, split_key
from node.closure import Closure, Reach
from node.links import EVER_MS
from node.queries import JsonObject, get_head, product_name
from node.storage.database import PinnedValues
from node.storage.joining import rows_at
from node.storage.rows import HEAD
from node.storage.store import Store

_ITEM_PREFIX: Final = b"item\0"
_LISTED_MAX: Final = 200
"""Rows of a table; the rest is summed up in one without a name."""

Place = tuple[str | None, int, str | None]
"""(location, when it was seen there, outermost container)"""


@dataclass(slots=True)
class Group:
    """Things of one holder, place or product: items and lots that can be had back, and how much of the lots."""

    items: int = 0
    lots: int = 0
    quantities: dict[str, Decimal] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return the group as an answer has it."""
        amounts: JsonObject = {unit: f"{amount:f}" for unit, amount in sorted(self.quantities.items())}
        return {"items": self.items, "lots": self.lots, "quantities": amounts}


@dataclass(slots=True)
class Summary:
    """Everything that is reached, in numbers; ``open_keys`` are in order and can be had back, ``ended`` cannot."""

    open_keys: list[bytes] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    whole: Group = field(default_factory=Group)
    holders: dict[str | None, Group] = field(default_factory=dict)
    places: dict[str | None, Group] = field(default_factory=dict)
    products: dict[str | None, Group] = field(default_factory=dict)

    def groups(self, custodian: str | None, place: str | None, product: str | None) -> tuple[Group, ...]:
        """Return the groups that a thing belongs to."""
        return (
            self.whole,
            self.holders.setdefault(custodian, Group()),
            self.places.setdefault(place, Group()),
            self.products.setdefault(product, Group()),
        )


def summarise(store: Store, found: Closure) -> Summary:
    """Return a closure in numbers, read as of one block, which may be a later one than the closure is as of."""
    summary = Summary()
    # Most things are like many others: they are counted alike and put into the tables at the end.
    alike: dict[tuple[str | None, str | None, str | None], int] = {}
    with closing(store.pin()) as rows:
        whereabouts = Whereabouts(rows)
        # A lot that master data alone name has no head.
        for key, _, encoded in rows_at(rows, HEAD, sorted(found.reached)):
            head = cast(Head, decode_own(encoded))
            status = cast(str, head["status"])
            if status in ENDED:
                summary.ended[status] = summary.ended.get(status, 0) + 1
                continue
            summary.open_keys.append(key)
            names = cast("tuple[str | None, str | None]", (head.get("custodian"), head.get("product")))
            group = (names[0], whereabouts.of(head)[0], names[1])
            if key.startswith(_ITEM_PREFIX):
                alike[group] = alike.get(group, 0) + 1
            else:
                _add_lot(summary.groups(*group), head)
    for group, items in alike.items():
        for table in summary.groups(*group):
            table.items += items
    return summary


def summary_json(store: Store, found: Closure, summary: Summary) -> JsonObject:
    """Return the numbers of a closure as an answer has them."""
    products: list[Json] = [
        {**row, "product_name": None if (gtin := row["product"]) is None else product_name(store, cast(str, gtin))}
        for row in cast("list[JsonObject]", _table("product", summary.products))
    ]
    return {
        "height": found.height,
        "time_ms": found.time_ms,
        **summary.whole.to_json(),
        "ended": dict(sorted(summary.ended.items())),
        "events": found.events,
        "holders": _table("custodian", summary.holders),
        "places": _table("location", summary.places),
        "products": products,
        "marks": [
            {"reason": reason, "what": what, "omitted": number}
            for (reason, what), number in sorted(found.marks.items())
        ],
    }


def entries_json(store: Store, found: Closure, keys: Iterable[bytes]) -> list[Json]:
    """Return things that are reached, each with who holds it and where it is now."""
    with closing(store.pin()) as rows:
        whereabouts = Whereabouts(rows)
        return [_entry(store, key, found.reached[key], whereabouts) for key in keys]


def _entry(store: Store, key: bytes, reach: Reach, whereabouts: "Whereabouts") -> JsonObject:
    kind, name = split_key(key)
    head = get_head(store, key) or {}
    location, seen_ms, outermost = whereabouts.of(head)
    since_ms = reach.interval.since_ms
    state = ("status", "product", "custodian", "owner", "parent", "quantities")
    return {
        "id": name,
        "kind": kind,
        "relation": reach.relation,
        "via": None if reach.via is None else split_key(reach.via)[1],
        "since_ms": None if since_ms == EVER_MS else since_ms,
        "until_ms": reach.interval.until_ms,
        **{name: cast(Json, head.get(name)) for name in state},
        "location": location,
        "seen_ms": seen_ms or None,
        "outermost": outermost,
    }


class Whereabouts:
    """Where things are: the newest word about them or about what they are in."""

    def __init__(self, rows: PinnedValues) -> None:
        self._rows = rows
        self._known: dict[str, Place] = {}

    def of(self, head: Head) -> Place:
        """Return where the thing of a head is."""
        own = (cast("str | None", head.get("location")), cast(int, head.get("last_event_ms", 0)))
        parent = cast("str | None", head.get("parent"))
        if parent is None:
            return *own, None
        location, seen_ms, outermost = self._container(parent, DEPTH_MAX)
        is_newer = location is not None and (own[0] is None or seen_ms >= own[1])
        return (location, seen_ms, outermost) if is_newer else (*own, outermost)

    def _container(self, name: str, levels_left: int) -> Place:
        known = self._known.get(name)
        if known is None:
            encoded = self._rows.get(HEAD + heads.item(name))
            head = {} if encoded is None else cast(Head, decode_own(encoded))
            parent = cast("str | None", head.get("parent"))
            own = (cast("str | None", head.get("location")), cast(int, head.get("last_event_ms", 0)))
            known = (*own, name)
            if parent is not None and levels_left:
                location, seen_ms, outermost = self._container(parent, levels_left - 1)
                is_newer = location is not None and (own[0] is None or seen_ms >= own[1])
                known = (location, seen_ms, outermost) if is_newer else (*own, outermost)
            self._known[name] = known
        return known


def _add_lot(groups: Iterable[Group], head: Head) -> None:
    amounts = cast("dict[str, str]", head.get("quantities", {}))
    with localcontext() as context:
        context.prec = 100
        for group in groups:
            group.lots += 1
            for unit, amount in amounts.items():
                group.quantities[unit] = group.quantities.get(unit, Decimal(0)) + Decimal(amount)


def _table(name: str, groups: dict[str | None, Group]) -> list[Json]:
    """Return groups, the largest first; what a table has no room for is in its last row, which says how many."""
    order = sorted(groups.items(), key=lambda row: (-row[1].items, -row[1].lots, row[0] or ""))
    rows: list[Json] = [{name: key, **group.to_json()} for key, group in order[:_LISTED_MAX]]
    rest = order[_LISTED_MAX:]
    if rest:
        items, lots = sum(group.items for _, group in rest), sum(group.lots for _, group in rest)
        rows.append({name: None, "items": items, "lots": lots, "quantities": {}, "groups": len(rest)})
    return rows
