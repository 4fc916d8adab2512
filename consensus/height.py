"""What a replica knows about the height in progress; all of it is dropped when the height is decided."""

from dataclasses import dataclass, field
from enum import StrEnum

from consensus.effects import LOCK_RECORD, SafetyRecord
from consensus.messages import Proposal, SignedMessage, decode_proposal, encode_proposal, statement_of
from consensus.proposers import ProposerBook
from consensus.view_change import ViewChangeBook
from consensus.votes import VoteBook
from ledger.certificate import Certificate, certificate_from_value
from ledger.codec import decode, encode
from ledger.shape import as_array, as_blob
from ledger.validators import ValidatorSet


class Phase(StrEnum):
    """Where the replica stands in its view."""

    IDLE = "idle"
    WAITING = "waiting"
    CHECKING = "checking"
    PREPARING = "preparing"
    COMMITTING = "committing"
    CHANGING_VIEW = "changing_view"


@dataclass(frozen=True, slots=True)
class Lock:
    """A prepared block: the PREPARE certificate with the highest view that we hold, and the block."""

    certificate: Certificate
    proposal: Proposal

    def to_record(self) -> SafetyRecord:
        """Return the record that keeps the lock over a restart."""
        data = encode([self.certificate.to_value(), encode_proposal(self.proposal)])
        return SafetyRecord(self.certificate.height, self.certificate.view, LOCK_RECORD, data)

    @classmethod
    def from_record(cls, record: SafetyRecord) -> "Lock":
        """Return the lock of a record that we wrote; raises LedgerError where it is damaged."""
        certificate, proposal = as_array(decode(record.data), 2, "lock")
        return cls(
            certificate_from_value(certificate), decode_proposal(as_blob(proposal, len(record.data), "proposal"))
        )


@dataclass(slots=True)
class HeightState:
    """The votes, proposals and timers of one height.

    ``accepted`` holds the hashes of the blocks that were checked and stand, ``checking`` the checks that are on their
    way: by (view, block hash) whether the block was fresh, for an old block is not measured against the clock.
    ``sent`` what we signed, by (type, view); ``equivocations`` the slots (type, view, validator) of evidence that was
    kept. ``entitlement`` is the first quorum of view changes to our view that we saw: it stays, whatever its senders
    want later, and a proposal carries it.
    """

    proposers: ProposerBook
    votes: VoteBook
    view: int = 0
    deadline_ms: int | None = None
    is_making_block: bool = False
    lock: Lock | None = None
    view_changes: ViewChangeBook = field(default_factory=ViewChangeBook)
    pre_prepares: dict[int, SignedMessage] = field(default_factory=dict)
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    entitlement: tuple[SignedMessage, ...] = ()
    accepted: set[bytes] = field(default_factory=set)
    checking: dict[tuple[int, bytes], bool] = field(default_factory=dict)
    sent: dict[tuple[str, int], SignedMessage] = field(default_factory=dict)
    equivocations: set[tuple[str, int, int]] = field(default_factory=set)
    is_decided: bool = False

    @property
    def height(self) -> int:
        """The height itself."""
        return self.proposers.height

    @property
    def validators(self) -> ValidatorSet:
        """Those who sign the block of this height."""
        return self.proposers.validators

    @property
    def phase(self) -> Phase:
        """Where the replica stands in its view."""
        if ("commit", self.view) in self.sent:
            return Phase.COMMITTING
        if ("prepare", self.view) in self.sent:
            return Phase.PREPARING
        if self.view in self.pre_prepares:
            return Phase.CHECKING
        if self.view > 0:
            return Phase.CHANGING_VIEW
        return Phase.WAITING if self.deadline_ms is not None else Phase.IDLE

    @property
    def is_active(self) -> bool:
        """Whether anything is going on: a timer runs or something was signed."""
        return self.deadline_ms is not None or bool(self.sent)

    @property
    def is_view_open(self) -> bool:
        """Whether a block may be proposed in our view: at once in view 0, else when a quorum wants the view."""
        return self.view == 0 or bool(self.entitlement)

    @property
    def is_view_reached(self) -> bool:
        """Whether a quorum got as far as our view: it says so, or we once saw a proposal that proved it."""
        if self.is_view_open or self.view in self.pre_prepares:
            return True
        if ("prepare", self.view) in self.sent or ("pre-prepare", self.view) in self.sent:
            return True
        return self.view_changes.count_from(self.view) >= self.validators.quorum

    def is_proposed(self, block_hash: bytes) -> bool:
        """Say whether this block is the one that was proposed in our view."""
        held = self.pre_prepares.get(self.view)
        return held is not None and statement_of(held.message) == block_hash


def new_height(proposers: ProposerBook) -> HeightState:
    """Return the state of a height of which nothing is known yet."""
    return HeightState(proposers, VoteBook(proposers.height, proposers.validators.quorum))
