"""Personal data of the parties of a payment: sealed to who may read it, and never on the ledger.

``seal_data`` makes three things. The *commitment*, SHA-256 over a random salt and the data, is what a payment carries:
it proves later which data was meant and says nothing by itself. The *sealed data* (XSalsa20-Poly1305 under a key of its
own) may be copied and kept in backups. The *key*, salt and data key sealed to each recipient (X25519), is what opens
it; whoever destroys every copy of it has erased the data, in all backups, for good.

Recipients' encryption keys come from their signing keys by a hash, so that there is one key file to guard and no key
does both. No error text repeats data.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nacl.bindings import (
    crypto_box_seal,
    crypto_box_seal_open,
    crypto_box_seed_keypair,
    crypto_secretbox,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

from contracts.settlement.attestations import attestation_preimage, read_attestation
from ledger.codec import Value, encode
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from tradelane.errors import BadRequestError, NotAuthorisedError, VerificationError

DATA_BYTES_MAX: Final = 64 * 1024
RECIPIENTS_MAX: Final = 16
ENCRYPTION_KEY_BYTES: Final = 32

_SALT_BYTES: Final = 32
_DATA_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class SealedData:
    """What may be copied: the commitment and the data that nobody reads without the key."""

    commitment: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class SealedKey:
    """What opens sealed data: for each recipient (public encryption key) salt and data key, sealed to it."""

    commitment: bytes
    shares: tuple[tuple[bytes, bytes], ...]


def encryption_key(key: SecretKey) -> bytes:
    """Return the public encryption key (32 bytes) that goes with a signing key, for those who seal data to it."""
    public, _ = _encryption_pair(key)
    return public


def seal_data(data: bytes, recipients: Sequence[bytes]) -> tuple[SealedData, SealedKey]:
    """Return data sealed to the public encryption keys of its recipients; never twice the same."""
    if not 1 <= len(data) <= DATA_BYTES_MAX:
        raise BadRequestError("sealed.size", f"there are {len(data)} bytes to seal; 1 to {DATA_BYTES_MAX} can be")
    if not 1 <= len(set(recipients)) == len(recipients) <= RECIPIENTS_MAX:
        raise BadRequestError("sealed.recipients", f"data is sealed to 1 to {RECIPIENTS_MAX} recipients, none twice")
    salt, data_key = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_DATA_KEY_BYTES)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    commitment = _commitment(salt, data)
    try:
        shares = tuple((public, crypto_box_seal(salt + data_key, public)) for public in recipients)
    except (CryptoError, ValueError, TypeError) as error:
        hint = "`tradelane party key` prints a recipient's"
        raise BadRequestError("sealed.recipients", "a recipient's key is no encryption key", hint) from error
    return SealedData(commitment, nonce + crypto_secretbox(data, nonce, data_key)), SealedKey(commitment, shares)


def unseal_data(sealed: SealedData, sealed_key: SealedKey, key: SecretKey) -> bytes:
    """Return the data, as whose commitment the sealed data was made.

    Raises
    ------
    NotAuthorisedError
        It was not sealed to this key.
    VerificationError
        Something was changed, or the key is that of other data.

    """
    public, private = _encryption_pair(key)
    share = next((share for recipient, share in sealed_key.shares if recipient == public), None)
    if share is None:
        raise NotAuthorisedError("sealed.recipient", "the data was not sealed to this key", "name another with --key")
    try:
        opened = crypto_box_seal_open(share, public, private)
        salt, data_key = opened[:_SALT_BYTES], opened[_SALT_BYTES:]
        data = crypto_secretbox_open(sealed.ciphertext[_NONCE_BYTES:], sealed.ciphertext[:_NONCE_BYTES], data_key)
    except (CryptoError, ValueError, TypeError):
        raise VerificationError(
            "sealed.broken", "the key does not open the data: one of them was changed, or they do not belong together"
        ) from None
    if not hmac.compare_digest(_commitment(salt, data), sealed.commitment):
        raise VerificationError("sealed.commitment", "the data is not what the commitment was made of")
    return data


def sign_attestation(key: SecretKey, chain_id: bytes, terms: dict[str, Value]) -> dict[str, Value]:
    """Return a signed attestation, an element of the argument ``attestations`` of a payment.

    ``terms`` are those of docs/contracts.md ("Attestations"); raises ``contracts.results.Rejected`` where they have not
    that shape.
    """
    signature = key.sign(attestation_preimage(chain_id, encode(terms)))
    attestation: dict[str, Value] = {"terms": terms, "key": key.public_key, "signature": signature}
    read_attestation(attestation, "attestation")
    return attestation


def _commitment(salt: bytes, data: bytes) -> bytes:
    return tagged_hash("party-data", salt, data)


def _encryption_pair(key: SecretKey) -> tuple[bytes, bytes]:
    return crypto_box_seed_keypair(tagged_hash("party-data-key", key.seed))
