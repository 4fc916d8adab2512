"""Provenance: what each type of event does to the things that it names, in order, late and against the rules."""

from collections import Counter
from csv import DictReader
from typing import cast

import pytest

from contracts import heads
from contracts.provenance.links import CONTENTS_MAX
from contracts.provenance.things import MARKS_MAX, REPORTED_MAX
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.hashing import ZERO_HASH
from ledger.receipt import Receipt
from ledger.state import Head, next_chain
from standards.epcis.document import parse_document
from standards.epcis.operations import events_to_operations
from tests.support.contracts_world import (
    START_MS,
    World,
    add,
    event,
    lgtin,
    observe,
    pack,
    sgtin,
    sscc,
    unpack,
    violations,
)
from tests.support.shared_data import shared_data

T = START_MS - 100_000
GTIN = "09506000134352"


@pytest.fixture
def world() -> World:
    return World()


def lot(world: World, identifier: str) -> Head:
    head = world.get(heads.lot(identifier))
    assert head is not None
    return head


def move_key(world: World) -> bytes:
    """Return the key in the only move of the first item."""
    (move,) = cast("list[list[bytes]]", world.item(sgtin(1))["moves"])
    assert len(move[2]) == 8
    return move[2]


def chain_of(world: World, receipt: Receipt, *operations: int) -> bytes:
    chain = ZERO_HASH
    for count, index in enumerate(operations, start=1):
        chain = next_chain(chain, world.record_hash(receipt, index), count)
    return chain


def test_a_product_is_registered_and_changed_by_its_owner(world: World) -> None:
    product: dict[str, Value] = {
        "gtin": GTIN,
        "name": "Vaccine",
        "names": {"de": "Impfstoff", "zh-Hant": "疫苗"},
        "storage": {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000},
        "hs_code": "300241",
        "image_hash": b"i" * 32,
    }
    first = world.run("maker", ("provenance.register_product", product))
    second = world.run("maker", ("provenance.update_product", {"gtin": GTIN, "name": "Vaccine 2", "brand": "B"}))
    del product["gtin"]
    chain = next_chain(ZERO_HASH, world.record_hash(first, 0), 1)
    assert world.get(heads.product(GTIN)) == {
        "count": 2,
        "chain": next_chain(chain, world.record_hash(second, 0), 2),
        **product,
        "name": "Vaccine 2",
        "brand": "B",
        "owner": "maker",
        "registered_ms": START_MS,
    }


def test_commissioning_brings_an_item_into_the_hands_of_who_says_so(world: World) -> None:
    receipt = world.run("maker", add(sgtin(1), biz_location="urn:plant", disposition="active"))
    assert receipt.outputs == (None,)
    assert world.item(sgtin(1)) == {
        "status": "active",
        "custodian": "maker",
        "owner": "maker",
        "product": GTIN,
        "location": "urn:plant",
        "disposition": "active",
        "commissioned_ms": T,
        "first_event_ms": T,
        "last_event_ms": T,
        "moves": [[T, 1, move_key(world), "maker", "commission", "active", "urn:plant"]],
        "count": 1,
        "chain": chain_of(world, receipt, 0),
    }


def test_every_event_is_in_the_history_of_everything_that_it_names(world: World) -> None:
    receipt = world.run(
        "maker",
        add(sgtin(1)),
        event(
            "AggregationEvent", "ADD", parent=sscc(1), children=[sgtin(1)], child_quantities=[[lgtin("A"), "2", None]]
        ),
        event("TransactionEvent", "ADD", parent=sscc(1), epcs=[sgtin(1)], business_transactions=[["po", "urn:po:1"]]),
        event("urn:example:inspection", epcs=[sgtin(1)], quantities=[[lgtin("A"), None, None]]),
    )
    assert receipt.code == ResultCode.OK
    assert world.item(sgtin(1))["chain"] == chain_of(world, receipt, 0, 1, 2, 3)
    assert world.item(sscc(1))["chain"] == chain_of(world, receipt, 1, 2)
    assert lot(world, lgtin("A"))["chain"] == chain_of(world, receipt, 1, 3)
    by_key = Counter(entry.key for entry in world.records)
    assert by_key[heads.item(sgtin(1))] == 4


def test_an_identifier_named_twice_is_recorded_once(world: World) -> None:
    world.must("maker", add(sgtin(1), sgtin(1)))
    world.must("maker", event("TransformationEvent", inputs=[sgtin(1)], outputs=[sgtin(1)], time_ms=T + 1))
    head = world.item(sgtin(1))
    assert (head["count"], head["status"]) == (2, "active")


