"""One question to one peer over HTTP: an answer of bounded size, decoded, or one error whatever went wrong."""

from collections.abc import Callable
from typing import TypeVar

import aiohttp

from ledger.errors import LedgerError
from node.network.wire import BODY_BYTES_MAX, CHAIN_HEADER, CONTENT_TYPE

_Decoded = TypeVar("_Decoded")


class PeerError(Exception):
    """A peer does not answer, has not got what was asked for, or answers with something that cannot be read."""


def peer_headers(chain_id: bytes) -> dict[str, str]:
    """Return the headers that every request to a peer carries."""
    return {CHAIN_HEADER: chain_id.hex(), "Content-Type": CONTENT_TYPE}


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    read: Callable[[bytes], _Decoded],
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - it has several parts, which aiohttp watches
) -> _Decoded:
    """Post a question and return what ``read`` makes of the answer; raises PeerError."""
    try:
        async with session.post(url, data=body, timeout=timeout) as answer:
            if answer.status != 200:
                raise PeerError(f"{url} answered {answer.status}")
            data = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                data += chunk
                if len(data) > BODY_BYTES_MAX:
                    raise PeerError(f"{url} answers with more than {BODY_BYTES_MAX} bytes")
        return read(bytes(data))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PeerError(f"{url} does not answer: {error}") from error
    except LedgerError as error:
        raise PeerError(f"the answer of {url} cannot be read: {error}") from error
