"""The replica: PBFT for one height at a time. ``step`` is the one door in, the list of effects the one way out.

Rules of this file: nothing else changes consensus state; no input of a peer raises; whatever is signed is persisted
in an effect before the effect that sends it; a slot (height, view, type) is signed once. docs/consensus.md tells the
protocol.
"""

from collections.abc import Iterable
from typing import assert_never

from consensus.authenticate import Authentic
from consensus.config import ConsensusConfig
from consensus.double_votes import double_vote, second_pre_prepare
from consensus.effects import (
    Broadcast,
    CheckProposal,
    CommitBlock,
    CompareTip,
    Effect,
    FetchBlocks,
    ProposeBlock,
    Report,
    ReportKind,
    SafetyRecord,
    Send,
)
from consensus.events import BlockCommitted, BlockProposed, Event, MessageReceived, ProposalChecked, Tick, WorkAvailable
from consensus.future import FutureMessages
from consensus.height import Lock, Phase, new_height
from consensus.learning import Learning
from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    Proposal,
    SignedMessage,
    Signer,
    Status,
    ViewChange,
    statement_of,
    tag_of,
    without_proposal,
)
from consensus.pen import Pen
from consensus.proposals import broken_pre_prepare
from consensus.proposers import ProposerBook
from consensus.repair import lacking, repeated, shows_vote_of, status_of
from consensus.restoring import take_up
from consensus.view_change import highest_prepared
from consensus.votes import Counted
from ledger.block import Header
from ledger.certificate import VIEW_MAX, VoteKind

VIEWS_AHEAD_MAX = 64
"""How far above our view votes are kept; further ones come again when we get there."""


