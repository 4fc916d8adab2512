"""After a restart: what our key signed for a height comes back from the safety store before anything new is signed."""

from collections.abc import Iterable

from consensus.effects import LOCK_RECORD, SafetyRecord
from consensus.height import HeightState, Lock
from consensus.messages import Commit, Prepare, SignedMessage, ViewChange, decode_message, tag_of
from ledger.certificate import VoteKind


def take_up(state: HeightState, records: Iterable[SafetyRecord], own_index: int | None) -> list[SafetyRecord]:
    """Put the records of this height into its state: the view, the lock, every slot that is taken; return the others.

    Records of later heights wait: where an old copy of the chain was put back, it grows until it reaches them.
    """
    later = []
    for record in sorted(records, key=lambda record: (record.height, record.view, record.kind)):
        if record.height > state.height:
            later.append(record)
        elif record.height < state.height:
            continue
        elif record.kind == LOCK_RECORD:
            state.lock = Lock.from_record(record)
            state.proposals[state.lock.proposal.header.hash] = state.lock.proposal
        else:
            signed = decode_message(record.data)
            state.sent[tag_of(signed.message), record.view] = signed
            state.view = max(state.view, record.view)
            if own_index is not None:
                _count(state, signed, own_index)
    return later


def _count(state: HeightState, signed: SignedMessage, own_index: int) -> None:
    message = signed.message
    if isinstance(message, Prepare | Commit):
        kind = VoteKind.PREPARE if isinstance(message, Prepare) else VoteKind.COMMIT
        state.votes.add(kind, message.view, message.block_hash, own_index, signed.signature)
    elif isinstance(message, ViewChange):
        state.view_changes.add(own_index, signed)
