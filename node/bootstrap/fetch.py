"""The fetching side: the snapshot of one peer into a directory of its own, and at the end into the ledger's place.

While it is fetched nothing of the old ledger is touched; an interrupted fetch leaves a directory that the next one
removes. The first peer whose snapshot holds wins; one that lies or goes away is named and the next one is asked.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.execute import read_parameters
from ledger.block import Header
from ledger.codec import encode
from ledger.genesis import Genesis
from node.bootstrap.backfill import broken_history
from node.bootstrap.bodies import checked_body_rows
from node.bootstrap.headers import BootstrapError, HeaderChain
from node.bootstrap.peer import Peer
from node.bootstrap.state import StateReceiver
from node.bootstrap.wire import HEADERS_PER_ANSWER_MAX, RowKind
from node.chain import genesis_write
from node.storage.database import Database, KeyValues, prefix_end
from node.storage.rows import (
    EARLIEST_KEY,
    HEAD,
    HEADER,
    HISTORY,
    LINKS_KEY,
    LINKS_ROW,
    TIP_KEY,
    block_key,
    body_rows,
    decode_header_row,
    encode_header_row,
    validators_row,
)
from node.storage.store import Store, mark_initialised

Progress = Callable[[str, int, int | None], None]
"""(what, how many came, how many there are or None)"""

_BODIES_PER_QUESTION: Final = 50


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched: the block whose state it is, and the earliest height whose transactions came with it."""

    tip: Header
    earliest_height: int


async def fetch_snapshot(directory: Path, genesis: Genesis, peer: Peer, progress: Progress) -> Fetched:
    """Make a ledger in ``directory`` out of a peer's snapshot.

    Raises
    ------
    BootstrapError
        The peer gave something that is not so.
    PeerError
        The peer went away or has no snapshot.
    StorageError
        The disk failed.

    """
    shutil.rmtree(directory, ignore_errors=True)
    database = Database(directory, create=True)
    try:
        fetching = _Fetching(database, genesis, peer, progress)
        fetched = await fetching.run()
    finally:
        database.close()
    mark_initialised(directory, genesis.chain_id)
    with closing(Store.open(directory, genesis.chain_id)) as store:
        # Where bodies are missing the histories are checked when the last of them is there.
        broken = broken_history(store) if store.earliest_height == 0 else None
    if broken is not None:
        raise BootstrapError("history", f"the records indexed for head {broken!r} are not those that it counts")
    return fetched


class _Fetching:
    def __init__(self, database: Database, genesis: Genesis, peer: Peer, progress: Progress) -> None:
        self._database = database
        self._genesis = genesis
        self._peer = peer
        self._progress = progress

    async def run(self) -> Fetched:
        header = await self._peer.take_snapshot()
        chain = await self._headers(header.height)
        if chain.tip.hash != header.hash:
            raise BootstrapError("snapshot_header", f"the snapshot of block {header.height} is not of this chain")
        await self._state(header)
        await self._history(header.height)
        earliest = await self._last_bodies(header)
        self._database.write(
            {EARLIEST_KEY: encode(earliest), TIP_KEY: encode([header.height, header.hash])},
        )
        return Fetched(header, earliest)

    async def _headers(self, last: int) -> HeaderChain:
        genesis_block = genesis_write(self._genesis).block
        validators = self._genesis.validators
        self._database.write(
            {
                block_key(HEADER, 0): encode_header_row(genesis_block.header, None),
                **body_rows(0, (), ()),
                LINKS_KEY: LINKS_ROW,
                **validators_row(validators),
            }
        )
        chain = HeaderChain(genesis_block.header, validators)
        while chain.tip.height < last:
            first = chain.tip.height + 1
            entries = await self._peer.headers(first, min(last, first + HEADERS_PER_ANSWER_MAX - 1))
            if not entries:
                raise BootstrapError("headers_missing", f"the peer has no header {first}")
            chain.take(entries)
            rows: dict[bytes, bytes | None] = {
                block_key(HEADER, entry.header.height): encode_header_row(entry.header, entry.certificate)
                for entry in entries
            }
            for entry in entries:
                if entry.next_validators is not None:
                    rows |= validators_row(entry.next_validators)
            self._database.write(rows)
            self._progress("headers", chain.tip.height, last)
        return chain

    async def _state(self, header: Header) -> None:
        receiver = StateReceiver(self._database, header.state_root)
        after = None
        while nodes := await self._peer.rows(header.height, RowKind.NODES, after):
            receiver.take_nodes(nodes)
            after = nodes[-1][0]
            self._progress("state tree", receiver.heads_expected, None)
        after = None
        while heads := await self._peer.rows(header.height, RowKind.HEADS, after):
            receiver.take_heads(heads)
            after = heads[-1][0]
            self._progress("heads", receiver.heads_taken, receiver.heads_expected)
        receiver.finish()

    async def _history(self, height: int) -> None:
        """Take the index of histories. Nothing proves it yet, but no proof that is made with a wrong one holds."""
        after, count = None, 0
        while rows := await self._peer.rows(height, RowKind.HISTORY, after):
            self._database.write({HISTORY + key: value for key, value in rows})
            after, count = rows[-1][0], count + len(rows)
            self._progress("histories", count, None)

    async def _last_bodies(self, tip: Header) -> int:
        """Take the blocks that a replay could repeat, from the tip downwards; return the lowest that came."""
        parameters = read_parameters(_Heads(self._database))
        time_ms_min = tip.time_ms - parameters.transaction_validity_ms_max
        height, header = tip.height, tip
        count = _BODIES_PER_QUESTION
        while height > 0 and header.time_ms >= time_ms_min:
            first = max(1, height - count + 1)
            rows = await self._peer.bodies(first, height)
            if len(rows) != height - first + 1:
                # Too much for one answer, or the lower ones are given up there; they may not be needed.
                if first == height:
                    raise BootstrapError("body_missing", f"the peer has no transactions of block {height}")
                count = (height - first + 1) // 2
                continue
            checked: dict[bytes, bytes | None] = {}
            for row in reversed(rows):
                if header.time_ms < time_ms_min:
                    break
                checked |= checked_body_rows(header, row)
                height -= 1
                header = self._header(height)
            self._database.write(checked)
            self._progress("transactions", tip.height - height, None)
        return height + 1 if height else 0

    def _header(self, height: int) -> Header:
        row = self._database.get(block_key(HEADER, height))
        assert row is not None, "all headers came before"
        return decode_header_row(row)[0]


class _Heads:
    """The heads of a database whose chain is not whole yet."""

    def __init__(self, database: KeyValues) -> None:
        self._database = database

    def head(self, key: bytes) -> bytes | None:
        """Return the encoded head at a key, or None."""
        return self._database.get(HEAD + key)

    def heads(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, encoded head) under a prefix, in key order."""
        for key, value in self._database.scan(HEAD + prefix, prefix_end(HEAD + prefix)):
            yield key[1:], value
