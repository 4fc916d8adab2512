"""Repair: what to send to a validator that says, by its STATUS, that it lacks something.

A STATUS names what its sender has seen of its view, so the answer is what it lacks of ours and no more.
"""

from consensus.height import HeightState
from consensus.messages import SignedMessage, Status
from ledger.certificate import VoteKind


def status_of(state: HeightState, tip_hash: bytes) -> Status:
    """Return what a replica says of itself."""
    return Status(
        state.height,
        state.view,
        tip_hash,
        state.view in state.pre_prepares,
        tuple(sorted(state.view_changes.senders_of(state.view))),
        tuple(sorted(state.votes.voters(VoteKind.PREPARE, state.view))),
        tuple(sorted(state.votes.voters(VoteKind.COMMIT, state.view))),
    )


def lacking(state: HeightState, status: Status, own_index: int | None) -> list[SignedMessage]:
    """Return those of our messages that the sender of a status of our height lacks.

    One in a lower view gets what moved us to ours. One in our view gets what is missing of us there, and the proposal,
    which its proposer may not be able to send any more.
    """
    if status.view > state.view:
        return []
    is_below = status.view < state.view
    shown = {"view-change": status.view_changes, "prepare": status.prepares, "commit": status.commits}
    found = []
    for kind, senders in shown.items():
        own = state.sent.get((kind, state.view))
        if own is not None and (is_below or own_index not in senders):
            found.append(own)
    proposal = state.pre_prepares.get(state.view)
    if proposal is not None and (is_below or not status.has_proposal):
        found.append(proposal)
    return found
