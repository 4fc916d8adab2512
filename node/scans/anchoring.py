"""The counts of scans on their way to the ledger: each hour with scans is anchored once it is over.

What is anchored is the root of a map from code to count, of the same kind as the state's, so that a path shows either
how often a code was scanned in an hour or that it was not (contracts/identity/scans.py).
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from contracts import heads
from contracts.identity.scans import HOUR_MS, counted, hour_of
from ledger.authenticated_map import Path, plan_update, prove
from ledger.codec import Value
from ledger.transaction import Operation
from node.own_transactions import Attempts, OwnTransactions
from node.queries import organisation_of
from node.scans.log import Count, ScanLog
from node.storage.errors import StorageError
from node.storage.store import Store

METHOD: Final = "identity.anchor_scans"
LATE_MS_MAX: Final = 30 * 24 * HOUR_MS
"""Hours that are longer over are not anchored any more."""
_GRACE_MS: Final = 60_000
"""A clock that is set back a little puts no scan into an hour that is anchored."""
_LOOK_SECONDS: Final = 60.0


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
    """Anchors what a log counted."""

    def __init__(self, store: Store, scans: ScanLog, own: OwnTransactions) -> None:
        self._store = store
        self._scans = scans
        self._own = own
        self._from_ms = own.now_ms() - LATE_MS_MAX
        self._attempts = Attempts(own.now_ms())
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
        if self._own.key is None:
            return
        organisation = organisation_of(self._store, self._own.key.public_key)
        if organisation is None:
            return
        due = await asyncio.to_thread(self._due, organisation)
        if due is not None:
            refused = await self._own.hand_in(Operation(METHOD, due))
            self._log.info("scans_anchored", hour_ms=due["hour_ms"], scans=due["scans"], refused=refused)

    def _due(self, organisation: str) -> dict[str, Value] | None:
        """Return what there is to say of the oldest hour that is not anchored, or None where it is not time."""
        now_ms = self._own.now_ms()
        before_ms = hour_of(now_ms - _GRACE_MS)
        while (hour_ms := self._scans.hour_with_scans(self._from_ms, before_ms)) is not None:
            if self._store.head(heads.scan_counts(organisation, hour_ms)) is None:
                return self._counted(hour_ms) if self._attempts.take(now_ms) else None
            self._from_ms = hour_ms + HOUR_MS
            self._attempts = Attempts(now_ms)
        return None

    def _counted(self, hour_ms: int) -> dict[str, Value]:
        counts = self._scans.counts(hour_ms)
        scans = sum(one.scans for one in counts.values())
        return {"hour_ms": hour_ms, "root": CountMap(counts).root, "codes": len(counts), "scans": scans}
