"""The counts of scans on their way to the ledger: each hour with scans is anchored once it is over.

What is anchored is the root of a map from code to count, of the same kind as the state's, so that a path shows either
how often a code was scanned in an hour or that it was not (contracts/identity/scans.py).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

import structlog

from contracts import heads
from contracts.identity.scans import HOUR_MS, counted, hour_of
from ledger.authenticated_map import Path, plan_update, prove
from ledger.keys import SecretKey
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.admission import Refusal
from node.chain import Chain
from node.queries import get_head
from node.scans.log import Count, ScanLog
from node.storage.errors import StorageError

METHOD: Final = "identity.anchor_scans"
LATE_MS_MAX: Final = 30 * 24 * HOUR_MS
"""Hours that are longer over are not anchored any more."""
_GRACE_MS: Final = 60_000
"""A clock that is set back a little puts no scan into an hour that is anchored."""
_LOOK_SECONDS: Final = 60.0
_VALIDITY_MS: Final = 30_000


class CountMap:
    """The map of an hour: its ``root``, and the path to any code, also to one that was not scanned."""

    def __init__(self, counts: Mapping[str, Count]) -> None:
        values = {name.encode(): counted(one.scans, one.first_ms, one.last_ms) for name, one in counts.items()}
        self._nodes: dict[Path, bytes | None] = {}
        plan = plan_update(self._nodes.get, values)
        self._nodes.update(plan.nodes)
        self.root = plan.root

    def path(self, identifier: str) -> tuple[bytes, ...]:
        """Return the nodes from the root to where the code is or would be."""
        return prove(self._nodes.get, identifier.encode())


class ScanAnchor:
    """Anchors what a log counted; ``key`` is a key of the organisation, None where the node has none."""

    def __init__(
        self,
        chain: Chain,
        log: ScanLog,
        key: SecretKey | None,
        submit: Callable[[bytes], Awaitable[Transaction | Refusal]],
        now_ms: Callable[[], int],
    ) -> None:
        self._chain = chain
        self._scans = log
        self._key = key
        self._submit = submit
        self._now_ms = now_ms
        self._from_ms = now_ms() - LATE_MS_MAX
        self._log = structlog.get_logger("scans")

    async def run(self) -> None:
        """Anchor for ever; nothing depends on the log of scans, so that its failures are told and left."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.anchor()
            except StorageError as error:
                self._log.warning("scans_unreadable", error=str(error))

    async def anchor(self) -> None:
        """Hand in the oldest hour that is over and not anchored, if any; raises StorageError."""
        if self._key is None:
            return
        signer = get_head(self._chain.store, heads.public_key(self._key.public_key))
        if signer is None:
            return
        hour_ms = await asyncio.to_thread(self._due, cast(str, signer["organisation"]))
        if hour_ms is not None:
            counts = await asyncio.to_thread(self._scans.counts, hour_ms)
            await self._hand_in(hour_ms, counts, self._key)

    def _due(self, organisation: str) -> int | None:
        before_ms = hour_of(self._now_ms() - _GRACE_MS)
        while (hour_ms := self._scans.hour_with_scans(self._from_ms, before_ms)) is not None:
            if self._chain.store.head(heads.scan_counts(organisation, hour_ms)) is None:
                return hour_ms
            self._from_ms = hour_ms + HOUR_MS
        return None

    async def _hand_in(self, hour_ms: int, counts: Mapping[str, Count], key: SecretKey) -> None:
        root = await asyncio.to_thread(lambda: CountMap(counts).root)
        scans = sum(one.scans for one in counts.values())
        operation = Operation(METHOD, {"hour_ms": hour_ms, "root": root, "codes": len(counts), "scans": scans})
        validity_ms = min(_VALIDITY_MS, self._chain.parameters.transaction_validity_ms_max)
        transaction = sign_transaction(
            key,
            self._chain.chain_id,
            secrets.token_bytes(NONCE_BYTES),
            max(self._now_ms(), self._chain.tip.time_ms) + validity_ms,
            [operation],
        )
        answer = await self._submit(transaction.encoded)
        self._log.info(
            "scans_anchored",
            hour_ms=hour_ms,
            scans=scans,
            refused=answer.code if isinstance(answer, Refusal) else None,
        )
