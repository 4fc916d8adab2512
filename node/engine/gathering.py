"""Gathering: a proposal names transactions; those that are not here are asked of the peers, its proposer first.

A block that a quorum prepared has to be proposed again until it is decided, however long that takes, and by then its
transactions may be too old for the pool, or the pool of everybody was emptied by a power cut. So the transactions of a
block that this node is locked on are held until its height is decided, and so are those that an answer brings for a
proposal under way.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from consensus.effects import CheckProposal
from ledger.transaction import Transaction
from node.engine.ports import Peers, TransactionsQuestion
from node.pool import Pool

_ROUNDS: Final = 3
_HELD_MAX: Final = 10_000


@dataclass(slots=True)
class _Search:
    """``missing`` is what was not here when it was last looked at: most arrivals change nothing else."""

    effect: CheckProposal
    peers: deque[bytes]
    waiting_for: bytes
    missing: list[bytes]


class Gathering:
    """The searches that are under way, one for each check that waits for transactions, and what is held for them."""

    def __init__(self, pool: Pool, peers: Peers, held: Iterable[Transaction]) -> None:
        self._pool = pool
        self._peers = peers
        self._searches: list[_Search] = []
        self._held: dict[bytes, Transaction] = {}
        self.hold(held)

    def transaction(self, transaction_id: bytes) -> Transaction | None:
        """Return a transaction that waits in the pool or is held for the height in progress, or None."""
        return self._pool.get(transaction_id) or self._held.get(transaction_id)

    def hold(self, transactions: Iterable[Transaction]) -> None:
        """Hold authentic transactions until the height is decided, whatever becomes of them in the pool."""
        for transaction in transactions:
            self._held[transaction.transaction_id] = transaction
            if len(self._held) > _HELD_MAX:
                del self._held[next(iter(self._held))]

    def is_wanted(self, transaction_id: bytes) -> bool:
        """Say whether a search is under way for this transaction."""
        is_named = any(transaction_id in search.effect.proposal.transaction_ids for search in self._searches)
        return is_named and self.transaction(transaction_id) is None

    def find(self, effect: CheckProposal) -> list[Transaction] | None:
        """Return the transactions of a proposal, or None where some are missing."""
        found = [self.transaction(transaction_id) for transaction_id in effect.proposal.transaction_ids]
        present = [transaction for transaction in found if transaction is not None]
        return present if len(present) == len(found) else None

    def start(self, effect: CheckProposal) -> bool:
        """Ask for what is missing; return False where there is nobody to ask."""
        peers = deque(self._peers.known(effect.proposal.header.proposer) * _ROUNDS)
        if not peers:
            return False
        search = _Search(effect, peers, b"", self._missing(effect.proposal.transaction_ids))
        self._searches.append(search)
        self._ask_next(search)
        return True

    def forget(self) -> None:
        """Drop all searches and what is held: the height that they were for is decided."""
        self._searches.clear()
        self._held.clear()

    def arrived(self, peer: bytes | None) -> Iterable[tuple[CheckProposal, list[Transaction] | None]]:
        """Return the searches that are over, with the transactions or None where nobody has them.

        ``peer`` is who just answered, None where transactions came by gossip.
        """
        ended: list[tuple[CheckProposal, list[Transaction] | None]] = []
        for search in list(self._searches):
            search.missing = self._missing(search.missing)
            found = None if search.missing else self.find(search.effect)
            if found is None and search.waiting_for == peer and search.peers:
                self._ask_next(search)
            elif found is not None or search.waiting_for == peer:
                self._searches.remove(search)
                ended.append((search.effect, found))
        return ended

    def _ask_next(self, search: _Search) -> None:
        search.waiting_for = search.peers.popleft()
        # All of them again: what was here may have gone since.
        search.missing = self._missing(search.effect.proposal.transaction_ids)
        self._peers.ask(search.waiting_for, TransactionsQuestion(tuple(search.missing)))

    def _missing(self, transaction_ids: Iterable[bytes]) -> list[bytes]:
        return [transaction_id for transaction_id in transaction_ids if self.transaction(transaction_id) is None]
