"""Calling one peer over HTTP: an answer of bounded size, decoded, or one error whatever went wrong.

A peer decides about its answer and about nothing else: whom to call next it cannot say, and nothing of it is kept.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import aiohttp

from ledger.errors import LedgerError
from node.network.wire import BODY_BYTES_MAX, CHAIN_HEADER, CONTENT_TYPE

_Decoded = TypeVar("_Decoded")


class PeerError(Exception):
    """A peer does not answer, has not got what was asked for, or answers with something that cannot be read."""


# UnicodeError is what a look-up makes of a name that no host can have.
CALL_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
"""What may go wrong in a call for reasons that lie outside of this node."""


class JunkError(PeerError):
    """A peer answers with something that is not an answer; ``reason`` is the stable name of what is wrong with it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def peer_session(chain_id: bytes, connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """Return the session of all calls to peers; create it inside the running loop, and close it."""
    headers = {CHAIN_HEADER: chain_id.hex(), "Content-Type": CONTENT_TYPE}
    return aiohttp.ClientSession(headers=headers, connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    read: Callable[[bytes], _Decoded],
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - it has several parts, which aiohttp watches
) -> _Decoded:
    """Post a question and return what ``read`` makes of the answer; raises PeerError."""
    try:
        answer = await _answer(session, url, body, timeout)
    except CALL_ERRORS as error:
        raise PeerError(f"{url} does not answer: {error}") from error
    try:
        return read(answer)
    except LedgerError as error:
        raise JunkError(error.code, f"the answer of {url} cannot be read: {error}") from error


async def _answer(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
) -> bytes:
    async with session.post(url, data=body, timeout=timeout, allow_redirects=False) as answer:
        if answer.status != 200:
            raise PeerError(f"{url} answered {answer.status}")
        data = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            data += chunk
            if len(data) > BODY_BYTES_MAX:
                raise JunkError("too_large", f"{url} answers with more than {BODY_BYTES_MAX} bytes")
        return bytes(data)
