"""The ledger on disk: blocks, receipts, heads, the state tree and the indexes, one synced batch a block.

One door writes a block, used by consensus and by catching up alike, and it is idempotent by height.
The rows and their keys: ``node.storage.rows``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from ledger.authenticated_map import key_hash
from ledger.block import Header, decode_header
from ledger.certificate import Certificate
from ledger.codec import decode_own, encode
from ledger.errors import LedgerError
from ledger.receipt import Receipt, decode_receipt
from ledger.state import HistoryEntry
from ledger.transaction import Transaction, decode_transaction
from node.storage.database import Database, KeyValues, prefix_end
from node.storage.errors import DamagedError, NotInitialisedError
from node.storage.node_cache import CACHED_LEVELS, NodeCache
from node.storage.rows import (
    BODY,
    EVENT,
    EVENT_METHOD,
    HEAD,
    HEADER,
    HISTORY,
    NODE,
    TIP_KEY,
    TRANSACTION,
    Position,
    block_key,
    decode_header_row,
    encode_header_row,
    event_key,
    event_position,
)

_MARKER_NAME: Final = "initialised.json"


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A committed block with its certificate (None at height 0) and one receipt a transaction."""

    header: Header
    certificate: Certificate | None
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """All that one block changes."""

    block: StoredBlock
    heads: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]
    history: Sequence[HistoryEntry]


