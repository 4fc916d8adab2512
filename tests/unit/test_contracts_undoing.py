"""What an error declaration undoes of its event, and the mark on what stays."""

import pytest

from contracts import heads
from ledger.codec import Value
from tests.support.contracts_world import START_MS, Call, World, add, event, lgtin, observe, pack, sgtin, sscc, unpack

T = START_MS - 100_000
WRONG: Value = {"declared_ms": START_MS, "reason": "incorrect_data", "corrective_ids": []}


@pytest.fixture
def world() -> World:
    world = World()
    world.must("maker", add(sgtin(1), sgtin(2), time_ms=T - 1_000))
    return world


def declared(call: Call) -> Call:
    """Return the same event as one in error."""
    return call[0], {**call[1], "declaration": WRONG}


def test_a_decommissioning_in_error_leaves_the_item_active(world: World) -> None:
    wrong = event("ObjectEvent", "DELETE", epcs=[sgtin(1)], time_ms=T, disposition="inactive", biz_location="urn:b")
    world.must("maker", observe(sgtin(1), time_ms=T - 1, disposition="in_progress", biz_location="urn:a"))
    world.must("maker", wrong)
    assert (world.item(sgtin(1))["status"], world.item(sgtin(1))["ended_ms"]) == ("decommissioned", T)
    # What was observed after it has no say, until the deletion is taken back.
    assert world.must("maker", observe(sgtin(1), time_ms=T + 5, biz_location="urn:c")) is not None
    assert world.item(sgtin(1))["location"] == "urn:b"
    assert world.must("maker", declared(wrong)) is None
    head = world.item(sgtin(1))
    assert (head["status"], head["disposition"], head["location"]) == ("active", "in_progress", "urn:c")
    assert "ended_ms" not in head
    assert head["declarations"] == 1


def test_a_packing_in_error_is_undone_where_nothing_newer_has(world: World) -> None:
    wrong = pack(sscc(1), sgtin(1), sgtin(2), time_ms=T)
    world.must("maker", wrong)
    world.must("maker", unpack(sscc(1), sgtin(2), time_ms=T + 1))
    world.must("maker", pack(sscc(2), sgtin(2), time_ms=T + 2))
    assert world.must("maker", declared(wrong)) is None
    assert "parent" not in world.item(sgtin(1))
    assert world.item(sgtin(2))["parent"] == sscc(2)
    assert (world.item(sscc(1))["contents"], world.item(sscc(2))["contents"]) == (0, 1)


def test_an_unpacking_in_error_packs_again(world: World) -> None:
    world.must("maker", pack(sscc(1), sgtin(1), sgtin(2), time_ms=T))
    by_name, as_a_whole = unpack(sscc(1), sgtin(1), time_ms=T + 1), unpack(sscc(1), time_ms=T + 2)
    world.must("maker", by_name)
    assert world.must("maker", declared(by_name)) is None
    assert world.item(sgtin(1))["parent"] == sscc(1)
    assert world.item(sscc(1))["contents"] == 2
    world.must("maker", as_a_whole)
    assert world.must("maker", declared(as_a_whole)) == {
        "violations": [[sscc(1), "effect_not_undone"]],
        "violations_count": 1,
    }
    assert world.item(sscc(1))["contents"] == 0


def test_amounts_are_counted_back(world: World) -> None:
    made = event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "10", "KGM"]], time_ms=T)
    used = event("TransformationEvent", input_quantities=[[lgtin("A"), "4", "KGM"]], time_ms=T + 1)
    world.must("maker", made)
    world.must("maker", used)

    def left() -> Value:
        head = world.get(heads.lot(lgtin("A")))
        assert head is not None
        return head["quantities"]

    assert left() == {"KGM": "6"}
    assert world.must("maker", declared(made)) == {
        "violations": [[lgtin("A"), "quantity_exceeded"], [lgtin("A"), "effect_not_undone"]],
        "violations_count": 2,
    }
    assert left() == {"KGM": "6"}
    assert world.must("maker", declared(used)) is None
    assert left() == {"KGM": "10"}


def test_what_was_refused_is_not_counted_back(world: World) -> None:
    world.must("maker", event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "1", "KGM"]], time_ms=T))
    too_much = event("ObjectEvent", "DELETE", quantities=[[lgtin("A"), "2", "KGM"]], time_ms=T + 1)
    world.must("maker", too_much)
    assert world.must("maker", declared(too_much)) is None
    head = world.get(heads.lot(lgtin("A")))
    assert head is not None
    assert head["quantities"] == {"KGM": "1"}


def test_associations_in_error_end_and_dissociations_in_error_do_not(world: World) -> None:
    joined = event("AssociationEvent", "ADD", parent="urn:hall", children=[sgtin(1)], time_ms=T)
    parted = event("AssociationEvent", "DELETE", parent="urn:hall", children=[sgtin(1)], time_ms=T + 1)
    link = heads.association("urn:hall", sgtin(1))
    world.must("maker", joined)
    world.must("maker", parted)
    assert world.get(link) is None
    world.must("maker", declared(parted))
    assert world.get(link) is not None
    assert world.item("urn:hall")["associates"] == 1
    again = event("AssociationEvent", "ADD", parent="urn:door", children=[sgtin(1)], time_ms=T + 3)
    world.must("maker", again)
    world.must("maker", declared(again))
    assert world.get(heads.association("urn:door", sgtin(1))) is None
    assert world.item("urn:door")["associates"] == 0
