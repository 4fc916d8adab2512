"""Event queries over the example shipment: each filter against a dumb reading of every event; pages that join up."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger.codec import Value
from node import event_query
from node.event_filters import ParameterError, Seen
from node.event_query import QueryTooLargeError, event_by_id, events_page, read_query
from node.queries import CursorError
from node.records import Record
from node.storage.store import Store
from standards.epcis.fields import time_ms, time_text
from tests.support.example_ledger import CASE, LOGGER, LOIN, PACK, PALLET, ExampleLedger, create_ledger, example_ledger

Event = dict[str, Any]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = example_ledger(tmp_path_factory.mktemp("events"))
    yield ledger
    ledger.close()


@pytest.fixture
def store(ledger: ExampleLedger) -> Store:
    return ledger.home.store


def ids(records: list[Record]) -> list[str]:
    return [cast(str, record.arguments["event_id"]) for record in records]


def answered(store: Store, limit: int = 200, **parameters: str) -> list[str]:
    """Return the ids of all pages of a query."""
    query = read_query(parameters.items())
    found: list[str] = []
    token: str | None = None
    for _ in range(1_000):
        page = events_page(store, query, token, limit)
        assert len(page.records) <= limit
        found += ids(page.records)
        token = page.next_token
        if token is None:
            return found
    raise AssertionError("the pages never end")


def expected(ledger: ExampleLedger, matches: Callable[[Event], bool]) -> list[str]:
    """Return the ids of the events of the document, as it is written, for which something holds."""
    return [event["eventID"] for event in ledger.shipment["epcisBody"]["eventList"] if matches(event)]


def names(event: Event, *fields: str) -> set[str]:
    found: set[str] = set()
    for field in fields:
        value = event.get(field, [])
        found |= {value} if isinstance(value, str) else set(value)
    return found


def test_all_events_come_in_the_order_of_capture(ledger: ExampleLedger, store: Store) -> None:
    everything = answered(store)
    assert everything == expected(ledger, lambda _: True)
    assert len(everything) == 27


MIDDLE = "2026-11-04T12:00:00+05:30"
CASES: list[tuple[dict[str, str], Callable[[Event], bool]]] = [
    ({"eventType": "AggregationEvent"}, lambda e: e["type"] == "AggregationEvent"),
    (
        {"eventType": "AggregationEvent,AssociationEvent"},
        lambda e: e["type"] in ("AggregationEvent", "AssociationEvent"),
    ),
    ({"EQ_action": "DELETE"}, lambda e: e.get("action") == "DELETE"),
    ({"EQ_bizStep": "shipping"}, lambda e: e.get("bizStep") == "shipping"),
    ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, lambda e: e.get("bizStep") == "shipping"),
    ({"EQ_disposition": "in_transit"}, lambda e: e.get("disposition") == "in_transit"),
    (
        {"EQ_readPoint": "urn:epc:id:sgln:9521102.00001.0"},
        lambda e: e.get("readPoint", {}).get("id", "").endswith("/9521102000015"),
    ),
    (
        {"EQ_readPoint": "https://id.gs1.org/414/9521102000015"},
        lambda e: e.get("readPoint", {}).get("id") == "https://id.gs1.org/414/9521102000015",
    ),
    (
        {"EQ_bizLocation": "https://id.gs1.org/414/9521104000013"},
        lambda e: e.get("bizLocation", {}).get("id") == "https://id.gs1.org/414/9521104000013",
    ),
    ({"MATCH_epc": PACK}, lambda e: PACK in names(e, "epcList", "childEPCs")),
    ({"MATCH_epc": f"{PACK},{LOIN}"}, lambda e: bool({PACK, LOIN} & names(e, "epcList", "childEPCs"))),
    ({"MATCH_parentID": PALLET}, lambda e: PALLET in names(e, "parentID")),
    ({"MATCH_inputEPC": LOIN}, lambda e: LOIN in names(e, "inputEPCList")),
    ({"MATCH_outputEPC": PACK}, lambda e: PACK in names(e, "outputEPCList")),
    (
        {"MATCH_anyEPC": PALLET},
        lambda e: PALLET in names(e, "epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"),
    ),
    (
        {"MATCH_anyEPC": f"{CASE},{LOGGER}", "EQ_action": "ADD"},
        lambda e: bool({CASE, LOGGER} & names(e, "epcList", "childEPCs", "parentID")) and e.get("action") == "ADD",
    ),
    ({"MATCH_anyEPC": "https://id.gs1.org/01/09521102002002/21/none"}, lambda _: False),
    ({"GE_eventTime": MIDDLE}, lambda e: cast(int, time_ms(e["eventTime"])) >= cast(int, time_ms(MIDDLE))),
    ({"LT_eventTime": MIDDLE}, lambda e: cast(int, time_ms(e["eventTime"])) < cast(int, time_ms(MIDDLE))),
    ({"EXISTS_sensorElementList": "true"}, lambda e: "sensorElementList" in e),
    ({"EXISTS_sensorElementList": "false"}, lambda e: "sensorElementList" not in e),
    ({"EXISTS_errorDeclaration": "true"}, lambda _: False),
    (
        {"EQ_transformationID": "urn:uuid:6f09afc9-69d9-497e-b247-aa90ae45b5a4"},
        lambda e: e["type"] == "TransformationEvent",
    ),
]


@pytest.mark.parametrize(("parameters", "matches"), CASES, ids=[",".join(case[0]) for case in CASES])
@pytest.mark.parametrize("limit", [1, 200])
def test_a_filter_agrees_with_reading_every_event(
    ledger: ExampleLedger, store: Store, parameters: dict[str, str], matches: Callable[[Event], bool], limit: int
) -> None:
    assert answered(store, limit, **parameters) == expected(ledger, matches)


def test_events_by_the_time_of_their_record(store: Store) -> None:
    everything = events_page(store, read_query([]), None, 200).records
    bound = everything[10].block_time_ms
    late = [str(r.arguments["event_id"]) for r in everything if r.block_time_ms >= bound]
    assert answered(store, GE_recordTime=time_text(bound, 0)) == late
    assert answered(store, LT_recordTime=time_text(bound, 0)) == ids(everything)[: 27 - len(late)]


def test_a_thing_named_in_two_parameters_has_to_match_both(store: Store) -> None:
    both = answered(store, MATCH_anyEPC=PACK, MATCH_parentID=CASE)
    assert len(both) == 2  # packed and unpacked
    assert both == answered(store, MATCH_epc=PACK, MATCH_parentID=CASE)


def test_an_event_by_its_id(ledger: ExampleLedger, store: Store) -> None:
    first = ledger.shipment["epcisBody"]["eventList"][0]["eventID"]
    assert ids(event_by_id(store, first) or []) == [first]
    assert event_by_id(store, "urn:uuid:nobody") == []
    assert answered(store, EQ_eventID=first) == [first]


def test_a_long_search_ends_early_with_a_token(
    ledger: ExampleLedger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = max(cast(int, time_ms(event["eventTime"])) for event in ledger.shipment["epcisBody"]["eventList"])
    late = answered(store, GE_eventTime=time_text(last, 0))
    monkeypatch.setattr(event_query, "SCAN_MAX", 2)
    page = events_page(store, read_query([("GE_eventTime", time_text(last, 0))]), None, 30)
    assert (page.records, page.next_token is None) == ([], False)
    assert answered(store, GE_eventTime=time_text(last, 0)) == late != []


def test_an_id_is_looked_up_and_not_searched_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, last = answered(store)
    monkeypatch.setattr(event_query, "SCAN_MAX", 3)
    asked = f"{last},urn:uuid:nobody,{first}"
    page = events_page(store, read_query([("EQ_eventID", asked)]), None, 30)
    assert (ids(page.records), page.next_token) == ([first, last], None)
    assert answered(store, 1, EQ_eventID=asked) == [first, last]
    assert answered(store, EQ_eventID=asked, EQ_action="DELETE") == []


def test_an_event_in_a_block_that_was_given_up_is_not_said_to_be_unknown(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path, validators=1)
    event: dict[str, Value] = {"type": "ObjectEvent", "action": "OBSERVE", "event_id": "urn:old", "event_time_ms": 1}
    ledger.call("brand", "provenance.capture", **event, epcs=["urn:x"])
    height, store = ledger.home.store.tip.height, ledger.home.store
    for number in range(70):
        ledger.call("brand", "provenance.capture", **{**event, "event_id": f"urn:{number}"}, epcs=["urn:x"])
    assert ids(event_by_id(store, "urn:old") or []) == answered(store, EQ_eventID="urn:old") == ["urn:old"]
    assert store.prune(height + 1, heights_max=1_000, transactions_max=1_000)
    assert event_by_id(store, "urn:old") is None
    assert answered(store, EQ_eventID="urn:old,urn:69") == ["urn:69"]
    ledger.close()


def test_a_term_is_looked_up_and_not_searched_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    both = answered(store, EQ_bizStep="stocking,shipping")
    monkeypatch.setattr(event_query, "SCAN_MAX", 2)
    assert events_page(store, read_query([("EQ_bizStep", "stocking")]), None, 2).records
    assert answered(store, EQ_bizStep="nobody_does_this") == []
    assert answered(store, 1, EQ_bizStep="stocking,shipping") == both
    assert len(both) > 2


@pytest.mark.parametrize(
    ("place", "is_in"),
    [
        ("https://id.gs1.org/414/9521102000015", True),
        ("https://id.gs1.org/414/9521102000015/254/dock", True),
        ("https://id.gs1.org/414/95211020000155", False),
        ("https://id.gs1.org/414/9521104000013", False),
        (None, False),
    ],
)
def test_a_place_holds_what_lies_in_it(place: str | None, is_in: bool) -> None:
    (inside,) = read_query([("WD_readPoint", "urn:epc:id:sgln:9521102.00001.0")]).tests
    record = cast("Record", SimpleNamespace(arguments={"read_point": place}))
    assert inside(Seen(record, {})) is is_in


@pytest.mark.parametrize("limit", [1, 4, 200])
@pytest.mark.parametrize(("direction", "is_reverse"), [("ASC", False), ("DESC", True), (None, True)])
def test_an_order_holds_over_pages(
    ledger: ExampleLedger,
    store: Store,
    limit: int,
    direction: str | None,
    is_reverse: bool,
) -> None:
    events = sorted(
        ledger.shipment["epcisBody"]["eventList"],
        key=lambda event: cast(int, time_ms(event["eventTime"])),
        reverse=is_reverse,
    )
    ordered = [event["eventID"] for event in events]
    shipped = [event["eventID"] for event in events if event.get("bizStep") == "shipping"]
    asked = {"orderBy": "eventTime", **({} if direction is None else {"orderDirection": direction})}
    assert answered(store, limit, **asked) == ordered
    assert answered(store, limit, **asked, eventCountLimit="5") == ordered[:5]
    assert answered(store, limit, **asked, eventCountLimit="99", EQ_bizStep="shipping") == shipped


def test_too_many_events_are_refused_and_not_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(answered(store, maxEventCount="27")) == 27
    with pytest.raises(QueryTooLargeError, match="more than 26 events match"):
        answered(store, maxEventCount="26")
    page = events_page(store, read_query([("EQ_bizStep", "shipping")]), None, 1)
    with pytest.raises(CursorError):
        events_page(store, read_query([("EQ_bizStep", "stocking"), ("orderBy", "eventTime")]), page.next_token, 1)
    monkeypatch.setattr(event_query, "ALL_MAX", 26)
    with pytest.raises(QueryTooLargeError, match="MATCH_"):
        answered(store, orderBy="recordTime")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EQ_colour", "red"),
        ("MATCH_epc", ""),
        ("MATCH_epc", ","),
        ("MATCH_epc", "urn:epc:idpat:sgtin:9521102.000200.*"),
        ("GE_eventTime", "yesterday"),
        ("GE_eventTime", "2026-11-04"),
        ("EXISTS_sensorElementList", "yes"),
        ("x" * 500, "1"),
        ("orderBy", "colour"),
        ("orderDirection", "ASC"),
        ("eventCountLimit", "0"),
        ("maxEventCount", "many"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ParameterError, match=name[:80]):
        read_query([(name, value)])


@pytest.mark.parametrize("token", ["", "x", "AAAA", "A" * 21, "é"])
def test_a_token_that_was_not_given_out_is_refused(store: Store, token: str) -> None:
    with pytest.raises(CursorError):
        events_page(store, read_query([]), token, 5)
