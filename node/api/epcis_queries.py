"""``/epcis/queries``: queries that are stored under a name, and subscriptions to them.

They are the node's own, so who may store one is whoever has its gateway token; anybody may ask a stored query.
"""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request, Response

from ledger.readable import Json
from node.api.answers import Answers, json_response
from node.api.backend import ApiNode
from node.api.body import field_problem, media_type, read_body, read_fields, text_field
from node.api.epcis import HEADERS, require_token, require_version
from node.api.epcis_events import OPENAPI, EventPages, extensions_of, read_events_query
from node.api.parameters import no_parameters
from node.api.problems import Problem
from node.event_query import SHAPING, start_before, token_of
from node.storage.store import Store
from node.subscriptions.book import QUERIES_MAX, SUBSCRIPTIONS_MAX, StoredQuery, Subscription
from node.subscriptions.schedule import ScheduleError, read_schedule
from standards.epcis import fields as times
from standards.epcis.fields import time_text
from standards.epcis.json_text import JsonObject, JsonValue

_BODY_BYTES_MAX: Final = 64 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._~:-]{0,99}")
_ADDRESS_MAX: Final = 2_048
_TOKEN_MIN: Final = 16
_TOKEN_MAX: Final = 256
_JSON: Final = frozenset({"application/json", "application/ld+json"})
_RESERVED: Final = "SimpleEventQuery"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {name: {"schema": {"type": "object"}} for name in sorted(_JSON)}, "required": True}
}
_OPTIONAL: Final = ("signatureToken", "reportIfEmpty", "stream", "schedule", "initialRecordTime")
_OWN: Final = [Depends(no_parameters)]


