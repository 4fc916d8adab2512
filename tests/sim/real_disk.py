"""A platter that is a LevelDB directory: the node reads what the real database gives it, with its real settings.

What happens to a write is decided as on a virtual platter, before LevelDB gets it. A node that stops, in a crash too,
is a database that is closed in order: its log is read at the next open and is never torn. Torn logs are in the tests of
the storage. The pairs are kept beside, for those who look past the node, and compared with the whole of the database
at every open.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from node.storage.database import Database, PinnedValues
from tests.sim.virtual_disk import Fate, Platter, VirtualValues

_END = b"\xff" * 64


class RealPlatter(Platter):
    """What lasts of one database, in a directory; a crash closes it cleanly, so LevelDB's own log is never torn."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name)
        self.directory = directory
        self.database: Database | None = None

    def open(self, fate: Fate) -> VirtualValues:
        """Open the database, whoever had it open before."""
        self.close()
        self.database = Database(self.directory, create=not self.directory.exists())
        held = dict(self.database.scan(b"", _END))
        # A backup that was put back, or a write that the disk lost although it had said otherwise.
        changes: dict[bytes, bytes | None] = {key: value for key, value in self.pairs.items() if held.get(key) != value}
        changes |= dict.fromkeys(held.keys() - self.pairs.keys())
        assert self.is_rewritten or not changes, "LevelDB gives back what was written, and nothing else"
        if changes:
            self.database.write(changes)
        self.is_rewritten = False
        return RealValues(self, fate, self.database)

    def close(self) -> None:
        """Close the database, if it is open."""
        if self.database is not None:
            self.database.close()
            self.database = None


class RealValues(VirtualValues):
    """A ``KeyValues`` open on a real database."""

    def __init__(self, platter: Platter, fate: Fate, database: Database) -> None:
        super().__init__(platter, fate)
        self._database = database

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

    def _apply(self, changes: Mapping[bytes, bytes | None]) -> None:
        super()._apply(changes)
        self._database.write(changes)

    @staticmethod
    def _checked(
        seen: Iterator[tuple[bytes, bytes]], pairs: Iterator[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the real pairs, after the virtual disk had its chance to fail."""
        for _, pair in zip(seen, pairs, strict=True):
            yield pair
