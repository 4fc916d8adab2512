"""Transactions: what an organisation signs, and the rules that need no state.

body      = [version, chain id, sender key, nonce, valid until (ms), [[method, arguments], ...]]
encoded   = [body bytes, signature]
id        = hash of the body bytes, without the signature, so that a second signature makes no second transaction

Three gates: ``decode_transaction`` (shape), ``Transaction.is_authentic`` (signature), the contracts (state).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.codec import Value, decode, encode
from ledger.errors import ShapeError
from ledger.hashing import HASH_BYTES, tagged_hash
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, SecretKey, Verifier, signed_preimage, verify
from ledger.limits import INTEGER_MAX, METHOD_LENGTH_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX
from ledger.shape import as_array, as_blob, as_bytes, as_integer, as_list, as_map, as_text

TRANSACTION_VERSION: Final = 1
NONCE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a contract method with its arguments, a map of canonical values."""

    method: str
    arguments: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded transaction that carries its own bytes, so that nothing encodes it a second time."""

    chain_id: bytes
    sender: bytes
    nonce: bytes
    valid_until_ms: int
    operations: tuple[Operation, ...]
    signature: bytes
    transaction_id: bytes
    body: bytes
    encoded: bytes

    def is_authentic(self, verifier: Verifier = verify) -> bool:
        """Say whether the sender signed the body for this chain."""
        return verifier(self.sender, signed_preimage("transaction", self.chain_id, self.body), self.signature)


def sign_transaction(
    key: SecretKey,
    chain_id: bytes,
    nonce: bytes,
    valid_until_ms: int,
    operations: Sequence[Operation],
) -> Transaction:
    """Return a signed transaction. ``nonce`` is 16 random bytes, ``valid_until_ms`` is UTC.

    Raises
    ------
    LedgerError
        A field has no canonical form or is out of range.

    """
    body = encode(
        [
            TRANSACTION_VERSION,
            chain_id,
            key.public_key,
            nonce,
            valid_until_ms,
            [[operation.method, operation.arguments] for operation in operations],
        ]
    )
    return decode_transaction(encode([body, key.sign(signed_preimage("transaction", chain_id, body))]))


def decode_transaction(data: bytes, size_bytes_max: int = TRANSACTION_BYTES_MAX) -> Transaction:
    """Return the transaction that the bytes encode; the signature is *not* checked here.

    Raises
    ------
    CodecError
        The bytes are too many or not canonical.
    ShapeError
        A field is missing, of the wrong type or out of range.

    """
    body_value, signature = as_array(decode(data, size_bytes_max), 2, "transaction")
    body = as_blob(body_value, size_bytes_max, "transaction body")
    version, chain_id, sender, nonce, valid_until_ms, operations = as_array(
        decode(body, size_bytes_max), 6, "transaction body"
    )
    # True is 1 to Python; it would be a second spelling of the version.
    if type(version) is not int or version != TRANSACTION_VERSION:
        raise ShapeError("transaction_version", f"transaction version {version!r} is unknown; this node speaks 1")
    decoded = tuple(_operation(entry) for entry in as_list(operations, TRANSACTION_OPERATIONS_MAX, "operations"))
    if not decoded:
        raise ShapeError("no_operations", "a transaction has at least one operation")
    return Transaction(
        chain_id=as_bytes(chain_id, HASH_BYTES, "chain id"),
        sender=as_bytes(sender, PUBLIC_KEY_BYTES, "sender"),
        nonce=as_bytes(nonce, NONCE_BYTES, "nonce"),
        valid_until_ms=as_integer(valid_until_ms, 0, INTEGER_MAX, "valid_until_ms"),
        operations=decoded,
        signature=as_bytes(signature, SIGNATURE_BYTES, "signature"),
        transaction_id=tagged_hash("transaction", body),
        body=body,
        encoded=data,
    )


def _operation(value: Value) -> Operation:
    method, arguments = as_array(value, 2, "operation")
    return Operation(as_text(method, METHOD_LENGTH_MAX, "method"), as_map(arguments, "arguments"))
