"""``/epcis/bizSteps`` and the like: what events have said, and the events that said it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.routing import BaseRoute, Match, Route

from ledger.readable import Json
from node.api.answers import Answers, as_of, json_response
from node.api.epcis import HEADERS, PAGED, require_version
from node.api.epcis_events import EventPages, next_link, read_per_page
from node.api.parameters import Read, read_parameters
from node.api.problems import Problem
from node.queries import Page, find_thing
from node.storage.store import Store
from node.vocabulary import STANDARD_TYPES, is_known, items_page, terms_page
from standards.digital_link import canonical_id
from standards.epcis import vocabulary
from standards.epcis.operations import STANDARD_CONTEXT


@dataclass(frozen=True, slots=True)
class Resource:
    """What stands under a name: the term of the index, the query parameter, and how its values are spelled there."""

    term: str
    parameter: str
    spelling: Callable[[str], str]
    summary: str


RESOURCES: Final = {
    "eventTypes": Resource("type", "eventType", vocabulary.event_type, "Types of events"),
    "epcs": Resource("", "MATCH_anyEPC", canonical_id, "Single things that events name"),
    "bizSteps": Resource(
        "biz_step",
        "EQ_bizStep",
        lambda text: vocabulary.bareword(vocabulary.BIZ_STEP, text),
        "Business steps of events",
    ),
    "bizLocations": Resource("biz_location", "EQ_bizLocation", canonical_id, "Business locations of events"),
    "readPoints": Resource("read_point", "EQ_readPoint", canonical_id, "Read points of events"),
    "dispositions": Resource(
        "disposition",
        "EQ_disposition",
        lambda text: vocabulary.bareword(vocabulary.DISPOSITION, text),
        "Dispositions of events",
    ),
}


def router(pages: EventPages, answers: Answers, beside: Sequence[APIRouter]) -> APIRouter:
    """Return the routes, and what tells of a path which methods it takes, here and in the routers beside."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"], dependencies=[Depends(require_version)])
    for name, resource in RESOURCES.items():
        _add(routes, pages, answers, name, resource)

    @routes.options("", include_in_schema=False)
    @routes.options("/{path:path}", include_in_schema=False)
    async def options(request: Request) -> Response:
        methods = _methods(request, [route for one in (routes, *beside) for route in one.routes])
        if not methods:
            raise Problem("route.unknown", request.url.path[:200])
        return Response(status_code=204, headers={**HEADERS, "allow": ", ".join(sorted({*methods, "OPTIONS"}))})

    return routes


def _add(routes: APIRouter, pages: EventPages, answers: Answers, name: str, resource: Resource) -> None:
    async def listing(request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        limit, token = read_per_page(given.pop("perPage", None)), given.pop("nextPageToken", None)
        asked = read_parameters(Read, given)
        page, tip = await answers.read(lambda store: _page(store, resource, token, limit), asked)
        body: dict[str, Json] = {"@context": STANDARD_CONTEXT, "type": "Collection", "member": page.entries}
        headers = {**HEADERS, **as_of(tip)}
        if page.next_cursor is not None:
            headers["link"] = next_link(request, page.next_cursor)
        return json_response(body, headers=headers)

    async def events(value: str, request: Request) -> Response:
        return await pages.answer(request, {resource.parameter: _single(name, value)})

    async def one(value: str, request: Request) -> Response:
        asked = read_parameters(Read, dict(request.query_params.multi_items()))
        text = resource.spelling(_single(name, value))
        is_there, tip = await answers.read(lambda store: _is_there(store, resource, text), asked)
        if not is_there:
            raise Problem("epcis.unknown_resource", f"no event has said {text[:200]!r}")
        body: dict[str, Json] = {"@context": STANDARD_CONTEXT, "@set": ["events"]}
        return json_response(body, headers={**HEADERS, **as_of(tip)})

    routes.get(f"/{name}", summary=resource.summary, openapi_extra=PAGED)(listing)
    routes.get(f"/{name}/{{value:path}}/events", summary=f"{resource.summary}: the events of one")(events)
    routes.get(f"/{name}/{{value:path}}", summary=f"{resource.summary}: whether there is one, and what stands below")(
        one
    )


def _page(store: Store, resource: Resource, token: str | None, limit: int) -> Page:
    if resource.term == "":
        return items_page(store, token, limit)
    page = terms_page(store, resource.term, token, limit)
    # The five of the standard are always known, and stand on the first page beside its entries.
    return Page([*STANDARD_TYPES, *page.entries], page.next_cursor) if resource.term == "type" and not token else page


def _is_there(store: Store, resource: Resource, text: str) -> bool:
    if resource.term == "":
        thing = find_thing(store, text)
        return thing is not None and thing.kind == "item"
    return is_known(store, resource.term, text)


def _single(name: str, value: str) -> str:
    # A comma would make several values of one, and a wildcard is none.
    if "," in value or "*" in value:
        raise Problem("epcis.unknown_resource", f"there is nothing under /epcis/{name}/{value[:200]}")
    return value


def _methods(request: Request, routes: Sequence[BaseRoute]) -> set[str]:
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and "OPTIONS" not in (route.methods or ()):
            match, _ = route.matches(request.scope)
            found |= (route.methods or set()) if match is not Match.NONE else set()
    return found
