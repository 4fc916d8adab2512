"""Reading what is left of a damaged database, without changing it.

The database is opened as a copy (hard links for the tables, which LevelDB never changes in place) and without
``paranoid_checks``, so that what stands before and behind a damaged place can still be read. A row whose checksum fails
is missing, and what is read proves nothing: whoever uses it must check it against certificates.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

try:
    import plyvel
except ImportError:  # CPython 3.13 and later: the same interface from the maintained fork
    import plyvel_next as plyvel

from ledger.block import Header
from ledger.certificate import Certificate
from ledger.codec import decode_own
from ledger.transaction import Transaction
from node.storage.bodies import MALFORMED, decode_body
from node.storage.database import LEVELDB_NAME
from node.storage.errors import DamagedError
from node.storage.rows import BODY, EARLIEST_KEY, HEADER, TIP_KEY, block_key, decode_header_row

_TABLES: Final = {".ldb", ".sst"}
_SPANS_SHOWN_MAX: Final = 5


class Salvage:
    """What can still be read of a ledger directory."""

    def __init__(self, directory: Path) -> None:
        """Open a copy of the directory's database beside it; raises DamagedError where nothing of it opens."""
        self._copy = Path(tempfile.mkdtemp(prefix=f".{directory.name}.reading-", dir=directory.parent))
        try:
            _copy_files(directory / LEVELDB_NAME, self._copy)
            self._levels = plyvel.DB(str(self._copy), create_if_missing=False, paranoid_checks=False)
        except (plyvel.Error, OSError) as error:
            shutil.rmtree(self._copy, ignore_errors=True)
            raise DamagedError(f"nothing of {directory} can be read") from error
        except BaseException:
            shutil.rmtree(self._copy, ignore_errors=True)
            raise

    def close(self) -> None:
        """Close the copy and remove it."""
        self._levels.close()
        shutil.rmtree(self._copy, ignore_errors=True)

    @property
    def tip_height(self) -> int | None:
        """The height that the tip is said to have, or None where that cannot be read."""
        row = self._row(TIP_KEY)
        with suppress(*MALFORMED):
            return None if row is None else cast("list[int]", decode_own(row))[0]
        return None

    @property
    def earliest_height(self) -> int:
        """The lowest height whose body was kept, 0 where that cannot be read."""
        row = self._row(EARLIEST_KEY)
        with suppress(*MALFORMED):
            return 0 if row is None else cast("int", decode_own(row))
        return 0

    def block(self, height: int) -> tuple[Header, Certificate, tuple[Transaction, ...]] | None:
        """Return a block that its own header vouches for, or None; nothing vouches for the header yet."""
        header_row, body_row = self._row(block_key(HEADER, height)), self._row(block_key(BODY, height))
        if header_row is None or body_row is None:
            return None
        try:
            header, certificate = decode_header_row(header_row)
            transactions, _ = decode_body(body_row, header)
        except (*MALFORMED, DamagedError):
            return None
        return None if certificate is None or header.height != height else (header, certificate, transactions)

    def unreadable_heights(self) -> list[int]:
        """Return the heights up to the tip whose header or body cannot be read; the earliest kept body limits those."""
        earliest, heights = self.earliest_height, range((self.tip_height or 0) + 1)
        return [
            height
            for height in heights
            if self._row(block_key(HEADER, height)) is None
            or (height >= earliest and self._row(block_key(BODY, height)) is None)
        ]

    def _row(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._levels.get(key, verify_checksums=True)
        except (plyvel.Error, OSError):
            return None
        return value


@contextmanager
def salvaged(directory: Path) -> Iterator[Salvage]:
    """Open what is left of a directory for a while; raises DamagedError where nothing is."""
    salvage = Salvage(directory)
    try:
        yield salvage
    finally:
        salvage.close()


def describe_damage(directory: Path) -> str:
    """Return in words which blocks of a ledger directory cannot be read."""
    try:
        with salvaged(directory) as salvage:
            if salvage.tip_height is None:
                return "its tip cannot be read"
            heights = salvage.unreadable_heights()
            return (
                f"it cannot read {in_words(heights)}" if heights else f"blocks up to {salvage.tip_height} can be read"
            )
    except DamagedError:
        return "none of its blocks can be read"


def in_words(heights: list[int]) -> str:
    """Return ascending heights as "block 7" or "blocks 7 to 9, 12"."""
    spans: list[list[int]] = []
    for height in heights:
        if spans and height == spans[-1][1] + 1:
            spans[-1][1] = height
        else:
            spans.append([height, height])
    shown = [str(first) if first == last else f"{first} to {last}" for first, last in spans[:_SPANS_SHOWN_MAX]]
    more = "" if len(spans) <= _SPANS_SHOWN_MAX else f" and others, {len(heights)} in all"
    return f"block{'' if len(heights) == 1 else 's'} {', '.join(shown)}{more}"


def _copy_files(source: Path, target: Path) -> None:
    """Bring what LevelDB needs into another directory; a table costs no room, for it is never written to."""
    for path in source.iterdir():
        if path.suffix in _TABLES:
            _link(path, target / path.name)
        elif path.is_file() and path.name not in {"LOCK", "LOG", "LOG.old"}:
            shutil.copyfile(path, target / path.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
