"""``/epcis/events``: captured events in the order of capture, filtered and in pages.

Events come back as they were captured, value for value, with a ``recordTime`` besides: the time of their block.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from fastapi import APIRouter, Query, Request, Response

from ledger.block import Header
from node.api.answers import Answers, as_of
from node.api.backend import ApiNode
from node.api.epcis import HEADERS, XML_TYPES
from node.api.parameters import Read, read_parameters
from node.api.problems import Fault, Problem
from node.event_query import PARAMETERS, EventQuery, ParameterError, event_by_id, events_page, read_query
from node.queries import PAGE_MAX
from node.records import Record
from node.storage.store import Store
from standards.epcis.fields import time_text
from standards.epcis.json_text import JsonObject, JsonValue, dumps
from standards.epcis.operations import document_from_operations
from standards.epcis.xml_write import write_document
from standards.errors import EpcisError

_PER_PAGE: Final = 30
_FORMAT_NAMES: Final = {"as_captured": "Never_Translates", "digital_link": "Always_GS1_Digital_Link"}
_OPENAPI: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("perPage", "nextPageToken", "min_height", *sorted(PARAMETERS))
    ]
}

Format: TypeAlias = Literal["as_captured", "digital_link"]


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"])

    @routes.get("/events", summary="Captured events, in the order of capture", openapi_extra=_OPENAPI)
    async def events(request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        limit, token = _per_page(given.pop("perPage", None)), given.pop("nextPageToken", None)
        asked = read_parameters(Read, {name: given.pop(name) for name in ("min_height",) if name in given})
        shown, query = _format(request), _query(given)
        created, written = time_text(node.now_ms(), 0), _writer(request)

        def read(store: Store) -> tuple[bytes, str | None, dict[str, str]]:
            page = events_page(store, query, token, limit)
            return written(_document(page.records, created, shown)), page.next_token, _partial(page.records)

        (document, next_token, partial), tip = await answers.read(read, asked)
        headers = {**_headers(tip, shown), **partial}
        if next_token is not None:
            address = request.url.include_query_params(nextPageToken=next_token)
            headers["link"] = f'<{address.path}?{address.query}>; rel="next"'
        return Response(document, media_type=_answer_type(request), headers=headers)

    @routes.get("/events/{event_id:path}", summary="An event by its id, with its error declaration if it has one")
    async def event(event_id: str, request: Request, asked: Annotated[Read, Query()]) -> Response:
        shown, written = _format(request), _writer(request)

        def read(store: Store) -> tuple[bytes, dict[str, str]] | None:
            records = event_by_id(store, event_id)
            # The declaration repeats its event, so the last one says everything.
            return (written(_alone(_document(records[-1:], "", shown))), _partial(records)) if records else None

        found, tip = await answers.read(read, asked)
        if found is None:
            raise Problem("epcis.unknown_event", f"there is no event {event_id[:200]!r}")
        headers = {**_headers(tip, shown), **found[1]}
        return Response(found[0], media_type=_answer_type(request), headers=headers)

    return routes


def _document(records: Sequence[Record], created: str, shown: Format) -> JsonObject:
    return document_from_operations(
        [record.arguments for record in records],
        creation_date=created,
        identifier_format=shown,
        record_times=[time_text(record.block_time_ms, 0) for record in records],
    )


def _alone(document: JsonObject) -> JsonObject:
    """Return the only event of a query document as one that stands alone, with the context of both."""
    body = cast("dict[str, dict[str, dict[str, list[JsonObject]]]]", document["epcisBody"])
    (event,) = body["queryResults"]["resultsBody"]["eventList"]
    own = _listed(event.get("@context", []))
    # An event that was captured alone brings the context of its document again.
    context = [entry for entry in _listed(document["@context"]) if entry not in own]
    return {**event, "@context": [*context, *own]}


def _listed(context: JsonValue) -> list[JsonValue]:
    return context if isinstance(context, list) else [context]


def _headers(tip: Header, shown: Format) -> dict[str, str]:
    return {"cache-control": "no-cache", **HEADERS, **as_of(tip), "gs1-epc-format": _FORMAT_NAMES[shown]}


def _partial(records: Sequence[Record]) -> dict[str, str]:
    """Return the header that names the documents of which events are shown and others still to come."""
    parts = {record.document.document: record.document for record in records if record.document is not None}
    named = [f"{one.document};captured={one.captured};parts={one.parts}" for one in parts.values() if not one.is_whole]
    return {"tradelane-partial-documents": ", ".join(named)} if named else {}


def _query(given: Mapping[str, str]) -> EventQuery:
    try:
        return read_query(given.items())
    except ParameterError as error:
        name = next((name for name in given if str(error).startswith(name[:80])), "")[:80]
        fault = Fault(name, "epcis.query_parameter", str(error))
        raise Problem("epcis.query_parameter", str(error), faults=[fault]) from error


def _format(request: Request) -> Format:
    asked = request.headers.get("gs1-epc-format", "No_Preference")
    if asked == "Always_GS1_Digital_Link":
        return "digital_link"
    if asked in ("No_Preference", "Never_Translates"):
        return "as_captured"
    raise Problem("epcis.format", "GS1-EPC-Format is No_Preference, Never_Translates or Always_GS1_Digital_Link")


def _answer_type(request: Request) -> str:
    accept = request.headers.get("accept", "")
    if "application/ld+json" in accept:
        return "application/ld+json"
    return (
        "application/xml" if "json" not in accept and any(name in accept for name in XML_TYPES) else "application/json"
    )


def _writer(request: Request) -> Callable[[JsonObject], bytes]:
    return _xml if _answer_type(request) == "application/xml" else dumps


def _xml(value: JsonObject) -> bytes:
    try:
        return write_document(value)
    except EpcisError as error:
        raise Problem("epcis.xml", str(error), faults=[Fault(error.path, error.rule, error.message)]) from error


def _per_page(text: str | None) -> int:
    if text is None:
        return _PER_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= PAGE_MAX):
        detail = f"perPage is a number from 1 to {PAGE_MAX}"
        raise Problem("epcis.query_parameter", detail, faults=[Fault("perPage", "epcis.query_parameter", detail)])
    return int(text)
