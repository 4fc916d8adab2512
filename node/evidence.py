"""Evidence of double votes on its way to the ledger: what this node keeps is reported until the ledger has it.

Nodes report in turn, by their index among the validators, so that one report is enough as a rule. A report that has no
effect is repeated with growing pauses.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from contracts import heads
from ledger.evidence import Equivocation
from ledger.keys import SecretKey
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.admission import Refusal
from node.chain import Chain
from node.storage.safety_store import SafetyStore

METHOD: Final = "governance.report_equivocation"
_TURN_MS: Final = 3_000
_PAUSE_MS: Final = 60_000
_PAUSE_MS_MAX: Final = 3_600_000
_LOOK_SECONDS: Final = 1.0
_VALIDITY_MS: Final = 30_000


@dataclass(slots=True)
class _Due:
    at_ms: int
    pause_ms: int = _PAUSE_MS


def evidence_head(found: Equivocation) -> bytes:
    """Return the key of the head that a double vote has once it is on the ledger."""
    return heads.evidence(found.validator, found.height, found.view, found.kind)


class EvidenceReporter:
    """Reports what the safety store keeps; ``key`` is a key of the organisation, None where the node has none."""

    def __init__(
        self,
        chain: Chain,
        safety: SafetyStore,
        validator_key: bytes,
        key: SecretKey | None,
        submit: Callable[[bytes], Awaitable[Transaction | Refusal]],
        now_ms: Callable[[], int],
    ) -> None:
        self._chain = chain
        self._safety = safety
        self._validator_key = validator_key
        self._key = key
        self._submit = submit
        self._now_ms = now_ms
        self._due: dict[bytes, _Due] = {}
        self._log = structlog.get_logger("evidence")

    def unreported(self) -> list[Equivocation]:
        """Return the double votes that are kept here and are not on the ledger."""
        return [found for found in self._safety.evidence() if self._chain.store.head(evidence_head(found)) is None]

    async def run(self) -> None:
        """Report for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.report()

    async def report(self) -> None:
        """Hand in what is due now."""
        index = self._chain.validators.index_of(self._validator_key)
        if self._key is None or index is None:
            return
        for found in self.unreported():
            due = self._due.setdefault(evidence_head(found), _Due(self._now_ms() + index * _TURN_MS))
            if self._now_ms() >= due.at_ms:
                due.at_ms = self._now_ms() + due.pause_ms
                due.pause_ms = min(_PAUSE_MS_MAX, 2 * due.pause_ms)
                await self._hand_in(found, self._key)

    async def _hand_in(self, found: Equivocation, key: SecretKey) -> None:
        operation = Operation(METHOD, {"evidence": found.to_value()})
        validity_ms = min(_VALIDITY_MS, self._chain.parameters.transaction_validity_ms_max)
        transaction = sign_transaction(
            key,
            self._chain.chain_id,
            secrets.token_bytes(NONCE_BYTES),
            max(self._now_ms(), self._chain.tip.time_ms) + validity_ms,
            [operation],
        )
        answer = await self._submit(transaction.encoded)
        self._log.warning(
            "double_vote_reported",
            validator=found.validator.hex()[:16],
            kind=found.kind,
            height=found.height,
            view=found.view,
            refused=answer.code if isinstance(answer, Refusal) else None,
        )
