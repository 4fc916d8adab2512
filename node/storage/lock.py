"""A lock on a data directory, held for the life of the process.

LevelDB's own lock is not enough: a refused second open in the same process silently gives it up, and another
process may then write. So this is a file of our own, and a second lock from the same process is refused too.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from node.storage.errors import LockedError

# FS_IOC_GETVERSION of Linux, as 64-bit machines number it.
_GET_GENERATION: Final = 0x8008_7601


class DirectoryLock:
    """Holds ``<directory>/lock``; raises LockedError where somebody else holds it. Closing gives it up."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        # A descriptor of our own for every try: flock locks belong to descriptors, so the same process is refused too.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise LockedError(
                f"{directory} is in use by another node; stop that one first, or give this one its own directory"
            ) from error

    def identity(self) -> bytes:
        """Return what tells this lock file from every other: it stays when the directory moves, a copy has another.

        A file system gives the number (inode) of a file that was removed to the next one, with another generation
        where it keeps one; those that keep none count their numbers up.
        """
        generation = bytearray(8)
        with suppress(OSError):
            fcntl.ioctl(self._descriptor, _GET_GENERATION, generation)
        return f"{os.fstat(self._descriptor).st_ino}-{generation[:4].hex()}".encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the lock up; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
