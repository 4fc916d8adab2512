"""Both ends of the peer network: bounded queues, deadlines, a peer whose address changes, bodies that never end."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from starlette.types import Message

from ledger.keys import SecretKey
from node.bootstrap import peer as bootstrap_peer
from node.bootstrap.driver import peers_to_ask
from node.bootstrap.snapshots import Snapshots
from node.config import PeerConfig
from node.metrics import Metrics
from node.network import listener as listener_module
from node.network import peers
from node.network.listener import build_listener
from node.network.peers import PeerNetwork
from node.network.wire import CHAIN_HEADER, decode_batch
from node.storage.store import Store
from tests.support.blocks import CHAIN_ID, genesis_write

PEER = SecretKey(b"\x31" * 32).public_key
QUEUE_MESSAGES_MAX = 10_000


class Listener:
    """A peer that keeps what it was told, at an address that it can change."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int = 0) -> int:
        application = web.Application(client_max_size=1 << 24)
        application.router.add_post("/p2p/messages", self._messages)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, reuse_address=True)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _messages(self, request: web.Request) -> web.Response:
        self.heard += decode_batch(await request.read())
        return web.Response(status=204)


class Nobody:
    """Handles what never comes."""

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        raise AssertionError("half a body was handed over")

    async def receive_transactions(self, batch: Sequence[bytes]) -> None:
        raise AssertionError("half a body was handed over")

    def waiting_transaction(self, transaction_id: bytes) -> bytes | None:
        raise AssertionError("half a body was handed over")


async def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for a condition and return how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def dropped(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("tradelane_dropped_messages_total", {"peer": PEER.hex()[:16]}) or 0.0


@pytest.mark.fault(42)
def test_the_queue_of_a_peer_that_reads_nothing_is_bounded_and_drops_its_oldest() -> None:
    async def scenario() -> None:
        metrics = Metrics()
        with socket.socket() as silent:
            # Connections are taken by the system and never read.
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            port = silent.getsockname()[1]
            network = PeerNetwork(CHAIN_ID, [PeerConfig(PEER, f"http://127.0.0.1:{port}")], metrics)
            network.start()
            try:
                network.broadcast(b"under way")
                await asyncio.sleep(0.1)
                for number in range(QUEUE_MESSAGES_MAX + 7):
                    network.broadcast(number.to_bytes(4))
                assert dropped(metrics) == 7
            finally:
                await asyncio.wait_for(network.stop(), 2)
        listener = Listener()
        network = PeerNetwork(CHAIN_ID, [PeerConfig(PEER, f"http://127.0.0.1:{port}")], metrics)
        for number in range(QUEUE_MESSAGES_MAX + 7):
            network.broadcast(number.to_bytes(4))
        await listener.start("127.0.0.1", port)
        network.start()
        try:
            await until(lambda: len(listener.heard) == QUEUE_MESSAGES_MAX, 5)
        finally:
            await network.stop()
            await listener.stop()
        assert listener.heard == [number.to_bytes(4) for number in range(7, QUEUE_MESSAGES_MAX + 7)]
        assert dropped(metrics) == 14

    asyncio.run(scenario())


@pytest.mark.fault(42)
def test_a_peer_that_never_answers_is_given_up_and_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (peers._SEND_TIMEOUT.total, peers._SEND_TIMEOUT.connect, peers._SEND_TIMEOUT.sock_read) == (10, 2, 5)
    monkeypatch.setattr(peers, "_SEND_TIMEOUT", ClientTimeout(total=0.3, connect=2))

    async def scenario() -> None:
        ended = 0

        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal ended
            await reader.read()  # to the end: the caller hangs up
            writer.close()
            ended += 1

        server = await asyncio.start_server(never, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        network = PeerNetwork(CHAIN_ID, [PeerConfig(PEER, f"http://127.0.0.1:{port}")], Metrics())
        network.start()
        try:
            network.broadcast(b"hello")
            await until(lambda: ended == 1, 3)
            network.broadcast(b"hello again")
            await until(lambda: ended == 2, 3)
            assert not network.states()[0].is_reachable
        finally:
            await network.stop()
            server.close()

    asyncio.run(scenario())


@pytest.mark.fault(42)
def test_a_node_that_starts_does_not_wait_for_a_peer_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap_peer._TIMEOUT.sock_read == 5
    monkeypatch.setattr(bootstrap_peer, "_TIMEOUT", ClientTimeout(total=60, connect=2, sock_read=0.3))

    async def scenario() -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            config = PeerConfig(PEER, f"http://127.0.0.1:{silent.getsockname()[1]}")
            async with ClientSession() as session:
                hanging = bootstrap_peer.Peer(session, config)
                asked = peers_to_ask([hanging], own_height=0, behind_blocks_max=10, faults_tolerated=0)
                assert await asyncio.wait_for(asked, 3) == []

    asyncio.run(scenario())


@pytest.mark.fault(43)
def test_a_peer_whose_name_leads_to_another_address_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "127.0.0.1"
    real = asyncio.BaseEventLoop.getaddrinfo

    async def getaddrinfo(loop: asyncio.BaseEventLoop, host: str | None, *rest: object, **more: object) -> object:
        return await real(loop, address if host == "peer.test" else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)

    async def scenario() -> None:
        nonlocal address
        old, new = Listener(), Listener()
        port = await old.start("127.0.0.1")
        network = PeerNetwork(CHAIN_ID, [PeerConfig(PEER, f"http://peer.test:{port}")], Metrics())
        network.start()
        try:
            network.broadcast(b"one")
            await until(lambda: old.heard == [b"one"], 3)
            await old.stop()
            address = "127.0.0.2"
            await new.start("127.0.0.2", port)

            # What is sent while the peer moves may be lost; consensus says again what still matters.
            def is_heard() -> bool:
                network.broadcast(b"two")
                return b"two" in new.heard

            await until(is_heard, 6)
            assert old.heard == [b"one"]
        finally:
            await network.stop()
            await new.stop()

    asyncio.run(scenario())


@pytest.mark.fault(42)
@pytest.mark.parametrize("reason", ["too_slow", "hung_up"])
def test_a_body_that_does_not_arrive_is_junk_and_its_place_is_free_again(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listener_module._BODY_SECONDS_MAX == 30
    monkeypatch.setattr(listener_module, "_BODY_SECONDS_MAX", 0.1)
    metrics = Metrics()
    answers: list[Message] = []
    parts: list[Message] = [{"type": "http.request", "body": b"\x91", "more_body": True}]
    if reason == "hung_up":
        parts.append({"type": "http.disconnect"})

    async def receive() -> Message:
        if parts:
            return parts.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("nobody waits as long as that")

    async def send(message: Message) -> None:
        answers.append(message)

    async def scenario(store: Store) -> None:
        application = build_listener(CHAIN_ID, store, Nobody(), metrics, Snapshots(store, lambda: 0))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/p2p/messages",
            "query_string": b"",
            "headers": [(CHAIN_HEADER.lower().encode(), CHAIN_ID.hex().encode())],
        }
        await asyncio.wait_for(application(scope, receive, send), 5)

    with closing(Store.create(tmp_path / "ledger", genesis_write())) as store:
        asyncio.run(scenario(store))
    assert answers[0]["status"] == {"too_slow": 408, "hung_up": 400}[reason]
    assert metrics.registry.get_sample_value("tradelane_peer_junk_total", {"reason": reason}) == 1
