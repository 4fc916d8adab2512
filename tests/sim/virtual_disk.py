"""The disk of one machine: two ordered maps whose writes are whole batches, and everything that may happen to them.

A write is durable when ``write`` returns. A crash in the middle of one keeps it or loses it, and the log may show that
it was cut off. After a write that failed nothing more is read or written until the machine starts again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from node.storage.errors import DamagedError, StorageError


class WriteFate(StrEnum):
    """What becomes of one write."""

    KEPT = "kept"
    CRASH_BEFORE = "crash before"
    CRASH_TORN = "crash in the middle"
    CRASH_AFTER = "crash after"
    NO_ROOM = "no room"
    SYNC_FAILED = "sync failed, lost"
    SYNC_FAILED_KEPT = "sync failed, kept"


class PowerFailure(Exception):  # noqa: N818 - it is no error of the program, and must not be taken for one of the disk
    """The machine stops here and now."""


Fate = Callable[[str, Mapping[bytes, bytes | None]], WriteFate]


@dataclass(slots=True)
class Platter:
    """What lasts of one database: its pairs, the keys whose bytes rotted, and whether its log was cut off."""

    name: str
    pairs: dict[bytes, bytes] = field(default_factory=dict)
    rotten: set[bytes] = field(default_factory=set)
    was_torn: bool = False
    before: dict[bytes, bytes | None] = field(default_factory=dict)
    is_rewritten: bool = False

    def open(self, fate: Fate) -> "VirtualValues":
        """Open the database on it, whoever had it open before."""
        return VirtualValues(self, fate)

    def close(self) -> None:
        """Leave the pairs where they are, as a disk does."""

    def put_back(self, pairs: Mapping[bytes, bytes]) -> None:
        """Put a backup in place of what is there."""
        self.pairs = dict(pairs)
        self.is_rewritten = True

    def lose_last_write(self) -> None:
        """Take back the last write, which the disk had said to be there; the log shows where it was cut off."""
        for key, value in self.before.items():
            if value is None:
                self.pairs.pop(key, None)
            else:
                self.pairs[key] = value
        self.before.clear()
        self.was_torn = self.is_rewritten = True


class VirtualValues:
    """A ``KeyValues`` open on a platter; ``fate`` decides about each write before it is done."""

    def __init__(self, platter: Platter, fate: Fate) -> None:
        self._platter = platter
        self._fate = fate
        self._failure: StorageError | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None."""
        if self._failure is not None:
            raise self._failure
        if key in self._platter.rotten:
            raise self._damaged(key)
        return self._platter.pairs.get(key)

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``."""
        if self._failure is not None:
            raise self._failure
        pairs = self._platter.pairs
        found = [key for key in pairs if start <= key < stop and (include_start or key != start)]
        for key in sorted(found, reverse=is_reverse):
            if key in self._platter.rotten:
                raise self._damaged(key)
            yield key, pairs[key]

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes or none, as the fate of this write has it."""
        if self._failure is not None:
            raise self._failure
        fate = self._fate(self._platter.name, changes)
        if fate in {WriteFate.KEPT, WriteFate.CRASH_AFTER, WriteFate.SYNC_FAILED_KEPT}:
            self._apply(changes)
        if fate is WriteFate.KEPT:
            return
        if fate in {WriteFate.NO_ROOM, WriteFate.SYNC_FAILED, WriteFate.SYNC_FAILED_KEPT}:
            self._failure = StorageError(f"{self._platter.name}: {fate.value}")
            raise self._failure
        self._platter.was_torn = fate is WriteFate.CRASH_TORN
        raise PowerFailure(fate.value)

    def compact(self, start: bytes, stop: bytes) -> None:
        """Do nothing: there is no room to give back."""

    def pin(self) -> "VirtualValues":
        """Return the pairs as they are now."""
        platter = self._platter
        return VirtualValues(Platter(platter.name, dict(platter.pairs), set(platter.rotten)), self._fate)

    def close(self) -> None:
        """Keep the pairs, as a disk does."""

    def _apply(self, changes: Mapping[bytes, bytes | None]) -> None:
        self._platter.before = {key: self._platter.pairs.get(key) for key in changes}
        for key, value in changes.items():
            self._platter.rotten.discard(key)
            if value is None:
                self._platter.pairs.pop(key, None)
            else:
                self._platter.pairs[key] = value

    def _damaged(self, key: bytes) -> DamagedError:
        # Like the real database: what failed once is not asked again.
        self._failure = DamagedError(f"{self._platter.name}: the checksum at {key[:9].hex()} is wrong")
        return self._failure


def always_kept(_name: str, _changes: Mapping[bytes, bytes | None]) -> WriteFate:
    """Let every write be kept."""
    return WriteFate.KEPT
