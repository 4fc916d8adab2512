"""How liars change what their replica says. A liar has its own key and no other, and may send each node what it likes.

Each role takes one outgoing message and one receiver, and gives the bytes that this receiver gets.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    Proposal,
    SignedMessage,
    Status,
    ViewChange,
    sign_message,
    tag_of,
    without_proposal,
)
from consensus.view_change import highest_prepared, view_change_of
from ledger.certificate import VIEW_MAX, Certificate
from ledger.codec import encode
from ledger.hashing import tagged_hash
from ledger.transaction import Transaction
from node.chain import Candidate
from node.engine.ports import Question, TransactionsQuestion
from node.network.wire import CertifiedBlock, decode_blocks, encode_block
from tests.sim.clients import make_transaction
from tests.sim.machine import Machine
from tests.sim.network import Clock
from tests.sim.scenario import chance

Answer: TypeAlias = Iterable[bytes]
SLOW = "slow"


@dataclass(slots=True)
class Liar:
    """What a role may look at: its own machine with its own key, and the node that runs on it."""

    seed: int
    machine: Machine
    clock: Clock[Any]
    other_blocks: dict[tuple[int, int], SignedMessage] = field(default_factory=dict)
    made: dict[object, Proposal] = field(default_factory=dict)
    number: int = 0

    @property
    def node(self) -> int:
        """The number of its machine."""
        return self.machine.number

    def sign(self, message: Message) -> bytes:
        """Return an encoded message with the liar's own signature."""
        return self.signed(message).encoded

    def signed(self, message: Message) -> SignedMessage:
        """Return a message with the liar's own signature."""
        return sign_message(self.machine.key, self.machine.genesis.block.header.chain_id, message)

    def is_own(self, signed: SignedMessage) -> bool:
        """Say whether the liar signed this itself, and does not pass it on for somebody."""
        return signed.sender == self.machine.key.public_key

    def lot(self, *ids: object) -> float:
        """Return chance that depends on the liar and these ids."""
        return chance(self.seed, "lie", self.node, *ids)

    def is_next(self, message: Message) -> bool:
        """Say whether a message is about the block on the liar's tip."""
        return message.height == self.machine.tip.height + 1

    def block(self, *what: object) -> Proposal:
        """Return a good block on the liar's tip, told apart by ``what``: others' transactions and one of its own."""
        if what not in self.made:
            own = self._transaction(*what)
            waiting = [transaction for transaction in self.machine.pool if self.lot("takes", *what) < 0.7]
            chain = self.machine.chain
            candidate = chain.propose(self.machine.key.public_key, [own, *waiting], self.machine.wall_clock_ms())
            assert isinstance(candidate, Candidate), "its own transaction may be in a block"
            self.made[what] = _proposal(candidate)
        return self.made[what]

    def _transaction(self, *what: object) -> Transaction:
        """Return a payment that nobody else knows of; peers that ask for it get it."""
        number = -1 - int(self.lot("own", *what) * (1 << 60))
        time_ms = max(self.machine.wall_clock_ms(), self.machine.tip.time_ms)
        setting, chain_id = self.machine.setting, self.machine.genesis.block.header.chain_id
        operation = setting.ledger.payment(number, 0, 1, 1)
        transaction = make_transaction(setting.client_key, chain_id, number, time_ms + 30_000, operation)
        self.machine.stash[transaction.transaction_id] = transaction
        return transaction

    def bad_block(self, *what: object) -> Proposal:
        """Return a block that breaks one rule."""
        good = self.block(*what)
        header = good.header
        wrong = tagged_hash("wrong")
        match int(self.lot("bad", header.height, *what) * 8):
            case 0:
                return replace(good, header=replace(header, state_root=wrong))
            case 1:
                return replace(good, header=replace(header, receipts_root=wrong))
            case 2:
                return replace(good, header=replace(header, next_validators_hash=wrong))
            case 3:
                return replace(good, header=replace(header, validators_hash=wrong))
            case 4:
                return replace(good, header=replace(header, time_ms=header.time_ms + 3_600_000))
            case 5:
                return replace(good, header=replace(header, time_ms=self.machine.tip.time_ms))
            case 6 if self.machine.tip.height > 0:
                return self._replay(good)
            case _:
                return replace(good, header=replace(header, parent_hash=wrong))

    def _replay(self, good: Proposal) -> Proposal:
        """Return a block that holds the transactions of the last one again, executed as if they were new."""
        chain = self.machine.chain
        last = chain.store.block(chain.tip.height)
        assert last is not None
        execution, plan = chain._execute(good.header.height, good.header.time_ms, last.transactions)
        header = chain._header(self.machine.key.public_key, good.header.time_ms, last.transactions, execution, plan)
        return Proposal(header, tuple(transaction.transaction_id for transaction in last.transactions))


