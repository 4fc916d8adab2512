"""An event loop in a thread, for tests that talk to asynchronous code from outside."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Final

_PATIENCE_S: Final = 30.0


@contextlib.contextmanager
def loop_thread(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_S)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
