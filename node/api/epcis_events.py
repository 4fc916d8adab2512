"""``/epcis/events``: captured events, filtered and in pages; the same answers under a resource and a named query.

Events come back as they were captured, value for value, with a ``recordTime`` besides: the time of their block.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger.block import Header
from node.api.answers import Answers, as_of
from node.api.backend import ApiNode
from node.api.epcis import HEADERS, XML_TYPES, require_version
from node.api.parameters import Read, read_parameters
from node.api.problems import Fault, Problem
from node.document_parts import partial_text
from node.event_filters import PATTERNS, ParameterError
from node.event_query import PARAMETERS, EventQuery, QueryTooLargeError, event_by_id, events_page, read_query
from node.queries import PAGE_MAX
from node.records import Record
from node.storage.store import Store
from standards.epcis.fields import time_text
from standards.epcis.json_text import JsonObject, JsonValue, dumps
from standards.epcis.operations import document_from_operations
from standards.epcis.spelling import digital_link_in
from standards.epcis.xml_write import write_document
from standards.errors import EpcisError

_PER_PAGE: Final = 30
_EXTENSIONS_MAX: Final = 50
_EXTENSION: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,63})=([A-Za-z][A-Za-z0-9+.-]*:[^\s,]{1,500})")
_FORMAT_NAMES: Final = {
    "as_captured": "Never_Translates",
    "digital_link": "Always_GS1_Digital_Link",
    "urn": "Always_EPC_URN",
}
_FORMATS: Final = {"No_Preference": "as_captured", **{name: form for form, name in _FORMAT_NAMES.items()}}
OPENAPI: Final[dict[str, Any]] = {
    "parameters": [
        *(
            {"name": name, "in": "query", "schema": {"type": "string"}}
            for name in ("perPage", "nextPageToken", "min_height", *sorted(PARAMETERS))
        ),
    ],
    "description": "Further parameters, by pattern: " + ", ".join(f"`{pattern}`" for pattern in PATTERNS),
}

Format: TypeAlias = Literal["as_captured", "digital_link", "urn"]


class EventPages:
    """Answers queries about events, whichever path they come under."""

    def __init__(self, node: ApiNode, answers: Answers) -> None:
        self._node = node
        self._answers = answers

    async def answer(
        self,
        request: Request,
        fixed: Mapping[str, str] | None = None,
        query_name: str = "SimpleEventQuery",
        namespaces: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a page of the events that the request asks for.

        ``fixed`` are parameters that its path stands for, ``namespaces`` the prefixes of extensions in them.
        """
        given = dict(request.query_params.multi_items())
        limit, token = read_per_page(given.pop("perPage", None)), given.pop("nextPageToken", None)
        asked = read_parameters(Read, {name: given.pop(name) for name in ("min_height",) if name in given})
        for name in fixed or {}:
            if name in given:
                raise _problem(name, f"{name} is fixed by the address; leave it out, or ask /epcis/events")
        shown, query = _format(request), self._query(request, given, fixed or {}, namespaces)
        created, written = time_text(self._node.now_ms(), 0), _writer(request)

        def read(store: Store) -> tuple[bytes, str | None, dict[str, str]]:
            page = events_page(store, query, token, limit)
            document = document_of(page.records, created, shown, query_name)
            return written(document), page.next_token, _partial(page.records)

        try:
            (document, next_token, partial), tip = await self._answers.read(read, asked)
        except QueryTooLargeError as error:
            raise Problem("epcis.query_too_large", str(error)) from error
        headers = {**_headers(tip, shown), **partial}
        if next_token is not None:
            headers["link"] = next_link(request, next_token)
        return Response(document, media_type=_answer_type(request), headers=headers)

    def _query(
        self,
        request: Request,
        given: Mapping[str, str],
        fixed: Mapping[str, str],
        namespaces: Mapping[str, str] | None,
    ) -> EventQuery:
        return read_events_query({**given, **fixed}, {**extensions_of(request), **(namespaces or {})})


