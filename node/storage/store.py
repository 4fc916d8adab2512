"""The ledger on disk: blocks, receipts, heads, the state tree and the indexes, one synced batch a block.

One door writes a block, used by consensus and by catching up alike, and it is idempotent by height.
The rows and their keys: ``node.storage.rows``.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from ledger.authenticated_map import key_hash
from ledger.block import Header, decode_header
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import decode_own, encode
from ledger.receipt import Receipt
from ledger.state import HistoryEntry
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.storage.bodies import decode_body, decode_entry, encoded_transactions, outline, stored_id
from node.storage.database import Database, KeyValues, PinnedValues, prefix_end, sync_directory
from node.storage.encoded_blocks import EncodedBlock, EncodedBlocks, encoded_block, encoded_header
from node.storage.errors import DamagedError, NotInitialisedError, PrunedError
from node.storage.joining import rows_under
from node.storage.link_index import LINK
from node.storage.node_cache import CACHED_LEVELS, NodeCache
from node.storage.rows import (
    BODY,
    EARLIEST_KEY,
    EVENT,
    HEAD,
    HEADER,
    HISTORY,
    LINKS_KEY,
    LINKS_ROW,
    NODE,
    TIP_KEY,
    TRANSACTION,
    VALIDATORS,
    Position,
    block_key,
    body_rows,
    decode_header_row,
    decode_validators_row,
    encode_header_row,
    event_key,
    row_position,
    validators_row,
)
from node.storage.salvage import describe_damage
from node.storage.walk import check_state_root, checked_tip

_MARKER_NAME: Final = "initialised.json"
_BODIES_LOOKED_FOR: Final = 100


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A committed block with its certificate (None at height 0) and one receipt a transaction."""

    header: Header
    certificate: Certificate | None
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """All that one block changes; ``validators`` is the next set that its header names, where no earlier one did."""

    block: StoredBlock
    heads: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]
    history: Sequence[HistoryEntry]
    validators: ValidatorSet | None = None


