"""The trace of a thing as a tree: what happened to it, what it was packed in, made from, made into, and what is in it.

Time-aware: a thing shares the events of a container only while it was in it, and that holds level by level; of what it
was made from it has the life up to that use, of what it was made into the life since. Back means containers, sources
and installed parts; forward means containers, what it was installed in, and products. Everything is bounded, and where
a bound cuts something off the tree says so in ``marks``, with where to ask for the rest; nothing is left out silently.

As of a height the tree is what the ledger held then. As of a time it is what happened up to then, by all that is known
now, and what was captured only afterwards is counted. Shape: docs/api.md. What hangs on what: node/links.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice
from typing import Final, cast
from urllib.parse import urlencode

from contracts import heads
from contracts.provenance.life import unpacked_ms
from ledger.readable import Json
from node.balance import transformation_json
from node.links import (
    EVER_MS,
    INSTALLED,
    Branch,
    Interval,
    Link,
    Made,
    Transformation,
    Transformations,
    container_now,
    containers,
    contents,
    contents_now,
    made_from,
    made_into,
    with_those_now,
)
from node.proofs import records_up_to
from node.queries import JsonObject, Thing, find_thing, product_name
from node.records import Record, Records
from node.states import State, state_at
from node.storage.store import Store

DEPTH_MAX: Final = 20
NODES_MAX: Final = 20_000
BRANCHES_MAX: Final = 10_000
EVENTS_MAX: Final = 50_000


class Direction(Enum):
    """Which way to follow."""

    ALL = "all"
    BACK = "back"
    FORWARD = "forward"
    CONTENTS = "contents"


# Branch -> the relations that are followed there.
Plan = dict[Branch, frozenset[str] | None]

_FROM_ROOT: Final[dict[Direction, Plan]] = {
    Direction.ALL: dict.fromkeys(Branch),
    Direction.BACK: {Branch.CONTAINERS: None, Branch.MADE_FROM: None, Branch.CONTENTS: frozenset({INSTALLED})},
    Direction.FORWARD: {Branch.CONTAINERS: None, Branch.MADE_INTO: None},
    Direction.CONTENTS: {Branch.CONTENTS: None},
}
_ORIGIN: Final[Plan] = {Branch.MADE_FROM: None, Branch.CONTENTS: frozenset({INSTALLED})}
_BACKWARDS: Final = frozenset({Direction.ALL, Direction.BACK})
_FORWARDS: Final = frozenset({Direction.ALL, Direction.FORWARD})


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a trace goes: levels below the root, nodes in all, branches and events of one node, events in all."""

    depth_max: int = 10
    nodes_max: int = 500
    branches_max: int = 100
    events_max: int = 1_000
    all_events_max: int = 5_000


