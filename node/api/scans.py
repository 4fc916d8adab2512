"""Scans of codes: tell a node of one, and ask what is odd about those of a thing."""

from collections.abc import Mapping
from typing import Annotated, Final, cast

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

from contracts import heads
from contracts.identity.scans import hour_of
from ledger.proof import to_base64url
from ledger.readable import Json
from node.api.answers import Answers, example_of
from node.api.backend import ApiNode
from node.api.body import JSON_TYPES, field_problem, json_body, media_type, read_body, read_fields, text_field
from node.api.parameters import ById, CountOf, Paged, no_parameters
from node.queries import SCAN_MAX, JsonObject, Page, decode_cursor, encode_cursor, find_thing, get_head, organisation_of
from node.scans.alerts import alerts_of
from node.scans.anchoring import CountMap
from node.scans.log import Count, Scan, ScanLog
from node.spots import Spot, spot_of
from node.storage.store import Store
from standards.digital_link import canonical_id

ID_LENGTH_MAX: Final = 500
_BODY_BYTES_MAX: Final = 4_096
_BODY: Final = json_body(
    required=("id",),
    properties={
        "id": {"type": "string", "maxLength": ID_LENGTH_MAX},
        "place": {"type": "string", "description": "a geo: URI; kept to a tenth of a degree"},
    },
)
EXAMPLES: Final[Mapping[str, JsonObject]] = {
    "scans": {
        "id": "https://id.gs1.org/01/09506000134390/21/M4hQ7vXc2LpZ",
        "status": "active",
        "count": 2,
        "scans": [
            {"at_ms": 1_795_300_000_000, "place": "geo:45.5,9.2"},
            {"at_ms": 1_795_302_400_000, "place": "geo:31.2,121.5"},
        ],
        "alerts": [
            {
                "code": "impossible_travel",
                "text": "Its code was scanned at 45.5\u00b0 N, 9.2\u00b0 E and 40 min later "
                "at 31.2\u00b0 N, 121.5\u00b0 E, 9100 km away: one of the two may be a copy.",
                "at_ms": 1_795_302_400_000,
            }
        ],
    },
    "counts": {
        "id": "https://id.gs1.org/01/09506000134390/21/M4hQ7vXc2LpZ",
        "hour_ms": 1_795_298_400_000,
        "count": 1,
        "first_ms": 1_795_300_000_000,
        "last_ms": 1_795_300_000_000,
        "path": ["AAEAAA"],
        "anchor": {
            "organisation": "maker",
            "root": "7c9f16dd5bd9fa0f8b9f25a2b2cd8b4a4a1b4d9c80fa0d4cf6b0ea0a2f7e3a11",
            "codes": 812,
            "scans": 907,
            "anchored_ms": 1_795_302_060_000,
        },
    },
    "alerts": {
        "entries": [
            {
                "id": "https://id.gs1.org/01/09506000134390/21/M4hQ7vXc2LpZ",
                "status": "sold",
                "count": 3,
                "alerts": [
                    {
                        "code": "many_scans",
                        "text": "Its code was scanned 3 times, often within a short time.",
                        "at_ms": 1_795_302_400_000,
                    }
                ],
            }
        ],
        "next_cursor": None,
    },
}


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["scans"])

    def told(store: Store, identifier: str) -> Json:
        return scans_json(store, identifier, node.scans.of(identifier))

    @routes.post(
        "/scans",
        summary="Tell of a scan of a code, and learn what is odd about its scans",
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters)],
    )
    async def scan(request: Request) -> Response:
        media_type(request, JSON_TYPES)
        identifier, spot = _read_scan(await read_body(request, _BODY_BYTES_MAX))
        made = Scan(node.now_ms(), spot)
        await anyio.to_thread.run_sync(node.scans.add, identifier, made)
        return await answers.json(lambda store: told(store, identifier))

    @routes.get(
        "/scans", summary="The scans of a code that this node was told of", responses=example_of(EXAMPLES["scans"])
    )
    async def scans(asked: Annotated[ById, Query()]) -> Response:
        return await answers.json(lambda store: told(store, canonical_id(asked.id)), asked)

    @routes.get(
        "/scans/alerts",
        summary="Codes whose scans are odd, as far as this node was told of them",
        responses=example_of(EXAMPLES["alerts"]),
    )
    async def alerts(asked: Annotated[Paged, Query()]) -> Response:
        return await answers.json_once(lambda store: _alerts_page(store, node.scans, asked).to_json(), asked)

    @routes.get(
        "/scans/counts",
        summary="How often a code was scanned in an hour, with the path to what is anchored on the ledger",
        responses=example_of(EXAMPLES["counts"]),
    )
    async def counts(asked: Annotated[CountOf, Query()]) -> Response:
        identifier, hour_ms = canonical_id(asked.id), hour_of(asked.at_ms)

        def count(store: Store) -> Json:
            key = node.gateway_key
            organisation = None if key is None else organisation_of(store, key.public_key)
            return count_json(store, organisation, identifier, hour_ms, node.scans.counts(hour_ms))

        return await answers.json_once(count, asked)

    return routes


