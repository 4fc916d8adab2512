"""One document, one thing wrong: the path, the rule and what the message tells a person to do."""

import json
from typing import Any

import pytest

from standards.epcis.document import EVENTS_MAX, check_event, parse_document
from standards.epcis.model import EVENT_MODELS, AggregationEvent, ObjectEvent, UserEvent
from standards.errors import EpcisError

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
ITEM = "https://id.gs1.org/01/09521101001006/21/1"
PALLET = "https://id.gs1.org/00/395211020000004175"
LOT = "https://id.gs1.org/01/09521101001006/10/L"
COMMON = {"eventTime": "2026-11-02T06:40:00+05:00", "eventTimeZoneOffset": "+05:00"}
PO = [{"type": "po", "bizTransaction": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}]

EVENTS: dict[str, dict[str, Any]] = {
    "ObjectEvent": {"action": "ADD", "epcList": [ITEM]},
    "AggregationEvent": {"action": "ADD", "parentID": PALLET, "childEPCs": [ITEM]},
    "AssociationEvent": {"action": "ADD", "parentID": PALLET, "childEPCs": [ITEM]},
    "TransactionEvent": {"action": "ADD", "epcList": [ITEM], "bizTransactionList": PO},
    "TransformationEvent": {"inputEPCList": [ITEM], "outputEPCList": [PALLET]},
}


