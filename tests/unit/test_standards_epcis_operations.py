"""The form of the arguments, residues that lie, contexts, limits."""

from decimal import Decimal
from typing import Any

import pytest

from ledger import codec
from standards.epcis.arguments import Arguments
from standards.epcis.document import parse_document
from standards.epcis.json_text import DEPTH_MAX, JsonValue, dumps, loads
from standards.epcis.operations import (
    RESIDUE_BYTES_MAX,
    STANDARD_CONTEXT,
    UNREADABLE,
    context_of,
    document_from_operations,
    events_to_operations,
    operation_to_event,
    plain_event,
)
from standards.errors import EpcisError, OperationError

FULL = """{
  "type": "ObjectEvent", "eventID": "urn:uuid:1", "eventTime": "2026-11-02T06:40:00.5+05:30",
  "eventTimeZoneOffset": "+05:30", "recordTime": "2026-11-03T00:00:00Z", "action": "ADD",
  "epcList": ["urn:epc:id:sgtin:9521101.000100.1", "https://brand.example/01/9521101001006/10/L/21/1"],
  "quantityList": [{"epcClass": "urn:epc:class:lgtin:9521101.000100.L", "quantity": 1.50, "uom": "KGM"},
    {"epcClass": "https://id.gs1.org/01/09521101001006/10/M", "quantity": 2e1},
    {"epcClass": "https://id.gs1.org/01/09521101001006/10/N"}],
  "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning", "disposition": "cbv:Disp-active",
  "persistentDisposition": {"set": ["completeness_verified"], "unset": ["https://example.com/d"]},
  "readPoint": {"id": "urn:epc:id:sgln:9521101.00001.0"}, "bizLocation": {"id": "https://id.gs1.org/414/9521101000016"},
  "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:9521105.00500.PO1"},
    {"bizTransaction": "urn:x:y"}],
  "sourceList": [{"type": "possessing_party", "source": "urn:epc:id:pgln:9521101.00000"}],
  "destinationList": [{"type": "location", "destination": "https://id.gs1.org/414/9521101000016"}],
  "sensorElementList": [{
    "sensorMetadata": {"deviceID": "urn:epc:id:giai:9521103.L7", "startTime": "2026-11-02T00:00:00Z",
      "endTime": "2026-11-02T01:00:00Z", "rawData": "https://example.com/raw"},
    "sensorReport": [{"type": "Temperature", "minValue": -18.40, "maxValue": -18, "meanValue": -18.2, "uom": "CEL"},
      {"type": "gs1:AbsoluteHumidity", "value": 5, "uom": "g/m3", "sDev": 0.1, "component": "x",
       "exception": "ALARM_CONDITION", "booleanValue": false, "time": "2026-11-02T00:30:00Z"}]}],
  "errorDeclaration": {"declarationTime": "2026-11-04T00:00:00.000Z", "reason": "did_not_occur",
    "correctiveEventIDs": ["urn:uuid:2"]},
  "ilmd": {"cbvmda:lotNumber": "L"}, "ext:colour": null
}"""

ARGUMENTS: Arguments = {
    "type": "ObjectEvent",
    "event_time_ms": 1793581800500,
    "offset_minutes": 330,
    "event_id": "urn:uuid:1",
    "action": "ADD",
    "epcs": ["https://id.gs1.org/01/09521101001006/21/1"],
    "quantities": [
        ["https://id.gs1.org/01/09521101001006/10/L", "1.50", "KGM"],
        ["https://id.gs1.org/01/09521101001006/10/M", "20", None],
        ["https://id.gs1.org/01/09521101001006/10/N", None, None],
    ],
    "biz_step": "commissioning",
    "disposition": "active",
    "persistent_set": ["completeness_verified"],
    "persistent_unset": ["https://example.com/d"],
    "read_point": "https://id.gs1.org/414/9521101000016",
    "biz_location": "https://id.gs1.org/414/9521101000016",
    "business_transactions": [["po", "https://id.gs1.org/253/9521105005000PO1"], [None, "urn:x:y"]],
    "sources": [["possessing_party", "https://id.gs1.org/417/9521101000009"]],
    "destinations": [["location", "https://id.gs1.org/414/9521101000016"]],
    "sensors": [
        {
            "device": "https://id.gs1.org/8004/9521103L7",
            "start_ms": 1793577600000,
            "end_ms": 1793581200000,
            "reports": [
                {"type": "Temperature", "min": "-18.40", "max": "-18", "mean": "-18.2", "uom": "CEL"},
                {
                    "type": "AbsoluteHumidity",
                    "value": "5",
                    "component": "x",
                    "exception": "ALARM_CONDITION",
                    "boolean": False,
                    "time_ms": 1793579400000,
                },
            ],
        }
    ],
    "declaration": {
        "declared_ms": 1793750400000,
        "reason": "did_not_occur",
        "corrective_ids": ["urn:uuid:2"],
    },
}