def count_json(
    store: Store, organisation: str | None, identifier: str, hour_ms: int, counts: Mapping[str, Count]
) -> JsonObject:
    """Return a code's count in an hour with its path in the map of all counts, and what the ledger has of that hour."""
    head = None if organisation is None else get_head(store, heads.scan_counts(organisation, hour_ms))
    count = counts.get(identifier)
    anchor: Json = None
    if head is not None:
        anchor = {
            "organisation": organisation,
            "root": cast(bytes, head["root"]).hex(),
            **{name: cast(int, head[name]) for name in ("codes", "scans", "anchored_ms")},
        }
    return {
        "id": identifier,
        "hour_ms": hour_ms,
        "count": 0 if count is None else count.scans,
        "first_ms": None if count is None else count.first_ms,
        "last_ms": None if count is None else count.last_ms,
        "path": [to_base64url(one) for one in CountMap(counts).path(identifier)],
        "anchor": anchor,
    }


def _alerts_page(store: Store, log: ScanLog, asked: Paged) -> Page:
    before = None if asked.cursor is None else decode_cursor(asked.cursor)
    latest, place = log.latest(before, SCAN_MAX)
    entries: list[Json] = []
    for one in latest:
        scans = log.of(one.identifier)
        status, alerts = _judged(store, one.identifier, scans)
        if alerts:
            entries.append({"id": one.identifier, "status": status, "count": len(scans), "alerts": alerts})
        if len(entries) == asked.limit:
            return Page(entries, encode_cursor(one.place))
    return Page(entries, None if place is None else encode_cursor(place))


def scans_json(store: Store, identifier: str, scans: tuple[Scan, ...]) -> JsonObject:
    """Return the scans of a canonical identifier with their alerts."""
    status, alerts = _judged(store, identifier, scans)
    return {
        "id": identifier,
        "status": status,
        "count": len(scans),
        "scans": [{"at_ms": one.at_ms, "place": None if one.spot is None else one.spot.uri} for one in scans],
        "alerts": alerts,
    }


def _judged(store: Store, identifier: str, scans: tuple[Scan, ...]) -> tuple[str | None, list[Json]]:
    """Return a thing's status by the ledger, None where it knows no such, and what is odd about its scans."""
    thing = find_thing(store, identifier)
    status = None if thing is None else str(thing.head["status"])
    alerts = alerts_of(scans, status)
    return status, [{"code": one.code, "text": one.text, "at_ms": one.at_ms} for one in alerts]


def _read_scan(body: bytes) -> tuple[str, Spot | None]:
    fields = read_fields(body, ("id",), ("place",))
    given = text_field(fields, "id")
    if not 0 < len(given) <= ID_LENGTH_MAX or "\0" in given:
        raise field_problem("body.wrong_type", "id", f"it is an identifier of at most {ID_LENGTH_MAX} characters")
    if "place" not in fields:
        return canonical_id(given), None
    spot = spot_of(text_field(fields, "place"))
    if spot is None:
        raise field_problem("body.wrong_type", "place", "it is a geo: URI such as geo:45.46,9.19")
    return canonical_id(given), spot
