"""Provenance under random events of several organisations at random times: the links always fit, and a twin agrees."""

from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import heads
from contracts.provenance.links import DEPTH_MAX
from contracts.results import ResultCode
from ledger.codec import Value, decode
from ledger.receipt import Receipt
from ledger.state import CHAIN_FIELD, Head, split_key
from tests.support.contracts_world import START_MS, Call, World, add, event, observe, pack, unpack, violations

THINGS = [f"urn:thing:{number}" for number in range(6)]
names = st.sampled_from(THINGS)
signers = st.sampled_from(["maker", "carrier"])
times = st.sampled_from([*range(START_MS - 20, START_MS + 20), START_MS + 10_001])
some = st.lists(names, min_size=0, max_size=3)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    kind = draw(st.sampled_from(["add", "observe", "delete", "pack", "pack", "unpack", "transform", "offer", "accept"]))
    time_ms, listed = draw(times), draw(some)
    policy = draw(st.sampled_from(["mark", "mark", "mark", "refuse"]))
    if kind == "add":
        return add(*listed, time_ms=time_ms, policy=policy)
    if kind == "observe":
        return observe(*listed, time_ms=time_ms, policy=policy)
    if kind == "delete":
        return event("ObjectEvent", "DELETE", epcs=listed, time_ms=time_ms, policy=policy)
    if kind == "pack":
        return pack(draw(names), *listed, time_ms=time_ms, policy=policy)
    if kind == "unpack":
        return unpack(draw(names), *listed, time_ms=time_ms, policy=policy)
    if kind == "transform":
        return event("TransformationEvent", inputs=listed, outputs=draw(some), time_ms=time_ms, policy=policy)
    name = f"offer {draw(st.integers(1, 3))}"
    if kind == "offer":
        terms: dict[str, Value] = {"kind": draw(st.sampled_from(["custody", "ownership"])), "expires_ms": START_MS + 1}
        return "custody.offer", {"id": name, "to": draw(signers), "items": [draw(names)], **terms}
    return "custody.accept", {"id": name}


def prepared(is_prepared: bool) -> World:
    """Return a world in which the maker has made everything already, or nothing."""
    world = World()
    if is_prepared:
        world.must("maker", add(*THINGS, time_ms=START_MS - 30))
    return world


def check_links(world: World) -> None:
    """Parents, content heads, counts and heights tell one story, and it is a forest of bounded depth."""
    items = {split_key(key)[1]: world.item(split_key(key)[1]) for key in world.committed if key.startswith(b"item\0")}
    links = {split_key(key)[1:] for key in world.committed if key.startswith(b"content\0")}
    assert links == {(head["parent"], name) for name, head in items.items() if "parent" in head}
    for name, head in items.items():
        contents = [child for parent, child in links if parent == name]
        assert head.get("contents", 0) == len(contents)
        for child in contents:
            assert cast(int, head["height"]) > cast(int, items[child].get("height", 0))
        path = [name]
        while "parent" in items[path[-1]]:
            path.append(cast(str, items[path[-1]]["parent"]))
            assert len(path) <= DEPTH_MAX + 1
            assert len(set(path)) == len(path)
        if head["status"] in ("consumed", "decommissioned"):
            assert "parent" not in head
    for entry in world.records:
        head_after = world.get(entry.key)
        assert head_after is not None
        assert entry.count <= cast(int, head_after["count"])


@settings(max_examples=150)
@given(st.lists(st.tuples(signers, calls()), max_size=25), st.booleans())
def test_links_fit_whatever_is_captured(steps: list[tuple[str, Call]], is_prepared: bool) -> None:
    world = prepared(is_prepared)
    before: dict[str, tuple[Value, Value]] = {}
    for signer, call in steps:
        receipt = world.run(signer, call)
        receipt.encode()
        check_links(world)
        after = {
            name: (head.get("custodian"), head.get("owner"))
            for name in THINGS
            if (head := world.get(heads.item(name))) is not None
        }
        if call[0] != "custody.accept":
            for name, (custodian, owner) in before.items():
                assert custodian is None or after[name] == (custodian, owner), "only an acceptance moves what is held"
        before = after


@settings(max_examples=100)
@given(st.lists(st.tuples(signers, calls()), max_size=20), st.integers(0, 20))
def test_the_same_transactions_have_the_same_outcome_however_they_are_split(
    steps: list[tuple[str, Call]], cut: int
) -> None:
    whole, split, again = World(), World(), World()
    transactions = [whole.transaction(signer, call) for signer, call in steps]
    execution = whole.execute(*transactions)
    assert execution == again.execute(*transactions)
    whole.commit(execution)
    receipts: list[Receipt] = []
    for part in (transactions[:cut], transactions[cut:]):
        executed = split.execute(*part)
        split.commit(executed)
        receipts += executed.receipts
    assert tuple(receipts) == execution.receipts
    # All but the chains, which say in which block each record stands.
    assert _without_chains(split) == _without_chains(whole)


def _without_chains(world: World) -> dict[bytes, Head]:
    heads_by_key = {key: cast("Head", decode(encoded)) for key, encoded in world.committed.items()}
    return {
        key: {field: value for field, value in head.items() if field != CHAIN_FIELD}
        for key, head in heads_by_key.items()
    }


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["pack", "unpack", "empty"]), names, names), max_size=40))
def test_packing_in_order_agrees_with_a_dictionary(steps: list[tuple[str, str, str]]) -> None:
    """One organisation, events in order of time: the twin is a dictionary from child to parent."""
    world = World()
    world.must("maker", add(*THINGS))
    parents: dict[str, str] = {}

    def roots(name: str) -> list[str]:
        return [name] if name not in parents else [name, *roots(parents[name])]

    for number, (verb, parent, child) in enumerate(steps):
        time_ms = START_MS + number
        expected: list[Value] = []
        if verb == "pack":
            world_call = pack(parent, child, time_ms=time_ms)
            if child in parents:
                expected.append([child, "already_packed"])
            if parents.get(child) != parent:
                if child in roots(parent):
                    expected.append([child, "cycle"])
                else:
                    parents[child] = parent
        elif verb == "unpack":
            world_call = unpack(parent, child, time_ms=time_ms)
            if child not in parents:
                expected.append([child, "not_packed"])
            elif parents[child] != parent:
                expected.append([child, "wrong_parent"])
            else:
                del parents[child]
        else:
            world_call = unpack(parent, time_ms=time_ms)
            parents = {below: above for below, above in parents.items() if above != parent}
        output = world.must("maker", world_call)
        assert ([] if output is None else cast("dict[str, Value]", output)["violations"]) == expected
        assert {name: world.item(name).get("parent") for name in THINGS} == {name: parents.get(name) for name in THINGS}


def test_the_steps_reach_what_they_are_meant_to_reach() -> None:
    """A guard against a strategy that only ever gets refusals."""
    seen: set[str] = set()

    @settings(max_examples=150, database=None)
    @given(st.lists(st.tuples(signers, calls()), min_size=10, max_size=25))
    def collect(steps: list[tuple[str, Call]]) -> None:
        world = prepared(is_prepared=True)
        for signer, call in steps:
            receipt = world.run(signer, call)
            seen.add(f"{call[0]} {ResultCode(receipt.code).name}")
            for output in receipt.outputs if call[0] == "provenance.capture" else ():
                seen.update(cast("list[str]", violation)[1] for violation in violations(output))

    collect()
    assert {"provenance.capture OK", "custody.offer OK", "custody.accept OK"} <= seen
    assert {"already_packed", "not_packed", "wrong_parent", "cycle", "consumed", "event_in_future"} <= seen
