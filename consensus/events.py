"""What can happen to a replica. Nothing else reaches it: no clock, no network, no disk."""

from dataclasses import dataclass
from typing import TypeAlias

from consensus.authenticate import Authentic
from consensus.messages import Proposal
from ledger.block import Header
from ledger.validators import ValidatorSet


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: milliseconds of a monotonic clock."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message arrived whose signatures are good."""

    authentic: Authentic


@dataclass(frozen=True, slots=True)
class WorkAvailable:
    """Whether transactions wait for a block."""

    is_waiting: bool


@dataclass(frozen=True, slots=True)
class BlockProposed:
    """The answer to ``ProposeBlock``; None where there is nothing to propose."""

    height: int
    view: int
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class ProposalChecked:
    """The answer to ``CheckProposal``: None where the block stands, else the name of the rule that it breaks."""

    height: int
    view: int
    block_hash: bytes
    refusal: str | None


@dataclass(frozen=True, slots=True)
class BlockCommitted:
    """A block is stored for good, by agreement or by catching up; ``validators`` are those of the height after it.

    ``is_signed_by_us`` says that its certificate bears the signature of this replica's key.
    """

    header: Header
    validators: ValidatorSet
    is_signed_by_us: bool = False


Event: TypeAlias = Tick | MessageReceived | WorkAvailable | BlockProposed | ProposalChecked | BlockCommitted
