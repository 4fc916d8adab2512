"""What runs in a node and beside it: when it fails, the node stops and says so once; when it is done, it goes on."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from consensus.config import ConsensusConfig
from node.engine.ports import ForkError
from node.home import open_home
from node.mempool import MempoolLimits
from node.network.peers import PeerNetwork
from node.node import Node
from node.pruning import Pruner
from node.runtime import Runtime
from node.stopping import ServerEndedError, wait_stopped
from node.storage.errors import StorageError
from tests.support.shared_data import REPOSITORY
from tests.support.solo_home import solo_network

FAILURES = [
    (StorageError("the disk is gone"), "disk"),
    (ForkError("two blocks of one height"), "fork"),
    (ServerEndedError("nobody is served"), "server"),
    (AssertionError("a bug of ours"), "bug"),
]
each_failure = pytest.mark.parametrize(("error", "kind"), FAILURES, ids=[kind for _, kind in FAILURES])


async def fail(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def done() -> None:
    await asyncio.sleep(0)


class Runner:
    """A node that runs until it fails, if it does."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.was_cancelled = False

    async def run(self) -> None:
        if self._error is not None:
            await fail(self._error)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


def test_the_page_for_operators_explains_every_kind() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page.split("## Alarms")[1].split("A node that cannot trust")[0], re.MULTILINE)
    assert rows == [kind for _, kind in FAILURES]


@contextmanager
def stopping(error: Exception, kind: str) -> Iterator[None]:
    """Expect that an error stops a node, and that the log says so once."""
    with structlog.testing.capture_logs() as logs, pytest.raises(type(error), match=str(error)):
        yield
    said = [(entry["event"], entry["kind"], entry["error"]) for entry in logs if entry["log_level"] == "error"]
    assert said == [("stopping", kind, str(error))]


@each_failure
def test_a_node_stops_when_work_beside_it_fails(error: Exception, kind: str) -> None:
    node = Runner()

    async def run() -> None:
        upkeep = [asyncio.create_task(done()), asyncio.create_task(fail(error))]
        await asyncio.wait_for(wait_stopped(asyncio.Event(), node, upkeep), 5)

    with stopping(error, kind):
        asyncio.run(run())
    assert node.was_cancelled


def test_a_node_goes_on_when_work_beside_it_is_done() -> None:
    node = Runner()

    async def run() -> bool:
        stop = asyncio.Event()
        work = asyncio.create_task(done())
        waiting = asyncio.create_task(wait_stopped(stop, node, [work]))
        await work
        await asyncio.sleep(0.01)
        is_over = waiting.done()
        stop.set()
        await asyncio.wait_for(waiting, 5)
        return is_over

    assert not asyncio.run(run())
    assert node.was_cancelled


@each_failure
def test_what_stopped_the_node_itself_is_raised(error: Exception, kind: str) -> None:
    async def run() -> None:
        idle = asyncio.create_task(asyncio.sleep(60))
        try:
            await wait_stopped(asyncio.Event(), Runner(error), [idle])
        finally:
            idle.cancel()

    with stopping(error, kind):
        asyncio.run(run())


async def never() -> None:
    await asyncio.Event().wait()


async def tell(stop: asyncio.Event, when: Callable[[], Awaitable[object]]) -> None:
    await when()
    stop.set()


def run_node(directory: Path, when: Callable[[], Awaitable[object]] = never) -> None:
    """Run the only node of a network until it fails or is told to stop, five seconds at most."""
    network = solo_network(directory / "network")
    home = open_home(network.home(network.nodes[0]))

    async def run() -> None:
        node = Node(home, ConsensusConfig(), MempoolLimits())
        node.start()
        stop = asyncio.Event()
        telling = asyncio.create_task(tell(stop, when))
        try:
            await asyncio.wait_for(wait_stopped(stop, node), 5)
        finally:
            telling.cancel()
            await node.stop()

    try:
        asyncio.run(run())
    finally:
        home.close()


@each_failure
def test_a_node_stops_when_the_engine_fails(
    error: Exception, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(_: Pruner) -> int:
        raise error

    monkeypatch.setattr(Pruner, "step", step)
    with stopping(error, kind):
        run_node(tmp_path)


@each_failure
def test_a_node_stops_when_giving_room_back_fails_and_does_not_try_again(
    error: Exception, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def give_back(pruner: Pruner) -> None:
        calls.append(pruner)
        raise error

    monkeypatch.setattr(Pruner, "is_room_waiting", True)
    monkeypatch.setattr(Pruner, "give_back", give_back)
    with stopping(error, kind):
        run_node(tmp_path)
    assert len(calls) == 1


def test_room_that_cannot_be_given_back_while_the_node_stops_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked_for, is_stopping = threading.Event(), threading.Event()

    def give_back(_: Pruner) -> None:
        is_asked_for.set()
        assert is_stopping.wait(5)
        raise StorageError("the disk is gone")

    async def stop(runtime: Runtime, wait: Callable[[Runtime], Coroutine[Any, Any, None]] = Runtime.stop) -> None:
        is_stopping.set()
        await wait(runtime)

    monkeypatch.setattr(Pruner, "is_room_waiting", True)
    monkeypatch.setattr(Pruner, "give_back", give_back)
    monkeypatch.setattr(Runtime, "stop", stop)
    with structlog.testing.capture_logs() as logs:
        run_node(tmp_path, lambda: asyncio.to_thread(is_asked_for.wait, 5))
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["failed_while_stopping"]


@each_failure
def test_a_node_stops_when_a_sender_fails(
    error: Exception, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a sender fails by a bug alone, whatever its peer does, is in the tests of the peer network."""
    monkeypatch.setattr(PeerNetwork, "run", lambda _: fail(error))
    with stopping(error, kind):
        run_node(tmp_path)
