"""Each kind of link in time: parts, transformations in several events, claims; balances; earlier heights and times."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from ledger.codec import Value
from ledger.state import split_key
from node.balance import balances, sides
from node.closure import Selector, closure
from node.links import Branch, Interval
from node.queries import find_thing
from node.trace import AsOf, Direction, Limits, Node, trace, tree_json
from tests.support.example_ledger import MINUTE_MS, START_MS, ExampleLedger, create_ledger
from tests.unit.test_node_trace import World, below, grown, marks, sgtin

CAR, ENGINE, PISTON = (f"urn:part:{name}" for name in ("car", "engine", "piston"))
FISH, ICE, SALT = (f"https://id.gs1.org/01/09521101001006/10/{name}" for name in ("FISH", "ICE", "SALT"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[ExampleLedger]:
    ledger = create_ledger(tmp_path, validators=1)
    yield ledger
    ledger.close()


def amounts(*rows: tuple[str, str | None, str | None]) -> Value:
    return [list[Value](row) for row in rows]


def install(world: World, parent: str, *children: str, action: str = "ADD") -> int:
    return world.event("AssociationEvent", action, parent=parent, children=list[Value](children))


def earlier(ledger: ExampleLedger, identifier: str, as_of: AsOf, direction: Direction = Direction.ALL) -> Node:
    node = trace(ledger.home.store, identifier, direction, as_of=as_of)
    assert node is not None
    return node


def test_a_part_leads_forward_to_what_it_was_installed_in_and_back_to_what_it_came_from(small: ExampleLedger) -> None:
    world = World(small)
    world.make(CAR, PISTON, "urn:steel")
    world.event("TransformationEvent", inputs=["urn:steel", PISTON], outputs=[ENGINE])
    since = install(world, CAR, ENGINE)
    until = install(world, CAR, ENGINE, action="DELETE")
    car = grown(small, CAR, Direction.BACK)
    assert below(car, Branch.CONTENTS) == [(ENGINE, "installed")]
    engine = car.branches[Branch.CONTENTS][0]
    assert engine.interval == Interval(since, until)
    assert below(engine, Branch.MADE_FROM) == [("urn:steel", "transformed"), (PISTON, "transformed")]
    steel = grown(small, "urn:steel", Direction.FORWARD)
    engine = steel.branches[Branch.MADE_INTO][0]
    assert below(engine, Branch.CONTAINERS) == [(CAR, "installed")]
    assert engine.branches[Branch.CONTAINERS][0].interval == Interval(since, until)


def test_what_an_assembly_became_while_the_part_was_in_it_is_forward_of_the_part(small: ExampleLedger) -> None:
    world = World(small)
    world.make(CAR, ENGINE, PISTON)
    install(world, CAR, ENGINE, PISTON)
    install(world, CAR, PISTON, action="DELETE")
    world.event("TransformationEvent", inputs=[CAR], outputs=["urn:scrap"])
    forward = {name: grown(small, name, Direction.FORWARD).branches[Branch.CONTAINERS][0] for name in (ENGINE, PISTON)}
    assert below(forward[ENGINE], Branch.MADE_INTO) == [("urn:scrap", "transformed")]
    # The piston was taken off before.
    assert below(forward[PISTON], Branch.MADE_INTO) == []


def test_a_transformation_in_several_events_is_one(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), sgtin(2))
    name = "urn:smoking:7"
    world.event("TransformationEvent", inputs=[sgtin(1)], transformation_id=name)
    world.event("TransformationEvent", inputs=[sgtin(2)], transformation_id=name)
    made_ms = world.event("TransformationEvent", outputs=[sgtin(3)], transformation_id=name)
    back = grown(small, sgtin(3), Direction.BACK)
    assert below(back, Branch.MADE_FROM) == [(sgtin(1), "transformed"), (sgtin(2), "transformed")]
    # Of each source up to when it was put in.
    assert [node.window for node in back.branches[Branch.MADE_FROM]] == [
        Interval(-(1 << 63), START_MS + minute * MINUTE_MS) for minute in (2, 3)
    ]
    for source in (sgtin(1), sgtin(2)):
        forward = grown(small, source, Direction.FORWARD)
        assert below(forward, Branch.MADE_INTO) == [(sgtin(3), "transformed")]
        assert forward.branches[Branch.MADE_INTO][0].window == Interval(made_ms)
    (whole,) = back.transformations
    assert (whole.identifier, whole.organisation, len(whole.parts)) == (name, "brand", 3)


def test_a_stranger_does_not_join_a_transformation_by_its_id(small: ExampleLedger) -> None:
    brand, maker = World(small), World(small, "maker")
    brand.make(sgtin(1))
    brand.event("TransformationEvent", inputs=[sgtin(1)], outputs=[sgtin(2)], transformation_id="urn:t")
    maker.minute = 5
    maker.event("TransformationEvent", inputs=["urn:poison"], transformation_id="urn:t")
    back = grown(small, sgtin(2), Direction.BACK)
    assert below(back, Branch.MADE_FROM) == [(sgtin(1), "transformed")]
    assert marks(back) == [("strangers", "transformation", 1)]


def test_what_a_maker_says_it_used_of_others_is_a_claim_in_both_directions(small: ExampleLedger) -> None:
    World(small, "maker").make("urn:bean")
    brand = World(small)
    brand.minute = 5
    brand.event("TransformationEvent", inputs=["urn:bean"], outputs=["urn:bar"])
    assert below(grown(small, "urn:bar", Direction.BACK), Branch.MADE_FROM) == [("urn:bean", "claimed")]
    assert below(grown(small, "urn:bean", Direction.FORWARD), Branch.MADE_INTO) == [("urn:bar", "claimed")]
    # But nobody makes a thing of another's out of his own.
    brand.make("urn:mud")
    brand.event("TransformationEvent", inputs=["urn:mud"], outputs=["urn:bean"])
    assert below(grown(small, "urn:bean", Direction.BACK), Branch.MADE_FROM) == []
    assert marks(grown(small, "urn:bean", Direction.BACK)) == [("refused", "made_from", 1)]
    assert marks(grown(small, "urn:mud", Direction.FORWARD)) == [("refused", "made_into", 1)]


def test_a_source_that_was_used_twice_is_told_again_where_more_of_its_life_belongs(small: ExampleLedger) -> None:
    world = World(small)
    for lot in (FISH, SALT):
        world.event("ObjectEvent", "ADD", quantities=amounts((lot, "9", "KGM")))
    for number, lots in enumerate([(SALT, FISH), (SALT,)], 1):
        used = amounts(*((lot, "1", "KGM") for lot in lots))
        world.event("TransformationEvent", input_quantities=used, outputs=[sgtin(number)])
    world.event("TransformationEvent", inputs=[sgtin(1), sgtin(2)], outputs=[sgtin(3)])
    first, second = grown(small, sgtin(3), Direction.BACK).branches[Branch.MADE_FROM]
    (early,) = (node for node in first.branches[Branch.MADE_FROM] if node.identifier == SALT)
    (late,) = second.branches[Branch.MADE_FROM]
    assert [len(node.records) for node in (early, late)] == [2, 3]


def test_the_balance_of_a_transformation_by_unit(small: ExampleLedger) -> None:
    world = World(small)
    for lot in (FISH, ICE, SALT):
        world.event("ObjectEvent", "ADD", quantities=amounts((lot, "900", "KGM")))
    world.event(
        "TransformationEvent",
        input_quantities=amounts((FISH, "0.12", "TNE"), (SALT, "500.5", "GRM"), (ICE, None, "LTR"), (ICE, "3", "XBX")),
        output_quantities=amounts((f"{FISH}2", "93.5", "KGM"), (f"{ICE}2", "1", "LTR")),
        outputs=[sgtin(1)],
    )
    (whole,) = grown(small, sgtin(1), Direction.BACK).transformations
    found = [balance.to_json() for balance in balances(*sides(whole))]
    assert found == [
        {"unit": "KGM", "inputs": "120.5005", "outputs": "93.5", "difference": "-27.0005", "reason": None},
        {"unit": "LTR", "inputs": "0", "outputs": "1", "difference": None, "reason": "unknown_amount"},
        {"unit": "XBX", "inputs": "3", "outputs": None, "difference": None, "reason": "only_inputs"},
    ]
    answer = tree_json(small.home.store, grown(small, sgtin(1), Direction.BACK))
    (shown,) = cast("list[dict[str, object]]", answer["transformations"])
    assert (shown["input_items"], shown["output_items"], shown["balance"]) == (0, 1, found)


def test_as_of_a_height_the_tree_is_what_the_ledger_held(small: ExampleLedger) -> None:
    world, store = World(small), small.home.store
    box = "https://id.gs1.org/00/095211020000000018"
    world.make(sgtin(1), box)
    since = world.pack(box, sgtin(1))
    packed_at = store.tip.height
    world.event("ObjectEvent", "OBSERVE", epcs=[sgtin(1)], read_point="urn:site:1", disposition="in_transit")
    seen_at = store.tip.height
    world.minute = 30
    world.pack(box, sgtin(1), action="DELETE")
    # Captured last, happened before the unpacking.
    world.event("ObjectEvent", "OBSERVE", minute=1, epcs=[sgtin(1)], biz_step="inspecting")
    now = grown(small, sgtin(1), Direction.BACK)
    assert now.branches[Branch.CONTAINERS][0].interval == Interval(since, START_MS + 31 * MINUTE_MS)
    then = earlier(small, sgtin(1), AsOf(height=seen_at), Direction.BACK)
    assert then.branches[Branch.CONTAINERS][0].interval == Interval(since)
    assert marks(then) == [("not_yet_captured", "events", 1)]
    assert then.count == 3
    assert then.state is not None
    assert (then.state["status"], then.state["location"], then.state["disposition"]) == (
        "active",
        "urn:site:1",
        "in_transit",
    )
    before = earlier(small, sgtin(1), AsOf(height=packed_at))
    assert before.state is not None
    assert before.state["location"] is None
    answer = tree_json(store, before, AsOf(height=packed_at))
    assert (answer["as_of"], answer["count"]) == ({"height": packed_at, "time_ms": None}, 2)


def test_as_of_a_time_what_was_captured_later_counts_and_is_said(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1))
    world.minute = 10
    world.event("ObjectEvent", "DELETE", epcs=[sgtin(1)])
    world.event("ObjectEvent", "OBSERVE", minute=3, epcs=[sgtin(1)], read_point="urn:site:2")
    then = earlier(small, sgtin(1), AsOf(time_ms=START_MS + 5 * MINUTE_MS))
    assert len(then.records) == 2
    assert then.state is not None
    assert (then.state["status"], then.state["location"]) == ("active", "urn:site:2")
    assert marks(then) == [("captured_later", "events", 1)]
    assert find_thing(small.home.store, sgtin(1)) is not None
    assert earlier(small, sgtin(1), AsOf(time_ms=START_MS)).state == dict.fromkeys(
        ("status", "custodian", "owner", "location", "disposition")
    )


def test_a_declaration_counts_from_its_block_on(small: ExampleLedger) -> None:
    world = World(small)
    box = "https://id.gs1.org/00/095211020000000018"
    world.make(sgtin(1), box)
    arguments: dict[str, Value] = {
        "type": "AggregationEvent",
        "action": "ADD",
        "event_time_ms": START_MS + 2 * MINUTE_MS,
        "event_id": "urn:uuid:00000000-0000-4000-8000-00000000000a",
        "parent": box,
        "children": [sgtin(1)],
    }
    small.call("brand", "provenance.capture", **arguments)
    packed_at = small.home.store.tip.height
    declaration: Value = {"declared_ms": START_MS + 3 * MINUTE_MS, "reason": "did_not_occur"}
    small.call("brand", "provenance.capture", **arguments, declaration=declaration)
    assert below(grown(small, sgtin(1), Direction.BACK), Branch.CONTAINERS) == []
    then = earlier(small, sgtin(1), AsOf(height=packed_at), Direction.BACK)
    assert below(then, Branch.CONTAINERS) == [(box, "packed")]


def test_a_mark_says_where_the_rest_is(small: ExampleLedger) -> None:
    world = World(small)
    world.make(*map(sgtin, range(3)), "urn:box")
    since = world.pack("urn:box", *map(sgtin, range(3)))
    world.pack("urn:crate", "urn:box")
    cut = trace(small.home.store, "urn:crate", Direction.CONTENTS, Limits(branches_max=2))
    assert cut is not None
    (mark,) = cut.branches[Branch.CONTENTS][0].marks
    assert mark.ask == (f"/v1/items/trace?id=urn%3Abox&direction=contents&since_ms={since + MINUTE_MS}&fan_out=3")


def test_what_this_node_gave_up_is_marked_and_the_rest_is_told(small: ExampleLedger) -> None:
    world, store = World(small), small.home.store
    world.make(sgtin(1))
    world.see(sgtin(1))
    store.earliest_height = store.tip.height
    node = grown(small, sgtin(1), Direction.BACK)
    assert marks(node) == [("pruned", "events", 1)]
    assert len(node.records) == 1


def test_parts_beyond_a_limit_still_say_what_they_say_themselves(
    small: ExampleLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.links.PARTS_MAX", 2)
    world = World(small)
    world.make(*map(sgtin, range(4)))
    for number in range(4):
        made: list[Value] = [f"urn:made:{number}"]
        world.event("TransformationEvent", inputs=[sgtin(number)], outputs=made, transformation_id="urn:t")
    first, last = (grown(small, sgtin(number), Direction.FORWARD) for number in (0, 3))
    assert below(first, Branch.MADE_INTO) == [("urn:made:0", "transformed"), ("urn:made:1", "transformed")]
    assert below(last, Branch.MADE_INTO) == [
        ("urn:made:0", "transformed"),
        ("urn:made:1", "transformed"),
        ("urn:made:3", "transformed"),
    ]
    assert marks(first) == [("limit", "transformation", 2)]
    found = closure(small.home.store, Selector((("item", sgtin(3)),)))
    assert {split_key(key)[1] for key in found.reached} == {sgtin(3), "urn:made:0", "urn:made:1", "urn:made:3"}
    assert found.marks == {("limit", "transformation"): 2}
