"""EPCIS documents: the envelope around events, and the one reason why a document is refused.

``parse_document`` takes an ``EPCISDocument``, an ``EPCISQueryDocument`` or a single event with its own ``@context``.
Nothing is loaded from anywhere: an ``@context`` is kept, never followed.

Of several faults the first in document order is reported, but those of shape (a field is missing, of the wrong type,
contradicts another) before those of vocabulary (a word or a name that is none), because the first kind often causes
the second.

Rules: EPCIS 2.0 (ISO/IEC 19987) section 9, as in GS1's JSON schema with format assertion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, TypeVar, cast

from pydantic import Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from standards.epcis import fields, vocabulary
from standards.epcis.json_text import SIZE_BYTES_MAX, JsonObject, JsonValue, loads, path_text
from standards.epcis.model import EVENT_MODELS, Context, Element, Event, Many, UserEvent
from standards.errors import EpcisError

EVENTS_MAX: Final = 1000

DocumentKind = Literal["EPCISDocument", "EPCISQueryDocument", "event"]
Model = TypeVar("Model", bound=Element)

# Faults of vocabulary; every other rule is one of shape.
_WORDS: Final = frozenset({"not_a_uri", "unknown_term", "use_bareword", "undefined_name", "not_a_time"})
# Pydantic's own rules that can still show, as ours.
_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("missing_field", "{field} is missing; add it"),
    "list_type": ("wrong_type", "{field} is not a list; write it in brackets"),
    "too_short": ("empty_list", "{field} is empty; it needs at least one entry"),
}


@dataclass(frozen=True, slots=True)
class CapturedEvent:
    """An event as a type and as it was written, with its path in the document (``$.epcisBody.eventList[0]``)."""

    event: Event
    written: JsonObject
    path: str


@dataclass(frozen=True, slots=True)
class EpcisDocument:
    """A valid document: ``context`` is its @context, ``written`` the whole of it."""

    kind: DocumentKind
    context: JsonValue
    events: tuple[CapturedEvent, ...]
    written: JsonObject


def _attribute_value(value: object) -> object:
    if isinstance(value, bool | list):
        raise PydanticCustomError("wrong_type", "the value of an attribute is a number, a text or an object")
    return value


class _Attribute(Element):
    extensible: ClassVar[bool | None] = None
    id: fields.Uri
    attribute: Annotated[object, PlainValidator(_attribute_value)] = None


class _VocabularyElement(Element):
    extensible: ClassVar[bool | None] = None
    id: fields.Uri
    attributes: Many[_Attribute] | None = None
    children: Many[fields.Uri] | None = None


class _Vocabulary(Element):
    extensible: ClassVar[bool | None] = None
    type: fields.Uri
    vocabulary_element_list: Many[_VocabularyElement] | None = None


class _MasterData(Element):
    extensible: ClassVar[bool | None] = None
    vocabulary_list: Many[_Vocabulary] | None = None


class _Header(Element):
    epcis_master_data: _MasterData | None = None


class _Body(Element):
    extensible: ClassVar[bool | None] = None
    event_list: list[object]


class _Document(Element):
    context: Context = Field(alias="@context")
    type: fields.Text
    id: fields.Uri | None = None
    schema_version: fields.Version
    creation_date: fields.Time
    instance_identifier: fields.Text | None = None
    sender: fields.Text | None = None
    receiver: fields.Text | None = None
    epcis_header: _Header | None = None
    epcis_body: _Body


class _ResultsBody(Element):
    event_list: list[object]
    vocabulary_list: Many[_Vocabulary] | None = None


class _QueryResults(Element):
    query_name: fields.Text
    subscription_id: fields.Text | None = Field(default=None, alias="subscriptionID")
    results_body: _ResultsBody


class _QueryBody(Element):
    query_results: _QueryResults


class _QueryDocument(Element):
    context: Context = Field(alias="@context")
    type: fields.Text
    id: fields.Uri | None = None
    schema_version: fields.Version | None = None
    creation_date: fields.Time | None = None
    epcis_body: _QueryBody


def parse_document(data: bytes, *, events_max: int = EVENTS_MAX, size_bytes_max: int = SIZE_BYTES_MAX) -> EpcisDocument:
    """Return the document in ``data`` (UTF-8 JSON).

    Raises
    ------
    EpcisError
        The first reason why the document is none, with its JSON path and rule.

    """
    return check_document(loads(data, size_bytes_max=size_bytes_max), events_max)


def check_document(value: JsonValue, events_max: int = EVENTS_MAX) -> EpcisDocument:
    """Return the document that a value from ``loads`` is; the same rules as ``parse_document``."""
    if not isinstance(value, dict):
        raise EpcisError("$", "wrong_type", "the document is not a JSON object; write it in braces")
    kind: DocumentKind
    if value.get("type") == "EPCISDocument":
        kind = "EPCISDocument"
        document = _validate(_Document, value, ())
        steps: tuple[str, ...] = ("epcisBody", "eventList")
        events = document.epcis_body.event_list
    elif value.get("type") == "EPCISQueryDocument":
        kind = "EPCISQueryDocument"
        query = _validate(_QueryDocument, value, ())
        steps = ("epcisBody", "queryResults", "resultsBody", "eventList")
        events = query.epcis_body.query_results.results_body.event_list
    else:
        return _bare_event(value)
    if len(events) > events_max:
        message = f"{len(events)} events, at most {events_max} are accepted; send them in several documents"
        raise EpcisError(path_text(steps), "too_many_events", message)
    return EpcisDocument(kind, value["@context"], _events(cast("list[JsonValue]", events), steps), value)


def check_event(value: JsonValue, path: tuple[str | int, ...] = ()) -> CapturedEvent:
    """Return the event that a value from ``loads`` is, by the type that it names."""
    if not isinstance(value, dict):
        raise EpcisError(path_text(path), "wrong_type", "the event is not a JSON object; write it in braces")
    name = value.get("type")
    model = EVENT_MODELS.get(vocabulary.event_type(name), UserEvent) if isinstance(name, str) else UserEvent
    if model is UserEvent and isinstance(name, str) and not fields.is_uri(name):
        known = ", ".join(EVENT_MODELS)
        message = f"{name!r} is no event type; it is one of {known}, or the URI of a type of your own"
        raise EpcisError(path_text((*path, "type")), "unknown_event_type", message)
    return CapturedEvent(_validate(model, value, path), value, path_text(path))


def _bare_event(value: JsonObject) -> EpcisDocument:
    if "type" not in value:
        message = "type is missing; it is EPCISDocument, EPCISQueryDocument or an event type"
        raise EpcisError("$.type", "missing_field", message)
    captured = check_event(value)
    if "@context" not in value:
        message = "@context is missing; an event that stands alone brings its own"
        raise EpcisError(path_text(("@context",)), "missing_field", message)
    return EpcisDocument("event", value["@context"], (captured,), value)


def _events(values: list[JsonValue], steps: tuple[str, ...]) -> tuple[CapturedEvent, ...]:
    captured: list[CapturedEvent] = []
    word_fault: EpcisError | None = None
    for index, value in enumerate(values):
        try:
            captured.append(check_event(value, (*steps, index)))
        except EpcisError as error:
            if error.rule not in _WORDS and error.rule != "unknown_event_type":
                raise
            word_fault = word_fault or error
    if word_fault is not None:
        raise word_fault
    return tuple(captured)


def _validate(model: type[Model], value: JsonObject, path: tuple[str | int, ...]) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
        first = next((error for error in errors if error["type"] not in _WORDS), errors[0])
        raise _refusal(first, path) from None


def _refusal(error: ErrorDetails, path: tuple[str | int, ...]) -> EpcisError:
    """Turn one of pydantic's errors into ours."""
    steps = (*path, *error["loc"])
    context = error.get("ctx") or {}
    if "at" in context:
        steps = (*steps, context["at"])
    rule, message = error["type"], error["msg"]
    if rule in _RULES:
        rule, template = _RULES[rule]
        message = template.format(field=steps[-1])
    return EpcisError(path_text(steps), rule, message)
