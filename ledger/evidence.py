"""Evidence: two signed votes of one validator that contradict each other.

An honest validator signs one block for each (kind, height, view). PRE-PREPARE, PREPARE and COMMIT sign the same content
``[height, view, block hash]``, each under its own domain, so two signatures over two hashes prove a double vote by
themselves, whoever shows them. Evidence has one form: the vote with the smaller hash stands first.
"""

from dataclasses import dataclass
from typing import Final

from ledger.certificate import VIEW_MAX
from ledger.codec import Value, decode, encode
from ledger.errors import ShapeError
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Verifier, signed_preimage, verify
from ledger.limits import INTEGER_MAX
from ledger.shape import as_array, as_bytes, as_integer, as_text
from ledger.validators import ValidatorSet

EVIDENCE_KINDS: Final = frozenset({"pre-prepare", "prepare", "commit"})
"""The kinds of messages that a validator signs once a height and view; the name is the domain of the signature."""

_EVIDENCE_BYTES_MAX: Final = 512

SignedHash = tuple[bytes, bytes]
"""A block hash (32 bytes) and the signature (64 bytes) of the vote for it."""


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Two votes of the key ``validator`` in one (kind, height, view); ``first`` has the smaller hash."""

    kind: str
    height: int
    view: int
    validator: bytes
    first: SignedHash
    second: SignedHash

    def to_value(self) -> Value:
        """Return [kind, height, view, validator key, [hash, signature], [hash, signature]]."""
        return [self.kind, self.height, self.view, self.validator, list(self.first), list(self.second)]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode(self.to_value())

    def refusal(self, chain_id: bytes, validators: ValidatorSet, verifier: Verifier = verify) -> str | None:
        """Return None if a member of ``validators``, those of the height, voted twice; else the name of why not."""
        if self.kind not in EVIDENCE_KINDS:
            return "unknown_kind"
        if self.first[0] == self.second[0]:
            return "same_block"
        if self.first[0] > self.second[0]:
            return "wrong_order"
        if validators.index_of(self.validator) is None:
            return "not_a_validator"
        for block_hash, signature in (self.first, self.second):
            message = signed_preimage(self.kind, chain_id, encode([self.height, self.view, block_hash]))
            if not verifier(self.validator, message, signature):
                return "bad_signature"
        return None


def equivocation(
    kind: str, height: int, view: int, validator: bytes, one: SignedHash, other: SignedHash
) -> Equivocation:
    """Return two votes in the one form of evidence, whichever came first."""
    first, second = sorted((one, other))
    return Equivocation(kind, height, view, validator, first, second)


def equivocation_from_value(value: Value) -> Equivocation:
    """Return the evidence of a decoded value, which proves nothing yet; raises ShapeError."""
    kind, height, view, validator, first, second = as_array(value, 6, "evidence")
    name = as_text(kind, 16, "kind of evidence")
    if name not in EVIDENCE_KINDS:
        raise ShapeError("evidence_kind", f"evidence is of {', '.join(sorted(EVIDENCE_KINDS))}")
    return Equivocation(
        kind=name,
        height=as_integer(height, 1, INTEGER_MAX, "height"),
        view=as_integer(view, 0, VIEW_MAX, "view"),
        validator=as_bytes(validator, PUBLIC_KEY_BYTES, "validator key"),
        first=_signed_hash(first),
        second=_signed_hash(second),
    )


def decode_equivocation(data: bytes) -> Equivocation:
    """Return the evidence that the bytes encode; raises CodecError or ShapeError."""
    return equivocation_from_value(decode(data, _EVIDENCE_BYTES_MAX))


def _signed_hash(value: Value) -> SignedHash:
    block_hash, signature = as_array(value, 2, "signed hash")
    return as_bytes(block_hash, HASH_BYTES, "block hash"), as_bytes(signature, SIGNATURE_BYTES, "signature")
