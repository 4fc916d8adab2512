"""Query parameters that look into the whole event: each against events of which one is meant, and one is nearly it."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.provenance.events import read_event
from node.event_filters import FIXED, ParameterError, Seen, read_filter
from node.records import Record
from standards.epcis.document import parse_document
from standards.epcis.operations import events_to_operations
from tests.support.epcis import observation

NAMESPACE = "https://example.org/epcis/"
CONTEXT = {"ex": NAMESPACE}

EVENT: dict[str, Any] = {
    **observation("urn:epc:id:sgtin:9521102.000200.1", "ADD"),
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "urn:x:po:1"},
        {"type": "inv", "bizTransaction": "urn:x:inv:1"},
    ],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9521102.00000"}],
    "destinationList": [{"type": "possessing_party", "destination": "https://id.gs1.org/417/9521104000006"}],
    "quantityList": [
        {"epcClass": "urn:epc:class:lgtin:9521102.000200.L", "quantity": 12.5, "uom": "KGM"},
        {"epcClass": "urn:epc:class:lgtin:9521102.000200.M", "quantity": 7},
    ],
    "sensorElementList": [
        {
            "sensorMetadata": {
                "startTime": "2025-05-01T08:00:00Z",
                "endTime": "2025-05-01T09:00:00Z",
                "deviceID": "urn:epc:id:giai:9521102.7",
                "dataProcessingMethod": "https://id.gs1.org/253/952110200000100",
                "bizRules": "https://example.org/rules/1",
                "ex:fitted": "door",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 4.5,
                    "minValue": 2.1,
                    "maxValue": 7.9,
                    "meanValue": 4.4,
                    "sDev": 0.3,
                    "uom": "CEL",
                    "time": "2025-05-01T08:30:00Z",
                    "ex:quality": 3,
                },
                {"type": "Dimensionless", "percRank": 95, "percValue": 3, "uom": "P1"},
                {"type": "gs1:MT-x", "stringValue": "ok", "booleanValue": True, "hexBinaryValue": "0aFF"},
                {
                    "type": "Count",
                    "uriValue": "urn:x:v",
                    "microorganism": "urn:x:m",
                    "chemicalSubstance": "urn:x:c",
                    "deviceMetadata": "https://example.org/dm",
                    "rawData": "https://example.org/raw",
                },
            ],
            "ex:mounted": "2025-01-01T00:00:00Z",
        }
    ],
    "ilmd": {"ex:grade": "A", "ex:inner": {"ex:deep": 5}},
    "ex:note": "hello",
    "ex:count": 7,
    "ex:at": "2025-05-01T10:00:00+02:00",
    "ex:flag": True,
    "ex:list": [{"ex:deep": "one"}, {"ex:deep": "two"}],
    "ex:attributed": {"@unit": "kg", "#text": "3"},
    "readPoint": {"id": "urn:epc:id:sgln:9521102.00001.0", "ex:gate": "7"},
    "bizLocation": {"id": "urn:epc:id:sgln:9521102.00001.4711", "ex:floor": 2},
}
DECLARED: dict[str, Any] = {
    **observation("urn:epc:id:sgtin:9521102.000200.2"),
    "errorDeclaration": {
        "declarationTime": "2025-05-02T10:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:right"],
        "ex:who": "Ana",
    },
}
PLAIN = observation("urn:epc:id:sgtin:9521102.000200.3")


def seen(event: dict[str, Any], namespaces: dict[str, str] | None = None) -> Seen:
    """Return an event as a query sees it, without a ledger."""
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-05-01T10:00:00Z",
        "epcisBody": {"eventList": [event]},
    }
    ((_, arguments),) = events_to_operations(parse_document(json.dumps(document).encode()))
    return Seen(cast("Record", SimpleNamespace(arguments=arguments, event=read_event(arguments))), namespaces or {})


def holds(event: dict[str, Any], name: str, value: str, namespaces: dict[str, str] | None = None) -> bool:
    test = read_filter(name, value, namespaces or {})
    assert test is not None, name
    return test(seen(event, namespaces))


HOLDING = [
    ("EQ_persistentDisposition_set", "completeness_verified"),
    ("EQ_persistentDisposition_set", "https://ref.gs1.org/cbv/Disp-completeness_verified"),
    ("EQ_persistentDisposition_unset", "conformant,completeness_inferred"),
    ("EQ_bizTransaction_po", "urn:x:po:1"),
    ("EQ_bizTransaction_urn:epcglobal:cbv:btt:po", "urn:x:po:1"),
    ("EQ_source_owning_party", "https://id.gs1.org/417/9521102000008"),
    ("EQ_destination_possessing_party", "urn:epc:id:pgln:9521104.00000"),
    ("EQ_quantity", "7"),
    ("EQ_quantity_KGM", "12.50"),
    ("GT_quantity_KGM", "12.4"),
    ("GE_quantity_KGM", "12.5"),
    ("LT_quantity_KGM", "13"),
    ("LE_quantity", "7.0"),
    ("EQ_type", "Temperature"),
    ("EQ_type", "https://gs1.org/voc/Temperature"),
    ("EQ_deviceID", "https://id.gs1.org/8004/95211027"),
    ("EQ_SENSORMETADATA_deviceID", "urn:epc:id:giai:9521102.7"),
    ("EQ_dataProcessingMethod", "https://id.gs1.org/253/952110200000100"),
    ("EQ_bizRules", "https://example.org/rules/1"),
    ("EQ_deviceMetadata", "https://example.org/dm"),
    ("EQ_SENSORREPORT_rawData", "https://example.org/raw"),
    ("EQ_stringValue", "ok"),
    ("EQ_booleanValue", "true"),
    ("EQ_hexBinaryValue", "0aFF"),
    ("EQ_uriValue", "urn:x:v"),
    ("EQ_microorganism", "urn:x:m"),
    ("EQ_chemicalSubstance", "urn:x:c"),
    ("EQ_value_CEL", "4.5"),
    ("GE_minValue_CEL", "2.1"),
    ("LT_maxValue_CEL", "8"),
    ("LE_meanValue_CEL", "4.4"),
    ("GT_sDev_CEL", "0.29"),
    ("GE_percRank", "95"),
    ("EQ_percValue_P1", "3"),
    ("GE_startTime", "2025-05-01T08:00:00Z"),
    ("LT_endTime", "2025-05-01T09:00:00.001Z"),
    ("GE_SENSORREPORT_time", "2025-05-01T10:30:00+02:00"),
    ("EQ_ex:note", "hello"),
    ("EQ_https://example.org/epcis/note", "hello"),
    ("EQ_ex:count", "7.0"),
    ("EQ_ex:flag", "true"),
    ("GT_ex:count", "6"),
    ("LT_ex:at", "2025-05-01T08:00:01Z"),
    ("GE_ex:at", "2025-05-01T08:00:00Z"),
    ("EXISTS_ex:note", "true"),
    ("EXISTS_ex:absent", "false"),
    ("EQ_INNER_ex:deep", "two"),
    ("EXISTS_INNER_ex:deep", "true"),
    ("EQ_ILMD_ex:grade", "A"),
    ("GE_INNER_ILMD_ex:deep", "5"),
    ("EQ_readPoint_ex:gate", "7"),
    ("LE_bizLocation_ex:floor", "2"),
    ("LT_SENSORELEMENT_ex:mounted", "2025-01-02T00:00:00Z"),
    ("EQ_SENSORMETADATA_ex:fitted", "door"),
    ("GT_SENSORREPORT_ex:quality", "2"),
    ("HASATTR_ex:attributed", "unit"),
    ("EQATTR_ex:attributed_unit", "kg"),
    ("EQ_ex:attributed", "3"),
]
NOT_HOLDING = [
    ("EQ_persistentDisposition_set", "completeness_inferred"),
    ("EQ_bizTransaction_inv", "urn:x:po:1"),
    ("EQ_source_possessing_party", "urn:epc:id:pgln:9521102.00000"),
    ("EQ_quantity", "12.5"),
    ("GT_quantity_KGM", "12.5"),
    ("EQ_quantity_GRM", "12.5"),
    ("EQ_SENSORREPORT_deviceID", "urn:epc:id:giai:9521102.7"),
    ("EQ_booleanValue", "false"),
    ("EQ_value_FAH", "4.5"),
    ("GT_percRank", "95"),
    ("EQ_ex:note", "Hello"),
    ("EQ_note:ex", "hello"),
    ("EQ_ex:deep", "two"),
    ("EQ_INNER_ex:note", "hello"),
    ("EQ_ILMD_ex:note", "hello"),
    ("GT_ex:flag", "0"),
    ("LT_ex:note", "2025-01-02T00:00:00Z"),
    ("EXISTS_ILMD_ex:deep", "true"),
    ("HASATTR_ex:note", "unit"),
    ("EQATTR_ex:attributed_unit", "g"),
]


@pytest.mark.parametrize(("name", "value"), HOLDING)
def test_a_parameter_finds_the_event_and_not_a_plain_one(name: str, value: str) -> None:
    assert holds(EVENT, name, value)
    assert holds(PLAIN, name, value) is (value == "false")


@pytest.mark.parametrize(("name", "value"), NOT_HOLDING)
def test_a_parameter_that_nearly_fits_finds_nothing(name: str, value: str) -> None:
    assert not holds(EVENT, name, value)


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("EQ_errorReason", "incorrect_data", "did_not_occur"),
        ("EQ_correctiveEventID", "urn:uuid:right", "urn:uuid:wrong"),
        ("GE_errorDeclaration_Time", "2025-05-02T10:00:00Z", "2025-05-02T10:00:01Z"),
        ("LT_errorDeclaration_Time", "2025-05-02T10:00:01Z", "2025-05-02T10:00:00Z"),
        ("EQ_ERROR_DECLARATION_ex:who", "Ana", "Bo"),
    ],
)
def test_error_declarations_are_found(name: str, value: str, other: str) -> None:
    assert holds(DECLARED, name, value)
    assert not holds(DECLARED, name, other)
    assert not holds(EVENT, name, value)


def test_prefixes_are_the_caller_s_where_it_gives_them_and_the_event_s_own_otherwise() -> None:
    assert holds(EVENT, "EQ_mine:note", "hello", {"mine": NAMESPACE})
    assert not holds(EVENT, "EQ_ex:note", "hello", {"ex": "https://example.com/other/"})


def test_every_fixed_name_is_read() -> None:
    values = {"Time": "2025-05-01T08:00:00Z", "time": "2025-05-01T08:00:00Z", "booleanValue": "true"}
    for name in sorted(FIXED):
        field = name.rpartition("_")[2]
        test = read_filter(name, values["time"] if field.endswith(("Time", "time")) else values.get(field, "1"), {})
        assert test is not None, name
        test(seen(PLAIN))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EQ_quantity", "many"),
        ("GT_quantity_KGM", "1e3"),
        ("GT_quantity", "1,2"),
        ("EQ_value", "4"),
        ("GE_percRank_P1", "4"),
        ("EQ_booleanValue", "1"),
        ("GE_startTime", "yesterday"),
        ("EXISTS_ex:note", "1"),
        ("GT_ex:count", "seven"),
        ("EQATTR_ex:note", "kg"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ParameterError, match=name):
        read_filter(name, value, {})


@pytest.mark.parametrize("name", ["EQ_colour", "GT_bizStep", "quantity", "EQ_", "EXISTS_note", "XX_ex:note", "EQ_ex:"])
def test_what_is_no_parameter_is_none(name: str) -> None:
    assert read_filter(name, "1", {}) is None
