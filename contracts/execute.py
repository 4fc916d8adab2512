"""Execute a block: transactions in order on an overlay, each all-or-nothing, each with a receipt.

The same on every validator: it depends on the block's context, its transactions and the committed heads alone. What has
expired ends first. A transaction that is rejected leaves a receipt, the mark of a transfer id that failed for good, and
nothing else. Whatever else a handler raises is a bug of ours and is not caught. Signatures, deadlines and replays are
checked before a block gets here (node/).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from contracts import heads
from contracts.authority import Authority, authorise
from contracts.context import BlockContext, Context, Work
from contracts.expiry import expire_due, next_expiry_ms
from contracts.governance import parameters_of
from contracts.methods import METHODS
from contracts.permissions import DEFAULT_PERMISSIONS
from contracts.results import Rejected, ResultCode
from contracts.validators import validators_of
from ledger.codec import Value, decode_own, encode
from ledger.errors import GenesisError
from ledger.genesis import Genesis
from ledger.parameters import Parameters
from ledger.receipt import Receipt
from ledger.state import Head, HeadSource, HistoryEntry, Overlay, output_hash, record_hash
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet

__all__ = [
    "Execution",
    "authorise",
    "execute",
    "execute_genesis",
    "next_deadline_ms",
    "read_parameters",
    "read_validators",
]

_CHANGES_AUTHORITY: Final = ("membership.", "governance.")
_NOTHING_GIVEN_OUT: Final = output_hash(encode(None))


@dataclass(frozen=True, slots=True)
class Execution:
    """What a block did.

    ``receipts`` and ``details`` have one entry a transaction; ``details`` explain failures to people ("" after success)
    and are not on the ledger. ``changes`` are encoded heads by key, None for a removed one.
    """

    receipts: tuple[Receipt, ...]
    changes: dict[bytes, bytes | None]
    history: tuple[HistoryEntry, ...]
    details: tuple[str, ...] = field(default=())


def execute(block: BlockContext, transactions: Sequence[Transaction], source: HeadSource) -> Execution:
    """Return what the transactions of a block do to the committed heads.

    The transactions are decoded, authentic, meant for this chain, in time and none of them was seen before.
    """
    overlay = Overlay(source)
    expire_due(block, source, overlay)
    overlay.settle()
    parameters = read_parameters(source)
    authority = Authority(overlay, block.time_ms)
    receipts: list[Receipt] = []
    details: list[str] = []
    for index, transaction in enumerate(transactions):
        receipt, detail = _execute_transaction(block, index, transaction, overlay, authority, parameters)
        receipts.append(receipt)
        details.append(detail)
    return Execution(tuple(receipts), overlay.changes(), overlay.history(), tuple(details))


def execute_genesis(genesis: Genesis) -> Execution:
    """Return the heads that a chain starts with: its parameters, validators, permissions and the founders' operations.

    Raises
    ------
    GenesisError
        An operation cannot be carried out; the message names it by index and method.

    """
    overlay = Overlay(_NothingCommitted())
    overlay.put(heads.PARAMETERS, cast(Head, genesis.parameters.to_value()))
    overlay.put(heads.VALIDATORS, {"members": genesis.validators.to_value()})
    for method, roles in DEFAULT_PERMISSIONS.items():
        overlay.put(heads.permission(method), {"roles": cast("list[Value]", sorted(roles))})
    block = BlockContext(genesis.chain_id, 0, genesis.time_ms)
    for index, operation in enumerate(genesis.operations):
        called = METHODS.get(operation.method)
        where = f"genesis operation {index} ({operation.method})"
        if called is None or not called.at_genesis:
            raise GenesisError("operation", f"{where}: not a method that founders can call")
        context = Context(block, genesis.chain_id, 0, index, None, None, overlay, genesis.parameters)
        try:
            called.handler(context, operation.arguments)
        except Rejected as rejected:
            raise GenesisError("operation", f"{where}: {rejected}") from rejected
    overlay.settle()
    assert not overlay.history(), "records belong to transactions, and genesis has none"
    return Execution((), overlay.changes(), ())


def read_parameters(source: HeadSource) -> Parameters:
    """Return the committed parameters."""
    return parameters_of(_committed(source, heads.PARAMETERS))


def read_validators(source: HeadSource) -> ValidatorSet:
    """Return the committed validator set."""
    return validators_of(_committed(source, heads.VALIDATORS))


def next_deadline_ms(source: HeadSource) -> int | None:
    """Return the time (UTC) from which on a block has work to do without any transaction, or None."""
    return next_expiry_ms(source)


def _execute_transaction(
    block: BlockContext,
    index: int,
    transaction: Transaction,
    overlay: Overlay,
    authority: Authority,
    parameters: Parameters,
) -> tuple[Receipt, str]:
    operations = transaction.operations
    transaction_id = transaction.transaction_id
    if len(operations) > parameters.transaction_operations_max:
        detail = f"{len(operations)} operations, at most {parameters.transaction_operations_max}"
        return Receipt(transaction_id, ResultCode.TOO_MANY_OPERATIONS.value, None, ()), detail
    verdict = authority.judge(transaction)
    if verdict.code is not ResultCode.OK:
        return Receipt(transaction_id, verdict.code.value, verdict.failed_operation, ()), verdict.detail
    outputs: list[Value] = []
    work = Work()
    changes_authority = False
    for position, operation in enumerate(operations):
        context = Context(
            block, transaction_id, index, position, transaction.sender, verdict.organisation, overlay, parameters, work
        )
        try:
            called = METHODS[operation.method]
            output = called.handler(context, operation.arguments)
            if called.then is not None:
                output = called.then(context, operation.arguments, output)
        except Rejected as rejected:
            overlay.undo()
            if rejected.leaves is not None:
                overlay.put(*rejected.leaves)
                overlay.settle()
            return Receipt(transaction_id, rejected.code.value, position, ()), rejected.detail
        outputs.append(output)
        if overlay.is_recording:
            given_out = _NOTHING_GIVEN_OUT if output is None else output_hash(encode(output))
            overlay.close(record_hash(transaction_id, position, block.height, index, block.time_ms, given_out))
        changes_authority = changes_authority or operation.method.startswith(_CHANGES_AUTHORITY)
    overlay.settle()
    if changes_authority:
        authority.forget()
    return Receipt(transaction_id, ResultCode.OK.value, None, tuple(outputs)), ""


def _committed(source: HeadSource, key: bytes) -> Head | None:
    encoded = source.head(key)
    return None if encoded is None else cast(Head, decode_own(encoded))


class _NothingCommitted:
    """The heads before genesis."""

    def head(self, key: bytes) -> bytes | None:
        """Return None, whatever the key."""
        del key
        return None

    def heads(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield nothing."""
        del prefix
        return iter(())
