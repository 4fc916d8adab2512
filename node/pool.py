"""The way into the mempool, for clients' and peers' transactions alike, and the answers kept for those who wait."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ledger.transaction import Transaction
from node.admission import REPLAYED, Refusal, decode_submission, refusal_of
from node.chain import Chain
from node.mempool import Mempool, MempoolLimits

_DETAILS_MAX: Final = 10_000


class Pool:
    """Checks what comes in and keeps it until it is committed or expired; ``dropped`` is told why something was not."""

    def __init__(
        self, chain: Chain, limits: MempoolLimits, dropped: Callable[[str], None], clock_ms: Callable[[], int]
    ) -> None:
        self._chain = chain
        self._parameters = chain.parameters
        self._mempool = Mempool(limits)
        self._dropped = dropped
        self._clock_ms = clock_ms
        self._details: OrderedDict[bytes, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._mempool)

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._mempool)

    def __contains__(self, transaction_id: bytes) -> bool:
        return transaction_id in self._mempool

    def get(self, transaction_id: bytes) -> Transaction | None:
        """Return the waiting transaction with this id, or None."""
        return self._mempool.get(transaction_id)

    def detail(self, transaction_id: bytes) -> str | None:
        """Return why a transaction that this node executed lately failed, in words, or None."""
        return self._details.get(transaction_id)

    def expire(self, time_ms: int) -> list[bytes]:
        """Drop what is no longer valid and return the ids."""
        return self._mempool.expire(time_ms)

    def committed(self, transactions: Sequence[Transaction], details: Sequence[str]) -> None:
        """Forget transactions that are in a block now, keeping in words why some of them failed."""
        self._mempool.remove(transaction.transaction_id for transaction in transactions)
        for transaction, detail in zip(transactions, details, strict=True):
            if detail:
                self._details[transaction.transaction_id] = detail
        while len(self._details) > _DETAILS_MAX:
            self._details.popitem(last=False)
        if self._chain.parameters != self._parameters:
            # What no block may hold any more would keep everybody waiting for a proposal that cannot come.
            self._parameters = self._chain.parameters
            refused = [waiting.transaction_id for waiting in self._mempool if self._refusal(waiting) is not None]
            self._mempool.remove(refused)

    def check(self, encoded: bytes) -> Transaction | Refusal:
        """Return the decoded transaction, or why it may not wait here; its signature is not checked yet."""
        transaction = decode_submission(encoded, self._chain.parameters)
        if isinstance(transaction, Refusal):
            return transaction
        if transaction.transaction_id in self._mempool:
            return transaction
        return self._refusal(transaction) or transaction

    def add(self, transaction: Transaction) -> Refusal | None:
        """Take a transaction that ``check`` let pass and whose signature is good."""
        if self._chain.is_replay(transaction):
            return self._refusal(transaction)  # the chain moved on while the signature was checked
        return self._mempool.add(transaction)

    def screen(self, batch: Sequence[bytes]) -> list[Transaction]:
        """Return what is new and good of a peer's batch but for the signatures, which the caller checks next."""
        candidates = []
        for encoded in batch:
            verdict = self.check(encoded)
            if isinstance(verdict, Refusal):
                if verdict.code != REPLAYED:  # else it was passed on before it was committed and arrived after
                    self._dropped(verdict.code)
            elif verdict.transaction_id not in self._mempool:
                candidates.append(verdict)
        return candidates

    def take(self, candidates: Sequence[Transaction], refusals: Sequence[Refusal | None]) -> int:
        """Take what ``screen`` let pass, given what its signatures were found to be; return how many are new."""
        added = 0
        for transaction, refusal in zip(candidates, refusals, strict=True):
            if self._chain.is_replay(transaction):
                continue  # the chain moved on while the signatures were checked
            problem = refusal or self._mempool.add(transaction)
            if problem is None:
                added += 1
            else:
                self._dropped(problem.code)
        return added

    def _refusal(self, transaction: Transaction) -> Refusal | None:
        # A block of the near future will hold it, so it is measured against the clock and not against the tip.
        time_ms = max(self._clock_ms(), self._chain.tip.time_ms + 1)
        return refusal_of(transaction, self._chain.parameters, self._chain.chain_id, time_ms, self._chain.is_replay)
