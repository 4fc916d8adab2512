"""The senders to peers: whatever a peer answers is its own fault and stops nobody; an error of ours stops the node."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ledger.codec import encode
from ledger.keys import SecretKey
from node.bootstrap.peer import Peer
from node.config import PeerConfig
from node.metrics import Metrics
from node.network import peers
from node.network.asking import JunkError, PeerError, peer_session
from node.network.peers import PeerNetwork
from node.network.wire import BODY_BYTES_MAX

CHAIN_ID = b"\x61" * 32
PEER = SecretKey(b"\x32" * 32).public_key

_PATIENCE_S = 30
"""Far more than any of this takes, so that a busy machine fails nothing."""

OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "nothing": b"",
    "not HTTP": b"\x00\xff\x00junk\r\n\r\n",
    "a status that is none": b"HTTP/1.1 -1 x\r\n\r\n",
    "a length below nothing": OK + b"Content-Length: -5\r\n\r\n",
    "less than it says": OK + b"Content-Length: 100\r\n\r\nfew",
    "a chunk without a size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nfew\r\n",
    "a chunk without an end": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nfewXX\r\n",
    "no gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nfew",
    "a header without an end": OK + b"Name: " + b"x" * 100_000 + b"\r\n\r\n",
    "headers without an end": OK + b"Name: x\r\n" * 20_000,
    "another protocol": b"HTTP/1.1 101 x\r\nUpgrade: junk\r\nConnection: upgrade\r\n\r\n",
    "a way to nobody": b"HTTP/1.1 307 x\r\nLocation: http://" + b"x" * 300 + b".test/\r\nContent-Length: 0\r\n\r\n",
    "a way to a file": b"HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "a body that cannot be read": OK + b"Content-Length: 3\r\n\r\nfew",
}
each_answer = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)


class Answering:
    """A peer that answers everything with the same bytes and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.is_asked_twice = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        self.requests.append(head)
        writer.write(self.answer)
        await writer.drain()
        writer.close()
        if len(self.requests) > 1:
            self.is_asked_twice.set()


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Answering]:
    peer = Answering(answer)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield peer


def network_of(url: str) -> PeerNetwork:
    return PeerNetwork(CHAIN_ID, [PeerConfig(PEER, url)], Metrics())


@each_answer
def test_whatever_a_peer_answers_its_sender_goes_on_and_the_node_too(answer: bytes) -> None:
    async def scenario() -> None:
        async with answering(answer) as peer:
            network = network_of(peer.url)
            network.start()
            running = asyncio.create_task(network.run())
            try:
                network.broadcast(b"first")
                async with asyncio.timeout(_PATIENCE_S):
                    while not peer.is_asked_twice.is_set() and not running.done():
                        network.broadcast(b"more")
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise AssertionError(f"asked {len(peer.requests)} times:\n{where_tasks_are()}") from None
            finally:
                running.cancel()
                await network.stop()
            assert running.cancelled(), running.exception()

    asyncio.run(scenario())


def where_tasks_are() -> str:
    """Return where each task of the running loop waits, for a test that waited for it in vain."""
    told = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(file=told)
    return told.getvalue()


@each_answer
def test_whatever_a_peer_answers_to_a_question_is_one_error(answer: bytes) -> None:
    async def scenario() -> None:
        async with answering(answer) as peer, peer_session(CHAIN_ID) as session:
            network = network_of(peer.url)
            network.start()
            try:
                with pytest.raises(PeerError, match=peer.url):
                    await network.fetch_blocks(PEER, 1, 2)
                with pytest.raises(PeerError, match=peer.url):
                    await Peer(session, PeerConfig(PEER, peer.url)).tip()
            finally:
                await network.stop()

    asyncio.run(asyncio.wait_for(scenario(), _PATIENCE_S))


@pytest.mark.parametrize(
    ("body", "reason"), [(b"few", "not_msgpack"), (encode(1), "field_type"), (bytes(BODY_BYTES_MAX + 1), "too_large")]
)
def test_an_answer_that_is_none_is_junk_with_a_reason(body: bytes, reason: str) -> None:
    async def scenario() -> None:
        async with answering(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body) as peer:
            network = network_of(peer.url)
            network.start()
            try:
                with pytest.raises(JunkError) as junk:
                    await network.fetch_blocks(PEER, 1, 2)
            finally:
                await network.stop()
            assert junk.value.reason == reason

    asyncio.run(asyncio.wait_for(scenario(), _PATIENCE_S))


def test_a_name_that_cannot_be_looked_up_is_a_peer_that_does_not_answer() -> None:
    url = f"http://{'x' * 300}.test"

    async def scenario() -> None:
        network = network_of(url)
        network.start()
        try:
            with pytest.raises(PeerError, match="does not answer"):
                await network.fetch_blocks(PEER, 1, 2)
        finally:
            await network.stop()

    asyncio.run(asyncio.wait_for(scenario(), _PATIENCE_S))


def test_nobody_is_called_because_a_peer_says_so() -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with answering(b"") as other:
            lines = ["HTTP/1.1 307 x", f"Location: {other.url}", "Set-Cookie: a=b", "Connection: close"]
            away = "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()
            async with answering(away) as peer:
                network = network_of(peer.url.replace("127.0.0.1", "localhost"))
                network.start()
                try:
                    for _ in range(2):
                        with pytest.raises(PeerError, match="answered 307"):
                            await network.fetch_blocks(PEER, 1, 2)
                    network.broadcast(b"message")
                    while len(peer.requests) < 3:
                        await asyncio.sleep(0.01)
                        assert not other.requests
                finally:
                    await network.stop()
                return other.requests, peer.requests

    called, asked = asyncio.run(asyncio.wait_for(scenario(), _PATIENCE_S))
    assert called == []
    assert not [request for request in asked if b"Cookie" in request], "nor is anything of it kept"


def test_a_bug_in_a_sender_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(items: list[bytes]) -> bytes:
        raise TypeError(f"a bug of ours with {len(items)} message")

    monkeypatch.setattr(peers, "encode_batch", broken)

    async def scenario() -> None:
        async with answering(b"HTTP/1.1 204 x\r\n\r\n") as peer:
            network = network_of(peer.url)
            network.start()
            try:
                network.broadcast(b"message")
                await asyncio.wait_for(network.run(), 5)
            finally:
                await network.stop()

    with pytest.raises(TypeError, match="a bug of ours with 1 message"):
        asyncio.run(scenario())


def test_a_sender_that_ends_although_nobody_ended_it_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(items: list[bytes]) -> bytes:
        raise asyncio.CancelledError

    monkeypatch.setattr(peers, "encode_batch", cancelled)

    async def scenario() -> None:
        network = network_of("http://127.0.0.1:9")
        network.start()
        try:
            network.broadcast(b"message")
            await asyncio.wait_for(network.run(), 5)
        finally:
            await network.stop()

    with pytest.raises(AssertionError, match="a sender ended"):
        asyncio.run(scenario())


def test_a_node_without_peers_has_no_sender_that_could_end() -> None:
    async def scenario() -> None:
        network = PeerNetwork(CHAIN_ID, [], Metrics())
        network.start()
        try:
            await asyncio.wait_for(network.run(), 0.05)
        finally:
            await network.stop()

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