class Store:
    """An open ledger directory. Reads see the tip; ``head`` and ``heads`` make it a ``ledger.state.HeadSource``."""

    def __init__(self, database: KeyValues, chain_id: bytes, *, cached_levels: int = CACHED_LEVELS) -> None:
        """Take an open database and check its chain; raises DamagedError, and then the database stays its owner's."""
        self._database = database
        self._node_cache = NodeCache(cached_levels)
        self._encoded_blocks = EncodedBlocks()
        # Few and small, and asked for with every message of another height than the next.
        self._validator_sets: dict[bytes, ValidatorSet] = {}
        self.tip = checked_tip(database, chain_id)
        check_state_root(database, self.tip)
        row = database.get(EARLIEST_KEY)
        self.earliest_height = 0 if row is None else cast("int", decode_own(row))
        self._check_last_bodies()

    @classmethod
    def open(cls, directory: Path, chain_id: bytes, *, cached_levels: int = CACHED_LEVELS) -> "Store":
        """Open the ledger of a directory; raises StorageError."""
        marker = directory / _MARKER_NAME
        if not marker.is_file():
            raise NotInitialisedError(f"{directory} holds no ledger; create one with `tradelane init`")
        # LevelDB opens as empty when its log was lost. The marker beside it knows that there was a chain.
        if json.loads(marker.read_text())["chain_id"] != chain_id.hex():
            raise DamagedError(f"{directory} holds another chain than the genesis document; check the node's files")
        try:
            database = Database(directory)
            try:
                store = cls(database, chain_id, cached_levels=cached_levels)
                if database.get(LINKS_KEY) != LINKS_ROW:
                    store._index_links()
                return store
            except BaseException:
                database.close()
                raise
        except DamagedError as error:
            raise DamagedError(
                f"the ledger in {directory} is damaged: {error}; {describe_damage(directory)}. Nothing was changed. "
                f"Run `tradelane node repair --home {directory.parent}`"
            ) from error

    @classmethod
    def create(cls, directory: Path, genesis_block: BlockWrite) -> "Store":
        """Create the ledger directory with block 0 and open it; raises AlreadyInitialisedError."""
        header = genesis_block.block.header
        database = Database(directory, create=True)
        write_genesis(database, genesis_block)
        database.close()
        mark_initialised(directory, header.chain_id)
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
        encoded = self.encoded_header(height)
        return None if encoded is None else decode_header(encoded[0])

    def certificate(self, height: int) -> Certificate | None:
        """Return the certificate of the block at a height, or None at block 0 and above the tip."""
        encoded = self.encoded_header(height)
        return None if encoded is None or encoded[1] is None else decode_certificate(encoded[1])

    def certified_header(self, height: int) -> tuple[Header, Certificate | None] | None:
        """Return the header at a height with its certificate (None at block 0), or None above the tip."""
        stored = self._database.get(block_key(HEADER, height))
        return None if stored is None else decode_header_row(stored)

    def validators_at(self, height: int) -> ValidatorSet | None:
        """Return the validators who sign the block at a height, up to the one after the tip; None elsewhere."""
        if height == self.tip.height + 1:
            return self.validators(self.tip.next_validators_hash)
        header = self.header(height) if height >= 1 else None
        return None if header is None else self.validators(header.validators_hash)

    def signed_by(self, public_key: bytes, heights: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yield (height, view) of the blocks at these heights whose certificate bears the signature of a key."""
        for height in heights:
            header, certificate = self.certified_header(height) or (None, None)
            if header is None or certificate is None:
                continue
            validators = self.validators(header.validators_hash)
            if validators is None:
                raise DamagedError(f"the validators of block {height} are missing")
            if validators.index_of(public_key) in certificate.signers:
                yield height, certificate.view

    def validators(self, validators_hash: bytes) -> ValidatorSet | None:
        """Return the validator set with this hash, if a header named it."""
        found = self._validator_sets.get(validators_hash)
        if found is None:
            stored = self._database.get(VALIDATORS + validators_hash)
            if stored is not None:
                found = self._validator_sets[validators_hash] = decode_validators_row(stored)
        return found

    def encoded_header(self, height: int) -> tuple[bytes, bytes | None] | None:
        """Return the encoded header and certificate (None at block 0) at a height, or None above the tip."""
        stored = self._database.get(block_key(HEADER, height))
        return None if stored is None else encoded_header(stored)

    def encoded_block(self, height: int) -> EncodedBlock | None:
        """Return the bytes of the block at a height with its Merkle trees, or None above the tip; raises as ``block``.

        The blocks that were asked for last are kept, for a proof needs parts of several of them.
        """
        if height < self.earliest_height:
            raise PrunedError(height, self.earliest_height)
        return self._encoded_blocks.at(height, self._read_encoded_block)

    def encoded_body(self, height: int) -> bytes | None:
        """Return the row of the transactions and receipts at a height, or None where it is not here."""
        return self._database.get(block_key(BODY, height))

    def pin(self) -> PinnedValues:
        """Return all rows as they are now, to be read while blocks go on."""
        return self._database.pin()

    def block(self, height: int) -> StoredBlock | None:
        """Return the block at a height, or None above the tip.

        Raises
        ------
        PrunedError
            Its body was given up.
        DamagedError
            What is stored is not what its header says.

        """
        rows = self._block_rows(height)
        if rows is None:
            return None
        header, certificate = decode_header_row(rows[0])
        return StoredBlock(header, certificate, *decode_body(rows[1], header))

    def committed(self, height: int, index: int) -> tuple[Header, Transaction, Receipt] | None:
        """Return one transaction with its header and its receipt; raises as ``block``."""
        rows = self._block_rows(height)
        entry = None if rows is None else decode_entry(rows[1], height, index)
        if rows is None or entry is None:
            return None
        return decode_header(encoded_header(rows[0])[0]), *entry

    def encoded_transactions(self, transaction_ids: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the bytes of those of the transactions that are committed; raises as ``block``.

        A body is read once for neighbours that it holds, as those of a block mostly are.
        """
        read_height, transactions = -1, list[bytes]()
        for transaction_id in transaction_ids:
            position = self.transaction_position(transaction_id)
            if position is None:
                continue
            height, index = position
            if height != read_height:
                rows = self._block_rows(height)
                assert rows is not None, "an index never points above the tip"
                read_height, transactions = height, encoded_transactions(rows[1], height)
            if index >= len(transactions) or stored_id(transactions[index], height) != transaction_id:
                raise DamagedError(f"the transactions of block {height} are not those that its index names")
            yield transactions[index]

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
            yield row_position(key)

    def links(self, prefix: bytes, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, kind) of the links under a prefix, from what follows it on to before ``stop``."""
        yield from rows_under(self._database, prefix, start, stop)

    def prune(self, below: int, *, heights_max: int, transactions_max: int) -> int:
        """Give up the bodies below a height, about so many at once, and return of how many heights.

        It stops at a block whose transactions are still valid, for their ids must be known as long as they could come
        again. Headers, the histories of heads and the links stay; the list of events begins at ``earliest_height``.
        """
        changes: dict[bytes, bytes | None] = {}
        height = first = self.earliest_height
        while height < min(below, self.tip.height, first + heights_max) and len(changes) <= transactions_max:
            row = self._database.get(block_key(BODY, height))
            if row is None:
                raise DamagedError(f"the transactions of block {height} are missing")
            transaction_ids, valid_until_ms = outline(row, height)
            if valid_until_ms >= self.tip.time_ms:
                break
            changes[block_key(BODY, height)] = None
            changes.update(dict.fromkeys(TRANSACTION + identifier for identifier in transaction_ids))
            height += 1
        if height > first:
            events = self._database.scan(block_key(EVENT, first), block_key(EVENT, height))
            changes.update(dict.fromkeys(key for key, _ in events))
            # First, so that a reader in another thread never takes a row that went away for damage.
            self.earliest_height = height
            self._database.write({**changes, EARLIEST_KEY: encode(height)})
        return height - first

    def fill_back(self, height: int, rows: Mapping[bytes, bytes | None]) -> None:
        """Write the rows of the body just below ``earliest_height``, which the caller checked against its header."""
        assert height == self.earliest_height - 1, "bodies come back from the earliest downwards"
        # Block 0 has no transactions, so nothing is missing below block 1.
        earliest = 0 if height == 1 else height
        self._database.write({**rows, EARLIEST_KEY: encode(earliest)})
        self.earliest_height = earliest

    def give_back(self, part: int) -> None:
        """Give the room of pruned bodies back to the disk; other threads may go on to read and write meanwhile.

        Bodies lie together, so that little is rewritten for them. The ids of transactions lie scattered: only those of
        one ``part`` of sixteen, 0 to 15, are rewritten in a call.
        """
        for prefix in (BODY, EVENT):
            self._database.compact(prefix, block_key(prefix, self.earliest_height))
        first = part << 4
        self._database.compact(TRANSACTION + bytes([first]), TRANSACTION + bytes([first | 15]) + b"\xff" * 32)

    def close(self) -> None:
        """Close the store; may be called again."""
        self._database.close()

    def _index_links(self) -> None:
        """Write the links of the bodies that are there: a ledger from before there were some has not all."""
        for height in range(self.earliest_height, self.tip.height + 1):
            block = self.block(height)
            assert block is not None, "every height up to the tip has a block"
            rows = body_rows(height, block.transactions, block.receipts)
            self._database.write({key: value for key, value in rows.items() if key[:1] == LINK})
        self._database.write({LINKS_KEY: LINKS_ROW})

    def _stored_tree_node(self, path: bytes) -> bytes | None:
        return self._database.get(NODE + path)

    def _read_encoded_block(self, height: int) -> EncodedBlock | None:
        rows = self._block_rows(height)
        return None if rows is None else encoded_block(*rows, height)

    def _block_rows(self, height: int) -> tuple[bytes, bytes] | None:
        """Return the rows of a block's header and body, or None above the tip."""
        header_row = self._database.get(block_key(HEADER, height))
        if header_row is None:
            return None
        body_row = self._database.get(block_key(BODY, height))
        # Looked at after the read: it may be pruned between the two by another thread.
        if height < self.earliest_height:
            raise PrunedError(height, self.earliest_height)
        if body_row is None:
            raise DamagedError(f"the transactions of block {height} are missing")
        return header_row, body_row

    def _check_last_bodies(self) -> None:
        """See that the bodies of the last blocks are there, and that the tip's is what its header says."""
        last = self.tip.height
        for height in range(max(self.earliest_height, last - _BODIES_LOOKED_FOR), last):
            self._block_rows(height)
        if last >= self.earliest_height:
            self.block(last)


def mark_initialised(directory: Path, chain_id: bytes) -> None:
    """Note beside the database which chain it holds: LevelDB itself opens as empty when its log was lost."""
    with (directory / _MARKER_NAME).open("w") as marker:
        marker.write(json.dumps({"chain_id": chain_id.hex()}) + "\n")
        marker.flush()
        os.fsync(marker.fileno())
    sync_directory(directory)


def write_genesis(database: KeyValues, genesis_block: BlockWrite) -> None:
    """Put block 0 into an empty database."""
    database.write({**_changes(genesis_block), LINKS_KEY: LINKS_ROW})


def _changes(write: BlockWrite) -> dict[bytes, bytes | None]:
    block, height = write.block, write.block.header.height
    changes = body_rows(height, block.transactions, block.receipts)
    changes[block_key(HEADER, height)] = encode_header_row(block.header, block.certificate)
    changes[TIP_KEY] = encode([height, block.header.hash])
    for key, head in write.heads.items():
        changes[HEAD + key] = head
    for path, node in write.nodes.items():
        changes[NODE + path] = node
    for entry in write.history:
        row_key = HISTORY + key_hash(entry.key) + entry.count.to_bytes(8, "big")
        changes[row_key] = encode([height, entry.transaction_index, entry.operation_index])
    if write.validators is not None:
        assert write.validators.hash == block.header.next_validators_hash, "it is the set that the header names"
        changes |= validators_row(write.validators)
    return changes
