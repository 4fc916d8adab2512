"""EPCIS events as operations of the ledger, and back without loss.

``events_to_operations`` turns each event into ``("provenance.capture", arguments)``. The arguments are what the ledger
reasons about, in one spelling: canonical identifiers, barewords, integer milliseconds, decimal strings. Whatever they
cannot give back exactly (master data, extensions, the caller's spelling of an identifier or a time) is the *residue*:
the difference between the event that the arguments alone describe and the event as written, as canonical JSON.
So ``operation_to_event`` returns the event as it was written, value for value, and a plain event has no residue.

The ledger does not read the residue, so a residue may lie. ``operation_to_event`` therefore derives the arguments
again from the event that it is about to return and refuses where they differ: what is shown to a reader is always what
the ledger acted on. ``plain_event`` shows such an operation by its arguments alone.

The arguments are listed in ``standards.epcis.arguments``, the form of a difference in ``standards.epcis.residue``; the
residue is ``{"context": the document's @context, "event": difference}``, either left out where it says nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from standards.epcis import residue
from standards.epcis.arguments import Arguments, arguments_of, event_of, require_limits
from standards.epcis.document import CapturedEvent, EpcisDocument, check_event
from standards.epcis.json_text import DEPTH_MAX, JsonObject, JsonValue, dumps, loads
from standards.epcis.model import is_context
from standards.epcis.spelling import to_digital_link
from standards.errors import EpcisError, OperationError

CAPTURE: Final = "provenance.capture"
RESIDUE_BYTES_MAX: Final = 256 * 1024
# A difference puts an object of its own around every level, so that what was read at DEPTH_MAX fits into twice that.
_RESIDUE_DEPTH_MAX: Final = 2 * DEPTH_MAX

# The context that every EPCIS reader knows, and its other addresses. A document that brings only this one needs none
# of its own.
STANDARD_CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
STANDARD_CONTEXTS: Final = (
    STANDARD_CONTEXT,
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    "https://gs1.github.io/EPCIS/epcis-context.jsonld",
)

UNREADABLE: Final = "urn:tradelane:event:unreadable"

Operation: TypeAlias = tuple[str, Arguments]
IdentifierFormat = Literal["as_captured", "digital_link"]


def events_to_operations(document: EpcisDocument) -> list[Operation]:
    """Return one ``("provenance.capture", arguments)`` an event, in the order of the document.

    ``recordTime`` is left out: the ledger sets it. A captor may add ``"policy"`` to the arguments.

    Raises
    ------
    EpcisError
        ``too_many_entries``: a list or the identifiers of an event are more than the ledger takes.
        ``event_too_large``: the residue of an event is larger than 256 KiB.

    """
    context = None if _is_standard(document.context) else document.context
    return [(CAPTURE, _capture(captured, context)) for captured in document.events]


def operation_to_event(
    arguments: Mapping[str, object], *, identifier_format: IdentifierFormat = "as_captured"
) -> JsonObject:
    """Return the event that a ``provenance.capture`` operation captured, numbers exact.

    ``identifier_format="digital_link"`` spells every GS1 identifier as its canonical Digital Link.

    Raises
    ------
    OperationError
        ``not_an_event``: the arguments describe no valid event. ``residue``: the residue is not of its form.
        ``residue_contradicts``: it says something else than the arguments; ``plain_event`` still answers.

    """
    held = _residue(arguments)
    event = event_of(arguments)
    declared = event.pop("errorDeclaration", None)
    if "event" in held:
        event = _object(residue.apply(held["event"], event))
    if declared is not None:
        event["errorDeclaration"] = _declared(arguments, declared)
    try:
        captured = check_event(event)
    except EpcisError as error:
        raise OperationError(_rule(arguments), f"the operation is no event: {error}") from error
    derived, _ = arguments_of(captured.event)
    if derived != _described(arguments):
        raise OperationError(_rule(arguments), "the arguments are not those of the event that they describe")
    return to_digital_link(event) if identifier_format == "digital_link" else event


def plain_event(arguments: Mapping[str, object]) -> JsonObject:
    """Return the event that the arguments describe without the residue; it may lack what only the residue held.

    Raises
    ------
    OperationError
        ``not_an_event``: they describe none.

    """
    return event_of(arguments)


def context_of(arguments: Mapping[str, object]) -> JsonValue:
    """Return the @context of the document that the event came in, ``None`` where it was the standard one.

    Raises
    ------
    OperationError
        ``residue``: the residue is not of its form.

    """
    return _residue(arguments).get("context")


def document_from_operations(
    operations: Sequence[Mapping[str, object]],
    *,
    creation_date: str,
    query_name: str = "SimpleEventQuery",
    identifier_format: IdentifierFormat = "as_captured",
    record_times: Sequence[str] = (),
    subscription_id: str | None = None,
) -> JsonObject:
    """Return an EPCISQueryDocument with the events of the given ``provenance.capture`` arguments.

    ``record_times``, where given, is one time an event, in the same order. Contexts are kept: see
    ``document_from_events``. This never raises for what stands on the ledger: an operation whose residue lies is shown
    by its arguments alone, one that describes no event as an event of type ``urn:tradelane:event:unreadable``.
    """
    assert not record_times or len(record_times) == len(operations), "one record time an event"
    events: list[JsonObject] = []
    contexts: list[JsonValue] = []
    for index, arguments in enumerate(operations):
        event, context = shown_event(arguments, identifier_format)
        events.append({**event, "recordTime": record_times[index]} if record_times else event)
        contexts.append(context)
    return document_from_events(
        events, contexts, creation_date=creation_date, query_name=query_name, subscription_id=subscription_id
    )


def document_from_events(
    events: Sequence[JsonObject],
    contexts: Sequence[JsonValue] = (),
    *,
    creation_date: str,
    query_name: str = "SimpleEventQuery",
    subscription_id: str | None = None,
) -> JsonObject:
    """Return an EPCISQueryDocument with the given events.

    ``contexts`` is one @context an event (``None`` for the standard one). A context that all events share stands on
    the document; where they differ each event brings its own, so that no extension changes its meaning.
    """
    assert not contexts or len(contexts) == len(events), "one context an event"
    shared, own = _own_contexts(contexts)
    placed = [_with_context(event, own[index]) if own else event for index, event in enumerate(events)]
    return {
        "@context": shared,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": creation_date,
        "epcisBody": {
            "queryResults": {
                "queryName": query_name,
                **({} if subscription_id is None else {"subscriptionID": subscription_id}),
                "resultsBody": {"eventList": cast("list[JsonValue]", placed)},
            }
        },
    }


def shown_event(
    arguments: Mapping[str, object], identifier_format: IdentifierFormat = "as_captured"
) -> tuple[JsonObject, JsonValue]:
    """Return the event to show for an operation, whatever it holds, and the context of its document, None: standard."""
    try:
        return operation_to_event(arguments, identifier_format=identifier_format), context_of(arguments)
    except OperationError:
        pass
    try:
        return check_event(plain_event(arguments)).written, None
    except (OperationError, EpcisError):
        return {"type": UNREADABLE, "eventTime": "1970-01-01T00:00:00Z", "eventTimeZoneOffset": "+00:00"}, None


def _capture(captured: CapturedEvent, context: JsonValue) -> Arguments:
    arguments, plain = arguments_of(captured.event)
    require_limits(arguments, captured.path)
    written = {name: value for name, value in captured.written.items() if name != "recordTime"}
    plain_declaration, declaration = plain.pop("errorDeclaration", None), written.pop("errorDeclaration", None)
    held: JsonObject = {} if context is None else {"context": context}
    difference = residue.between(plain, written)
    if difference is not None:
        held["event"] = difference
    if held:
        arguments["residue"] = _packed(held, captured.path)
    difference = residue.between(plain_declaration, declaration)
    if difference is not None:
        # Apart from the event's own, so that an event and its error declaration differ in the declaration alone.
        cast("Arguments", arguments["declaration"])["residue"] = _packed(difference, captured.path)
    return arguments


def _packed(held: JsonObject, path: str) -> bytes:
    data = dumps(held)
    if len(data) > RESIDUE_BYTES_MAX:
        message = (
            f"{len(data)} bytes of extensions and spelling, at most {RESIDUE_BYTES_MAX} are accepted; "
            "move large content into a document and refer to it"
        )
        raise EpcisError(path, "event_too_large", message)
    return data


def _residue(arguments: Mapping[str, object]) -> JsonObject:
    """Return what the residue holds, checked for its form."""
    if "residue" not in arguments:
        return {}
    held = _unpacked(arguments["residue"])
    if held.keys() - {"context", "event"}:
        raise OperationError("residue", "the residue holds something else than context and event")
    if "context" in held and not is_context(held["context"]):
        raise OperationError("residue", "the context in the residue is no @context")
    return held


def _declared(arguments: Mapping[str, object], plain: JsonValue) -> JsonValue:
    declaration = cast("Mapping[str, object]", arguments["declaration"])
    return residue.apply(_unpacked(declaration["residue"]), plain) if "residue" in declaration else plain


def _unpacked(data: object) -> JsonObject:
    if not isinstance(data, bytes) or len(data) > RESIDUE_BYTES_MAX:
        raise OperationError("residue", f"a residue is at most {RESIDUE_BYTES_MAX} bytes of JSON")
    try:
        held = loads(data, _RESIDUE_DEPTH_MAX)
    except EpcisError as error:
        raise OperationError("residue", f"a residue is canonical JSON: {error}") from error
    if not held or dumps(held) != data:
        raise OperationError("residue", "a residue is canonical JSON, and left out where it is empty")
    return _object(held)


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise OperationError("residue", "a residue makes an object into an object")
    return value


def _described(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that an event alone determines: without residue, and without the captor's policy."""
    described = {name: value for name, value in arguments.items() if name not in ("residue", "policy")}
    if "declaration" in described:
        declaration = cast("Mapping[str, object]", described["declaration"])
        described["declaration"] = {name: value for name, value in declaration.items() if name != "residue"}
    return described


