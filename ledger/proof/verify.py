"""The verifier: a bundle and a trust root in, proven facts or the one reason why not out. No network, no clock.

The steps stand in the order in which docs/proofs.md numbers them; each rests on those before it:

1. shape         the bundle is a bundle (ledger/proof/bundle.py)
2. chain         bundle, headers and transactions belong to the trusted chain
3. certificates  a quorum of the validators in force signed the header's block (ledger/proof/finality.py)
4. signatures    each transaction's sender signed it
5. inclusion     the transaction that the bundle is about and its receipt are in that block
6. heads         the state after that block holds, or does not hold, what the bundle says
7. history       the chain in a head is that of the records shown, so none was left out, added, moved or dated otherwise
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
from ledger.proof.parts import ORIGIN, Bundle, HeadEntry, HistoryEntry
from ledger.proof.subject import check_nothing_unused, check_subject
from ledger.proof.trust import TrustRoot
from ledger.readable import Json
from ledger.state import next_chain, output_hash, record_hash


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
    header = bundle.header
    if header.time_ms < time_ms_min:
        raise ProofError("stale", f"the bundle holds as of {header.time_ms} ms, asked for is {time_ms_min} ms or later")
    if header.height < height_min:
        raise ProofError("stale", f"the bundle holds as of block {header.height}, asked for is {height_min} or later")
    for number, transaction in enumerate(bundle.transactions):
        if not transaction.is_authentic():
            raise ProofError("transaction_signature", f"transaction {number} is not signed by its sender")
    _check_inclusion(bundle)
    for head in bundle.heads:
        _check_head(header.state_root, head)
    for history in bundle.history:
        _check_history(bundle, history)
    stays = check_subject(bundle)
    check_nothing_unused(bundle)
    return _facts(bundle, trust, timeline, newest_trust, stays)


def _check_chain(bundle: Bundle, trust: TrustRoot) -> None:
    """Step 2."""
    if bundle.chain_id != trust.chain_id:
        raise ProofError("other_chain", "the bundle is of another chain than the trusted one")
    for header in (*(change.header for change in bundle.changes), bundle.header):
        if header.chain_id != trust.chain_id:
            raise ProofError("header_chain", f"header {header.height} is of another chain")
    for number, transaction in enumerate(bundle.transactions):
        if transaction.chain_id != trust.chain_id:
            raise ProofError("transaction_chain", f"transaction {number} was signed for another chain")


def _check_inclusion(bundle: Bundle) -> None:
    """Step 5."""
    inclusion, header = bundle.inclusion, bundle.header
    if inclusion is None:
        return
    if len(bundle.transactions) != 1:
        raise ProofError("transaction_position", "one place in a block is shown, and not one transaction for it")
    (transaction,) = bundle.transactions
    index, count = inclusion.index, header.transaction_count
    if index >= count:
        raise ProofError("transaction_position", f"place {index}: the block holds {count} transactions")
    leaf = merkle.leaf_hash(transaction.transaction_id)
    if not merkle.verify_inclusion(index, count, leaf, inclusion.transaction_path, header.transactions_root):
        raise ProofError("transaction_path", "the transaction is not shown to be in the block")
    leaf = merkle.leaf_hash(inclusion.receipt.encode())
    if not merkle.verify_inclusion(index, count, leaf, inclusion.receipt_path, header.receipts_root):
        raise ProofError("receipt_path", "the receipt is not shown to be in the block")
    if inclusion.receipt.transaction_id != transaction.transaction_id:
        raise ProofError("receipt_transaction", "the receipt is of another transaction")


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
    chain = history.after_chain
    for count, record in enumerate(history.records, history.after_count + 1):
        if record.number >= len(bundle.transactions):
            raise ProofError("record_transaction", f"record {count} is of a transaction that is not in the bundle")
        transaction = bundle.transactions[record.number]
        if record.operation_index >= len(transaction.operations):
            raise ProofError("record_operation", f"record {count} names an operation that its transaction has not")
        output = output_hash(record.encoded_output)
        place = record.operation_index, record.height, record.transaction_index, record.time_ms
        chain = next_chain(chain, record_hash(transaction.transaction_id, *place, output), count)
    if chain != head.chain:
        raise ProofError("history_chain", f"the records shown are not those that head {head.key!r} stands for")


def _facts(
    bundle: Bundle, trust: TrustRoot, timeline: Timeline, newest_trust: TrustRoot, stays: tuple[Stay, ...]
) -> Facts:
    header, inclusion = bundle.header, bundle.inclusion
    records_by_key = {entry.key: _records(bundle, entry) for entry in bundle.history}
    return Facts(
        kind=bundle.kind,
        chain_id=bundle.chain_id,
        height=header.height,
        time_ms=header.time_ms,
        header=ProvenHeader(
            header.height,
            header.time_ms,
            header.hash,
            len(bundle.certificate.signers),
            len(timeline.known(header.height)),
        ),
        transaction=(
            None
            if inclusion is None
            else ProvenTransaction(
                header.height, header.time_ms, inclusion.index, bundle.transactions[0], inclusion.receipt
            )
        ),
        origin=bundle.transactions[0] if bundle.kind == ORIGIN and bundle.transactions else None,
        heads=tuple(
            ProvenHead(entry.key, entry.value, entry.count, records_by_key.get(entry.key, ())) for entry in bundle.heads
        ),
        stays=stays,
        trust=newest_trust,
        steps=steps_of(bundle, trust.network, timeline, stays),
    )


def _records(bundle: Bundle, history: HistoryEntry) -> tuple[Record, ...]:
    return tuple(
        Record(
            entry.height,
            entry.transaction_index,
            entry.operation_index,
            entry.time_ms,
            bundle.transactions[entry.number],
            entry.output,
        )
        for entry in history.records
    )
