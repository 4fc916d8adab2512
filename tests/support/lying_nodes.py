"""A real node behind one that lies: what it answers is changed on its way to the client, or kept back.

Host ``honest`` is the node as it is. Host ``frozen`` serves what the node answered when it was first asked for the
same, an old state as the present one. Host ``liar`` changes answers by a function.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.running_node import RunningNode
from tradelane import Client

HONEST, FROZEN, LIAR = "http://honest", "http://frozen", "http://liar"

Lie = Callable[[str, Any], None]
"""Changes the JSON of an answer in place, given the path that was asked for."""


@dataclass
class LyingNodes:
    """The three hosts; ``lie`` may be exchanged at any time."""

    node: RunningNode
    lie: Lie = lambda path, answer: None
    _kept: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def client(self, *nodes: str) -> Client:
        """Return a client of some of the hosts."""
        return Client(*nodes, transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        if request.url.host == "frozen":
            if target not in self._kept:
                response = self._ask(request)
                self._kept[target] = response.status_code, response.content
            status, content = self._kept[target]
            return httpx.Response(status, content=content, headers={"content-type": "application/json"})
        response = self._ask(request)
        if request.url.host == "liar" and response.status_code == 200:
            answer = response.json()
            self.lie(request.url.path, answer)
            return httpx.Response(200, content=json.dumps(answer), headers={"content-type": "application/json"})
        kept = {"content-type": response.headers["content-type"]}
        return httpx.Response(response.status_code, content=response.content, headers=kept)

    def _ask(self, request: httpx.Request) -> httpx.Response:
        return self.node.request(
            request.method,
            request.url.path,
            params=dict(request.url.params),
            content=request.content or None,
            headers={name: request.headers[name] for name in ("content-type", "prefer") if name in request.headers},
        )
