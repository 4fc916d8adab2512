"""How liars change what their replica says. A liar has its own key and no other, and may send each node what it likes.

Each role takes one outgoing message and one receiver, and gives the bytes that this receiver gets.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    SignedMessage,
    Status,
    ViewChange,
    sign_message,
    tag_of,
    without_proposal,
)
from consensus.replica import Replica
from consensus.view_change import highest_prepared, view_change_of
from ledger.block import Header
from ledger.certificate import VIEW_MAX, Certificate
from ledger.validators import ValidatorSet
from tests.sim.invariants import StubKey
from tests.sim.scenario import chance
from tests.sim.toy import CHAIN_ID, make_bad_block, make_block

Answer: TypeAlias = Iterable[bytes]


@dataclass(slots=True)
class Liar:
    """What a role may look at: its own replica, its own key, and the chain that its replica follows."""

    seed: int
    node: int
    key: StubKey
    validators: ValidatorSet
    replica: Replica
    tip: Header
    other_blocks: dict[tuple[int, int], SignedMessage] = field(default_factory=dict)
    number: int = 0

    def sign(self, message: Message) -> bytes:
        """Return an encoded message with the liar's own signature."""
        return sign_message(self.key, CHAIN_ID, message).encoded

    def is_own(self, signed: SignedMessage) -> bool:
        """Say whether the liar signed this itself, and does not pass it on for somebody."""
        return signed.sender == self.key.public_key

    def lot(self, *ids: object) -> float:
        """Return chance that depends on the liar and these ids."""
        return chance(self.seed, "lie", self.node, *ids)


Role: TypeAlias = Callable[[Liar, SignedMessage, int], Answer]


