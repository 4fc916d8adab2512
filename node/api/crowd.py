"""How many requests a node works on at once: one more is told to come again, at once and in the form of every problem.

Whoever is told so has lost nothing: a transaction may be sent again however often, and a read as well.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from node.api.headers import SAFE_HEADERS
from node.api.problems import Problem

REQUESTS_MAX: Final = 1_000


class Crowd:
    """ASGI middleware that refuses requests beyond ``requests_max`` at a time; it is used in one event loop."""

    def __init__(self, app: ASGIApp, requests_max: int = REQUESTS_MAX) -> None:
        self._app = app
        self._requests_max = requests_max
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, unless too many are there already."""
        if scope["type"] == "http" and self._running >= self._requests_max:
            detail = f"it works on {self._running} requests, and takes no more at a time"
            response = Problem("node.busy", detail, headers=SAFE_HEADERS).response()
            await response(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
