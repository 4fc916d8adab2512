"""An event in one line, for the table of a replayed run."""

from consensus.effects import Report
from consensus.messages import PrePrepare, SignedMessage, Status, ViewChange, tag_of
from tests.sim.events import Answered
from tests.sim.scenario import DiskFault


def describe(what: object) -> str:
    """Return an event in one line."""
    match what:
        case SignedMessage():
            return _described(what)
        case Report():
            return f"report {what.kind.value}: {what.detail}"
        case Answered():
            return f"answer {what.question_id}: " + ("none" if what.answer is None else f"{len(what.answer)} bytes")
        case DiskFault():
            return f"disk: {what.kind} for {what.for_ms} ms"
        case _:
            return str(what)


def _described(signed: SignedMessage) -> str:
    message = signed.message
    text = f"{tag_of(message)} {message.height}/{message.view} of {signed.sender.hex()[:6]}"
    match message:
        case PrePrepare():
            return f"{text} {message.proposal.header.hash.hex()[:8]} with {len(message.view_changes)} changes"
        case ViewChange():
            prepared = message.prepared
            shown = "none" if prepared is None else f"{prepared.block_hash.hex()[:8]} of {prepared.view}"
            return f"{text} prepared {shown}"
        case Status():
            return text
        case _:
            return f"{text} {message.block_hash.hex()[:8]}"
