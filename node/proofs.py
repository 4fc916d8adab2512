"""Proof bundles out of a store (docs/proofs.md; the verifier is ``ledger.proof``).

The store keeps the current state tree alone, so a head is always proven as of the tip. A block may be committed by
another thread while a bundle is built; the path of the head is therefore checked against the tip's root before it is
handed out, and taken again where the tip has moved.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final, cast

from contracts import heads
from ledger import merkle
from ledger.authenticated_map import prove, value_hash, verify
from ledger.block import Header
from ledger.codec import decode
from ledger.errors import ProofError
from ledger.hashing import ZERO_HASH
from ledger.proof import BUNDLE_FORMAT, BUNDLE_LENGTH_MAX, RECORDS_MAX, to_base64url
from ledger.readable import Json
from ledger.state import CHAIN_FIELD, COUNT_FIELD, Head, next_chain, record_hash
from node.storage.store import Store, StoredBlock

_TRIES_MAX: Final = 5


class BundleRefusedError(Exception):
    """The store cannot give this bundle; ``code`` is stable, the text says what to ask for instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def transaction_bundle(store: Store, transaction_id: bytes) -> dict[str, Json] | None:
    """Return the bundle that proves a transaction and its receipt, or None where it is not committed."""
    position = store.transaction_position(transaction_id)
    if position is None:
        return None
    height, index = position
    transactions = _Transactions(store)
    transactions.add(height, index)
    return _bundle(
        "transaction",
        store.tip.chain_id,
        {"transaction_id": to_base64url(transaction_id)},
        headers=transactions.headers,
        transactions=transactions.entries,
    )


def item_bundle(store: Store, item_id: str) -> dict[str, Json]:
    """Return the bundle that proves an item's whole history, or that there is no such item."""
    return head_bundle(store, heads.item(item_id))


def head_bundle(store: Store, key: bytes) -> dict[str, Json]:
    """Return the bundle that proves what stands under a key at the tip, with its whole history, or that nothing does.

    Raises
    ------
    BundleRefusedError
        ``no_certified_block``: the tip is block 0, on which nobody voted. ``history_too_long``, ``bundle_too_large``:
        take ``statement_bundle`` from a later record on. ``busy``: blocks come faster than the bundle; ask again.

    """
    return _head_bundle(store, key, {"key": to_base64url(key)}, "head", 0)


def statement_bundle(store: Store, key: bytes, after_count: int) -> dict[str, Json]:
    """Return the bundle that proves the head at the tip and its records after the first ``after_count``.

    With ``after_count`` equal to the head's count it proves the head alone, such as a balance.

    Raises
    ------
    BundleRefusedError
        As ``head_bundle``; ``no_such_record``: the head does not count so far, or there is no head with a history.

    """
    subject: dict[str, Json] = {"key": to_base64url(key), "after_count": after_count}
    return _head_bundle(store, key, subject, "statement", after_count)


def _head_bundle(store: Store, key: bytes, subject: dict[str, Json], kind: str, after_count: int) -> dict[str, Json]:
    tip, encoded, path = _proven_head(store, key)
    transactions = _Transactions(store)
    transactions.add_header(tip.height)
    count, chain = _count_and_chain(encoded)
    if kind == "statement" and not 0 <= after_count <= count - (count == 0):
        raise BundleRefusedError("no_such_record", f"the head has {count} records, none after number {after_count}")
    if count - after_count > RECORDS_MAX:
        raise BundleRefusedError(
            "history_too_long", f"{count - after_count} records, a bundle holds {RECORDS_MAX}; ask for the last ones"
        )
    history: list[Json] = []
    if count:
        records = list(islice(store.history(key, after_count), count - after_count))
        assert len(records) == count - after_count, "the history index holds every record that a head counts"
        for record in records:
            transactions.add(record.height, record.transaction_index)
        after_chain = chain if after_count == count else _chain_at(store, key, after_count)
        history.append(
            {
                "key": to_base64url(key),
                "after_count": after_count,
                "after_chain": to_base64url(after_chain),
                "records": [[record.height, record.transaction_index, record.operation_index] for record in records],
            }
        )
    head: Json = {
        "key": to_base64url(key),
        "value": None if encoded is None else to_base64url(encoded),
        "path": _texts(path),
    }
    return _bundle(
        kind,
        tip.chain_id,
        subject,
        headers=transactions.headers,
        transactions=transactions.entries,
        heads=[head],
        history=history,
    )


