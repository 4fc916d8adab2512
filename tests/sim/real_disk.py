"""A platter that is a LevelDB directory: the node reads what the real database gives it, with its real settings.

What happens to a write is decided as on a virtual platter, before LevelDB gets it. Where the power fails in the midst
of one, LevelDB writes it, and its log is cut off somewhere in that record, at a place that the record itself decides.
What is closed then is lost in no other way: LevelDB keeps nothing in memory that its log does not have. The pairs are
kept beside, for those who look past the node, and compared with the whole of the database at every open.
"""

import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from node.storage.database import LEVELDB_NAME, Database, PinnedValues
from tests.sim.virtual_disk import Fate, Platter, PowerFailure, VirtualValues

_END = b"\xff" * 64


class RealPlatter(Platter):
    """What lasts of one database, in a directory."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name)
        self.directory = directory
        self.database: Database | None = None
        self._is_log_torn = False

    def open(self, fate: Fate) -> VirtualValues:
        """Open the database, whoever had it open before."""
        self.close()
        self.database = Database(self.directory, create=not self.directory.exists())
        assert self.database.was_torn == self._is_log_torn, "a torn log is seen as one, and no other"
        self._is_log_torn = False
        held = dict(self.database.scan(b"", _END))
        # A backup that was put back, or a write that the disk lost although it had said otherwise.
        changes: dict[bytes, bytes | None] = {key: value for key, value in self.pairs.items() if held.get(key) != value}
        changes |= dict.fromkeys(held.keys() - self.pairs.keys())
        assert self.is_rewritten or not changes, "LevelDB gives back what was written, and nothing else"
        if changes:
            self.database.write(changes)
        self.is_rewritten = False
        return RealValues(self, fate, self.database)

    def tear(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Let the power fail in the midst of a write: its record is in the log, and not whole."""
        assert self.database is not None, "it is being written to"
        before = self._log_sizes()
        self.database.write(changes)
        self.close()
        after = self._log_sizes()
        (log,) = [path for path, size_bytes in after.items() if size_bytes > before.get(path, 0)]
        first, last = before.get(log, 0) + 1, after[log] - 1
        digest = blake2b(repr(sorted(changes.items())).encode(), digest_size=8).digest()
        os.truncate(log, first + int.from_bytes(digest) % (last - first + 1))
        self._is_log_torn = True

    def _log_sizes(self) -> dict[Path, int]:
        return {path: path.stat().st_size for path in (self.directory / LEVELDB_NAME).glob("*.log")}

    def close(self) -> None:
        """Close the database, if it is open."""
        if self.database is not None:
            self.database.close()
            self.database = None


class RealValues(VirtualValues):
    """A ``KeyValues`` open on a real database."""

    def __init__(self, platter: RealPlatter, fate: Fate, database: Database) -> None:
        super().__init__(platter, fate)
        self._database = database
        self._tear = platter.tear
        self._was_applied = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None."""
        super().get(key)
        return self._database.get(key)

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``."""
        seen = super().scan(start, stop, is_reverse=is_reverse, include_start=include_start)
        return self._checked(seen, self._database.scan(start, stop, is_reverse=is_reverse, include_start=include_start))

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give the room of what was deleted back to the disk."""
        self._database.compact(start, stop)

    def pin(self) -> PinnedValues:  # type: ignore[override]  # as the real database has it
        """Return the pairs as they are now."""
        return self._database.pin()

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes or none, as the fate of this write has it."""
        self._was_applied = False
        try:
            super().write(changes)
        except PowerFailure:
            # A write of the ledger that never was may leave a part of itself as well. One of the safety store may not:
            # the store would not vouch for its votes any more, which the scenario does not expect.
            if not self._was_applied and (self._platter.was_torn or self._platter.name == "ledger"):
                self._tear(changes)
            raise

    def _apply(self, changes: Mapping[bytes, bytes | None]) -> None:
        super()._apply(changes)
        self._database.write(changes)
        self._was_applied = True

    @staticmethod
    def _checked(
        seen: Iterator[tuple[bytes, bytes]], pairs: Iterator[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the real pairs, after the virtual disk had its chance to fail."""
        for _, pair in zip(seen, pairs, strict=True):
            yield pair
