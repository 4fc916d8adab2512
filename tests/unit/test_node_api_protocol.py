"""Connections to a node's servers over real sockets: what a stranger may hold before its request is there."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from node import main
from node.api import protocol
from node.api.crowd import Crowd

Address = tuple[str, int]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body."""
    size_bytes, is_more = 0, True
    while is_more:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        is_more = message.get("more_body", False)
    body = str(size_bytes).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with pytest.MonkeyPatch.context() as patch, main._bound("127.0.0.1", 0, "test") as bound:
        patch.setattr(protocol, "HEAD_S_MAX", 0.3)
        running = main._server(application, None)
        # In the loop that a node runs in, which is not the one that uvicorn would choose.
        thread = threading.Thread(target=lambda: asyncio.run(running.serve([bound])))
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield bound.getsockname()
        running.should_exit = True
        thread.join()


def talk(server: Address, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces and return all that comes until the server closes the connection or says nothing for a second."""
    received = b""
    with socket.create_connection(server, timeout=1.0) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
            while part := connection.recv(65_536):
                received += part
        except (TimeoutError, ConnectionError):
            pass
    return received


def test_requests_are_answered_one_after_the_other(server: Address) -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
    received = talk(server, request, request, pause_s=0.5)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.endswith(b"\r\n\r\n5")


def test_a_body_may_be_larger_than_a_head_and_take_longer(server: Address) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
    received = talk(server, head, bytes(100_000), bytes(200_000), pause_s=0.4)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b"\r\n\r\n300000")


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_without_end_is_cut_off(server: Address, pieces: int) -> None:
    start = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
    filler = [b"a" * (200_000 // pieces)] * pieces
    # A server that closes with bytes unread may take its last words with it.
    for end in (b"", b"\r\n\r\n"):
        started = time.monotonic()
        assert b"200 OK" not in talk(server, start, *filler, end)
        assert time.monotonic() - started < 0.9


def test_a_large_head_in_one_piece_is_refused(server: Address) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * protocol.HEAD_BYTES_MAX + b"\r\n\r\n"
    assert talk(server, head).startswith(b"HTTP/1.1 400")
    fitting = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * 60_000 + b"\r\n\r\n"
    assert talk(server, fitting).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("pieces", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b"A: b\r\n")])
def test_a_head_that_drips_runs_out_of_time(server: Address, pieces: tuple[bytes, ...]) -> None:
    started = time.monotonic()
    received = talk(server, *pieces, pause_s=0.1)
    assert received.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 0.9


def test_two_lengths_are_refused(server: Address) -> None:
    lengths = b"Content-Length: 3\r\nTransfer-Encoding: chunked"
    assert talk(server, b"POST / HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_small_answers_do_not_wait_for_an_acknowledgement(server: Address) -> None:
    # An answer goes out in two packets. Held back by Nagle's algorithm the second one would take 40 ms each time.
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(server, timeout=1.0) as connection:
        started = time.monotonic()
        for _ in range(25):
            connection.sendall(request)
            received = b""
            while not received.endswith(b"\r\n\r\n0"):
                received += connection.recv(65_536)
        assert time.monotonic() - started < 0.5


def test_one_request_too_many_is_told_to_come_again() -> None:
    async def scenario() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        going = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await going.wait()
            await Response("done")(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(Crowd(slow, 1)), base_url="http://node.test") as one:
            first = asyncio.create_task(one.get("/a"))
            await asyncio.sleep(0)
            refused = await one.get("/b")
            going.set()
            return await first, refused, await one.get("/c")

    first, refused, later = asyncio.run(scenario())
    assert (first.status_code, later.status_code) == (200, 200)
    assert (refused.status_code, refused.json()["code"]) == (429, "node.busy")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-content-type-options"] == "nosniff"
