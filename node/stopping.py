"""The one door by which a running node stops: it was told to, or something failed, which is logged once and raised.

Whatever runs in a node ends here when it fails: the engine, the senders, work beside them, the servers. What goes wrong
there is a broken disk or a bug, never a peer's fault, and neither gets better by waiting for the next block to find it.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog

from node.engine.ports import ForkError
from node.storage.errors import StorageError


class ServerEndedError(Exception):
    """An HTTP server ended while the node ran, so nobody could reach it any more."""


class Runs(Protocol):
    """What runs until it fails."""

    async def run(self) -> None:
        """Run; raises what stopped it."""
        ...


async def wait_stopped(stop: asyncio.Event, node: Runs, beside: Iterable["asyncio.Task[None]"] = ()) -> None:
    """Run a node until it is told to stop; logs and raises what stopped it otherwise.

    ``beside`` is what runs beside it: its end changes nothing, its failure stops the node at once.
    """
    running = asyncio.create_task(node.run())
    told = asyncio.create_task(_until(stop))
    try:
        await _first_failure(running, told, beside)
    except Exception as error:
        structlog.get_logger("node").error("stopping", kind=kind_of(error), error=str(error), exc_info=error)
        raise
    finally:
        running.cancel()
        told.cancel()
        await asyncio.gather(running, told, return_exceptions=True)


def kind_of(error: Exception) -> str:
    """Return whose fault a failure is, in a word that docs/operations.md explains."""
    match error:
        case StorageError():
            return "disk"
        case ForkError():
            return "fork"
        case ServerEndedError():
            return "server"
        case _:
            return "bug"


async def _first_failure(
    running: "asyncio.Task[None]", told: "asyncio.Task[None]", beside: Iterable["asyncio.Task[None]"]
) -> None:
    waiting = {running, told, *beside}
    while not running.done() and not told.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
