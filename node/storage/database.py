"""The one place that opens LevelDB, with the settings that make it safe.

LevelDB's defaults open a database that lost synced blocks from its middle, or an empty one in place of a lost one,
without an error. So: ``paranoid_checks`` at open, ``verify_checksums`` at every read, ``create_if_missing`` only when
a directory is initialised, one open per directory under a lock of our own, and every write batch synced. Two things
that LevelDB does not mind are refused as well: a log file that is gone, and the traces of its own repair, which keeps
wrong values. After a write that failed nothing is read or written any more, and a process that was forked off an open
database cannot write to it.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

try:
    import plyvel
except ImportError:  # CPython 3.13 and later: the same interface from the maintained fork
    import plyvel_next as plyvel

from node.storage.errors import AlreadyInitialisedError, DamagedError, LockedError, NotInitialisedError, StorageError
from node.storage.lock import DirectoryLock
from node.storage.log_check import LogState, log_state

_WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
_CACHE_BYTES: Final = 32 * 1024 * 1024
_BLOOM_BITS: Final = 10

LEVELDB_NAME: Final = "leveldb"


class PinnedValues(Protocol):
    """The pairs of a ``KeyValues`` as they were at one moment."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None; raises DamagedError."""
        ...

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``, in key order; raises DamagedError."""
        ...

    def close(self) -> None:
        """Let the old pairs go; may be called again."""
        ...


class KeyValues(Protocol):
    """An ordered map of bytes whose writes are whole and durable: LevelDB, or the disk of a simulation."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None; raises DamagedError."""
        ...

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``, in key order or backwards; raises DamagedError."""
        ...

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes at once (None deletes), durable on return; raises StorageError."""
        ...

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give the room of what was deleted between two keys back to the disk; may do nothing."""
        ...

    def pin(self) -> "PinnedValues":
        """Return the pairs as they are now, whatever is written later."""
        ...

    def close(self) -> None:
        """Close it; may be called again."""
        ...


class Database:
    """An open LevelDB directory with its lock. Keys and values are bytes.

    ``was_torn`` says that the last write before this open was cut off. As a rule nobody was told that it was there, but
    a disk that lied about a sync leaves the same trace.
    """

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        data = directory / LEVELDB_NAME
        if create:
            if data.exists():
                raise AlreadyInitialisedError(f"{directory} holds a database already; nothing was changed")
            directory.mkdir(parents=True, exist_ok=True)
        elif not data.is_dir():
            raise NotInitialisedError(f"{directory} holds no database; create one with `tradelane init`")
        self._directory = directory
        self._process_id = os.getpid()
        self._failure: StorageError | None = None
        self.was_torn = False
        self._lock = DirectoryLock(directory)
        try:
            if not create:
                self.was_torn = _is_torn(data)
            self._open(data, create=create)
        except Exception:
            self._lock.close()
            raise
        if create:
            sync_directory(data)
            sync_directory(directory)

    def _open(self, data: Path, *, create: bool) -> None:
        try:
            self._levels = plyvel.DB(
                str(data),
                create_if_missing=create,
                error_if_exists=create,
                paranoid_checks=True,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                lru_cache_size=_CACHE_BYTES,
                bloom_filter_bits=_BLOOM_BITS,
                compression="snappy",
            )
        except (plyvel.Error, OSError) as error:
            if os.strerror(errno.ENOSPC) in _reason(error):
                raise StorageError(f"there is no room on the disk to open {data}; free some and try again") from error
            raise DamagedError(f"{data} does not open: {_reason(error)}") from error

    def identity(self) -> bytes:
        """Return what tells this directory from a copy of it; moving it changes nothing."""
        return self._lock.identity()

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None; raises DamagedError where the stored bytes fail their checksum."""
        if self._failure is not None:
            raise self._failure
        try:
            value: bytes | None = self._levels.get(key, verify_checksums=True)
        except (plyvel.Error, OSError) as error:
            raise self._damaged(key, error) from error
        return value

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the (key, value) pairs from ``start`` to before ``stop``, in key order or backwards."""
        if self._failure is not None:
            raise self._failure
        try:
            with self._levels.iterator(
                start=start, stop=stop, include_start=include_start, reverse=is_reverse, verify_checksums=True
            ) as pairs:
                yield from pairs
        except (plyvel.Error, OSError) as error:
            raise self._damaged(start, error) from error

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes at once (None deletes), on disk on return; after a StorageError the node must stop."""
        if self._failure is not None:
            raise self._failure
        if os.getpid() != self._process_id:
            # The lock is shared with a forked child, so it cannot tell the two apart; two writers destroy the log.
            raise LockedError(f"{self._directory} was opened by another process, which this one was forked from")
        batch = self._levels.write_batch(sync=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        try:
            batch.write()
        except (plyvel.Error, OSError) as error:
            # A second try would succeed on some disks and tell us that data is there which the first try has lost.
            self._failure = StorageError(
                f"writing to {self._directory} failed: {_reason(error)}. After a failed write nothing on this disk can "
                f"be trusted to be there; free space or replace the disk, then start the node again"
            )
            raise self._failure from error

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give the room of what was deleted between two keys back to the disk; takes seconds for gigabytes."""
        if self._failure is None:
            self._levels.compact_range(start=start, stop=stop)

    def pin(self) -> "PinnedDatabase":
        """Return the database as it is now, to be read while it goes on; the room it takes grows until it is closed."""
        if self._failure is not None:
            raise self._failure
        return PinnedDatabase(self._levels.snapshot())

    def close(self) -> None:
        """Close the database and give up its lock; may be called again."""
        self._levels.close()
        self._lock.close()

    def _damaged(self, key: bytes, error: Exception) -> DamagedError:
        return DamagedError(f"reading row {describe_key(key)} of {self._directory} failed: {_reason(error)}")


class PinnedDatabase:
    """A LevelDB snapshot."""

    def __init__(self, snapshot: "plyvel.Snapshot") -> None:
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None; raises DamagedError."""
        try:
            value: bytes | None = self._snapshot.get(key, verify_checksums=True)
        except (plyvel.Error, OSError, RuntimeError) as error:
            raise DamagedError(f"reading row {describe_key(key)} failed: {_reason(error)}") from error
        return value

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``, in key order; raises DamagedError."""
        try:
            with self._snapshot.iterator(start=start, stop=stop, verify_checksums=True) as pairs:
                yield from pairs
        except (plyvel.Error, OSError, RuntimeError) as error:
            raise DamagedError(f"reading row {describe_key(start)} failed: {_reason(error)}") from error

    def close(self) -> None:
        """Let the old pairs go; may be called again."""
        self._snapshot.close()


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after every key that starts with ``prefix``."""
    assert prefix, "an empty prefix has no end"
    assert prefix[-1] < 0xFF, "our prefixes end with a byte that can be counted up"
    return prefix[:-1] + bytes([prefix[-1] + 1])


def describe_key(key: bytes) -> str:
    """Return a key in words, with the height where it has one."""
    kind, rest = key[:1].decode("ascii", "replace"), key[1:]
    if kind in {"h", "b"} and len(rest) == 8:
        return f"{kind} of block {int.from_bytes(rest, 'big')}"
    return f"{kind} {rest[:32].hex()}"


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_torn(data: Path) -> bool:
    """Say whether the last write was cut off; raises DamagedError for what LevelDB would open without a word."""
    logs = sorted(data.glob("*.log"))
    # Every open leaves a log file behind, and a crash takes none away.
    if (data / "CURRENT").exists() and not logs:
        raise DamagedError(f"{data} has lost its log file, and with it the last writes")
    if (data / "lost").exists():
        raise DamagedError(f"{data} went through LevelDB's own repair, which keeps wrong values and says nothing")
    states = {log: log_state(log) for log in logs}
    for log, state in states.items():
        if state is LogState.DAMAGED:
            raise DamagedError(f"{log} has a hole with whole records behind it")
    return LogState.TORN in states.values()


def _reason(error: Exception) -> str:
    """Return LevelDB's message, which comes as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(error)
