"""Every EPCIS XML document of the shared test data: read, kept and like its JSON twin, or refused for its reason."""

import csv
import time
from decimal import Decimal

import pytest

from ledger import codec
from standards.epcis.document import parse_document
from standards.epcis.json_text import same
from standards.epcis.operations import events_to_operations, operation_to_event
from standards.epcis.xml_read import parse_xml_document, xml_to_json
from standards.errors import EpcisError
from tests.support.shared_data import shared_data

EVENTS = "$.epcisBody.eventList"
RESULTS = "$.epcisBody.queryResults.resultsBody.eventList"
SHORT = {
    "openepcis+openepcis-test-resources/core/src/main/resources/": "openepcis:",
    "openepcis+openepcis-document-converter/": "converter:",
    "FasTnT+epcis/test/FasTnT.IntegrationTests/Requests/": "fastnt:",
    "RalphTro+epcis-event-hash-generator/tests/": "hashes:",
}

# Document -> (path, rule). ObjectEvent_with_wrong_element_order is not among them: order means nothing here, and
# JumbledFieldsOrder, which the same publisher calls valid, has it wrong too.
REFUSED = {
    "fastnt:Capture/Capture.xml": (f"{EVENTS}[0].disposition", "use_bareword"),
    "fastnt:Capture/CaptureInvalidUri.xml": (f"{EVENTS}[0].disposition", "use_bareword"),
    "fastnt:Capture/Masterdata.xml": ("$", "unknown_document"),
    "fastnt:Queries/GetQueryNames.xml": ("$", "unknown_document"),
    "fastnt:Queries/GetStandardVersion.xml": ("$", "unknown_document"),
    "fastnt:Queries/GetVendorVersion.xml": ("$", "unknown_document"),
    "fastnt:Queries/ListSubscriptionIDs.xml": ("$", "unknown_document"),
    "fastnt:Queries/Poll.xml": ("$", "unknown_document"),
    "fastnt:Queries/Poll_Unknown.xml": ("$", "unknown_document"),
    "fastnt:Queries/Subscribe.xml": ("$", "unknown_document"),
    "hashes:examples/epcisXmlQueryDocHavingEventWithIgnoreFields.xml": ("$.epcisBody", "missing_field"),
    "converter:core/src/main/resources/xalan-conversion/1.2/XML/AssociationEvent.xml": (
        f"{EVENTS}[5].sensorElementList[0].sensorMetaData",
        "undefined_name",
    ),
    "converter:core/src/main/resources/xalan-conversion/1.2/XML/ObjectEvent.xml": (
        f"{EVENTS}[1].myField",
        "undefined_name",
    ),
    "openepcis:1.2/EPCIS/XML/Capture/Documents/AggregationEvent_all_possible_fields.xml": (
        f"{EVENTS}[0].persistentDisposition",
        "undefined_name",
    ),
    "openepcis:1.2/EPCIS/XML/Capture/Documents/All_eventTypes_in_single_document.xml": (
        f"{EVENTS}[1].persistentDisposition",
        "undefined_name",
    ),
    "openepcis:1.2/EPCIS/XML/Capture/Documents/AssociationEvent_all_possible_fields.xml": (
        f"{EVENTS}[0].persistentDisposition",
        "undefined_name",
    ),
    "openepcis:1.2/EPCIS/XML/Capture/Documents/ObjectEvent_all_possible_fields.xml": (
        f"{EVENTS}[0].certificationInfo",
        "not_a_uri",
    ),
    "openepcis:1.2/EPCIS/XML/Capture/Documents/TransactionEvent_all_possible_fields.xml": (
        f"{EVENTS}[0].errorDeclaration.declarationTime",
        "not_a_time",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Documents/AggregationEvent_with_persistentDisposition.xml": (
        f"{EVENTS}[1].persistentDisposition",
        "undefined_name",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Documents/SensorData_with_combined_events.xml": (
        f"{EVENTS}[8].sensorElementList[0].sensorReport[0].type",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Documents/epcisDocWithAllGS1Keys.xml": (
        f"{EVENTS}[0].epcList[2]",
        "repeated_value",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_bare_event_without_action.xml": ("$.action", "missing_field"),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_with_invalid_action.xml": (
        f"{EVENTS}[0].action",
        "unknown_action",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_with_invalid_eventTime_format.xml": (
        f"{EVENTS}[0].eventTime",
        "not_a_time",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_with_near_miss_action.xml": (
        f"{EVENTS}[0].action",
        "unknown_action",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_with_unknown_element.xml": (
        f"{EVENTS}[0].madeUpField",
        "undefined_name",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_without_eventTime.xml": (
        f"{EVENTS}[0].eventTime",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Combination_of_different_event.xml": ("$.createdAt", "unknown_attribute"),
    "openepcis:2.0/EPCIS/XML/Query/CurieString_document.xml": ("$.epcisBody.queryResults.queryName", "missing_field"),
    "openepcis:2.0/EPCIS/XML/Query/Documents/QueryResultsDocument.xml": (
        f"{RESULTS}[1].persistentDisposition",
        "undefined_name",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Invalid/QueryDocument_with_invalid_action.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Invalid/QueryDocument_with_invalid_eventType.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Invalid/QueryDocument_with_missing_value.xml": (
        "$.epcisBody.queryResults",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/JumbledFieldsOrder.xml": ("$.epcisBody.queryResults.queryName", "missing_field"),
    "openepcis:2.0/EPCIS/XML/Query/ObjectEventWithAllPossibleFields.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Queries/Invalid/Query_without_queryName.xml": (
        "$.epcisBody.queryResults",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/Queries/SimpleEventQuery.xml": ("$.epcisBody.queryResults", "missing_field"),
    "openepcis:2.0/EPCIS/XML/Query/SensorData_with_combined_events.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/TransactionEvent_with_userExtensions.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
    "openepcis:2.0/EPCIS/XML/Query/TransformationEvent_with_error_declaration.xml": (
        "$.epcisBody.queryResults.queryName",
        "missing_field",
    ),
}

# Twins whose arguments differ, and why they cannot be the same.
DIFFERENT = {
    "converter:extensions/src/test/resources/1. GS1_Eg_EPCIS_Document.xml": (
        "action biz_location biz_step disposition epcs event_time_ms read_point",
        "two examples of one name: another event",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Documents/Combination_of_different_event.xml": (
        "declaration",
        "declarationTime is 14:00+01:00 in XML and 14:00Z in JSON: another moment",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Documents/TransactionEvent_with_userExtensions.xml": (
        "unknown_term",
        "EffectiveDoseRate is no standard term: a bareword in JSON, which is refused, and a compact URI in XML",
    ),
    "openepcis:2.0/EPCIS/XML/Capture/Events/TransformationEvent.xml": (
        "declaration",
        "the two declare the error an hour apart",
    ),
    "openepcis:2.0/EPCIS/XML/Query/queryDocument.xml": (
        "sensors",
        "XML names Speed in a namespace that is not GS1's vocabulary",
    ),
}


def manifest() -> list[str]:
    with shared_data("epcis/MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        return [row["path"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def short(path: str) -> str:
    for prefix, name in SHORT.items():
        path = path.replace(prefix, name)
    return path


def documents() -> list[str]:
    return [path for path in manifest() if path.endswith(".xml")]


def twins() -> list[tuple[str, str]]:
    """Return the XML documents with the JSON document that says the same, where both are valid."""
    known = set(manifest())
    pairs = []
    for path in documents():
        beside, stem = path.replace("/XML/", "/JSON/").removesuffix(".xml"), path.removesuffix(".xml")
        names = (f"{beside}.json", f"{beside}.jsonld", f"{stem}.jsonld", f"{stem}.json")
        found = next((name for name in names if name in known), None)
        if found is not None and short(path) not in REFUSED:
            pairs.append((path, found))
    return pairs


def canonical(value: object) -> object:
    """Return arguments without residues, every number by its value: XML writes 10.0 where JSON writes 10."""
    if isinstance(value, dict):
        return {name: canonical(item) for name, item in value.items() if name != "residue"}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    try:
        return f"{Decimal(value).normalize():f}" if isinstance(value, str) else value
    except ArithmeticError:
        return value


def test_every_document_is_read_or_refused_for_its_reason() -> None:
    refused, events = {}, 0
    for path in documents():
        try:
            events += len(parse_xml_document(shared_data(f"epcis/{path}").read_bytes()).events)
        except EpcisError as error:
            refused[short(path)] = (error.path, error.rule)
    assert refused == REFUSED
    assert (len(documents()), events) == (129, 169)


def test_every_event_comes_back_exactly() -> None:
    for path in documents():
        if short(path) in REFUSED:
            continue
        document = parse_xml_document(shared_data(f"epcis/{path}").read_bytes())
        for captured, (_, arguments) in zip(document.events, events_to_operations(document), strict=True):
            stored = codec.decode(codec.encode(arguments))
            assert isinstance(stored, dict)
            written = {name: value for name, value in captured.written.items() if name != "recordTime"}
            assert same(operation_to_event(stored), written), path


def test_twins_in_xml_and_json_are_the_same_event() -> None:
    different = {}
    pairs = twins()
    for path, other in pairs:
        try:
            twin = events_to_operations(parse_document(shared_data(f"epcis/{other}").read_bytes()))
        except EpcisError as error:
            different[short(path)] = error.rule
            continue
        mine = events_to_operations(parse_xml_document(shared_data(f"epcis/{path}").read_bytes()))
        assert len(mine) == len(twin), path
        names: set[str] = set()
        for (_, one), (_, two) in zip(mine, twin, strict=True):
            left, right = canonical(one), canonical(two)
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            names |= {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)}
        if names:
            different[short(path)] = " ".join(sorted(names))
    assert different == {path: names for path, (names, _) in DIFFERENT.items()}
    assert len(pairs) == 52


def test_extensions_and_wrappers_of_epcis_1_2() -> None:
    value = xml_to_json(
        b"""<?xml version="1.0"?><e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:1" schemaVersion="1.2"
        creationDate="2026-01-01T00:00:00Z" xmlns:x="https://x.example/"><EPCISBody><EventList><extension>
        <TransformationEvent><eventTime>2026-01-01T00:00:00Z</eventTime>
        <baseExtension><eventID>urn:uuid:1</eventID></baseExtension>
        <extension><outputQuantityList><quantityElement><epcClass>urn:a:b</epcClass><quantity>
        +007.50</quantity></quantityElement></outputQuantityList></extension>
        <x:part unit="g">1</x:part><x:part>two</x:part><inner xmlns="https://default.example/"><x:deep>3</x:deep></inner>
        </TransformationEvent></extension></EventList></EPCISBody></e:EPCISDocument>"""
    )
    assert value == {
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"ns1": "https://default.example/", "x": "https://x.example/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "1.2",
        "creationDate": "2026-01-01T00:00:00Z",
        "epcisBody": {
            "eventList": [
                {
                    "type": "TransformationEvent",
                    "eventTime": "2026-01-01T00:00:00Z",
                    "eventID": "urn:uuid:1",
                    "outputQuantityList": [{"epcClass": "urn:a:b", "quantity": Decimal("7.50")}],
                    "x:part": [{"@unit": "g", "#text": "1"}, "two"],
                    "ns1:inner": {"x:deep": "3"},
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"<a", "not_xml"),
        (b"", "not_xml"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', "xml_doctype"),
        (b"<ObjectEvent>&undeclared;</ObjectEvent>", "not_xml"),
        ("<a>\N{SNOWMAN}</a>".encode("utf-16"), "not_utf8"),
        (b"<ObjectEvent>" * 65 + b"</ObjectEvent>" * 65, "too_deep"),
        (b"<ObjectEvent>" * 50_000, "not_xml"),
        (b" " * (8 * 1024 * 1024 + 1), "too_large"),
        (b"<a/>", "unknown_document"),
        (b"<ObjectEvent><action>ADD</action><action>ADD</action></ObjectEvent>", "repeated_field"),
        (b"<ObjectEvent>stray</ObjectEvent>", "unexpected_text"),
        (b"<ObjectEvent colour='red'/>", "unknown_attribute"),
        (b"<ObjectEvent><epcList><id>1</id></epcList></ObjectEvent>", "unknown_field"),
        (b"<ObjectEvent><action><b/></action></ObjectEvent>", "wrong_type"),
    ],
)
def test_what_has_no_place_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(EpcisError) as caught:
        parse_xml_document(data)
    assert caught.value.rule == rule


def test_a_thousand_events_take_well_under_a_second() -> None:
    event = (
        b"<ObjectEvent><eventTime>2026-01-01T00:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
        b"<epcList><epc>urn:epc:id:sgtin:4012345.011111.9876</epc></epcList><action>OBSERVE</action></ObjectEvent>"
    )
    data = (
        b'<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" creationDate="2026-01-01T00:00:00Z">'
        b"<EPCISBody><EventList>" + event * 1000 + b"</EventList></EPCISBody></e:EPCISDocument>"
    )
    start = time.process_time()
    assert len(parse_xml_document(data).events) == 1000
    assert time.process_time() - start < 1.0
