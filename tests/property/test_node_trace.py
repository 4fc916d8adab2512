"""Traces, closures and states of random worlds against plain twins that look at every event, again and again."""

from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import heads
from ledger.codec import Value
from ledger.state import split_key
from node.closure import Selector, closure
from node.links import BLOCKED, EVER_MS, Branch, Interval
from node.queries import get_head
from node.records import Records
from node.states import state_at
from node.trace import AsOf, Direction, Limits, Node, trace
from tests.property.test_contracts_provenance import calls, signers
from tests.support.contracts_world import START_MS, Call, add, event, observe, pack, unpack
from tests.support.world_store import WorldStore

THINGS = [f"urn:thing:{number}" for number in range(6)]
LOTS = [f"urn:lot:{number}" for number in range(3)]
FIELDS = ("status", "custodian", "owner", "location", "disposition")
Span = tuple[int, int | None]

names = st.sampled_from(THINGS)
some = st.lists(names, max_size=3)


def prepared_store(is_prepared: bool) -> WorldStore:
    world = WorldStore()
    if is_prepared:
        world.run("maker", add(*THINGS, time_ms=START_MS - 30))
    return world


@settings(max_examples=50)
@given(st.lists(st.tuples(signers, calls()), min_size=1, max_size=12), st.booleans())
def test_the_state_that_a_history_gives_is_the_head_at_every_height(
    steps: list[tuple[str, Call]], is_prepared: bool
) -> None:
    world = prepared_store(is_prepared)
    expected: list[dict[str, dict[str, object]]] = []
    for signer, call in steps:
        world.run(signer, call)
        found = {name: world.world.get(heads.item(name)) or {} for name in THINGS}
        expected.append({name: {field: head.get(field) for field in FIELDS} for name, head in found.items()})
    first = world.store.tip.height - len(expected) + 1
    for name in THINGS:
        if get_head(world.store, heads.item(name)) is None:
            continue
        for height, states in enumerate(expected, first):
            node = trace(world.store, name, Direction.ALL, Limits(depth_max=0), as_of=AsOf(height=height))
            assert node is not None
            assert node.state == states[name]
        records = Records(world.store)
        whole = [records.get(position) for position in world.store.history(heads.item(name))]
        assert state_at(whole, name, "item") == expected[-1][name]


@st.composite
def makings(draw: st.DrawFn) -> Call:
    """Return a transformation, whole or in part, an installing or removing, or a making."""
    kind = draw(st.sampled_from(["add", "transform", "transform", "transform", "install", "install", "remove"]))
    time_ms = START_MS - draw(st.integers(0, 20))
    if kind == "add":
        return add(*draw(some), time_ms=time_ms)
    if kind in ("install", "remove"):
        action = "ADD" if kind == "install" else "DELETE"
        parent, children = draw(names), draw(some)
        return event("AssociationEvent", action, parent=parent, children=children, time_ms=time_ms)
    fields: dict[str, object] = {"inputs": draw(some), "outputs": draw(some)}
    for name in ("input_quantities", "output_quantities"):
        lots = draw(st.lists(st.sampled_from(LOTS), max_size=1))
        fields[name] = [[lot, "1", "KGM"] for lot in lots]
    identifier = draw(st.sampled_from([None, None, "urn:t:1", "urn:t:2"]))
    if identifier is not None:
        fields["transformation_id"] = identifier
    return event("TransformationEvent", time_ms=time_ms, **fields)  # type: ignore[arg-type]


