"""What hangs on what, read from the histories of things: containers, contents, sources and products, with their times.

Intervals come from the events, so that a pallet that was unpacked long ago still tells what was on it. A transformation
that was written down in several events is one, by its transformation id. An effect that the contracts refused
(contracts.provenance.things.BLOCKING) makes no link, but for one: that a maker says what it used, where whoever holds
that did not agree. Such a link is ``claimed``: it is told, and it is told apart.

Rules: reference semantics of EPCIS 2.0 aggregation and transformation (ISO/IEC 19987 section 7.4).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.provenance.events import ADD, AGGREGATION, ASSOCIATION, DELETE, OBJECT, TRANSFORMATION, Event, Quantity
from contracts.provenance.things import BLOCKING
from contracts.results import ResultCode
from ledger.codec import decode_own
from ledger.state import Head, head_key, split_key
from node.records import Names, Record, Records
from node.storage.link_index import transformation_prefix
from node.storage.rows import row_position
from node.storage.store import Store

EVER_MS: Final = -(1 << 63)
PARTS_MAX: Final = 1_000
"""Events of one transformation that are put together."""

PACKED: Final = "packed"
INSTALLED: Final = "installed"
TRANSFORMED: Final = "transformed"
CLAIMED: Final = "claimed"

BLOCKED: Final = frozenset(code.name.lower() for code in BLOCKING)
# What keeps a container from gaining or losing contents, and what keeps a thing from being packed. A container that is
# named as a child of its own breaks rules by that which concern none of the others.
_NO_PACKING: Final = BLOCKED | {
    code.name.lower() for code in (ResultCode.CYCLE, ResultCode.TOO_DEEP, ResultCode.TOO_MANY_CONTENTS)
}


class Branch(Enum):
    """How a thing hangs below another; the value is the field of the answer."""

    CONTAINERS = "containers"
    MADE_FROM = "made_from"
    MADE_INTO = "made_into"
    CONTENTS = "contents"


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``since_ms`` to ``until_ms`` (None: still so)."""

    since_ms: int
    until_ms: int | None = None

    def holds(self, time_ms: int) -> bool:
        """Say whether a moment lies inside; both ends do, for packing and unpacking belong to both."""
        return self.since_ms <= time_ms and (self.until_ms is None or time_ms <= self.until_ms)

    def contains(self, other: "Interval") -> bool:
        """Say whether all of another interval lies inside."""
        if self.until_ms is None:
            return self.since_ms <= other.since_ms
        return self.since_ms <= other.since_ms and other.until_ms is not None and other.until_ms <= self.until_ms

    def within(self, outer: "Interval | None") -> "Interval | None":
        """Return what this interval shares with another (None is all time), or None where they do not meet."""
        if outer is None:
            return self
        ends = [end for end in (self.until_ms, outer.until_ms) if end is not None]
        shared = Interval(max(self.since_ms, outer.since_ms), min(ends, default=None))
        return shared if shared.until_ms is None or shared.since_ms <= shared.until_ms else None


@dataclass(frozen=True, slots=True)
class Link:
    """Another thing, how it belongs here and when; ``told`` is what of its life belongs here where that differs."""

    identifier: str
    relation: str
    interval: Interval
    told: Interval | None = None


@dataclass(frozen=True, slots=True)
class Transformation:
    """A transformation with its events in the order in which they happened.

    ``strangers`` are events of other organisations under the same id: whoever likes can write one, so they are counted
    and not believed. ``missing`` events are of this node's past, which it gave up, or beyond ``PARTS_MAX``.
    """

    identifier: str | None
    organisation: str | None
    parts: tuple[Record, ...]
    strangers: int = 0
    missing: int = 0


@dataclass(slots=True)
class Made:
    """The links by transformations, these, and how many links events name that the ledger refused."""

    links: dict[str, Link] = field(default_factory=dict)
    transformations: list[Transformation] = field(default_factory=list)
    refused: int = 0


class Transformations:
    """Puts the events of transformations together; ``is_known`` says which records count, as of a time or a height."""

    def __init__(self, store: Store, records: Records, is_known: Callable[[Record], bool] | None = None) -> None:
        self._store = store
        self._records = records
        self._is_known = is_known or (lambda _: True)
        self._found: dict[tuple[str, str | None], Transformation] = {}

    def of(self, record: Record) -> Transformation:
        """Return the transformation that an event is, or is a part of."""
        identifier = record.transformation_id
        if identifier is None:
            return Transformation(None, record.organisation, (record,))
        found = self._found.get((identifier, record.organisation))
        if found is None:
            found = self._found[identifier, record.organisation] = self._read(identifier, record.organisation)
        return found

    def _read(self, identifier: str, organisation: str | None) -> Transformation:
        rows = self._store.links(transformation_prefix(identifier))
        positions = [row_position(key) for key, _ in islice(rows, PARTS_MAX)]
        missing = sum(1 for _ in islice(rows, PARTS_MAX))
        parts: list[Record] = []
        strangers = 0
        for position in positions:
            if position.height < self._store.earliest_height:
                missing += 1
                continue
            record = self._records.get(position)
            if not self._is_known(record) or record.is_declared_wrong:
                continue
            if record.organisation == organisation:
                parts.append(record)
            else:
                strangers += 1
        parts.sort(key=_order)
        return Transformation(identifier, organisation, tuple(parts), strangers, missing)


