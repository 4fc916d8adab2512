"""The pages of a ledger on a real port, with a proof that a test may exchange for that of a lying node."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.proof.json_text import bytes_of
from node.proofs import heads_bundle, trace_bundle
from node.scans.log import ScanLog
from node.web.pages import build_web_routes
from tests.support.example_ledger import ExampleLedger
from tests.support.javascript_verifier import served


class _Node:
    """What the pages ask of a node."""

    def __init__(self, ledger: ExampleLedger) -> None:
        self.config, self.genesis, self.store = ledger.home.config, ledger.home.genesis, ledger.home.store
        self.clock_ms = ledger.time_ms + 300_000
        self.scans = ScanLog(ledger.home.config.scans_directory)

    def now_ms(self) -> int:
        return self.clock_ms


@dataclass
class Pages:
    """Where the pages are, and what the node there makes of a bundle before it serves it."""

    address: str
    clock_ms: int
    lie: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda bundle: bundle
    lie_of_recalls: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda bundle: bundle


@contextlib.contextmanager
def served_pages(ledger: ExampleLedger) -> Iterator[Pages]:
    """Serve the pages and proofs of a ledger; a lie that comes to None is an outage."""
    node = _Node(ledger)
    pages = Pages("", node.clock_ms)

    async def proof(request: Request) -> Response:
        told = pages.lie(trace_bundle(ledger.home.store, request.query_params["id"]))
        return Response(status_code=503) if told is None else Response(json.dumps(told), media_type="application/json")

    async def recalls(request: Request) -> Response:
        keys = [bytes_of(key, "key", 4096) for key in request.query_params["keys"].split(",")]
        told = pages.lie_of_recalls(heads_bundle(ledger.home.store, dict.fromkeys(keys, 0)))
        return Response(status_code=503) if told is None else Response(json.dumps(told), media_type="application/json")

    routes = [Route("/v1/items/trace/proof", proof), Route("/v1/proofs", recalls)]
    with served([*build_web_routes(node), *routes]) as address:
        pages.address = address
        yield pages