def test_observation_moves_unless_a_newer_event_has_spoken(world: World) -> None:
    world.must("maker", add(sgtin(1), biz_location="urn:a"))
    world.must("maker", observe(sgtin(1), time_ms=T + 20, biz_location="urn:c", disposition="in_transit"))
    world.must("maker", observe(sgtin(1), time_ms=T + 10, biz_location="urn:b", disposition="active"))

    head = world.item(sgtin(1))
    assert (head["location"], head["disposition"], head["last_event_ms"]) == ("urn:c", "in_transit", T + 20)
    assert head["count"] == 3


def test_place_is_the_business_location_or_else_the_read_point(world: World) -> None:
    world.must("maker", add(sgtin(1), read_point="urn:gate"))
    assert world.item(sgtin(1))["location"] == "urn:gate"
    world.must("maker", observe(sgtin(1), read_point="urn:gate", biz_location="urn:hall"))
    assert world.item(sgtin(1))["location"] == "urn:hall"


def test_persistent_dispositions_are_a_set(world: World) -> None:
    world.must("maker", add(sgtin(1), persistent_set=["completeness_verified", "a"]))
    world.must("maker", observe(sgtin(1), persistent_set=["b"], persistent_unset=["a"]))
    assert world.item(sgtin(1))["persistent"] == ["b", "completeness_verified"]


def test_packing_and_unpacking_by_name_and_as_a_whole(world: World) -> None:
    world.must("maker", add(sgtin(1), sgtin(2), sgtin(3)))
    world.must("maker", pack(sscc(1), sgtin(1), sgtin(2), sgtin(3), time_ms=T + 1))
    assert world.item(sscc(1))["contents"] == 3
    assert world.item(sscc(1))["custodian"] == "maker"
    assert world.get(heads.content(sscc(1), sgtin(2))) == {"since_ms": T + 1}

    world.must("maker", unpack(sscc(1), sgtin(2), time_ms=T + 2))
    assert "parent" not in world.item(sgtin(2))
    assert world.item(sgtin(1))["parent"] == sscc(1)
    world.must("maker", unpack(sscc(1), time_ms=T + 3))

    assert world.item(sscc(1))["contents"] == 0
    assert world.item(sscc(1))["height"] == 0
    assert [key for key in world.committed if key.startswith(b"content\0")] == []
    assert [world.item(sgtin(number))["count"] for number in (1, 2, 3)] == [3, 3, 3]


def test_packing_is_what_it_would_be_had_its_events_come_in_order(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("maker", unpack(sscc(1), sgtin(1), time_ms=T + 20))
    assert world.must("maker", pack(sscc(1), sgtin(1), time_ms=T + 10)) is None
    assert "parent" not in world.item(sgtin(1))
    world.must("maker", pack(sscc(3), sgtin(1), time_ms=T + 30))
    assert violations(world.must("maker", unpack(sscc(3), sgtin(1), time_ms=T + 25))) == [[sgtin(1), "not_packed"]]
    assert world.item(sgtin(1))["parent"] == sscc(3)
    # It was in the first one still, so that it came into the second without an unpacking, and out of that never.
    assert violations(world.must("maker", pack(sscc(2), sgtin(1), time_ms=T + 15))) == [[sgtin(1), "already_packed"]]
    assert world.item(sgtin(1))["parent"] == sscc(3)
    assert [world.item(sscc(number)).get("contents", 0) for number in (1, 2, 3)] == [0, 0, 1]
    world.must("maker", pack(sscc(3), sgtin(1), time_ms=T + 40))
    assert violations(world.must("maker", unpack(sscc(3), sgtin(1), time_ms=T + 35))) == []
    # Put in again after that, it is in there since then.
    assert world.get(heads.content(sscc(3), sgtin(1))) == {"since_ms": T + 40}


def test_a_missed_unpacking_is_marked_and_the_newest_parent_counts(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("maker", pack(sscc(1), sgtin(1), time_ms=T + 1))
    output = world.must("maker", pack(sscc(2), sgtin(1), time_ms=T + 2))

    assert output == {"violations": [[sgtin(1), "already_packed"]], "violations_count": 1}
    head = world.item(sgtin(1))
    assert (head["parent"], head["marks"], head["marks_count"]) == (sscc(2), [["already_packed", 3]], 1)
    assert world.item(sscc(1))["contents"] == 0
    assert world.item(sscc(1))["count"] == 2
    assert world.get(heads.content(sscc(1), sgtin(1))) is None


def test_no_link_closes_a_cycle(world: World) -> None:
    world.must("maker", add(sscc(1), sscc(2), sscc(3)))
    world.must("maker", pack(sscc(1), sscc(2)))
    world.must("maker", pack(sscc(2), sscc(3)))
    assert violations(world.must("maker", pack(sscc(3), sscc(1)))) == [[sscc(1), "cycle"]]
    assert "parent" not in world.item(sscc(1))


def test_lots_are_counted_by_unit(world: World) -> None:
    produced = event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "10.5", "KGM"], [lgtin("A"), "3", None]])
    world.must("maker", produced)
    world.must("maker", event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "0.25", "KGM"]]))
    world.must(
        "maker", event("ObjectEvent", "DELETE", quantities=[[lgtin("A"), "0.75", "KGM"], [lgtin("A"), None, None]])
    )
    head = lot(world, lgtin("A"))
    assert head["quantities"] == {"": "3", "KGM": "10"}
    assert (head["lot"], head["product"], head["custodian"]) == ("A", GTIN, "maker")


