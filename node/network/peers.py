"""The client side of the peer network: one bounded queue and one sender for each peer.

The core never waits for a peer. A full queue drops its oldest message and counts it; consensus sends again what still
matters. A peer that does not answer is tried again with growing pauses. What a peer does wrong stops no sender; what
stops one is an error of ours, and the node stops with it.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
import structlog

from ledger.codec import encode
from node.config import PeerConfig
from node.metrics import Metrics
from node.network.asking import CALL_ERRORS, PeerError, ask, peer_session
from node.network.wire import (
    CertifiedBlock,
    decode_batch,
    decode_blocks,
    encode_batch,
    encode_range,
)

_Decoded = TypeVar("_Decoded")

_QUEUE_MESSAGES_MAX: Final = 10_000
_BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
_PAUSE_SECONDS_MAX: Final = 2.0
_NAME_SECONDS_MAX: Final = 2
_REACHABLE_SECONDS: Final = 5.0
# A connection that a router forgot is silent for ever: an answer begins, and goes on, within five seconds or never.
_SEND_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=2, sock_read=5)
_FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=2, sock_read=5)


@dataclass(frozen=True, slots=True)
class PeerState:
    """What is known of a peer: whether it answered lately."""

    public_key: bytes
    url: str
    is_reachable: bool


class _Peer:
    """One peer's queues; consensus messages go before transactions."""

    def __init__(self, config: PeerConfig, metrics: Metrics) -> None:
        self.config = config
        self.answered_at: float | None = None
        self._messages: deque[bytes] = deque()
        self._transactions: deque[bytes] = deque()
        self._waiting = asyncio.Event()
        self._dropped = metrics.dropped_messages.labels(peer=config.public_key.hex()[:16])

    def put_message(self, data: bytes) -> None:
        self._put(self._messages, data)

    def put_transaction(self, data: bytes) -> None:
        self._put(self._transactions, data)

    def _put(self, queue: deque[bytes], data: bytes) -> None:
        if len(queue) >= _QUEUE_MESSAGES_MAX:
            queue.popleft()
            self._dropped.inc()
        queue.append(data)
        self._waiting.set()

    async def next_batch(self) -> tuple[str, list[bytes]]:
        while not self._messages and not self._transactions:
            self._waiting.clear()
            await self._waiting.wait()
        path, queue = ("messages", self._messages) if self._messages else ("transactions", self._transactions)
        batch: list[bytes] = []
        size_bytes = 0
        while queue and (not batch or size_bytes + len(queue[0]) <= _BATCH_BYTES_MAX) and len(batch) < 1_000:
            batch.append(queue.popleft())
            size_bytes += len(batch[-1])
        return path, batch


