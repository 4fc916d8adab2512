"""``/epcis/queries/{name}/events?stream=true`` as a WebSocket: what a stored query finds, as soon as it is captured.

Each message is a query document. Its member ``urn:tradelane:nextPageToken`` says how far it is: whoever connects again
with that token misses nothing and gets nothing twice. The node keeps nothing for a socket, and reads nothing from it.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from node.api.backend import ApiNode
from node.api.problems import Fault, Problem
from node.document_parts import partial_text
from node.event_query import SHAPING, position_of, start_before, token_of
from node.queries import CursorError
from node.storage.errors import PrunedError
from node.storage.store import Store
from node.subscriptions.book import StoredQuery
from node.subscriptions.sender import find_events, report_of
from standards.epcis import fields
from standards.epcis.fields import time_text
from standards.epcis.json_text import dumps

STREAMS_MAX: Final = 50
SEND_S_MAX: Final = 30.0
"""How long one who reads slowly may take for a message; then the socket is closed."""
_LOOK_S: Final = 30.0
_NEXT: Final = "urn:tradelane:nextPageToken"
_PARTIAL: Final = "urn:tradelane:partialDocuments"
_PARAMETERS: Final = frozenset({"stream", "nextPageToken", "initialRecordTime"})
_GOING_AWAY: Final = 1001
_TRY_LATER: Final = 1013


class Streams:
    """The open sockets of a node."""

    def __init__(self, node: ApiNode) -> None:
        self._node = node
        self._open = 0
        self._log = structlog.get_logger("streams")

    def route(self) -> WebSocketRoute:
        """Return the route. No dependency of the application runs for it: those are about requests."""
        return WebSocketRoute("/epcis/queries/{name}/events", self.serve)

    async def serve(self, socket: WebSocket) -> None:
        """Answer one who connects."""
        try:
            query, token = self._asked(socket)
            if self._open >= STREAMS_MAX:
                raise Problem("epcis.stored_limit", f"{STREAMS_MAX} streams are open; end one, or ask another node")
        except Problem as problem:
            await socket.send_denial_response(problem.response(is_epcis=True))
            return
        self._open += 1
        try:
            await socket.accept()
            await self._tell(socket, query, token)
        finally:
            self._open -= 1

    def _asked(self, socket: WebSocket) -> tuple[StoredQuery, str]:
        given: Mapping[str, str] = dict(socket.query_params.multi_items())
        for name in given:
            if name not in _PARAMETERS:
                raise _problem(name, f"a stream takes {', '.join(sorted(_PARAMETERS))} and no other parameter")
        query = self._node.queries.query(socket.path_params["name"])
        if query is None:
            raise Problem("epcis.unknown_query", f"there is no query {socket.path_params['name'][:200]!r}")
        if given.get("stream") != "true":
            raise _problem("stream", "a WebSocket asks with stream=true")
        if not SHAPING.isdisjoint(query.parameters):
            raise Problem("epcis.subscription", f"a query with {', '.join(sorted(SHAPING))} cannot be subscribed to")
        if "nextPageToken" in given:
            try:
                return query, token_of(position_of(given["nextPageToken"]))
            except CursorError as error:
                raise _problem("nextPageToken", str(error)) from error
        since = given.get("initialRecordTime")
        since_ms = None if since is None else fields.time_ms(since)
        if since is not None and since_ms is None:
            raise _problem("initialRecordTime", "initialRecordTime is a time such as 2026-11-04T09:20:00Z")
        return query, token_of(start_before(self._node.store, since_ms))

    async def _tell(self, socket: WebSocket, query: StoredQuery, token: str) -> None:
        gone = asyncio.create_task(_until_gone(socket))
        try:
            while not gone.done():
                token = await self._send(socket, query, token)
                if position_of(token).height >= self._node.store.tip.height:
                    await self._wait(gone, self._node.store.tip.height)
        except TimeoutError:
            await _close(socket, _TRY_LATER, "too slow")
        except PrunedError as error:
            await _close(socket, _GOING_AWAY, str(error)[:100])
        except (WebSocketDisconnect, RuntimeError) as error:
            # It went while something was sent to it.
            self._log.info("stream_ended", query=query.name, error=type(error).__name__)
        finally:
            gone.cancel()

    async def _send(self, socket: WebSocket, query: StoredQuery, token: str) -> str:
        """Send what there is after a token, if there is any, and return the token of the end of it."""
        store: Store = self._node.store
        found = await asyncio.to_thread(find_events, store, query, token)
        if found.records:
            created = time_text(found.records[-1].block_time_ms, 0)
            document = {**report_of(query.name, found.records, created), _NEXT: found.end}
            partial = partial_text(record.document for record in found.records)
            if partial:
                document[_PARTIAL] = partial
            async with asyncio.timeout(SEND_S_MAX):
                await socket.send_text(dumps(document).decode())
        return found.end

    async def _wait(self, gone: "asyncio.Task[None]", height: int) -> None:
        block = asyncio.create_task(self._node.next_block(height, _LOOK_S))
        try:
            await asyncio.wait({gone, block}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            block.cancel()


async def _until_gone(socket: WebSocket) -> None:
    """Return when the other side has gone; what it says is not for us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.close(code, reason)


def _problem(name: str, detail: str) -> Problem:
    return Problem("epcis.query_parameter", detail, faults=[Fault(name[:80], "epcis.query_parameter", detail)])
