"""How much room is left on the disk, asked for at most every few seconds.

LevelDB cannot write, nor even open, on a full disk. So a node says that it is not ready and takes no transactions from
clients while there is still room to commit what the others propose and to start again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

FREE_BYTES_MIN: Final = 256 * 1024 * 1024
"""Enough for several write buffers (16 MiB each), the compactions under way, and a start."""

_INTERVAL_MS: Final = 5_000


def free_bytes(directory: Path) -> int:
    """Return how many bytes may still be written to the disk of a directory."""
    return shutil.disk_usage(directory).free


class DiskSpace:
    """Watches the disk of a directory; ``clock_ms`` is any clock that goes on."""

    def __init__(
        self,
        directory: Path,
        clock_ms: Callable[[], int],
        *,
        free_bytes_min: int = FREE_BYTES_MIN,
        measure: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._directory = directory
        self._clock_ms = clock_ms
        self._free_bytes_min = free_bytes_min
        self._measure = measure
        self._measured_ms: int | None = None
        self._free_bytes = 0

    @property
    def free_bytes(self) -> int:
        """The free bytes, at most five seconds old."""
        now_ms = self._clock_ms()
        if self._measured_ms is None or now_ms - self._measured_ms >= _INTERVAL_MS:
            self._free_bytes = self._measure(self._directory)
            self._measured_ms = now_ms
        return self._free_bytes

    def shortage(self) -> str | None:
        """Return in words that the disk is nearly full, or None where it is not."""
        free = self.free_bytes
        if free >= self._free_bytes_min:
            return None
        return f"the disk is nearly full: {free >> 20} MiB are free, {self._free_bytes_min >> 20} MiB are needed"