def honest(_liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Say the truth; a twin does too, twice."""
    return (signed.encoded,)


def mute(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Say nothing, or leave out some kinds of messages."""
    if liar.lot("all") < 0.4 or liar.lot("kind", tag_of(signed.message)) < 0.4:
        return ()
    return (signed.encoded,)


def selective(liar: Liar, signed: SignedMessage, to: int) -> Answer:
    """Tell each thing to some nodes only, and the same ones each time."""
    message = signed.message
    return (signed.encoded,) if liar.lot(tag_of(message), message.height, message.view, to) < 0.5 else ()


def equivocator(liar: Liar, signed: SignedMessage, to: int) -> Answer:
    """Show two blocks to two halves of the nodes, and vote in each half for the block that it saw."""
    message = signed.message
    if not liar.is_own(signed) or liar.lot("half", message.height, to) < 0.5:
        return (signed.encoded,)
    place = (message.height, message.view)
    if isinstance(message, PrePrepare) and highest_prepared(message.view_changes) is None:
        if place not in liar.other_blocks and message.height == liar.tip.height + 1:
            block = make_block(liar.tip, liar.key.public_key, liar.validators, "other", liar.node, place)
            other = PrePrepare(message.height, message.view, block, message.view_changes)
            liar.other_blocks[place] = sign_message(liar.key, CHAIN_ID, other)
        return (liar.other_blocks.get(place, signed).encoded,)
    if isinstance(message, Prepare | Commit) and place in liar.other_blocks:
        other_message = liar.other_blocks[place].message
        assert isinstance(other_message, PrePrepare)
        return (liar.sign(replace(message, block_hash=other_message.proposal.header.hash)),)
    return (signed.encoded,)


def hider(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Show no certificate in view changes, and propose anew where a quorum of view changes shows none."""
    message = signed.message
    if not liar.is_own(signed):
        return (signed.encoded,)
    if isinstance(message, ViewChange):
        return (liar.sign(ViewChange(message.height, message.view, None, None)),)
    if isinstance(message, PrePrepare) and message.view > 0:
        return (_propose_anew(liar, message, signed),)
    return (signed.encoded,)


def usurper(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Propose anew, whatever the view changes show that one carries."""
    message = signed.message
    if liar.is_own(signed) and isinstance(message, PrePrepare) and message.view > 0:
        if message.height != liar.tip.height + 1:
            return ()
        block = make_block(liar.tip, liar.key.public_key, liar.validators, "usurped", liar.node, message.view)
        changes = message.view_changes if liar.lot("changes", message.height, message.view) < 0.7 else ()
        return (liar.sign(PrePrepare(message.height, message.view, block, changes)),)
    return (signed.encoded,)


def forger(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Show a certificate for an invented block, with signatures that nobody made."""
    message = signed.message
    if not liar.is_own(signed) or not isinstance(message, ViewChange) or message.height != liar.tip.height + 1:
        return (signed.encoded,)
    block = make_block(liar.tip, liar.key.public_key, liar.validators, "forged", liar.node, message.view)
    signers = tuple(range(len(liar.validators)))
    certificate = Certificate(message.height, message.view - 1, block.header.hash, signers, (bytes(64),) * len(signers))
    return (liar.sign(ViewChange(message.height, message.view, certificate, block)),)


def bad_block(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Propose to everybody the same block, and a wrong one."""
    message = signed.message
    if liar.is_own(signed) and isinstance(message, PrePrepare) and message.height == liar.tip.height + 1:
        block = make_bad_block(liar.tip, liar.key.public_key, liar.validators, message.view)
        return (liar.sign(PrePrepare(message.height, message.view, block, message.view_changes)),)
    return (signed.encoded,)


def corrupter(liar: Liar, signed: SignedMessage, to: int) -> Answer:
    """Be off by one in height or view, or break some bytes."""
    message = signed.message
    if not liar.is_own(signed) or liar.lot("spare", message.height, message.view, tag_of(message), to) < 0.6:
        return (signed.encoded,)
    liar.number += 1
    match int(liar.lot("how", liar.number) * 4):
        case 0:
            at = int(liar.lot("at", liar.number) * len(signed.encoded))
            return (signed.encoded[:at] + bytes([signed.encoded[at] ^ 1]) + signed.encoded[at + 1 :],)
        case 1:
            return (liar.sign(replace(message, view=message.view + 1)), signed.encoded)
        case 2 if message.height > 1:
            return (liar.sign(replace(message, height=message.height - 1)),)
        case _:
            return (liar.sign(replace(message, height=message.height + 1)), signed.encoded)


def flooder(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Send with each thing a heap of things from the future."""
    height = signed.message.height
    liar.number += 1
    extra: list[Message] = []
    for step in range(4):
        lot = liar.lot("flood", liar.number, step)
        view = VIEW_MAX if lot > 0.9 else 1 + int(lot * 400)
        extra.append(Prepare(height + step % 2, view, CHAIN_ID))
        extra.append(ViewChange(height + step % 2, view, None, None))
    extra.append(Status(height + 50, 3, CHAIN_ID))
    return [signed.encoded, *(liar.sign(message) for message in extra)]


def _propose_anew(liar: Liar, message: PrePrepare, signed: SignedMessage) -> bytes:
    """Return a new proposal with a quorum of view changes that shows no certificate, if there is one."""
    known = liar.replica._state.view_changes.of_view(message.view) if liar.replica.height == message.height else []
    hiding = sign_message(liar.key, CHAIN_ID, ViewChange(message.height, message.view, None, None))
    changes = [hiding] + [without_proposal(change) for change in known if change.sender != liar.key.public_key]
    changes.sort(key=lambda change: view_change_of(change).prepared is not None)
    quorum = tuple(changes[: liar.validators.quorum])
    is_free = len(quorum) == liar.validators.quorum and highest_prepared(quorum) is None
    if not is_free or message.height != liar.tip.height + 1:
        return signed.encoded
    block = make_block(liar.tip, liar.key.public_key, liar.validators, "hidden", liar.node, message.view)
    return liar.sign(PrePrepare(message.height, message.view, block, quorum))


ROLES: dict[str, Role] = {
    "honest": honest,
    "twin": honest,
    "equivocator": equivocator,
    "hider": hider,
    "usurper": usurper,
    "forger": forger,
    "selective": selective,
    "corrupter": corrupter,
    "bad_block": bad_block,
    "flooder": flooder,
    "mute": mute,
}
