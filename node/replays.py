"""Which transactions are committed already: from memory while a copy of one could still be valid, else from the disk.

A transaction names the time until which it is valid, and no block after that takes it, so an id has to be remembered
until the ledger's time has passed that one. What was committed before this process began is on the disk alone. A
transaction that is valid for longer than the longest validity after that moment cannot be among it, so that an hour
after its start, and on a chain that it saw begin, a node asks the disk no more: that would be three reads in vain for
every new transaction.
"""

from collections.abc import Callable, Iterable
from typing import Final

from ledger.limits import TRANSACTION_VALIDITY_MS_MAX
from ledger.transaction import Transaction

IDS_MAX: Final = 500_000
"""Ids in memory, about 70 MB; beyond them everything is forgotten and the disk is asked as after a start."""

_BUCKET_MS: Final = 1_000


class Replays:
    """The ids of committed transactions that are still valid; ``is_stored`` asks the disk for an id."""

    def __init__(self, is_stored: Callable[[bytes], bool], height: int, time_ms: int, ids_max: int = IDS_MAX) -> None:
        """Begin after the block of a height and its time (UTC)."""
        self._is_stored = is_stored
        self._ids_max = ids_max
        self._ids: set[bytes] = set()
        self._ids_by_end: dict[int, list[bytes]] = {}
        # What is valid until this time or earlier may have been committed before the memory began.
        self._unknown_until_ms = time_ms + TRANSACTION_VALIDITY_MS_MAX if height > 0 else 0

    def __len__(self) -> int:
        return len(self._ids)

    def holds(self, transaction: Transaction) -> bool:
        """Say whether a transaction that is still valid is in a block."""
        if transaction.transaction_id in self._ids:
            return True
        return transaction.valid_until_ms <= self._unknown_until_ms and self._is_stored(transaction.transaction_id)

    def committed(self, transactions: Iterable[Transaction], time_ms: int) -> None:
        """Take in the transactions of the next block, whose time (UTC) ends the validity of others."""
        for transaction in transactions:
            self._ids.add(transaction.transaction_id)
            self._ids_by_end.setdefault(transaction.valid_until_ms // _BUCKET_MS, []).append(transaction.transaction_id)
        for bucket in [each for each in self._ids_by_end if (each + 1) * _BUCKET_MS <= time_ms]:
            self._ids.difference_update(self._ids_by_end.pop(bucket))
        if len(self._ids) > self._ids_max:
            self._ids.clear()
            self._ids_by_end.clear()
            self._unknown_until_ms = time_ms + TRANSACTION_VALIDITY_MS_MAX
