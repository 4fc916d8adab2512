"""Containers read from records agree with the contracts' own links and, level by level, with looking at each moment."""

from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import heads
from contracts.provenance.links import DEPTH_MAX
from ledger.codec import Value
from ledger.errors import ProofError
from ledger.proof import Act, Stay, stays_of
from ledger.proof.containers import LEVELS_MAX
from ledger.transaction import Operation
from tests.support.contracts_world import START_MS, Call, World, add, event, observe, pack, unpack

THINGS = [f"urn:thing:{number}" for number in range(6)]
names = st.sampled_from(THINGS)
some = st.lists(names, min_size=0, max_size=3)
signers = st.sampled_from(["maker", "maker", "carrier"])


@st.composite
def calls(draw: st.DrawFn, time_ms: int) -> Call:
    listed = draw(some)
    match draw(st.sampled_from(["add", "observe", "delete", "pack", "pack", "pack", "unpack", "transform", "offer"])):
        case "add":
            return add(*listed, time_ms=time_ms)
        case "observe":
            return observe(*listed, time_ms=time_ms)
        case "delete":
            return event("ObjectEvent", "DELETE", epcs=listed, time_ms=time_ms)
        case "pack":
            return pack(draw(names), *listed, time_ms=time_ms)
        case "unpack":
            return unpack(draw(names), *listed, time_ms=time_ms)
        case "transform":
            return event("TransformationEvent", inputs=listed, outputs=draw(some), time_ms=time_ms)
    if draw(st.booleans()):
        return "custody.accept", {"id": "o"}
    return "custody.offer", {
        "id": "o",
        "to": "carrier",
        "items": [draw(names)],
        "kind": "custody",
        "expires_ms": START_MS + 1,
    }


steps = st.integers(0, 25).flatmap(
    lambda count: st.tuples(*(st.tuples(signers, calls(START_MS + number)) for number in range(count)))
)


@settings(max_examples=60, deadline=None)
@given(steps, st.booleans())
def test_the_containers_of_the_records_are_those_of_the_contracts(
    steps: Sequence[tuple[str, Call]], is_prepared: bool
) -> None:
    """Events in the order of their times; what the heads say after each is the truth."""
    world = World()
    acts: dict[bytes, list[Act]] = defaultdict(list)
    parents: dict[str, tuple[str, int]] = {}
    expected: set[Stay] = set()
    if is_prepared:
        made = add(*THINGS, time_ms=START_MS - 30)
        world.must("maker", made)
        for name in THINGS:
            acts[heads.item(name)].append(Act(Operation(*made), None))
    for number, (signer, call) in enumerate(steps):
        recorded = len(world.records)
        receipt = world.run(signer, call)
        for entry in world.records[recorded:]:
            acts[entry.key].append(Act(Operation(*call), receipt.outputs[0]))
        time_ms = START_MS + number
        for name in THINGS:
            head = world.get(heads.item(name)) or {}
            now, before = head.get("parent"), parents.get(name)
            if before is not None and before[0] != now:
                expected.add(Stay(name, *parents.pop(name), time_ms))
            if isinstance(now, str):
                parents.setdefault(name, (now, time_ms))
    expected |= {Stay(name, *parent, None) for name, parent in parents.items()}
    for name in THINGS:
        found = stays_of(name, lambda key: acts[key])
        assert {stay for stay in found if stay.item == name} == {stay for stay in expected if stay.item == name}
        assert points(found) == climbed(name, expected)


def points(stays: Sequence[Stay]) -> set[tuple[int, str, str]]:
    """Return every moment at which a stay holds."""
    end = START_MS + 40
    return {
        (time_ms, stay.item, stay.container)
        for stay in stays
        for time_ms in range(stay.since_ms, (end if stay.until_ms is None else stay.until_ms) + 1)
    }


def climbed(item: str, stays: set[Stay]) -> set[tuple[int, str, str]]:
    """Return the same by looking at each moment apart: from the item to what holds it then, and so on."""
    found = set()
    for time_ms in range(START_MS, START_MS + 41):
        below = {item}
        for _ in range(LEVELS_MAX):
            held = [
                stay
                for stay in stays
                if stay.item in below
                and stay.since_ms <= time_ms
                and (stay.until_ms is None or time_ms <= stay.until_ms)
            ]
            found |= {(time_ms, stay.item, stay.container) for stay in held}
            below = {stay.container for stay in held}
    return found


def test_the_levels_are_those_that_the_contracts_pack() -> None:
    assert LEVELS_MAX == DEPTH_MAX


def act(action: str, parent: str, children: list[str], time_ms: object, output: Value = None, **more: Value) -> Act:
    """Return an aggregation with its output."""
    arguments: dict[str, Value] = {"type": "AggregationEvent", "action": action, "parent": parent}
    arguments |= {"children": list(children), "event_time_ms": time_ms, **more}  # type: ignore[dict-item]
    return Act(Operation("provenance.capture", arguments), output)


