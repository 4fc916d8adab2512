"""What a recall reaches: by item, lot, product, place and time, in time, bounded, and in pages over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from contracts import heads
from ledger.state import split_key
from ledger.transaction import Operation
from node.api import recalls as recalls_api
from node.api.parameters import ClosureOf
from node.api.problems import Problem
from node.closure import Closure, Selector, closure
from node.closure_summary import entries_json, summarise, summary_json
from node.storage.rows import EARLIEST_KEY
from tests.support.contracts_world import START_MS, Call, add, event, lgtin, pack, sgtin, sscc, unpack
from tests.support.running_node import RunningNode, running_node
from tests.support.world_store import WorldStore
from tests.unit.test_node_api_problems import document
from tests.unit.test_node_api_problems import event as epcis_event

T = START_MS - 10_000
GTIN = "09506000134352"
SITE = "https://id.gs1.org/414/9506000134352"


@pytest.fixture
def world() -> WorldStore:
    return WorldStore()


def must(world: WorldStore, signer: str, *calls: Call) -> None:
    for call in calls:
        assert world.run(signer, call).code == 0


def make(inputs: list[str], outputs: list[str], minute: int, **fields: Any) -> Call:
    return event("TransformationEvent", inputs=inputs, outputs=outputs, time_ms=T + minute, **fields)


def reached(found: Closure) -> set[str]:
    return {split_key(key)[1] for key in found.reached}


def marks(found: Closure) -> dict[tuple[str, str], int]:
    return found.marks


def of_item(world: WorldStore, name: str, **limits: Any) -> Closure:
    return closure(world.store, Selector((("item", name),)), **limits)


def with_lot(lot: str) -> bytes:
    return json.dumps({"event": {"+": {"ilmd": {"cbvmda:lotNumber": lot}}}}).encode()


def test_products_of_products_are_reached_and_what_was_packed_beside_is_not(world: WorldStore) -> None:
    must(world, "maker", add("a", "beside", time_ms=T), make(["a"], ["b"], 1), make(["b"], ["c", "d"], 2))
    must(world, "maker", pack(sscc(1), "c", "beside", time_ms=T + 3))
    found = of_item(world, "a")
    assert reached(found) == {"a", "b", "c", "d"}
    assert marks(found) == {}
    summary = summarise(world.store, found)
    assert (summary.whole.items, summary.ended) == (2, {"consumed": 2})
    assert [split_key(key)[1] for key in summary.open_keys] == ["c", "d"]


def test_a_container_that_is_called_back_brings_what_is_in_it_now(world: WorldStore) -> None:
    must(world, "maker", add("a", "b", "c", time_ms=T), pack(sscc(1), "a", "b", time_ms=T + 1))
    must(world, "maker", unpack(sscc(1), "b", time_ms=T + 2), pack(sscc(2), sscc(1), time_ms=T + 3))
    assert reached(of_item(world, sscc(2))) == {sscc(2), sscc(1), "a"}


def test_an_assembly_is_reached_while_the_part_is_in_it(world: WorldStore) -> None:
    def install(action: str, minute: int) -> Call:
        return event("AssociationEvent", action, parent="car", children=["bag"], time_ms=T + minute)

    must(world, "maker", add("bag", "car", time_ms=T), install("ADD", 1), make(["car"], ["car", "copy"], 2))
    must(world, "maker", install("DELETE", 3), make(["car"], ["car", "later"], 4))
    found = of_item(world, "bag")
    assert reached(found) == {"bag", "car", "copy"}
    assert found.reached[heads.item("car")].interval.until_ms == T + 3


def test_only_what_came_after_is_reached_from_a_place_and_a_time(world: WorldStore) -> None:
    def seen(name: str, minute: int) -> Call:
        return event("ObjectEvent", "OBSERVE", epcs=[name], time_ms=T + minute, read_point=SITE)

    must(world, "maker", add("a", "b", "c", sscc(1), time_ms=T))
    must(world, "maker", make(["a"], ["a", "before"], 1), seen("a", 2), make(["a"], ["a", "after"], 3))
    must(world, "maker", pack(sscc(1), "b", time_ms=T + 4), seen(sscc(1), 5), unpack(sscc(1), "b", time_ms=T + 6))
    must(world, "maker", seen("c", 9))

    def at(since: int, until: int | None, *targets: tuple[str, str]) -> set[str]:
        selector = Selector(targets, SITE, T + since, None if until is None else T + until)
        return reached(closure(world.store, selector))

    assert at(2, 8) == {"a", "after", sscc(1), "b"}
    assert at(2, None) == {"a", "after", sscc(1), "b", "c"}
    assert at(3, 8) == {sscc(1), "b"}
    assert at(6, 8) == set()
    assert at(0, 9, ("item", "c"), ("item", "a")) == {"a", "after", "c"}


def test_a_lot_leads_to_its_items_by_their_master_data_and_to_what_it_was_used_for(world: WorldStore) -> None:
    lot = lgtin("L 7").replace(" ", "%20")
    made = event("ObjectEvent", "ADD", epcs=[sgtin(1), sgtin(2)], time_ms=T, residue=with_lot("L 7"))
    other = event("ObjectEvent", "ADD", epcs=[sgtin(3)], time_ms=T, residue=with_lot("L8"))
    must(world, "maker", made, other, add(lot, time_ms=T))
    must(world, "maker", event("ObjectEvent", "ADD", quantities=[[lot, "5", "KGM"]], time_ms=T))
    must(world, "maker", make([], ["soup"], 1, input_quantities=[[lot, "2", "KGM"]]))
    found = closure(world.store, Selector((("lot", lot),)))
    assert reached(found) == {lot, sgtin(1), sgtin(2), "soup"}
    answer = summary_json(world.store, found, summarise(world.store, found))
    assert (answer["items"], answer["lots"], answer["quantities"]) == (3, 1, {"KGM": "3"})
    # A lot that stands in master data alone.
    assert reached(closure(world.store, Selector((("lot", lgtin("L8")),)))) == {lgtin("L8"), sgtin(3)}
    window = Selector((("lot", lot),), None, T + 1, None)
    assert reached(closure(world.store, window)) == {lot, "soup"}


def test_a_product_is_all_its_items_and_those_that_were_made_in_a_time(world: WorldStore) -> None:
    must(world, "maker", add(sgtin(1), time_ms=T), add(sgtin(2), time_ms=T + 5), add("urn:else", time_ms=T))
    assert reached(closure(world.store, Selector((("product", GTIN),)))) == {sgtin(1), sgtin(2)}
    assert reached(closure(world.store, Selector((("product", GTIN),), None, T + 1, T + 9))) == {sgtin(2)}


def test_a_claim_is_followed_and_a_refusal_is_not_and_both_are_counted(world: WorldStore) -> None:
    must(world, "maker", add("bean", "other", time_ms=T))
    must(world, "carrier", make(["bean"], ["bar", "other"], 1))
    found = of_item(world, "bean")
    assert reached(found) == {"bean", "bar"}
    assert marks(found) == {("claimed", "uses"): 1, ("refused", "products"): 1}


def test_limits_and_gaps_are_counted(world: WorldStore) -> None:
    must(world, "maker", add("a", time_ms=T), make(["a"], ["b", "c", "d"], 1), make(["b"], ["e"], 2))
    found = of_item(world, "a", things_max=3)
    assert len(found.reached) == 3
    assert marks(found) == {("limit", "things"): 2}
    assert marks(of_item(world, "nothing")) == {("unknown", "item nothing"): 1}
    # As after pruning: the rows of the index stay, and the events are gone.
    world.values.write({EARLIEST_KEY: b"\x03"})
    world.store.earliest_height = 3
    found = of_item(world, "a")
    assert reached(found) == {"a"}
    assert marks(found) == {("pruned", "events"): 1}


def test_where_a_thing_is_is_the_newest_word_about_it_or_what_it_is_in(world: WorldStore) -> None:
    def seen(name: str, minute: int, site: str) -> Call:
        return event("ObjectEvent", "OBSERVE", epcs=[name], time_ms=T + minute, read_point=site)

    must(world, "maker", add("a", "b", time_ms=T), seen("a", 1, "urn:plant"), seen("b", 1, "urn:plant"))
    must(world, "maker", pack(sscc(1), "a", time_ms=T + 2), pack(sscc(2), sscc(1), time_ms=T + 3))
    must(world, "maker", seen(sscc(2), 4, "urn:port"))
    found = closure(world.store, Selector((("item", "a"), ("item", "b"))))
    summary = summarise(world.store, found)
    assert {place: group.items for place, group in summary.places.items()} == {"urn:port": 1, "urn:plant": 1}
    rows = cast("list[dict[str, Any]]", entries_json(world.store, found, summary.open_keys))
    assert [(row["id"], row["location"], row["outermost"], row["custodian"]) for row in rows] == [
        ("a", "urn:port", sscc(2), "maker"),
        ("b", "urn:plant", None, "maker"),
    ]


# Over HTTP


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    path: Path = tmp_path_factory.mktemp("closure")
    with running_node(path) as running:
        made = epcis_event("made", action="ADD", bizStep="commissioning", epcList=[sgtin(n) for n in range(7)])
        turned = {
            "type": "TransformationEvent",
            "eventID": "urn:uuid:turned",
            "eventTime": "2026-11-04T10:20:00Z",
            "eventTimeZoneOffset": "+00:00",
            "inputEPCList": [sgtin(0)],
            "outputEPCList": ["urn:epc:id:sgtin:4012345.011111.987"],
        }
        assert running.capture(document(made, turned)).status_code == 200
        yield running


def test_a_closure_comes_in_pages_as_of_one_block(node: RunningNode) -> None:
    first = node.json("/v1/closure", target=GTIN, limit=3)
    assert (first["items"], first["ended"], first["targets"]) == (7, {"consumed": 1}, [["product", GTIN]])
    pages, cursor = [first], first["next_cursor"]
    while cursor is not None:
        pages.append(node.json("/v1/closure", target=GTIN, limit=3, cursor=cursor))
        cursor = pages[-1]["next_cursor"]
    names = [entry["id"] for page in pages for entry in page["entries"]]
    assert names == ["https://id.gs1.org/01/04012345111118/21/987", *map(sgtin, range(1, 7))]
    assert [len(page["entries"]) for page in pages] == [3, 3, 1]
    made = pages[0]["entries"][0]
    assert (made["relation"], made["via"], made["status"]) == ("transformed", sgtin(0), "active")
    # Another question has another closure, and a page of that was never worked out.
    gone = node.get("/v1/closure", target=sgtin(1), cursor=first["next_cursor"])
    assert (gone.status_code, gone.json()["code"]) == (410, "recall.closure_gone")
    assert node.get("/v1/closure", cursor="AAAA", target=GTIN).json()["code"] == "query.cursor"
    assert node.get("/v1/closure").json()["code"] == "query.missing"


def test_a_recall_tells_what_it_reaches(node: RunningNode) -> None:
    node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Ahi"}))
    arguments: dict[str, Any] = {"id": "r/1", "targets": [["item", sgtin(0)]], "severity": "stop", "reason": "x"}
    node.commit("brand", Operation("provenance.open_recall", arguments))
    answer = node.json("/v1/recalls/r%2F1/closure")
    assert answer["recall"] == "r/1"
    assert [entry["id"] for entry in answer["entries"]] == ["https://id.gs1.org/01/04012345111118/21/987"]
    assert [row["custodian"] for row in answer["holders"]] == ["brand"]
    assert node.get("/v1/recalls/none/closure").json()["code"] == "recall.unknown"


def test_one_closure_is_worked_out_at_a_time(world: WorldStore) -> None:
    closures = recalls_api._Closures()
    must(world, "maker", add("a", time_ms=T))
    asked = ClosureOf(target="a")
    with closures._lock, pytest.raises(Problem) as busy:
        closures.page(world.store, Selector((("item", "a"),)), asked)
    assert busy.value.code == "recall.busy"
    assert closures.page(world.store, Selector((("item", "a"),)), asked)["items"] == 1