class Store:
    """An open ledger directory. Reads see the tip; ``head`` and ``heads`` make it a ``ledger.state.HeadSource``."""

    def __init__(self, database: KeyValues, chain_id: bytes, *, cached_levels: int = CACHED_LEVELS) -> None:
        """Take an open database and check its chain; raises DamagedError, and then the database stays its owner's."""
        self._database = database
        self._node_cache = NodeCache(cached_levels)
        self.tip = self._checked_tip(chain_id)

    @classmethod
    def open(cls, directory: Path, chain_id: bytes, *, cached_levels: int = CACHED_LEVELS) -> "Store":
        """Open the ledger of a directory; raises StorageError."""
        marker = directory / _MARKER_NAME
        if not marker.is_file():
            raise NotInitialisedError(f"{directory} holds no ledger; create one with `tradelane init`")
        # LevelDB opens as empty when its log was lost. The marker beside it knows that there was a chain.
        if json.loads(marker.read_text())["chain_id"] != chain_id.hex():
            raise DamagedError(f"{directory} holds another chain than the genesis document; check the node's files")
        database = Database(directory)
        try:
            return cls(database, chain_id, cached_levels=cached_levels)
        except BaseException:
            database.close()
            raise

    @classmethod
    def create(cls, directory: Path, genesis_block: BlockWrite) -> "Store":
        """Create the ledger directory with block 0 and open it; raises AlreadyInitialisedError."""
        header = genesis_block.block.header
        database = Database(directory, create=True)
        write_genesis(database, genesis_block)
        database.close()
        (directory / _MARKER_NAME).write_text(json.dumps({"chain_id": header.chain_id.hex()}) + "\n")
        return cls.open(directory, header.chain_id)

    def write_block(self, write: BlockWrite) -> bool:
        """Commit a block in one synced batch; return False where its height is there already.

        Raises
        ------
        DamagedError
            Another block is there at that height: more validators lied than the network tolerates.
        StorageError
            The disk failed; the node must stop.

        """
        header = write.block.header
        if header.height <= self.tip.height:
            stored = self.header(header.height)
            if stored is None or stored.hash != header.hash:
                raise DamagedError(
                    f"two certified blocks at height {header.height}: stop and show both to the operators"
                )
            return False
        assert header.height == self.tip.height + 1, "blocks are written in order"
        assert header.parent_hash == self.tip.hash, "a block follows its parent"
        self._database.write(_changes(write))
        self._node_cache.renew(write.nodes)
        self.tip = header
        return True

    def header(self, height: int) -> Header | None:
        """Return the header at a height, or None above the tip."""
        stored = self._database.get(block_key(HEADER, height))
        return None if stored is None else decode_header_row(stored)[0]

    def block(self, height: int) -> StoredBlock | None:
        """Return the block at a height, or None above the tip."""
        header_row = self._database.get(block_key(HEADER, height))
        body_row = self._database.get(block_key(BODY, height))
        if header_row is None or body_row is None:
            return None
        header, certificate = decode_header_row(header_row)
        transactions, receipts = cast("list[list[bytes]]", decode_own(body_row))
        return StoredBlock(
            header,
            certificate,
            tuple(decode_transaction(data) for data in transactions),
            tuple(decode_receipt(data) for data in receipts),
        )

    def committed(self, height: int, index: int) -> tuple[Header, Transaction, Receipt] | None:
        """Return one transaction with its header and its receipt; the rest of the block stays encoded."""
        header_row = self._database.get(block_key(HEADER, height))
        body_row = self._database.get(block_key(BODY, height))
        if header_row is None or body_row is None:
            return None
        transactions, receipts = cast("list[list[bytes]]", decode_own(body_row))
        if index >= len(transactions):
            return None
        header, _ = cast("list[bytes]", decode_own(header_row))
        return decode_header(header), decode_transaction(transactions[index]), decode_receipt(receipts[index])

    def transaction_position(self, transaction_id: bytes) -> tuple[int, int] | None:
        """Return (height, index) of a committed transaction, or None."""
        stored = self._database.get(TRANSACTION + transaction_id)
        return None if stored is None else cast("tuple[int, int]", tuple(cast("list[int]", decode_own(stored))))

    def head(self, key: bytes) -> bytes | None:
        """Return the encoded head at a key, or None."""
        return self._database.get(HEAD + key)

    def heads(self, prefix: bytes, after: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, encoded head) under a prefix, in key order, those after the key ``after`` alone where given."""
        start = HEAD + prefix if after is None else HEAD + after + b"\0"
        for key, value in self._database.scan(start, prefix_end(HEAD + prefix)):
            yield key[1:], value

    def tree_node(self, path: bytes) -> bytes | None:
        """Return the encoded node of the state tree at a path, or None."""
        return self._node_cache.node(path, self._stored_tree_node)

    def history(self, head_key: bytes, after_count: int = 0) -> Iterator[Position]:
        """Yield where the records of a head stand, oldest first, from the one after ``after_count``."""
        prefix = HISTORY + key_hash(head_key)
        start = prefix + (after_count + 1).to_bytes(8, "big")
        for _, value in self._database.scan(start, prefix + b"\xff" * 8):
            yield Position(*cast("list[int]", decode_own(value)))

    def events(self, after: Position | None = None, *, is_reverse: bool = False) -> Iterator[Position]:
        """Yield where EPCIS events stand in the order of capture, or backwards, beyond ``after``."""
        start, stop = EVENT, prefix_end(EVENT)
        if after is not None:
            key = event_key(after)
            start, stop = (start, key) if is_reverse else (key + b"\0", stop)
        for key, _ in self._database.scan(start, stop, is_reverse=is_reverse):
            yield event_position(key)

    def close(self) -> None:
        """Close the store; may be called again."""
        self._database.close()

    def _stored_tree_node(self, path: bytes) -> bytes | None:
        return self._database.get(NODE + path)

    def _checked_tip(self, chain_id: bytes) -> Header:
        """Walk the hash chain from block 0, so that a hole or a swapped block is found before anything is signed."""
        row = self._database.get(TIP_KEY)
        if row is None:
            raise DamagedError(
                "the database is empty although a chain was initialised here; fetch it from the peers again"
            )
        tip_height, tip_hash = cast("tuple[int, bytes]", tuple(cast("list[object]", decode_own(row))))
        previous: Header | None = None
        for height, (key, value) in enumerate(self._database.scan(HEADER, prefix_end(HEADER))):
            try:
                header = decode_header_row(value)[0]
            except LedgerError as error:
                raise DamagedError(f"block {height} is damaged: {error}") from error
            if int.from_bytes(key[1:], "big") != height or header.height != height:
                raise DamagedError(f"block {height} is missing")
            if previous is not None and header.parent_hash != previous.hash:
                raise DamagedError(f"block {height} does not follow block {height - 1}")
            if self._database.get(block_key(BODY, height)) is None:
                raise DamagedError(f"the transactions of block {height} are missing")
            previous = header
        if previous is None or previous.height != tip_height or previous.hash != tip_hash:
            raise DamagedError(f"the tip is said to be block {tip_height}, which is not the last block that is there")
        if previous.chain_id != chain_id:
            raise DamagedError("the stored blocks belong to another chain than the genesis document")
        return previous


def write_genesis(database: KeyValues, genesis_block: BlockWrite) -> None:
    """Put block 0 into an empty database."""
    database.write(_changes(genesis_block))


def _changes(write: BlockWrite) -> dict[bytes, bytes | None]:
    block, height = write.block, write.block.header.height
    changes: dict[bytes, bytes | None] = {
        block_key(HEADER, height): encode_header_row(block.header, block.certificate),
        block_key(BODY, height): encode(
            [
                [transaction.encoded for transaction in block.transactions],
                [receipt.encode() for receipt in block.receipts],
            ]
        ),
        TIP_KEY: encode([height, block.header.hash]),
    }
    for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
        changes[TRANSACTION + transaction.transaction_id] = encode([height, index])
        if receipt.code == 0:
            for operation_index, operation in enumerate(transaction.operations):
                if operation.method == EVENT_METHOD:
                    changes[event_key(Position(height, index, operation_index))] = b""
    for key, head in write.heads.items():
        changes[HEAD + key] = head
    for path, node in write.nodes.items():
        changes[NODE + path] = node
    for entry in write.history:
        row_key = HISTORY + key_hash(entry.key) + entry.count.to_bytes(8, "big")
        changes[row_key] = encode([height, entry.transaction_index, entry.operation_index])
    return changes
