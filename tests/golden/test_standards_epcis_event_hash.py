"""The event hash of CBV 2.0 against the published vectors: 63 hashes, 58 of them different, in JSON and in XML."""

from pathlib import Path

import pytest

from standards.epcis.event_hash import event_hash, pre_hash
from standards.epcis.json_text import JsonObject, JsonValue, loads
from standards.epcis.xml_read import xml_to_json
from tests.support.shared_data import shared_data

VECTORS = "epcis/RalphTro+epcis-event-hash-generator/tests/examples/CertificationInfoAndSensorReportWithCRS.hashes"

# (document, event) -> why we do not meet the vector.
UNMET = {
    ("SensorDataExamples.xml", 6): "the stringValue of 24 digits went through a float there: ...003641344",
    ("SensorDataExamples.xml", 7): "bizRules of a report stand at the end of the event there, under three names again",
}
# The document is none, for what stands around its results is missing; its events are sound.
WITHOUT_BODY = "epcisXmlQueryDocHavingEventWithIgnoreFields.xml"


def cases() -> list[tuple[Path, int, str]]:
    """Return document, number of the event, expected hash."""
    found = []
    for hashes in sorted(shared_data(VECTORS).parent.glob("*.hashes")):
        for document in (hashes.with_suffix(".jsonld"), hashes.with_suffix(".xml")):
            if document.exists():
                lines = hashes.read_text(encoding="utf-8").split()
                found += [(document, index, line) for index, line in enumerate(lines)]
    return found


def as_object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value


def hash_of(path: Path, index: int) -> str:
    is_xml = path.suffix == ".xml"
    data = path.read_bytes()
    if path.name == WITHOUT_BODY:
        data = data.replace(b"<queryName>", b"<EPCISBody><epcisq:QueryResults><queryName>")
        data = data.replace(b"</resultsBody>", b"</resultsBody></epcisq:QueryResults></EPCISBody>")
    document = xml_to_json(data) if is_xml else as_object(loads(data))
    body = as_object(document["epcisBody"])
    ignored = document.get("repository-x:ignoreFields", body.get("repository-x:ignoreFields", []))
    if "queryResults" in body:
        results = as_object(body["queryResults"])
        ignored = results.get("repository-x:ignoreFields", ignored)
        body = as_object(results["resultsBody"])
    events = body.get("eventList", body.get("event"))
    event = as_object(events[index] if isinstance(events, list) else events)
    context = document["@context"]
    assert isinstance(context, list)
    if is_xml and b'"urn:epcglobal:cbv:mda"' in data:
        # XML names the master data without the colon at the end that the context of JSON has.
        context = [*context, {"cbvmda": "urn:epcglobal:cbv:mda"}]
    assert isinstance(ignored, list | dict)
    names = [name for name in ignored if isinstance(name, str)]
    return event_hash(event, context, ignored=names, is_expanded=not is_xml)


def test_every_vector() -> None:
    wrong, met = set(), set()
    for path, index, expected in cases():
        if hash_of(path, index) != expected:
            wrong.add((path.name, index))
        else:
            met.add(expected)
    assert wrong == UNMET.keys()
    assert (len({expected for _, _, expected in cases()}), len(met)) == (58, 56)
    assert len(cases()) == 89


def event(**fields: JsonValue) -> JsonObject:
    return {"type": "ObjectEvent", "eventTime": "2026-01-01T00:00:00Z", "eventTimeZoneOffset": "+00:00", **fields}


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-01-01T00:00:00.1405Z", "2026-01-01T00:00:00.141Z"),
        ("2026-01-01T00:59:59.9995+01:00", "2026-01-01T00:00:00.000Z"),
        ("2025-12-31T18:00:00-06:00", "2026-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_rounded_half_up(time: str, expected: str) -> None:
    assert pre_hash(event(eventTime=time)) == f"eventType=ObjectEventeventTime={expected}eventTimeZoneOffset=+00:00"


@pytest.mark.parametrize("text", ["007", "1e3", "1_000", "inf", "12345678901234567890", "1.50"])
def test_text_that_looks_like_a_number_stays(text: str) -> None:
    assert pre_hash(event(**{"ex:a": text}), {"ex": "https://x/"}).endswith("{https://x/}a=" + text)


def test_a_declaration_has_the_hash_of_what_it_negates() -> None:
    declared = event(eventID="urn:uuid:1", errorDeclaration={"declarationTime": "2026-01-02T00:00:00Z"})
    assert event_hash(declared) == event_hash(event())