class PeerNetwork:
    """All peers of this node."""

    def __init__(self, chain_id: bytes, configs: Sequence[PeerConfig], metrics: Metrics) -> None:
        self._chain_id = chain_id
        self._peers = {config.public_key: _Peer(config, metrics) for config in configs}
        self._session: aiohttp.ClientSession | None = None
        self._senders: list[asyncio.Task[None]] = []
        self._failure: asyncio.Future[None] | None = None
        self._is_stopping = False
        self._log = structlog.get_logger("peers")

    def start(self) -> None:
        """Start the senders; call inside the running loop."""
        self._session = peer_session(
            self._chain_id,
            # A name is looked up anew about as often as a peer is called, so one that moved is found where it went.
            aiohttp.TCPConnector(limit_per_host=4, keepalive_timeout=60, ttl_dns_cache=_NAME_SECONDS_MAX),
        )
        self._failure = asyncio.get_running_loop().create_future()
        self._senders = [asyncio.create_task(self._send_for_ever(peer)) for peer in self._peers.values()]
        for sender in self._senders:
            sender.add_done_callback(self._ended)

    async def run(self) -> None:
        """Wait for ever; raises what ended a sender."""
        assert self._failure is not None, "the network was started"
        await self._failure

    def _ended(self, sender: "asyncio.Task[None]") -> None:
        assert self._failure is not None, "the network was started"
        if self._is_stopping or self._failure.done():
            return
        error = None if sender.cancelled() else sender.exception()
        self._failure.set_exception(error or AssertionError("a sender ended, and nobody had ended it"))

    async def stop(self) -> None:
        """Stop the senders and close the connections."""
        self._is_stopping = True
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def broadcast(self, message: bytes) -> None:
        """Queue a consensus message for every peer."""
        for peer in self._peers.values():
            peer.put_message(message)

    def send(self, public_key: bytes, message: bytes) -> None:
        """Queue a consensus message for one peer; unknown keys are passed over (an observer may have no address)."""
        peer = self._peers.get(public_key)
        if peer is not None:
            peer.put_message(message)

    def gossip(self, transactions: Sequence[bytes]) -> None:
        """Queue transactions for every peer."""
        for peer in self._peers.values():
            for transaction in transactions:
                peer.put_transaction(transaction)

    def heard_from(self, public_key: bytes) -> None:
        """Note that an authentic message of this peer arrived."""
        peer = self._peers.get(public_key)
        if peer is not None:
            peer.answered_at = time.monotonic()

    def states(self) -> tuple[PeerState, ...]:
        """Return what is known of each peer."""
        now = time.monotonic()
        return tuple(
            PeerState(
                peer.config.public_key,
                peer.config.url,
                peer.answered_at is not None and now - peer.answered_at < _REACHABLE_SECONDS,
            )
            for peer in self._peers.values()
        )

    def known(self, preferred: bytes | None) -> list[bytes]:
        """Return the keys of all peers, the preferred one first, those that answered lately before the others."""
        ranked = sorted(self.states(), key=lambda state: (state.public_key != preferred, not state.is_reachable))
        return [state.public_key for state in ranked]

    async def fetch_transactions(self, public_key: bytes, transaction_ids: Sequence[bytes]) -> list[bytes]:
        """Return those of the transactions that the peer knows, encoded; raises PeerError."""
        return await self._ask(public_key, "transactions/get", encode(list(transaction_ids)), decode_batch)

    async def fetch_blocks(self, public_key: bytes, first: int, last: int) -> list[CertifiedBlock]:
        """Return blocks from ``first`` on, as many as the peer gives at once; raises PeerError."""
        return await self._ask(public_key, "blocks", encode_range(first, last), decode_blocks)

    async def _ask(self, public_key: bytes, path: str, body: bytes, read: Callable[[bytes], _Decoded]) -> _Decoded:
        peer = self._peers.get(public_key)
        if peer is None or self._session is None:
            raise PeerError("no address is known for this peer")

        def noted(answer: bytes) -> _Decoded:
            peer.answered_at = time.monotonic()
            return read(answer)

        return await ask(self._session, f"{peer.config.url}/p2p/{path}", body, noted, _FETCH_TIMEOUT)

    async def _send_for_ever(self, peer: _Peer) -> None:
        pause_seconds = 0.0
        while True:
            path, batch = await peer.next_batch()
            if await self._post(peer, path, batch):
                pause_seconds = 0.0
                continue
            # Half of the pause is by chance, so that nodes that lost a peer together do not call it together.
            pause_seconds = min(_PAUSE_SECONDS_MAX, max(0.05, pause_seconds * 2))
            await asyncio.sleep(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _post(self, peer: _Peer, path: str, batch: list[bytes]) -> bool:
        assert self._session is not None, "the network was started"
        url, body = f"{peer.config.url}/p2p/{path}", encode_batch(batch)
        try:
            async with self._session.post(url, data=body, timeout=_SEND_TIMEOUT, allow_redirects=False) as answer:
                if answer.status != 204:
                    self._log.warning("peer_refused", url=peer.config.url, path=path, status=answer.status)
                    return False
        except CALL_ERRORS:
            return False
        peer.answered_at = time.monotonic()
        return True
