"""Whether a bundle shows what it says that it is about, and nothing besides (step 8)."""

from functools import partial

from ledger.errors import ProofError
from ledger.hashing import HASH_BYTES
from ledger.limits import TRANSACTION_OPERATIONS_MAX
from ledger.proof.containers import ITEM, Act, stays_of
from ledger.proof.facts import Stay
from ledger.proof.parts import NEXT, ORIGIN, STATEMENT, TRACE, TRANSACTION, TRUST, Bundle, HeadEntry
from ledger.state import KEY_SEPARATOR


def check_subject(bundle: Bundle) -> tuple[Stay, ...]:
    """Check that the bundle shows its subject; return what a trace proves of containers, nothing for other kinds."""
    subject = bundle.subject
    if bundle.kind == TRANSACTION:
        is_shown = [transaction.transaction_id for transaction in bundle.transactions] == [subject.transaction_id]
        if not is_shown or bundle.inclusion is None:
            raise ProofError("subject", "the bundle does not show the one transaction that it is about in its block")
    elif bundle.kind == TRUST:
        if bundle.header.height != subject.height:
            raise ProofError("subject", "the bundle does not show the header that it is about")
    elif bundle.kind == TRACE:
        return _check_trace(bundle)
    else:
        if [entry.key for entry in bundle.heads] != [key for key, _ in subject.heads]:
            raise ProofError("subject", "the bundle does not show just the heads that it is about")
        if bundle.kind == ORIGIN:
            _check_origin(bundle)
            return ()
        for (_, after_count), head in zip(subject.heads, bundle.heads, strict=True):
            _check_own_history(bundle, head, after_count)
    return ()


def check_nothing_unused(bundle: Bundle) -> None:
    """Check that a fact rests on everything; what none rests on was put there to mislead, or by mistake."""
    if bundle.heads and bundle.kind in (TRANSACTION, TRUST):
        raise ProofError("unused_head", f"the bundle is about a {bundle.kind} and carries a head")
    if bundle.changes:
        change = bundle.changes[-1]
        if change.header.height + (change.kind == NEXT) > bundle.header.height:
            raise ProofError("unused_change", "the validators changed after the newest header")
    if bundle.history and bundle.kind == ORIGIN:
        raise ProofError("unused_history", "the bundle is about where a head comes from and carries a history")
    if bundle.inclusion is not None and bundle.kind != TRANSACTION:
        raise ProofError("unused_inclusion", f"the bundle is about a {bundle.kind} and carries a place in a block")
    if bundle.kind == TRANSACTION:
        return
    # In the order in which the histories come to them first, so that nothing can be moved about.
    numbers = dict.fromkeys(record.number for entry in bundle.history for record in entry.records)
    if bundle.kind == ORIGIN and bundle.heads[0].value is not None:
        numbers[0] = None
    if len(numbers) != len(bundle.transactions):
        raise ProofError("unused_transaction", "nothing in the bundle rests on one of its transactions")
    if list(numbers) != list(range(len(numbers))):
        raise ProofError("transaction_order", "the transactions do not stand in the order of the histories")
    identifiers = {transaction.transaction_id for transaction in bundle.transactions}
    if len(identifiers) != len(numbers):
        raise ProofError("duplicate_transaction", "a transaction stands twice in the bundle")


def _check_own_history(bundle: Bundle, head: HeadEntry, after_count: int) -> None:
    """Check that a head is shown with its records after a count; one without a history has none to show."""
    if head.count == 0 and bundle.kind != STATEMENT:
        if after_count:
            raise ProofError("history_start", f"head {head.key!r} has no history that could start after a record")
        return
    history = next((entry for entry in bundle.history if entry.key == head.key), None)
    if history is None:
        raise ProofError("history_missing", f"head {head.key!r} has a history and the bundle shows none of it")
    if history.after_count != after_count:
        raise ProofError("history_start", "the history does not begin where the bundle says that it does")


def _check_origin(bundle: Bundle) -> None:
    """Check that the one transaction is what the head names as its own; there is none where there is no such head."""
    value = bundle.heads[0].value
    if value is None:
        return
    transaction_id, operation = value.get("transaction"), value.get("operation")
    is_named = type(transaction_id) is bytes and len(transaction_id) == HASH_BYTES
    if not is_named or type(operation) is not int or not 0 <= operation < TRANSACTION_OPERATIONS_MAX:
        raise ProofError("origin_missing", "the head names no operation of a transaction")
    if not bundle.transactions or bundle.transactions[0].transaction_id != transaction_id:
        raise ProofError("origin_missing", "the transaction that the head names is not in the bundle")
    if operation >= len(bundle.transactions[0].operations):
        raise ProofError("origin_missing", "the head names an operation that its transaction has not")


def _check_trace(bundle: Bundle) -> tuple[Stay, ...]:
    ((key, _),) = bundle.subject.heads
    kind, _, identifier = key.partition(KEY_SEPARATOR)
    item = _text(identifier)
    if kind != ITEM.encode() or item is None:
        raise ProofError("trace_item", "a trace is of an item")
    heads = {entry.key: entry for entry in bundle.heads}
    head = heads.get(key)
    if head is None:
        raise ProofError("subject", "the bundle does not show the item that it is about")
    _check_own_history(bundle, head, 0)
    stays = () if head.count == 0 else stays_of(item, partial(_acts, bundle))
    containers = {f"{ITEM}\0{stay.container}".encode() for stay in stays}
    for other in bundle.heads:
        if other.key != key and other.key not in containers:
            raise ProofError("unused_head", f"the item was not in {other.key!r}")
    return stays


def _acts(bundle: Bundle, key: bytes) -> list[Act] | None:
    """Return the records of a head as operations with their outputs; None where not all of them are shown."""
    history = next((entry for entry in bundle.history if entry.key == key and entry.after_count == 0), None)
    if history is None:
        return None
    return [
        Act(bundle.transactions[record.number].operations[record.operation_index], record.output)
        for record in history.records
    ]


def _text(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text or None
