"""What can happen to the files of a LevelDB directory; each function damages a closed database in place."""

import struct
from pathlib import Path

_LOG_BLOCK_BYTES = 32_768
_LOG_HEADER_BYTES = 7


def largest(leveldb: Path, pattern: str) -> Path:
    """Return the largest file of a kind."""
    return max(leveldb.glob(pattern), key=lambda path: path.stat().st_size)


def flip_bit(path: Path, position: int) -> None:
    """Turn over one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def flip_bit_in_log(leveldb: Path) -> None:
    """Turn over one bit in the middle of the log."""
    log = largest(leveldb, "*.log")
    flip_bit(log, log.stat().st_size // 2)


def zero_page_of_log(leveldb: Path) -> None:
    """Zero 4 KiB in the middle of the log, as a lost page does."""
    log = largest(leveldb, "*.log")
    data = bytearray(log.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = bytes(4096)
    log.write_bytes(data)


def flip_bit_in_table(leveldb: Path) -> None:
    """Turn over one bit in the first data block of the largest table."""
    flip_bit(largest(leveldb, "*.ldb"), 300)


def delete_log(leveldb: Path) -> None:
    """Delete every log file."""
    for path in leveldb.glob("*.log"):
        path.unlink()


def delete_current(leveldb: Path) -> None:
    """Delete the file that names the manifest."""
    (leveldb / "CURRENT").unlink()


def delete_manifest(leveldb: Path) -> None:
    """Delete the list of the tables."""
    for path in leveldb.glob("MANIFEST-*"):
        path.unlink()


def delete_table(leveldb: Path) -> None:
    """Delete the largest table."""
    largest(leveldb, "*.ldb").unlink()


def log_fragments(log: bytes) -> list[tuple[int, int, int]]:
    """Return (start, end, type) of each fragment of a log; types are 1 whole, 2 first, 3 middle, 4 last."""
    fragments = []
    position = 0
    while position + _LOG_HEADER_BYTES <= len(log):
        left = _LOG_BLOCK_BYTES - position % _LOG_BLOCK_BYTES
        if left < _LOG_HEADER_BYTES:
            position += left
            continue
        _, size, kind = struct.unpack_from("<IHB", log, position)
        fragments.append((position, position + _LOG_HEADER_BYTES + size, kind))
        position += _LOG_HEADER_BYTES + size
    return fragments


def last_record(log: bytes) -> tuple[int, int]:
    """Return where the last record of a log begins and ends."""
    fragments = log_fragments(log)
    start = next(start for start, _, kind in reversed(fragments) if kind in {1, 2})
    return start, fragments[-1][1]
