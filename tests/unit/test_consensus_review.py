"""Holes found by reading the replica against its own rules; each test is one hole, shown from outside by ``step``."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

import pytest

from consensus.authenticate import Authentic, authenticate
from consensus.config import ConsensusConfig
from consensus.effects import (
    Broadcast,
    CheckProposal,
    CommitBlock,
    Effect,
    Persist,
    ProposeBlock,
    Report,
    ReportKind,
    SafetyRecord,
    Send,
)
from consensus.events import BlockCommitted, BlockProposed, Event, MessageReceived, ProposalChecked, Tick, WorkAvailable
from consensus.messages import (
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
from ledger.block import Header, transactions_root
from ledger.certificate import VoteKind, assemble_certificate, vote_preimage
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet

CHAIN_ID = b"\x07" * 32
_KEYS = [SecretKey(bytes([number]) * 32) for number in range(1, 6)]
VALIDATORS = ValidatorSet(Validator(key.public_key, f"organisation {number}") for number, key in enumerate(_KEYS[:4]))
_BY_PUBLIC_KEY = {key.public_key: key for key in _KEYS}
KEYS = [_BY_PUBLIC_KEY[member.public_key] for member in VALIDATORS]
"""The four secret keys in the order of the set."""
OUTSIDER = _KEYS[4]
CONFIG = ConsensusConfig()

Filter = Callable[[int, int, SignedMessage], bool]
"""``(from, to, message) -> does it arrive``."""


def header(height: int, parent: bytes, proposer: int, salt: str = "") -> Header:
    """Return a header of one transaction; ``salt`` makes another block of the same place."""
    return Header(
        chain_id=CHAIN_ID,
        height=height,
        time_ms=1_000 + height,
        parent_hash=parent,
        proposer=KEYS[proposer].public_key,
        transaction_count=1,
        transactions_root=transactions_root([transaction_id(height, salt)]),
        receipts_root=bytes(32),
        state_root=bytes(32),
        validators_hash=VALIDATORS.hash,
        next_validators_hash=VALIDATORS.hash,
    )


def transaction_id(height: int, salt: str) -> bytes:
    """Return a made-up transaction id."""
    return sha256(f"{height} {salt}".encode()).digest()


GENESIS = Header(
    chain_id=CHAIN_ID,
    height=0,
    time_ms=1_000,
    parent_hash=bytes(32),
    proposer=KEYS[0].public_key,
    transaction_count=0,
    transactions_root=transactions_root([]),
    receipts_root=bytes(32),
    state_root=bytes(32),
    validators_hash=VALIDATORS.hash,
    next_validators_hash=VALIDATORS.hash,
)


def proposal(parent: Header, view: int = 0, salt: str = "") -> Proposal:
    """Return the block that the proposer of a view makes on a parent."""
    height = parent.height + 1
    made = header(height, parent.hash, ProposerBook(height, VALIDATORS).proposer_index(view), salt)
    return Proposal(made, (transaction_id(height, salt),))


def new_replica(
    index: int | None, records: Iterable[SafetyRecord] = (), tip: Header = GENESIS, config: ConsensusConfig = CONFIG
) -> Replica:
    """Return the replica of a validator, or of an observer for None."""
    key = OUTSIDER if index is None else KEYS[index]
    proposers = ProposerBook(tip.height + 1, VALIDATORS)
    replica = Replica(config, CHAIN_ID, key, proposers, tip, records, 0, is_store_new=False, has_signed=False)
    for other in range(4):
        if other != index:
            replica.step(received(sign_message(KEYS[other], CHAIN_ID, Status(tip.height + 1, 0, tip.hash))))
    return replica


def received(signed: SignedMessage) -> MessageReceived:
    """Return a message as it arrives: decoded and authenticated for real."""
    verdict = authenticate(decode_message(signed.encoded), VALIDATORS, CHAIN_ID)
    assert isinstance(verdict, Authentic), verdict
    return MessageReceived(verdict)


def view_change(index: int, height: int, view: int) -> SignedMessage:
    """Return a validator's view change without a certificate."""
    return sign_message(KEYS[index], CHAIN_ID, ViewChange(height, view, None, None))


def signed_by(effects: Sequence[Effect], index: int) -> list[SignedMessage]:
    """Return what a validator broadcasts in these effects, by its own signature."""
    messages = [decode_message(effect.data) for effect in effects if isinstance(effect, Broadcast)]
    return [signed for signed in messages if signed.sender == KEYS[index].public_key]


