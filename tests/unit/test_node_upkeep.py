"""What runs beside a node: when it fails, the node stops; when it is done, the node goes on."""

import asyncio

import pytest

from node.node import wait_stopped
from node.storage.errors import StorageError


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


@pytest.mark.parametrize("error", [StorageError("the disk is gone"), AssertionError("a bug of ours")])
def test_a_node_stops_when_work_beside_it_fails(error: Exception) -> None:
    node = Runner()

    async def run() -> None:
        upkeep = [asyncio.create_task(done()), asyncio.create_task(fail(error))]
        await asyncio.wait_for(wait_stopped(asyncio.Event(), node, upkeep), 5)

    with pytest.raises(type(error), match=str(error)):
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


def test_what_stopped_the_node_itself_is_raised() -> None:
    async def run() -> None:
        idle = asyncio.create_task(asyncio.sleep(60))
        try:
            await wait_stopped(asyncio.Event(), Runner(StorageError("no room")), [idle])
        finally:
            idle.cancel()

    with pytest.raises(StorageError, match="no room"):
        asyncio.run(run())
