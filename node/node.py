"""A running node: the parts put together, and the door through which the HTTP API reaches them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from consensus.config import ConsensusConfig
from consensus.replica import Replica
from contracts.authority import Authority
from contracts.results import ResultCode
from ledger.evidence import Equivocation
from ledger.genesis import Genesis
from ledger.keys import SecretKey
from ledger.state import Overlay
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.admission import Refusal, RefusalKind
from node.chain import Chain
from node.config import NodeConfig
from node.evidence import EvidenceReporter
from node.home import Home
from node.mempool import MempoolLimits
from node.metrics import Metrics
from node.network.peers import PeerNetwork
from node.own_transactions import OwnTransactions
from node.pool import Pool
from node.pruning import Pruner
from node.queries import Outcome
from node.runtime import Runtime
from node.scans.anchoring import ScanAnchor
from node.scans.log import ScanLog
from node.signature_checks import SignatureChecks
from node.storage.space import DiskSpace
from node.storage.store import Store
from node.subscriptions.book import Book
from node.subscriptions.sender import Sender

_REFUSAL_BY_RESULT: Final = {
    ResultCode.UNKNOWN_KEY: (RefusalKind.UNAUTHENTICATED, "transaction.unknown_key"),
    ResultCode.ORGANISATION_SUSPENDED: (RefusalKind.FORBIDDEN, "transaction.organisation_suspended"),
}


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A peer as this node sees it; ``height`` is the one it last said it works on."""

    public_key: bytes
    url: str
    is_reachable: bool
    height: int | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node says of itself; hashes and keys are 32 bytes, times milliseconds UTC."""

    network: str
    chain_id: bytes
    name: str
    version: str
    height: int
    earliest_height: int
    tip_hash: bytes
    tip_time_ms: int
    state_root: bytes
    view: int
    phase: str
    is_validator: bool
    public_key: bytes
    validators: ValidatorSet
    peers: tuple[PeerStatus, ...]
    pending_transactions: int
    is_ready: bool
    not_ready_reason: str | None


class Node:
    """One node. Create it inside a running event loop, then ``start``."""

    def __init__(self, home: Home, consensus_config: ConsensusConfig, mempool_limits: MempoolLimits) -> None:
        self.config: NodeConfig = home.config
        self.genesis: Genesis = home.genesis
        self.store: Store = home.store
        self.gateway_key: SecretKey | None = home.gateway_key
        self.metrics = Metrics()
        self.chain = Chain(home.store)
        self.version = version("tradelane")
        self._public_key = home.validator_key.public_key
        self._peers = PeerNetwork(self.chain.chain_id, home.config.peers, self.metrics)
        self._pool = Pool(self.chain, mempool_limits, self.drop_junk, self.now_ms)
        replica = Replica(
            config=consensus_config,
            chain_id=self.chain.chain_id,
            key=home.validator_key,
            proposers=self.chain.proposers(),
            tip=self.chain.tip,
            records=home.safety_records(),
            now_ms=int(time.monotonic() * 1000),
            is_store_new=home.safety.is_new,
            has_signed=home.safety.is_new and self.chain.has_signed(self._public_key),
        )
        pruner = Pruner(home.store, home.config.retain_blocks)
        self.space = DiskSpace(home.config.home, lambda: time.monotonic_ns() // 1_000_000)
        self.metrics.disk_free_bytes.set_function(lambda: self.space.free_bytes)
        self.metrics.earliest_height.set_function(lambda: self.store.earliest_height)
        self._checks = SignatureChecks()
        self.runtime = Runtime(
            self.chain, replica, home.safety, self._pool, self._checks, self._peers, self.metrics, self.now_ms, pruner
        )
        own = OwnTransactions(self.chain, self.gateway_key, self.submit, self.now_ms)
        self._reporter = EvidenceReporter(self.chain, home.safety, self._public_key, own)
        self.queries = Book(home.config.queries_directory)
        self.subscribers = Sender(self, self.queries)
        self.scans = ScanLog(home.config.scans_directory)
        self._scan_anchor = ScanAnchor(self.store, self.scans, own)
        self.metrics.height.set(self.chain.tip.height)

    def start(self) -> None:
        """Start to talk to the peers."""
        self._peers.start()

    async def run(self) -> None:
        """Run until something stops the node, and raise that."""
        parts = (self.runtime, self._reporter, self._peers, self.subscribers, self._scan_anchor)
        tasks = {asyncio.create_task(part.run()) for part in parts}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all that runs; the stores stay open for their owner to close."""
        await self.runtime.stop()
        await self._peers.stop()
        self.scans.close()

    def drop_junk(self, reason: str) -> None:
        """Count something of a peer that is dropped."""
        self.metrics.peer_junk.labels(reason=reason).inc()

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def status(self) -> NodeStatus:
        """Return what this node says of itself now."""
        tip, replica, heights = self.chain.tip, self.runtime.replica, self.runtime.peer_heights
        peers = tuple(
            PeerStatus(state.public_key, state.url, state.is_reachable, heights.get(state.public_key))
            for state in self._peers.states()
        )
        reason = self._not_ready_reason(peers)
        return NodeStatus(
            network=self.genesis.network,
            chain_id=self.chain.chain_id,
            name=self.config.name,
            version=self.version,
            height=tip.height,
            earliest_height=self.store.earliest_height,
            tip_hash=tip.hash,
            tip_time_ms=tip.time_ms,
            state_root=tip.state_root,
            view=replica.view,
            phase=replica.phase.value,
            is_validator=self._is_validator,
            public_key=self._public_key,
            validators=self.chain.validators,
            peers=peers,
            pending_transactions=len(self._pool),
            is_ready=reason is None,
            not_ready_reason=reason,
        )

    async def submit(self, encoded: bytes) -> Transaction | Refusal:
        """Take a client's transaction into the pool and pass it on, or return the one reason why not."""
        return (await self.submit_many([encoded]))[0]

    async def submit_many(self, batch: Sequence[bytes]) -> list[Transaction | Refusal]:
        """Take transactions into the pool, each by itself, and pass on what is new; return an answer for each."""
        shortage = self.space.shortage()
        if shortage is not None:
            answers: list[Transaction | Refusal] = [
                Refusal(RefusalKind.UNAVAILABLE, "node.disk_full", shortage) for _ in batch
            ]
        else:
            answers = [self._pool.check(encoded) for encoded in batch]
            refusals = await self._admit([answer for answer in answers if isinstance(answer, Transaction)])
            answers = [
                refusals.get(answer.transaction_id, answer) if isinstance(answer, Transaction) else answer
                for answer in answers
            ]
        for answer in answers:
            if isinstance(answer, Refusal):
                self.metrics.refused_transactions.labels(code=answer.code).inc()
        return answers

    async def _admit(self, checked: Sequence[Transaction]) -> dict[bytes, Refusal]:
        """Take what is new of transactions that the pool has checked; return why others were not taken, by id."""
        fresh = {each.transaction_id: each for each in checked if not self.is_pending(each.transaction_id)}
        candidates = list(fresh.values())
        wrong = await self._checks.refusals(candidates)
        authority = Authority(Overlay(self.store), max(self.now_ms(), self.chain.tip.time_ms + 1))
        refusals: dict[bytes, Refusal] = {}
        taken: list[bytes] = []
        for transaction, signature in zip(candidates, wrong, strict=True):
            refusal = signature or _authority_refusal(authority, transaction) or self._pool.add(transaction)
            if refusal is None:
                taken.append(transaction.encoded)
            else:
                refusals[transaction.transaction_id] = refusal
        if taken:
            self._peers.gossip(taken)
            self.runtime.work_arrived()
        return refusals

    def is_pending(self, transaction_id: bytes) -> bool:
        """Say whether a transaction waits for a block here."""
        return transaction_id in self._pool

    def receipt_detail(self, transaction_id: bytes) -> str | None:
        """Return in words why a transaction failed, where this node executed it lately."""
        return self._pool.detail(transaction_id)

    def unreported_evidence(self) -> list[Equivocation]:
        """Return the double votes that this node keeps and that are not on the ledger yet."""
        return self._reporter.unreported()

    async def wait_outcomes(self, transaction_ids: Sequence[bytes], timeout_s: float) -> dict[bytes, Outcome]:
        """Return the outcomes of those transactions that are committed from now on, within the time."""
        return await self.runtime.wait_outcomes(transaction_ids, timeout_s)

    async def wait_committed(self, transaction_id: bytes, timeout_s: float) -> bool:
        """Return whether the transaction is committed now or within the time."""
        return await self.runtime.wait_committed(transaction_id, timeout_s)

    async def next_block(self, after_height: int, timeout_s: float) -> bool:
        """Return whether a block above this height is there now or within the time."""
        return await self.runtime.next_block(after_height, timeout_s)

    # What the peers' listener hands over

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        """Take encoded consensus messages of a peer."""
        self.runtime.receive_messages(batch)

    async def receive_transactions(self, batch: Sequence[bytes]) -> None:
        """Take encoded transactions of a peer; they are not passed on, for their first node told everybody."""
        await self.runtime.receive_transactions(batch)

    def waiting_transaction(self, transaction_id: bytes) -> bytes | None:
        """Return the bytes of a transaction that waits or belongs to the block in progress, or None."""
        transaction = self.runtime.transaction(transaction_id)
        return None if transaction is None else transaction.encoded

    @property
    def _is_validator(self) -> bool:
        return self.chain.validators.index_of(self._public_key) is not None

    def _not_ready_reason(self, peers: Sequence[PeerStatus]) -> str | None:
        """Return why this node cannot serve a write that commits, or None where it can."""
        shortage = self.space.shortage()
        if shortage is not None:
            return shortage
        validators = self.chain.validators
        reachable = sum(peer.is_reachable and validators.index_of(peer.public_key) is not None for peer in peers)
        voices = reachable + (1 if self._is_validator else 0)
        if voices < validators.quorum:
            return f"{voices} of {len(validators)} validators can be reached, {validators.quorum} are needed to commit"
        ahead = max((peer.height or 0 for peer in peers), default=0)
        if ahead > self.chain.tip.height + 2:
            return f"catching up: at height {self.chain.tip.height}, peers work on {ahead}"
        return None


def _authority_refusal(authority: Authority, transaction: Transaction) -> Refusal | None:
    """Ask the contracts, on the state of the tip, whether this key may call these methods.

    It is asked again when the transaction runs. Here it only spares the chain a transaction that must fail.
    """
    verdict = authority.judge(transaction)
    if verdict.code is ResultCode.OK:
        return None
    kind, name = _REFUSAL_BY_RESULT.get(verdict.code, (RefusalKind.FORBIDDEN, "transaction.key_not_allowed"))
    return Refusal(kind, name, verdict.detail)