def event(kind: str = "ObjectEvent", without: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    whole = {"type": kind, **COMMON, **EVENTS.get(kind, {}), **fields}
    return {name: value for name, value in whole.items() if name not in without}


def document(*events: Any, **fields: Any) -> bytes:
    shell = {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-02T06:45:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    whole = {name: value for name, value in {**shell, **fields}.items() if value != "absent"}
    return json.dumps(whole).encode()


def refusal(data: bytes) -> EpcisError:
    with pytest.raises(EpcisError) as caught:
        parse_document(data)
    return caught.value


FAULTS = [
    (event(bizStep="assemble"), ".bizStep", "unknown_term", "such as assembling"),
    (event(bizStep="urn:epcglobal:cbv:bizstep:shipping"), ".bizStep", "use_bareword", "write 'shipping'"),
    (event(bizStep=7), ".bizStep", "wrong_type", "7 is not a text"),
    (event(bizStep=None), ".bizStep", "null", "leave the field out"),
    (event(bizStep="urn:x:" + "a" * 507), ".bizStep", "identifier_too_long", "513 bytes"),
    (event(disposition="in_transport"), ".disposition", "unknown_term", "such as in_transit"),
    (event(action="add"), ".action", "unknown_action", "ADD, OBSERVE or DELETE"),
    (event(without=("action",)), ".action", "missing_field", "add it"),
    (event(eventTime="2026-11-02T06:40:00"), ".eventTime", "not_a_time", "with its offset"),
    (event(eventTime="2026-02-29T06:40:00Z"), ".eventTime", "not_a_time", "RFC 3339"),
    (event(eventTime="2026-11-02T06:40:60Z"), ".eventTime", "not_a_time", "RFC 3339"),
    (event(eventTime="0000-11-02T06:40:00Z"), ".eventTime", "not_a_time", "RFC 3339"),
    (event(eventTimeZoneOffset="+14:30"), ".eventTimeZoneOffset", "not_an_offset", "+14:00"),
    (event(eventTimeZoneOffset="Z"), ".eventTimeZoneOffset", "not_an_offset", "+01:00"),
    (event(eventID="42"), ".eventID", "not_a_uri", "absolute URI"),
    (event(epcList=["a b"]), ".epcList[0]", "not_a_uri", "absolute URI"),
    (event(epcList=[ITEM, PALLET, ITEM]), ".epcList[2]", "repeated_value", "stands twice"),
    (event(epcList=["urn:x:" + "a" * 507]), ".epcList[0]", "identifier_too_long", "at most 512"),
    (event(epcList=["urn:x:" + "a" * 2100]), ".epcList[0]", "uri_too_long", "at most 2048"),
    (event(epcList=ITEM), ".epcList", "wrong_type", "not a list"),
    (event(without=("epcList",)), ".epcList", "objects_missing", "it may be empty"),
    (event(without=("epcList",), quantityList=[]), ".epcList", "objects_missing", "quantityList"),
    (event(colour="red"), ".colour", "undefined_name", "ext:colour"),
    (event(_comment="red"), "._comment", "undefined_name", "ext:comment"),
    (event(ilmd={"lot": "1"}), ".ilmd.lot", "undefined_name", "ext:lot"),
    (event(action="OBSERVE", ilmd={"ext:lot": "1"}), ".ilmd", "ilmd_without_add", "OBSERVE"),
    (event(quantityList=[{"epcClass": LOT, "quantity": "20"}]), ".quantityList[0].quantity", "not_a_number", "quotes"),
    (event(quantityList=[{"epcClass": LOT, "quantity": True}]), ".quantityList[0].quantity", "not_a_number", "true"),
    (event(quantityList=[{"epcClass": LOT, "quantity": 10**40}]), ".quantityList[0].quantity", "number", "round it"),
    (event(quantityList=[{"epcClass": LOT, "uom": "kg"}]), ".quantityList[0].uom", "not_a_unit", "KGM"),
    (event(quantityList=[{"epcClass": LOT, "ext:a": 1}]), ".quantityList[0]['ext:a']", "unknown_field", "remove it"),
    (event(quantityList=[{}]), ".quantityList[0].epcClass", "missing_field", "add it"),
    (event(quantityList=["x"]), ".quantityList[0]", "wrong_type", "braces"),
    (event(readPoint={"name": "dock"}), ".readPoint.id", "missing_field", "add it"),
    (event(readPoint="urn:x:y"), ".readPoint", "wrong_type", "braces"),
    (event(bizTransactionList=[{"type": "order", "bizTransaction": "a:b"}]), ".bizTransactionList[0].type",
        "unknown_term", "such as prodorder"),
    (event(bizTransactionList=[{"type": "po"}]), ".bizTransactionList[0].bizTransaction", "missing_field", "add it"),
    (event(sourceList=[{"source": "a:b"}]), ".sourceList[0].type", "missing_field", "add it"),
    (event(destinationList=[{"type": "place", "destination": "a:b"}]), ".destinationList[0].type", "unknown_term",
        "source or destination type"),
    (event(sensorElementList=[{"sensorReport": []}]), ".sensorElementList[0].sensorReport", "empty_list", "at least"),
    (event(sensorElementList=[{"sensorReport": [{"type": "Temprature"}]}]),
        ".sensorElementList[0].sensorReport[0].type", "unknown_term", "such as Temperature"),
    (event(sensorElementList=[{"sensorReport": [{"type": "https://gs1.org/voc/Temperature"}]}]),
        ".sensorElementList[0].sensorReport[0].type", "use_bareword", "write 'Temperature'"),
    (event(sensorElementList=[{"sensorReport": [{"type": "Temperature", "booleanValue": "yes"}]}]),
        ".sensorElementList[0].sensorReport[0].booleanValue", "wrong_type", "neither true nor false"),
    (event(sensorElementList=[{"sensorReport": [{"type": "Temperature", "hexBinaryValue": "xy"}]}]),
        ".sensorElementList[0].sensorReport[0].hexBinaryValue", "not_hexadecimal", "00FF"),
    (event(sensorElementList=[{"sensorMetadata": {"time": "now"}, "sensorReport": [{"type": "Temperature"}]}]),
        ".sensorElementList[0].sensorMetadata.time", "not_a_time", "RFC 3339"),
    (event(persistentDisposition={}), ".persistentDisposition.set", "missing_field", "set or unset"),
    (event(persistentDisposition={"set": []}), ".persistentDisposition.set", "empty_list", "at least one"),
    (event(persistentDisposition={"set": ["recalled", "recalled"]}), ".persistentDisposition.set[1]",
        "repeated_value", "stands twice"),
    (event(errorDeclaration={}), ".errorDeclaration.declarationTime", "missing_field", "add it"),
    (event(errorDeclaration={"declarationTime": "2026-11-03T00:00:00Z", "reason": "oops"}),
        ".errorDeclaration.reason", "unknown_term", "error reason"),
    (event(certificationInfo=["a:b", {}]), ".certificationInfo[1]", "not_a_uri", "list of such URIs"),
    (event(certificationInfo=7), ".certificationInfo", "not_a_uri", "list of such URIs"),
    (event() | {"@context": ["a:b", 7]}, "['@context'][1]", "not_a_context", "object of prefixes"),
    (event() | {"@context": 7}, "['@context']", "not_a_context", "object of prefixes"),
    (event() | {"@context": [{"a": "b:"}, {"a": "b:"}]}, "['@context']", "repeated_value", "stands twice"),
    (event("AggregationEvent", without=("parentID",)), ".parentID", "parent_missing", "names its container"),
    (event("AggregationEvent", without=("childEPCs",)), ".childEPCs", "children_missing", "childQuantityList"),
    (event("AggregationEvent", persistentDisposition={"set": ["recalled"]}), ".persistentDisposition",
        "undefined_name", "no field of EPCIS here"),
    (event("AssociationEvent", action="OBSERVE", without=("parentID",)), ".parentID", "missing_field", "add it"),
    (event("AssociationEvent", without=("childEPCs",)), ".childEPCs", "children_missing", "childEPCs"),
    (event("TransactionEvent", bizTransactionList=[]), ".bizTransactionList", "empty_list", "at least one"),
    (event("TransactionEvent", without=("bizTransactionList",)), ".bizTransactionList", "missing_field", "add it"),
    (event("TransactionEvent", without=("epcList",)), ".epcList", "objects_missing", "TransactionEvent"),
    (event("TransformationEvent", outputEPCList=[]), ".outputEPCList", "transformation_incomplete", "no outputs"),
    (event("TransformationEvent", without=("inputEPCList",)), ".inputEPCList", "transformation_incomplete", "inputs"),
    (event("TransformationEvent", action="ADD"), ".action", "undefined_name", "no field of EPCIS here"),
    (event("SaleEvent"), ".type", "unknown_event_type", "the URI of a type of your own"),
    (event(without=("type",)), ".type", "missing_field", "add it"),
    (event(type=7), ".type", "wrong_type", "7 is not a text"),
    ("ObjectEvent", "", "wrong_type", "braces"),
]  # fmt: skip


@pytest.mark.parametrize(("faulty", "path", "rule", "advice"), FAULTS)
def test_a_faulty_event(faulty: Any, path: str, rule: str, advice: str) -> None:
    error = refusal(document(event(), faulty))
    assert (error.path, error.rule) == (f"$.epcisBody.eventList[1]{path}", rule)
    assert advice in error.message
    assert str(error) == f"{error.path}: {error.message} ({rule})"


@pytest.mark.parametrize(
    ("fields", "path", "rule"),
    [
        ({"@context": "absent"}, "$['@context']", "missing_field"),
        ({"type": "absent"}, "$.type", "missing_field"),
        ({"type": "EPCISMasterDataDocument"}, "$.type", "unknown_event_type"),
        ({"schemaVersion": "absent"}, "$.schemaVersion", "missing_field"),
        ({"schemaVersion": 2.0}, "$.schemaVersion", "wrong_type"),
        ({"schemaVersion": "two"}, "$.schemaVersion", "not_a_version"),
        ({"creationDate": "2026-11-02"}, "$.creationDate", "not_a_time"),
        ({"epcisBody": "absent"}, "$.epcisBody", "missing_field"),
        ({"epcisBody": {}}, "$.epcisBody.eventList", "missing_field"),
        ({"epcisBody": {"eventList": {}}}, "$.epcisBody.eventList", "wrong_type"),
        ({"_comment": "x"}, "$._comment", "undefined_name"),
        ({"epcisHeader": {"x": 1}}, "$.epcisHeader.x", "undefined_name"),
        (
            {"epcisHeader": {"epcisMasterData": {"vocabularyList": [{}]}}},
            "$.epcisHeader.epcisMasterData.vocabularyList[0].type",
            "missing_field",
        ),
    ],
)
def test_a_faulty_envelope(fields: dict[str, Any], path: str, rule: str) -> None:
    error = refusal(document(event(), **fields))
    assert (error.path, error.rule) == (path, rule)


def test_faults_of_shape_go_before_faults_of_vocabulary() -> None:
    error = refusal(document(event(bizStep="transforming"), event(action="CREATE")))
    assert error.path == "$.epcisBody.eventList[1].action"
    error = refusal(document(event(bizStep="transforming"), event(disposition="lost")))
    assert error.path == "$.epcisBody.eventList[0].bizStep"
    error = refusal(document(event(bizStep="transforming", action="CREATE")))
    assert error.path == "$.epcisBody.eventList[0].action"


@pytest.mark.parametrize(
    "accepted",
    [
        event(epcList=[]),
        event(without=("epcList",), quantityList=[{"epcClass": LOT}]),
        event(without=("epcList",), readPoint={"id": "a:b"}, sensorElementList=[{"sensorReport": [{"type": "Mass"}]}]),
        event(bizStep="https://ref.gs1.org/cbv/BizStep-shipping"),
        event(bizStep="https://example.com/steps/polishing"),
        event(eventTime="2026-11-02t06:40:00.123456789z"),
        event(readPoint={"id": "a:b", "note": "any name"}),
        event("AggregationEvent", action="DELETE", without=("childEPCs",)),
        event("AggregationEvent", action="OBSERVE", without=("parentID",)),
        event("TransactionEvent", action="DELETE", without=("epcList",)),
        event("TransformationEvent", without=("outputEPCList",), transformationID="urn:x:1"),
        event("https://example.com/SaleEvent", price=7, bizStep={}),
    ],
)
def test_accepted(accepted: dict[str, Any]) -> None:
    assert parse_document(document(accepted)).events[0].written == accepted


def test_events_are_typed() -> None:
    parsed = parse_document(document(event(), event("AggregationEvent"), event("urn:x:mine"), sender="a"))
    first, second, third = (captured.event for captured in parsed.events)
    assert isinstance(first, ObjectEvent)
    assert first.epc_list == [ITEM]
    assert isinstance(second, AggregationEvent)
    assert second.parent_id == PALLET
    assert type(third) is UserEvent
    assert [captured.path for captured in parsed.events][2] == "$.epcisBody.eventList[2]"
    assert (parsed.kind, parsed.context, parsed.written["sender"]) == ("EPCISDocument", [CONTEXT], "a")


def test_the_full_name_of_a_standard_type_is_that_type() -> None:
    for name, model in EVENT_MODELS.items():
        whole = event(name) | {"type": f"https://gs1.github.io/EPCIS/{name}"}
        assert type(check_event(whole).event) is model


def test_a_bare_event_brings_its_context() -> None:
    assert refusal(json.dumps(event()).encode()).path == "$['@context']"
    alone = event() | {"@context": CONTEXT}
    parsed = parse_document(json.dumps(alone).encode())
    assert (parsed.kind, len(parsed.events), parsed.events[0].path) == ("event", 1, "$")


def test_the_number_of_events_is_limited() -> None:
    assert len(parse_document(document(*[event()] * EVENTS_MAX)).events) == EVENTS_MAX
    error = refusal(document(*[event()] * (EVENTS_MAX + 1)))
    assert (error.path, error.rule) == ("$.epcisBody.eventList", "too_many_events")


@pytest.mark.parametrize("data", [b"[]", b"7", b'"x"', b"null"])
def test_a_document_is_an_object(data: bytes) -> None:
    assert refusal(data).rule == "wrong_type"


def query(**fields: Any) -> bytes:
    results = {"queryName": "q", "resultsBody": {"eventList": [event()]}, **fields}
    results = {name: value for name, value in results.items() if value != "absent"}
    whole = {"@context": [CONTEXT], "type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}}
    return json.dumps(whole).encode()


def test_an_answer_needs_the_name_of_its_query_and_no_subscription() -> None:
    (held,) = parse_document(query()).events
    assert held.path == "$.epcisBody.queryResults.resultsBody.eventList[0]"
    assert parse_document(query(subscriptionID="s")).events[0].written == held.written
    # Both schemas of the standard ask for the name: in JSON as required, in XML as an element without minOccurs.
    error = refusal(query(queryName="absent"))
    assert (error.path, error.rule) == ("$.epcisBody.queryResults.queryName", "missing_field")
    error = refusal(query(subscriptionID=7))
    assert (error.path, error.rule) == ("$.epcisBody.queryResults.subscriptionID", "wrong_type")
