"""What peers send each other: canonical msgpack bodies, bounded before they are parsed.

Path                        body                                   answer
POST /p2p/messages          [consensus message, ...]               nothing
POST /p2p/transactions      [transaction, ...]                     nothing
POST /p2p/transactions/get  [transaction id, ...]                  [transaction, ...] (those that are known)
POST /p2p/blocks            [first height, last height]            [[header, certificate, [transaction, ...]], ...]

Every request names its chain in a header, so that a node of another network gets a clear answer. That is no
protection: what a body holds is believed for its signatures alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.block import Header, decode_header
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import decode, encode
from ledger.hashing import HASH_BYTES
from ledger.limits import BLOCK_TRANSACTIONS_MAX, INTEGER_MAX
from ledger.shape import as_array, as_blob, as_bytes, as_integer, as_list
from ledger.transaction import Transaction, decode_transaction

CHAIN_HEADER: Final = "Tradelane-Chain"
CONTENT_TYPE: Final = "application/msgpack"
BODY_BYTES_MAX: Final = 12 * 1024 * 1024
BATCH_MAX: Final = 10_000
BLOCKS_PER_ANSWER_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """A block as a peer hands it over: decoded, not yet believed."""

    header: Header
    certificate: Certificate
    transactions: tuple[Transaction, ...]


def encode_batch(items: Sequence[bytes]) -> bytes:
    """Return the body for a batch of byte strings."""
    return encode(list(items))


def decode_batch(body: bytes) -> list[bytes]:
    """Return the byte strings of a batch; raises LedgerError."""
    entries = as_list(decode(body, BODY_BYTES_MAX), BATCH_MAX, "batch")
    return [as_blob(entry, BODY_BYTES_MAX, "entry") for entry in entries]


def decode_ids(body: bytes) -> list[bytes]:
    """Return the 32-byte ids of a request; raises LedgerError."""
    entries = as_list(decode(body, BODY_BYTES_MAX), BLOCK_TRANSACTIONS_MAX, "ids")
    return [as_bytes(entry, HASH_BYTES, "id") for entry in entries]


def encode_range(first: int, last: int) -> bytes:
    """Return the request for the blocks from ``first`` to ``last``."""
    return encode([first, last])


def decode_range(body: bytes) -> tuple[int, int]:
    """Return (first, last) of a request for blocks; raises LedgerError."""
    first, last = as_array(decode(body, BODY_BYTES_MAX), 2, "range")
    first_height = as_integer(first, 1, INTEGER_MAX, "first height")
    return first_height, as_integer(last, first_height, INTEGER_MAX, "last height")


def encode_block(header: Header, certificate: Certificate, transactions: Sequence[Transaction]) -> list[object]:
    """Return the wire form of one block, for a list of them."""
    return [header.encoded, certificate.encode(), [transaction.encoded for transaction in transactions]]


def decode_blocks(body: bytes) -> list[CertifiedBlock]:
    """Return the blocks of an answer; raises LedgerError."""
    blocks = []
    for entry in as_list(decode(body, BODY_BYTES_MAX), BLOCKS_PER_ANSWER_MAX, "blocks"):
        header, certificate, transactions = as_array(entry, 3, "block")
        blocks.append(
            CertifiedBlock(
                decode_header(as_blob(header, BODY_BYTES_MAX, "header")),
                decode_certificate(as_blob(certificate, BODY_BYTES_MAX, "certificate")),
                tuple(
                    decode_transaction(as_blob(data, BODY_BYTES_MAX, "transaction"))
                    for data in as_list(transactions, BLOCK_TRANSACTIONS_MAX, "transactions")
                ),
            )
        )
    return blocks
