"""What a bundle proves, as values: nothing stands here that did not pass every check."""

from dataclasses import dataclass

from ledger.codec import Value
from ledger.proof.trust import TrustRoot
from ledger.receipt import Receipt
from ledger.state import Head
from ledger.transaction import Operation, Transaction


@dataclass(frozen=True, slots=True)
class ProvenHeader:
    """A final block: ``signers`` of the ``validators`` of its height signed its certificate. ``time_ms`` is UTC."""

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
    """One entry of a history: an operation of a transaction that its sender signed and that succeeded.

    It stands at ``transaction_index`` of the block at ``height``, whose time is ``time_ms`` (UTC); ``output`` is what
    the operation gave out.
    """

    height: int
    transaction_index: int
    operation_index: int
    time_ms: int
    transaction: Transaction
    output: Value

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands on the chain: height, transaction, operation."""
        return self.height, self.transaction_index, self.operation_index

    @property
    def operation(self) -> Operation:
        """What its sender asked for."""
        return self.transaction.operations[self.operation_index]


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

    def records_between(self, after_height: int, last_height: int) -> tuple[Record, ...] | None:
        """Return every record above one height and up to another; None where the bundle does not reach back so far."""
        if not self.is_complete and (not self.records or self.records[0].height > after_height):
            return None
        return tuple(record for record in self.records if after_height < record.height <= last_height)


@dataclass(frozen=True, slots=True)
class Stay:
    """That an item was in a container, both by identifier, from ``since_ms`` to ``until_ms`` (None: no end is known).

    Times are those of the events (UTC), which their capturers state, and not those of blocks.
    """

    item: str
    container: str
    since_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One check that passed, for people: what was checked, and what that proves."""

    title: str
    proves: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a bundle proves, as of the block at ``height`` with the time ``time_ms`` (UTC).

    Later blocks may have changed the heads; they cannot have changed the transaction, its receipt or the records.
    ``transaction`` is for bundles about one, ``origin`` is the transaction that the head of such a bundle names.
    ``stays`` is for traces: what was in which container when. ``trust`` is the newest trust root that the bundle leads
    to, or the one that it was checked with: a light client keeps it instead.
    """

    kind: str
    chain_id: bytes
    height: int
    time_ms: int
    header: ProvenHeader
    transaction: ProvenTransaction | None
    origin: Transaction | None
    heads: tuple[ProvenHead, ...]
    stays: tuple[Stay, ...]
    trust: TrustRoot
    steps: tuple[Step, ...]