def test_more_of_a_lot_cannot_leave_than_there_is(world: World) -> None:
    world.must("maker", event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "1", "KGM"]]))
    output = world.must("maker", event("ObjectEvent", "DELETE", quantities=[[lgtin("A"), "1.000001", "KGM"]]))
    assert violations(output) == [[lgtin("A"), "quantity_exceeded"]]
    assert lot(world, lgtin("A"))["quantities"] == {"KGM": "1"}


def test_amounts_of_lots_are_packed_and_unpacked(world: World) -> None:
    def some(amount: str | None) -> Value:
        return [[lgtin("A"), amount, None]]

    link = heads.lot_content(sscc(1), lgtin("A"))
    world.must("maker", event("ObjectEvent", "ADD", quantities=some("10")))
    world.must("maker", event("AggregationEvent", "ADD", parent=sscc(1), child_quantities=some("4")))
    world.must("maker", event("AggregationEvent", "ADD", parent=sscc(1), child_quantities=some("3"), time_ms=T + 1))
    assert world.get(link) == {"since_ms": T, "quantities": {"": "7"}}
    world.must("maker", event("AggregationEvent", "DELETE", parent=sscc(1), child_quantities=some("2")))
    assert world.get(link) == {"since_ms": T, "quantities": {"": "5"}}
    too_much = event("AggregationEvent", "DELETE", parent=sscc(1), child_quantities=some("6"))
    assert violations(world.must("maker", too_much)) == [[lgtin("A"), "quantity_exceeded"]]
    world.must("maker", unpack(sscc(1)))
    assert world.get(link) is None
    assert world.item(sscc(1))["contents"] == 0
    assert lot(world, lgtin("A"))["count"] == 6


def test_a_transformation_consumes_and_makes(world: World) -> None:
    world.must("maker", add(sgtin(1)), event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "10", "KGM"]]))
    world.must("maker", pack(sscc(1), sgtin(1)))
    world.must(
        "maker",
        event(
            "TransformationEvent",
            time_ms=T + 5,
            inputs=[sgtin(1)],
            input_quantities=[[lgtin("A"), "4", "KGM"]],
            outputs=[sgtin(2)],
            output_quantities=[[lgtin("B"), "100", None]],
            transformation_id="urn:t:1",
        ),
    )
    consumed = world.item(sgtin(1))
    assert (consumed["status"], consumed["ended_ms"], consumed.get("parent")) == ("consumed", T + 5, None)
    assert world.item(sscc(1))["contents"] == 0
    assert lot(world, lgtin("A"))["quantities"] == {"KGM": "6"}
    assert (world.item(sgtin(2))["commissioned_ms"], world.item(sgtin(2))["custodian"]) == (T + 5, "maker")
    assert lot(world, lgtin("B"))["quantities"] == {"": "100"}


def test_associations_stay_until_they_are_deleted(world: World) -> None:
    world.must("maker", add(sgtin(1), sgtin(2)))
    world.must("maker", event("AssociationEvent", "ADD", parent="urn:hall", children=[sgtin(1), sgtin(2)]))
    assert world.item("urn:hall")["associates"] == 2
    assert world.get(heads.association("urn:hall", sgtin(1))) == {"since_ms": T}
    world.must("maker", event("AssociationEvent", "DELETE", parent="urn:hall", children=[sgtin(1)]))
    assert world.get(heads.association("urn:hall", sgtin(1))) is None
    world.must("maker", event("AssociationEvent", "DELETE", parent="urn:hall", time_ms=T + 1))
    assert world.item("urn:hall")["associates"] == 0
    assert world.item(sgtin(2))["count"] == 3
    assert "custodian" not in world.item("urn:hall")


