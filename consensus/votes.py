"""Counting votes: one for each validator, kind and view, and two different ones are evidence.

Memory is bounded: a validator has at most one vote of each kind in each of the views that are kept, and views far
ahead of ours are not kept.
"""

from dataclasses import dataclass, field
from enum import Enum

from ledger.certificate import Certificate, VoteKind, assemble_certificate


class Counted(Enum):
    """What became of a vote."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICTING = "conflicting"


@dataclass(slots=True)
class VoteBook:
    """The votes of one height, all of them authentic."""

    height: int
    quorum: int
    _by_slot: dict[tuple[VoteKind, int], dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)

    def add(self, kind: VoteKind, view: int, block_hash: bytes, sender_index: int, signature: bytes) -> Counted:
        """Count a vote; the first of a validator in a slot stands, whatever it says later."""
        slot = self._by_slot.setdefault((kind, view), {})
        held = slot.get(sender_index)
        if held is None:
            slot[sender_index] = (block_hash, signature)
            return Counted.NEW
        return Counted.DUPLICATE if held[0] == block_hash else Counted.CONFLICTING

    def vote_of(self, kind: VoteKind, view: int, sender_index: int) -> tuple[bytes, bytes] | None:
        """Return (block hash, signature) of the vote that counts for a validator in a slot, or None."""
        return self._by_slot.get((kind, view), {}).get(sender_index)

    def voters(self, kind: VoteKind, view: int) -> list[int]:
        """Return the indexes of those who voted in a slot, whatever for."""
        return list(self._by_slot.get((kind, view), ()))

    def certificate(self, kind: VoteKind, view: int, block_hash: bytes) -> Certificate | None:
        """Return the certificate of a quorum for this very block in this very view, or None."""
        votes = {
            index: signature
            for index, (voted, signature) in self._by_slot.get((kind, view), {}).items()
            if voted == block_hash
        }
        if len(votes) < self.quorum:
            return None
        return assemble_certificate(self.height, view, block_hash, votes)

    def decided(self) -> Certificate | None:
        """Return a COMMIT certificate of any view, or None."""
        for kind, view in self._by_slot:
            if kind is VoteKind.COMMIT:
                for block_hash in dict.fromkeys(voted for voted, _ in self._by_slot[kind, view].values()):
                    certificate = self.certificate(kind, view, block_hash)
                    if certificate is not None:
                        return certificate
        return None
