"""The asyncio shell around the engine: the clock, the questions to peers, and those who wait for a commit.

All methods run in one event loop. The first failure of the engine stops the node: nothing is fed to it any more, and
``run`` raises what it was.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, assert_never

import structlog

from consensus.effects import Report
from consensus.replica import Replica
from ledger.certificate import Certificate
from ledger.transaction import Transaction
from node.chain import Candidate, Chain
from node.engine.engine import Engine
from node.engine.gate import open_gate
from node.engine.ports import BlocksQuestion, ComparisonQuestion, Question, TransactionsQuestion
from node.metrics import Metrics
from node.network.asking import JunkError, PeerError
from node.network.peers import PeerNetwork
from node.network.wire import CertifiedBlock
from node.pool import Pool
from node.pruning import Pruner
from node.queries import Outcome
from node.signature_checks import SignatureChecks
from node.storage.safety_store import SafetyStore
from node.waiting import Waiting

_TICK_SECONDS: Final = 0.05


class Runtime:
    """Runs one engine; create it inside a running event loop."""

    def __init__(
        self,
        chain: Chain,
        replica: Replica,
        safety: SafetyStore,
        pool: Pool,
        checks: SignatureChecks,
        peers: PeerNetwork,
        metrics: Metrics,
        wall_clock_ms: Callable[[], int],
        pruner: Pruner,
    ) -> None:
        self._chain = chain
        self._pruner = pruner
        self._giving_back: asyncio.Task[None] | None = None
        self._pool = pool
        self._peers = peers
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()
        self._checks = checks
        self._waiting = Waiting()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log = structlog.get_logger("runtime")
        observer = _Observer(metrics, self._waiting.wake)
        asking = _AskingPeers(peers, self._ask)
        gate = open_gate(chain.chain_id)
        self._engine = Engine(chain, replica, safety, pool, asking, observer, gate, wall_clock_ms)

    @property
    def replica(self) -> Replica:
        """The replica, to be read only."""
        return self._engine.replica

    @property
    def peer_heights(self) -> dict[bytes, int]:
        """The height that each peer last said it works on."""
        return self._engine.peer_heights

    def transaction(self, transaction_id: bytes) -> Transaction | None:
        """Return a transaction that waits or belongs to the block in progress, or None."""
        return self._engine.transaction(transaction_id)

    async def run(self) -> None:
        """Tick for ever; raises what stopped the node (a disk that failed, a broken invariant)."""
        self._spawn(self._tick())
        await self._failure

    async def stop(self) -> None:
        """Stop ticking and asking; a database that rewrites its files is waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._giving_back is not None:
            await asyncio.gather(self._giving_back, return_exceptions=True)

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        """Take encoded consensus messages of a peer."""
        self._feed(lambda: self._engine.receive_messages(batch))

    async def receive_transactions(self, batch: Sequence[bytes]) -> None:
        """Take encoded transactions of a peer; the signatures of many are checked off the loop."""
        if await self._take(batch):
            self.work_arrived()

    def work_arrived(self) -> None:
        """Note that transactions wait."""
        self._feed(self._engine.on_work)

    async def wait_outcomes(self, transaction_ids: Sequence[bytes], timeout_seconds: float) -> dict[bytes, Outcome]:
        """Return the outcomes of those transactions that are committed from now on, within the time."""
        waited_for = [each for each in transaction_ids if not self._chain.is_committed(each)]
        return await self._waiting.outcomes(waited_for, timeout_seconds)

    async def wait_committed(self, transaction_id: bytes, timeout_seconds: float) -> bool:
        """Return whether the transaction is committed now or within the time."""
        is_committed = self._chain.is_committed(transaction_id)
        return is_committed or bool(await self._waiting.outcomes([transaction_id], timeout_seconds))

    async def next_block(self, after_height: int, timeout_seconds: float) -> bool:
        """Return whether a block above this height is there now or within the time."""
        if self._chain.tip.height <= after_height:
            await self._waiting.block(timeout_seconds)
        return self._chain.tip.height > after_height

    def _feed(self, call: Callable[[], None]) -> None:
        """Call the engine, unless it failed before."""
        if self._failure.done():
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it is, the node must not go on: run() raises it
            self._fail(error)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._feed(lambda: self._engine.tick(int(time.monotonic() * 1000)))
            self._feed(self._prune)
            self._metrics.view.set(self.replica.view)
            self._metrics.pending_transactions.set(len(self._pool))
            self._metrics.reachable_peers.set(sum(state.is_reachable for state in self._peers.states()))

    def _prune(self) -> None:
        """Give up some old bodies; their room is given back by a thread, which takes seconds where there is much."""
        self._pruner.step()
        is_busy = self._giving_back is not None and not self._giving_back.done()
        if self._pruner.is_room_waiting and not is_busy:
            self._giving_back = asyncio.get_running_loop().create_task(asyncio.to_thread(self._pruner.give_back))
            self._giving_back.add_done_callback(self._finished)

    # Questions to peers

    def _ask(self, peer: bytes, question: Question) -> None:
        match question:
            case BlocksQuestion():
                self._spawn(self._ask_blocks(peer, question))
            case TransactionsQuestion():
                self._spawn(self._ask_transactions(peer, question))
            case ComparisonQuestion():
                self._spawn(self._ask_comparison(peer, question))
            case _:
                assert_never(question)

    async def _ask_blocks(self, peer: bytes, question: BlocksQuestion) -> None:
        blocks = await self._fetched(peer, question.first, question.last)
        self._feed(lambda: self._engine.on_blocks(peer, blocks))

    async def _ask_comparison(self, peer: bytes, question: ComparisonQuestion) -> None:
        blocks = await self._fetched(peer, question.height, question.height)
        self._feed(lambda: self._engine.on_comparison(peer, blocks))

    async def _fetched(self, peer: bytes, first: int, last: int) -> list[CertifiedBlock] | None:
        try:
            return await self._peers.fetch_blocks(peer, first, last)
        except PeerError as error:
            self._note_failed(peer, error)
            return None

    def _note_failed(self, peer: bytes, error: PeerError) -> None:
        if isinstance(error, JunkError):
            self._metrics.peer_junk.labels(reason=error.reason).inc()
        self._log.info("fetch_failed", peer=peer.hex()[:16], error=str(error))

    async def _ask_transactions(self, peer: bytes, question: TransactionsQuestion) -> None:
        batch: list[bytes] = []
        # A proposal often overtakes what its transactions came with: those are here and are being checked.
        await self._checks.finished(question.transaction_ids)
        missing = [each for each in question.transaction_ids if self.transaction(each) is None]
        try:
            if missing:
                batch = await self._peers.fetch_transactions(peer, missing)
                await self._take(batch)
        except PeerError as error:
            self._note_failed(peer, error)
        self._feed(lambda: self._engine.on_transactions(peer, batch))

    async def _take(self, batch: Sequence[bytes]) -> int:
        candidates = self._pool.screen(batch)
        if not candidates:
            return 0
        return self._pool.take(candidates, await self._checks.refusals(candidates))

    # Those who fail

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
        """Let ``run`` raise this; what fails after that, or while the node stops, is logged alone."""
        if self._failure.done():
            self._log.error("failed_while_stopping", error=str(error), exc_info=error)
        else:
            self._failure.set_exception(error)


