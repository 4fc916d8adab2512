"""Checks of transactions' signatures: several at once leave the loop, and one that is under way is waited for.

A transaction often comes twice within milliseconds, by gossip and as an answer to a question about a proposal. A check
costs more than all else that is done with it, so the second one waits for the first.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from ledger.transaction import Transaction
from node.admission import Refusal, signature_refusal

_AT_ONCE_MAX: Final = 4
"""So few are checked where they are asked for: a thread and its way back cost as much."""

_Found: TypeAlias = list[Refusal | None]
_Place: TypeAlias = "tuple[asyncio.Future[_Found], int]"


class SignatureChecks:
    """Use it inside one event loop."""

    def __init__(self) -> None:
        # By id, and under it by signature: the id leaves that out, and a wrong one must not stand for a right one.
        self._running: dict[bytes, dict[bytes, _Place]] = {}

    async def refusals(self, transactions: Sequence[Transaction]) -> _Found:
        """Return for each transaction why its signature is not its sender's, or None."""
        if len(transactions) <= _AT_ONCE_MAX:
            return _check(transactions)
        fresh = [each for each in transactions if each.signature not in self._running.get(each.transaction_id, ())]
        if fresh:
            work = asyncio.get_running_loop().run_in_executor(None, _check, fresh)
            for index, each in enumerate(fresh):
                self._running.setdefault(each.transaction_id, {})[each.signature] = work, index
            work.add_done_callback(lambda _: self._forget(fresh))
        asked = [self._running[each.transaction_id][each.signature] for each in transactions]
        # Shielded: whoever gives up waiting takes nothing from those who wait for the same.
        return [(await asyncio.shield(work))[index] for work, index in asked]

    async def finished(self, transaction_ids: Iterable[bytes]) -> None:
        """Return when no check of any of these transactions is under way that was when it was called."""
        works = {work for each in transaction_ids for work, _ in self._running.get(each, {}).values()}
        if works:
            await asyncio.wait(works)

    def _forget(self, checked: Sequence[Transaction]) -> None:
        for each in checked:
            running = self._running[each.transaction_id]
            del running[each.signature]
            if not running:
                del self._running[each.transaction_id]


def _check(transactions: Sequence[Transaction]) -> _Found:
    return [signature_refusal(transaction) for transaction in transactions]
