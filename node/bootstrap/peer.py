"""One peer as the fetching side sees it: questions over HTTP, answers of bounded size, every failure one error."""

from collections.abc import Callable
from typing import Final, TypeVar

import aiohttp

from ledger.block import Header, decode_header
from ledger.codec import decode, encode
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
from node.network.asking import ask
from node.network.wire import (
    BODY_BYTES_MAX,
    CertifiedBlock,
    decode_batch,
    decode_blocks,
    encode_range,
)

_Decoded = TypeVar("_Decoded")
# A peer that hangs takes connections and says nothing; whoever starts must not wait for it.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=2, sock_read=5)


class Peer:
    """Asks one peer, by a ``peer_session``; every question raises PeerError."""

    def __init__(self, session: aiohttp.ClientSession, config: PeerConfig) -> None:
        self._session = session
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
        return await ask(self._session, f"{self.config.url}/p2p/{path}", body, read, _TIMEOUT)


def _decode_header(body: bytes) -> Header:
    return decode_header(as_blob(decode(body, BODY_BYTES_MAX), BODY_BYTES_MAX, "header"))
