"""The trace of a thing as a tree: what happened to it, what it was packed in, made from, made into, and what is in it.

Time-aware: a thing shares the events of a container only while it was in it, and that holds level by level. Intervals
come from the histories, so a pallet that was unpacked long ago still tells what was on it. Everything is bounded, and
where a bound cuts something off the tree says so in ``marks``; nothing is left out silently. Shape: docs/api.md.

Rules: reference semantics of EPCIS 2.0 aggregation (ISO/IEC 19987 section 7.4.3); an effect that the contracts refused
(contracts.provenance.things.BLOCKING) opens no interval.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.provenance.events import ADD, AGGREGATION, ASSOCIATION, DELETE, OBJECT, TRANSFORMATION, Event
from contracts.provenance.things import BLOCKING
from contracts.results import ResultCode
from ledger.readable import Json
from node.queries import JsonObject, Thing, find_thing, product_name
from node.records import Record, Records
from node.storage.store import Store

DEPTH_MAX: Final = 20
_EVER_MS: Final = -(1 << 63)
# What keeps a container from gaining or losing contents, and what keeps a thing from being packed. A container that is
# named as a child of its own breaks rules by that which concern none of the others.
_BLOCKED: Final = frozenset(code.name.lower() for code in BLOCKING)
_NO_PACKING: Final = _BLOCKED | {
    code.name.lower() for code in (ResultCode.CYCLE, ResultCode.TOO_DEEP, ResultCode.TOO_MANY_CONTENTS)
}


class Direction(Enum):
    """Which way to follow."""

    ALL = "all"
    BACK = "back"
    FORWARD = "forward"
    CONTENTS = "contents"


class Branch(Enum):
    """How a node hangs below another; the value is the field of the answer."""

    CONTAINERS = "containers"
    MADE_FROM = "made_from"
    MADE_INTO = "made_into"
    CONTENTS = "contents"


_FROM_ROOT: Final = {
    Direction.ALL: frozenset(Branch),
    Direction.BACK: frozenset({Branch.CONTAINERS, Branch.MADE_FROM}),
    Direction.FORWARD: frozenset({Branch.CONTAINERS, Branch.MADE_INTO}),
    Direction.CONTENTS: frozenset({Branch.CONTENTS}),
}
# A thing's container brings in its own containers, but not what else was in it or made of it.
_BELOW: Final = {
    Branch.CONTAINERS: frozenset({Branch.CONTAINERS}),
    Branch.MADE_FROM: frozenset({Branch.CONTAINERS, Branch.MADE_FROM}),
    Branch.MADE_INTO: frozenset({Branch.CONTAINERS, Branch.MADE_INTO}),
    Branch.CONTENTS: frozenset({Branch.CONTENTS}),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a trace goes: levels below the root, nodes in all, branches and events of one node, events in all."""

    depth_max: int = 10
    nodes_max: int = 500
    branches_max: int = 100
    events_max: int = 1_000
    all_events_max: int = 5_000


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``since_ms`` to ``until_ms`` (None: still so)."""

    since_ms: int
    until_ms: int | None = None

    def holds(self, time_ms: int) -> bool:
        """Say whether a moment lies inside; both ends do, for packing and unpacking belong to both."""
        return self.since_ms <= time_ms and (self.until_ms is None or time_ms <= self.until_ms)

    def within(self, outer: "Interval | None") -> "Interval | None":
        """Return what this interval shares with another (None is all time), or None where they do not meet."""
        if outer is None:
            return self
        ends = [end for end in (self.until_ms, outer.until_ms) if end is not None]
        shared = Interval(max(self.since_ms, outer.since_ms), min(ends, default=None))
        return shared if shared.until_ms is None or shared.since_ms <= shared.until_ms else None


@dataclass(frozen=True, slots=True)
class Link:
    """Another thing, how it belongs here and when."""

    identifier: str
    relation: str
    interval: Interval


@dataclass(slots=True)
class Node:
    """A thing in the tree; ``interval`` is when it was with the node above (None: it became it, or was made of it).

    ``window`` is what of its life is told: while it was there, up to when it was used, or from when it was made on.
    """

    identifier: str
    thing: Thing | None
    relation: str | None
    interval: Interval | None
    window: Interval | None = None
    records: list[Record] = field(default_factory=list)
    branches: dict[Branch, list["Node"]] = field(default_factory=dict)
    marks: list[tuple[str, str, int | None]] = field(default_factory=list)

    def walk(self) -> "Iterator[Node]":
        """Yield this node and all below it."""
        yield self
        for nodes in self.branches.values():
            for node in nodes:
                yield from node.walk()


def trace(store: Store, identifier: str, direction: Direction, limits: Limits | None = None) -> Node | None:
    """Return the tree of a thing in any spelling, or None where the ledger knows none."""
    thing = find_thing(store, identifier)
    if thing is None:
        return None
    tracer = _Tracer(store, limits or Limits())
    root = Node(thing.identifier, thing, None, None)
    tracer.grow(root, _FROM_ROOT[direction], 0, (root.identifier,))
    return root


def tree_json(store: Store, root: Node) -> JsonObject:
    """Return a tree in the shape of docs/api.md."""
    return {**_node_json(store, root), "height": store.tip.height}


class _Tracer:
    """Grows a tree, counting nodes; a thing that was opened once is not opened again elsewhere."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._records = Records(store)
        self._nodes_left = limits.nodes_max - 1
        self._events_left = limits.all_events_max
        self._opened: set[tuple[str, Branch | None]] = set()

    def grow(self, node: Node, branches: frozenset[Branch], depth: int, path: tuple[str, ...]) -> None:
        """Fill in a node's records and what hangs below it."""
        if node.thing is None:
            node.marks.append(("unknown", "thing", None))
            return
        every = self._read(node, node.thing)
        node.records = [record for record in every if _is_told(node, record)]
        for branch in Branch:
            if branch in branches:
                self._branch(node, branch, _links(branch, every, node.identifier), depth, path)

    def _read(self, node: Node, thing: Thing) -> list[Record]:
        """Return the newest records of a thing in the order in which they happened."""
        room = min(self._limits.events_max, self._events_left)
        skipped = max(0, thing.count - room)
        if skipped:
            node.marks.append(("limit", "events", skipped))
        self._events_left -= thing.count - skipped
        positions = self._store.history(thing.key, skipped)
        # A block may have come since the head was read: what is newer than the head belongs to the next answer.
        records = [self._records.get(position) for position in islice(positions, thing.count - skipped)]
        return sorted(records, key=lambda record: (record.at_ms, record.position))

    def _branch(self, node: Node, branch: Branch, links: Iterable[Link], depth: int, path: tuple[str, ...]) -> None:
        agreed = (self._agreed(link, branch, node.identifier) for link in links)
        found = [
            replace(link, interval=shared)
            for link in agreed
            if (shared := link.interval.within(node.window)) is not None
        ]
        if not found:
            return
        if depth >= self._limits.depth_max:
            node.marks.append(("limit", f"depth:{branch.value}", len(found)))
            return
        room = min(self._limits.branches_max, self._nodes_left)
        if len(found) > room:
            node.marks.append(("limit", branch.value, len(found) - room))
            found = found[:room]
        self._nodes_left -= len(found)
        below = node.branches.setdefault(branch, [])
        for link in found:
            is_with = branch in (Branch.CONTAINERS, Branch.CONTENTS)
            # What became of the rest of a lot after some of it was used is no part of the story.
            window = Interval(_EVER_MS, link.interval.since_ms) if branch is Branch.MADE_FROM else link.interval
            thing = find_thing(self._store, link.identifier)
            child = Node(link.identifier, thing, link.relation, link.interval if is_with else None, window)
            below.append(child)
            if link.identifier in path:
                child.marks.append(("cycle", branch.value, None))
            elif branch is not Branch.CONTAINERS and (link.identifier, branch) in self._opened:
                child.marks.append(("shown_elsewhere", branch.value, None))
            else:
                self._opened.add((link.identifier, branch))
                self.grow(child, _BELOW[branch], depth + 1, (*path, link.identifier))

    def _agreed(self, link: Link, branch: Branch, identifier: str) -> Link:
        """Close an interval that the heads do not have open: a late event changed nothing, or a refusal is not listed.

        The heads are what the state root proves, so where the events read otherwise the heads are right.
        """
        if link.interval.until_ms is not None or branch not in (Branch.CONTAINERS, Branch.CONTENTS):
            return link
        is_container = branch is Branch.CONTAINERS
        parent, child = (link.identifier, identifier) if is_container else (identifier, link.identifier)
        of_relation = heads.association if link.relation == "installed" else heads.content
        if any(self._store.head(key(parent, child)) is not None for key in (of_relation, heads.lot_content)):
            return link
        thing = find_thing(self._store, child)
        moved_ms = 0 if thing is None or link.relation == "installed" else cast(int, thing.head.get("parent_ms", 0))
        return replace(link, interval=Interval(link.interval.since_ms, max(link.interval.since_ms, moved_ms)))