def marks(*pairs: tuple[str, str], count: int | None = None) -> Value:
    """Return the output that lists violations."""
    return {"violations": [list(pair) for pair in pairs], "violations_count": len(pairs) if count is None else count}


def own(*acts: Act) -> list[tuple[str, int, int | None]]:
    """Return what the acts of ``x`` say that it was in."""
    found = stays_of("x", lambda key: acts if key == heads.item("x") else ())
    return [(stay.container, stay.since_ms, stay.until_ms) for stay in found]


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([act("ADD", "p", ["x"], 1)], [("p", 1, None)]),
        ([act("ADD", "p", ["y"], 1)], []),
        ([act("ADD", "x", ["x"], 1)], []),
        ([act("ADD", "p", ["x"], 5), act("DELETE", "p", ["x"], 3)], [("p", 5, None)]),
        ([act("DELETE", "p", ["x"], 9), act("ADD", "p", ["x"], 5)], [("p", 5, 9)]),
        ([act("ADD", "p", ["x"], 5), act("DELETE", "p", ["x"], 5)], [("p", 5, 5)]),
        ([act("DELETE", "p", ["x"], 5), act("ADD", "p", ["x"], 5)], [("p", 5, None)]),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "p", [], 2)], [("p", 1, 2)]),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "p", [], 2, child_quantities=[{}])], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "q", ["x"], 2)], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("OBSERVE", "p", ["x"], 2)], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("ADD", "q", ["x"], 3)], [("p", 1, 3), ("q", 3, None)]),
        ([act("ADD", "p", ["x"], 1), act("ADD", "p", ["x"], 3)], [("p", 1, None)]),
        # Refused: no packing, no end.
        ([act("ADD", "p", ["x"], 1, marks(("x", "cycle")))], []),
        ([act("ADD", "p", ["x"], 1, marks(("p", "not_custodian")))], []),
        ([act("ADD", "p", ["x"], 1, marks(("y", "not_custodian")))], [("p", 1, None)]),
        # The container is also named as a thing in itself: a cycle for it, and nothing for the others.
        (
            [act("ADD", "q", ["x"], 1), act("ADD", "p", ["p", "x"], 2, marks(("p", "cycle")))],
            [("p", 2, None), ("q", 1, 2)],
        ),
        # The container got full on the way, before this thing or after it.
        (
            [act("ADD", "q", ["x"], 1), act("ADD", "p", ["x", "y"], 2, marks(("p", "too_many_contents")))],
            [("p", 2, None), ("q", 1, None)],
        ),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "p", ["x"], 2, marks(("x", "not_custodian")))], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "p", ["x"], 2, marks(("p", "not_custodian")))], [("p", 1, 2)]),
        # Not known: it may have been packed, and may not have been taken out.
        ([act("ADD", "p", ["x"], 1, marks(("x", "a_rule_of_tomorrow")))], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("DELETE", "p", ["x"], 2, marks(count=101))], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1), act("ADD", "q", ["x"], 3, marks(count=101))], [("p", 1, None), ("q", 3, None)]),
        # What no contract lets into a block packs nothing, and raises nothing.
        ([act("ADD", "p", ["x"], "1")], []),
        ([act("ADD", "p", ["x"], True)], []),
        ([act("ADD", "p", ["x"], 1, declaration={})], []),
        ([act("ADD", "p", ["x"], 1, "odd")], [("p", 1, None)]),
        ([act("ADD", "p", ["x"], 1, {"violations": [1, [], ["x", 2]], "violations_count": 3})], [("p", 1, None)]),
    ],
)
def test_what_records_say(acts: list[Act], expected: list[tuple[str, int, int | None]]) -> None:
    assert own(*acts) == expected


def test_an_operation_with_an_unknown_output_is_not_known() -> None:
    packed, taken = act("ADD", "p", ["x"], 1), act("DELETE", "p", ["x"], 2)
    assert own(packed, Act(taken.operation, 1)) == [("p", 1, None)]
    assert own(Act(packed.operation, 1), taken) == [("p", 1, 2)]


def test_a_container_that_is_not_shown_is_missed_at_every_level() -> None:
    chain = {heads.item(f"{level}"): [act("ADD", f"{level + 1}", [f"{level}"], level)] for level in range(LEVELS_MAX)}
    chain[heads.item(f"{LEVELS_MAX}")] = []
    assert len(stays_of("0", chain.get)) == LEVELS_MAX
    for key in list(chain)[1:]:
        without = {other: acts for other, acts in chain.items() if other != key}
        with pytest.raises(ProofError) as caught:
            stays_of("0", without.get)
        assert caught.value.code == "parent_missing"


def test_a_circle_of_records_ends() -> None:
    circle = {heads.item("a"): [act("ADD", "b", ["a"], 1)], heads.item("b"): [act("ADD", "a", ["b"], 1)]}
    assert stays_of("a", circle.get) == (Stay("a", "b", 1, None), Stay("b", "a", 1, None))
