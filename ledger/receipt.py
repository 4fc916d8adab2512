"""Receipts: what a committed transaction did.

A transaction that fails on state stays in its block with the code of its failure and no effect, so that its sender
gets a final answer. The receipts' Merkle root is in the header.
"""

from dataclasses import dataclass

from ledger.codec import Value, decode, encode
from ledger.hashing import HASH_BYTES
from ledger.shape import as_array, as_bytes, as_integer, as_list

_OPERATIONS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one transaction.

    ``code`` is a number of ``contracts.results.ResultCode`` (0 is success), ``failed_operation`` the index of the
    operation that refused or None, ``outputs`` one canonical value an operation (empty after a failure).
    """

    transaction_id: bytes
    code: int
    failed_operation: int | None
    outputs: tuple[Value, ...]

    def encode(self) -> bytes:
        """Return the canonical bytes, the leaf of the receipts tree."""
        return encode([self.transaction_id, self.code, self.failed_operation, list(self.outputs)])


def decode_receipt(data: bytes) -> Receipt:
    """Return the receipt that the bytes encode; raises CodecError or ShapeError."""
    transaction_id, code, failed_operation, outputs = as_array(decode(data), 4, "receipt")
    return Receipt(
        transaction_id=as_bytes(transaction_id, HASH_BYTES, "transaction id"),
        code=as_integer(code, 0, 0xFFFF, "code"),
        failed_operation=None
        if failed_operation is None
        else as_integer(failed_operation, 0, _OPERATIONS_MAX, "failed operation"),
        outputs=tuple(as_list(outputs, _OPERATIONS_MAX, "outputs")),
    )
