"""Checks of transactions' signatures: several at once leave the loop, and one that is under way is waited for.

A transaction often comes twice within milliseconds, by gossip and as an answer to a question about a proposal. A check
costs more than all else that is done with it, so the second one waits for the first.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from ledger.transaction import Transaction
from node.admission import Refusal, signature_refusal

_AT_ONCE_MAX: Final = 4
"""So few are checked where they are asked for: a thread and its way back cost as much."""

_Found = list[Refusal | None]


class SignatureChecks:
    """Use it inside one event loop."""

    def __init__(self) -> None:
        # By all bytes and not by the id: that leaves the signature out, and a wrong one must not stand for a right one.
        self._running: dict[bytes, tuple[asyncio.Future[_Found], int]] = {}

    async def refusals(self, transactions: Sequence[Transaction]) -> _Found:
        """Return for each transaction why its signature is not its sender's, or None."""
        if len(transactions) <= _AT_ONCE_MAX:
            return _check(transactions)
        fresh = [transaction for transaction in transactions if transaction.encoded not in self._running]
        if fresh:
            work = asyncio.get_running_loop().run_in_executor(None, _check, fresh)
            for index, transaction in enumerate(fresh):
                self._running[transaction.encoded] = work, index
            work.add_done_callback(lambda _: self._forget(fresh))
        asked = [self._running[transaction.encoded] for transaction in transactions]
        # Shielded: whoever gives up waiting takes nothing from those who wait for the same.
        return [(await asyncio.shield(work))[index] for work, index in asked]

    def _forget(self, checked: Sequence[Transaction]) -> None:
        for transaction in checked:
            del self._running[transaction.encoded]


def _check(transactions: Sequence[Transaction]) -> _Found:
    return [signature_refusal(transaction) for transaction in transactions]
