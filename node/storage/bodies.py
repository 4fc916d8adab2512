"""The bodies of blocks: read back whole and compared with their header, so that nothing damaged is handed out."""

from typing import Final, cast

from ledger.block import Header, receipts_root, transactions_root
from ledger.codec import decode_own
from ledger.errors import LedgerError
from ledger.hashing import tagged_hash
from ledger.receipt import Receipt, decode_receipt
from ledger.transaction import Transaction, decode_transaction
from node.storage.errors import DamagedError

# What reading a row raises when its bytes are no longer those that were written, beside LedgerError.
MALFORMED: Final = (LedgerError, ValueError, TypeError, IndexError, OverflowError)

Body = tuple[tuple[Transaction, ...], tuple[Receipt, ...]]


def decode_body(row: bytes, header: Header) -> Body:
    """Return (transactions, receipts) of a row; raises DamagedError where they are not those of the header."""
    try:
        encoded_transactions, encoded_receipts = cast("list[list[bytes]]", decode_own(row))
        transactions = tuple(decode_transaction(data) for data in encoded_transactions)
        receipts = tuple(decode_receipt(data) for data in encoded_receipts)
    except MALFORMED as error:
        raise DamagedError(f"the transactions of block {header.height} are damaged: {error}") from error
    if (
        len(transactions) != header.transaction_count
        or transactions_root([transaction.transaction_id for transaction in transactions]) != header.transactions_root
    ):
        raise DamagedError(f"the transactions of block {header.height} are not those of its header")
    if receipts_root(receipts) != header.receipts_root:
        raise DamagedError(f"the receipts of block {header.height} are not those of its header")
    return transactions, receipts


def outline(row: bytes, height: int) -> tuple[list[bytes], int]:
    """Return the ids of a body's transactions, and until when the last of them is valid (0 where there is none).

    Nothing is compared with the header; it is for those who give the body up.
    """
    transactions = encoded_transactions(row, height)
    try:
        bodies = [cast("list[bytes]", decode_own(transaction))[0] for transaction in transactions]
        valid_until_ms = max((cast("list[int]", decode_own(body))[4] for body in bodies), default=0)
    except MALFORMED as error:
        raise DamagedError(f"the transactions of block {height} are damaged: {error}") from error
    return [tagged_hash("transaction", body) for body in bodies], valid_until_ms


def encoded_transactions(row: bytes, height: int) -> list[bytes]:
    """Return a body's transactions as they are stored, nothing compared."""
    try:
        transactions, _ = cast("list[list[bytes]]", decode_own(row))
    except MALFORMED as error:
        raise DamagedError(f"the transactions of block {height} are damaged: {error}") from error
    return transactions


def stored_id(transaction: bytes, height: int) -> bytes:
    """Return the id of a stored transaction, which tells whether it is the one that its index names."""
    try:
        return tagged_hash("transaction", cast("list[bytes]", decode_own(transaction))[0])
    except MALFORMED as error:
        raise DamagedError(f"a transaction of block {height} is damaged: {error}") from error


def decode_entry(row: bytes, height: int, index: int) -> tuple[Transaction, Receipt] | None:
    """Return one transaction of a body with its receipt, or None beyond its last; the others stay encoded."""
    try:
        transactions, receipts = cast("list[list[bytes]]", decode_own(row))
        if index >= len(transactions):
            return None
        transaction, receipt = decode_transaction(transactions[index]), decode_receipt(receipts[index])
    except MALFORMED as error:
        raise DamagedError(f"the transactions of block {height} are damaged: {error}") from error
    if receipt.transaction_id != transaction.transaction_id:
        raise DamagedError(f"transaction {index} of block {height} has the receipt of another one")
    return transaction, receipt
