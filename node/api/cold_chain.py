"""Devices, profiles and what the cold chain of a thing has been. Reads alone."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from ledger.readable import Json
from node import cold_chain
from node.api.answers import Answers, Responses, example_of
from node.api.parameters import ById, DevicesOf, HistoryOf, Paged, Read, ReadingsOf, Recorded
from node.api.state import found_or_problem, thing_or_problem
from node.cold_inherited import cold_record_json
from node.queries import JsonObject, record_number
from node.storage.store import Store

_LIMIT: Final[JsonObject] = {
    "timer": "consecutive",
    "side": "above",
    "threshold_milli_celsius": 8_000,
    "duration_ms": 1_800_000,
    "gravity": "quarantine",
}
_BREACH: Final[JsonObject] = {
    "number": 1,
    "device": "logger-7",
    "profile": "fridge-2-8",
    "limit": 0,
    **_LIMIT,
    "from_ms": 1_795_300_000_000,
    "until_ms": 1_795_302_400_000,
    "first_sequence": 255,
    "last_sequence": 258,
    "min_milli_celsius": 8_200,
    "max_milli_celsius": 9_400,
    "custodian": "carrier",
    "acknowledged_by": None,
    "acknowledged_ms": None,
    "comment": None,
}
_THING: Final = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
EXAMPLES: Final[Mapping[str, JsonObject]] = {
    "device": {
        "id": "logger-7",
        "owner": "carrier",
        "key": "5c" * 32,
        "calibrations": [[1_790_000_000_000, 1_821_536_000_000]],
        "certificate_hash": None,
        "last_sequence": 431,
        "last_ms": 1_795_405_800_000,
        "missing": 0,
        "watches": [[_THING, 1_795_147_200_000]],
        "revoked_ms": None,
        "count": 12,
        "chain": "6b" * 32,
    },
    "profile": {
        "id": "fridge-2-8",
        "owner": "brand",
        "min_milli_celsius": 2_000,
        "max_milli_celsius": 8_000,
        "gap_ms": 900_000,
        "limits": [_LIMIT],
    },
    "record": {
        "id": _THING,
        "product": "09521102002002",
        "disposition": "QUARANTINE",
        "is_rejected": False,
        "out_of_range_ms": 2_400_000,
        "budget_ms": 7_200_000,
        "min_milli_celsius": 2_000,
        "max_milli_celsius": 8_000,
        "unmonitored_ms": 0,
        "breaches": 1,
        "unacknowledged": 1,
        "watches": [
            {
                "device": "logger-7",
                "profile": "fridge-2-8",
                "from_ms": 1_795_147_200_000,
                "until_ms": None,
                "readings": 431,
                "monitored_ms": 258_000_000,
                "unmonitored_ms": 0,
                "out_of_range_ms": 2_400_000,
                "min_milli_celsius": 3_100,
                "max_milli_celsius": 9_400,
                "last_ms": 1_795_405_800_000,
            }
        ],
        "count": 9,
        "height": 218,
        "overall_disposition": "QUARANTINE",
        "inherited": {
            "out_of_range_ms": 2_400_000,
            "unmonitored_ms": 0,
            "breaches": 1,
            "unacknowledged": 1,
            "is_rejected": False,
            "stays": [
                {
                    "container": "https://id.gs1.org/00/395211020000004175",
                    "device": "truck-7/front",
                    "profile": "fridge-2-8",
                    "from_ms": 1_795_290_000_000,
                    "until_ms": 1_795_310_000_000,
                    "readings": 33,
                    "monitored_ms": 20_000_000,
                    "unmonitored_ms": 0,
                    "out_of_range_ms": 2_400_000,
                    "counted_out_of_range_ms": 2_400_000,
                    "counted_unmonitored_ms": 0,
                    "min_milli_celsius": 4_100,
                    "max_milli_celsius": 9_400,
                    "breaches": [_BREACH],
                }
            ],
            "marks": [],
        },
    },
    "breach": _BREACH,
    "batch": {
        "device": "logger-7",
        "profile": "fridge-2-8",
        "first_sequence": 255,
        "readings": [[1_795_300_000_000, 8_200], [1_795_300_600_000, 9_400]],
        "calibrations": [[1_790_000_000_000, 1_821_536_000_000]],
        "certificate_hash": None,
        "transaction": "ab" * 32,
        "operation": 0,
        "height": 204,
        "time_ms": 1_795_300_700_000,
    },
    "recorded": {
        "device": "logger-7",
        "first_sequence": 255,
        "readings": [[1_795_300_000_000, 8_200], [1_795_300_600_000, 9_400]],
        "transaction": "ab" * 32,
        "operation": 0,
        "height": 204,
        "time_ms": 1_795_300_700_000,
    },
}
"""What answers look like, for /openapi.json; a test holds their fields to those of real answers."""


def router(answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["cold chain"])
    _add_devices(routes, answers)
    _add_profiles(routes, answers)
    _add_things(routes, answers)
    return routes


def _add_devices(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/devices", summary="Measuring devices by id", responses=_page("device"))
    async def devices(asked: Annotated[DevicesOf, Query()]) -> Response:
        return await answers.json(
            lambda store: cold_chain.devices_page(
                store, asked.cursor, asked.limit, owner=asked.owner, key=asked.key
            ).to_json(),
            asked,
        )

    @routes.get(
        "/devices/{identifier:path}/readings",
        summary="What a device recorded between two times",
        responses=_page("recorded"),
    )
    async def readings(identifier: str, asked: Annotated[Recorded, Query()]) -> Response:
        def read(store: Store) -> Json:
            page = cold_chain.device_readings_page(
                store, identifier, asked.from_ms, asked.until_ms, asked.cursor, asked.limit
            )
            return found_or_problem(None if page is None else page.to_json(), "device.unknown", identifier)

        return await answers.json(read, asked)

    @routes.get("/devices/{identifier:path}", summary="A measuring device", responses=_one("device"))
    async def device(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await answers.json(
            lambda store: found_or_problem(cold_chain.device(store, identifier), "device.unknown", identifier), asked
        )


def _add_profiles(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/cold-profiles", summary="Profiles that cold chains are judged by, by id", responses=_page("profile"))
    async def profiles(asked: Annotated[Paged, Query()]) -> Response:
        return await answers.json(
            lambda store: cold_chain.profiles_page(store, asked.cursor, asked.limit).to_json(), asked
        )

    @routes.get("/cold-profiles/{identifier:path}", summary="A profile", responses=_one("profile"))
    async def profile(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await answers.json(
            lambda store: found_or_problem(cold_chain.profile(store, identifier), "cold_profile.unknown", identifier),
            asked,
        )


def _add_things(routes: APIRouter, answers: Answers) -> None:
    @routes.get(
        "/items/cold-chain", summary="How cold an item was kept, as the contracts judge", responses=_one("record")
    )
    async def record(asked: Annotated[ById, Query()]) -> Response:
        return await answers.json(lambda store: cold_record_json(store, thing_or_problem(store, asked.id)), asked)

    @routes.get(
        "/items/cold-chain/breaches", summary="The breaches of an item, oldest first", responses=_page("breach")
    )
    async def breaches(asked: Annotated[HistoryOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            after = record_number(asked.cursor)
            return cold_chain.breaches_page(store, thing_or_problem(store, asked.id), after, asked.limit).to_json()

        return await answers.json(read, asked)

    @routes.get(
        "/items/cold-chain/readings", summary="The readings about an item between two times", responses=_page("batch")
    )
    async def readings(asked: Annotated[ReadingsOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            thing = thing_or_problem(store, asked.id)
            page = cold_chain.readings_page(store, thing, asked.from_ms, asked.until_ms, asked.cursor, asked.limit)
            return page.to_json()

        return await answers.json(read, asked)


def _one(name: str) -> Responses:
    return example_of(EXAMPLES[name])


def _page(name: str) -> Responses:
    return example_of({"entries": [EXAMPLES[name]], "next_cursor": None})