def operation(event: Any, context: Any = STANDARD_CONTEXT) -> Arguments:
    """Return the arguments for one event, given as a value or as JSON text."""
    value = loads(event.encode()) if isinstance(event, str) else event
    document = {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-02T06:45:00Z",
        "epcisBody": {"eventList": [value]},
    }
    [(method, arguments)] = events_to_operations(parse_document(dumps(document)))
    assert method == "provenance.capture"
    return arguments


def small(**fields: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-11-02T06:40:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "epcList": ["https://id.gs1.org/01/09521101001006/21/1"],
        **fields,
    }


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    return 1 + max((depth(item) for item in value), default=0) if isinstance(value, list) else 0


def refused(arguments: Any) -> str:
    with pytest.raises(OperationError) as caught:
        operation_to_event(arguments)
    return caught.value.code


def test_every_field_of_an_event() -> None:
    arguments = operation(FULL)
    residue, declared = arguments.pop("residue"), arguments["declaration"].pop("residue")  # type: ignore[union-attr, arg-type]
    assert arguments == ARGUMENTS
    assert depth(arguments) == 5
    assert declared == b'{"~":{"declarationTime":{"=":"2026-11-04T00:00:00.000Z"}}}'
    assert isinstance(residue, bytes)
    assert loads(residue)["event"]["+"] == {"ilmd": {"cbvmda:lotNumber": "L"}, "ext:colour": None}  # type: ignore[call-overload, index]


def test_the_event_comes_back_value_for_value() -> None:
    stored = codec.decode(codec.encode(operation(FULL)))
    assert isinstance(stored, dict)
    written = loads(FULL.encode())
    assert isinstance(written, dict)
    del written["recordTime"]
    assert dumps(operation_to_event(stored)) == dumps(written)


def test_digital_links_on_request() -> None:
    event = operation_to_event(operation(FULL), identifier_format="digital_link")
    assert event["epcList"] == ["https://id.gs1.org/01/09521101001006/21/1"]
    assert event["readPoint"] == {"id": "https://id.gs1.org/414/9521101000016"}
    text = dumps(event).decode()
    assert "urn:epc:" not in text
    assert '"ilmd":{"cbvmda:lotNumber":"L"}' in text


def test_a_plain_event_has_no_residue() -> None:
    assert operation(small()) == {
        "type": "ObjectEvent",
        "event_time_ms": 1793601600000,
        "offset_minutes": 0,
        "action": "OBSERVE",
        "epcs": ["https://id.gs1.org/01/09521101001006/21/1"],
    }


def test_an_error_declaration_leaves_the_content_as_it_was() -> None:
    original = operation(small(bizStep="cbv:BizStep-shipping"))
    declared = operation(
        small(bizStep="cbv:BizStep-shipping", errorDeclaration={"declarationTime": "2026-11-03T00:00:00.00Z"})
    )
    assert declared.pop("declaration") == {
        "declared_ms": 1793664000000,
        "residue": b'{"~":{"declarationTime":{"=":"2026-11-03T00:00:00.00Z"}}}',
    }
    assert declared == original


def test_what_a_user_calls_their_own_event() -> None:
    event = small(type="urn:x:sale", bizStep="sold", price=Decimal("1.10"))
    arguments = operation(event)
    assert arguments["type"] == "urn:x:sale"
    assert "epcs" not in arguments
    assert dumps(operation_to_event(arguments)) == dumps(event)


