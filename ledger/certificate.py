"""Votes and certificates: a quorum's signatures over one block in one view.

A PREPARE certificate locks a block, a COMMIT certificate decides it. The commit certificate is one object for
commit, sync, proofs and the next proposal alike. Every vote in it is over the same kind, height, view and hash, and
each signer is named once by its place in a bitmap, so votes can neither be mixed nor counted twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ledger.codec import Value, decode, encode
from ledger.errors import ShapeError
from ledger.hashing import HASH_BYTES
from ledger.keys import SIGNATURE_BYTES, Verifier, signed_preimage, verify
from ledger.limits import INTEGER_MAX, VALIDATORS_MAX
from ledger.shape import as_array, as_blob, as_bytes, as_integer, as_list
from ledger.validators import ValidatorSet

OF_ANOTHER_BLOCK: Final = "of_another_block"
VIEW_MAX: Final = (1 << 32) - 1
_CERTIFICATE_BYTES_MAX: Final = 64 + VALIDATORS_MAX * (SIGNATURE_BYTES + 4)


class VoteKind(Enum):
    """The two votes of a view; the value is the domain of the signature."""

    PREPARE = "prepare"
    COMMIT = "commit"


def vote_preimage(kind: VoteKind, chain_id: bytes, height: int, view: int, block_hash: bytes) -> bytes:
    """Return what a validator signs to vote."""
    return signed_preimage(kind.value, chain_id, encode([height, view, block_hash]))


def bitmap_of(indexes: Sequence[int]) -> bytes:
    """Return ascending indexes of validators as a bitmap: bit i of byte i // 8 stands for validator i."""
    bitmap = bytearray(indexes[-1] // 8 + 1 if indexes else 0)
    for index in indexes:
        bitmap[index // 8] |= 1 << (index % 8)
    return bytes(bitmap)


def indexes_of(bitmap: Value) -> tuple[int, ...]:
    """Return the indexes in a decoded bitmap; raises ShapeError where it is none or is spelled too long."""
    bits = as_blob(bitmap, -(-VALIDATORS_MAX // 8), "signer bitmap")
    if bits and not bits[-1]:
        raise ShapeError("signer_bitmap", "a signer bitmap ends with a byte that is not zero")
    return tuple(index for index in range(len(bits) * 8) if bits[index // 8] >> (index % 8) & 1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Signatures of validators over one vote; ``signers`` are indexes in the height's set, strictly ascending."""

    height: int
    view: int
    block_hash: bytes
    signers: tuple[int, ...]
    signatures: tuple[bytes, ...]

    def to_value(self) -> Value:
        """Return [height, view, block hash, bitmap, [signature, ...]]; bit i of byte i // 8 stands for validator i."""
        return [self.height, self.view, self.block_hash, bitmap_of(self.signers), list(self.signatures)]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode(self.to_value())

    def block_refusal(
        self, height: int, block_hash: bytes, validators: ValidatorSet, chain_id: bytes, verifier: Verifier = verify
    ) -> str | None:
        """Return None if a quorum of ``validators`` decided this very block, else the name of the one reason why not.

        That it is of another block is ``OF_ANOTHER_BLOCK``; the other names are those of ``refusal``.
        """
        if (self.height, self.block_hash) != (height, block_hash):
            return OF_ANOTHER_BLOCK
        return self.refusal(VoteKind.COMMIT, validators, chain_id, verifier)

    def refusal(
        self, kind: VoteKind, validators: ValidatorSet, chain_id: bytes, verifier: Verifier = verify
    ) -> str | None:
        """Return None if a quorum of ``validators`` signed this vote, else the name of the one reason why not.

        Cheap checks stand before signatures, so that junk costs nothing.
        """
        if len(self.signers) != len(self.signatures):
            return "signature_count"
        if any(later <= earlier for earlier, later in zip(self.signers, self.signers[1:], strict=False)):
            return "duplicate_signer"
        if self.signers and (self.signers[0] < 0 or self.signers[-1] >= len(validators)):
            return "unknown_signer"
        if len(self.signers) < validators.quorum:
            return "no_quorum"
        preimage = vote_preimage(kind, chain_id, self.height, self.view, self.block_hash)
        for index, signature in zip(self.signers, self.signatures, strict=True):
            if not verifier(validators[index].public_key, preimage, signature):
                return "bad_signature"
        return None


def assemble_certificate(height: int, view: int, block_hash: bytes, votes: Mapping[int, bytes]) -> Certificate:
    """Return the certificate of verified votes, given as signatures by validator index."""
    signers = tuple(sorted(votes))
    return Certificate(height, view, block_hash, signers, tuple(votes[index] for index in signers))


def certificate_from_value(value: Value) -> Certificate:
    """Return the certificate of a decoded value; raises ShapeError."""
    height, view, block_hash, bitmap, signatures = as_array(value, 5, "certificate")
    return Certificate(
        height=as_integer(height, 0, INTEGER_MAX, "height"),
        view=as_integer(view, 0, VIEW_MAX, "view"),
        block_hash=as_bytes(block_hash, HASH_BYTES, "block hash"),
        signers=indexes_of(bitmap),
        signatures=tuple(
            as_bytes(signature, SIGNATURE_BYTES, "signature")
            for signature in as_list(signatures, VALIDATORS_MAX, "signatures")
        ),
    )


def decode_certificate(data: bytes) -> Certificate:
    """Return the certificate that the bytes encode; raises CodecError or ShapeError."""
    return certificate_from_value(decode(data, _CERTIFICATE_BYTES_MAX))
