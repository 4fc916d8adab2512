"""Validators, proposals and evidence: what the organisations that run validators decide by, and about. Reads alone."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ledger.readable import Json
from node import governance
from node.api.answers import Answers
from node.api.backend import ApiNode
from node.api.parameters import EvidenceOf, ProposalsIn, ValidatorsAt
from node.api.problems import Problem
from node.storage.store import Store


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["governance"])

    @routes.get("/validators", summary="The validators of the next block, or of another height")
    async def validators(asked: Annotated[ValidatorsAt, Query()]) -> Response:
        def read(store: Store) -> Json:
            found = governance.validators_at(store, asked.height)
            if found is None:
                raise Problem(
                    "validators.unknown",
                    f"at height {store.tip.height} those of blocks 1 to {store.tip.height + 2} are known",
                )
            return found

        return await answers.json(read, asked)

    @routes.get("/proposals", summary="What is or was proposed to the validators' organisations, by id")
    async def proposals(asked: Annotated[ProposalsIn, Query()]) -> Response:
        return await answers.json(
            lambda store: governance.proposals_page(store, asked.cursor, asked.limit, asked.status).to_json(), asked
        )

    @routes.get("/evidence", summary="Double votes of validators")
    async def evidence(asked: Annotated[EvidenceOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            page = governance.evidence_page(store, asked.cursor, asked.limit, asked.validator).to_json()
            kept: list[Json] = [
                governance.equivocation_json(found)
                for found in node.unreported_evidence()
                if asked.validator in (None, found.validator.hex())
            ]
            return {**page, "unreported": kept[: asked.limit]}

        return await answers.json(read, asked)

    return routes
