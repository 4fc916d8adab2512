"""The verifier: a bundle and a trust root in, proven facts or the one reason why not out. No network, no clock.

The steps stand in the order in which docs/proofs.md numbers them; each rests on those before it:

1. shape         the bundle is a bundle (ledger/proof/bundle.py)
2. chain         bundle, headers and transactions belong to the trusted chain
3. certificates  a quorum of the trusted validators signed each header's block
4. signatures    each transaction's sender signed it
5. inclusion     each transaction and its receipt are in their block
6. heads         the state after the newest block holds, or does not hold, what the bundle says
7. history       the chain in a head is that of the records shown, so none was left out, added or moved
8. subject       the bundle proves what it says that it is about, and carries nothing besides
"""

from ledger import merkle
from ledger.authenticated_map import value_hash
from ledger.authenticated_map import verify as verify_state
from ledger.certificate import VoteKind
from ledger.errors import ProofError
from ledger.hashing import ZERO_HASH
from ledger.proof.bundle import Bundle, HeadEntry, HeaderEntry, HistoryEntry, TransactionEntry, read_bundle
from ledger.proof.facts import Facts, ProvenHead, ProvenHeader, ProvenTransaction, Record, Step
from ledger.proof.trust import TrustRoot
from ledger.readable import Json
from ledger.state import next_chain, record_hash


def verify_bundle(document: str | dict[str, Json], trust: TrustRoot, time_ms_min: int = 0) -> Facts:
    """Return what a bundle proves to somebody who has this trust root.

    Parameters
    ----------
    document
        The bundle's JSON text, or the object that the text stands for.
    trust
        The trusted chain and validators; it must not come from whoever handed over the bundle.
    time_ms_min
        Refuse the bundle as stale where its newest block is older than this (UTC). A verifier without a clock cannot
        know how old "now" is; its caller can.

    Raises
    ------
    ProofError
        The bundle does not prove what it says; ``code`` is the one reason (docs/proofs.md lists them).

    """
    bundle = read_bundle(document)
    _check_chain(bundle, trust)
    for entry in bundle.headers:
        _check_certificate(entry, trust)
    newest = bundle.headers[-1].header
    if newest.time_ms < time_ms_min:
        raise ProofError("stale", f"the bundle holds as of {newest.time_ms} ms, asked for is {time_ms_min} ms or later")
    for transaction in bundle.transactions:
        if not transaction.transaction.is_authentic():
            raise ProofError("transaction_signature", f"{_name(transaction)} is not signed by its sender")
    _check_inclusion(bundle)
    for head in bundle.heads:
        _check_head(newest.state_root, head)
    for history in bundle.history:
        _check_history(bundle, history)
    _check_subject(bundle)
    _check_nothing_unused(bundle)
    return _facts(bundle, trust)


def _check_chain(bundle: Bundle, trust: TrustRoot) -> None:
    """Step 2."""
    if bundle.chain_id != trust.chain_id:
        raise ProofError("other_chain", "the bundle is of another chain than the trusted one")
    for entry in bundle.headers:
        if entry.header.chain_id != trust.chain_id:
            raise ProofError("header_chain", f"header {entry.header.height} is of another chain")
    for transaction in bundle.transactions:
        if transaction.transaction.chain_id != trust.chain_id:
            raise ProofError("transaction_chain", f"{_name(transaction)} was signed for another chain")


def _check_certificate(entry: HeaderEntry, trust: TrustRoot) -> None:
    """Step 3."""
    header, certificate = entry.header, entry.certificate
    # Nobody votes on block 0. All that it set is in the state of every later block, so no proof needs its header.
    if header.height == 0:
        raise ProofError("genesis_header", "block 0 has no votes; a bundle proves nothing by its header")
    if header.validators_hash != trust.validators.hash:
        raise ProofError("other_validators", f"header {header.height} names other validators than the trusted ones")
    if certificate.height != header.height or certificate.block_hash != header.hash:
        raise ProofError("certificate_block", f"the certificate with header {header.height} is for another block")
    refusal = certificate.refusal(VoteKind.COMMIT, trust.validators, trust.chain_id)
    if refusal is not None:
        raise ProofError(f"certificate_{refusal}", f"no quorum stands behind block {header.height}: {refusal}")


