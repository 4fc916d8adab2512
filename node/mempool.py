"""The pool of transactions that wait for a block: bounded in count, in bytes and for each sender, oldest first.

Everything in it passed admission and has a good signature, so a proposal made of it costs no second check.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.transaction import Transaction
from node.admission import Refusal, RefusalKind

_SHARE_OF_SENDER: Final = 4
"""One sender may fill a quarter of the pool, so that one organisation's burst leaves room for the others."""


@dataclass(frozen=True, slots=True)
class MempoolLimits:
    """How much may wait."""

    transactions_max: int = 20_000
    size_bytes_max: int = 64 * 1024 * 1024


class Mempool:
    """Transactions by id in the order of arrival."""

    def __init__(self, limits: MempoolLimits) -> None:
        self._limits = limits
        self._by_id: dict[bytes, Transaction] = {}
        self._bytes_by_sender: dict[bytes, int] = {}
        self._size_bytes = 0
        # No waiting transaction expires before this; it may be earlier than the earliest deadline, never later.
        self._earliest_ms = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, transaction_id: bytes) -> bool:
        return transaction_id in self._by_id

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._by_id.values())

    @property
    def size_bytes(self) -> int:
        """How many encoded bytes wait."""
        return self._size_bytes

    def get(self, transaction_id: bytes) -> Transaction | None:
        """Return the waiting transaction with this id, or None."""
        return self._by_id.get(transaction_id)

    def add(self, transaction: Transaction) -> Refusal | None:
        """Take a checked transaction, or say why there is no room; one that is there already is taken silently."""
        if transaction.transaction_id in self._by_id:
            return None
        size_bytes = len(transaction.encoded)
        of_sender = self._bytes_by_sender.get(transaction.sender, 0) + size_bytes
        if (
            len(self._by_id) >= self._limits.transactions_max
            or self._size_bytes + size_bytes > self._limits.size_bytes_max
        ):
            return Refusal(RefusalKind.BUSY, "pool.full", "too many transactions wait at this node; try again shortly")
        if of_sender * _SHARE_OF_SENDER > self._limits.size_bytes_max:
            return Refusal(
                RefusalKind.BUSY, "pool.sender_quota", "too many transactions of this key wait; let them commit first"
            )
        is_first = not self._by_id
        self._earliest_ms = (
            transaction.valid_until_ms if is_first else min(self._earliest_ms, transaction.valid_until_ms)
        )
        self._by_id[transaction.transaction_id] = transaction
        self._bytes_by_sender[transaction.sender] = of_sender
        self._size_bytes += size_bytes
        return None

    def remove(self, transaction_ids: Iterable[bytes]) -> None:
        """Drop transactions that were committed or can be no more; unknown ids are passed over."""
        for transaction_id in transaction_ids:
            transaction = self._by_id.pop(transaction_id, None)
            if transaction is None:
                continue
            size_bytes = len(transaction.encoded)
            self._size_bytes -= size_bytes
            rest = self._bytes_by_sender[transaction.sender] - size_bytes
            if rest:
                self._bytes_by_sender[transaction.sender] = rest
            else:
                del self._bytes_by_sender[transaction.sender]

    def expire(self, time_ms: int) -> list[bytes]:
        """Drop what is no longer valid at this time and return the ids."""
        if time_ms <= self._earliest_ms or not self._by_id:
            return []
        expired = [
            transaction.transaction_id for transaction in self._by_id.values() if transaction.valid_until_ms < time_ms
        ]
        self.remove(expired)
        self._earliest_ms = min((transaction.valid_until_ms for transaction in self._by_id.values()), default=0)
        return expired
