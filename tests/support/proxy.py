"""A TCP proxy for tests: one link for each direction of each pair, which can be cut, held, delayed and throttled.

Rules: loopback only; whatever is held back arrives when the link is let go, in order, as TCP would deliver it; a
link knows nothing of what it carries. The links live in an event loop of their own thread, so a test is plain code.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from tests.support.loops import loop_thread

T = TypeVar("T")

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 1 << 14
_PATIENCE_S: Final = 10.0


class Link:
    """What one side calls to reach the other. All methods may be called from any thread.

    A connection carries requests one way and answers the other. ``connections`` counts those that were asked for,
    ``refused`` those of them that were turned away; ``carried`` keeps the requests where ``is_recording``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, target_port: int) -> None:
        self._loop = loop
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._may_pass = {"requests": asyncio.Event(), "answers": asyncio.Event()}
        self._is_cut = False
        self._stranded = 0
        self._delay_s = 0.0
        self._bytes_per_s: float | None = None
        self.port = 0
        self.connections = 0
        self.refused = 0
        self.is_recording = False
        self.carried = bytearray()

    async def listen(self) -> None:
        """Open the door of the link, on a port that the system chooses."""
        self._heal()
        self._server = await asyncio.start_server(self._serve, _HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close the door and every connection."""
        assert self._server is not None, "the link listens"
        self._server.close()
        await self._end_all()

    # What a test does to it

    def cut(self) -> None:
        """End every connection and turn new ones away."""
        self._do(self._cut())

    def hold(self, *, requests: bool = True, answers: bool = True) -> None:
        """Let connections stand, and nothing through in one direction or both: a half-open link."""
        self._do(self._hold(requests=requests, answers=answers))

    def strand(self) -> None:
        """Lose for ever what the connections that stand now carry; new ones are as good as any.

        So it is when a router between the two forgets them: neither side is told.
        """
        self._do(self._strand())

    def slow(self, *, delay_s: float = 0.0, bytes_per_s: float | None = None) -> None:
        """Pass everything on later, or only so much of it in a second."""
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    def heal(self) -> None:
        """Let everything through again, first of all what was held."""
        self._do(self._healed())

    # How it works

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    async def _cut(self) -> None:
        self._is_cut = True
        await self._end_all()

    async def _hold(self, *, requests: bool, answers: bool) -> None:
        for name, is_held in (("requests", requests), ("answers", answers)):
            if is_held:
                self._may_pass[name].clear()

    async def _strand(self) -> None:
        self._stranded = self.connections

    async def _healed(self) -> None:
        self._heal()

    def _heal(self) -> None:
        self._is_cut = False
        self._delay_s, self._bytes_per_s = 0.0, None
        for event in self._may_pass.values():
            event.set()

    async def _end_all(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._is_cut:
            self.refused += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None, "the server runs each connection in a task"
        self._open.add(task)
        try:
            await self._carry(reader, writer)
        except asyncio.CancelledError:
            pass  # cut; the task ends here, so nobody waits for the cancellation to go on
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        try:
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target_port)
        except OSError:
            return  # the target is down, and the caller sees a connection that closes
        pumps = [
            asyncio.create_task(self._pump("requests", number, reader, far_writer)),
            asyncio.create_task(self._pump("answers", number, far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            far_writer.transport.abort()

    async def _pump(self, name: str, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if self._bytes_per_s is not None:
                    await asyncio.sleep(len(chunk) / self._bytes_per_s)
                await self._may_pass[name].wait()
                if number <= self._stranded:
                    continue
                if name == "requests" and self.is_recording:
                    self.carried += chunk
                writer.write(chunk)
                await writer.drain()
        if name == "answers" and number <= self._stranded:
            # The far side gave up, and the caller is not told; its own patience ends this.
            await asyncio.Event().wait()


@contextlib.contextmanager
def running_links(target_ports: list[int]) -> Iterator[list[Link]]:
    """Run a link to each of these ports of this machine, and close them all at the end."""

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(_PATIENCE_S)

    with loop_thread("links") as loop:
        links = [Link(loop, port) for port in target_ports]
        try:
            for link in links:
                run(link.listen())
            yield links
        finally:
            for link in links:
                if link.port:
                    run(link.close())
