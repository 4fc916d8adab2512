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

from contracts.identity.scans import HOUR_MS, hour_of
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
_TIME_BYTES: Final = 17
"""A row by time up to its code: the prefix, the time and the number."""


@dataclass(frozen=True, slots=True)
class Scan:
    """When a code was scanned, and where, to a tenth of a degree, where that was said."""

    at_ms: int
    spot: Spot | None


@dataclass(frozen=True, slots=True)
class Count:
    """How often a code was scanned in an hour, and when first and last."""

    scans: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Latest:
    """A code under its newest scan; ``place`` is where to go on behind it."""

    place: bytes
    identifier: str


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
                changes[_SCAN + key[_TIME_BYTES:] + b"\0" + key[1:_TIME_BYTES]] = None
                count -= 1
            database.write({**changes, _NUMBERS: encode([number + 1, count + 1])})

    def of(self, identifier: str) -> tuple[Scan, ...]:
        """Return the newest scans of a thing, oldest first; raises StorageError."""
        with self._lock:
            database = self._present()
            found = [] if database is None else list(self._newest(database, _of(identifier)))
        return tuple(reversed(found))

    def counts(self, hour_ms: int) -> dict[str, Count]:
        """Return how often each code was scanned in the hour that began at a time; raises StorageError."""
        found: dict[str, Count] = {}
        with self._lock:
            for at_ms, identifier in self._between(hour_ms, hour_ms + HOUR_MS):
                before = found.get(identifier, Count(0, at_ms, at_ms))
                found[identifier] = Count(before.scans + 1, before.first_ms, at_ms)
        return found

    def hour_with_scans(self, from_ms: int, before_ms: int) -> int | None:
        """Return when the first hour with scans from a time to before another began, or None; raises StorageError."""
        with self._lock:
            first = next(self._between(from_ms, before_ms), None)
        return None if first is None else hour_of(first[0])

    def latest(self, before: bytes | None, scans_max: int) -> tuple[list[Latest], bytes | None]:
        """Return the codes whose newest scan is one of the newest so many, and where to go on (None: nowhere).

        ``before`` is where an earlier answer ended; newest first; raises StorageError.
        """
        found: list[Latest] = []
        with self._lock:
            database = self._present()
            if database is None:
                return found, None
            stop = prefix_end(_TIME) if before is None else _TIME + before
            rows = database.scan(_TIME, stop, is_reverse=True)
            place = None
            for seen, (key, _) in enumerate(rows, 1):
                place, name = key[1:], key[_TIME_BYTES:].decode()
                prefix = _of(name)
                newest, _ = next(database.scan(prefix, prefix_end(prefix), is_reverse=True))
                if newest[-16:] == key[1:_TIME_BYTES]:
                    found.append(Latest(place, name))
                if seen == scans_max:
                    return found, place
        return found, None

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

    def _present(self) -> KeyValues | None:
        """Return the store, or None where there is none yet: to look makes none."""
        if self._database is None and not (self._directory / LEVELDB_NAME).is_dir():
            return None
        return self._opened()

    def _between(self, from_ms: int, before_ms: int) -> Iterator[tuple[int, str]]:
        """Yield the times and codes of scans in a span, in the order of time."""
        database = self._present()
        if database is not None:
            start, stop = (_TIME + at_ms.to_bytes(8, "big") for at_ms in (from_ms, before_ms))
            for key, _ in database.scan(start, stop):
                yield int.from_bytes(key[1:9], "big"), key[_TIME_BYTES:].decode()

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


def _of(identifier: str) -> bytes:
    return _SCAN + identifier.encode() + b"\0"
