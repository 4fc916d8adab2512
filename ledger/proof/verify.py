"""The verifier: a bundle and a trust root in, proven facts or the one reason why not out. No network, no clock.

The steps stand in the order in which docs/proofs.md numbers them; each rests on those before it:

1. shape         the bundle is a bundle (ledger/proof/bundle.py)
2. chain         bundle, headers and transactions belong to the trusted chain
3. certificates  a quorum of the validators in force signed each header's block (ledger/proof/finality.py)
4. signatures    each transaction's sender signed it
5. inclusion     each transaction and its receipt are in their block
6. heads         the state after the newest block holds, or does not hold, what the bundle says
7. history       the chain in a head is that of the records shown, so none was left out, added or moved
8. subject       the bundle proves what it says that it is about, and carries nothing besides (ledger/proof/subject.py)
"""

from ledger import merkle
from ledger.authenticated_map import value_hash
from ledger.authenticated_map import verify as verify_state
from ledger.errors import ProofError
from ledger.hashing import ZERO_HASH
from ledger.proof.bundle import read_bundle
from ledger.proof.explanation import steps_of
from ledger.proof.facts import Facts, ProvenHead, ProvenHeader, ProvenTransaction, Record, Stay
from ledger.proof.finality import Timeline, check_finality
from ledger.proof.parts import Bundle, HeadEntry, HistoryEntry
from ledger.proof.subject import check_nothing_unused, check_subject
from ledger.proof.trust import TrustRoot
from ledger.readable import Json
from ledger.state import next_chain, record_hash


def verify_bundle(
    document: str | dict[str, Json], trust: TrustRoot, time_ms_min: int = 0, height_min: int = 0
) -> Facts:
    """Return what a bundle proves to somebody who has this trust root.

    Parameters
    ----------
    document
        The bundle's JSON text, or the object that the text stands for.
    trust
        The trusted chain and validators; it must not come from whoever handed over the bundle.
    time_ms_min, height_min
        Refuse the bundle as stale where its newest block is older than this (UTC), or lower. A verifier without clock
        and network cannot know how old "now" is, or how far the chain; its caller can.

    Raises
    ------
    ProofError
        The bundle does not prove what it says; ``code`` is the one reason (docs/proofs.md lists them).

    """
    bundle = read_bundle(document)
    _check_chain(bundle, trust)
    timeline, newest_trust = check_finality(bundle, trust)
    newest = bundle.headers[-1].header
    if newest.time_ms < time_ms_min:
        raise ProofError("stale", f"the bundle holds as of {newest.time_ms} ms, asked for is {time_ms_min} ms or later")
    if newest.height < height_min:
        raise ProofError("stale", f"the bundle holds as of block {newest.height}, asked for is {height_min} or later")
    for transaction in bundle.transactions:
        if not transaction.transaction.is_authentic():
            raise ProofError("transaction_signature", f"{transaction.name} is not signed by its sender")
    _check_inclusion(bundle)
    for head in bundle.heads:
        _check_head(newest.state_root, head)
    for history in bundle.history:
        _check_history(bundle, history)
    stays = check_subject(bundle)
    check_nothing_unused(bundle)
    return _facts(bundle, trust, timeline, newest_trust, stays)


def _check_chain(bundle: Bundle, trust: TrustRoot) -> None:
    """Step 2."""
    if bundle.chain_id != trust.chain_id:
        raise ProofError("other_chain", "the bundle is of another chain than the trusted one")
    for header in (*(change.header for change in bundle.changes), *(entry.header for entry in bundle.headers)):
        if header.chain_id != trust.chain_id:
            raise ProofError("header_chain", f"header {header.height} is of another chain")
    for transaction in bundle.transactions:
        if transaction.transaction.chain_id != trust.chain_id:
            raise ProofError("transaction_chain", f"{transaction.name} was signed for another chain")


