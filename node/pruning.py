"""Giving up the bodies of old blocks, a few at a time beside the commits, and giving their room back to the disk.

A node that keeps the bodies of the last ``retain_blocks`` blocks cannot show older records, and says so; headers,
certificates, heads and the ids of transactions that could come again stay. What a step may take is bounded, so that no
commit waits for long.
"""

from typing import Final

from node.storage.store import Store

_HEIGHTS_PER_STEP: Final = 10
_TRANSACTIONS_PER_STEP: Final = 1_000
_HEIGHTS_PER_GIVING_BACK: Final = 1_000


class Pruner:
    """Prunes one store; ``retain_blocks`` 0 keeps everything. ``step`` and ``is_room_waiting`` belong to one thread."""

    def __init__(self, store: Store, retain_blocks: int) -> None:
        self._store = store
        self._retain_blocks = retain_blocks
        self._given_back_height = 0
        self._part = 0

    @property
    def lowest_wanted(self) -> int:
        """The lowest height whose body this node wants to keep."""
        if not self._retain_blocks:
            return 0
        return max(0, self._store.tip.height - self._retain_blocks + 1)

    @property
    def is_room_waiting(self) -> bool:
        """Whether enough was pruned since the last time that ``give_back`` is worth its while."""
        return self._store.earliest_height - self._given_back_height >= _HEIGHTS_PER_GIVING_BACK

    def step(self) -> int:
        """Give up the bodies of some blocks, and return of how many; raises StorageError."""
        below = self.lowest_wanted
        if below <= self._store.earliest_height:
            return 0
        return self._store.prune(below, heights_max=_HEIGHTS_PER_STEP, transactions_max=_TRANSACTIONS_PER_STEP)

    def give_back(self) -> None:
        """Let the database rewrite its files without what was pruned; may run in another thread."""
        height = self._store.earliest_height
        self._store.give_back(self._part)
        self._part = (self._part + 1) % 16
        self._given_back_height = height
