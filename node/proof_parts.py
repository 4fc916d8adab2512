"""The parts of a proof bundle out of a store, each once, whatever the number of facts that need it.

The store keeps the current state tree alone, so heads are always proven as of the tip. A block may be committed by
another thread while a bundle is built; the paths of the heads are therefore checked against the tip's root before they
are handed out, and taken again where the tip has moved.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final, TypeVar, cast

from contracts import heads
from contracts.validators import validators_of
from ledger.authenticated_map import prove, value_hash, verify
from ledger.block import Header
from ledger.codec import decode, encode
from ledger.errors import ProofError
from ledger.hashing import ZERO_HASH
from ledger.proof import BUNDLE_FORMAT, RECORDS_MAX, TRANSACTIONS_BYTES_MAX, to_base64url, validators_json
from ledger.readable import Json
from ledger.state import CHAIN_FIELD, COUNT_FIELD, Head, next_chain, split_key
from ledger.validators import Validator, ValidatorSet
from node.storage.encoded_blocks import EncodedBlock
from node.storage.errors import PrunedError
from node.storage.rows import Position
from node.storage.store import Store, StoredBlock

_Block = TypeVar("_Block")

TRIES_MAX: Final = 5
_BLOCKS_KEPT: Final = 16
_ENTRY_BYTES_MAX: Final = 16
"""What an entry takes besides its bytes in the encoding of a list, with some room."""


class BundleRefusedError(Exception):
    """The store cannot give this bundle; ``code`` is stable, the text says what to ask for instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProvenHeads:
    """Heads as of one tip with their paths; ``encoded`` and ``paths`` by key."""

    def __init__(self, store: Store, keys: Iterable[bytes]) -> None:
        """Read them; raises BundleRefusedError where there is no certified block or blocks come too fast."""
        wanted = sorted(set(keys))
        for _ in range(TRIES_MAX):
            self.tip = certified_tip(store)
            self.encoded: dict[bytes, bytes | None] = {}
            self.paths: dict[bytes, tuple[bytes, ...]] = {}
            if all(self._read(store, key) for key in wanted):
                return
        raise BundleRefusedError("busy", "the state changed each time that it was read; ask again")

    def count(self, key: bytes) -> int:
        """Return how many records a head counts; 0 where it has no history, or where there is no head."""
        return count_and_chain(self.encoded[key])[0]

    def _read(self, store: Store, key: bytes) -> bool:
        encoded = store.head(key)
        try:
            path = prove(store.tree_node, key)
            shown = verify(self.tip.state_root, key, path)
        except ProofError:
            return False
        self.encoded[key], self.paths[key] = encoded, path
        return shown == (None if encoded is None else value_hash(encoded))


def certified_tip(store: Store) -> Header:
    """Return the header of the tip; raises BundleRefusedError where that is block 0."""
    tip = store.tip
    if tip.height == 0:
        raise BundleRefusedError("no_certified_block", "only block 0 is there, on which nobody votes; ask later")
    return tip


def count_and_chain(encoded: bytes | None) -> tuple[int, bytes]:
    """Return the count and the chain of a head's history; 0 and the zero hash where it has none."""
    head = {} if encoded is None else cast(Head, decode(encoded))
    if CHAIN_FIELD not in head:
        return 0, ZERO_HASH
    return cast(int, head[COUNT_FIELD]), cast(bytes, head[CHAIN_FIELD])


class Blocks:
    """Decoded blocks; the last ones that were read stay at hand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[int, StoredBlock] = {}

    def at(self, height: int) -> StoredBlock:
        """Return a block that is there; raises BundleRefusedError if it is pruned."""
        block = self._kept.pop(height, None)
        if block is None:
            block = _present(self._store.block, height)
            if len(self._kept) >= _BLOCKS_KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[height] = block
        return block


class Parts:
    """The lists of a bundle, filled one fact at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers: dict[bytes, int] = {}  # of the transactions, in the order in which they came
        self._heads: dict[bytes, Json] = {}
        self._history: dict[bytes, Json] = {}
        self._size_bytes = 0
        self._record_count = 0

    def bundle(
        self,
        kind: str,
        subject: dict[str, Json],
        height: int,
        *,
        changes: list[Json] | None = None,
        inclusion: dict[str, Json] | None = None,
    ) -> dict[str, Json]:
        """Return the bundle as of a height, with every change of the validators up to there where none are given."""
        return {
            "format": BUNDLE_FORMAT,
            "kind": kind,
            "chain_id": to_base64url(self._store.tip.chain_id),
            "subject": subject,
            "validator_changes": validator_changes(self._store, height) if changes is None else changes,
            **header_entry(self._store, height),
            "transactions": to_base64url(deflated(encode(list(self._numbers)))),
            "inclusion": inclusion,
            "heads": [self._heads[key] for key in sorted(self._heads)],
            "history": [self._history[key] for key in sorted(self._history)],
        }

    def add_transaction(self, height: int, index: int) -> int:
        """Take in a transaction; return its number in the bundle."""
        return self._number(encoded_block(self._store, height).transactions[index])

    def inclusion(self, height: int, index: int) -> dict[str, Json]:
        """Return what shows that a transaction and its receipt stand in their block."""
        block = encoded_block(self._store, height)
        self._spend(len(block.receipts[index]))
        return {
            "index": index,
            "transaction_path": _texts(block.transaction_path(index)),
            "receipt": to_base64url(block.receipts[index]),
            "receipt_path": _texts(block.receipt_path(index)),
        }

    def add_head(self, proven: ProvenHeads, key: bytes) -> None:
        """Take in a head, or its absence."""
        encoded = proven.encoded[key]
        self._heads[key] = {
            "key": to_base64url(key),
            "value": None if encoded is None else to_base64url(encoded),
            "path": _texts(proven.paths[key]),
        }

    def add_history(self, proven: ProvenHeads, key: bytes, after_count: int) -> None:
        """Take in the records of a head after the first ``after_count``."""
        count, chain = count_and_chain(proven.encoded[key])
        self._record_count += count - after_count
        if self._record_count > RECORDS_MAX:
            raise BundleRefusedError(
                "history_too_long", f"{self._record_count} records, a bundle holds {RECORDS_MAX}; ask for the last ones"
            )
        entries = [self._record(record) for record in records_of(self._store, key, after_count, count)]
        after_chain = chain if after_count == count else self._chain_at(key, after_count)
        self._history[key] = {
            "key": to_base64url(key),
            "after_count": after_count,
            "after_chain": to_base64url(after_chain),
            "records": entries,
        }

    def _record(self, record: Position) -> Json:
        block = encoded_block(self._store, record.height)
        output = block.output(record)
        self._spend(len(output))
        number = self._number(block.transactions[record.transaction_index])
        place: list[Json] = [number, record.operation_index, record.height, record.transaction_index, block.time_ms]
        return [*place, to_base64url(output)]

    def _number(self, transaction: bytes) -> int:
        if transaction not in self._numbers:
            self._spend(len(transaction))
            self._numbers[transaction] = len(self._numbers)
        return self._numbers[transaction]

    def _chain_at(self, key: bytes, count: int) -> bytes:
        """Return the chain after the first ``count`` records, computed from them; heads keep the last one alone."""
        chain = ZERO_HASH
        for number, record in enumerate(records_of(self._store, key, 0, count), 1):
            chain = next_chain(chain, encoded_block(self._store, record.height).record_hash(record), number)
        return chain

    def _spend(self, size_bytes: int) -> None:
        self._size_bytes += size_bytes + _ENTRY_BYTES_MAX
        if self._size_bytes > TRANSACTIONS_BYTES_MAX:
            raise BundleRefusedError("bundle_too_large", "the transactions are too many bytes; ask for the last ones")


