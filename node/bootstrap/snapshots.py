"""The giving side: the state as it stood at one block, kept while somebody fetches it.

A snapshot costs disk room as long as it is held, for old rows cannot go away. So there are few at a time, and one that
nobody asked for in a while is let go.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.block import Header
from node.bootstrap.wire import ROWS_BYTES_MAX, ROWS_PER_ANSWER_MAX, RowKind
from node.storage.database import PinnedValues, prefix_end
from node.storage.rows import HEAD, HISTORY, NODE
from node.storage.store import Store

SNAPSHOTS_MAX: Final = 2
IDLE_MS_MAX: Final = 120_000
_PREFIX: Final = {RowKind.NODES: NODE, RowKind.HEADS: HEAD, RowKind.HISTORY: HISTORY}


@dataclass(slots=True)
class _Snapshot:
    header: Header
    values: PinnedValues
    used_ms: int


class Snapshots:
    """The snapshots that a node holds for others; ``clock_ms`` is monotonic."""

    def __init__(self, store: Store, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._held: dict[int, _Snapshot] = {}

    def take(self) -> Header | None:
        """Return the block whose state can be fetched now: one that is held, or the tip. None at block 0."""
        self.let_go()
        newest = max(self._held.values(), key=lambda snapshot: snapshot.header.height, default=None)
        if newest is None or (newest.header.height < self._store.tip.height and len(self._held) < SNAPSHOTS_MAX):
            newest = self._pin() or newest
        if newest is None:
            return None
        newest.used_ms = self._clock_ms()
        return newest.header

    def rows(self, height: int, kind: RowKind, after: bytes | None) -> list[tuple[bytes, bytes]] | None:
        """Return rows after a key, as many as fit an answer, none at the end; None where no such snapshot is held."""
        snapshot = self._held.get(height)
        if snapshot is None:
            return None
        snapshot.used_ms = self._clock_ms()
        return list(_some(snapshot.values, _PREFIX[kind], after))

    def let_go(self, *, everything: bool = False) -> None:
        """Close the snapshots that nobody uses any more, or all."""
        now_ms = self._clock_ms()
        for height, snapshot in list(self._held.items()):
            if everything or now_ms - snapshot.used_ms > IDLE_MS_MAX:
                snapshot.values.close()
                del self._held[height]

    def _pin(self) -> _Snapshot | None:
        # One call after the other in one thread: no block comes between the pin and the tip.
        tip = self._store.tip
        if tip.height == 0:
            return None
        snapshot = _Snapshot(tip, self._store.pin(), self._clock_ms())
        self._held[tip.height] = snapshot
        return snapshot


def _some(values: PinnedValues, prefix: bytes, after: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    start = prefix if after is None else prefix + after + b"\0"
    size_bytes = 0
    for count, (key, value) in enumerate(values.scan(start, prefix_end(prefix)), 1):
        size_bytes += len(key) + len(value)
        if count > ROWS_PER_ANSWER_MAX or (count > 1 and size_bytes > ROWS_BYTES_MAX):
            return
        yield key[1:], value
