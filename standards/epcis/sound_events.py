"""The sound events of a document of which others are not: for a captor that wants what can be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from standards.epcis.document import EVENTS_MAX, check_document
from standards.epcis.json_text import JsonObject, JsonValue, path_text
from standards.epcis.operations import Operation, events_to_operations
from standards.errors import EpcisError

_STEPS: Final = {
    "EPCISDocument": ("epcisBody", "eventList"),
    "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody", "eventList"),
}
_ALONE: Final = "$.epcisBody.eventList[0]"


@dataclass(frozen=True, slots=True)
class SoundEvents:
    """The operations of the events that are sound, each with its path, and the first fault of each of the others."""

    operations: tuple[tuple[str, Operation], ...]
    faults: tuple[tuple[str, EpcisError], ...]


def sound_events(value: JsonValue, events_max: int = EVENTS_MAX) -> SoundEvents:
    """Return what is sound of a document from ``loads`` or ``xml_to_json``.

    Raises
    ------
    EpcisError
        What stands around the events is wrong, or there are too many: nothing of it can be had.

    """
    steps = _STEPS.get(str(value.get("type"))) if isinstance(value, dict) else None
    events = None if steps is None or not isinstance(value, dict) else _at(value, steps)
    if not isinstance(value, dict) or steps is None or not isinstance(events, list):
        document = check_document(value, events_max)
        paths = [captured.path for captured in document.events]
        return SoundEvents(tuple(zip(paths, events_to_operations(document), strict=True)), ())
    if len(events) > events_max:
        message = f"{len(events)} events, at most {events_max} are accepted; send them in several documents"
        raise EpcisError(path_text(steps), "too_many_events", message)
    check_document(_without_events(value, steps))
    found: list[tuple[str, Operation]] = []
    faults: list[tuple[str, EpcisError]] = []
    for index, event in enumerate(events):
        path = path_text((*steps, index))
        try:
            (operation,) = events_to_operations(check_document(_alone(value, event)))
        except EpcisError as error:
            faults.append((path, EpcisError(error.path.replace(_ALONE, path, 1), error.rule, error.message)))
        else:
            found.append((path, operation))
    return SoundEvents(tuple(found), tuple(faults))


def _at(value: JsonObject, steps: Sequence[str]) -> JsonValue:
    inner: JsonValue = value
    for step in steps:
        inner = inner.get(step) if isinstance(inner, dict) else None
    return inner


def _without_events(value: JsonObject, steps: Sequence[str]) -> JsonObject:
    inner = value.get(steps[0])
    if len(steps) == 1 or not isinstance(inner, dict):
        return {**value, steps[0]: []}
    return {**value, steps[0]: _without_events(inner, steps[1:])}


def _alone(document: JsonObject, event: JsonValue) -> JsonObject:
    """Return a document with the context of another and one event of it."""
    return {
        "@context": document["@context"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "1970-01-01T00:00:00Z",
        "epcisBody": {"eventList": [event]},
    }
