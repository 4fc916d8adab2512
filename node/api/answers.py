"""Answers: reads that run off the loop, on one state where possible, and say as of which height they hold."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import anyio
import anyio.to_thread
from fastapi import Response

from ledger.block import Header
from ledger.readable import Json
from node.api.backend import ApiNode
from node.api.parameters import Read
from node.api.problems import Problem
from node.queries import CursorError
from node.storage.store import Store

T = TypeVar("T")

_READERS_MAX: Final = 4
_TRIES_MAX: Final = 3
_HEIGHT_WAIT_S: Final = 5.0

Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""What a route says of its answers for /openapi.json."""


class Answers:
    """Runs reads in a few threads, so that a long one holds up neither the consensus nor all the others."""

    def __init__(self, node: ApiNode) -> None:
        self._node = node
        self._limiter: anyio.CapacityLimiter | None = None

    async def read(self, function: Callable[[Store], T], asked: Read | None = None) -> tuple[T, Header]:
        """Return what ``function`` reads, and a block that it is at least as new as.

        Raises
        ------
        Problem
            ``not_yet_at_height`` where the height that is asked for is not reached in a few seconds; ``query.cursor``.

        """
        return await self._run(lambda store: _consistent(store, function), asked)

    async def _run(self, function: Callable[[Store], T], asked: Read | None) -> T:
        if asked is not None and asked.min_height is not None:
            await self._reach(asked.min_height)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_READERS_MAX)
        try:
            return await anyio.to_thread.run_sync(function, self._node.store, limiter=self._limiter)
        except CursorError as error:
            raise Problem("query.cursor", str(error)) from error

    async def json(self, function: Callable[[Store], Json], asked: Read | None = None) -> Response:
        """Return the JSON response of a read."""
        value, tip = await self.read(function, asked)
        return json_response(value, headers=as_of(tip))

    async def json_once(self, function: Callable[[Store], Json], asked: Read | None = None) -> Response:
        """Return the JSON response of a long read that sees to its own consistency and says as of when it is."""

        def alone(store: Store) -> tuple[Json, Header]:
            tip = store.tip
            return function(store), tip

        value, tip = await self._run(alone, asked)
        return json_response(value, headers=as_of(tip))

    async def _reach(self, height: int) -> None:
        deadline = anyio.current_time() + _HEIGHT_WAIT_S
        while (tip := self._node.store.tip.height) < height:
            left_s = deadline - anyio.current_time()
            if left_s <= 0 or not await self._node.next_block(tip, left_s):
                raise Problem("not_yet_at_height", f"this node is at height {tip}, asked for is {height}")


def json_response(value: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(
        content=json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-cache", **(headers or {})},
    )


def example_of(value: Json) -> Responses:
    """Return what /openapi.json shows of a JSON answer."""
    return {200: {"content": {"application/json": {"example": value}}}}


def as_of(tip: Header) -> dict[str, str]:
    """Return the headers that say as of which block an answer holds."""
    return {"tradelane-height": str(tip.height), "tradelane-state-root": tip.state_root.hex()}


def _consistent(store: Store, function: Callable[[Store], T]) -> tuple[T, Header]:
    """Read again where a block was committed meanwhile; the last try stands, as of at least the block before it."""
    for attempt in range(_TRIES_MAX):
        tip = store.tip
        value = function(store)
        if store.tip is tip or attempt == _TRIES_MAX - 1:
            break
    return value, tip
