"""``/v1/captures``: documents that were captured in parts, and what of each is on the ledger."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from node.api.answers import Answers
from node.api.parameters import CapturesOf
from node.captures import captures_page


def router(answers: Answers) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1", tags=["state"])

    @routes.get("/captures", summary="EPCIS documents captured in parts, by hash")
    async def captures(asked: Annotated[CapturesOf, Query()]) -> Response:
        return await answers.json(
            lambda store: captures_page(
                store,
                asked.cursor,
                asked.limit,
                document=asked.document,
                organisation=asked.organisation,
                key=None if asked.key is None else bytes.fromhex(asked.key),
                status=asked.status,
            ).to_json(),
            asked,
        )

    return routes
