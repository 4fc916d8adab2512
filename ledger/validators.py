"""The validator set of a height and the arithmetic of its quorums.

PBFT (Castro and Liskov, OSDI 1999) with ``n`` validators tolerates ``f = (n - 1) // 3`` that lie. The quorum is
``ceil((n + f + 1) / 2)``, so that two quorums always share an honest validator; ``2f + 1`` would not do when
``n != 3f + 1``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.codec import Value, encode
from ledger.errors import ShapeError
from ledger.hashing import tagged_hash
from ledger.keys import PUBLIC_KEY_BYTES, is_public_key, signed_preimage
from ledger.limits import VALIDATORS_MAX
from ledger.shape import as_array, as_bytes, as_list, as_text


@dataclass(frozen=True, slots=True)
class Validator:
    """A voting node: its 32-byte public key and the id of the organisation that runs it."""

    public_key: bytes
    organisation: str


def possession_preimage(chain_id: bytes, public_key: bytes, organisation: str) -> bytes:
    """Return what a key signs before it joins the validators of a chain: that it is held and for which organisation.

    Without this proof an organisation could bring in a key that nobody holds, or that somebody else votes with.
    """
    return signed_preimage("validator-possession", chain_id, encode([public_key, organisation]))


class ValidatorSet:
    """Validators in the order of their public keys; the position in that order is a validator's index.

    Raises
    ------
    ShapeError
        The set is empty, too large, holds a key twice or a key that cannot be trusted to be one.

    """

    __slots__ = ("_index_by_key", "hash", "validators")

    def __init__(self, validators: Iterable[Validator]) -> None:
        self.validators: tuple[Validator, ...] = tuple(sorted(validators, key=lambda member: member.public_key))
        if not 1 <= len(self.validators) <= VALIDATORS_MAX:
            raise ShapeError("validator_count", f"a validator set has 1 to {VALIDATORS_MAX} members")
        for member in self.validators:
            if not is_public_key(member.public_key):
                raise ShapeError("validator_key", f"{member.public_key.hex()} is not an acceptable Ed25519 public key")
        self._index_by_key = {member.public_key: index for index, member in enumerate(self.validators)}
        if len(self._index_by_key) != len(self.validators):
            raise ShapeError("validator_twice", "a validator set names the same key twice")
        self.hash: bytes = tagged_hash("validators", encode(self.to_value()))

    def __len__(self) -> int:
        return len(self.validators)

    def __iter__(self) -> Iterator[Validator]:
        return iter(self.validators)

    def __getitem__(self, index: int) -> Validator:
        return self.validators[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValidatorSet) and self.validators == other.validators

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def faults_tolerated(self) -> int:
        """How many validators may lie without harm: f."""
        return (len(self.validators) - 1) // 3

    @property
    def change_members_max(self) -> int:
        """How many members may join, and how many may leave, in one change: f, and one where the set tolerates none."""
        return max(1, self.faults_tolerated)

    @property
    def quorum(self) -> int:
        """How many distinct validators must sign."""
        return -(-(len(self.validators) + self.faults_tolerated + 1) // 2)

    def index_of(self, public_key: bytes) -> int | None:
        """Return the index of the validator with this key, or None for an outsider."""
        return self._index_by_key.get(public_key)

    def to_value(self) -> Value:
        """Return the canonical form: a list of [public key, organisation]."""
        return [[member.public_key, member.organisation] for member in self.validators]

    @classmethod
    def from_value(cls, value: Value) -> "ValidatorSet":
        """Return the set of a canonical form; raises ShapeError."""
        members = []
        for entry in as_list(value, VALIDATORS_MAX, "validators"):
            public_key, organisation = as_array(entry, 2, "validator")
            members.append(
                Validator(
                    as_bytes(public_key, PUBLIC_KEY_BYTES, "validator key"),
                    as_text(organisation, 128, "validator organisation"),
                )
            )
        return cls(members)