@dataclass(frozen=True, slots=True)
class AsOf:
    """An earlier height, or an earlier time; neither is now."""

    height: int | None = None
    time_ms: int | None = None

    @property
    def is_now(self) -> bool:
        """Say whether nothing earlier is asked for."""
        return self.height is None and self.time_ms is None

    def holds(self, record: Record) -> bool:
        """Say whether a record counts."""
        if self.height is not None and record.height > self.height:
            return False
        return self.time_ms is None or record.at_ms <= self.time_ms


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a tree stops short and why: how many are left out, where that is known, and where to ask for them."""

    reason: str
    what: str
    omitted: int | None = None
    ask: str | None = None


@dataclass(slots=True)
class Node:
    """A thing in the tree; ``interval`` is when it was with the node above (None: it became it, or was made of it).

    ``window`` is what of its life is told: while it was there, up to when it was used, or from when it was made on.
    ``state`` is how it was at the time that the tree is as of, None where that is now.
    """

    identifier: str
    thing: Thing | None
    relation: str | None
    interval: Interval | None
    window: Interval | None = None
    records: list[Record] = field(default_factory=list)
    transformations: list[Transformation] = field(default_factory=list)
    branches: dict[Branch, list["Node"]] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    state: State | None = None
    count: int | None = None

    def walk(self) -> "Iterator[Node]":
        """Yield this node and all below it."""
        yield self
        for nodes in self.branches.values():
            for node in nodes:
                yield from node.walk()


def trace(
    store: Store,
    identifier: str,
    direction: Direction,
    limits: Limits | None = None,
    *,
    as_of: AsOf | None = None,
    window: Interval | None = None,
) -> Node | None:
    """Return the tree of a thing in any spelling, or None where the ledger knows none.

    ``window`` is the part of its life that is asked for: the marks of a larger tree name it.
    """
    thing = find_thing(store, identifier)
    if thing is None:
        return None
    tracer = _Tracer(store, direction, limits or Limits(), as_of or AsOf())
    root = Node(thing.identifier, thing, None, None, window)
    tracer.grow(root, _FROM_ROOT[direction], 0, (root.identifier,))
    return root


def tree_json(store: Store, root: Node, as_of: AsOf | None = None) -> JsonObject:
    """Return a tree in the shape of docs/api.md."""
    at = as_of or AsOf()
    asked: Json = None if at.is_now else {"height": at.height, "time_ms": at.time_ms}
    return {**_Writer(store).node(root), "height": store.tip.height, "as_of": asked}


class _Tracer:
    """Grows a tree, counting nodes; a thing that was opened once is not opened again for what is told already."""

    def __init__(self, store: Store, direction: Direction, limits: Limits, as_of: AsOf) -> None:
        self._store = store
        self._direction = direction
        self._limits = limits
        self._as_of = as_of
        self._records = Records(store, as_of.height)
        self._transformations = Transformations(store, self._records, as_of.holds)
        self._nodes_left = limits.nodes_max - 1
        self._events_left = limits.all_events_max
        self._opened: dict[tuple[str, Branch], list[Interval]] = {}

    def grow(self, node: Node, plan: Plan, depth: int, path: tuple[str, ...]) -> None:
        """Fill in a node's records and what hangs below it."""
        if node.thing is None:
            node.marks.append(Mark("unknown", "thing"))
            return
        every = self._read(node, node.thing)
        node.records = [record for record in every if _is_told(node, record)]
        for branch, relations in plan.items():
            links = self._links(node, branch, every)
            found = links if relations is None else [link for link in links if link.relation in relations]
            self._branch(node, branch, found, depth, path)

    def _read(self, node: Node, thing: Thing) -> list[Record]:
        """Return the newest records of a thing that count, in the order in which they happened."""
        height, count = self._as_of.height, thing.count
        if height is not None:
            count = records_up_to(self._store, thing.key, height)
        room = min(self._limits.events_max, self._events_left)
        skipped = max(0, count - room)
        if skipped:
            node.marks.append(Mark("limit", "events", skipped, _history_path(thing.identifier)))
        self._events_left -= count - skipped
        positions = self._store.history(thing.key, skipped)
        # A block may have come since the head was read: what is newer than the head belongs to the next answer.
        told = list(islice(positions, count - skipped))
        kept = [position for position in told if position.height >= self._store.earliest_height]
        if len(kept) < len(told):
            node.marks.append(Mark("pruned", "events", len(told) - len(kept)))
        chain = [self._records.get(position) for position in kept]
        if height is not None:
            self._mark_not_captured_yet(node, thing, count, height)
        if not self._as_of.is_now:
            chain = [record for record in chain if self._as_of.holds(record)]
            self._look_back(node, thing, chain, skipped)
        unlisted = sum(record.unlisted_violations > 0 for record in chain)
        if unlisted:
            node.marks.append(Mark("unlisted", "violations", unlisted))
        return sorted(chain, key=lambda record: (record.at_ms, record.position))

    def _mark_not_captured_yet(self, node: Node, thing: Thing, count: int, height: int) -> None:
        """Count what had happened by then and was captured only afterwards."""
        header = self._store.header(height)
        assert header is not None, "a height that is asked for is there"
        room = min(self._limits.events_max, self._events_left, thing.count - count)
        self._events_left -= room
        unread = thing.count - count - room
        if unread:
            node.marks.append(Mark("limit", "later events", unread, _history_path(thing.identifier)))
        later = islice(self._store.history(thing.key, count), room)
        records = [self._records.get(one) for one in later if one.height >= self._store.earliest_height]
        missed = sum(record.event is not None and record.at_ms <= header.time_ms for record in records)
        if missed:
            node.marks.append(Mark("not_yet_captured", "events", missed, _history_path(thing.identifier)))

    def _look_back(self, node: Node, thing: Thing, chain: list[Record], skipped: int) -> None:
        """Fill in how a thing was, and say how much of that was captured only afterwards."""
        time_ms = self._as_of.time_ms
        if time_ms is not None:
            late = sum(record.block_time_ms > time_ms for record in chain)
            if late:
                node.marks.append(Mark("captured_later", "events", late))
            chain = sorted(chain, key=lambda record: (record.at_ms, record.position))
        node.count = skipped + len(chain)
        node.state = state_at(chain, thing.identifier, thing.kind)

    def _links(self, node: Node, branch: Branch, every: list[Record]) -> list[Link]:
        if branch is Branch.CONTAINERS or branch is Branch.CONTENTS:
            found = (containers if branch is Branch.CONTAINERS else contents)(every, node.identifier)
            agreed = [self._agreed(link, branch, node.identifier) for link in found]
            if self._as_of.is_now:
                agreed = with_those_now(agreed, self._standing(node, branch))
            return [
                replace(link, interval=shared)
                for link in agreed
                if (shared := link.interval.within(node.window)) is not None
            ]
        read = made_from if branch is Branch.MADE_FROM else made_into
        made = read(every, node.identifier, self._transformations, node.window)
        self._mark_made(node, branch, made)
        return list(made.links.values())

    def _standing(self, node: Node, branch: Branch) -> Iterable[Link]:
        """Return what a thing is packed in, or what is packed in it, by the heads."""
        assert node.thing is not None, "what is unknown has no links"
        if branch is Branch.CONTENTS:
            return contents_now(self._store, node.identifier)
        return container_now(self._store, node.identifier, node.thing.head)

    def _mark_made(self, node: Node, branch: Branch, made: Made) -> None:
        node.transformations += made.transformations
        for reason, what, number in (
            ("refused", branch.value, made.refused),
            ("strangers", "transformation", sum(one.strangers for one in made.transformations)),
            ("limit", "transformation", sum(one.missing for one in made.transformations)),
        ):
            if number:
                node.marks.append(Mark(reason, what, number, _history_path(node.identifier)))

    def _branch(self, node: Node, branch: Branch, found: list[Link], depth: int, path: tuple[str, ...]) -> None:
        if not found:
            return
        if depth >= self._limits.depth_max:
            node.marks.append(Mark("limit", f"depth:{branch.value}", len(found), self._rest_path(node, branch)))
            return
        room = min(self._limits.branches_max, self._nodes_left)
        if len(found) > room:
            fan_out = min(len(found), BRANCHES_MAX) if room == self._limits.branches_max else None
            ask = self._rest_path(node, branch, fan_out)
            node.marks.append(Mark("limit", branch.value, len(found) - room, ask))
            found = found[:room]
        self._nodes_left -= len(found)
        below = node.branches.setdefault(branch, [])
        for link in found:
            is_with = branch in (Branch.CONTAINERS, Branch.CONTENTS)
            window = self._window(link, branch)
            thing = find_thing(self._store, link.identifier)
            child = Node(link.identifier, thing, link.relation, link.interval if is_with else None, window)
            below.append(child)
            if link.identifier in path:
                child.marks.append(Mark("cycle", branch.value))
            elif branch is not Branch.CONTAINERS and self._is_open(link.identifier, branch, window):
                child.marks.append(Mark("shown_elsewhere", branch.value))
            else:
                self._opened.setdefault((link.identifier, branch), []).append(window)
                self.grow(child, self._plan(branch, link.relation), depth + 1, (*path, link.identifier))

    def _window(self, link: Link, branch: Branch) -> Interval:
        """Return what of a thing's life belongs to the tree."""
        if link.told is not None:
            return link.told
        if branch is Branch.CONTENTS and link.relation == INSTALLED and self._direction in _BACKWARDS:
            # Where a part comes from lies before it was installed.
            return Interval(EVER_MS, link.interval.until_ms)
        return link.interval

    def _plan(self, branch: Branch, relation: str) -> Plan:
        """Return what to follow below a link. A container brings in its own, but not what else was in it."""
        if branch is Branch.CONTAINERS:
            is_assembly = relation == INSTALLED and self._direction in _FORWARDS
            return {branch: None, Branch.MADE_INTO: None} if is_assembly else {branch: None}
        if branch is Branch.MADE_FROM:
            return {Branch.CONTAINERS: None, **_ORIGIN}
        if branch is Branch.MADE_INTO:
            return {Branch.CONTAINERS: None, branch: None}
        if relation == INSTALLED and self._direction in _BACKWARDS:
            return _ORIGIN if self._direction is Direction.BACK else {Branch.MADE_FROM: None, branch: None}
        return {branch: None}

    def _is_open(self, identifier: str, branch: Branch, window: Interval) -> bool:
        return any(opened.contains(window) for opened in self._opened.get((identifier, branch), ()))

    def _agreed(self, link: Link, branch: Branch, identifier: str) -> Link:
        """Close an interval that the heads do not have open: a late event changed nothing, or a refusal is not listed.

        The heads are what the state root proves, so where the events read otherwise the heads are right. There are none
        of earlier, so that a tree as of then goes by the events alone.
        """
        if link.interval.until_ms is not None or not self._as_of.is_now:
            return link
        parent, child = (link.identifier, identifier) if branch is Branch.CONTAINERS else (identifier, link.identifier)
        of_relation = heads.association if link.relation == INSTALLED else heads.content
        if any(self._store.head(key(parent, child)) is not None for key in (of_relation, heads.lot_content)):
            return link
        thing = find_thing(self._store, child)
        moved_ms = 0 if thing is None or link.relation == INSTALLED else unpacked_ms(thing.head)
        return replace(link, interval=Interval(link.interval.since_ms, max(link.interval.since_ms, moved_ms)))

    def _rest_path(self, node: Node, branch: Branch, fan_out: int | None = None) -> str:
        """Return where the tree goes on: from the node where it stopped, with the part of its life that is told."""
        is_back = branch is Branch.MADE_FROM or (branch is Branch.CONTAINERS and self._direction in _BACKWARDS)
        is_contents = branch is Branch.CONTENTS and self._direction is not Direction.BACK
        direction = Direction.FORWARD
        if is_contents:
            direction = Direction.CONTENTS
        elif is_back or branch is Branch.CONTENTS:
            direction = Direction.BACK
        window = node.window or Interval(EVER_MS)
        asked = {
            "id": node.identifier,
            "direction": direction.value,
            "since_ms": window.since_ms if window.since_ms > 0 else None,
            "until_ms": window.until_ms,
            "at_height": self._as_of.height,
            "at_ms": self._as_of.time_ms,
            "fan_out": fan_out,
        }
        return "/v1/items/trace?" + urlencode({name: value for name, value in asked.items() if value is not None})


