"""Proof bundles out of a store, one function a kind (docs/proofs.md; the verifier is ``ledger.proof``)."""

from collections.abc import Mapping, Sequence
from typing import cast

from contracts import heads
from ledger.codec import decode
from ledger.proof import RECORDS_MAX, Act, stays_of, to_base64url
from ledger.readable import Json
from ledger.state import Head
from node.proof_parts import (
    TRIES_MAX,
    Blocks,
    BundleRefusedError,
    Parts,
    ProvenHeads,
    Terms,
    certified_tip,
    change_entry,
    count_and_chain,
    records_of,
    validator_changes,
)
from node.storage.store import Store

__all__ = [
    "BundleRefusedError",
    "head_bundle",
    "heads_bundle",
    "item_bundle",
    "origin_bundle",
    "records_up_to",
    "statement_bundle",
    "trace_bundle",
    "transaction_bundle",
    "trust_bundle",
]


def transaction_bundle(store: Store, transaction_id: bytes) -> dict[str, Json] | None:
    """Return the bundle that proves a transaction and its receipt, or None where it is not committed."""
    position = store.transaction_position(transaction_id)
    if position is None:
        return None
    parts = Parts(store)
    parts.add_transaction(*position)
    subject: dict[str, Json] = {"transaction_id": to_base64url(transaction_id)}
    return parts.bundle("transaction", subject, position[0], inclusion=parts.inclusion(*position))


def item_bundle(store: Store, item_id: str) -> dict[str, Json]:
    """Return the bundle that proves an item's whole history, or that there is no such item."""
    return head_bundle(store, heads.item(item_id))


def head_bundle(store: Store, key: bytes) -> dict[str, Json]:
    """Return the bundle that proves what stands under a key at the tip, with its whole history, or that nothing does.

    Raises
    ------
    BundleRefusedError
        ``no_certified_block``: the tip is block 0, on which nobody voted. ``history_too_long``, ``bundle_too_large``:
        take ``statement_bundle`` from a later record on. ``pruned``: this node gave up transactions that it needs.
        ``busy``: blocks come faster than the bundle; ask again.

    """
    return _heads_bundle(store, "head", {"key": to_base64url(key)}, {key: 0})


def statement_bundle(store: Store, key: bytes, after_count: int) -> dict[str, Json]:
    """Return the bundle that proves the head at the tip and its records after the first ``after_count``.

    With ``after_count`` equal to the head's count it proves the head alone, such as a balance.

    Raises
    ------
    BundleRefusedError
        As ``head_bundle``; ``no_such_record``: the head does not count so far, or there is no head with a history.

    """
    subject: dict[str, Json] = {"key": to_base64url(key), "after_count": after_count}
    return _heads_bundle(store, "statement", subject, {key: after_count})


def heads_bundle(store: Store, after_count_by_key: Mapping[bytes, int]) -> dict[str, Json]:
    """Return the bundle that proves several heads, and absences, as of one block, each with its records after a count.

    Raises
    ------
    BundleRefusedError
        As ``statement_bundle``; of a head without a history the count is 0.

    """
    wanted: list[Json] = [[to_base64url(key), after_count_by_key[key]] for key in sorted(after_count_by_key)]
    return _heads_bundle(store, "heads", {"heads": wanted}, after_count_by_key)


def origin_bundle(store: Store, key: bytes) -> dict[str, Json]:
    """Return the bundle that proves a head and the transaction that it names (a payment, an event), or its absence.

    Raises
    ------
    BundleRefusedError
        As ``head_bundle``; ``no_origin``: heads of this kind name no transaction.

    """
    proven = ProvenHeads(store, [key])
    parts = Parts(store)
    parts.add_head(proven, key)
    encoded = proven.encoded[key]
    if encoded is not None:
        transaction_id = cast(Head, decode(encoded)).get("transaction")
        position = store.transaction_position(transaction_id) if type(transaction_id) is bytes else None
        if position is None:
            raise BundleRefusedError("no_origin", "the entry names no transaction; ask for its history")
        parts.add_transaction(*position)
    return parts.bundle("origin", {"key": to_base64url(key)}, proven.tip.height)