def _proven_head(store: Store, key: bytes) -> tuple[Header, bytes | None, tuple[bytes, ...]]:
    """Return a tip, the head at the key and its path, which agree with each other."""
    for _ in range(_TRIES_MAX):
        tip = store.tip
        if tip.height == 0:
            raise BundleRefusedError("no_certified_block", "only block 0 is there, on which nobody votes; ask later")
        encoded = store.head(key)
        try:
            path = prove(store.tree_node, key)
            shown = verify(tip.state_root, key, path)
        except ProofError:
            continue
        if shown == (None if encoded is None else value_hash(encoded)):
            return tip, encoded, path
    raise BundleRefusedError("busy", "the state changed each time that it was read; ask again")


def _count_and_chain(encoded: bytes | None) -> tuple[int, bytes]:
    head = {} if encoded is None else cast(Head, decode(encoded))
    if CHAIN_FIELD not in head:
        return 0, ZERO_HASH
    return cast(int, head[COUNT_FIELD]), cast(bytes, head[CHAIN_FIELD])


def _chain_at(store: Store, key: bytes, count: int) -> bytes:
    """Return the chain after the first ``count`` records, computed from them; heads keep the last one alone."""
    chain = ZERO_HASH
    block: StoredBlock | None = None
    for number, record in enumerate(islice(store.history(key), count), 1):
        if block is None or block.header.height != record.height:
            block = _block(store, record.height)
        transaction_id = block.transactions[record.transaction_index].transaction_id
        chain = next_chain(chain, record_hash(transaction_id, record.operation_index), number)
    return chain


class _Transactions:
    """The headers and transactions of a bundle, each once, whatever the number of records that need it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._headers: dict[int, Json] = {}
        self._entries: dict[tuple[int, int], Json] = {}
        self._block: StoredBlock | None = None
        self._leaves: tuple[list[bytes], list[bytes]] = ([], [])
        self._length = 0

    @property
    def headers(self) -> list[Json]:
        """The header entries by height."""
        return [self._headers[height] for height in sorted(self._headers)]

    @property
    def entries(self) -> list[Json]:
        """The transaction entries by height and index."""
        return [self._entries[place] for place in sorted(self._entries)]

    def add_header(self, height: int) -> None:
        """Take in the header of a block."""
        if height in self._headers:
            return
        block = self._block_at(height)
        assert block.certificate is not None, "every block but block 0 has a certificate"
        self._headers[height] = {
            "header": to_base64url(block.header.encoded),
            "certificate": to_base64url(block.certificate.encode()),
        }

    def add(self, height: int, index: int) -> None:
        """Take in a transaction with its receipt, its paths and the header of its block."""
        if (height, index) in self._entries:
            return
        self.add_header(height)
        block = self._block_at(height)
        transaction_ids, receipts = self._leaves
        transaction = block.transactions[index]
        self._length += (len(transaction.encoded) + len(receipts[index])) * 4 // 3
        if self._length > BUNDLE_LENGTH_MAX // 2:
            raise BundleRefusedError("bundle_too_large", "the transactions are too many bytes; ask for the last ones")
        self._entries[height, index] = {
            "height": height,
            "index": index,
            "transaction": to_base64url(transaction.encoded),
            "transaction_path": _texts(merkle.inclusion_path(transaction_ids, index)),
            "receipt": to_base64url(receipts[index]),
            "receipt_path": _texts(merkle.inclusion_path(receipts, index)),
        }

    def _block_at(self, height: int) -> StoredBlock:
        # Records come in order, so one block at a time is all that is worth keeping.
        if self._block is None or self._block.header.height != height:
            self._block = _block(self._store, height)
            self._leaves = (
                [transaction.transaction_id for transaction in self._block.transactions],
                [receipt.encode() for receipt in self._block.receipts],
            )
        return self._block


def _block(store: Store, height: int) -> StoredBlock:
    block = store.block(height)
    assert block is not None, "an index never points above the tip"
    return block


def _texts(values: Iterable[bytes]) -> list[Json]:
    return [to_base64url(value) for value in values]


def _bundle(
    kind: str,
    chain_id: bytes,
    subject: dict[str, Json],
    *,
    headers: list[Json],
    transactions: list[Json],
    heads: list[Json] | None = None,
    history: list[Json] | None = None,
) -> dict[str, Json]:
    return {
        "format": BUNDLE_FORMAT,
        "kind": kind,
        "chain_id": to_base64url(chain_id),
        "subject": subject,
        "validator_changes": [],
        "headers": headers,
        "transactions": transactions,
        "heads": heads or [],
        "history": history or [],
    }
