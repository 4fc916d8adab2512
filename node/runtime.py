"""The loop: events go into the replica one by one, its effects are carried out in their order.

Effects are carried out at once and in order, so a vote is on disk before it is sent. What takes time (fetching
transactions or blocks from peers) runs beside the loop and comes back as an event. Nothing here waits for a peer.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from itertools import islice
from typing import Final, assert_never

import structlog

from consensus.authenticate import Rejected, authenticate
from consensus.effects import (
    Broadcast,
    CheckProposal,
    CommitBlock,
    Effect,
    FetchBlocks,
    Persist,
    ProposeBlock,
    Report,
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
from consensus.messages import Proposal, decode_message
from consensus.replica import Replica
from ledger.certificate import Certificate
from ledger.errors import LedgerError
from ledger.transaction import Transaction
from node.chain import Candidate, Chain
from node.metrics import Metrics
from node.network.peers import PeerError, PeerNetwork
from node.pool import Pool
from node.storage.errors import StorageError
from node.storage.safety_store import SafetyStore

_TICK_SECONDS: Final = 0.05
_GOSSIP_SECONDS: Final = 2.0
_GOSSIP_TRANSACTIONS_MAX: Final = 200
_CANDIDATES_MAX: Final = 8
_FETCH_TRIES: Final = 3
_SAFETY_CLEANING_HEIGHTS: Final = 100


class Runtime:
    """Drives one replica. All methods run in one event loop."""

    def __init__(
        self,
        chain: Chain,
        replica: Replica,
        safety: SafetyStore,
        pool: Pool,
        peers: PeerNetwork,
        metrics: Metrics,
        wall_clock_ms: Callable[[], int],
    ) -> None:
        self._chain = chain
        self._replica = replica
        self._safety = safety
        self._pool = pool
        self._peers = peers
        self._metrics = metrics
        self._wall_clock_ms = wall_clock_ms
        self._events: deque[Event] = deque()
        self._is_draining = False
        self._candidates: OrderedDict[bytes, Candidate] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fetching_blocks = False
        self._waiters: dict[bytes, set[asyncio.Future[None]]] = {}
        self._block_waiters: set[asyncio.Future[None]] = set()
        self._peer_heights: dict[bytes, int] = {}
        self._waited: set[bytes] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log = structlog.get_logger("runtime")

    @property
    def replica(self) -> Replica:
        """The replica, to be read only."""
        return self._replica

    @property
    def peer_heights(self) -> dict[bytes, int]:
        """The height that each peer last said it works on."""
        return dict(self._peer_heights)

    async def run(self) -> None:
        """Tick for ever; raises what stopped the node (a disk that failed, a broken invariant)."""
        self._spawn(self._tick())
        await self._failure

    async def stop(self) -> None:
        """Stop ticking and fetching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        """Take encoded consensus messages of a peer; what is not authentic is counted and dropped."""
        for data in batch:
            try:
                signed = decode_message(data)
            except LedgerError as error:
                self._metrics.peer_junk.labels(reason=error.code).inc()
                continue
            verdict = authenticate(signed, self._chain.validators, self._chain.chain_id)
            if isinstance(verdict, Rejected):
                self._metrics.peer_junk.labels(reason=str(verdict.reason)).inc()
                continue
            self._peers.heard_from(signed.sender)
            self._peer_heights[signed.sender] = signed.message.height
            self.dispatch(MessageReceived(verdict))

    def work_arrived(self) -> None:
        """Tell the replica that transactions wait."""
        if len(self._pool):
            self.dispatch(WorkAvailable(is_waiting=True))

    async def wait_committed(self, transaction_id: bytes, timeout_seconds: float) -> bool:
        """Return whether the transaction is committed now or within the time."""
        if self._chain.is_committed(transaction_id):
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(transaction_id, set()).add(waiter)
        try:
            await asyncio.wait_for(waiter, timeout_seconds)
        except TimeoutError:
            return False
        finally:
            waiters = self._waiters.get(transaction_id, set())
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(transaction_id, None)
        return True

    async def next_block(self, after_height: int, timeout_seconds: float) -> bool:
        """Return whether a block above this height is there now or within the time."""
        if self._chain.tip.height > after_height:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._block_waiters.add(waiter)
        try:
            await asyncio.wait_for(waiter, timeout_seconds)
        except TimeoutError:
            return False
        finally:
            self._block_waiters.discard(waiter)
        return self._chain.tip.height > after_height

    def dispatch(self, event: Event) -> None:
        """Feed one event, and those that follow from its effects, through the replica."""
        self._events.append(event)
        if self._is_draining or self._failure.done():
            return
        self._is_draining = True
        try:
            while self._events:
                self._carry_out_all(self._replica.step(self._events.popleft()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the node must not go on: run() raises it
            self._fail(error)
        finally:
            self._is_draining = False

    def _carry_out_all(self, effects: Sequence[Effect]) -> None:
        """Carry out the effects of a step in order, but all that must be on disk first and with one sync.

        A record may be on disk earlier than its message needs it; never later.
        """
        records = [record for effect in effects if isinstance(effect, Persist) for record in effect.records]
        if records:
            self._safety.persist(records)
        for effect in effects:
            self._carry_out(effect)

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
                self._start_fetching_blocks(effect)
            case Report():
                self._metrics.reports.labels(kind=str(effect.kind)).inc()
                self._log.debug("report", kind=str(effect.kind), detail=effect.detail)
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
        proposal = effect.proposal
        if proposal.header.hash in self._candidates:
            self._answer_check(effect, None)
            return
        transactions = [self._pool.get(transaction_id) for transaction_id in proposal.transaction_ids]
        if any(transaction is None for transaction in transactions):
            self._spawn(self._fetch_and_check(effect))
            return
        self._check_complete(effect, [transaction for transaction in transactions if transaction is not None])

    def _check_complete(self, effect: CheckProposal, transactions: Sequence[Transaction]) -> None:
        clock_ms = self._wall_clock_ms() if effect.is_fresh else None
        verdict = self._chain.check(effect.proposal.header, transactions, clock_ms)
        if isinstance(verdict, Candidate):
            self._remember(verdict)
            self._answer_check(effect, None)
        else:
            self._log.warning("proposal_refused", height=effect.height, view=effect.view, rule=verdict)
            self._answer_check(effect, verdict)

    def _answer_check(self, effect: CheckProposal, refusal: str | None) -> None:
        self._events.append(ProposalChecked(effect.height, effect.view, effect.proposal.header.hash, refusal))

    async def _fetch_and_check(self, effect: CheckProposal) -> None:
        """Ask peers for the transactions of a proposal that are not here, the proposer first."""
        wanted = effect.proposal.transaction_ids
        for _ in range(_FETCH_TRIES):
            for peer in self._peers.known(effect.proposal.header.proposer):
                missing = [transaction_id for transaction_id in wanted if transaction_id not in self._pool]
                if not missing:
                    break
                try:
                    await self._pool.add_encoded(await self._peers.fetch_transactions(peer, missing))
                except PeerError as error:
                    self._log.info("fetch_failed", peer=peer.hex()[:16], error=str(error))
        transactions = [self._pool.get(transaction_id) for transaction_id in wanted]
        if effect.height != self._chain.tip.height + 1:
            return
        found = [transaction for transaction in transactions if transaction is not None]
        if len(found) == len(wanted):
            self._check_complete(effect, found)
        else:
            self._answer_check(effect, "transactions_not_available")
        self._drain()

    def _remember(self, candidate: Candidate) -> None:
        self._candidates[candidate.header.hash] = candidate
        if len(self._candidates) > _CANDIDATES_MAX:
            self._candidates.popitem(last=False)

    # Committing and catching up: one door

    def _commit_proposal(self, proposal: Proposal, certificate: Certificate) -> None:
        candidate = self._candidates.get(proposal.header.hash)
        if candidate is None:
            transactions = [self._pool.get(transaction_id) for transaction_id in proposal.transaction_ids]
            found = [transaction for transaction in transactions if transaction is not None]
            assert len(found) == len(transactions), "a block was decided that was never checked here"
            verdict = self._chain.check(proposal.header, found, None)
            assert isinstance(verdict, Candidate), f"a decided block breaks rule {verdict}"
            candidate = verdict
        self._commit(candidate, certificate)

    def _commit(self, candidate: Candidate, certificate: Certificate) -> None:
        started = time.perf_counter()
        if not self._chain.commit(candidate, certificate):
            return
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        height = candidate.header.height
        self._metrics.height.set(height)
        for receipt in candidate.execution.receipts:
            outcome = "ok" if receipt.code == 0 else "failed"
            self._metrics.committed_transactions.labels(outcome=outcome).inc()
        self._candidates.clear()
        self._pool.committed(candidate.transactions, candidate.execution.details)
        if height % _SAFETY_CLEANING_HEIGHTS == 0:
            self._safety.forget_below(height)
        self._log.info(
            "committed",
            height=height,
            view=certificate.view,
            transactions=len(candidate.transactions),
            state_root=candidate.header.state_root.hex()[:16],
        )
        self._events.append(BlockCommitted(candidate.header, self._chain.validators))
        self._events.append(WorkAvailable(is_waiting=len(self._pool) > 0))
        self._wake(candidate)

    def _wake(self, candidate: Candidate) -> None:
        waiters = [
            waiter
            for transaction in candidate.transactions
            for waiter in self._waiters.pop(transaction.transaction_id, set())
        ]
        for waiter in [*waiters, *self._block_waiters]:
            if not waiter.done():
                waiter.set_result(None)

    def _start_fetching_blocks(self, effect: FetchBlocks) -> None:
        if not self._fetching_blocks:
            self._fetching_blocks = True
            self._spawn(self._fetch_blocks(effect))

    async def _fetch_blocks(self, effect: FetchBlocks) -> None:
        """Fetch certified blocks up to the wanted height, trying another peer where one fails or lies."""
        try:
            for peer in self._peers.known(effect.peer):
                while self._chain.tip.height < effect.to_height:
                    if not await self._fetch_some_blocks(peer, effect.to_height):
                        break
                if self._chain.tip.height >= effect.to_height:
                    return
        finally:
            self._fetching_blocks = False

    async def _fetch_some_blocks(self, peer: bytes, last: int) -> bool:
        """Commit what a peer hands over; return False where it was nothing or cannot stand."""
        try:
            blocks = await self._peers.fetch_blocks(peer, self._chain.tip.height + 1, last)
        except PeerError as error:
            self._log.info("fetch_failed", peer=peer.hex()[:16], error=str(error))
            return False
        for block in blocks:
            if block.header.height <= self._chain.tip.height:
                continue
            verdict = self._chain.check_certified(block.header, block.certificate, block.transactions)
            if not isinstance(verdict, Candidate):
                self._metrics.peer_junk.labels(reason=f"block_{verdict}").inc()
                self._log.warning("peer_block_refused", peer=peer.hex()[:16], height=block.header.height, rule=verdict)
                return False
            self._commit(verdict, block.certificate)
            self._drain()
            await asyncio.sleep(0)
        return bool(blocks)

    # The loop's own upkeep

    async def _tick(self) -> None:
        gossip_at = time.monotonic() + _GOSSIP_SECONDS
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.dispatch(Tick(int(time.monotonic() * 1000)))
            if time.monotonic() >= gossip_at:
                gossip_at = time.monotonic() + _GOSSIP_SECONDS
                self._gossip_again()
            expired = self._pool.expire(self._wall_clock_ms())
            if expired:
                self._log.info("transactions_expired", count=len(expired))
                self.dispatch(WorkAvailable(is_waiting=len(self._pool) > 0))
            self._metrics.view.set(self._replica.view)
            self._metrics.pending_transactions.set(len(self._pool))
            self._metrics.reachable_peers.set(sum(state.is_reachable for state in self._peers.states()))

    def _gossip_again(self) -> None:
        """Pass on what still waits, oldest first: its first passing on may have met peers that were away."""
        oldest = list(islice(self._pool, _GOSSIP_TRANSACTIONS_MAX))
        self._peers.gossip([waiting.encoded for waiting in oldest if waiting.transaction_id in self._waited])
        self._waited = {waiting.transaction_id for waiting in oldest}

    def _drain(self) -> None:
        """Run the events that a task beside the loop left behind."""
        if self._events:
            self.dispatch(self._events.popleft())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert isinstance(error, BaseException)
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        kind = "disk" if isinstance(error, StorageError) else "bug"
        self._log.error("stopping", kind=kind, error=str(error), exc_info=error)
        if not self._failure.done():
            self._failure.set_exception(error)
