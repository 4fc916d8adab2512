"""The ends and holes of a LevelDB log that LevelDB itself passes over.

LevelDB takes a record that goes on beyond the end of the log, and all that stands behind a stretch of zeros in the same
block of 32 KiB, for the traces of a crash and drops them without a word, ``paranoid_checks`` or not. Some are just
that: a write that was cut off and never acknowledged. But where a whole record stands behind such a place, synced data
was lost, and the log is damaged.

A log is a row of blocks of 32 KiB, each a row of fragments: checksum (4 bytes, CRC-32C, masked), length (2), type (1:
whole, 2: first, 3: middle, 4: last), data; up to 6 zero bytes fill a block (LevelDB's doc/log_format.md).
"""

from enum import Enum
from functools import cache
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import Final

_BLOCK_BYTES: Final = 32_768
_HEADER: Final = Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_POLYNOMIAL: Final = 0x82F63B78
_MASK_DELTA: Final = 0xA282EAD8


class LogState(Enum):
    """What a log looks like: whole, cut off in its last record, or with a record behind a bad place."""

    WHOLE = "whole"
    TORN = "torn"
    DAMAGED = "damaged"


def log_state(path: Path) -> LogState:
    """Return the state of a log file; checksums of what LevelDB would read are left to LevelDB."""
    log = path.read_bytes()
    position = 0
    is_inside = False
    while position < len(log):
        block_end = min(len(log), (position // _BLOCK_BYTES + 1) * _BLOCK_BYTES)
        if block_end - position < _HEADER.size:
            if block_end % _BLOCK_BYTES:
                return _state_behind(log, position)
            position = block_end
            continue
        _, size, kind = _HEADER.unpack_from(log, position)
        end = position + _HEADER.size + size
        if end > block_end or not _WHOLE <= kind <= _LAST or is_inside != (kind in {_MIDDLE, _LAST}):
            return _state_behind(log, position)
        is_inside = kind in {_FIRST, _MIDDLE}
        position = end
    return LogState.TORN if is_inside else LogState.WHOLE


def _state_behind(log: bytes, position: int) -> LogState:
    """Say whether the log ended at a bad place: no fragment with a right checksum stands behind it."""
    block_end = (position // _BLOCK_BYTES + 1) * _BLOCK_BYTES
    starts = chain(range(position, min(block_end, len(log))), range(block_end, len(log), _BLOCK_BYTES))
    return LogState.DAMAGED if any(_is_fragment(log, start) for start in starts) else LogState.TORN


def _is_fragment(log: bytes, start: int) -> bool:
    """Say whether a fragment with a right checksum begins here."""
    if start + _HEADER.size > len(log):
        return False
    checksum, size, kind = _HEADER.unpack_from(log, start)
    end = start + _HEADER.size + size
    if not size or not _WHOLE <= kind <= _LAST or end > min(len(log), (start // _BLOCK_BYTES + 1) * _BLOCK_BYTES):
        return False
    return bool(checksum == _masked_crc32c(log[start + _HEADER.size - 1 : end]))


def _masked_crc32c(data: bytes) -> int:
    table = _table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    """Return the table of CRC-32C (Castagnoli), reflected."""
    entries = []
    for index in range(256):
        entry = index
        for _ in range(8):
            entry = (entry >> 1) ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)
