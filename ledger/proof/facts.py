"""What a bundle proves, as values: nothing stands here that did not pass every check."""

from dataclasses import dataclass

from ledger.receipt import Receipt
from ledger.state import Head
from ledger.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProvenHeader:
    """A final block: ``signers`` of the chain's ``validators`` signed its commit certificate. ``time_ms`` is UTC."""

    height: int
    time_ms: int
    block_hash: bytes
    signers: int
    validators: int


@dataclass(frozen=True, slots=True)
class ProvenTransaction:
    """A transaction that its sender signed, in the final block at ``height``, with its receipt."""

    height: int
    time_ms: int
    index: int
    transaction: Transaction
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a history: an operation of a proven transaction, which succeeded."""

    height: int
    transaction_index: int
    operation_index: int


@dataclass(frozen=True, slots=True)
class ProvenHead:
    """What the state holds under a key as of ``Facts.height``; ``value`` is None where it holds nothing.

    ``count`` is how many records belong to the head. ``records`` are those that the bundle proves: the last ones, in
    order and without a gap.
    """

    key: bytes
    value: Head | None
    count: int
    records: tuple[Record, ...]

    @property
    def is_complete(self) -> bool:
        """Whether ``records`` is the whole history. Never so for an absent head, which tells nothing of its past."""
        return self.value is not None and len(self.records) == self.count


@dataclass(frozen=True, slots=True)
class Step:
    """One check that passed, for people: what was checked, and what that proves."""

    title: str
    proves: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a bundle proves, as of the block at ``height`` with the time ``time_ms`` (UTC).

    Later blocks may have changed the heads; they cannot have changed the transactions, their receipts or the records.
    """

    kind: str
    chain_id: bytes
    height: int
    time_ms: int
    headers: tuple[ProvenHeader, ...]
    transactions: tuple[ProvenTransaction, ...]
    heads: tuple[ProvenHead, ...]
    steps: tuple[Step, ...]
