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
from tests.support.contracts_world import START_MS, Call, add, event
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
