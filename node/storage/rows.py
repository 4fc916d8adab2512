"""The rows of the ledger's database: what stands under which key, for all who read or write one.

key                                  value
m tip                                [height, block hash]
m earliest                           lowest height whose body is there (no row: 0)
h height(8)                          [header, certificate or nil]
b height(8)                          [[transaction, ...], [receipt, ...]]
t transaction id(32)                 [height, index]
s head key                           head
n path                               node of the state tree
v hash of validator set(32)          the set
y hash of head key(32) count(8)      [height, transaction index, operation index]
e height(8) transaction(4) op(4)     (empty) an EPCIS event, in the order of capture
l ...                                where things lead on to others: node.storage.link_index
m links                              version of the rows of kind l (no row or another: they are made anew)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from ledger.block import Header, decode_header
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import decode_own, encode
from ledger.receipt import Receipt
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.storage.link_index import link_rows

TIP_KEY: Final = b"mtip"
EARLIEST_KEY: Final = b"mearliest"
LINKS_KEY: Final = b"mlinks"
LINKS_ROW: Final = encode(2)
HEADER: Final = b"h"
BODY: Final = b"b"
TRANSACTION: Final = b"t"
HEAD: Final = b"s"
NODE: Final = b"n"
HISTORY: Final = b"y"
VALIDATORS: Final = b"v"
EVENT: Final = b"e"
EVENT_METHOD: Final = "provenance.capture"


@dataclass(frozen=True, slots=True)
class Position:
    """Where an operation stands: block height, index of its transaction there, its own index in the transaction."""

    height: int
    transaction_index: int
    operation_index: int


def block_key(prefix: bytes, height: int) -> bytes:
    """Return the key of a block's row; ``prefix`` is ``HEADER`` or ``BODY``."""
    return prefix + height.to_bytes(8, "big")


def event_key(position: Position) -> bytes:
    """Return the key of an EPCIS event in the order of capture."""
    return EVENT + position_bytes(position)


def position_bytes(position: Position) -> bytes:
    """Return a position so that those that come first on the chain stand first."""
    return b"".join(
        (
            position.height.to_bytes(8, "big"),
            position.transaction_index.to_bytes(4, "big"),
            position.operation_index.to_bytes(4, "big"),
        )
    )


def row_position(key: bytes) -> Position:
    """Return the position that a key ends in."""
    where = key[-16:]
    return Position(*(int.from_bytes(part, "big") for part in (where[:8], where[8:12], where[12:])))


def body_rows(
    height: int, transactions: Sequence[Transaction], receipts: Sequence[Receipt]
) -> dict[bytes, bytes | None]:
    """Return the rows of a block's content: its transactions with their receipts, their ids, its EPCIS events."""
    rows: dict[bytes, bytes | None] = {
        block_key(BODY, height): encode(
            [[transaction.encoded for transaction in transactions], [receipt.encode() for receipt in receipts]]
        )
    }
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        rows[TRANSACTION + transaction.transaction_id] = encode([height, index])
        if receipt.code == 0:
            for operation_index, operation in enumerate(transaction.operations):
                if operation.method == EVENT_METHOD:
                    where = position_bytes(Position(height, index, operation_index))
                    rows[EVENT + where] = b""
                    rows.update(link_rows(where, operation.arguments))
    return rows


def validators_row(validators: ValidatorSet) -> dict[bytes, bytes | None]:
    """Return the row of a validator set, under its hash."""
    return {VALIDATORS + validators.hash: encode(validators.to_value())}


def decode_validators_row(row: bytes) -> ValidatorSet:
    """Return the validator set of a row; raises LedgerError where it is damaged."""
    return ValidatorSet.from_value(decode_own(row))


def encode_header_row(header: Header, certificate: Certificate | None) -> bytes:
    """Return the row of a header with its certificate (None at height 0)."""
    return encode([header.encoded, None if certificate is None else certificate.encode()])


def decode_header_row(row: bytes) -> tuple[Header, Certificate | None]:
    """Return the header and certificate of a row; raises LedgerError where it is damaged."""
    header, certificate = cast("tuple[bytes, bytes | None]", tuple(cast("list[object]", decode_own(row))))
    return decode_header(header), None if certificate is None else decode_certificate(certificate)
