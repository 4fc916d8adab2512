"""How many proof bundles a warm node serves: by its application in this process, and over loopback HTTP.

A node is one Python process and so one core. On a machine with other work the time that the core was really used says
more than the clock, so the rate is given by both.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Scope

from cli.benches.ledger import BenchLedger, item_id, item_life
from cli.processes import NodeProcesses
from consensus.config import ConsensusConfig
from node.api.app import build_api
from node.main import configure_logging
from node.mempool import MempoolLimits
from node.node import Node
from node.setup import HOST, Network

ITEMS: Final = 32
_ATTEMPTS: Final = 3
_CONNECTIONS: Final = 8
_START_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Bundles a second by the clock and by the processor time of the node, and the time of one answer."""

    bundles_s: float
    bundles_core_s: float | None
    p50_ms: float
    p99_ms: float
    bundle_bytes: int


class ServingError(Exception):
    """The node did not serve what was asked for; the message says what it did."""


def commit_items(ledger: BenchLedger, events: int) -> list[str]:
    """Commit the life of some items, one event of each in a block, and return the paths of their bundles."""
    serials = [f"serving{number}" for number in range(ITEMS)]
    lives = [item_life(serial, events) for serial in serials]
    for step in range(events):
        ledger.commit([[life[step]] for life in lives])
    return [f"/v1/items/proof?id={quote(item_id(serial), safe='')}" for serial in serials]


async def serve_in_process(ledger: BenchLedger, paths: Sequence[str], seconds: float) -> Rate:
    """Return what the HTTP application gives without a socket, one request after the other."""
    configure_logging("error")
    node = Node(ledger.home, ConsensusConfig(), MempoolLimits())
    application = build_api(node)
    try:
        for path in paths:
            await _ask(application, path)
        return max([await _one_after_the_other(application, paths, seconds) for _ in range(_ATTEMPTS)], key=_by_core)
    finally:
        await node.stop()


def serve_over_loopback(network: Network, paths: Sequence[str], seconds: float) -> Rate:
    """Return what a node process gives to a few connections that ask again at once; its home must not be open."""
    first = network.nodes[0]
    processes = NodeProcesses(network)
    try:
        process = processes.start(first)
        port = int(first.api.rsplit(":", 1)[1])
        return asyncio.run(_drive(port, process.process.pid, paths, seconds))
    finally:
        processes.stop_all()


async def _one_after_the_other(application: ASGIApp, paths: Sequence[str], seconds: float) -> Rate:
    latencies_s: list[float] = []
    size_bytes = 0
    start, cpu_start_s = time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        asked = time.perf_counter()
        size_bytes = await _ask(application, paths[len(latencies_s) % len(paths)])
        latencies_s.append(time.perf_counter() - asked)
    return _rate(latencies_s, time.perf_counter() - start, time.process_time() - cpu_start_s, size_bytes)


async def _ask(application: ASGIApp, path: str) -> int:
    """Send one GET and return the size of the answer's body."""
    name, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": name,
        "raw_path": name.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": (HOST, 1),
        "server": (HOST, 1),
    }
    status = size_bytes = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, size_bytes
        status = message.get("status", status)
        size_bytes += len(message.get("body", b""))

    await application(scope, receive, send)
    if status != 200:
        raise ServingError(f"{path} was answered with {status}")
    return size_bytes


async def _drive(port: int, process_id: int, paths: Sequence[str], seconds: float) -> Rate:
    await _wait_served(port, paths[0])
    for path in paths:
        await _fetch_all(port, [path], until=0)
    rates = []
    for _ in range(_ATTEMPTS):
        cpu_start_s, start = _cpu_seconds(process_id), time.perf_counter()
        fetched = await asyncio.gather(
            *(_fetch_all(port, [*paths[offset:], *paths[:offset]], start + seconds) for offset in range(_CONNECTIONS))
        )
        elapsed_s, cpu_end_s = time.perf_counter() - start, _cpu_seconds(process_id)
        used_s = None if cpu_start_s is None or cpu_end_s is None else cpu_end_s - cpu_start_s
        latencies_s = [latency_s for connection, _ in fetched for latency_s in connection]
        rates.append(_rate(latencies_s, elapsed_s, used_s, fetched[0][1]))
    return max(rates, key=_by_core)


async def _wait_served(port: int, path: str) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while True:
        try:
            await _fetch_all(port, [path], until=0)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise ServingError("the node did not start in 30 s") from None
            await asyncio.sleep(0.05)


async def _fetch_all(port: int, paths: Sequence[str], until: float) -> tuple[list[float], int]:
    """Ask over one connection, one after the other and round and round, once at least; return seconds and a size."""
    reader, writer = await asyncio.open_connection(HOST, port)
    latencies_s: list[float] = []
    size_bytes = 0
    try:
        while not latencies_s or time.perf_counter() < until:
            asked = time.perf_counter()
            path = paths[len(latencies_s) % len(paths)]
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200 "):
                raise ServingError(f"{path} was answered with {head[:40]!r}")
            size_bytes = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(size_bytes)
            latencies_s.append(time.perf_counter() - asked)
    finally:
        writer.close()
    return latencies_s, size_bytes


def _cpu_seconds(process_id: int) -> float | None:
    """Return the processor time that a process has used so far, where the system tells."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rate(latencies_s: Sequence[float], elapsed_s: float, cpu_s: float | None, size_bytes: int) -> Rate:
    ranked = sorted(latencies_s)
    return Rate(
        bundles_s=len(ranked) / elapsed_s,
        bundles_core_s=len(ranked) / cpu_s if cpu_s else None,
        p50_ms=ranked[len(ranked) // 2] * 1e3,
        p99_ms=ranked[len(ranked) * 99 // 100] * 1e3,
        bundle_bytes=size_bytes,
    )


def _by_core(rate: Rate) -> float:
    return rate.bundles_s if rate.bundles_core_s is None else rate.bundles_core_s
