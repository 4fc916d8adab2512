"""One peer as the fetching side sees it: questions over HTTP, answers of bounded size, every failure one error."""

from collections.abc import Callable
from typing import Final, TypeVar

import aiohttp

from ledger.block import Header, decode_header
from ledger.codec import decode, encode
from ledger.errors import LedgerError
from ledger.shape import as_blob
from node.bootstrap.headers import CertifiedHeader
from node.bootstrap.wire import (
    RowKind,
    Tip,
    decode_headers,
    decode_rows,
    decode_tip,
    encode_rows_question,
)
from node.config import PeerConfig
from node.network.wire import (
    BODY_BYTES_MAX,
    CHAIN_HEADER,
    CONTENT_TYPE,
    CertifiedBlock,
    decode_batch,
    decode_blocks,
    encode_range,
)

_Decoded = TypeVar("_Decoded")
# A peer that hangs takes connections and says nothing; whoever starts must not wait for it.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=2, sock_read=5)


class UnavailableError(Exception):
    """The peer does not answer, has not got what was asked for, or answers with something that cannot be read."""


class Peer:
    """Asks one peer."""

    def __init__(self, session: aiohttp.ClientSession, config: PeerConfig, chain_id: bytes) -> None:
        self._session = session
        self._headers = {CHAIN_HEADER: chain_id.hex(), "Content-Type": CONTENT_TYPE}
        self.config = config

    async def tip(self) -> Tip:
        """Return where the peer says that it stands."""
        return await self._ask("tip", encode([]), decode_tip)

    async def take_snapshot(self) -> Header:
        """Return the block whose state the peer keeps for us from now on."""
        return await self._ask("snapshot", encode([]), _decode_header)

    async def rows(self, height: int, kind: RowKind, after: bytes | None) -> list[tuple[bytes, bytes]]:
        """Return the next rows of the snapshot, none at its end."""
        return await self._ask("snapshot/rows", encode_rows_question(height, kind, after), decode_rows)

    async def headers(self, first: int, last: int) -> list[CertifiedHeader]:
        """Return headers from ``first`` on, as many as the peer gives at once."""
        return await self._ask("headers", encode_range(first, last), decode_headers)

    async def bodies(self, first: int, last: int) -> list[bytes]:
        """Return body rows from ``first`` on, as many as the peer gives at once."""
        return await self._ask("bodies", encode_range(first, last), decode_batch)

    async def blocks(self, first: int, last: int) -> list[CertifiedBlock]:
        """Return certified blocks from ``first`` on, as many as the peer gives at once."""
        return await self._ask("blocks", encode_range(first, last), decode_blocks)

    async def _ask(self, path: str, body: bytes, read: Callable[[bytes], _Decoded]) -> _Decoded:
        url = f"{self.config.url}/p2p/{path}"
        try:
            async with self._session.post(url, data=body, headers=self._headers, timeout=_TIMEOUT) as answer:
                if answer.status != 200:
                    raise UnavailableError(f"{url} answered {answer.status}")
                data = bytearray()
                async for chunk in answer.content.iter_chunked(1 << 16):
                    data += chunk
                    if len(data) > BODY_BYTES_MAX:
                        raise UnavailableError(f"{url} answers with more than {BODY_BYTES_MAX} bytes")
            return read(bytes(data))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{url} does not answer: {error}") from error
        except LedgerError as error:
            raise UnavailableError(f"the answer of {url} cannot be read: {error}") from error


def _decode_header(body: bytes) -> Header:
    return decode_header(as_blob(decode(body, BODY_BYTES_MAX), BODY_BYTES_MAX, "header"))