def _rule(arguments: Mapping[str, object]) -> str:
    """Return who is to blame where arguments and event disagree."""
    declaration = arguments.get("declaration")
    nested = isinstance(declaration, Mapping) and "residue" in declaration
    return "residue_contradicts" if nested or "residue" in arguments else "not_an_event"


def _is_standard(context: JsonValue) -> bool:
    entries = context if isinstance(context, list) else [context]
    return len(entries) == 1 and entries[0] in STANDARD_CONTEXTS


def _own_contexts(contexts: Sequence[JsonValue]) -> tuple[JsonValue, list[list[JsonValue]]]:
    """Return the context of the document and, for each event, the entries that it must bring itself (empty: none).

    A context goes on the document only where every event came with the same one. Anything less could change another
    event: a caller who declares ``urn`` or ``gs1`` as a prefix gives a new meaning to every identifier under it.
    """
    if all(context is None for context in contexts):
        return [STANDARD_CONTEXT], []
    if all(dumps(context) == dumps(contexts[0]) for context in contexts):
        return contexts[0], []
    lists = [context if isinstance(context, list) else [context] for context in contexts]
    return [STANDARD_CONTEXT], [
        [entry for entry in entries if entry is not None and entry not in STANDARD_CONTEXTS] for entries in lists
    ]


def _with_context(event: JsonObject, kept: list[JsonValue]) -> JsonObject:
    if not kept:
        return event
    brought = event.get("@context", [])
    own = brought if isinstance(brought, list) else [brought]
    # No entry may stand twice, and of two the later one counts.
    return {**event, "@context": [*(entry for entry in kept if entry not in own), *own]}
