"""Which proposals can stand in a view: pure rules over a pre-prepare whose signatures were checked."""

from consensus.effects import ReportKind
from consensus.messages import PrePrepare
from consensus.proposers import ProposerBook
from consensus.view_change import highest_prepared
from ledger.block import Header


def broken_pre_prepare(sender: bytes, message: PrePrepare, proposers: ProposerBook, tip: Header) -> ReportKind | None:
    """Return why a pre-prepare cannot stand on this tip, or None. ``authenticate`` counted its quorum before.

    The choice of the block is computed again from the view changes that it carries: the block of the highest
    certificate among them, whoever made that block first, else a new block of this very proposer.
    """
    if proposers.validators.index_of(sender) != proposers.proposer_index(message.view):
        return ReportKind.NOT_THE_PROPOSER
    header = message.proposal.header
    if header.parent_hash != tip.hash:
        return ReportKind.WRONG_PARENT
    prepared = highest_prepared(message.view_changes)
    if prepared is not None:
        return None if prepared.block_hash == header.hash else ReportKind.UNJUSTIFIED_PROPOSAL
    return None if header.proposer == sender else ReportKind.WRONG_PROPOSER_IN_HEADER