class Replica:
    """One validator's part in the agreement, or an observer's where its key is not in the set.

    ``proposers`` is the book of the height after ``tip``. ``records`` are those of the safety store: what this key
    signed before a restart; ``is_store_new`` says that it cannot vouch for what was signed before, ``has_signed`` that
    a certificate of the chain bears the key's signature. ``now_ms`` is the monotonic clock that ``Tick`` goes on with.
    """

    def __init__(
        self,
        config: ConsensusConfig,
        chain_id: bytes,
        key: Signer,
        proposers: ProposerBook,
        tip: Header,
        records: Iterable[SafetyRecord],
        now_ms: int,
        *,
        is_store_new: bool,
        has_signed: bool,
    ) -> None:
        assert proposers.height == tip.height + 1, "the book is of the height in progress"
        self._config = config
        self._tip = tip
        self._now_ms = now_ms
        self._state = new_height(proposers)
        self._has_work = False
        self._is_work_new = False
        self._future = FutureMessages(config.future_messages_max, config.future_bytes_max)
        self._effects: list[Effect] = []
        self._pen = Pen(key, chain_id, self._effects)
        self._learning = Learning(
            is_store_new=is_store_new, has_signed=has_signed, listen_until_ms=now_ms + config.listening_ms
        )
        self._next_status_ms = now_ms
        self._next_retransmission_ms = now_ms
        self._next_fetch_ms = now_ms
        self._records = [record for record in records if record.height > tip.height]
        self._learning.look(self.height, proposers.validators, now_ms)
        self._restore()

    @property
    def public_key(self) -> bytes:
        """The key that this replica votes with."""
        return self._pen.public_key

    @property
    def height(self) -> int:
        """The height in progress."""
        return self._state.height

    @property
    def view(self) -> int:
        """The view in progress."""
        return self._state.view

    @property
    def proposer_index(self) -> int:
        """The index of the validator whose turn it is."""
        return self._state.proposers.proposer_index(self._state.view)

    @property
    def may_vote(self) -> bool:
        """Whether this replica is a validator that has learnt enough since its start, and may vote at this height."""
        return (
            self._index is not None and not self._pen.is_silenced and self._learning.may_vote(self._state.height)
        )  # fmt: skip

    @property
    def phase(self) -> Phase:
        """Where the replica stands in its view."""
        return self._state.phase

    @property
    def locked_block_hash(self) -> bytes | None:
        """The hash of the block that the replica is locked on at the height in progress, or None."""
        lock = self._state.lock
        return None if lock is None else lock.proposal.header.hash

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take one event and return what to do, in order."""
        match event:
            case Tick():
                self._on_tick(event.now_ms)
            case MessageReceived():
                self._on_message(event.authentic)
            case WorkAvailable():
                self._on_work(is_waiting=event.is_waiting)
            case BlockProposed():
                self._on_block_proposed(event)
            case ProposalChecked():
                self._on_proposal_checked(event)
            case BlockCommitted():
                self._on_block_committed(event)
            case _:
                assert_never(event)
        effects = tuple(self._effects)
        self._effects.clear()
        return effects

    # Time

    def _on_tick(self, now_ms: int) -> None:
        self._now_ms = max(self._now_ms, now_ms)
        self._learn()
        state = self._state
        if state.deadline_ms is not None and self._now_ms >= state.deadline_ms:
            self._on_timeout()
        if self._now_ms >= self._next_retransmission_ms and state.is_active:
            self._retransmit()
        if self._now_ms >= self._next_status_ms:
            self._next_status_ms = self._now_ms + self._config.status_interval_ms
            if self._index is not None:
                status = status_of(self._state, self._tip.hash)
                self._effects.append(Broadcast(self._pen.sign_status(status).encoded))

    def _on_timeout(self) -> None:
        state = self._state
        has_aim = self._has_work or state.lock is not None or state.view in state.pre_prepares
        if not has_aim or not self.may_vote or state.is_decided:
            # The transactions expired, or it is for others to change the view. Silence, until there is work again.
            state.deadline_ms = None
            return
        self._report(ReportKind.VIEW_CHANGE, f"height {state.height}: view {state.view} took too long")
        self._change_view(state.view + 1)

    def _retransmit(self) -> None:
        """Send again what we said in this view, for a message may have been lost with nobody to ask for it."""
        self._next_retransmission_ms = self._now_ms + self._config.retransmit_interval_ms
        self._effects += [Broadcast(signed.encoded) for signed in repeated(self._state, self.public_key)]

    def _start_timer(self) -> None:
        self._state.deadline_ms = self._now_ms + self._config.timeout_ms(self._state.view)
        self._next_retransmission_ms = self._now_ms + self._config.retransmit_interval_ms

    # Messages

    def _on_message(self, authentic: Authentic) -> None:
        signed, message = authentic.signed, authentic.message
        if signed.sender == self._pen.public_key:
            self._on_own_message(signed)
        elif isinstance(message, Status):
            self._on_status(authentic, message)
        elif message.height < self._state.height:
            self._report(ReportKind.OLD_HEIGHT, f"{tag_of(message)} of height {message.height}", signed.sender)
        elif message.height > self._state.height:
            self._keep_for_later(authentic)
        else:
            self._deliver(authentic)

    def _deliver(self, authentic: Authentic) -> None:
        """Hand a message of this height to its handler."""
        signed = authentic.signed
        message = signed.message
        match message:
            case PrePrepare():
                self._on_pre_prepare(signed, message)
            case Prepare():
                self._on_vote(VoteKind.PREPARE, message, authentic.sender_index, signed)
            case Commit():
                self._on_vote(VoteKind.COMMIT, message, authentic.sender_index, signed)
            case ViewChange():
                self._on_view_change(authentic.sender_index, signed, message)
            case Status():
                raise AssertionError("a status belongs to no height")
            case _:
                assert_never(message)

    def _on_own_message(self, signed: SignedMessage) -> None:
        """See whether a message of our own key is an echo, a trace of what a lost disk knew, or a second holder's."""
        if self._learning.is_tracing and not isinstance(signed.message, Status):
            self._learning.note_signed()
            self._report(ReportKind.OWN_MESSAGE, tag_of(signed.message), signed.sender)
        else:
            self._pen.look_at_own(self._state, signed)

    def _keep_for_later(self, authentic: Authentic) -> None:
        message = authentic.message
        if message.height == self._state.height + 1:
            self._future.add(authentic)
        self._report(ReportKind.FUTURE_HEIGHT, f"{tag_of(message)} of height {message.height}", authentic.signed.sender)
        self._fetch(message.height - 1, authentic.signed.sender)

    def _on_status(self, authentic: Authentic, status: Status) -> None:
        """Take a heart beat: learn from it, fetch what we lack, send what its sender lacks of us."""
        state, sender = self._state, authentic.signed.sender
        # Its places are those of its own height: at another one the same place may be another's.
        own_index = authentic.validators.index_of(self._pen.public_key)
        self._learning.hear(sender, status, shows_own_vote=shows_vote_of(state, status, own_index))
        self._learn()
        if status.height > state.height:
            self._fetch(status.height - 1, sender)
        elif status.height == state.height:
            if status.tip_hash != self._tip.hash and self._tip.height > 0:
                self._report(ReportKind.FORK_SUSPECTED, f"another block at height {self._tip.height}", sender)
                self._effects.append(CompareTip(self._tip.height, sender))
            self._effects += [Send(sender, signed.encoded) for signed in lacking(state, status, self._index)]

    def _learn(self) -> None:
        """See whether a quorum was heard since the start; if so, take up what voting was held back from."""
        if self._learning.look(self._state.height, self._state.validators, self._now_ms):
            self._report(ReportKind.LEARNED, f"voting from height {self._state.height} on"
                         if self.may_vote else f"following at height {self._state.height}")  # fmt: skip
            self._resume()

    def _resume(self) -> None:
        state = self._state
        if self._has_work or state.is_active or state.view in state.pre_prepares:
            self._start_timer()
        held = state.pre_prepares.get(state.view)
        block_hash = None if held is None else statement_of(held.message)
        if isinstance(block_hash, bytes) and block_hash in state.accepted:
            self._after_acceptance(block_hash)
        self._after_view_change()
        self._try_to_propose()

    def _fetch(self, to_height: int, peer: bytes) -> None:
        if to_height >= self._state.height and self._now_ms >= self._next_fetch_ms:
            self._next_fetch_ms = self._now_ms + self._config.fetch_interval_ms
            self._effects.append(FetchBlocks(self._state.height, to_height, peer))

    # Proposing

    def _on_work(self, *, is_waiting: bool) -> None:
        self._has_work = self._is_work_new = is_waiting
        state = self._state
        if is_waiting and not state.is_decided:
            if state.view > 0:
                self._after_view_change()
                return
            if state.deadline_ms is None:
                self._start_timer()
            self._try_to_propose()

    def _try_to_propose(self) -> None:
        """Propose where it is our turn: the block of the highest certificate that was shown, or a new one."""
        state = self._state
        if self.proposer_index != self._index or state.view in state.pre_prepares or not self.may_vote:
            return
        if state.is_making_block or ("pre-prepare", state.view) in state.sent or not self._is_view_open():
            return
        prepared = highest_prepared(state.entitlement)
        if prepared is not None:
            proposal = state.proposals.get(prepared.block_hash)
            if proposal is not None:
                self._send_pre_prepare(proposal)
        elif self._has_work:
            state.is_making_block, self._is_work_new = True, False
            self._effects.append(ProposeBlock(state.height, state.view, self._tip.hash))

    def _on_block_proposed(self, event: BlockProposed) -> None:
        state = self._state
        if (event.height, event.view) != (state.height, state.view) or not state.is_making_block:
            self._report(ReportKind.STALE_ANSWER, f"a block for height {event.height} view {event.view}")
            return
        state.is_making_block = False
        if event.proposal is None:
            # Work that came after we asked is not in the answer.
            self._has_work = self._is_work_new
            self._try_to_propose()
            return
        assert event.proposal.header.parent_hash == self._tip.hash, "a block is made on the tip"
        state.accepted.add(event.proposal.header.hash)
        self._send_pre_prepare(event.proposal)

    def _send_pre_prepare(self, proposal: Proposal) -> None:
        state = self._state
        changes = tuple(without_proposal(change) for change in state.entitlement)
        signed = self._sign(PrePrepare(state.height, state.view, proposal, changes))
        if signed is not None:
            self._effects.append(Broadcast(signed.encoded))
            self._accept(signed, proposal)

    # Preparing and committing

    def _on_pre_prepare(self, signed: SignedMessage, message: PrePrepare) -> None:
        state = self._state
        if message.view < state.view:
            self._report(ReportKind.OLD_VIEW, f"pre-prepare of view {message.view}", signed.sender)
            return
        held = state.pre_prepares.get(message.view)
        if held is not None:
            self._effects += second_pre_prepare(state, held, signed)
            return
        broken = broken_pre_prepare(signed.sender, message, state.proposers, self._tip)
        if broken is not None:
            self._report(broken, f"pre-prepare of view {message.view}", signed.sender)
            return
        if message.view > state.view:
            self._enter_view(message.view)
        self._accept(signed, message.proposal)

    def _accept(self, signed: SignedMessage, proposal: Proposal) -> None:
        """Take the proposal of our view: have it checked, or vote at once where it was."""
        state = self._state
        assert isinstance(signed.message, PrePrepare)
        state.pre_prepares[state.view] = signed
        block_hash = proposal.header.hash
        state.proposals[block_hash] = proposal
        if state.deadline_ms is None:
            self._start_timer()
        if block_hash in state.accepted:
            self._after_acceptance(block_hash)
        else:
            self._check(proposal, is_fresh=highest_prepared(signed.message.view_changes) is None)

    def _check(self, proposal: Proposal, *, is_fresh: bool) -> None:
        state = self._state
        place = (state.view, proposal.header.hash)
        if place not in state.checking:
            state.checking[place] = is_fresh
            self._effects.append(CheckProposal(state.height, state.view, proposal, is_fresh))

    def _on_proposal_checked(self, event: ProposalChecked) -> None:
        state = self._state
        place = (event.view, event.block_hash)
        if event.height != state.height or place not in state.checking:
            self._report(ReportKind.STALE_ANSWER, f"a verdict for height {event.height} view {event.view}")
            return
        was_fresh = state.checking.pop(place)
        if event.refusal is None:
            state.accepted.add(event.block_hash)
            self._after_acceptance(event.block_hash)
            return
        # The refusal is not kept: what could not be had now may be there when the block is proposed again.
        decided = state.votes.decided()
        if decided is not None and decided.block_hash == event.block_hash:
            if was_fresh and event.block_hash in state.proposals:
                self._check(state.proposals[event.block_hash], is_fresh=False)
                return
            self._report(ReportKind.DECIDED_BLOCK_REFUSED, f"height {state.height}: {event.refusal}")
        if event.view == state.view and state.is_proposed(event.block_hash):
            self._report(ReportKind.PROPOSAL_REFUSED, event.refusal, state.pre_prepares[state.view].sender)
            self._change_view(state.view + 1)

    def _after_acceptance(self, block_hash: bytes) -> None:
        """Vote for the block of our view, and see whether the votes of others wait for it."""
        state = self._state
        if state.is_proposed(block_hash):
            self._vote(VoteKind.PREPARE, Prepare(state.height, state.view, block_hash))
        self._try_to_lock()
        self._try_to_decide()

    def _vote(self, kind: VoteKind, message: Prepare | Commit, *records: SafetyRecord) -> None:
        index = self._index
        if index is None:
            return
        signed = self._sign(message, *records)
        if signed is not None:
            self._effects.append(Broadcast(signed.encoded))
            self._state.votes.add(kind, message.view, message.block_hash, index, signed.signature)

    def _on_vote(self, kind: VoteKind, vote: Prepare | Commit, sender_index: int, signed: SignedMessage) -> None:
        state = self._state
        if vote.view > state.view + VIEWS_AHEAD_MAX:
            self._report(ReportKind.FUTURE_VIEW, f"{kind.value} of view {vote.view}", signed.sender)
            return
        counted = state.votes.add(kind, vote.view, vote.block_hash, sender_index, signed.signature)
        if counted is Counted.CONFLICTING:
            first = state.votes.vote_of(kind, vote.view, sender_index)
            assert first is not None, "a vote contradicts one that is there"
            second = (vote.block_hash, signed.signature)
            self._effects += double_vote(state, kind.value, vote.view, signed.sender, first, second)
        elif counted is Counted.NEW:
            self._try_to_lock()
            self._try_to_decide(signed.sender)

    def _try_to_lock(self) -> None:
        """With a quorum of PREPAREs for our proposal: put the lock on disk, then vote COMMIT."""
        state = self._state
        pre_prepare = state.pre_prepares.get(state.view)
        if pre_prepare is None or ("commit", state.view) in state.sent:
            return
        assert isinstance(pre_prepare.message, PrePrepare)
        proposal = pre_prepare.message.proposal
        block_hash = proposal.header.hash
        if block_hash not in state.accepted:
            return
        certificate = state.votes.certificate(VoteKind.PREPARE, state.view, block_hash)
        if certificate is None:
            return
        state.lock = Lock(certificate, proposal)
        self._vote(VoteKind.COMMIT, Commit(state.height, state.view, block_hash), state.lock.to_record())
        self._try_to_decide()

    def _try_to_decide(self, voter: bytes | None = None) -> None:
        """With a quorum of COMMITs, of whatever view: commit the block, or fetch it where we lack it."""
        state = self._state
        certificate = None if state.is_decided else state.votes.decided()
        if certificate is None:
            return
        proposal = state.proposals.get(certificate.block_hash)
        if proposal is None:
            if voter is not None:
                self._fetch(state.height, voter)
        elif certificate.block_hash in state.accepted:
            state.is_decided = True
            self._effects.append(CommitBlock(proposal, certificate))
        else:
            # Known from a lock or a view change alone, or refused before: a quorum stands behind it now.
            self._check(proposal, is_fresh=False)

    # Changing the view

    def _change_view(self, view: int) -> None:
        """Ask for a higher view with the highest certificate that we hold."""
        state = self._state
        assert view > state.view, "views only go up"
        index = self._index
        if view > VIEW_MAX or not self.may_vote or index is None:
            return
        self._enter_view(view)
        # The timer of the new view starts when a quorum got that far, so that nobody runs ahead alone.
        state.deadline_ms = None
        lock = state.lock
        prepared = None if lock is None else lock.certificate
        signed = self._sign(ViewChange(state.height, view, prepared, None if lock is None else lock.proposal))
        if signed is not None:
            self._effects.append(Broadcast(signed.encoded))
            state.view_changes.add(index, signed)
            self._after_view_change()

    def _enter_view(self, view: int) -> None:
        self._state.view = view
        self._state.is_making_block = False
        self._state.entitlement = ()
        self._state.pre_prepares.clear()
        self._next_retransmission_ms = self._now_ms + self._config.retransmit_interval_ms
        self._start_timer()

    def _on_view_change(self, sender_index: int, signed: SignedMessage, change: ViewChange) -> None:
        state = self._state
        if (
            change.prepared is not None
            and change.proposal is None
            and change.prepared.block_hash not in state.proposals
        ):
            self._report(ReportKind.WITHHELD_PROPOSAL, f"view change to {change.view}", signed.sender)
            return
        if change.proposal is not None:
            state.proposals.setdefault(change.proposal.header.hash, change.proposal)
        if not state.view_changes.add(sender_index, signed):
            self._report(ReportKind.DUPLICATE, f"view change to {change.view}", signed.sender)
            return
        if change.view < state.view:
            self._report(ReportKind.OLD_VIEW, f"view change to {change.view}", signed.sender)
            return
        joined = state.view_changes.view_to_join(state.view, state.validators.faults_tolerated)
        if joined is not None:
            self._change_view(joined)
        else:
            self._after_view_change()

    def _after_view_change(self) -> None:
        """See whether a quorum wants our view, which opens it, or got at least that far, which starts its timer.

        The second is not the first: who passed our view will not come back to open it, so we must be able to leave.
        """
        state = self._state
        if state.view == 0:
            return
        wanted = state.view_changes.of_view(state.view)
        if not state.entitlement and len(wanted) >= state.validators.quorum:
            state.entitlement = tuple(wanted[: state.validators.quorum])
        if state.deadline_ms is None and self._is_view_reached():
            self._start_timer()
        self._try_to_propose()

    def _is_view_reached(self) -> bool:
        """Say whether a quorum got as far as our view: it says so, or we once saw a proposal that proved it."""
        return self._state.is_view_reached

    def _is_view_open(self) -> bool:
        """Say whether a block may be proposed in our view."""
        return self._state.is_view_open

    # The next height

    def _on_block_committed(self, event: BlockCommitted) -> None:
        if event.header.height != self._state.height:
            self._report(ReportKind.STALE_ANSWER, f"block {event.header.height} while at height {self._state.height}")
            return
        is_same_set = event.validators == self._state.validators
        self._tip = event.header
        self._state = new_height(self._state.proposers.after(event.header, event.validators))
        if event.is_signed_by_us:
            self._learning.note_signed()
        self._restore()
        self._learn()
        for authentic in self._future.take_all():
            # It was authenticated with the old set. With another set it would count for the wrong validator.
            if is_same_set:
                self._deliver(authentic)
        if self._has_work:
            self._on_work(is_waiting=True)

    # Signing

    @property
    def _index(self) -> int | None:
        return self._state.validators.index_of(self._pen.public_key)

    def _sign(self, message: Message, *records: SafetyRecord) -> SignedMessage | None:
        """Sign for a slot once, with the order to persist it; None where we may not sign."""
        return self._pen.sign(self._state, message, records) if self.may_vote else None

    def _restore(self) -> None:
        """Take up what our key signed for this height before a restart, and go on from there."""
        state = self._state
        self._records = take_up(state, self._records, self._index)
        if state.sent and self._is_view_reached():
            self._start_timer()
        own_proposal = state.sent.get(("pre-prepare", state.view))
        if own_proposal is not None:
            assert isinstance(own_proposal.message, PrePrepare)
            self._accept(own_proposal, own_proposal.message.proposal)
        self._after_view_change()
        self._try_to_decide()

    def _report(self, kind: ReportKind, detail: str, sender: bytes | None = None) -> None:
        self._effects.append(Report(kind, detail, sender))