def _check_inclusion(bundle: Bundle) -> None:
    """Step 5."""
    header_by_height = {entry.header.height: entry.header for entry in bundle.headers}
    for entry in bundle.transactions:
        header = header_by_height.get(entry.height)
        if header is None:
            raise ProofError("transaction_header", f"the header of {entry.name} is missing")
        count = header.transaction_count
        if entry.index >= count:
            raise ProofError("transaction_position", f"{entry.name}: the block holds {count} transactions")
        leaf = merkle.leaf_hash(entry.transaction.transaction_id)
        if not merkle.verify_inclusion(entry.index, count, leaf, entry.transaction_path, header.transactions_root):
            raise ProofError("transaction_path", f"{entry.name} is not shown to be in its block")
        leaf = merkle.leaf_hash(entry.receipt.encode())
        if not merkle.verify_inclusion(entry.index, count, leaf, entry.receipt_path, header.receipts_root):
            raise ProofError("receipt_path", f"the receipt of {entry.name} is not shown to be in its block")
        if entry.receipt.transaction_id != entry.transaction.transaction_id:
            raise ProofError("receipt_transaction", f"the receipt with {entry.name} is of another transaction")


def _check_head(state_root: bytes, entry: HeadEntry) -> None:
    """Step 6."""
    try:
        shown = verify_state(state_root, entry.key, entry.path)
    except ProofError as error:
        raise ProofError("head_path", f"head {entry.key!r}: {error}") from error
    if entry.encoded is None:
        if shown is not None:
            raise ProofError("head_present", f"head {entry.key!r} is said to be absent and is there")
    elif shown is None:
        raise ProofError("head_absent", f"head {entry.key!r} is said to be there and is absent")
    elif shown != value_hash(entry.encoded):
        raise ProofError("head_value", f"head {entry.key!r} holds something else in the state")


def _check_history(bundle: Bundle, history: HistoryEntry) -> None:
    """Step 7."""
    head = next((entry for entry in bundle.heads if entry.key == history.key), None)
    if head is None or head.count == 0:
        raise ProofError("history_head", f"no head with a history stands in the bundle for {history.key!r}")
    if history.after_count + len(history.records) != head.count:
        raise ProofError(
            "history_count",
            f"{len(history.records)} records after the first {history.after_count}, but head {head.key!r} counts "
            f"{head.count}",
        )
    if history.after_count == 0 and history.after_chain != ZERO_HASH:
        raise ProofError("history_zero_chain", "a history from its first record on starts from the zero hash")
    transaction_by_place = {(entry.height, entry.index): entry for entry in bundle.transactions}
    chain = history.after_chain
    for count, record in enumerate(history.records, history.after_count + 1):
        entry = transaction_by_place.get((record.height, record.transaction_index))
        if entry is None:
            raise ProofError("record_transaction", f"record {count} is of a transaction that is not in the bundle")
        if record.operation_index >= len(entry.transaction.operations):
            raise ProofError("record_operation", f"record {count} names an operation that {entry.name} has not")
        if entry.receipt.code != 0:
            raise ProofError("record_failed", f"record {count} is of {entry.name}, which had no effect")
        chain = next_chain(chain, record_hash(entry.transaction.transaction_id, record.operation_index), count)
    if chain != head.chain:
        raise ProofError("history_chain", f"the records shown are not those that head {head.key!r} stands for")


def _facts(
    bundle: Bundle, trust: TrustRoot, timeline: Timeline, newest_trust: TrustRoot, stays: tuple[Stay, ...]
) -> Facts:
    newest = bundle.headers[-1].header
    time_ms_by_height = {entry.header.height: entry.header.time_ms for entry in bundle.headers}
    records_by_key: dict[bytes, tuple[Record, ...]] = {entry.key: entry.records for entry in bundle.history}
    return Facts(
        kind=bundle.kind,
        chain_id=bundle.chain_id,
        height=newest.height,
        time_ms=newest.time_ms,
        headers=tuple(
            ProvenHeader(
                entry.header.height,
                entry.header.time_ms,
                entry.header.hash,
                len(entry.certificate.signers),
                len(timeline.known(entry.header.height)),
            )
            for entry in bundle.headers
        ),
        transactions=tuple(
            ProvenTransaction(
                entry.height, time_ms_by_height[entry.height], entry.index, entry.transaction, entry.receipt
            )
            for entry in bundle.transactions
        ),
        heads=tuple(
            ProvenHead(entry.key, entry.value, entry.count, records_by_key.get(entry.key, ())) for entry in bundle.heads
        ),
        stays=stays,
        trust=newest_trust,
        steps=steps_of(bundle, trust.network, timeline, stays),
    )