def test_what_others_say_of_a_thing_is_recorded_and_changes_nothing(world: World) -> None:
    world.must("maker", add(sgtin(1), biz_location="urn:a"))
    output = world.must("carrier", event("ObjectEvent", "DELETE", epcs=[sgtin(1)], biz_location="urn:b", time_ms=T + 9))
    assert violations(output) == [[sgtin(1), "not_custodian"]]
    head = world.item(sgtin(1))
    assert (head["status"], head["location"], head["count"]) == ("active", "urn:a", 2)


def test_nobody_is_robbed_by_packing_or_by_a_second_commissioning(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("carrier", pack(sscc(9), sgtin(1)))
    assert violations(world.must("carrier", add(sgtin(1), time_ms=T + 1))) == [[sgtin(1), "already_commissioned"]]
    head = world.item(sgtin(1))
    assert (head["custodian"], head["owner"], head.get("parent")) == ("maker", "maker", None)


def test_who_holds_the_container_may_empty_it_and_who_holds_a_thing_may_take_it_out(world: World) -> None:
    world.must("maker", add(sgtin(1), sgtin(2)))
    world.must("maker", pack(sscc(1), sgtin(1), sgtin(2)))
    # The pallet alone goes to the carrier: what is on it is reported short and stays with the maker.
    shorts: Value = [[sgtin(1), "short", "missing"], [sgtin(2), "short", "missing"]]
    for kind in ("custody", "ownership"):
        terms: dict[str, Value] = {"to": "carrier", "kind": kind, "items": [sscc(1)], "expires_ms": START_MS + 1}
        world.must("maker", ("custody.offer", {"id": kind, **terms}))
        world.must("carrier", ("custody.accept", {"id": kind, "discrepancies": shorts}))
    assert world.item(sgtin(1))["custodian"] == "maker"

    assert world.must("carrier", unpack(sscc(1), sgtin(1))) is None
    assert violations(world.must("maker", unpack(sscc(1), sgtin(2)))) == [[sscc(1), "not_custodian"]]
    assert world.item(sscc(1))["contents"] == 0
    assert violations(world.must("shop", unpack(sscc(1), sgtin(2), time_ms=T + 1))) == [
        [sscc(1), "not_custodian"],
        [sgtin(2), "not_custodian"],
    ]


def test_an_item_seen_before_it_was_commissioned(world: World) -> None:
    output = world.must("carrier", observe(sgtin(1), biz_location="urn:x"))
    assert violations(output) == [[sgtin(1), "not_commissioned"]]
    assert world.item(sgtin(1))["status"] == "observed"
    assert world.must("maker", add(sgtin(1), time_ms=T - 1)) is None
    head = world.item(sgtin(1))
    assert (head["status"], head["custodian"], head["location"], head["first_event_ms"]) == (
        "active",
        "maker",
        "urn:x",
        T - 1,
    )
    assert violations(world.must("maker", observe(sgtin(1), time_ms=T - 2))) == [
        [sgtin(1), "event_before_commissioning"]
    ]


def test_a_late_event_of_an_ended_item_is_no_violation(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("maker", event("ObjectEvent", "DELETE", epcs=[sgtin(1)], time_ms=T + 10))
    assert world.must("maker", observe(sgtin(1), time_ms=T + 9)) is None
    assert violations(world.must("maker", observe(sgtin(1), time_ms=T + 10))) == [[sgtin(1), "decommissioned"]]


def test_an_event_from_the_future_does_not_freeze_a_thing(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("maker", observe(sgtin(1), time_ms=START_MS + 10**12, biz_location="urn:far"))
    world.must("maker", observe(sgtin(1), time_ms=START_MS, biz_location="urn:here"))
    assert world.item(sgtin(1))["location"] == "urn:here"


def test_the_first_violation_rejects_where_the_event_asks_for_it(world: World) -> None:
    before = dict(world.committed)
    receipt = world.run("maker", add(sgtin(1)), observe(sgtin(1), sgtin(2), policy="refuse"))
    assert (receipt.code, receipt.failed_operation) == (ResultCode.NOT_COMMISSIONED, 1)
    assert world.committed == before


def test_marks_and_reports_are_bounded_and_counted(world: World) -> None:
    for number in range(MARKS_MAX + 4):
        world.must("maker", observe(sgtin(1), time_ms=T + number))
    head = world.item(sgtin(1))
    assert head["marks"] == [["not_commissioned", count] for count in range(5, MARKS_MAX + 5)]
    assert head["marks_count"] == MARKS_MAX + 4
    output = world.must("maker", observe(*[sgtin(f"x{number}") for number in range(REPORTED_MAX + 5)]))
    assert len(violations(output)) == REPORTED_MAX
    assert output == {"violations": violations(output), "violations_count": REPORTED_MAX + 5}


def test_an_error_declaration_is_counted_once_and_noted_on_its_event(world: World) -> None:
    declaration: Value = {"declared_ms": START_MS, "reason": "incorrect_data", "corrective_ids": ["urn:e:2"]}
    world.must("maker", add(sgtin(1), event_id="urn:e:1"))
    receipt = world.run("maker", add(sgtin(1), event_id="urn:e:1", declaration=declaration))

    assert receipt.outputs == (None,)
    head = world.item(sgtin(1))
    assert (head["declarations"], head["count"], head["status"]) == (1, 2, "observed")
    captured = world.get(heads.event("urn:e:1"))
    assert captured is not None
    assert captured["declared_by"] == receipt.transaction_id
    again = add(sgtin(1), event_id="urn:e:1", declaration={"declared_ms": 1, "corrective_ids": []})
    assert world.code("maker", again) is ResultCode.EVENT_ID_CONFLICT


def test_the_declaration_of_another_counts_for_nothing(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    output = world.must("carrier", add(sgtin(1), declaration={"declared_ms": 1, "corrective_ids": []}))
    assert [rule for _, rule in violations(output)] == ["not_event_capturer"]  # type: ignore[misc, str-unpack]
    assert "declarations" not in world.item(sgtin(1))
    assert world.item(sgtin(1))["count"] == 2


def test_events_without_an_id_are_the_same_when_their_content_is(world: World) -> None:
    world.must("maker", observe(sgtin(1)))
    assert world.code("maker", observe(sgtin(1), policy="mark")) is ResultCode.EVENT_ALREADY_CAPTURED
    assert world.code("maker", observe(sgtin(1), biz_step="shipping")) is ResultCode.OK


def test_a_document_that_repeats_itself_is_kept_and_the_repetition_changes_nothing(world: World) -> None:
    first, again = add(sgtin(1), event_id="urn:e:1"), add(sgtin(1), event_id="urn:e:1")
    other = pack(sscc(1), sgtin(1), event_id="urn:e:1")
    receipt = world.run("maker", first, again, other)
    assert receipt.code == ResultCode.OK
    assert [violations(output) for output in receipt.outputs] == [
        [],
        [["urn:e:1", "event_already_captured"], [sgtin(1), "event_already_captured"]],
        [["urn:e:1", "event_id_conflict"], [sscc(1), "event_id_conflict"], [sgtin(1), "event_id_conflict"]],
    ]
    head = world.item(sgtin(1))
    assert (head["status"], head["count"], head["marks_count"], head.get("parent")) == ("active", 3, 2, None)
    assert world.code("maker", again) is ResultCode.EVENT_ALREADY_CAPTURED
    strict = add(sgtin(2), policy="refuse")
    assert world.code("maker", strict, strict) is ResultCode.EVENT_ALREADY_CAPTURED


def test_a_parent_takes_as_many_contents_as_two_full_events(world: World) -> None:
    assert CONTENTS_MAX == 10_000
    items = [sgtin(number) for number in range(4_999)]
    receipt = world.run("maker", pack(sscc(1), *items))
    assert receipt.code == ResultCode.OK
    assert world.item(sscc(1))["contents"] == 4_999
    assert world.must("maker", unpack(sscc(1))) is not None
    assert world.item(sscc(1))["contents"] == 0


def test_real_documents_are_captured_whatever_order_they_come_in() -> None:
    """Every event of every valid document is accepted; only a second event under an id already used is not."""
    manifest = shared_data("epcis/MANIFEST.tsv")
    codes: Counter[str] = Counter()
    with manifest.open(encoding="utf-8") as lines:
        paths = [row["path"] for row in DictReader(lines, delimiter="\t") if row["gs1_json_schema"] == "valid"]
    for path in paths:
        world = World()
        document = parse_document(shared_data(f"epcis/{path}").read_bytes())
        for method, arguments in reversed(events_to_operations(document)):
            codes[world.code("maker", (method, arguments)).name] += 1
    assert set(codes) == {"OK", "EVENT_ALREADY_CAPTURED", "EVENT_ID_CONFLICT"}
    assert codes["OK"] > 1_000
    assert codes["EVENT_ALREADY_CAPTURED"] + codes["EVENT_ID_CONFLICT"] == 3