class Cluster:
    """Some of the four validators on a network without delay, every block valid, work waiting all the time."""

    def __init__(self, members: dict[int, Replica]) -> None:
        self.members = members
        self.arrives: Filter = lambda source, target, signed: True
        self.committed: dict[int, list[bytes]] = {index: [] for index in members}
        self.disks: dict[int, dict[tuple[int, int, str], SafetyRecord]] = {index: {} for index in members}
        self.now_ms = 0

    def run(self, until_ms: int) -> None:
        """Tick every 100 ms up to a time."""
        while self.now_ms < until_ms:
            self.now_ms += 100
            for index in list(self.members):
                self.feed(index, Tick(self.now_ms))

    def feed(self, index: int, event: Event) -> None:
        """Step one replica and everything that follows."""
        queue: list[tuple[int, Event]] = [(index, event)]
        while queue:
            target, following = queue.pop(0)
            for effect in self.members[target].step(following):
                queue.extend(self._carry_out(target, effect))

    def _carry_out(self, index: int, effect: Effect) -> list[tuple[int, Event]]:
        match effect:
            case Persist():
                self.disks[index].update({(r.height, r.view, r.kind): r for r in effect.records})
            case Broadcast():
                return self._deliver(index, [other for other in self.members if other != index], effect.data)
            case Send():
                target = VALIDATORS.index_of(effect.to)
                return self._deliver(index, [target] if target in self.members else [], effect.data)
            case ProposeBlock():
                made = Proposal(
                    header(effect.height, effect.parent_hash, index, f"view {effect.view}"),
                    (transaction_id(effect.height, f"view {effect.view}"),),
                )
                return [(index, BlockProposed(effect.height, effect.view, made))]
            case CheckProposal():
                checked = ProposalChecked(effect.height, effect.view, effect.proposal.header.hash, None)
                return [(index, checked)]
            case CommitBlock():
                self.committed[index].append(effect.proposal.header.hash)
                return [(index, BlockCommitted(effect.proposal.header, VALIDATORS))]
            case _:
                pass
        return []

    def _deliver(self, source: int, targets: Iterable[int | None], data: bytes) -> list[tuple[int, Event]]:
        signed = decode_message(data)
        return [
            (target, received(signed))
            for target in targets
            if target is not None and self.arrives(source, target, signed)
        ]


def commits_within_five_minutes(cluster: Cluster, from_ms: int) -> bool:
    """Let a perfect network run until everybody has a block; say whether that took no longer than five minutes."""
    for until_ms in range(from_ms, from_ms + 300_001, 5_000):
        cluster.run(until_ms)
        if all(cluster.committed.values()):
            return True
    return False


def test_views_that_drifted_apart_by_one_converge_with_one_validator_down() -> None:
    """Only view changes to exactly our view start its timer, and a sender's higher one replaces the one we lacked.

    Validator 2 hears everybody and is heard by nobody (fault 38: a one-way partition), so it sees the quorum for view
    1, waits in vain and asks for view 2. The others never got its view change to 1. After the link heals they hold
    {1, 1, 2}: three want view 1 or more, yet no timer may start, and f + 1 = 2 never want view 2.
    """
    # The proposer of views 0 and 1 at height 1 are validators 1 and 2; 3 is down for good. View 1 stays without a
    # proposal because its proposer is the one that nobody hears.
    cluster = Cluster({index: new_replica(index) for index in (0, 1, 2)})
    cluster.arrives = lambda source, target, signed: source != 2 and not isinstance(signed.message, PrePrepare)
    for index in cluster.members:
        cluster.feed(index, WorkAvailable(is_waiting=True))
    cluster.run(8_000)
    assert [cluster.members[index].view for index in (0, 1, 2)] == [1, 1, 2], "the scene is set"

    cluster.arrives = lambda source, target, signed: True
    assert commits_within_five_minutes(cluster, 8_000)


def test_a_vote_of_a_height_above_the_next_is_remembered_until_that_height() -> None:
    """A node that fetches its ledger anew keeps its safety store (node/home.py says to): records lie ahead of it."""
    index = 3
    first = proposal(GENESIS)
    mine = proposal(first.header, salt="voted for before the ledger was lost")
    other = proposal(first.header, salt="shown after it")
    vote = sign_message(KEYS[index], CHAIN_ID, Prepare(2, 0, mine.header.hash))
    replica = new_replica(index, [SafetyRecord(2, 0, "prepare", vote.encoded)])

    replica.step(BlockCommitted(first.header, VALIDATORS))
    proposer = KEYS[ProposerBook(2, VALIDATORS).proposer_index(0)]
    replica.step(received(sign_message(proposer, CHAIN_ID, PrePrepare(2, 0, other, ()))))
    effects = replica.step(ProposalChecked(2, 0, other.header.hash, None))

    prepared = [s.message.block_hash for s in signed_by(effects, index) if isinstance(s.message, Prepare)]
    assert other.header.hash not in prepared, "two PREPAREs of one key for one height and view"
    assert ReportKind.DOUBLE_SIGN_REFUSED in [effect.kind for effect in effects if isinstance(effect, Report)]


def test_a_whole_cluster_restarted_in_view_one_without_its_proposer_goes_on() -> None:
    """A node that entered view 1 by the proposal alone has no view change to send again after a power cut.

    Two others have one each: with the proposer of view 1 gone that is no quorum, so no timer may ever start.
    """
    made = proposal(GENESIS, view=1)
    changes = {index: view_change(index, 1, 1) for index in (0, 1, 2)}
    assert ProposerBook(1, VALIDATORS).proposer_index(1) == 2, "validator 2 proposed in view 1 and then died"
    vote = sign_message(KEYS[3], CHAIN_ID, Prepare(1, 1, made.header.hash))
    records = {
        0: [SafetyRecord(1, 1, "view-change", changes[0].encoded)],
        1: [SafetyRecord(1, 1, "view-change", changes[1].encoded)],
        3: [SafetyRecord(1, 1, "prepare", vote.encoded)],
    }
    cluster = Cluster({index: new_replica(index, records[index]) for index in (0, 1, 3)})
    cluster.run(10_000)
    for index in cluster.members:
        cluster.feed(index, WorkAvailable(is_waiting=True))
    assert commits_within_five_minutes(cluster, 10_000)


