"""Repair: what to send to a validator that says, by its STATUS, that it lacks something, and what to say again.

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


def repeated(state: HeightState, own_key: bytes) -> list[SignedMessage]:
    """Return what is said again while our view lasts, for a message may have been lost with nobody to ask for it.

    Whoever prepared the proposal passes it on: its proposer may be gone while others still wait for it.
    """
    own = [signed for (_, view), signed in state.sent.items() if view == state.view]
    held = state.pre_prepares.get(state.view)
    is_anothers = held is not None and held.sender != own_key and ("prepare", state.view) in state.sent
    return [*own, held] if held is not None and is_anothers else own


def shows_vote_of(state: HeightState, status: Status, index: int | None) -> bool:
    """Say whether a status shows that a validator signed something in its view; ``index`` is its at that height."""
    if index is None:
        return False
    is_its_turn = status.height == state.height and state.proposers.proposer_index(status.view) == index
    return status.shows(index) or (status.has_proposal and is_its_turn)
