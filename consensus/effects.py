"""What the replica wants done. The shell carries effects out in the order in which they are listed.

The order is the durability contract: a ``Persist`` stands before the ``Broadcast`` or ``Send`` that it protects.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from consensus.messages import Proposal
from ledger.certificate import Certificate
from ledger.evidence import Equivocation

LOCK_RECORD: Final = "lock"


@dataclass(frozen=True, slots=True)
class SafetyRecord:
    """Something that must survive a power cut: a message that was signed (``kind`` is its type) or the lock."""

    height: int
    view: int
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Persist:
    """Write the records to the disk and wait until they are there."""

    records: tuple[SafetyRecord, ...]


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send the encoded message to all other validators."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """Send the encoded message to one validator, named by its public key."""

    to: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class ProposeBlock:
    """Make a block on this parent; answer with ``BlockProposed``."""

    height: int
    view: int
    parent_hash: bytes


@dataclass(frozen=True, slots=True)
class CheckProposal:
    """Execute the proposed block and compare it with its header; answer with ``ProposalChecked``.

    ``is_fresh`` says that the proposer made it just now. One that was prepared in an earlier view may be old, so its
    time is not to be measured against the clock.
    """

    height: int
    view: int
    proposal: Proposal
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class CommitBlock:
    """Store the block for good; answer with ``BlockCommitted``."""

    proposal: Proposal
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class FetchBlocks:
    """Fetch certified blocks, best from this peer; each comes back as ``BlockCommitted``."""

    from_height: int
    to_height: int
    peer: bytes


@dataclass(frozen=True, slots=True)
class KeepEvidence:
    """Keep two contradicting votes of a validator, and bring them before the others."""

    evidence: Equivocation


@dataclass(frozen=True, slots=True)
class CompareTip:
    """Fetch a peer's certified block at our tip's height: it says that it has another one there than we."""

    height: int
    peer: bytes


class ReportKind(StrEnum):
    """Why something was ignored, or what is wrong; the value is the stable name (docs/consensus.md lists them)."""

    OLD_HEIGHT = "old_height"
    FUTURE_HEIGHT = "future_height"
    OLD_VIEW = "old_view"
    FUTURE_VIEW = "future_view"
    NOT_THE_PROPOSER = "not_the_proposer"
    WRONG_PARENT = "wrong_parent"
    WRONG_PROPOSER_IN_HEADER = "wrong_proposer_in_header"
    UNJUSTIFIED_PROPOSAL = "unjustified_proposal"
    WITHHELD_PROPOSAL = "withheld_proposal"
    DUPLICATE = "duplicate"
    STALE_ANSWER = "stale_answer"
    OWN_MESSAGE = "own_message"
    PROPOSAL_REFUSED = "proposal_refused"
    VIEW_CHANGE = "view_change"
    EQUIVOCATION = "equivocation"
    FORK_SUSPECTED = "fork_suspected"
    LEARNED = "learned"
    DOUBLE_SIGN_REFUSED = "double_sign_refused"
    OWN_KEY_ELSEWHERE = "own_key_elsewhere"
    DECIDED_BLOCK_REFUSED = "decided_block_refused"


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the operators; nothing depends on it."""

    kind: ReportKind
    detail: str
    sender: bytes | None = None


Effect: TypeAlias = (
    Persist
    | Broadcast
    | Send
    | ProposeBlock
    | CheckProposal
    | CommitBlock
    | FetchBlocks
    | KeepEvidence
    | CompareTip
    | Report
)