def test_a_refusal_of_a_fresh_block_does_not_stand_against_the_certified_one() -> None:
    """A block off our clock in view 0 comes back in view 1 with a quorum behind it: it must be checked as old."""
    index = 3
    made = proposal(GENESIS)
    block_hash = made.header.hash
    replica = new_replica(index)
    replica.step(received(sign_message(KEYS[1], CHAIN_ID, PrePrepare(1, 0, made, ()))))
    preimage = vote_preimage(VoteKind.PREPARE, CHAIN_ID, 1, 0, block_hash)
    certificate = assemble_certificate(1, 0, block_hash, {i: KEYS[i].sign(preimage) for i in (0, 1, 2)})
    changes = [sign_message(KEYS[i], CHAIN_ID, ViewChange(1, 1, certificate, made)) for i in (0, 1, 2)]
    for change in changes:
        replica.step(received(change))
    # The answer for view 0 comes late: the block's time is off this node's clock.
    replica.step(ProposalChecked(1, 0, block_hash, "time_off_clock"))
    again = PrePrepare(1, 1, made, tuple(without_proposal(change) for change in changes))
    effects = replica.step(received(sign_message(KEYS[2], CHAIN_ID, again)))

    assert [effect.is_fresh for effect in effects if isinstance(effect, CheckProposal)] == [False]
    assert replica.view == 1, "nobody asked for view 2"


def test_a_late_refusal_of_a_fresh_check_does_not_answer_for_the_certified_block() -> None:
    """As above, but the check of view 0 is still running when view 1 brings the block back with its certificate."""
    made = proposal(GENESIS)
    block_hash = made.header.hash
    replica = new_replica(3)
    replica.step(received(sign_message(KEYS[1], CHAIN_ID, PrePrepare(1, 0, made, ()))))
    preimage = vote_preimage(VoteKind.PREPARE, CHAIN_ID, 1, 0, block_hash)
    certificate = assemble_certificate(1, 0, block_hash, {i: KEYS[i].sign(preimage) for i in (0, 1, 2)})
    changes = [sign_message(KEYS[i], CHAIN_ID, ViewChange(1, 1, certificate, made)) for i in (0, 1, 2)]
    again = PrePrepare(1, 1, made, tuple(without_proposal(change) for change in changes))
    effects = replica.step(received(sign_message(KEYS[2], CHAIN_ID, again)))
    asked_as_old = [effect.view for effect in effects if isinstance(effect, CheckProposal) and not effect.is_fresh]
    replica.step(ProposalChecked(1, 0, block_hash, "time_off_clock"))

    assert replica.view == 1, "a refusal for view 0 says nothing about view 1"
    assert asked_as_old == [1]


def test_an_observer_does_not_leave_a_view_on_its_own() -> None:
    """It has no say in views, so its clock must not make it deaf to the proposal of the view that the others are in."""
    observer = new_replica(None)
    observer.step(WorkAvailable(is_waiting=True))
    observer.step(Tick(CONFIG.view_timeout_ms + 1))
    made = proposal(GENESIS)
    effects = observer.step(received(sign_message(KEYS[1], CHAIN_ID, PrePrepare(1, 0, made, ()))))

    assert [type(effect) for effect in effects] == [CheckProposal]


def test_messages_for_the_next_height_are_bounded_in_bytes() -> None:
    """One validator can fill the places that it has with the largest messages there are: that must not be memory."""
    ids = tuple(sha256(bytes([n // 256, n % 256])).digest() for n in range(10_000))
    first = proposal(GENESIS).header
    large = Header(
        CHAIN_ID, 2, 2_000, first.hash, KEYS[2].public_key, len(ids), transactions_root(ids), bytes(32), bytes(32),
        VALIDATORS.hash, VALIDATORS.hash,
    )  # fmt: skip
    replica = new_replica(3)
    event = received(sign_message(KEYS[2], CHAIN_ID, PrePrepare(2, 0, Proposal(large, ids), ())))
    for _ in range(CONFIG.future_messages_max):
        replica.step(event)

    kept = sum(len(authentic.signed.encoded) for authentic in replica._future.take_all())
    assert kept <= 8 * 1024 * 1024, f"{kept} bytes of one validator"


@pytest.mark.parametrize("kind", [ReportKind.EQUIVOCATION, ReportKind.OLD_HEIGHT])
def test_a_report_prints_as_its_stable_name(kind: ReportKind) -> None:
    """The shell counts ``str(kind)``; the name of the Python class is not a stable name."""
    assert str(kind) == kind.value