def deflated(content: bytes) -> bytes:
    """Return the raw deflate stream that a bundle carries; other versions of zlib may make other bytes of it."""
    compressor = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


def records_of(store: Store, key: bytes, after_count: int, count: int) -> list[Position]:
    """Return where the records of a head stand, from the one after ``after_count`` to the ``count``-th."""
    records = list(islice(store.history(key, after_count), count - after_count))
    assert len(records) == count - after_count, "the history index holds every record that a head counts"
    return records


def header_entry(store: Store, height: int) -> dict[str, Json]:
    """Return the header of a block that is there, with its certificate."""
    encoded = store.encoded_header(height)
    assert encoded is not None, "an index never points above the tip"
    header, certificate = encoded
    assert certificate is not None, "every block but block 0 has a certificate"
    return {"header": to_base64url(header), "certificate": to_base64url(certificate)}


def encoded_block(store: Store, height: int) -> EncodedBlock:
    """Return the bytes of a block that is there; raises BundleRefusedError if it is pruned."""
    return _present(store.encoded_block, height)


def _present(read: Callable[[int], _Block | None], height: int) -> _Block:
    try:
        block = read(height)
    except PrunedError as error:
        raise BundleRefusedError("pruned", f"this node gave up old transactions: {error}") from error
    assert block is not None, "an index never points above the tip"
    return block


def validator_changes(store: Store, last_height: int, after_height: int = 0) -> list[Json]:
    """Return the changes of the validators that are in effect at a height and were not after an earlier one."""
    terms = Terms(store)
    changes: list[Json] = []
    for height in terms.heights:
        if after_height + 1 < height <= last_height:
            header = store.header(height - 1)
            assert header is not None, "a change is in effect above the header that names it"
            validators = terms.at(height)
            if header.next_validators_hash != validators.hash:
                raise BundleRefusedError("busy", "the validators changed while they were read; ask again")
            changes.append(change_entry(store, "next", height - 1, validators))
    return changes


def change_entry(store: Store, kind: str, height: int, validators: ValidatorSet) -> dict[str, Json]:
    """Return the entry of a change that the header at a height vouches for."""
    return {"kind": kind, **header_entry(store, height), "validators": validators_json(validators)}


class Terms:
    """Who was validator at which height, as the state has it (contracts/validators.py)."""

    def __init__(self, store: Store) -> None:
        self._terms: dict[Validator, list[tuple[int, int | None]]] = {}
        known = set()
        for key, encoded in store.heads(heads.validator(b"")):
            public_key = bytes.fromhex(split_key(key)[1])
            known.add(public_key)
            value = cast("Mapping[str, list[tuple[str, int, int | None]]]", decode(encoded))
            for organisation, first, end in value["terms"]:
                self._terms.setdefault(Validator(public_key, organisation), []).append((first, end))
        if known:
            encoded_members = store.head(heads.VALIDATORS)
            members = validators_of(None if encoded_members is None else cast(Head, decode(encoded_members)))
            # Who has no terms was there from the start and never left.
            self._terms |= {member: [(1, None)] for member in members if member.public_key not in known}

    @property
    def heights(self) -> list[int]:
        """The heights from which on other validators are in effect than before, in order."""
        spans = [span for spans in self._terms.values() for span in spans]
        bounds = {bound for span in spans for bound in span if bound is not None}
        return sorted(bounds - {1})

    def at(self, height: int) -> ValidatorSet:
        """Return the validators of a height, where they ever changed."""
        return ValidatorSet(
            member
            for member, spans in self._terms.items()
            if any(first <= height and (end is None or height < end) for first, end in spans)
        )


def _texts(values: Iterable[bytes]) -> list[Json]:
    return [to_base64url(value) for value in values]