def router(pages: EventPages, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"], dependencies=[Depends(require_version)])

    @routes.get("/events", summary="Captured events, in the order of capture", openapi_extra=OPENAPI)
    async def events(request: Request) -> Response:
        return await pages.answer(request)

    @routes.get("/events/{event_id:path}", summary="An event by its id, with its error declaration if it has one")
    async def event(event_id: str, request: Request, asked: Annotated[Read, Query()]) -> Response:
        shown, written = _format(request), _writer(request)

        def read(store: Store) -> tuple[bytes, dict[str, str]] | None:
            records = event_by_id(store, event_id)
            if records is None:
                raise Problem("block.pruned", f"the event {event_id[:200]!r} is in a block that was given up here")
            # The declaration repeats its event, so the last one says everything.
            return (written(_alone(document_of(records[-1:], "", shown))), _partial(records)) if records else None

        found, tip = await answers.read(read, asked)
        if found is None:
            raise Problem("epcis.unknown_event", f"there is no event {event_id[:200]!r}")
        headers = {**_headers(tip, shown), **found[1]}
        return Response(found[0], media_type=_answer_type(request), headers=headers)

    return routes


def next_link(request: Request, token: str) -> str:
    """Return the header that leads to the next page of what a request asked for."""
    asked = {**dict(request.query_params.multi_items()), "nextPageToken": token}
    path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii")
    return f'<{path}?{urlencode(asked)}>; rel="next"'


def document_of(
    records: Sequence[Record], created: str, shown: Format, query_name: str = "SimpleEventQuery"
) -> JsonObject:
    """Return the query document of events, as they were captured or in the spelling that is asked for."""
    document = document_from_operations(
        [record.arguments for record in records],
        creation_date=created,
        query_name=query_name,
        identifier_format="digital_link" if shown == "digital_link" else "as_captured",
        record_times=[time_text(record.block_time_ms, 0) for record in records],
    )
    if shown == "urn":
        for event in _events(document):
            found = digital_link_in(event)
            if found is not None:
                raise Problem(
                    "epcis.format",
                    f"{found[:200]} was captured as a Digital Link, which does not say how long the company prefix "
                    "is that its EPC URN needs; ask with No_Preference",
                )
    return document


def _events(document: JsonObject) -> list[JsonObject]:
    body = cast("dict[str, dict[str, dict[str, list[JsonObject]]]]", document["epcisBody"])
    return body["queryResults"]["resultsBody"]["eventList"]


def _alone(document: JsonObject) -> JsonObject:
    """Return the only event of a query document as one that stands alone, with the context of both."""
    (event,) = _events(document)
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
    named = partial_text(record.document for record in records)
    return {"tradelane-partial-documents": named} if named else {}


def read_events_query(given: Mapping[str, str], namespaces: Mapping[str, str]) -> EventQuery:
    """Return the query of parameters; raises Problem with the one that is wrong."""
    try:
        return read_query(given.items(), namespaces)
    except ParameterError as error:
        name = next((name for name in given if str(error).startswith(name[:80])), "")[:80]
        raise _problem(name, str(error)) from error


def extensions_of(request: Request) -> dict[str, str]:
    """Return the namespaces that a request gives by prefix in ``GS1-Extensions``; raises Problem."""
    text = request.headers.get("gs1-extensions", "")
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    found = [_EXTENSION.fullmatch(entry) for entry in entries]
    if len(entries) > _EXTENSIONS_MAX or None in found:
        detail = "GS1-Extensions is prefix=namespace, separated by commas, such as ex=https://example.org/epcis/"
        raise _problem("GS1-Extensions", detail)
    return {match[1]: match[2] for match in found if match is not None}


def _format(request: Request) -> Format:
    asked = request.headers.get("gs1-epc-format", "No_Preference")
    if asked not in _FORMATS:
        raise Problem("epcis.format", f"GS1-EPC-Format is one of {', '.join(_FORMATS)}")
    return cast("Format", _FORMATS[asked])


def _answer_type(request: Request) -> str:
    accept = request.headers.get("accept", "")
    if "application/ld+json" in accept:
        return "application/ld+json"
    if "json" not in accept and any(name in accept for name in XML_TYPES):
        return "application/xml"
    if accept and not any(name in accept for name in ("json", "*/*", "application/*")):
        raise Problem(
            "epcis.not_acceptable", "events are given as application/json, application/ld+json or application/xml"
        )
    return "application/json"


def _writer(request: Request) -> Callable[[JsonObject], bytes]:
    return _xml if _answer_type(request) == "application/xml" else dumps


def _xml(value: JsonObject) -> bytes:
    try:
        return write_document(value)
    except EpcisError as error:
        raise Problem("epcis.xml", str(error), faults=[Fault(error.path, error.rule, error.message)]) from error


def read_per_page(text: str | None) -> int:
    """Return how many entries a page is to have; raises Problem."""
    if text is None:
        return _PER_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= PAGE_MAX):
        raise _problem("perPage", f"perPage is a number from 1 to {PAGE_MAX}")
    return int(text)


def _problem(name: str, detail: str) -> Problem:
    return Problem("epcis.query_parameter", detail, faults=[Fault(name[:80], "epcis.query_parameter", detail)])