class Twin:
    """Every event as it was captured, in the order of time; all questions are answered by looking at all of them."""

    def __init__(self, world: WorldStore) -> None:
        rows = [
            (cast(int, call[1]["event_time_ms"]), number, signer, call[1], world.refused(receipt, BLOCKED))
            for number, (signer, call, receipt) in enumerate(world.captured)
        ]
        self.rows = sorted(rows, key=lambda row: row[:2])

    def groups(self) -> list[list[tuple[int, set[str], set[str], set[str]]]]:
        """Return the transformations, each as parts of (time, inputs, outputs that count, inputs refused)."""
        found: dict[object, list[tuple[int, set[str], set[str], set[str]]]] = {}
        for time_ms, number, signer, arguments, refused in self.rows:
            if arguments["type"] == "TransformationEvent":
                name = arguments.get("transformation_id")
                sides = [named(arguments, side) for side in ("input", "output")]
                part = (time_ms, sides[0], sides[1] - refused, refused)
                found.setdefault(number if name is None else (name, signer), []).append(part)
        return list(found.values())

    def installed(self, child: str) -> list[tuple[str, Span]]:
        """Return what a thing was installed in, and when."""
        spans: list[tuple[str, Span]] = []
        since: dict[str, int] = {}
        for time_ms, _, _, arguments, refused in self.rows:
            if arguments["type"] != "AssociationEvent" or child in refused or arguments["parent"] == child:
                continue
            parent, children = cast(str, arguments["parent"]), cast("list[str]", arguments["children"])
            if arguments["action"] == "ADD" and child in children and parent not in refused:
                since.setdefault(parent, time_ms)
            elif arguments["action"] == "DELETE" and (child in children or not children) and parent in since:
                # One that names nobody is in the history of what it took off alone.
                spans.append((parent, (since.pop(parent), time_ms)))
        return spans + [(parent, (start, None)) for parent, start in since.items()]

    def closure(self, start: str) -> dict[str, Span]:
        """Return what is reached from a thing, and for which time."""
        reached: dict[str, Span] = {start: (EVER_MS, None)}
        groups = self.groups()
        while True:
            before = dict(reached)
            for parts in groups:
                for time_ms, inputs, _, _ in parts:
                    if any(name in reached and holds(reached[name], time_ms) for name in inputs):
                        for made_ms, _, outputs, _ in parts:
                            for name in outputs:
                                widen(reached, name, (made_ms, None))
            for name in list(reached):
                for parent, span in self.installed(name):
                    shared = meet(span, reached[name])
                    if shared is not None:
                        widen(reached, parent, shared)
            if reached == before:
                return reached


def named(arguments: dict[str, Value], side: str) -> set[str]:
    rows = cast("list[list[str]]", arguments[f"{side}_quantities"])
    return {*cast("list[str]", arguments[f"{side}s"]), *(row[0] for row in rows)}


def holds(span: Span, time_ms: int) -> bool:
    return span[0] <= time_ms and (span[1] is None or time_ms <= span[1])


def meet(one: Span, other: Span) -> Span | None:
    ends = [end for end in (one[1], other[1]) if end is not None]
    shared = (max(one[0], other[0]), min(ends) if ends else None)
    return shared if shared[1] is None or shared[0] <= shared[1] else None


def widen(reached: dict[str, Span], name: str, span: Span) -> None:
    since, until = reached.get(name, span)
    end = None if until is None or span[1] is None else max(until, span[1])
    reached[name] = (min(since, span[0]), end)


def edges(node: Node, branch: Branch) -> set[tuple[str, str, str]]:
    return {
        (one.identifier, cast(str, child.relation), child.identifier)
        for one in node.walk()
        for child in one.branches.get(branch, [])
    }


@settings(max_examples=100)
@given(st.lists(st.tuples(signers, makings()), max_size=14), st.booleans())
def test_a_closure_is_what_a_twin_reaches_that_looks_at_everything(
    steps: list[tuple[str, Call]], is_prepared: bool
) -> None:
    world = prepared_store(is_prepared)
    for signer, call in steps:
        world.run(signer, call)
    twin = Twin(world)
    for kind, start in [("item", THINGS[0]), ("lot", LOTS[0])]:
        key = heads.item(start) if kind == "item" else heads.lot(start)
        if get_head(world.store, key) is None:
            continue
        found = closure(world.store, Selector(((kind, start),)))
        reached = {split_key(key)[1]: reach.interval for key, reach in found.reached.items()}
        assert reached == {name: Interval(*span) for name, span in twin.closure(start).items()}


@settings(max_examples=100)
@given(st.lists(st.tuples(signers, makings()), max_size=12))
def test_what_was_made_of_what_is_the_same_from_both_ends(steps: list[tuple[str, Call]]) -> None:
    world = prepared_store(is_prepared=True)
    for signer, call in steps:
        world.run(signer, call)
    expected: set[tuple[str, str, str]] = set()
    for parts in Twin(world).groups():
        for _, inputs, _, refused in parts:
            for _, _, outputs, _ in parts:
                for source in inputs:
                    relation = "claimed" if source in refused else "transformed"
                    expected |= {(source, relation, made) for made in outputs if made != source}
    # What was both claimed and used is told as used.
    expected -= {(source, "claimed", made) for source, relation, made in expected if relation == "transformed"}
    back: set[tuple[str, str, str]] = set()
    forward: set[tuple[str, str, str]] = set()
    for name in (*THINGS, *LOTS):
        root = trace(world.store, name, Direction.ALL, Limits(depth_max=1))
        if root is not None:
            back |= {(other, relation, name) for _, relation, other in edges(root, Branch.MADE_FROM)}
            forward |= edges(root, Branch.MADE_INTO)
    assert back == expected
    assert forward == expected