def _check_inclusion(bundle: Bundle) -> None:
    """Step 5."""
    header_by_height = {entry.header.height: entry.header for entry in bundle.headers}
    for entry in bundle.transactions:
        header = header_by_height.get(entry.height)
        if header is None:
            raise ProofError("transaction_header", f"the header of {_name(entry)} is missing")
        count = header.transaction_count
        if entry.index >= count:
            raise ProofError("transaction_position", f"{_name(entry)}: the block holds {count} transactions")
        leaf = merkle.leaf_hash(entry.transaction.transaction_id)
        if not merkle.verify_inclusion(entry.index, count, leaf, entry.transaction_path, header.transactions_root):
            raise ProofError("transaction_path", f"{_name(entry)} is not shown to be in its block")
        leaf = merkle.leaf_hash(entry.receipt.encode())
        if not merkle.verify_inclusion(entry.index, count, leaf, entry.receipt_path, header.receipts_root):
            raise ProofError("receipt_path", f"the receipt of {_name(entry)} is not shown to be in its block")
        if entry.receipt.transaction_id != entry.transaction.transaction_id:
            raise ProofError("receipt_transaction", f"the receipt with {_name(entry)} is of another transaction")


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
            raise ProofError("record_operation", f"record {count} names an operation that {_name(entry)} has not")
        if entry.receipt.code != 0:
            raise ProofError("record_failed", f"record {count} is of {_name(entry)}, which had no effect")
        chain = next_chain(chain, record_hash(entry.transaction.transaction_id, record.operation_index), count)
    if chain != head.chain:
        raise ProofError("history_chain", f"the records shown are not those that head {head.key!r} stands for")


def _check_subject(bundle: Bundle) -> None:
    """Step 8, first half."""
    subject = bundle.subject
    if bundle.kind == "transaction":
        if [entry.transaction.transaction_id for entry in bundle.transactions] != [subject.transaction_id]:
            raise ProofError("subject", "the bundle does not show the one transaction that it is about")
        if bundle.heads:
            raise ProofError("unused_head", "the bundle is about a transaction and carries a head")
        return
    if [entry.key for entry in bundle.heads] != [subject.key]:
        raise ProofError("subject", "the bundle does not show the one head that it is about")
    if bundle.kind == "head" and bundle.heads[0].count == 0:
        return
    if not bundle.history:
        raise ProofError("history_missing", "the head has a history and the bundle shows none of it")
    if bundle.history[0].after_count != subject.after_count:
        raise ProofError("history_start", "the history does not begin where the bundle says that it does")


def _check_nothing_unused(bundle: Bundle) -> None:
    """Step 8, second half. What no fact rests on was put there to mislead, or by mistake."""
    heights = {entry.height for entry in bundle.transactions}
    if bundle.heads:
        heights.add(bundle.headers[-1].header.height)
    for header in bundle.headers:
        if header.header.height not in heights:
            raise ProofError("unused_header", f"nothing in the bundle rests on header {header.header.height}")
    if bundle.kind == "transaction":
        return
    places = {(record.height, record.transaction_index) for entry in bundle.history for record in entry.records}
    for transaction in bundle.transactions:
        if (transaction.height, transaction.index) not in places:
            raise ProofError("unused_transaction", f"nothing in the bundle rests on {_name(transaction)}")


def _facts(bundle: Bundle, trust: TrustRoot) -> Facts:
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
                len(trust.validators),
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
        steps=_steps(bundle, trust),
    )


def _steps(bundle: Bundle, trust: TrustRoot) -> tuple[Step, ...]:
    headers, transactions, validators = len(bundle.headers), len(bundle.transactions), len(trust.validators)
    faults = trust.validators.faults_tolerated
    steps = [
        Step("Form", "The file is a complete proof bundle in a known format, with nothing missing or added."),
        Step("Chain", f"Everything in it belongs to the network {trust.network}, the one that you trust."),
        Step(
            "Certificates",
            f"At least {trust.validators.quorum} of {validators} validator{_s(validators)} signed each of {headers} "
            f"block{_s(headers)}. No other block can stand in its place while "
            + ("none" if faults == 0 else f"at most {faults}")
            + (" of them lies." if faults <= 1 else " of them lie."),
        ),
    ]
    if transactions:
        steps += [
            Step("Signatures", f"The sender signed each of {transactions} transaction{_s(transactions)}."),
            Step("Inclusion", "Each transaction stands in its block, and its receipt says what it did."),
        ]
    for head in bundle.heads:
        if head.encoded is None:
            steps.append(Step("State", "As of the newest block there is no such entry."))
        else:
            steps.append(Step("State", "The entry is shown as it stood after the newest block."))
    for history in bundle.history:
        records, earlier = len(history.records), history.after_count
        after = f" after the first {earlier}" if earlier else ""
        steps.append(
            Step("History", f"All {records} record{_s(records)}{after} are here, in order: none was left out or added.")
        )
    steps.append(Step("Subject", "The file shows what it says that it is about, and nothing besides."))
    return tuple(steps)


def _name(entry: TransactionEntry) -> str:
    return f"transaction {entry.index} of block {entry.height}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
