"""For whoever runs the node: is it alive, can it serve, what does it count."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from node.api.answers import json_response
from node.api.backend import ApiNode


def router(node: ApiNode) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["health"])

    @routes.api_route("/healthz", methods=["GET", "HEAD"], summary="200 as long as the process answers")
    async def healthz() -> Response:
        return json_response({"status": "alive"}, headers={"cache-control": "no-store"})

    @routes.api_route(
        "/readyz", methods=["GET", "HEAD"], summary="200 where writes can commit, else 503 with the reason"
    )
    async def readyz() -> Response:
        status = node.status()
        return json_response(
            {"is_ready": status.is_ready, "reason": status.not_ready_reason, "height": status.height},
            status=200 if status.is_ready else 503,
            headers={"cache-control": "no-store"},
        )

    @routes.get("/metrics", summary="Counters for Prometheus")
    async def metrics() -> Response:
        return Response(
            generate_latest(node.metrics.registry),
            headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"},
        )

    return routes