def containers(records: Iterable[Record], identifier: str) -> list[Link]:
    """Return what a thing was packed in or installed on, read from its own history."""
    links: list[Link] = []
    open_since: dict[tuple[str, str], int] = {}

    def close(relation: str, at_ms: int, parent: str | None = None) -> None:
        for key in [key for key in open_since if key[0] == relation and parent in (None, key[1])]:
            links.append(Link(key[1], relation, Interval(open_since.pop(key), at_ms)))

    for record, event, names in _effective(records, identifier):
        relation = _relation(event)
        if relation is not None and event.parent is not None and event.parent != identifier:
            is_named = identifier in names.children
            if event.action == ADD and is_named and event.parent not in record.refused(BLOCKED):
                # Packed where it is already, it stays there since then.
                if relation == PACKED and (relation, event.parent) not in open_since:
                    close(relation, record.at_ms)
                open_since.setdefault((relation, event.parent), record.at_ms)
            elif event.action == DELETE and (is_named or not names.children):
                close(relation, record.at_ms, event.parent)
        elif _ends(event, names, identifier):
            close(PACKED, record.at_ms)
    links += [Link(parent, relation, Interval(since)) for (relation, parent), since in open_since.items()]
    return sorted(links, key=_link_order)


def with_those_now(links: Iterable[Link], now: Iterable[Link]) -> list[Link]:
    """Return links as histories tell them with those that stand by the heads and no history has open.

    A packing that broke a rule when it came in may hold by what came in later; the heads, which the state root proves,
    know of that, and a record tells what was found when it was made.
    """
    told = list(links)
    is_open = {link.identifier for link in told if link.relation == PACKED and link.interval.until_ms is None}
    return sorted([*told, *(link for link in now if link.identifier not in is_open)], key=_link_order)


def container_now(store: Store, identifier: str, head: Head) -> list[Link]:
    """Return what a thing is packed in by its head: one link or none."""
    parent = head.get("parent")
    if not isinstance(parent, str):
        return []
    link = store.head(heads.content(parent, identifier))
    assert link is not None, "what is packed has a link"
    return [Link(parent, PACKED, Interval(_since_ms(link)))]


def contents_now(store: Store, identifier: str) -> Iterator[Link]:
    """Yield the items and classes that are packed in a thing by the heads."""
    for kind in ("content", "lot_content"):
        for key, link in store.heads(head_key(kind, identifier) + b"\0"):
            yield Link(split_key(key)[2], PACKED, Interval(_since_ms(link)))


def contents(records: Iterable[Record], identifier: str) -> list[Link]:
    """Return what was packed in or installed on a thing, read from its own history."""
    links: list[Link] = []
    open_since: dict[tuple[str, str], int] = {}
    classes: set[str] = set()

    def close(relation: str, children: Iterable[str], barred: frozenset[str], at_ms: int) -> None:
        for child in children:
            if (relation, child) in open_since and child not in barred:
                links.append(Link(child, relation, Interval(open_since.pop((relation, child)), at_ms)))

    for record, event, names in _standing(records):
        relation = _relation(event)
        barred = record.refused(_NO_PACKING)
        is_barred = identifier in record.refused(BLOCKED)
        if relation is not None and event.parent == identifier:
            listed = (*event.children, *_classes(event.child_quantities))
            if event.action == ADD and not is_barred:
                classes.update(_classes(event.child_quantities))
                for child in listed:
                    if child not in barred:
                        open_since.setdefault((relation, child), record.at_ms)
            elif event.action == DELETE and (relation == PACKED or not is_barred):
                everything = [child for kind, child in open_since if kind == relation]
                # Whoever holds a thing takes it out of anything; an amount goes by the container alone.
                gone = [child for child in listed or everything if not (is_barred and child in classes)]
                close(relation, gone, barred, record.at_ms)
        elif relation == PACKED and event.action == ADD and event.parent not in record.refused(BLOCKED):
            close(PACKED, event.children, barred, record.at_ms)
        elif event.type == TRANSFORMATION:
            close(PACKED, names.used_up, barred, record.at_ms)
        elif event.type == OBJECT and event.action == DELETE:
            close(PACKED, event.epcs, barred, record.at_ms)
    links += [Link(child, relation, Interval(since)) for (relation, child), since in open_since.items()]
    return sorted(links, key=_link_order)


