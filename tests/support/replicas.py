"""One real replica and the keys of all its peers, so that a test can say anything in anybody's name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import UnionType
from typing import Any, TypeVar

from consensus.authenticate import Authentic, authenticate
from consensus.config import ConsensusConfig
from consensus.effects import Broadcast, Effect, Persist, Report, ReportKind, SafetyRecord, Send
from consensus.events import BlockCommitted, Event, MessageReceived, ProposalChecked, Tick, WorkAvailable
from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    Proposal,
    SignedMessage,
    Status,
    ViewChange,
    decode_message,
    sign_message,
    without_proposal,
)
from consensus.proposers import ProposerBook
from consensus.replica import Replica
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet
from tests.sim.keys import StubKey, stub_verify
from tests.support.toy_chain import CHAIN_ID, genesis, make_block
from tests.support.vote_disk import Disk

CONFIG = ConsensusConfig()
KEYS = sorted(
    (StubKey(SecretKey(tagged_hash("test key", bytes([number]))).public_key) for number in range(10)),
    key=lambda key: key.public_key,
)

Wanted = TypeVar("Wanted")


def validator_set(count: int, first: int = 0) -> ValidatorSet:
    """Return a set of the keys from ``first`` on; their order in it is that of ``KEYS``."""
    return ValidatorSet(Validator(key.public_key, f"organisation {key.public_key.hex()[:4]}") for key in
                        KEYS[first : first + count])  # fmt: skip


class Bench:
    """A replica at height 1, by default that of validator 0 of 4; validator 1 proposes in view 0, 2 in view 1.

    It has heard of a quorum already, unless ``is_taught`` is false.
    """

    def __init__(
        self,
        count: int = 4,
        index: int = 0,
        records: Iterable[SafetyRecord] = (),
        tip: Header | None = None,
        *,
        is_taught: bool = True,
        is_store_new: bool = False,
        has_signed: bool | None = None,
    ) -> None:
        self.is_taught = is_taught
        self.is_store_new = is_store_new
        self.has_signed = has_signed
        self.validators = validator_set(count)
        self.index = index
        self.tip = tip or genesis()
        self.disk = Disk()
        self.disk.persist(records)
        self.now_ms = 0
        self.earlier: dict[int, ValidatorSet] = {}
        """The validators of heights at which they were others than now."""
        self.replica = self._new_replica()

    def restart(self) -> list[Effect]:
        """Start the replica again from what is on the disk and return what it wants at its first tick."""
        self.replica = self._new_replica()
        return [*self.early, *self.tick(0)]

    def _new_replica(self) -> Replica:
        records = self.disk.records_above(0)  # those of lower heights are the replica's to pass over
        proposers = ProposerBook(self.tip.height + 1, self.validators)
        replica = Replica(
            CONFIG,
            CHAIN_ID,
            KEYS[self.index],
            proposers,
            self.tip,
            records,
            self.now_ms,
            is_store_new=self.is_store_new,
            has_signed=self.tip.height > 0 if self.has_signed is None else self.has_signed,
        )
        self.early = teach(replica, self.validators, self.index, self.tip) if self.is_taught else []
        return replica

    def feed(self, event: Event) -> list[Effect]:
        """Step, and carry out what goes to the disk."""
        effects = list(self.replica.step(event))
        for effect in of_type(effects, Persist):
            self.disk.persist(effect.records)
        return effects

    def tick(self, milliseconds: int) -> list[Effect]:
        """Let time pass in ticks of 100 ms and return everything that came of it."""
        effects = []
        for _ in range(max(1, milliseconds // 100)):
            self.now_ms += min(100, milliseconds)
            effects += self.feed(Tick(self.now_ms))
        return effects

    def work(self, *, is_waiting: bool = True) -> list[Effect]:
        """Tell the replica whether transactions wait."""
        return self.feed(WorkAvailable(is_waiting))

    def say(self, index: int, message: Message) -> list[Effect]:
        """Deliver a message of a validator, through its encoding and the signature gate."""
        return self.deliver(sign_message(KEYS[index], CHAIN_ID, message))

    def deliver(self, signed: SignedMessage) -> list[Effect]:
        """Deliver a signed message."""
        message = decode_message(signed.encoded)
        validators = self.earlier.get(message.message.height, self.validators)
        verdict = authenticate(message, validators, CHAIN_ID, stub_verify)
        assert isinstance(verdict, Authentic), verdict
        return self.feed(MessageReceived(verdict))

    def block(self, view: int = 0, *what: object) -> Proposal:
        """Return the block of the proposer of a view; ``what`` tells blocks apart."""
        return make_block(self.tip, KEYS[self.proposer(view)].public_key, self.validators, *what)

    def proposer(self, view: int = 0) -> int:
        """Return the index of the proposer of a view of the height in progress."""
        return ProposerBook(self.tip.height + 1, self.validators).proposer_index(view)

    def propose(self, block: Proposal, view: int = 0, changes: Sequence[SignedMessage] = ()) -> list[Effect]:
        """Deliver the proposal of a view."""
        bare = tuple(without_proposal(change) for change in changes)
        return self.say(self.proposer(view), PrePrepare(block.header.height, view, block, bare))

    def accept(self, block: Proposal, view: int = 0, refusal: str | None = None) -> list[Effect]:
        """Answer the check of a block."""
        return self.feed(ProposalChecked(block.header.height, view, block.header.hash, refusal))

    def prepare(self, index: int, block: Proposal, view: int = 0) -> list[Effect]:
        """Deliver a PREPARE."""
        return self.say(index, Prepare(block.header.height, view, block.header.hash))

    def commit(self, index: int, block: Proposal, view: int = 0) -> list[Effect]:
        """Deliver a COMMIT."""
        return self.say(index, Commit(block.header.height, view, block.header.hash))

    def lock(self, block: Proposal, view: int = 0) -> list[Effect]:
        """Bring the replica to its COMMIT for the block of view 0: propose, accept, prepare by all others."""
        self.propose(block, view)
        effects = self.accept(block, view)
        for index in range(len(self.validators)):
            if index != self.index:
                effects += self.prepare(index, block, view)
        return effects

    def certificate(
        self, block: Proposal, view: int = 0, signers: Iterable[int] = (1, 2, 3), kind: VoteKind = VoteKind.PREPARE
    ) -> Certificate:
        """Return a certificate with good signatures."""
        preimage = vote_preimage(kind, CHAIN_ID, block.header.height, view, block.header.hash)
        votes = {index: KEYS[index].sign(preimage) for index in signers}
        return assemble_certificate(block.header.height, view, block.header.hash, votes)

    def view_change(
        self, index: int, view: int, prepared: Certificate | None = None, block: Proposal | None = None
    ) -> SignedMessage:
        """Return a view change of the height in progress."""
        return sign_message(KEYS[index], CHAIN_ID, ViewChange(self.tip.height + 1, view, prepared, block))

    def committed(self, block: Proposal, validators: ValidatorSet | None = None) -> list[Effect]:
        """Tell the replica that a block is stored."""
        self.tip = block.header
        return self.feed(BlockCommitted(block.header, validators or self.validators))


def teach(replica: Replica, validators: ValidatorSet, index: int | None, tip: Header) -> list[Effect]:
    """Let a replica that starts hear of a quorum at its own height, so that it may vote; return what it wants then."""
    effects: list[Effect] = []
    others = [other for other in range(len(validators)) if other != index]
    for other in others[: validators.quorum]:
        key = next(key for key in KEYS if key.public_key == validators[other].public_key)
        signed = sign_message(key, CHAIN_ID, Status(tip.height + 1, 0, tip.hash))
        effects += replica.step(MessageReceived(Authentic(signed, other, validators)))
    return effects


def of_type(effects: Iterable[Effect], kind: type[Wanted]) -> list[Wanted]:
    """Return the effects of one type."""
    return [effect for effect in effects if isinstance(effect, kind)]


def sent(effects: Iterable[Effect], kind: type | UnionType) -> list[Any]:
    """Return the messages of one or several types that are broadcast or sent, in order."""
    messages = [decode_message(effect.data).message for effect in effects if isinstance(effect, Broadcast | Send)]
    return [message for message in messages if isinstance(message, kind)]


def reports(effects: Iterable[Effect]) -> list[ReportKind]:
    """Return the kinds of what is reported, in order."""
    return [effect.kind for effect in effects if isinstance(effect, Report)]


def with_other_ids(block: Proposal) -> Proposal:
    """Return the block with a transaction that its header does not commit to."""
    return replace(block, transaction_ids=(bytes(32),))
