"""Committed blocks as proofs need them: encoded, with both Merkle trees, so that nothing is decoded or hashed twice.

A committed block never changes, so what is kept is right for ever. It was compared with its header when it was read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, cast

from ledger import merkle
from ledger.block import decode_header
from ledger.codec import Value, decode_own, encode
from ledger.hashing import HASH_BYTES, tagged_hash
from ledger.state import output_hash, record_hash
from node.storage.bodies import MALFORMED
from node.storage.errors import DamagedError
from node.storage.rows import Position

KEPT_BYTES_MAX: Final = 64 * 1024 * 1024
"""How much of the blocks that were asked for last is kept."""

_OVERHEAD_BYTES: Final = 64  # of a bytes object and its place in a list

Levels = list[list[bytes]]


@dataclass(frozen=True, slots=True)
class EncodedBlock:
    """The bytes of a block: its header, its certificate (None at height 0), its transactions and their receipts."""

    header: bytes
    time_ms: int
    certificate: bytes | None
    transactions: tuple[bytes, ...]
    receipts: tuple[bytes, ...]
    transaction_ids: tuple[bytes, ...]
    _transaction_levels: Levels
    _receipt_levels: Levels

    def transaction_path(self, index: int) -> list[bytes]:
        """Return the path from a transaction's id to the header's root."""
        return merkle.path_in(self._transaction_levels, index)

    def receipt_path(self, index: int) -> list[bytes]:
        """Return the path from a receipt to the header's root."""
        return merkle.path_in(self._receipt_levels, index)

    def output(self, record: Position) -> bytes:
        """Return what the operation of a record gave out; raises IndexError where the block has no such operation."""
        receipt = cast("list[list[Value]]", decode_own(self.receipts[record.transaction_index]))
        return encode(receipt[3][record.operation_index])

    def record_hash(self, record: Position) -> bytes:
        """Return the hash that stands for a record in a history; raises IndexError as ``output``."""
        return record_hash(
            self.transaction_ids[record.transaction_index],
            record.operation_index,
            record.height,
            record.transaction_index,
            self.time_ms,
            output_hash(self.output(record)),
        )

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        count = len(self.transactions)
        hashes = 5 * count  # two trees of about two hashes a leaf, and the ids
        content = sum(map(len, self.transactions)) + sum(map(len, self.receipts))
        return content + hashes * (HASH_BYTES + _OVERHEAD_BYTES) + 2 * count * _OVERHEAD_BYTES + 4 * _OVERHEAD_BYTES


def encoded_header(row: bytes) -> tuple[bytes, bytes | None]:
    """Return the encoded header and certificate of a header's row."""
    return cast("tuple[bytes, bytes | None]", tuple(cast("list[object]", decode_own(row))))


def encoded_block(header_row: bytes, body_row: bytes, height: int) -> EncodedBlock:
    """Return the block of two rows; raises DamagedError where they do not belong together."""
    try:
        header_bytes, certificate = encoded_header(header_row)
        header = decode_header(header_bytes)
        transactions, receipts = cast("list[list[bytes]]", decode_own(body_row))
        identifiers = tuple(
            tagged_hash("transaction", cast("list[bytes]", decode_own(transaction))[0]) for transaction in transactions
        )
        transaction_levels, receipt_levels = merkle.levels(identifiers), merkle.levels(receipts)
    except MALFORMED as error:
        raise DamagedError(f"the transactions of block {height} are damaged: {error}") from error
    if (
        header.height != height
        or header.transaction_count != len(transactions)
        or header.transactions_root != transaction_levels[-1][0]
        or header.receipts_root != receipt_levels[-1][0]
        or len(transactions) != len(receipts)
    ):
        raise DamagedError(f"the transactions and receipts of block {height} are not those of its header")
    return EncodedBlock(
        header_bytes,
        header.time_ms,
        certificate,
        tuple(transactions),
        tuple(receipts),
        identifiers,
        transaction_levels,
        receipt_levels,
    )


class EncodedBlocks:
    """The blocks that were asked for last, up to a number of bytes; any thread may ask."""

    __slots__ = ("_kept", "_kept_bytes_max", "_lock", "_size_bytes")

    def __init__(self, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._kept: dict[int, EncodedBlock] = {}
        self._kept_bytes_max = kept_bytes_max
        self._size_bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def at(self, height: int, read: Callable[[int], EncodedBlock | None]) -> EncodedBlock | None:
        """Return the block at a height, from ``read`` where it is not here; whatever that raises is passed on."""
        with self._lock:
            kept = self._kept.pop(height, None)
            if kept is not None:
                self._kept[height] = kept
                return kept
        block = read(height)
        if block is not None:
            with self._lock:
                if height not in self._kept:
                    self._kept[height] = block
                    self._size_bytes += block.size_bytes
                while self._size_bytes > self._kept_bytes_max:
                    self._size_bytes -= self._kept.pop(next(iter(self._kept))).size_bytes
        return block