def _is_told(node: Node, record: Record) -> bool:
    """Say whether a record of a thing is part of the story of the node above."""
    if node.window is None or node.window.holds(record.at_ms):
        return True
    # A hand-over is dated by its block, which may be long after the events that were written down afterwards.
    return node.interval is None and record.event is None


def _links(branch: Branch, records: list[Record], identifier: str) -> list[Link]:
    if branch is Branch.CONTAINERS:
        return _containers(records, identifier)
    if branch is Branch.CONTENTS:
        return _contents(records, identifier)
    return _made(records, identifier, into=branch is Branch.MADE_INTO)


def _containers(records: list[Record], identifier: str) -> list[Link]:
    """Return what a thing was packed in or installed on, read from its own history."""
    links: list[Link] = []
    open_since: dict[tuple[str, str], int] = {}

    def close(relation: str, at_ms: int, parent: str | None = None) -> None:
        for key in [key for key in open_since if key[0] == relation and parent in (None, key[1])]:
            links.append(Link(key[1], relation, Interval(open_since.pop(key), at_ms)))

    for record, event in _effective(records, identifier):
        relation = _relation(event)
        if relation is not None and event.parent is not None and event.parent != identifier:
            named = identifier in event.children or _names_class(event, identifier)
            if event.action == ADD and named and event.parent not in _refused(record, _BLOCKED):
                if relation == "packed":
                    close(relation, record.at_ms)
                open_since.setdefault((relation, event.parent), record.at_ms)
            elif event.action == DELETE and (named or not (event.children or event.child_quantities)):
                close(relation, record.at_ms, event.parent)
        elif _ends(event, identifier):
            close("packed", record.at_ms)
    links += [Link(parent, relation, Interval(since)) for (relation, parent), since in open_since.items()]
    return sorted(links, key=lambda link: (link.interval.since_ms, link.identifier))


