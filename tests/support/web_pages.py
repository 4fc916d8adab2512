"""The pages of a ledger on a real port, with a proof that a test may exchange for that of a lying node."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.proofs import trace_bundle
from node.web.pages import build_web_routes
from tests.support.example_ledger import ExampleLedger
from tests.support.javascript_verifier import served


class _Node:
    """What the pages ask of a node."""

    def __init__(self, ledger: ExampleLedger) -> None:
        self.config, self.genesis, self.store = ledger.home.config, ledger.home.genesis, ledger.home.store
        self.clock_ms = ledger.time_ms + 300_000

    def now_ms(self) -> int:
        return self.clock_ms


@dataclass
class Pages:
    """Where the pages are, and what the node there makes of a bundle before it serves it."""

    address: str
    clock_ms: int
    lie: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda bundle: bundle


@contextlib.contextmanager
def served_pages(ledger: ExampleLedger) -> Iterator[Pages]:
    """Serve the pages and proofs of a ledger; a lie that comes to None is an outage."""
    node = _Node(ledger)
    pages = Pages("", node.clock_ms)

    async def proof(request: Request) -> Response:
        told = pages.lie(trace_bundle(ledger.home.store, request.query_params["id"]))
        return Response(status_code=503) if told is None else Response(json.dumps(told), media_type="application/json")

    with served([*build_web_routes(node), Route("/v1/items/trace/proof", proof)]) as address:
        pages.address = address
        yield pages
