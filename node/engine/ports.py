"""What the engine needs of its surroundings: a way to the peers, and somebody to tell.

Nothing here waits. A question is put to a peer and its answer comes back later as a call of the engine, ``None`` where
the peer gave none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from consensus.effects import Report
from ledger.certificate import Certificate
from node.chain import Candidate


@dataclass(frozen=True, slots=True)
class BlocksQuestion:
    """Certified blocks from ``first`` to ``last``, as many as the peer gives at once."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TransactionsQuestion:
    """The transactions with these ids, as far as the peer knows them."""

    transaction_ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ComparisonQuestion:
    """The certified block at a height where the peer says that it has another one than we."""

    height: int


Question: TypeAlias = BlocksQuestion | TransactionsQuestion | ComparisonQuestion


class ForkError(Exception):
    """Two blocks at one height are certified: more validators lied than the network tolerates. The node must stop."""


class Peers(Protocol):
    """The way to the other nodes; every call returns at once and may come to nothing."""

    def broadcast(self, message: bytes) -> None:
        """Send a consensus message to every peer."""
        ...

    def send(self, public_key: bytes, message: bytes) -> None:
        """Send a consensus message to one peer."""
        ...

    def gossip(self, transactions: Sequence[bytes]) -> None:
        """Send transactions to every peer."""
        ...

    def heard_from(self, public_key: bytes) -> None:
        """Note that an authentic message of this peer arrived."""
        ...

    def known(self, preferred: bytes | None) -> list[bytes]:
        """Return the keys of all peers, in the order in which to ask them."""
        ...

    def ask(self, public_key: bytes, question: Question) -> None:
        """Put a question; ``on_blocks``, ``on_transactions`` or ``on_comparison`` is called with the answer."""
        ...


class Observer(Protocol):
    """Who is told what happens; nothing in the engine depends on it."""

    def committing(self) -> None:
        """A block is about to be written."""
        ...

    def committed(self, candidate: Candidate, certificate: Certificate) -> None:
        """A block is on the disk."""
        ...

    def may_vote(self, height: int) -> None:
        """The node, which followed first, may vote now, at this height."""
        ...

    def reported(self, report: Report) -> None:
        """The replica reports."""
        ...

    def dropped(self, reason: str) -> None:
        """Something that a peer sent was dropped."""
        ...

    def refused(self, what: str, peer: bytes, height: int, rule: str) -> None:
        """A block of this peer breaks a rule."""
        ...
