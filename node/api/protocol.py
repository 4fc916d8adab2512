"""HTTP/1.1 connections that cannot be made to hold memory or a place for long before a request is there.

uvicorn bounds neither the size of a request's head nor the time that it takes to arrive, and no application sees a
request before its head is complete. What follows, the body, is bounded by ``node.api.body``.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_S_MAX: Final = 10.0
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on the bytes and on the time of a request's head."""

    _head_bytes: int = 0
    _is_in_head: bool = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Expect the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._meet_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on, unless a head grows without an end."""
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Expect a head."""
        super().on_message_begin()
        if not self._is_in_head:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Start to answer; what comes now is the body."""
        self._meet_deadline()
        self._is_in_head = False
        size_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size_bytes > HEAD_BYTES_MAX:
            # A whole head may come in one piece; the parser turns this into a 400.
            raise ValueError("the head of the request is too large")
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._meet_deadline()
        self._is_in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(HEAD_S_MAX, self._give_up)

    def _meet_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
