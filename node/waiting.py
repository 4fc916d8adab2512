"""Those who wait for a commit: each is told once, with what its transactions did, so that nobody reads the disk for it.

All of it runs in one event loop.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from node.chain import Candidate
from node.queries import Outcome


@dataclass(slots=True)
class _Waiter:
    """One who waits for transactions; ``told`` is done when the last of them is committed."""

    missing: set[bytes]
    told: "asyncio.Future[None]"
    outcomes: dict[bytes, Outcome] = field(default_factory=dict)


class Waiting:
    """Waiters by the transactions that they wait for, and those who wait for any block."""

    def __init__(self) -> None:
        self._by_transaction: dict[bytes, list[_Waiter]] = {}
        self._for_block: set[asyncio.Future[None]] = set()

    async def outcomes(self, transaction_ids: Sequence[bytes], timeout_seconds: float) -> dict[bytes, Outcome]:
        """Return the outcomes of those transactions that were committed within the time, from now on."""
        waiter = _Waiter(set(transaction_ids), asyncio.get_running_loop().create_future())
        for transaction_id in waiter.missing:
            self._by_transaction.setdefault(transaction_id, []).append(waiter)
        try:
            if waiter.missing:
                await asyncio.wait_for(waiter.told, timeout_seconds)
        except TimeoutError:
            pass  # what was committed is told all the same
        finally:
            for transaction_id in waiter.missing:
                others = self._by_transaction[transaction_id]
                others.remove(waiter)
                if not others:
                    del self._by_transaction[transaction_id]
        return waiter.outcomes

    async def block(self, timeout_seconds: float) -> None:
        """Return after the next block, or after the time."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._for_block.add(waiter)
        try:
            await asyncio.wait_for(waiter, timeout_seconds)
        except TimeoutError:
            pass  # the caller looks how far the chain is
        finally:
            self._for_block.discard(waiter)

    def wake(self, candidate: Candidate) -> None:
        """Tell of a block that was committed."""
        for index, (transaction, receipt) in enumerate(
            zip(candidate.transactions, candidate.execution.receipts, strict=True)
        ):
            waiters = self._by_transaction.pop(transaction.transaction_id, ())
            for waiter in waiters:
                waiter.outcomes[transaction.transaction_id] = Outcome(candidate.header, index, receipt)
                waiter.missing.discard(transaction.transaction_id)
                if not waiter.missing and not waiter.told.done():
                    waiter.told.set_result(None)
        for told in self._for_block:
            if not told.done():
                told.set_result(None)