def test_the_policy_of_the_captor_is_not_part_of_the_event() -> None:
    assert operation_to_event({**operation(small()), "policy": "refuse"}) == small()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        # Each residue is well formed and says something else than the arguments.
        ({"residue": dumps({"event": {"~": {"action": {"=": "DELETE"}}}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"~": {"epcList": {"=": ["urn:x:other"]}}}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"+": {"parentID": "urn:x:p"}}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"+": {"bizStep": "shipping"}}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"-": ["action"]}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"~": {"eventTime": {"=": "2026-11-02T06:40:01Z"}}}})}, "residue_contradicts"),
        ({"residue": dumps({"event": {"~": {"type": {"=": "urn:x:mine"}}}})}, "residue_contradicts"),
        (
            {"residue": dumps({"event": {"+": {"errorDeclaration": {"declarationTime": "2026-11-03T00:00:00Z"}}}})},
            "residue_contradicts",
        ),
        # These are not of the form of a residue.
        ({"residue": b"{}"}, "residue"),
        ({"residue": b'{"event": {"-":["action"]}}'}, "residue"),
        ({"residue": b"\xff"}, "residue"),
        ({"residue": "{}"}, "residue"),
        ({"residue": dumps({"other": 1})}, "residue"),
        ({"residue": dumps({"context": 7})}, "residue"),
        ({"residue": dumps({"event": {"=": []}})}, "residue"),
        ({"residue": dumps({"event": 7})}, "residue"),
        ({"residue": dumps({"event": {}})}, "residue"),
        ({"residue": dumps({"event": {"=": {}, "+": {}}})}, "residue"),
        ({"residue": dumps({"event": {"?": {}}})}, "residue"),
        ({"residue": dumps({"event": {"~": {"nothing": {"=": 1}}}})}, "residue"),
        ({"residue": dumps({"event": {"~": {"epcList": {"~": {"1": {"=": "a:b"}}}}}})}, "residue"),
        ({"residue": dumps({"event": {"~": {"epcList": {"+": {"1": "a:b"}}}}})}, "residue"),
        ({"residue": dumps({"event": {"~": {"action": {"+": {"1": "a:b"}}}}})}, "residue"),
        ({"residue": dumps({"event": {"-": ["nothing"]}})}, "residue"),
        ({"residue": dumps({"event": {"-": {}}})}, "residue"),
        ({"residue": dumps({"event": {"+": []}})}, "residue"),
        ({"residue": b'"' + b"x" * RESIDUE_BYTES_MAX + b'"'}, "residue"),
        # And these are arguments of no event.
        ({"action": "SELL"}, "not_an_event"),
        ({"epcs": "urn:x:y"}, "not_an_event"),
        ({"epcs": ["urn:epc:id:sgtin:9521101.000100.1"]}, "not_an_event"),
        ({"event_time_ms": "now"}, "not_an_event"),
        ({"event_time_ms": 1 << 62}, "not_an_event"),
        ({"offset_minutes": 900}, "not_an_event"),
        ({"quantities": [["urn:x:y", "1"]]}, "not_an_event"),
        ({"quantities": [["urn:x:y", "1e3", None]]}, "not_an_event"),
        ({"quantities": 7}, "not_an_event"),
        ({"sensors": [{}]}, "not_an_event"),
        ({"sensors": [{"reports": [{"type": "Temperature", "value": "01"}]}]}, "not_an_event"),
        ({"declaration": {}}, "not_an_event"),
        ({"declaration": []}, "not_an_event"),
        ({"colour": "red"}, "not_an_event"),
        ({"type": 7}, "not_an_event"),
    ],
)
def test_what_describes_no_event(change: dict[str, Any], code: str) -> None:
    assert refused({**operation(small()), **change}) == code


def test_missing_arguments_describe_no_event() -> None:
    for name in ("type", "event_time_ms", "offset_minutes", "action", "epcs"):
        assert refused({key: value for key, value in operation(small()).items() if key != name}) == "not_an_event"


def test_what_stands_on_the_ledger_can_always_be_shown() -> None:
    lying = {**operation(small()), "residue": dumps({"event": {"~": {"action": {"=": "DELETE"}}}})}
    document = document_from_operations([lying, {"type": 7}, {}], creation_date="2026-11-23T00:00:00Z")
    events = [captured.written for captured in parse_document(dumps(document)).events]
    assert events[0] == plain_event(lying) == small()
    assert [event["type"] for event in events[1:]] == [UNREADABLE, UNREADABLE]


