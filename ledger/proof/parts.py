"""The parts of a bundle that is right in form: values of which nothing is proven yet (fields: docs/proofs.md)."""

from dataclasses import dataclass
from typing import Final

from ledger.block import Header
from ledger.certificate import Certificate
from ledger.codec import Value
from ledger.receipt import Receipt
from ledger.state import Head
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet

TRANSACTION: Final = "transaction"
HEAD: Final = "head"
STATEMENT: Final = "statement"
HEADS: Final = "heads"
TRACE: Final = "trace"
ORIGIN: Final = "origin"
TRUST: Final = "trust"
KINDS: Final = (TRANSACTION, HEAD, STATEMENT, HEADS, TRACE, ORIGIN, TRUST)

NEXT: Final = "next"
SKIP: Final = "skip"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a bundle is about: a transaction, heads with the counts that their histories begin after, or a height.

    What the kind does not have is empty or 0.
    """

    transaction_id: bytes = b""
    heads: tuple[tuple[bytes, int], ...] = ()
    height: int = 0


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """Other validators, and the header and certificate that vouch for them; ``kind`` is NEXT or SKIP."""

    kind: str
    header: Header
    certificate: Certificate
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a transaction and its receipt stand at place ``index`` of a block, with their Merkle paths."""

    index: int
    transaction_path: tuple[bytes, ...]
    receipt: Receipt
    receipt_path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """What is said to stand under a key (``encoded`` None: nothing), with the nodes of the state tree on the way there.

    ``count`` and ``chain`` are those of the head's history; 0 and the zero hash where it has none.
    """

    key: bytes
    encoded: bytes | None
    value: Head | None
    count: int
    chain: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A record: an operation of the bundle's transaction ``number``, where and when it was committed, its output."""

    number: int
    operation_index: int
    height: int
    transaction_index: int
    time_ms: int
    encoded_output: bytes
    output: Value


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The records of a head after the first ``after_count``, after which its chain is said to be ``after_chain``."""

    key: bytes
    after_count: int
    after_chain: bytes
    records: tuple[RecordEntry, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is right in form; ``header`` is that of the newest block, as of which everything in it holds."""

    kind: str
    chain_id: bytes
    subject: Subject
    changes: tuple[ChangeEntry, ...]
    header: Header
    certificate: Certificate
    transactions: tuple[Transaction, ...]
    inclusion: Inclusion | None
    heads: tuple[HeadEntry, ...]
    history: tuple[HistoryEntry, ...]
