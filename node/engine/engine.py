"""The engine: events go into the replica one by one, its effects are carried out in their order.

Effects are carried out at once and in order, so a vote is on disk before it is sent. What takes time (asking peers for
transactions or blocks) goes out as a question and comes back as a call. The engine waits for nobody, reads no clock and
opens no file; whatever stops it (a disk that failed, a broken invariant) is raised out of the call that met it, and
after that it must not be called again.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, assert_never

from consensus.effects import (
    LOCK_RECORD,
    Broadcast,
    CheckProposal,
    CommitBlock,
    CompareTip,
    Effect,
    FetchBlocks,
    KeepEvidence,
    Persist,
    ProposeBlock,
    Report,
    SafetyRecord,
    Send,
)
from consensus.events import (
    BlockCommitted,
    BlockProposed,
    Event,
    MessageReceived,
    ProposalChecked,
    Tick,
    WorkAvailable,
)
from consensus.messages import Proposal
from consensus.replica import Replica
from ledger.certificate import OF_ANOTHER_BLOCK, Certificate
from ledger.evidence import equivocation
from ledger.keys import Verifier, verify
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.admission import decode_submission, signature_refusal
from node.chain import Candidate, Chain
from node.engine.catching_up import CatchingUp
from node.engine.gate import Gate
from node.engine.gathering import Gathering
from node.engine.ports import ComparisonQuestion, ForkError, Observer, Peers
from node.network.wire import CertifiedBlock
from node.pool import Pool
from node.storage.safety_store import SafetyStore

_GOSSIP_MS: Final = 2_000
_GOSSIP_TRANSACTIONS_MAX: Final = 200
_CANDIDATES_MAX: Final = 8
_SAFETY_CLEANING_HEIGHTS: Final = 100
_SILENCE_MS: Final = 3_000
_LOOK_MS: Final = 500
_LOOK_ROUND_MS: Final = 4_000
_LOOK_ANYWAY_MS: Final = 10_000


class Engine:
    """Drives one replica over one chain. ``wall_clock_ms`` is UTC; ``tick`` brings the monotonic time."""

    def __init__(
        self,
        chain: Chain,
        replica: Replica,
        safety: SafetyStore,
        pool: Pool,
        peers: Peers,
        observer: Observer,
        gate: Gate,
        wall_clock_ms: Callable[[], int],
        verifier: Verifier = verify,
    ) -> None:
        self._chain = chain
        self._replica = replica
        self._safety = safety
        self._pool = pool
        self._peers = peers
        self._observer = observer
        self._wall_clock_ms = wall_clock_ms
        self._gate = gate
        self._verifier = verifier
        self._events: deque[Event] = deque()
        self._is_draining = False
        self._candidates: OrderedDict[bytes, Candidate] = OrderedDict()
        self._comparing: set[bytes] = set()
        self._catching_up = CatchingUp(peers)
        self._gathering = Gathering(pool, peers, safety.transactions_above(chain.tip.height))
        self._peer_heights: dict[bytes, int] = {}
        self._gossiped: set[bytes] = set()
        self._next_gossip_ms: int | None = None
        self._now_ms = 0
        self._heard_ms: dict[bytes, int] = {}
        self._follows_first = safety.is_new
        self._next_look_ms: int | None = None
        self._look_anyway_ms = 0

    @property
    def replica(self) -> Replica:
        """The replica, to be read only."""
        return self._replica

    @property
    def peer_heights(self) -> dict[bytes, int]:
        """The height that each peer last said it works on."""
        return dict(self._peer_heights)

    # What comes in

    def tick(self, now_ms: int) -> None:
        """Let the monotonic clock go on."""
        self._now_ms = now_ms
        self._dispatch(Tick(now_ms))
        if self._follows_first and self._replica.may_vote:
            # The store may know already: a first vote ends the state, too.
            self._follows_first = False
            self._safety.trust()
            self._observer.may_vote(self._replica.height)
        self._look_for_blocks()
        if self._next_gossip_ms is None or now_ms >= self._next_gossip_ms:
            self._next_gossip_ms = now_ms + _GOSSIP_MS
            self._gossip_again()
        clock_ms = self._wall_clock_ms()
        if self._pool.expire(clock_ms) or self._chain.is_due(clock_ms):
            self._dispatch(self._work_available())

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        """Take encoded consensus messages of a peer; what is not authentic is counted and dropped."""
        for data in batch:
            verdict = self._gate(data, self._validators_of)
            if isinstance(verdict, str):
                self._observer.dropped(verdict)
                continue
            self._peers.heard_from(verdict.signed.sender)
            self._heard_ms[verdict.signed.sender] = self._now_ms
            self._peer_heights[verdict.signed.sender] = verdict.message.height
            self._dispatch(MessageReceived(verdict))

    def on_work(self) -> None:
        """Note that transactions came into the pool."""
        self._end_searches(None)
        if len(self._pool):
            self._dispatch(WorkAvailable(is_waiting=True))

    def transaction(self, transaction_id: bytes) -> Transaction | None:
        """Return a transaction that waits or belongs to the block in progress, for a peer that asks; or None."""
        return self._gathering.transaction(transaction_id)

    def on_transactions(self, peer: bytes, batch: Sequence[bytes] = ()) -> None:
        """Take a peer's answer to a ``TransactionsQuestion``, of which the pool has taken what it wants already.

        A block that was prepared long ago may hold what the pool would not have any more.
        """
        for encoded in batch:
            found = decode_submission(encoded, self._chain.parameters)
            if not isinstance(found, Transaction) or not self._gathering.is_wanted(found.transaction_id):
                continue
            if signature_refusal(found, self._verifier) is None:
                self._gathering.hold([found])
        self._end_searches(peer)
        self._drain()

    def on_blocks(self, peer: bytes, blocks: Sequence[CertifiedBlock] | None) -> None:
        """Take a peer's answer to a ``BlocksQuestion``; None where it gave none."""
        if not self._catching_up.is_expected(peer):
            return
        before = self._chain.tip.height
        for block in blocks or ():
            if block.header.height <= self._chain.tip.height:
                continue
            verdict = self._chain.check_certified(block.header, block.certificate, block.transactions)
            if not isinstance(verdict, Candidate):
                self._observer.dropped(f"block_{verdict}")
                self._observer.refused("block", peer, block.header.height, verdict)
                if verdict == "parent" and block.header.height == self._chain.tip.height + 1:
                    # A quorum signed it, on another block than our tip: where is the one that it stands on?
                    self._compare(self._chain.tip.height, peer)
                break
            self._commit(verdict, block.certificate)
            self._drain()
        self._catching_up.answered(self._chain.tip.height, was_useful=self._chain.tip.height > before)

    def on_comparison(self, peer: bytes, blocks: Sequence[CertifiedBlock] | None) -> None:
        """Take a peer's answer to a ``ComparisonQuestion``.

        Raises
        ------
        ForkError
            The peer's block is certified and not ours: nothing that this node says can be relied on any more.

        """
        self._comparing.discard(peer)
        for block in blocks or ():
            height = block.header.height
            ours, validators = self._chain.store.header(height), self._chain.validators_at(height)
            if ours is None or validators is None or height == 0 or ours.hash == block.header.hash:
                continue
            certificate = block.certificate
            refusal = certificate.block_refusal(
                height, block.header.hash, validators, self._chain.chain_id, self._verifier
            )  # fmt: skip
            if refusal is not None:
                self._observer.dropped(
                    "comparison_" + ("certificate_" if refusal == OF_ANOTHER_BLOCK else "") + refusal
                )  # fmt: skip
                continue
            self._keep_double_votes(certificate)
            raise ForkError(
                f"two certified blocks at height {height}: {ours.hash.hex()} here, {block.header.hash.hex()} at peer "
                f"{peer.hex()}. Stop all nodes and show both to the operators; `tradelane validators` lists who "
                f"signed both"
            )

    def _compare(self, height: int, peer: bytes) -> None:
        """Ask a peer for its block at a height, one question at a time."""
        if peer not in self._comparing:
            self._comparing.add(peer)
            self._peers.ask(peer, ComparisonQuestion(height))

    def _keep_double_votes(self, other: Certificate) -> None:
        """Keep the votes of those who signed our block and the other one in the same view."""
        ours = self._chain.store.certificate(other.height)
        validators = self._chain.validators_at(other.height)
        if ours is None or validators is None or ours.view != other.view:
            return
        theirs = dict(zip(other.signers, other.signatures, strict=True))
        for index, signature in zip(ours.signers, ours.signatures, strict=True):
            if index in theirs:
                first, second = (ours.block_hash, signature), (other.block_hash, theirs[index])
                key = validators[index].public_key
                self._safety.keep_evidence(equivocation("commit", other.height, other.view, key, first, second))

    def _validators_of(self, height: int) -> ValidatorSet:
        """Return the validators of a height, those of the last known one where it lies further ahead.

        So whoever is far behind still sees a trace of its own key: to wait in vain is better than to vote twice.
        """
        return self._chain.validators_at(height) or self._chain.next_validators

    def _look_for_blocks(self) -> None:
        """Ask the peers where no quorum speaks to us.

        An observer whom no validator knows hears nothing, and neither does a node that was away for so long that it
        knows none of the validators of today. Fewer voices than a quorum may keep the newest block from us, and old
        voices can be played back by anybody, so now and then a peer is asked whoever speaks.
        """
        if self._next_look_ms is None:
            self._next_look_ms = self._now_ms + _SILENCE_MS
            self._look_anyway_ms = self._now_ms + _LOOK_ANYWAY_MS
        if self._now_ms < self._next_look_ms:
            return
        # Every peer is asked within a round, so that those who answer count as reachable.
        self._next_look_ms = self._now_ms + min(_LOOK_MS, _LOOK_ROUND_MS // max(1, len(self._peers.known(None))))
        validators = self._chain.validators
        voices = {key for key, heard_ms in self._heard_ms.items() if self._now_ms - heard_ms < _SILENCE_MS}
        voices.add(self._replica.public_key)
        is_heard = sum(validators.index_of(key) is not None for key in voices) >= validators.quorum
        if not is_heard or self._now_ms >= self._look_anyway_ms:
            self._look_anyway_ms = self._now_ms + _LOOK_ANYWAY_MS
            self._catching_up.look(self._chain.tip.height)

    # The loop

    def _dispatch(self, event: Event) -> None:
        """Feed one event, and those that follow from its effects, through the replica."""
        self._events.append(event)
        self._drain()

    def _drain(self) -> None:
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self._events:
                self._carry_out_all(self._replica.step(self._events.popleft()))
        finally:
            self._is_draining = False

    def _carry_out_all(self, effects: Sequence[Effect]) -> None:
        """Carry out the effects of a step in order, but all that must be on disk first and with one sync.

        A record may be on disk earlier than its message needs it; never later.
        """
        records = [record for effect in effects if isinstance(effect, Persist) for record in effect.records]
        if records:
            self._safety.persist(records, self._locked_transactions(records))
        for effect in effects:
            self._carry_out(effect)

    def _locked_transactions(self, records: Sequence[SafetyRecord]) -> tuple[Transaction, ...]:
        """Return the transactions of the block that the records lock us on, and hold them until one is decided."""
        locked = self._replica.locked_block_hash
        if locked is None or not any(record.kind == LOCK_RECORD for record in records):
            return ()
        candidate = self._candidates.get(locked)
        transactions = () if candidate is None else candidate.transactions
        self._gathering.hold(transactions)
        return transactions

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Persist():
                pass  # on disk already
            case Broadcast():
                self._peers.broadcast(effect.data)
            case Send():
                self._peers.send(effect.to, effect.data)
            case ProposeBlock():
                self._propose(effect)
            case CheckProposal():
                self._check(effect)
            case CommitBlock():
                self._commit_proposal(effect.proposal, effect.certificate)
            case FetchBlocks():
                self._catching_up.start(self._chain.tip.height, effect.to_height, effect.peer)
            case KeepEvidence():
                self._safety.keep_evidence(effect.evidence)
            case CompareTip():
                self._compare(effect.height, effect.peer)
            case Report():
                self._observer.reported(effect)
            case _:
                assert_never(effect)

    # Making and checking blocks

    def _propose(self, effect: ProposeBlock) -> None:
        proposal = None
        if effect.height == self._chain.tip.height + 1:
            candidate = self._chain.propose(self._replica.public_key, self._pool, self._wall_clock_ms())
            if candidate is not None:
                self._remember(candidate)
                ids = tuple(transaction.transaction_id for transaction in candidate.transactions)
                proposal = Proposal(candidate.header, ids)
        self._events.append(BlockProposed(effect.height, effect.view, proposal))

    def _check(self, effect: CheckProposal) -> None:
        if effect.proposal.header.hash in self._candidates:
            self._answer_check(effect, None)
            return
        transactions = self._gathering.find(effect)
        if transactions is not None:
            self._check_complete(effect, transactions)
        elif not self._gathering.start(effect):
            self._answer_check(effect, "transactions_not_available")

    def _end_searches(self, peer: bytes | None) -> None:
        for effect, transactions in self._gathering.arrived(peer):
            if effect.height != self._chain.tip.height + 1:
                continue
            if transactions is None:
                self._answer_check(effect, "transactions_not_available")
            else:
                self._check_complete(effect, transactions)

    def _check_complete(self, effect: CheckProposal, transactions: Sequence[Transaction]) -> None:
        header = effect.proposal.header
        verdict = self._chain.check(header, transactions, self._wall_clock_ms() if effect.is_fresh else None)
        if isinstance(verdict, Candidate):
            self._remember(verdict)
            self._answer_check(effect, None)
        else:
            self._observer.refused("proposal", header.proposer, effect.height, verdict)
            self._answer_check(effect, verdict)

    def _answer_check(self, effect: CheckProposal, refusal: str | None) -> None:
        self._events.append(ProposalChecked(effect.height, effect.view, effect.proposal.header.hash, refusal))

    def _remember(self, candidate: Candidate) -> None:
        self._candidates[candidate.header.hash] = candidate
        if len(self._candidates) > _CANDIDATES_MAX:
            self._candidates.popitem(last=False)

    # Committing: one door for what was agreed here and for what a peer handed over

    def _commit_proposal(self, proposal: Proposal, certificate: Certificate) -> None:
        candidate = self._candidates.get(proposal.header.hash)
        if candidate is None:
            transactions = [self.transaction(transaction_id) for transaction_id in proposal.transaction_ids]
            found = [transaction for transaction in transactions if transaction is not None]
            assert len(found) == len(transactions), "a block was decided that was never checked here"
            verdict = self._chain.check(proposal.header, found, None)
            assert isinstance(verdict, Candidate), f"a decided block breaks rule {verdict}"
            candidate = verdict
        self._commit(candidate, certificate)

    def _commit(self, candidate: Candidate, certificate: Certificate) -> None:
        is_ours = self._chain.validators.index_of(self._replica.public_key) in certificate.signers
        self._observer.committing()
        if not self._chain.commit(candidate, certificate):
            return
        height = candidate.header.height
        self._candidates.clear()
        self._gathering.forget()
        self._gathering.hold(self._safety.transactions_above(height))
        self._pool.committed(candidate.transactions, candidate.execution.details)
        if height % _SAFETY_CLEANING_HEIGHTS == 0:
            self._safety.forget_below(height)
        self._events.append(BlockCommitted(candidate.header, self._chain.validators, is_ours))
        self._events.append(self._work_available())
        self._observer.committed(candidate, certificate)

    def _work_available(self) -> WorkAvailable:
        """Say whether a block is due: a transaction waits, or a deadline of the state has come."""
        return WorkAvailable(is_waiting=len(self._pool) > 0 or self._chain.is_due(self._wall_clock_ms()))

    def _gossip_again(self) -> None:
        """Pass on what still waits, oldest first: its first passing on may have met peers that were away."""
        oldest = list(islice(self._pool, _GOSSIP_TRANSACTIONS_MAX))
        again = [waiting.encoded for waiting in oldest if waiting.transaction_id in self._gossiped]
        if again:
            self._peers.gossip(again)
        self._gossiped = {waiting.transaction_id for waiting in oldest}
