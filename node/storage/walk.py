"""The walk at start: a hole, a swapped block or a tip that is not the last one is found before anything is signed.

Only the fields that link one header to the next are read of each row, so that a long chain opens fast. What the walk
does not look at is looked at when it is read: a row by its checksum, a body by the roots of its header. Everything at
once is looked at by ``node.storage.check``.
"""

from typing import cast

from ledger.authenticated_map import prove, verify
from ledger.block import Header, decode_header
from ledger.codec import decode_own
from ledger.errors import LedgerError
from ledger.hashing import tagged_hash
from node.storage.bodies import MALFORMED
from node.storage.database import KeyValues, prefix_end
from node.storage.errors import DamagedError
from node.storage.rows import HEADER, NODE, TIP_KEY

_EMPTY: str = "the database is empty although a chain was initialised here"


def checked_tip(database: KeyValues, chain_id: bytes) -> Header:
    """Return the header of the last block; raises DamagedError, which names the height that is wrong."""
    row = database.get(TIP_KEY)
    if row is None:
        raise DamagedError(_EMPTY)
    tip_height, tip_hash = cast("tuple[int, bytes]", tuple(cast("list[object]", decode_own(row))))
    encoded, last_hash, last_height = b"", b"", -1
    for height, (key, value) in enumerate(database.scan(HEADER, prefix_end(HEADER))):
        if int.from_bytes(key[1:], "big") != height:
            raise DamagedError(f"block {height} is missing")
        encoded, parent_hash = _linked(height, value)
        if height and parent_hash != last_hash:
            raise DamagedError(f"block {height} does not follow block {height - 1}")
        last_hash, last_height = tagged_hash("header", encoded), height
    if (last_height, last_hash) != (tip_height, tip_hash):
        raise DamagedError(f"the tip is said to be block {tip_height}, which is not the last block that is there")
    tip = decode_header(encoded)
    if tip.chain_id != chain_id:
        raise DamagedError("the stored blocks belong to another chain than the genesis document")
    return tip


def check_state_root(database: KeyValues, tip: Header) -> None:
    """Compare the top of the state tree with the tip's state root; raises DamagedError."""
    try:
        verify(tip.state_root, b"", prove(lambda path: database.get(NODE + path), b""))
    except LedgerError as error:
        raise DamagedError(f"the state is not that of block {tip.height}, the tip: {error}") from error


def _linked(height: int, row: bytes) -> tuple[bytes, bytes]:
    """Return the encoded header of a row and the parent hash in it."""
    try:
        encoded = cast("list[bytes]", decode_own(row))[0]
        fields = cast("list[object]", decode_own(encoded))
        if fields[2] != height:
            raise DamagedError(f"block {height} is missing")
        return encoded, cast("bytes", fields[4])
    except MALFORMED as error:
        raise DamagedError(f"block {height} is damaged: {error}") from error
