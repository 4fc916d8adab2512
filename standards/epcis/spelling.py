"""Where an event has identifiers, and spelling all of them as canonical Digital Links."""

from typing import Final

from standards.digital_link import canonical_id
from standards.epcis.json_text import JsonObject, JsonValue

_SINGLE: Final = ("parentID", "transformationID")
_LISTS: Final = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_PLACES: Final = ("readPoint", "bizLocation")
# List of an event -> the member of its entries that is an identifier.
_ENTRIES: Final = {
    "quantityList": "epcClass",
    "childQuantityList": "epcClass",
    "inputQuantityList": "epcClass",
    "outputQuantityList": "epcClass",
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
}


def to_digital_link(event: JsonObject) -> JsonObject:
    """Return a copy of a valid event with every GS1 identifier as its canonical Digital Link."""
    spelled = dict(event)
    for name in _SINGLE:
        _respell(spelled, name)
    for name in _LISTS:
        items = spelled.get(name)
        if isinstance(items, list):
            # Two spellings of one thing become one entry, as in the arguments; EPCIS wants the entries unique.
            spelled[name] = list(dict.fromkeys(canonical_id(item) for item in items if isinstance(item, str)))
    for name in _PLACES:
        spelled.update({name: _respelled(spelled[name], "id")} if name in spelled else {})
    for name, member in _ENTRIES.items():
        entries = spelled.get(name)
        if isinstance(entries, list):
            spelled[name] = [_respelled(entry, member) for entry in entries]
    elements = spelled.get("sensorElementList")
    if isinstance(elements, list):
        spelled["sensorElementList"] = [_sensor(element) for element in elements]
    return spelled


def digital_link_in(event: JsonObject) -> str | None:
    """Return the first GS1 identifier of a valid event that is written as a Digital Link, None where none is."""
    lists = [entry for name in _LISTS for entry in _entries(event.get(name))]
    rows = [(row, member) for name, member in _ENTRIES.items() for row in _entries(event.get(name))]
    rows += [(event.get(name), "id") for name in _PLACES] + [(event, name) for name in _SINGLE]
    for element in _entries(event.get("sensorElementList")):
        if isinstance(element, dict):
            rows += [(element.get("sensorMetadata"), "deviceID")]
            rows += [(report, "deviceID") for report in _entries(element.get("sensorReport"))]
    named = [*lists, *(row.get(member) for row, member in rows if isinstance(row, dict))]
    # An URN is respelled, and what is no GS1 identifier is no link of theirs.
    return next((name for name in named if isinstance(name, str) and _is_digital_link(name)), None)


def _is_digital_link(text: str) -> bool:
    return text.startswith(("https://", "http://")) and canonical_id(text).startswith("https://id.gs1.org/")


def _entries(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _sensor(element: JsonValue) -> JsonValue:
    if not isinstance(element, dict):
        return element
    spelled = dict(element)
    if "sensorMetadata" in spelled:
        spelled["sensorMetadata"] = _respelled(spelled["sensorMetadata"], "deviceID")
    reports = spelled.get("sensorReport")
    if isinstance(reports, list):
        spelled["sensorReport"] = [_respelled(report, "deviceID") for report in reports]
    return spelled


def _respelled(value: JsonValue, name: str) -> JsonValue:
    if not isinstance(value, dict):
        return value
    copy = dict(value)
    _respell(copy, name)
    return copy


def _respell(value: JsonObject, name: str) -> None:
    text = value.get(name)
    if isinstance(text, str):
        value[name] = canonical_id(text)