def _history_path(identifier: str) -> str:
    return "/v1/items/history?" + urlencode({"id": identifier})


def _is_told(node: Node, record: Record) -> bool:
    """Say whether a record of a thing is part of the story of the node above."""
    if node.window is None or node.window.holds(record.at_ms):
        return True
    # A hand-over is dated by its block, which may be long after the events that were written down afterwards.
    return node.interval is None and record.event is None and node.relation is not None


class _Writer:
    """Writes nodes as JSON; an event that many things share is written once and stands with each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, str | None] = {}
        self._shared: dict[tuple[int, int, int], JsonObject] = {}

    def node(self, node: Node) -> JsonObject:
        """Return a node with all below it."""
        head = {} if node.thing is None else node.thing.head
        state = head if node.state is None else node.state
        gtin = cast("str | None", head.get("product"))
        interval: Json = (
            None if node.interval is None else {"since_ms": node.interval.since_ms, "until_ms": node.interval.until_ms}
        )
        answer: JsonObject = {
            "id": node.identifier,
            "kind": None if node.thing is None else node.thing.kind,
            "relation": node.relation,
            "interval": interval,
            "status": cast("str | None", state.get("status")),
            "product": gtin,
            "product_name": None if gtin is None else self._product_name(gtin),
            "custodian": cast("str | None", state.get("custodian")),
            "owner": cast("str | None", state.get("owner")),
            "location": cast("str | None", state.get("location")),
            "disposition": cast("str | None", state.get("disposition")),
            "count": cast("int | None", head.get("count")) if node.count is None else node.count,
            "events": [self._record(record, node.identifier) for record in node.records],
            "transformations": [transformation_json(one) for one in node.transformations],
            "marks": [
                {"reason": mark.reason, "what": mark.what, "omitted": mark.omitted, "ask": mark.ask}
                for mark in node.marks
            ],
        }
        for branch in Branch:
            answer[branch.value] = [self.node(child) for child in node.branches.get(branch, [])]
        return answer

    def _record(self, record: Record, identifier: str) -> JsonObject:
        shared = self._shared.get(record.position)
        if shared is None:
            shared = self._shared[record.position] = record.to_json(identifier)
        return {**shared, "violations": cast("list[Json]", record.violations(identifier))}

    def _product_name(self, gtin: str) -> str | None:
        if gtin not in self._names:
            self._names[gtin] = product_name(self._store, gtin)
        return self._names[gtin]
