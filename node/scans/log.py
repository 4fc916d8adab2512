"""The scans that a node was told of: off the ledger, in a store of their own, for a while.

A scan is a code, the node's time and at most a place to a tenth of a degree. Neither address nor device of whoever
scanned is kept, so that nothing here is about a person. What is older than ``KEPT_MS`` goes, and the oldest where there
are too many. Nothing depends on this store: where it cannot be read the node serves on without it.

key                                    value
n                                      [number of the next scan, scans in the store]
s identifier 0 time_ms(8) number(8)    [north, east] in tenths of a degree, or nil
t time_ms(8) number(8) identifier      empty: the scans in the order of time, to forget the oldest
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from ledger.codec import Value, decode_own, encode
from node.spots import Spot
from node.storage.database import LEVELDB_NAME, Database, KeyValues, prefix_end
from node.storage.errors import StorageError

KEPT_MS: Final = 400 * 86_400_000
SCANS_MAX: Final = 1_000_000
OF_A_THING_MAX: Final = 1_000
"""The newest scans of a thing that are told."""
_FORGOTTEN_AT_ONCE: Final = 100

_NUMBERS: Final = b"n"
_SCAN: Final = b"s"
_TIME: Final = b"t"


@dataclass(frozen=True, slots=True)
class Scan:
    """When a code was scanned, and where, to a tenth of a degree, where that was said."""

    at_ms: int
    spot: Spot | None


class ScanLog:
    """The scans of a node; made and opened when it is first used, and safe to use from several threads."""

    def __init__(self, directory: Path, database: KeyValues | None = None, *, scans_max: int = SCANS_MAX) -> None:
        self._directory = directory
        self._database = database
        self._scans_max = scans_max
        self._lock = threading.Lock()

    def add(self, identifier: str, scan: Scan) -> None:
        """Keep a scan of a canonical identifier; raises StorageError."""
        with self._lock:
            database = self._opened()
            number, count = self._numbers(database)
            name, moment = identifier.encode(), scan.at_ms.to_bytes(8, "big") + number.to_bytes(8, "big")
            spot: Value = None if scan.spot is None else [scan.spot.north, scan.spot.east]
            changes: dict[bytes, bytes | None] = {
                _SCAN + name + b"\0" + moment: encode(spot),
                _TIME + moment + name: b"",
            }
            for key in self._forgotten(database, scan.at_ms, count + 1):
                changes[key] = None
                changes[_SCAN + key[17:] + b"\0" + key[1:17]] = None
                count -= 1
            database.write({**changes, _NUMBERS: encode([number + 1, count + 1])})

    def of(self, identifier: str) -> tuple[Scan, ...]:
        """Return the newest scans of a thing, oldest first; raises StorageError."""
        with self._lock:
            if self._database is None and not (self._directory / LEVELDB_NAME).is_dir():
                return ()
            prefix = _SCAN + identifier.encode() + b"\0"
            found = list(self._newest(self._opened(), prefix))
        return tuple(reversed(found))

    def if_readable(self, identifier: str) -> tuple[Scan, ...]:
        """Return the same, and none where the store fails: a page is not refused for the sake of its scans."""
        with suppress(StorageError):
            return self.of(identifier)
        return ()

    def close(self) -> None:
        """Close the store; may be called again."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _opened(self) -> KeyValues:
        if self._database is None:
            self._database = Database(self._directory, create=not (self._directory / LEVELDB_NAME).is_dir())
        return self._database

    def _newest(self, database: KeyValues, prefix: bytes) -> Iterator[Scan]:
        rows = database.scan(prefix, prefix_end(prefix), is_reverse=True)
        for _, (key, value) in zip(range(OF_A_THING_MAX), rows, strict=False):
            spot = cast("list[int] | None", decode_own(value))
            yield Scan(int.from_bytes(key[-16:-8], "big"), None if spot is None else Spot(*spot))

    def _numbers(self, database: KeyValues) -> tuple[int, int]:
        row = database.get(_NUMBERS)
        return (0, 0) if row is None else cast("tuple[int, int]", tuple(cast("list[int]", decode_own(row))))

    def _forgotten(self, database: KeyValues, now_ms: int, count: int) -> Iterator[bytes]:
        """Yield the keys of the oldest scans that are too old or too many, some at a time."""
        rows = database.scan(_TIME, prefix_end(_TIME))
        for index, (key, _) in zip(range(_FORGOTTEN_AT_ONCE), rows, strict=False):
            is_old = int.from_bytes(key[1:9], "big") < now_ms - KEPT_MS
            if not is_old and count - index <= self._scans_max:
                return
            yield key
