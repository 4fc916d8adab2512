"""Evidence of double votes on its way to the ledger: what this node keeps is reported until the ledger has it.

Nodes report in turn, by their index among the validators, so that one report is enough as a rule. A report that has no
effect is repeated with growing pauses.
"""

import asyncio
from typing import Final

import structlog

from contracts import heads
from ledger.evidence import Equivocation
from ledger.transaction import Operation
from node.chain import Chain
from node.own_transactions import Attempts, OwnTransactions
from node.storage.safety_store import SafetyStore

METHOD: Final = "governance.report_equivocation"
_TURN_MS: Final = 3_000
_LOOK_SECONDS: Final = 1.0


def evidence_head(found: Equivocation) -> bytes:
    """Return the key of the head that a double vote has once it is on the ledger."""
    return heads.evidence(found.validator, found.height, found.view, found.kind)


class EvidenceReporter:
    """Reports what the safety store keeps."""

    def __init__(self, chain: Chain, safety: SafetyStore, validator_key: bytes, own: OwnTransactions) -> None:
        self._chain = chain
        self._safety = safety
        self._validator_key = validator_key
        self._own = own
        self._due: dict[bytes, Attempts] = {}
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
        if self._own.key is None or index is None:
            return
        for found in self.unreported():
            now_ms = self._own.now_ms()
            due = self._due.setdefault(evidence_head(found), Attempts(now_ms + index * _TURN_MS))
            if due.take(now_ms):
                await self._hand_in(found)

    async def _hand_in(self, found: Equivocation) -> None:
        refused = await self._own.hand_in(Operation(METHOD, {"evidence": found.to_value()}))
        self._log.warning(
            "double_vote_reported",
            validator=found.validator.hex()[:16],
            kind=found.kind,
            height=found.height,
            view=found.view,
            refused=refused,
        )