def _proposal(candidate: Candidate) -> Proposal:
    return Proposal(candidate.header, tuple(transaction.transaction_id for transaction in candidate.transactions))


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
        if place not in liar.other_blocks and liar.is_next(message):
            other = PrePrepare(message.height, message.view, liar.block("other", place), message.view_changes)
            liar.other_blocks[place] = liar.signed(other)
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
        if not liar.is_next(message):
            return ()
        block = liar.block("usurped", message.height, message.view)
        changes = message.view_changes if liar.lot("changes", message.height, message.view) < 0.7 else ()
        return (liar.sign(PrePrepare(message.height, message.view, block, changes)),)
    return (signed.encoded,)


def forger(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Show a certificate for an invented block, with signatures that nobody made."""
    message = signed.message
    if not liar.is_own(signed) or not isinstance(message, ViewChange) or not liar.is_next(message):
        return (signed.encoded,)
    block = liar.block("forged", message.height, message.view)
    signers = tuple(range(len(liar.machine.chain.validators)))
    certificate = Certificate(message.height, message.view - 1, block.header.hash, signers, (bytes(64),) * len(signers))
    return (liar.sign(ViewChange(message.height, message.view, certificate, block)),)


def bad_block(liar: Liar, signed: SignedMessage, _to: int) -> Answer:
    """Propose to everybody the same block, and a wrong one."""
    message = signed.message
    if liar.is_own(signed) and isinstance(message, PrePrepare) and liar.is_next(message):
        block = liar.bad_block(message.height, message.view)
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
        extra.append(Prepare(height + step % 2, view, _SOME_HASH))
        extra.append(ViewChange(height + step % 2, view, None, None))
    extra.append(Status(height + 50, 3, _SOME_HASH))
    return [signed.encoded, *(liar.sign(message) for message in extra)]


def _propose_anew(liar: Liar, message: PrePrepare, signed: SignedMessage) -> bytes:
    """Return a new proposal with a quorum of view changes that shows no certificate, if there is one."""
    replica = liar.machine.replica
    known = replica._state.view_changes.of_view(message.view) if replica.height == message.height else []
    hiding = liar.signed(ViewChange(message.height, message.view, None, None))
    changes = [hiding] + [without_proposal(change) for change in known if not liar.is_own(change)]
    changes.sort(key=lambda change: view_change_of(change).prepared is not None)
    quorum = tuple(changes[: liar.machine.chain.validators.quorum])
    is_free = len(quorum) == liar.machine.chain.validators.quorum and highest_prepared(quorum) is None
    if not is_free or not liar.is_next(message):
        return signed.encoded
    return liar.sign(
        PrePrepare(message.height, message.view, liar.block("hidden", message.height, message.view), quorum)
    )


def sync_liar(liar: Liar, question: Question, answer: bytes, number: int) -> bytes | None:
    """Withhold what is asked for, or give blocks that are not what was agreed."""
    if isinstance(question, TransactionsQuestion):
        return answer if liar.lot("gives", number) < 0.5 else None
    blocks = decode_blocks(answer)
    match int(liar.lot("sync", number) * 7):
        case 0:
            return None
        case 1:
            return encode([])
        case 2:
            return b"\x00junk"
        case 3:
            return _blocks(blocks[:1])
        case 4:
            return _blocks([_other_transactions(block) for block in blocks])
        case 5:
            shifted = [replace(block, certificate=blocks[place - 1].certificate) for place, block in enumerate(blocks)]
            return _blocks(shifted)
        case _:
            return _blocks([_thin(block) for block in blocks])


def _blocks(blocks: list[CertifiedBlock]) -> bytes:
    return encode([encode_block(block.header, block.certificate, block.transactions) for block in blocks])


def _other_transactions(block: CertifiedBlock) -> CertifiedBlock:
    """Give the last transaction a signature that is not its sender's; its id stays."""
    last = block.transactions[-1]
    forged = replace(last, encoded=encode([last.body, bytes(64)]), signature=bytes(64))
    return replace(block, transactions=(*block.transactions[:-1], forged))


def _thin(block: CertifiedBlock) -> CertifiedBlock:
    """Give another block, with too few of the signatures."""
    certificate = block.certificate
    header = replace(block.header, state_root=tagged_hash("wrong"))
    kept = len(certificate.signers) // 2
    thin = replace(
        certificate,
        block_hash=header.hash,
        signers=certificate.signers[:kept],
        signatures=certificate.signatures[:kept],
    )
    return replace(block, header=header, certificate=thin)


_SOME_HASH = tagged_hash("some hash")

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
    SLOW: honest,
    "sync_liar": honest,
    "clock_liar": honest,
    "mute": mute,
}

ANSWERS: dict[str, Callable[[Liar, Question, bytes, int], bytes | None]] = {"sync_liar": sync_liar}
