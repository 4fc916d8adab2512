"""Every EPCIS 2.0 JSON document of the shared test data: accepted and given back exactly, or refused for its reason."""

import csv
import time

import pytest

from ledger import codec
from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.json_text import dumps, loads, same
from standards.epcis.operations import CAPTURE, document_from_operations, events_to_operations, operation_to_event
from standards.errors import EpcisError
from tests.support.shared_data import shared_data

OPENEPCIS = "openepcis+openepcis-test-resources/core/src/main/resources/2.0/EPCIS/JSON/"
LARGE = "openepcis+epcis-testdata-generator/examples/design test data ui/Generated Events.json"

EVENTS = "$.epcisBody.eventList"
RESULTS = "$.epcisBody.queryResults.resultsBody.eventList"

# Document below OPENEPCIS -> (path, rule). These are all that MANIFEST.tsv calls INVALID or format-only.
REFUSED = {
    "Capture/Documents/AggregationEvent_with_persistentDisposition.json": (
        f"{EVENTS}[1].persistentDisposition",
        "undefined_name",
    ),
    "Capture/Documents/SensorData_with_combined_events.json": (
        f"{EVENTS}[8].sensorElementList[0].sensorReport[0].type",
        "missing_field",
    ),
    "Capture/Documents/TransactionEvent_with_userExtensions.json": (
        f"{EVENTS}[0].sensorElementList[0].sensorReport[0].type",
        "unknown_term",
    ),
    "Capture/Invalid/Combination_of_events_with_missing_mandatory_fields.json": (
        f"{EVENTS}[0].action",
        "missing_field",
    ),
    # Event 0 has a wrong word; event 4 a wrong shape, and faults of shape go first.
    "Capture/Invalid/Combination_of_multiple_invalid_fields.json": (f"{EVENTS}[4].action", "unknown_action"),
    "Capture/Invalid/Combination_of_non_standard_bizStep_and_disposition.json": (
        f"{EVENTS}[0].bizStep",
        "unknown_term",
    ),
    "Capture/Invalid/EPCISDocument_without_context.json": ("$['@context']", "missing_field"),
    "Capture/Invalid/ObjectEvent_with_ilmd_field_without_namespace.json": (
        f"{EVENTS}[0].ilmd.materialType",
        "undefined_name",
    ),
    "Capture/Invalid/ObjectEvent_with_invalid_action.json": (f"{EVENTS}[0].action", "unknown_action"),
    "Capture/Invalid/ObjectEvent_with_invalid_certificationInfo.json": (
        f"{EVENTS}[0].certificationInfo[0]",
        "not_a_uri",
    ),
    "Capture/Invalid/ObjectEvent_with_invalid_eventTime_format.json": (f"{EVENTS}[0].eventTime", "not_a_time"),
    "Capture/Invalid/ObjectEvent_with_non_standard_bizStep.json": (f"{EVENTS}[0].bizStep", "unknown_term"),
    "Capture/Invalid/ObjectEvent_with_non_standard_bizStep_in_second_event.json": (
        f"{EVENTS}[1].bizStep",
        "unknown_term",
    ),
    "Capture/Invalid/ObjectEvent_with_non_standard_disposition.json": (f"{EVENTS}[0].disposition", "unknown_term"),
    "Capture/Invalid/ObjectEvent_with_quantity_as_text.json": (
        f"{EVENTS}[0].quantityList[0].quantity",
        "not_a_number",
    ),
    "Capture/Invalid/ObjectEvent_with_unknown_field_in_quantityList.json": (
        f"{EVENTS}[0].quantityList[0].weight",
        "unknown_field",
    ),
    "Capture/Invalid/ObjectEvent_without_action_and_eventTime.json": (f"{EVENTS}[0].eventTime", "missing_field"),
    "Capture/Invalid/ObjectEvent_without_identifier_list.json": (f"{EVENTS}[0].epcList", "objects_missing"),
    "Query/Invalid/QueryDocument_with_invalid_action.json": (f"{RESULTS}[0].action", "unknown_action"),
    "Query/Invalid/QueryDocument_with_invalid_eventType.json": (f"{RESULTS}[0].type", "unknown_event_type"),
    "Query/SensorData_with_combined_events.json": (
        f"{RESULTS}[8].sensorElementList[0].sensorReport[0].type",
        "missing_field",
    ),
    "Query/TransactionEvent_with_userExtensions.json": (
        f"{RESULTS}[0].sensorElementList[0].sensorReport[0].type",
        "unknown_term",
    ),
}


def manifest() -> list[dict[str, str]]:
    with shared_data("epcis/MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["kind"].startswith("epcis2-json-")]


def valid_documents() -> list[tuple[str, EpcisDocument]]:
    # A bare event has no verdict in the manifest; each of them is valid.
    paths = [row["path"] for row in manifest() if row["gs1_json_schema"] in ("valid", "")]
    return [(path, parse_document(shared_data(f"epcis/{path}").read_bytes())) for path in paths]


def without_record_time(event: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in event.items() if name != "recordTime"}


def test_every_valid_document_is_accepted() -> None:
    counts = {row["path"]: int(row["events_or_rows"]) for row in manifest()}
    documents = valid_documents()
    for path, document in documents:
        assert len(document.events) == counts[path], path
    assert len(documents) == 74
    assert sum(len(document.events) for _, document in documents) == 1060


def test_every_other_document_is_refused_for_its_reason() -> None:
    verdicts = {}
    for row in manifest():
        if row["gs1_json_schema"] in ("INVALID", "format-only"):
            with pytest.raises(EpcisError) as caught:
                parse_document(shared_data(f"epcis/{row['path']}").read_bytes())
            verdicts[row["path"].removeprefix(OPENEPCIS)] = (caught.value.path, caught.value.rule)
    assert verdicts == REFUSED


def test_every_event_comes_back_exactly() -> None:
    for path, document in valid_documents():
        operations = events_to_operations(document)
        for captured, (method, arguments) in zip(document.events, operations, strict=True):
            assert method == CAPTURE
            stored = codec.decode(codec.encode(arguments))
            assert isinstance(stored, dict)
            assert same(operation_to_event(stored), without_record_time(dict(captured.written))), path


def test_a_query_document_of_the_operations_has_the_same_events_and_context() -> None:
    for path, document in valid_documents():
        operations = [arguments for _, arguments in events_to_operations(document)]
        answer = parse_document(dumps(document_from_operations(operations, creation_date="2026-11-23T00:00:00Z")))
        written = [dumps(captured.written) for captured in answer.events]
        expected = [dumps(without_record_time(dict(captured.written))) for captured in document.events]
        assert written == expected, path


def test_in_digital_links_the_arguments_stay_the_same() -> None:
    for path, document in valid_documents():
        for _, arguments in events_to_operations(document):
            event = operation_to_event(arguments, identifier_format="digital_link")
            context = {"@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"}
            again = events_to_operations(parse_document(dumps(context | event)))[0][1]
            assert {**again, "residue": b""} == {**arguments, "residue": b""}, path
            assert b"urn:epc:id:sgtin:" not in dumps([event.get("epcList"), event.get("childEPCs")]), path


def test_932_events_take_well_under_a_second() -> None:
    data = shared_data(f"epcis/{LARGE}").read_bytes()
    start = time.process_time()
    operations = events_to_operations(parse_document(data))
    assert len(operations) == 932
    assert time.process_time() - start < 1.0


def test_canonical_json_is_read_back() -> None:
    for path, document in valid_documents():
        assert same(loads(dumps(document.written)), document.written), path
