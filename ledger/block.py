"""Headers, and the roots that they hold.

The view in which a block was agreed is not in its header, so a block that is proposed again after a view change
keeps its hash. The header commits to the transactions, to what they did and to the whole state after them, so one
certificate over its hash proves all three.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger import merkle
from ledger.codec import decode, encode
from ledger.errors import ShapeError
from ledger.hashing import HASH_BYTES, tagged_hash
from ledger.limits import BLOCK_TRANSACTIONS_MAX, INTEGER_MAX
from ledger.receipt import Receipt
from ledger.shape import as_array, as_bytes, as_integer

HEADER_VERSION: Final = 1
_HEADER_BYTES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header; ``hash`` is the block hash. All hashes and keys are 32 bytes, ``time_ms`` is UTC.

    ``transaction_count`` stands here because a Merkle root does not commit to the number of its leaves.
    """

    chain_id: bytes
    height: int
    time_ms: int
    parent_hash: bytes
    proposer: bytes
    transaction_count: int
    transactions_root: bytes
    receipts_root: bytes
    state_root: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    encoded: bytes = field(init=False, repr=False, compare=False)
    hash: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        encoded = encode(
            [
                HEADER_VERSION,
                self.chain_id,
                self.height,
                self.time_ms,
                self.parent_hash,
                self.proposer,
                self.transaction_count,
                self.transactions_root,
                self.receipts_root,
                self.state_root,
                self.validators_hash,
                self.next_validators_hash,
            ]
        )
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "hash", tagged_hash("header", encoded))


def decode_header(data: bytes) -> Header:
    """Return the header that the bytes encode; raises CodecError or ShapeError."""
    fields = as_array(decode(data, _HEADER_BYTES_MAX), 12, "header")
    # True is 1 to Python; it would be a second spelling of the version, and lost when the header is encoded again.
    if type(fields[0]) is not int or fields[0] != HEADER_VERSION:
        raise ShapeError("header_version", f"header version {fields[0]!r} is unknown; this program speaks 1")
    return Header(
        chain_id=as_bytes(fields[1], HASH_BYTES, "chain id"),
        height=as_integer(fields[2], 0, INTEGER_MAX, "height"),
        time_ms=as_integer(fields[3], 0, INTEGER_MAX, "time_ms"),
        parent_hash=as_bytes(fields[4], HASH_BYTES, "parent hash"),
        proposer=as_bytes(fields[5], HASH_BYTES, "proposer"),
        transaction_count=as_integer(fields[6], 0, BLOCK_TRANSACTIONS_MAX, "transaction count"),
        transactions_root=as_bytes(fields[7], HASH_BYTES, "transactions root"),
        receipts_root=as_bytes(fields[8], HASH_BYTES, "receipts root"),
        state_root=as_bytes(fields[9], HASH_BYTES, "state root"),
        validators_hash=as_bytes(fields[10], HASH_BYTES, "validators hash"),
        next_validators_hash=as_bytes(fields[11], HASH_BYTES, "next validators hash"),
    )


def transactions_root(transaction_ids: Sequence[bytes]) -> bytes:
    """Return the Merkle root over the 32-byte ids of a block's transactions, in order."""
    return merkle.root(transaction_ids)


def receipts_root(receipts: Sequence[Receipt]) -> bytes:
    """Return the Merkle root over the encoded receipts of a block, in order."""
    return merkle.root([receipt.encode() for receipt in receipts])
