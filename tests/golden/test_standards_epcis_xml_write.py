"""Every valid EPCIS document of the shared test data, written as XML and read again."""

import re

import pytest

from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.json_text import JsonObject, dumps, same
from standards.epcis.xml_read import parse_xml_document, xml_to_json
from standards.epcis.xml_write import write_document
from standards.errors import EpcisError
from tests.golden.test_standards_epcis_xml import manifest, short
from tests.support.shared_data import shared_data

# Fields of a document around the events, which are not written: the ledger keeps none of them.
ENVELOPE = frozenset({"epcisHeader", "id", "sender", "receiver", "instanceIdentifier"})
CONVERTER = "converter:extensions/src/test/resources/"
OPENEPCIS = "openepcis:2.0/EPCIS/JSON/Capture/Documents/"
TERM = re.compile(r"^(?:https://ref\.gs1\.org/cbv/|cbv:)(?:BizStep|Disp|BTT|SDT|ER|Comp)-|^gs1:")
EVENT = "$.epcisBody.eventList"

# Document -> (path, rule) of what XML cannot say. Where it is xml_value, two prefixes stand for one namespace, or a
# prefix is declared twice: XML would bring the name back under another one.
REFUSED = {
    "hashes:examples/epcisDocWithVariousEventTypes.jsonld": (
        f"{EVENT}[3].ilmd['cbvmda2:bestBeforeDate']",
        "xml_value",
    ),
    "hashes:examples/epcisQueryDocHavingEventWithIgnoreFields.jsonld": (
        "$.epcisBody.queryResults['repository-x:ignoreFields']",
        "xml_field",
    ),
    "hashes:examples/ralfsChaosExample.jsonld": (f"{EVENT}[0]['schema:nsn']", "xml_value"),
    f"{CONVERTER}1. GS1_Eg_EPCIS_Document.json": ("$['@context']", "xml_context"),
    f"{CONVERTER}2. GS1_Eg_EPCIS_Document.json": ("$['@context']", "xml_context"),
    f"{OPENEPCIS}Namespaces_at_different_level.json": (f"{EVENT}[3]['ext4:hello']", "xml_value"),
    f"{OPENEPCIS}TransformationEvent_all_possible_fields.json": (
        f"{EVENT}[0].ilmd['cbvmda2:countryOfExport']",
        "xml_value",
    ),
}


def valid(suffixes: tuple[str, ...]) -> list[tuple[str, EpcisDocument]]:
    found = []
    for path in manifest():
        if path.endswith(suffixes):
            read = parse_xml_document if path.endswith(".xml") else parse_document
            try:
                found.append((path, read(shared_data(f"epcis/{path}").read_bytes())))
            except EpcisError:
                continue
    return found


def events(document: EpcisDocument) -> list[JsonObject]:
    """Return the events without their contexts, which XML declares elsewhere."""
    return [{name: item for name, item in each.written.items() if name != "@context"} for each in document.events]


def without_envelope(document: EpcisDocument) -> JsonObject:
    return {name: item for name, item in document.written.items() if name not in ENVELOPE}


def untyped(value: object) -> object:
    """Return a value with numbers and truth values as text, a list of one as its entry and standard terms short."""
    if isinstance(value, dict):
        return {name: untyped(item) for name, item in value.items()}
    if isinstance(value, list):
        return untyped(value[0]) if len(value) == 1 else [untyped(item) for item in value]
    return TERM.sub("", value) if isinstance(value, str) else dumps(value).decode()


def test_xml_written_and_read_again_is_the_same() -> None:
    documents = valid((".xml",))
    for path, document in documents:
        again = parse_xml_document(write_document(without_envelope(document)))
        assert same(events(again), events(document)), path
        assert again.context == document.context, path
    assert len(documents) == 89


def test_json_written_as_xml_is_the_same_but_for_types_or_refused() -> None:
    refused, written = {}, 0
    for path, document in valid((".json", ".jsonld")):
        try:
            again = parse_xml_document(write_document(without_envelope(document)))
        except EpcisError as error:
            refused[short(path)] = (error.path, error.rule)
            continue
        assert [untyped(event) for event in events(again)] == [untyped(event) for event in events(document)], path
        written += 1
    assert refused == REFUSED
    assert written == 67


def test_elements_stand_in_the_order_of_the_schema() -> None:
    event: JsonObject = {
        "@context": [{"ext": "https://ext.example/"}],
        "ext:note": {"ext:code": 7, "ext:each": [True, "b"]},
        "action": "ADD",
        "bizStep": "shipping",
        "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
        "eventTimeZoneOffset": "+00:00",
        "eventTime": "2026-01-01T00:00:00Z",
        "type": "ObjectEvent",
    }
    assert write_document(event) == (
        b"<?xml version='1.0' encoding='UTF-8'?>\n"
        b'<ObjectEvent xmlns:ext="https://ext.example/"><eventTime>2026-01-01T00:00:00Z</eventTime>'
        b"<eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
        b"<epcList><epc>urn:epc:id:sgtin:4012345.011111.9876</epc></epcList><action>ADD</action>"
        b"<bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep>"
        b"<ext:note><ext:code>7</ext:code><ext:each>true</ext:each><ext:each>b</ext:each></ext:note></ObjectEvent>"
    )
    again = xml_to_json(write_document(event))
    assert again["ext:note"] == {"ext:code": "7", "ext:each": ["true", "b"]}


@pytest.mark.parametrize(
    ("extension", "rule"),
    [
        ({"ext:a": None}, "xml_value"),
        ({"ext:a": []}, "xml_value"),
        ({"ext:a": {}}, "xml_value"),
        ({"ext:a": [["1", "2"], "3"]}, "xml_value"),
        ({"ext:a": " spaces "}, "xml_value"),
        ({"ext:a": "bell \x07"}, "xml_value"),
        ({"ext:a": {"@b": {"c": "d"}}}, "xml_value"),
        ({"ext:a": {"two words": "1"}}, "xml_name"),
        ({"ext:a": {"": "1"}}, "xml_name"),
        ({"ext:": "1"}, "xml_name"),
        ({"other:a": "1"}, "xml_namespace"),
        ({"@context": ["https://elsewhere.example/context.jsonld"]}, "xml_context"),
        ({"@context": [{"ext": "https://ext.example/", "ext:a": {"@type": "@id"}}]}, "xml_context"),
        ({"@context": [{"a b": "https://ext.example/"}]}, "xml_name"),
        ({"type": "ext:Own"}, "xml_field"),
        ({"ext:a": {"city": ["1", "2"]}}, None),
    ],
)
def test_what_xml_cannot_say_is_refused(extension: JsonObject, rule: str | None) -> None:
    event: JsonObject = {"@context": [{"ext": "https://ext.example/"}], "type": "ObjectEvent", "action": "ADD"}
    event = {**event, "eventTime": "2026-01-01T00:00:00Z", "epcList": [], **extension}
    found = None
    try:
        write_document(event)
    except EpcisError as error:
        found = error.rule
    assert found == rule
