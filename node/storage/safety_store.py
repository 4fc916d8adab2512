"""The safety store: every vote and lock, durable before it leaves the node.

It is separate from the ledger and must never come back from a backup: a node that forgot a vote may sign another
one for the same place, and two such votes are what PBFT cannot forgive.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

from consensus.effects import SafetyRecord
from ledger.codec import decode_own, encode
from node.storage.database import Database, KeyValues

_RECORD_PREFIX: Final = b"r"
_RECORD_END: Final = b"s"


class SafetyStore:
    """An open safety store."""

    def __init__(self, database: KeyValues) -> None:
        self._database = database

    @classmethod
    def open(cls, directory: Path, *, create: bool = False) -> "SafetyStore":
        """Open the store of a directory, or create it; raises StorageError."""
        return cls(Database(directory, create=create))

    def records(self) -> list[SafetyRecord]:
        """Return all records, in order of height and view."""
        records = []
        for _, value in self._database.scan(_RECORD_PREFIX, _RECORD_END):
            height, view, kind, data = cast(
                "tuple[int, int, str, bytes]", tuple(cast("list[object]", decode_own(value)))
            )
            records.append(SafetyRecord(height=height, view=view, kind=kind, data=data))
        return records

    def persist(self, records: Iterable[SafetyRecord]) -> None:
        """Write records; they are on disk when this returns. Raises StorageError, after which the node must stop."""
        self._database.write(
            {
                _key(record.height, record.view, record.kind): encode(
                    [record.height, record.view, record.kind, record.data]
                )
                for record in records
            }
        )

    def forget_below(self, height: int) -> None:
        """Drop the records of decided heights."""
        stale = [key for key, _ in self._database.scan(_RECORD_PREFIX, _key(height, 0, ""))]
        if stale:
            self._database.write(dict.fromkeys(stale))

    def close(self) -> None:
        """Close the store; may be called again."""
        self._database.close()


def _key(height: int, view: int, kind: str) -> bytes:
    return _RECORD_PREFIX + height.to_bytes(8, "big") + view.to_bytes(4, "big") + kind.encode()
