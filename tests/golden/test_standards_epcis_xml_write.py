"""Every valid EPCIS document of the shared test data, written as XML and read again."""

import re
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.json_text import DEPTH_MAX, SIZE_BYTES_MAX, JsonObject, JsonValue, dumps, same
from standards.epcis.xml_names import EVENT_AS_JSON, STANDARD_CONTEXT
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

# Document -> (path, rule) of what XML cannot say around its events.
REFUSED = {
    "hashes:examples/epcisQueryDocHavingEventWithIgnoreFields.jsonld": (
        "$.epcisBody.queryResults['repository-x:ignoreFields']",
        "xml_field",
    ),
}
# Document -> (events in JSON, why the first is). Two prefixes stand for one namespace, or a prefix is declared twice:
# XML would bring the name back under another one. Two documents have an @context that is more than prefixes.
AS_JSON = {
    "hashes:examples/epcisDocWithVariousEventTypes.jsonld": (1, f"{EVENT}[3].ilmd['cbvmda2:bestBeforeDate']"),
    "hashes:examples/ralfsChaosExample.jsonld": (1, f"{EVENT}[0]['schema:nsn']"),
    f"{CONVERTER}1. GS1_Eg_EPCIS_Document.json": (1, "$['@context']"),
    f"{CONVERTER}2. GS1_Eg_EPCIS_Document.json": (1, "$['@context']"),
    f"{OPENEPCIS}Namespaces_at_different_level.json": (1, f"{EVENT}[3]['ext4:hello']"),
    f"{OPENEPCIS}TransformationEvent_all_possible_fields.json": (1, f"{EVENT}[0].ilmd['cbvmda2:countryOfExport']"),
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


def reasons(written: bytes) -> list[str]:
    """Return why events stand in JSON in a document of XML."""
    return [str(element.get("reason")) for element in etree.fromstring(written).iter(EVENT_AS_JSON)]


def test_json_written_as_xml_is_the_same_but_for_types() -> None:
    refused, as_json, written = {}, {}, 0
    for path, document in valid((".json", ".jsonld")):
        try:
            data = write_document(without_envelope(document))
        except EpcisError as error:
            refused[short(path)] = (error.path, error.rule)
            continue
        if found := reasons(data):
            as_json[short(path)] = (len(found), found[0].split(": ")[0])
        again = parse_xml_document(data)
        assert [untyped(event) for event in events(again)] == [untyped(event) for event in events(document)], path
        written += 1
    assert refused == REFUSED
    assert as_json == AS_JSON
    assert written == 73


def queried(*given: JsonObject, context: JsonValue = None) -> JsonObject:
    results: JsonObject = {"queryName": "q", "resultsBody": {"eventList": list(given)}}
    head: JsonObject = {"@context": context or [STANDARD_CONTEXT], "type": "EPCISQueryDocument", "schemaVersion": "2.0"}
    return {**head, "creationDate": "2026-01-01T00:00:00Z", "epcisBody": {"queryResults": results}}


def sound(name: str, **more: Any) -> JsonObject:
    event: JsonObject = {"type": "ObjectEvent", "eventID": f"urn:uuid:{name}", "action": "ADD", "epcList": []}
    return {**event, "eventTime": "2026-01-01T00:00:00Z", "eventTimeZoneOffset": "+00:00", **more}


def test_an_event_that_xml_cannot_say_stands_in_json_among_the_others() -> None:
    own: list[JsonValue] = [{"ext": "https://ext.example/"}]
    odd = sound("odd", **{"@context": own, "ext:a": {"b": None, "c": [Decimal("1.5"), " \x07\ufffe\r"], "d": True}})
    late = sound("late", **{"@context": own, "ext:a": " spaces "})
    document = parse_document(dumps(queried(sound("first"), odd, sound("between"), late, sound("last"))))
    data = write_document(document.written)
    assert [text.split(": ")[0] for text in reasons(data)] == [
        "$.epcisBody.queryResults.resultsBody.eventList[1]['ext:a'].b",
        "$.epcisBody.queryResults.resultsBody.eventList[3]['ext:a']",
    ]
    again = parse_xml_document(data)
    assert again.context == [STANDARD_CONTEXT]
    assert [event.written for event in again.events] == [event.written for event in document.events]


@pytest.mark.parametrize("odd", ["https://elsewhere.example/c.jsonld", {"a b": "https://spaces.example/"}])
def test_a_context_that_xml_cannot_say_is_brought_by_each_event(odd: JsonValue) -> None:
    context: list[JsonValue] = [STANDARD_CONTEXT, odd, {"ext": "https://ext.example/"}]
    again = parse_xml_document(write_document(queried(sound("a", **{"ext:a": "1"}), context=context)))
    assert again.context == [STANDARD_CONTEXT]
    assert again.events[0].written == sound("a", **{"@context": context[1:], "ext:a": "1"})


def test_a_page_that_is_large_or_deep_is_written_all_the_same() -> None:
    own: list[JsonValue] = [{"ext": "https://ext.example/"}]
    large = [sound(str(number), **{"@context": own, "ext:a": "x" * 250_000}) for number in range(36)]
    data = write_document(queried(*large))
    assert len(data) > SIZE_BYTES_MAX
    assert reasons(data) == []
    deep: JsonValue = "1"
    for _ in range(DEPTH_MAX - 4):
        deep = {"ext:a": deep}
    given = (sound("deep", **{"@context": own, "ext:a": deep}), sound("first"))
    data = write_document(queried(*given))
    assert len(reasons(data)) == 2
    assert [event.written["eventID"] for event in parse_xml_document(data).events] == [
        "urn:uuid:deep",
        "urn:uuid:first",
    ]
    assert parse_xml_document(data).events[0].written == given[0]


@pytest.mark.parametrize(
    ("text", "rule"),
    [(b"", "not_json"), (b"[]", "wrong_type"), (b"{", "not_json"), (b"{}<a/>", "wrong_type"), (b"{}", "missing_field")],
)
def test_an_element_that_holds_no_event_is_refused(text: bytes, rule: str) -> None:
    data = write_document(queried(sound("a", **{"@context": [{"ext": "https://ext.example/"}], "ext:a": None})))
    start, end = data.index(b">", data.index(b"<json:event")) + 1, data.index(b"</json:event>")
    with pytest.raises(EpcisError) as refused:
        parse_xml_document(data[:start] + text + data[end:])
    assert refused.value.rule == rule
    assert refused.value.path.startswith("$.epcisBody.queryResults.resultsBody.eventList[0]")


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
