"""The listener for peers, on a port of its own: shape is checked here, signatures and state behind it.

A peer cannot make it fail: junk is dropped with a reason that is counted, and bodies are bounded, in bytes and in time,
while they arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Final, Protocol, TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ledger.codec import encode
from ledger.errors import LedgerError
from node.bootstrap.serving import Answer, snapshot_answers
from node.bootstrap.snapshots import Snapshots
from node.metrics import Metrics
from node.network.wire import (
    BLOCKS_PER_ANSWER_MAX,
    BODY_BYTES_MAX,
    CHAIN_HEADER,
    CONTENT_TYPE,
    decode_batch,
    decode_ids,
    decode_range,
    encode_batch,
    encode_block,
)
from node.storage.errors import PrunedError
from node.storage.store import Store

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_ANSWER_BYTES_MAX = BODY_BYTES_MAX // 2
_BODY_SECONDS_MAX: Final = 30.0


class PeerHandler(Protocol):
    """What the listener hands over to; neither call raises on what a peer sent."""

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        """Take encoded consensus messages."""
        ...

    async def receive_transactions(self, batch: Sequence[bytes]) -> None:
        """Take encoded transactions."""
        ...

    def waiting_transaction(self, transaction_id: bytes) -> bytes | None:
        """Return a waiting transaction's bytes, or None."""
        ...


class _JunkError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def build_listener(
    chain_id: bytes, store: Store, handler: PeerHandler, metrics: Metrics, snapshots: Snapshots
) -> Starlette:
    """Return the ASGI application of the peers' listener."""

    async def messages(request: Request) -> Response:
        handler.receive_messages(decode_batch(await _body(request, chain_id)))
        return Response(status_code=204)

    async def transactions(request: Request) -> Response:
        await handler.receive_transactions(decode_batch(await _body(request, chain_id)))
        return Response(status_code=204)

    async def get_transactions(request: Request) -> Response:
        asked = decode_ids(await _body(request, chain_id))
        waiting = {each: encoded for each in asked if (encoded := handler.waiting_transaction(each)) is not None}
        committed = store.encoded_transactions(each for each in asked if each not in waiting)
        found = []
        size_bytes = 0
        for encoded in chain(waiting.values(), committed):
            size_bytes += len(encoded)
            if size_bytes > _ANSWER_BYTES_MAX:
                break
            found.append(encoded)
        return Response(encode_batch(found), media_type=CONTENT_TYPE)

    async def blocks(request: Request) -> Response:
        first, last = decode_range(await _body(request, chain_id))
        return Response(_encoded_blocks(store, first, last), media_type=CONTENT_TYPE)

    def snapshot_endpoint(answer: Answer) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            found = answer(await _body(request, chain_id))
            if found is None:
                raise _JunkError(404, "no_such_snapshot")
            return Response(found, media_type=CONTENT_TYPE)

        return endpoint

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def guard(request: Request) -> Response:
            try:
                return await endpoint(request)
            except _JunkError as junk:
                metrics.peer_junk.labels(reason=junk.reason).inc()
                return PlainTextResponse(junk.reason, status_code=junk.status)
            except PrunedError:
                return PlainTextResponse("pruned", status_code=410)
            except LedgerError as error:
                metrics.peer_junk.labels(reason=error.code).inc()
                return PlainTextResponse(error.code, status_code=400)

        return guard

    paths: dict[str, Endpoint] = {
        "messages": messages,
        "transactions": transactions,
        "transactions/get": get_transactions,
        "blocks": blocks,
    }
    paths |= {path: snapshot_endpoint(answer) for path, answer in snapshot_answers(store, snapshots).items()}
    return Starlette(
        routes=[Route(f"/p2p/{path}", guarded(endpoint), methods=["POST"]) for path, endpoint in paths.items()]
    )


async def _body(request: Request, chain_id: bytes) -> bytes:
    """Return the body, read no further than the limit; compressed bodies are refused, for they hide their size."""
    if request.headers.get(CHAIN_HEADER) != chain_id.hex():
        raise _JunkError(409, "wrong_chain")
    if "content-encoding" in request.headers:
        raise _JunkError(415, "content_encoding")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _JunkError(413, "too_large")
    except TimeoutError as error:
        raise _JunkError(408, "too_slow") from error
    except ClientDisconnect as error:
        raise _JunkError(400, "hung_up") from error
    return bytes(body)


def _encoded_blocks(store: Store, first: int, last: int) -> bytes:
    blocks: list[list[object]] = []
    size_bytes = 0
    for height in range(first, min(last, store.tip.height, first + BLOCKS_PER_ANSWER_MAX - 1) + 1):
        block = store.block(height)
        if block is None or block.certificate is None:
            break
        size_bytes += sum(len(transaction.encoded) for transaction in block.transactions)
        if blocks and size_bytes > _ANSWER_BYTES_MAX:
            break
        blocks.append(encode_block(block.header, block.certificate, block.transactions))
    return encode(blocks)
