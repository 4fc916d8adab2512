"""The application: routes, what becomes of errors, and the headers on every answer."""

from importlib.metadata import version
from typing import Final

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect

from node.api import (
    batches,
    blocks,
    captures,
    cold_chain,
    epcis_capture,
    epcis_events,
    epcis_queries,
    epcis_resources,
    epcis_stream,
    governance,
    health,
    papers,
    proofs,
    recalls,
    scans,
    state,
    transactions,
)
from node.api.answers import Answers
from node.api.backend import ApiNode
from node.api.crowd import Crowd
from node.api.headers import SAFE_HEADERS, SafeHeaders
from node.api.parameters import StrictTarget, once_each, query_problem
from node.api.problems import Problem
from node.storage.errors import PrunedError, StorageError
from node.web.pages import build_web_routes

_COMPRESSED_BYTES_MIN: Final = 4_096
_COMPRESSION_LEVEL: Final = 4


def build_api(node: ApiNode) -> FastAPI:
    """Return the application that serves a node."""
    application = FastAPI(
        title="Tradelane node",
        summary="A permissioned ledger for goods that cross borders and the money that pays for them",
        version=version("tradelane"),
        # The pages that FastAPI offers load scripts from elsewhere; the schema alone is ours to give.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(once_each)],
        redirect_slashes=False,
    )
    answers = Answers(node)
    application.include_router(transactions.router(node, answers))
    application.include_router(batches.router(node, answers))
    application.include_router(proofs.router(answers))
    application.include_router(state.router(answers))
    application.include_router(captures.router(answers))
    application.include_router(cold_chain.router(answers))
    application.include_router(recalls.router(answers))
    application.include_router(papers.router(answers))
    application.include_router(scans.router(node, answers))
    application.include_router(blocks.router(node, answers))
    application.include_router(governance.router(node, answers))
    pages = epcis_events.EventPages(node, answers)
    epcis = [
        epcis_capture.router(node, answers),
        epcis_events.router(pages, answers),
        epcis_queries.router(node, pages, answers),
    ]
    for router in (*epcis, epcis_resources.router(pages, answers, epcis)):
        application.include_router(router)
    application.include_router(health.router(node))
    application.router.routes.append(epcis_stream.Streams(node).route())
    # Last: a Digital Link path may look like anything, even with a stem of its own before it.
    application.router.routes.extend(build_web_routes(node))
    application.add_middleware(StrictTarget)
    application.add_middleware(SafeHeaders)
    # Proofs and pages repeat themselves: a bundle shrinks to less than half. Small answers are not worth the work.
    application.add_middleware(GZipMiddleware, minimum_size=_COMPRESSED_BYTES_MIN, compresslevel=_COMPRESSION_LEVEL)
    application.add_middleware(Crowd)
    _add_error_handlers(application)
    return application


def _add_error_handlers(application: FastAPI) -> None:
    @application.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return _answer(request, error)

    @application.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> Response:
        return _answer(request, query_problem(error))

    @application.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> Response:
        path = request.url.path[:200]
        if error.status_code == 405:
            allowed = {"allow": (error.headers or {}).get("Allow", "GET")}
            return _answer(request, Problem("route.method", f"{request.method} {path}", headers=allowed))
        return _answer(request, Problem("route.unknown", path))

    @application.exception_handler(PrunedError)
    async def pruned(request: Request, error: PrunedError) -> Response:
        return _answer(request, Problem("block.pruned", str(error), extra={"earliest_height": error.earliest_height}))

    @application.exception_handler(StorageError)
    async def damaged(request: Request, error: StorageError) -> Response:
        structlog.get_logger("api").error("disk_damaged", path=request.url.path[:200], error=str(error))
        return _answer(request, Problem("node.disk_damaged", "the operator finds the place in the node's log"))

    @application.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        del error
        return Response(status_code=400)  # nobody is there to read it

    @application.exception_handler(Exception)
    async def mistake(request: Request, error: Exception) -> Response:
        structlog.get_logger("api").error("request_failed", path=request.url.path[:200], exc_info=error)
        # This handler stands outside of the middleware.
        return _answer(request, Problem("node.internal", "it is not the request's fault", headers=SAFE_HEADERS))


def _answer(request: Request, problem: Problem) -> Response:
    return problem.response(is_epcis=request.scope["path"].startswith("/epcis/"))
