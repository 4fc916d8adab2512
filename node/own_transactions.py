"""What a node says on the ledger by itself: with a key of its organisation, and again where it had no effect."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ledger.keys import SecretKey
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.admission import Refusal
from node.chain import Chain

_PAUSE_MS: Final = 60_000
_PAUSE_MS_MAX: Final = 3_600_000
_VALIDITY_MS: Final = 30_000


@dataclass(slots=True)
class Attempts:
    """When something is said next, if it has no effect before: at ``at_ms``, and then with growing pauses."""

    at_ms: int
    _pause_ms: int = _PAUSE_MS

    def take(self, now_ms: int) -> bool:
        """Say whether it is time, and if so put the next attempt off."""
        if now_ms < self.at_ms:
            return False
        self.at_ms = now_ms + self._pause_ms
        self._pause_ms = min(_PAUSE_MS_MAX, 2 * self._pause_ms)
        return True


class OwnTransactions:
    """Signs and submits; ``key`` is a key of the organisation, None where the node has none."""

    def __init__(
        self,
        chain: Chain,
        key: SecretKey | None,
        submit: Callable[[bytes], Awaitable[Transaction | Refusal]],
        now_ms: Callable[[], int],
    ) -> None:
        self._chain = chain
        self.key = key
        self._submit = submit
        self.now_ms = now_ms

    async def hand_in(self, operation: Operation) -> str | None:
        """Submit an operation and return the code of its refusal, or None; there must be a key."""
        assert self.key is not None, "whoever has no key says nothing"
        validity_ms = min(_VALIDITY_MS, self._chain.parameters.transaction_validity_ms_max)
        transaction = sign_transaction(
            self.key,
            self._chain.chain_id,
            secrets.token_bytes(NONCE_BYTES),
            max(self.now_ms(), self._chain.tip.time_ms) + validity_ms,
            [operation],
        )
        answer = await self._submit(transaction.encoded)
        return answer.code if isinstance(answer, Refusal) else None