def made_from(
    records: Iterable[Record], identifier: str, transformations: Transformations, window: Interval | None = None
) -> Made:
    """Return what a thing was made from within a window, each up to when it was used."""
    made = Made()
    for record, names in _of_transformations(records, window):
        if identifier not in names.outputs:
            continue
        if identifier in record.refused(BLOCKED):
            made.refused += 1
            continue
        for part in _parts(made, transformations.of(record), record):
            refused = part.refused(BLOCKED)
            told = Interval(EVER_MS, part.at_ms)
            for other in _sources(part.event):
                if other != identifier:
                    relation = CLAIMED if other in refused else TRANSFORMED
                    known = made.links.get(other)
                    # The last use tells the most of its life, and what was used is more than what was claimed.
                    if known is None or known.relation == CLAIMED or relation == TRANSFORMED:
                        made.links[other] = Link(other, relation, Interval(record.at_ms), told)
    return made


def made_into(
    records: Iterable[Record], identifier: str, transformations: Transformations, window: Interval | None = None
) -> Made:
    """Return what was made from a thing within a window, each since when it was made."""
    made = Made()
    for record, names in _of_transformations(records, window):
        if identifier not in names.inputs:
            continue
        relation = CLAIMED if identifier in record.refused(BLOCKED) else TRANSFORMED
        for part in _parts(made, transformations.of(record), record):
            refused = part.refused(BLOCKED)
            for other in _products(part.event):
                if other in refused:
                    made.refused += 1
                elif other != identifier:
                    known = made.links.get(other)
                    if known is None or (known.relation, relation) == (CLAIMED, TRANSFORMED):
                        made.links[other] = Link(other, relation, Interval(record.at_ms), Interval(part.at_ms))
    return made


def _since_ms(link: bytes) -> int:
    return cast(int, cast(Head, decode_own(link))["since_ms"])


def _parts(made: Made, whole: Transformation, record: Record) -> tuple[Record, ...]:
    """Return the events of a transformation that were not looked at yet: all of them, when it is met first."""
    is_new = all(known is not whole for known in made.transformations)
    if is_new:
        made.transformations.append(whole)
    parts = whole.parts if is_new else ()
    # Beyond what is put together; what the event says itself is never left out.
    is_beyond = whole.missing > 0 and all(part.position != record.position for part in whole.parts)
    return (*parts, record) if is_beyond else parts


def _of_transformations(records: Iterable[Record], window: Interval | None) -> Iterator[tuple[Record, Names]]:
    for record, event, names in _standing(records):
        if event.type == TRANSFORMATION and (window is None or window.holds(record.at_ms)):
            yield record, names


def _effective(records: Iterable[Record], identifier: str) -> Iterator[tuple[Record, Event, Names]]:
    """Yield the events that had an effect on a thing: neither refused for it nor declared to be wrong."""
    for record, event, names in _standing(records):
        if record.output is None or identifier not in record.refused(_NO_PACKING):
            yield record, event, names


def _standing(records: Iterable[Record]) -> Iterator[tuple[Record, Event, Names]]:
    """Yield the events that nobody declared to be wrong."""
    for record in records:
        event, names = record.event, record.names
        if event is not None and names is not None and event.declaration is None and not record.is_declared_wrong:
            yield record, event, names


def _sources(event: Event | None) -> Iterator[str]:
    assert event is not None, "a part of a transformation is an event"
    yield from event.inputs
    yield from _classes(event.input_quantities)


def _products(event: Event | None) -> Iterator[str]:
    assert event is not None, "a part of a transformation is an event"
    yield from event.outputs
    yield from _classes(event.output_quantities)


def _classes(quantities: Iterable[Quantity]) -> Iterator[str]:
    return (quantity.class_id for quantity in quantities)


def _relation(event: Event) -> str | None:
    return {AGGREGATION: PACKED, ASSOCIATION: INSTALLED}.get(event.type)


def _ends(event: Event, names: Names, identifier: str) -> bool:
    """Say whether an event ends a thing's life, which takes it out of its container."""
    if event.type == TRANSFORMATION:
        return identifier in names.used_up
    return event.type == OBJECT and event.action == DELETE and identifier in names.epcs


def _link_order(link: Link) -> tuple[int, str]:
    return link.interval.since_ms, link.identifier


def _order(record: Record) -> tuple[int, tuple[int, int, int]]:
    return record.at_ms, record.position