class _AskingPeers:
    """The peers' queues together with the questions, which need tasks of the runtime."""

    def __init__(self, peers: PeerNetwork, ask: Callable[[bytes, Question], None]) -> None:
        self.broadcast = peers.broadcast
        self.send = peers.send
        self.gossip = peers.gossip
        self.heard_from = peers.heard_from
        self.known = peers.known
        self.ask = ask


class _Observer:
    """Counts and logs what the engine does, and wakes those who wait for a block."""

    def __init__(self, metrics: Metrics, wake: Callable[[Candidate], None]) -> None:
        self._metrics = metrics
        self._wake = wake
        self._started = 0.0
        self._log = structlog.get_logger("runtime")

    def committing(self) -> None:
        """Take the time."""
        self._started = time.perf_counter()

    def committed(self, candidate: Candidate, certificate: Certificate) -> None:
        """Count the block and wake those who wait for it."""
        self._metrics.commit_seconds.observe(time.perf_counter() - self._started)
        self._metrics.height.set(candidate.header.height)
        carried_out = sum(receipt.code == 0 for receipt in candidate.execution.receipts)
        counted = self._metrics.committed_transactions
        counted.labels(outcome="ok").inc(carried_out)
        counted.labels(outcome="failed").inc(len(candidate.transactions) - carried_out)
        self._log.info(
            "committed",
            height=candidate.header.height,
            view=certificate.view,
            transactions=len(candidate.transactions),
            state_root=candidate.header.state_root.hex()[:16],
        )
        self._wake(candidate)

    def may_vote(self, height: int) -> None:
        """Log that following first has ended."""
        self._log.info("may_vote", height=height)

    def reported(self, report: Report) -> None:
        """Count a report of the replica."""
        self._metrics.reports.labels(kind=str(report.kind)).inc()
        self._log.debug("report", kind=str(report.kind), detail=report.detail)

    def dropped(self, reason: str) -> None:
        """Count junk of a peer."""
        self._metrics.peer_junk.labels(reason=reason).inc()

    def refused(self, what: str, peer: bytes, height: int, rule: str) -> None:
        """Log a block that breaks a rule."""
        self._log.warning(f"{what}_refused", peer=peer.hex()[:16], height=height, rule=rule)