def trace_bundle(store: Store, item_id: str, records_max: int = RECORDS_MAX) -> dict[str, Json]:
    """Return the bundle that proves an item's whole history and that of everything it was packed in meanwhile.

    Raises
    ------
    BundleRefusedError
        As ``head_bundle``; ``history_too_long`` where all these histories have more records than ``records_max``.

    """
    key = heads.item(item_id)
    for _ in range(TRIES_MAX):
        acts = _Acts(store, records_max)
        if acts.of(key):
            stays_of(item_id, acts.of)
        proven = ProvenHeads(store, acts.counts)
        if all(proven.count(read) == count for read, count in acts.counts.items()):
            break
    else:
        raise BundleRefusedError("busy", "the histories grew each time that they were read; ask again")
    parts = Parts(store)
    for read, count in sorted(acts.counts.items()):
        parts.add_head(proven, read)
        if count:
            parts.add_history(proven, read, 0)
    return parts.bundle("trace", {"key": to_base64url(key)}, proven.tip.height)


def trust_bundle(store: Store, after_height: int = 0) -> dict[str, Json]:
    """Return the bundle by which somebody who trusts the validators after a height comes to trust the tip.

    It skips to the tip where enough of the validators of then signed it, else it names every change since.

    Raises
    ------
    BundleRefusedError
        ``no_certified_block``; ``no_such_height``: the height is above the tip.

    """
    tip = certified_tip(store)
    trusted_header = store.header(after_height)
    if trusted_header is None or after_height > tip.height:
        raise BundleRefusedError("no_such_height", f"this node is at height {tip.height}, not at {after_height}")
    changes = validator_changes(store, tip.height, after_height)
    if len(changes) > 1 and tip.next_validators_hash == tip.validators_hash:
        changes = _skip(store, after_height, tip.height) or changes
    return Parts(store).bundle("trust", {"height": tip.height}, tip.height, changes=changes)


def records_up_to(store: Store, key: bytes, height: int) -> int:
    """Return how many records of a head stand at a height or below."""
    count, _ = count_and_chain(store.head(key))
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        record = next(store.history(key, middle))
        low, high = (middle + 1, high) if record.height <= height else (low, middle)
    return low


class _Acts:
    """The histories that a trace needs, and how many records each head counted when it was read."""

    def __init__(self, store: Store, records_max: int) -> None:
        self._store = store
        self._blocks = Blocks(store)
        self._records_max = records_max
        self.counts: dict[bytes, int] = {}

    def of(self, key: bytes) -> Sequence[Act]:
        """Return the records of a head as operations with their outputs."""
        count, _ = count_and_chain(self._store.head(key))
        self.counts[key] = count
        if sum(self.counts.values()) > self._records_max:
            raise BundleRefusedError(
                "history_too_long", f"it and what it was packed in have more than {self._records_max} records"
            )
        acts = []
        for record in records_of(self._store, key, 0, count):
            block = self._blocks.at(record.height)
            transaction = block.transactions[record.transaction_index]
            receipt = block.receipts[record.transaction_index]
            index = record.operation_index
            acts.append(Act(transaction.operations[index], receipt.outputs[index]))
        return acts


def _heads_bundle(
    store: Store, kind: str, subject: dict[str, Json], after_count_by_key: Mapping[bytes, int]
) -> dict[str, Json]:
    proven = ProvenHeads(store, after_count_by_key)
    parts = Parts(store)
    # In the order of the keys, in which the transactions stand in the bundle too.
    for key, after_count in sorted(after_count_by_key.items()):
        count = proven.count(key)
        last = count if count or kind != "statement" else -1
        if not 0 <= after_count <= last:
            raise BundleRefusedError("no_such_record", f"the head has {count} records, none after number {after_count}")
        parts.add_head(proven, key)
        if count:
            parts.add_history(proven, key, after_count)
    return parts.bundle(kind, subject, proven.tip.height)


def _skip(store: Store, after_height: int, height: int) -> list[Json] | None:
    """Return the one entry that leads to a height, or None where too few of the trusted validators signed there."""
    certificate = store.certificate(height)
    assert certificate is not None, "every block but block 0 has a certificate"
    terms = Terms(store)
    trusted, validators = terms.at(after_height + 1), terms.at(height)
    signers = [validators[index].public_key for index in certificate.signers]
    if sum(trusted.index_of(key) is not None for key in signers) <= trusted.faults_tolerated:
        return None
    return [change_entry(store, "skip", height, validators)]