def router(node: ApiNode, pages: EventPages, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"], dependencies=[Depends(require_version)])
    _add_queries(routes, node, pages)
    _add_subscriptions(routes, node, answers)
    return routes


def _add_queries(routes: APIRouter, node: ApiNode, pages: EventPages) -> None:
    @routes.post("/queries", summary="Store a query", status_code=201, openapi_extra=_BODY, dependencies=_OWN)
    async def store(request: Request) -> Response:
        require_token(node, request)
        query = await _read_query(node, request)
        if query.name == _RESERVED or node.queries.query(query.name) is not None:
            raise Problem("epcis.query_exists", f"there is a query {query.name!r}; take another name, or delete it")
        if len(node.queries.queries()) >= QUERIES_MAX:
            raise Problem("epcis.stored_limit", f"{QUERIES_MAX} queries are stored; delete one that nobody asks")
        node.queries.put(query)
        location = f"/epcis/queries/{quote(query.name, safe='')}"
        return json_response(_query_json(query), status=201, headers={**HEADERS, "location": location})

    @routes.get("/queries", summary="Stored queries by name", dependencies=_OWN)
    async def queries() -> Response:
        return json_response([_query_json(query) for query in node.queries.queries()], headers=HEADERS)

    @routes.get("/queries/{name}", summary="A stored query", dependencies=_OWN)
    async def query(name: str) -> Response:
        return json_response(_query_json(_stored(node, name)), headers=HEADERS)

    @routes.delete("/queries/{name}", summary="Delete a query, subscriptions too", status_code=204, dependencies=_OWN)
    async def delete(name: str, request: Request) -> Response:
        require_token(node, request)
        node.queries.remove(_stored(node, name).name)
        node.subscribers.changed()
        return Response(status_code=204, headers=HEADERS)

    @routes.get("/queries/{name}/events", summary="The events that a stored query finds", openapi_extra=OPENAPI)
    async def events(name: str, request: Request) -> Response:
        stored = _stored(node, name)
        return await pages.answer(request, stored.parameters, stored.name, stored.namespaces)


def _add_subscriptions(routes: APIRouter, node: ApiNode, answers: Answers) -> None:
    path = "/queries/{name}/subscriptions"

    @routes.post(path, summary="Subscribe to a query", status_code=201, openapi_extra=_BODY, dependencies=_OWN)
    async def subscribe(name: str, request: Request) -> Response:
        require_token(node, request)
        query = _stored(node, name)
        if not SHAPING.isdisjoint(query.parameters):
            raise Problem("epcis.subscription", f"a query with {', '.join(sorted(SHAPING))} cannot be subscribed to")
        subscription = await _read_subscription(node, answers, request)
        # The body took time to come; whatever else changed meanwhile counts.
        if sum(1 for _ in node.queries.subscriptions()) >= SUBSCRIPTIONS_MAX:
            raise Problem("epcis.stored_limit", f"{SUBSCRIPTIONS_MAX} subscriptions are open; end one")
        node.queries.put_subscription(_stored(node, name).name, subscription)
        node.subscribers.changed()
        location = f"/epcis/queries/{quote(name, safe='')}/subscriptions/{subscription.id}"
        return json_response(_subscription_json(subscription), status=201, headers={**HEADERS, "location": location})

    @routes.get(path, summary="Subscriptions to a query", dependencies=_OWN)
    async def subscriptions(name: str, request: Request) -> Response:
        require_token(node, request)
        found = _stored(node, name).subscriptions.values()
        return json_response([_subscription_json(one) for one in found], headers=HEADERS)

    @routes.get(path + "/{identifier}", summary="A subscription, and how far it is", dependencies=_OWN)
    async def subscription(name: str, identifier: str, request: Request) -> Response:
        require_token(node, request)
        return json_response(_subscription_json(_subscribed(node, name, identifier)), headers=HEADERS)

    @routes.delete(path + "/{identifier}", summary="End a subscription", status_code=204, dependencies=_OWN)
    async def end(name: str, identifier: str, request: Request) -> Response:
        require_token(node, request)
        node.queries.remove_subscription(name, _subscribed(node, name, identifier).id)
        node.subscribers.changed()
        return Response(status_code=204, headers=HEADERS)


def _stored(node: ApiNode, name: str) -> StoredQuery:
    query = node.queries.query(name)
    if query is None:
        raise Problem("epcis.unknown_query", f"there is no query {name[:200]!r}")
    return query


def _subscribed(node: ApiNode, name: str, identifier: str) -> Subscription:
    found = _stored(node, name).subscriptions.get(identifier)
    if found is None:
        raise Problem("epcis.unknown_subscription", f"the query has no subscription {identifier[:80]!r}")
    return found


async def _read_fields(request: Request, needed: Collection[str], optional: Collection[str] = ()) -> JsonObject:
    media_type(request, _JSON)
    return read_fields(await read_body(request, _BODY_BYTES_MAX), needed, optional)


async def _read_query(node: ApiNode, request: Request) -> StoredQuery:
    given = await _read_fields(request, ("name", "query"))
    name, parameters = text_field(given, "name"), given["query"]
    if _NAME.fullmatch(name) is None:
        raise field_problem("body.wrong_type", "name", "1 to 100 letters, digits, spaces and . _ ~ : -, none first")
    if not isinstance(parameters, dict):
        raise field_problem("body.wrong_type", "query", "an object with the parameters of a query")
    namespaces = extensions_of(request)
    texts = {key: _parameter_text(key, value) for key, value in parameters.items()}
    read_events_query(texts, namespaces)
    return StoredQuery(name, texts, namespaces, node.now_ms())


def _parameter_text(name: str, value: JsonValue) -> str:
    """Return a parameter as it would stand in an address."""
    values = value if isinstance(value, list) else [value]
    texts = [_value_text(entry) for entry in values]
    if not texts or any(text is None or text == "" or ("," in text and len(texts) > 1) for text in texts):
        raise field_problem("body.wrong_type", f"query.{name[:80]}", "a text, a number, true or false, or a list")
    return ",".join(text for text in texts if text is not None)


def _value_text(value: JsonValue) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return value if isinstance(value, str) else None


async def _read_subscription(node: ApiNode, answers: Answers, request: Request) -> Subscription:
    given = await _read_fields(request, ("dest",), _OPTIONAL)
    destination, token = _destination(text_field(given, "dest")), given.get("signatureToken")
    if token is not None and not (isinstance(token, str) and _TOKEN_MIN <= len(token) <= _TOKEN_MAX):
        raise field_problem("body.wrong_type", "signatureToken", f"{_TOKEN_MIN} to {_TOKEN_MAX} characters")
    is_stream, schedule = _flag(given, "stream"), given.get("schedule")
    if is_stream is (schedule is not None):
        raise Problem("epcis.subscription", "give stream: true, or a schedule; triggers are not offered")
    since = given.get("initialRecordTime")
    since_ms = times.time_ms(since) if isinstance(since, str) else None
    if since is not None and since_ms is None:
        raise field_problem("body.wrong_type", "initialRecordTime", "a time such as 2026-11-04T09:20:00Z")

    def start(store: Store) -> str:
        return token_of(start_before(store, since_ms))

    done, _ = await answers.read(start)
    return Subscription(
        id=secrets.token_hex(16),
        destination=destination,
        token=token,
        report_if_empty=_flag(given, "reportIfEmpty"),
        schedule=None if schedule is None else _schedule(schedule),
        created_ms=node.now_ms(),
        done=done,
    )


def _flag(given: JsonObject, name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise field_problem("body.wrong_type", name, "true or false")
    return value


def _destination(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or len(text) > _ADDRESS_MAX or parts.username is not None or not text.isascii():
        raise field_problem("body.wrong_type", "dest", "an http or https address without a password in it")
    return text


def _schedule(value: JsonValue) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise field_problem("body.wrong_type", "schedule", 'an object of texts such as {"minute": "0,30"}')
    texts = {name: str(text) for name, text in value.items()}
    try:
        read_schedule(texts)
    except ScheduleError as error:
        raise Problem("epcis.subscription", str(error)) from error
    return texts


def _query_json(query: StoredQuery) -> dict[str, Json]:
    return {
        "name": query.name,
        "query": dict(query.parameters),
        "extensions": dict(query.namespaces),
        "createdAt": time_text(query.created_ms, 0),
        "subscriptions": len(query.subscriptions),
    }


def _subscription_json(one: Subscription) -> dict[str, Json]:
    """Return what is told of a subscription: never its token."""
    held = asdict(one)
    return {
        "subscriptionID": one.id,
        "dest": one.destination,
        "isSigned": one.token is not None,
        "stream": one.schedule is None,
        "schedule": held["schedule"],
        "reportIfEmpty": one.report_if_empty,
        "createdAt": time_text(one.created_ms, 0),
        "eventsDelivered": one.delivered,
        "lastNotifiedAt": None if one.delivered_ms is None else time_text(one.delivered_ms, 0),
        "failures": one.failures,
        "lastFailure": one.last_failure,
    }