def _contents(records: list[Record], identifier: str) -> list[Link]:
    """Return what was packed in or installed on a thing, read from its own history."""
    links: list[Link] = []
    open_since: dict[tuple[str, str], int] = {}

    def close(relation: str, children: Iterable[str], at_ms: int) -> None:
        for child in children:
            if (relation, child) in open_since:
                links.append(Link(child, relation, Interval(open_since.pop((relation, child)), at_ms)))

    for record, event in _effective(records, identifier, _BLOCKED):
        relation = _relation(event)
        children = (*event.children, *(quantity.class_id for quantity in event.child_quantities))
        if relation is not None and event.parent == identifier:
            if event.action == ADD:
                refused = _refused(record, _NO_PACKING)
                for child in children:
                    if child not in refused:
                        open_since.setdefault((relation, child), record.at_ms)
            elif event.action == DELETE:
                everything = [child for kind, child in open_since if kind == relation]
                close(relation, children or everything, record.at_ms)
        elif relation == "packed" and event.action == ADD:
            close(relation, children, record.at_ms)
        elif event.type == TRANSFORMATION or (event.type == OBJECT and event.action == DELETE):
            close("packed", (*event.inputs, *event.epcs), record.at_ms)
    links += [Link(child, relation, Interval(since)) for (relation, child), since in open_since.items()]
    return sorted(links, key=lambda link: (link.interval.since_ms, link.identifier))


def _made(records: list[Record], identifier: str, *, into: bool) -> list[Link]:
    """Return what a thing was made from, up to when, or made into, and since when."""
    found: dict[str, Link] = {}
    for record, event in _effective(records, identifier):
        if event.type != TRANSFORMATION:
            continue
        inputs = (*event.inputs, *(quantity.class_id for quantity in event.input_quantities))
        outputs = (*event.outputs, *(quantity.class_id for quantity in event.output_quantities))
        here, there = (inputs, outputs) if into else (outputs, inputs)
        if identifier in here:
            for other in there:
                if other != identifier and (other not in found or not into):
                    found[other] = Link(other, "transformed", Interval(record.at_ms))
    return list(found.values())


def _effective(
    records: list[Record], identifier: str, refusing: frozenset[str] = _NO_PACKING
) -> Iterator[tuple[Record, Event]]:
    """Yield the events that had an effect on a thing: neither refused for it nor declared to be wrong."""
    for record in records:
        event = record.event
        if event is None or event.declaration is not None or record.is_declared_wrong:
            continue
        if not refusing.isdisjoint(record.violations(identifier)):
            continue
        yield record, event


def _refused(record: Record, refusing: frozenset[str]) -> set[str]:
    output = record.output if isinstance(record.output, dict) else {}
    rows = cast("list[list[str]]", output.get("violations", []))
    return {name for name, rule in rows if rule in refusing}


def _relation(event: Event) -> str | None:
    return {AGGREGATION: "packed", ASSOCIATION: "installed"}.get(event.type)


def _names_class(event: Event, identifier: str) -> bool:
    return any(quantity.class_id == identifier for quantity in event.child_quantities)


def _ends(event: Event, identifier: str) -> bool:
    """Say whether an event ends a thing's life, which takes it out of its container."""
    if event.type == TRANSFORMATION:
        return identifier in event.inputs and identifier not in event.outputs
    return event.type == OBJECT and event.action == DELETE and identifier in event.epcs


def _node_json(store: Store, node: Node) -> JsonObject:
    head = {} if node.thing is None else node.thing.head
    gtin = cast("str | None", head.get("product"))
    interval: Json = (
        None if node.interval is None else {"since_ms": node.interval.since_ms, "until_ms": node.interval.until_ms}
    )
    answer: JsonObject = {
        "id": node.identifier,
        "kind": None if node.thing is None else node.thing.kind,
        "relation": node.relation,
        "interval": interval,
        "status": cast("str | None", head.get("status")),
        "product": gtin,
        "product_name": None if gtin is None else product_name(store, gtin),
        "custodian": cast("str | None", head.get("custodian")),
        "owner": cast("str | None", head.get("owner")),
        "count": cast("int | None", head.get("count")),
        "events": [record.to_json(node.identifier) for record in node.records],
        "marks": [{"reason": reason, "what": what, "omitted": omitted} for reason, what, omitted in node.marks],
    }
    for branch in Branch:
        answer[branch.value] = [_node_json(store, child) for child in node.branches.get(branch, [])]
    return answer
