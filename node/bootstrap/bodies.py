"""The transactions and receipts of a block that was not executed here, checked against its header."""

from ledger.block import Header
from ledger.keys import Verifier, verify
from node.admission import signature_refusal
from node.bootstrap.headers import BootstrapError
from node.storage.bodies import decode_body
from node.storage.errors import DamagedError
from node.storage.rows import body_rows


def checked_body_rows(header: Header, row: bytes, verifier: Verifier = verify) -> dict[bytes, bytes | None]:
    """Return the rows to write for a body that a peer gave; raises BootstrapError where it is not the header's."""
    try:
        transactions, receipts = decode_body(row, header)
    except DamagedError as error:
        raise BootstrapError("body", str(error)) from error
    # The roots cover the ids only, so a peer could hand us a transaction with a signature that is not its own.
    if any(signature_refusal(transaction, verifier) is not None for transaction in transactions):
        raise BootstrapError("transaction_signature", f"a transaction of block {header.height} is not its sender's")
    return body_rows(header.height, transactions, receipts)