def test_record_times_are_the_ledgers() -> None:
    document = document_from_operations(
        [operation(small(recordTime="1999-01-01T00:00:00Z"))],
        creation_date="2026-11-23T00:00:00Z",
        record_times=["2026-11-22T00:00:00Z"],
    )
    [event] = parse_document(dumps(document)).events
    assert event.written == small(recordTime="2026-11-22T00:00:00Z")


def test_the_deepest_event_comes_back() -> None:
    # A bare event stands at the top, so that it may be nested deepest; a sensor report is the deepest place to extend.
    deepest: JsonValue = []
    for _ in range(DEPTH_MAX - 6):
        deepest = [deepest]
    report = {"type": "Mass", "ext:deep": deepest}
    event = small(**{"@context": STANDARD_CONTEXT, "sensorElementList": [{"sensorReport": [report]}]})
    assert depth(event) == DEPTH_MAX
    [(_, arguments)] = events_to_operations(parse_document(dumps(event)))
    assert operation_to_event(arguments) == event


@pytest.mark.parametrize(
    "context",
    [
        STANDARD_CONTEXT,
        [STANDARD_CONTEXT],
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
        ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
    ],
)
def test_the_standard_context_takes_no_room(context: Any) -> None:
    assert "residue" not in operation(small(), context)


def answer(*operations: Arguments) -> tuple[JsonValue, list[JsonValue]]:
    """Return the context of a query document and those of its events."""
    document = document_from_operations(operations, creation_date="2026-11-23T00:00:00Z")
    parsed = parse_document(dumps(document))
    return parsed.context, [captured.written.get("@context") for captured in parsed.events]


def test_a_context_that_all_events_share_stands_on_the_document() -> None:
    context = [STANDARD_CONTEXT, {"ext": "https://example.com/ns/"}]
    arguments = operation(small(**{"ext:colour": "red"}), context)
    assert context_of(arguments) == context
    assert answer(arguments, arguments) == (context, [None, None])


def test_differing_contexts_stay_with_their_events() -> None:
    # A prefix such as urn, on the document, would change the meaning of every identifier of the other event.
    foreign = operation(small(), [STANDARD_CONTEXT, {"urn": "https://example.com/"}, "https://example.com/c"])
    own = operation(small(**{"@context": {"a": "https://a.example/"}}), {"b": "https://b.example/"})
    assert answer(operation(small()), foreign, own) == (
        [STANDARD_CONTEXT],
        [
            None,
            [{"urn": "https://example.com/"}, "https://example.com/c"],
            [{"b": "https://b.example/"}, {"a": "https://a.example/"}],
        ],
    )


@pytest.mark.parametrize(
    ("fields", "path", "rule"),
    [
        ({"epcList": [f"urn:x:{number}" for number in range(5001)]}, "", "too_many_entries"),
        (
            {"bizTransactionList": [{"bizTransaction": f"urn:x:{number}"} for number in range(1001)]},
            ".bizTransactionList",
            "too_many_entries",
        ),
        (
            {"sensorElementList": [{"sensorReport": [{"type": "Mass"}] * 1001}]},
            ".sensorElementList[0].sensorReport",
            "too_many_entries",
        ),
        (
            {"persistentDisposition": {"set": [f"urn:x:{number}" for number in range(21)]}},
            ".persistentDisposition",
            "too_many_entries",
        ),
        (
            {
                "errorDeclaration": {
                    "declarationTime": "2026-11-03T00:00:00Z",
                    "correctiveEventIDs": [f"urn:x:{number}" for number in range(101)],
                }
            },
            ".errorDeclaration.correctiveEventIDs",
            "too_many_entries",
        ),
        ({"ext:blob": "x" * RESIDUE_BYTES_MAX}, "", "event_too_large"),
    ],
)
def test_an_event_has_limits(fields: dict[str, Any], path: str, rule: str) -> None:
    with pytest.raises(EpcisError) as caught:
        operation(small(**fields))
    assert (caught.value.path, caught.value.rule) == (f"$.epcisBody.eventList[0]{path}", rule)
