"""The one place that opens LevelDB, with the settings that make it safe.

LevelDB's defaults open a database that lost synced blocks from its middle, or an empty one in place of a lost one,
without an error. So: ``paranoid_checks`` at open, ``verify_checksums`` at every read, ``create_if_missing`` only when
a directory is initialised, one open per directory under a lock of our own, and every write batch synced.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

try:
    import plyvel
except ImportError:  # CPython 3.13 and later: the same interface from the maintained fork
    import plyvel_next as plyvel

from node.storage.errors import AlreadyInitialisedError, DamagedError, NotInitialisedError, StorageError
from node.storage.lock import DirectoryLock

_WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
_CACHE_BYTES: Final = 32 * 1024 * 1024
_BLOOM_BITS: Final = 10


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

    def close(self) -> None:
        """Close it; may be called again."""
        ...


class Database:
    """An open LevelDB directory with its lock. Keys and values are bytes."""

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        data = directory / "leveldb"
        if create:
            if data.exists():
                raise AlreadyInitialisedError(f"{directory} holds a database already; nothing was changed")
            directory.mkdir(parents=True, exist_ok=True)
        elif not data.is_dir():
            raise NotInitialisedError(f"{directory} holds no database; create one with `tradelane init`")
        self._lock = DirectoryLock(directory)
        try:
            self._open(data, create=create)
        except Exception:
            self._lock.close()
            raise
        if create:
            _sync_directory(directory)

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
            raise DamagedError(
                f"{data} does not open: {error}. Do not repair it by hand: move it away, initialise the node again and "
                f"let it fetch the blocks from its peers"
            ) from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None; raises DamagedError where the stored bytes fail their checksum."""
        try:
            value: bytes | None = self._levels.get(key, verify_checksums=True)
        except (plyvel.Error, OSError) as error:
            raise DamagedError(f"reading {key!r} failed: {error}") from error
        return value

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the (key, value) pairs from ``start`` to before ``stop``, in key order or backwards."""
        try:
            with self._levels.iterator(
                start=start, stop=stop, include_start=include_start, reverse=is_reverse, verify_checksums=True
            ) as pairs:
                yield from pairs
        except (plyvel.Error, OSError) as error:
            raise DamagedError(f"reading from {start!r} failed: {error}") from error

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes at once (None deletes), on disk on return; after a StorageError the node must stop."""
        batch = self._levels.write_batch(sync=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        try:
            batch.write()
        except (plyvel.Error, OSError) as error:
            raise StorageError(
                f"writing failed: {error}. After a failed write nothing on this disk can be trusted to be there; free "
                f"space or replace the disk, then start the node again"
            ) from error

    def close(self) -> None:
        """Close the database and give up its lock; may be called again."""
        self._levels.close()
        self._lock.close()


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after every key that starts with ``prefix``."""
    assert prefix, "an empty prefix has no end"
    assert prefix[-1] < 0xFF, "our prefixes end with a byte that can be counted up"
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