@st.composite
def packings(draw: st.DrawFn) -> Call:
    """Return a packing, an unpacking of some or of all, or an end, without a time."""
    kind = draw(st.sampled_from(["pack", "pack", "pack", "unpack", "empty", "end", "observe"]))
    parent, children = draw(names), draw(some)
    if kind == "end":
        return event("ObjectEvent", "DELETE", epcs=[parent])
    if kind == "observe":
        return observe(parent)
    return pack(parent, *children) if kind == "pack" else unpack(parent, *([] if kind == "empty" else children))


class Boxes:
    """What is in what, step by step, as a dictionary; closed links with their times."""

    def __init__(self) -> None:
        self.inside: dict[str, tuple[str, int]] = {}
        self.past: set[tuple[str, str, int, int | None]] = set()

    def leave(self, child: str, time_ms: int) -> None:
        if child in self.inside:
            parent, since = self.inside.pop(child)
            self.past.add((parent, child, since, time_ms))

    def follow(self, after: dict[str, str], time_ms: int) -> None:
        """Take over who is in what after an event; what stayed where it was goes on."""
        for child in THINGS:
            before = self.inside.get(child)
            if before is not None and after.get(child) != before[0]:
                self.leave(child, time_ms)
            if child in after and child not in self.inside:
                self.inside[child] = (after[child], time_ms)

    def links(self) -> set[tuple[str, str, int, int | None]]:
        return self.past | {(parent, child, since, None) for child, (parent, since) in self.inside.items()}


@settings(max_examples=60)
@given(st.lists(packings(), max_size=14))
def test_containers_and_contents_are_those_that_the_heads_had_one_after_the_other(steps: list[Call]) -> None:
    """In the order of time: the twin looks at the heads after every event and notes who came and who went."""
    world, boxes = prepared_store(is_prepared=True), Boxes()
    for number, (method, arguments) in enumerate(steps):
        time_ms = START_MS - 20 + number
        world.run("maker", (method, {**arguments, "event_time_ms": time_ms}))
        found = {name: world.world.item(name).get("parent") for name in THINGS}
        boxes.follow({name: parent for name, parent in found.items() if isinstance(parent, str)}, time_ms)
    up: set[tuple[str, str, int, int | None]] = set()
    down: set[tuple[str, str, int, int | None]] = set()
    for name in THINGS:
        root = trace(world.store, name, Direction.ALL, Limits(depth_max=1))
        assert root is not None
        up |= {(one.identifier, name, *span(one)) for one in root.branches.get(Branch.CONTAINERS, [])}
        down |= {(name, one.identifier, *span(one)) for one in root.branches.get(Branch.CONTENTS, [])}
    assert up == boxes.links()
    assert down == boxes.links()


def span(node: Node) -> Span:
    assert node.interval is not None
    return node.interval.since_ms, node.interval.until_ms


@settings(max_examples=60)
@given(
    st.lists(st.tuples(signers, st.one_of(makings(), packings())), max_size=14),
    st.integers(0, 3),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_what_a_limit_leaves_out_is_counted_where_it_is_missing(
    steps: list[tuple[str, Call]], depth: int, nodes: int, fan_out: int
) -> None:
    world = prepared_store(is_prepared=True)
    for signer, call in steps:
        world.run(signer, call)
    whole = trace(world.store, THINGS[0], Direction.ALL, Limits(depth_max=20, nodes_max=5_000, all_events_max=50_000))
    cut = trace(world.store, THINGS[0], Direction.ALL, Limits(depth, nodes, fan_out))
    assert whole is not None
    assert cut is not None
    assert sum(1 for _ in cut.walk()) <= nodes
    assert not [mark for node in whole.walk() for mark in node.marks if mark.reason == "limit"]
    compare(whole, cut)


def compare(whole: Node, cut: Node) -> None:
    """Check that each branch of the cut tree is the beginning of the whole one, and that the rest is counted."""
    assert cut.records == whole.records
    for branch, every in whole.branches.items():
        shown = cut.branches.get(branch, [])
        opened = [mark for mark in cut.marks if mark.reason in ("cycle", "shown_elsewhere")]
        left = [mark for mark in cut.marks if mark.what in (branch.value, f"depth:{branch.value}")]
        counted = sum(mark.omitted or 0 for mark in left if mark.reason == "limit")
        if opened:
            continue
        assert [one.identifier for one in shown] == [one.identifier for one in every[: len(shown)]]
        assert len(shown) + counted == len(every)
        assert all(mark.ask for mark in left if mark.reason == "limit")
        for one, other in zip(every, shown, strict=False):
            if not {mark.reason for mark in (*one.marks, *other.marks)} & {"cycle", "shown_elsewhere"}:
                compare(one, other)
