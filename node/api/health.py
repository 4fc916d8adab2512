"""For whoever runs the node: is it alive, can it serve, what does it count."""

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from node.api.answers import json_response
from node.api.backend import ApiNode
from node.api.parameters import no_parameters
from node.api.problems import Problem


def router(node: ApiNode) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["health"], dependencies=[Depends(no_parameters)])

    @routes.head("/healthz", include_in_schema=False)
    @routes.get("/healthz", summary="200 as long as the process answers")
    async def healthz() -> Response:
        return json_response({"status": "alive"}, headers={"cache-control": "no-store"})

    @routes.head("/readyz", include_in_schema=False)
    @routes.get("/readyz", summary="200 where writes can commit, else 503 with the reason")
    async def readyz() -> Response:
        status = node.status()
        if status.not_ready_reason is not None:
            raise Problem("node.not_ready", status.not_ready_reason, extra={"height": status.height})
        return json_response({"is_ready": True, "height": status.height}, headers={"cache-control": "no-store"})

    @routes.get("/metrics", summary="Counters for Prometheus")
    async def metrics() -> Response:
        return Response(
            generate_latest(node.metrics.registry),
            headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"},
        )

    return routes
