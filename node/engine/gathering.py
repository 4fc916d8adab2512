"""Gathering: a proposal names transactions; those that are not here are asked of the peers, its proposer first."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from consensus.effects import CheckProposal
from ledger.transaction import Transaction
from node.engine.ports import Peers, TransactionsQuestion
from node.pool import Pool

_ROUNDS: Final = 3


@dataclass(slots=True)
class _Search:
    effect: CheckProposal
    peers: deque[bytes]
    waiting_for: bytes


class Gathering:
    """The searches that are under way, one for each check that waits for transactions."""

    def __init__(self, pool: Pool, peers: Peers) -> None:
        self._pool = pool
        self._peers = peers
        self._searches: list[_Search] = []

    def find(self, effect: CheckProposal) -> list[Transaction] | None:
        """Return the transactions of a proposal, or None where some are missing."""
        found = [self._pool.get(transaction_id) for transaction_id in effect.proposal.transaction_ids]
        present = [transaction for transaction in found if transaction is not None]
        return present if len(present) == len(found) else None

    def start(self, effect: CheckProposal) -> bool:
        """Ask for what is missing; return False where there is nobody to ask."""
        peers = deque(self._peers.known(effect.proposal.header.proposer) * _ROUNDS)
        if not peers:
            return False
        search = _Search(effect, peers, b"")
        self._searches.append(search)
        self._ask_next(search)
        return True

    def forget(self) -> None:
        """Drop all searches: the height that they were for is decided."""
        self._searches.clear()

    def arrived(self, peer: bytes | None) -> Iterable[tuple[CheckProposal, list[Transaction] | None]]:
        """Return the searches that are over, with the transactions or None where nobody has them.

        ``peer`` is who just answered, None where transactions came by gossip.
        """
        ended: list[tuple[CheckProposal, list[Transaction] | None]] = []
        for search in list(self._searches):
            found = self.find(search.effect)
            if found is None and search.waiting_for == peer and search.peers:
                self._ask_next(search)
            elif found is not None or search.waiting_for == peer:
                self._searches.remove(search)
                ended.append((search.effect, found))
        return ended

    def _ask_next(self, search: _Search) -> None:
        search.waiting_for = search.peers.popleft()
        wanted = search.effect.proposal.transaction_ids
        missing = tuple(transaction_id for transaction_id in wanted if transaction_id not in self._pool)
        self._peers.ask(search.waiting_for, TransactionsQuestion(missing))
