"""One machine: its disk and its clock, and the real node on them, from the store up to the engine.

The engine's ports lead to the cluster, which decides what arrives where and when. What a machine answers to its peers
comes from the functions that ``node/network/listener.py`` answers with, as bytes, and is decoded like there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from consensus.config import ConsensusConfig
from consensus.effects import LOCK_RECORD, Effect, Report
from consensus.events import Event
from consensus.messages import Signer
from consensus.replica import Replica
from ledger.block import Header
from ledger.certificate import Certificate
from ledger.codec import encode
from ledger.transaction import Transaction
from node.admission import Refusal, signature_refusal
from node.chain import Candidate, Chain
from node.engine.engine import Engine
from node.engine.gate import Gate
from node.engine.ports import BlocksQuestion, ComparisonQuestion, Question
from node.mempool import MempoolLimits
from node.network.listener import _encoded_blocks
from node.network.wire import decode_batch, decode_blocks, encode_batch
from node.pool import Pool
from node.storage.errors import StorageError
from node.storage.safety_store import SafetyStore, write_new
from node.storage.store import BlockWrite, Store, write_genesis
from tests.sim.ledger import START_MS
from tests.sim.setting import Setting
from tests.sim.virtual_disk import VirtualValues, WriteFate, always_kept

_POOL = MempoolLimits(transactions_max=500, size_bytes_max=200_000)


class World(Protocol):
    """What a machine sees of the cluster around it."""

    def now_ms(self) -> int:
        """Return the time of the run."""
        ...

    def fate(self, machine: "Machine", platter: str, changes: Mapping[bytes, bytes | None]) -> WriteFate:
        """Decide about a write."""
        ...

    def send_message(self, machine: "Machine", data: bytes, to: bytes | None) -> None:
        """Send a consensus message to one peer, or to all."""
        ...

    def send_transactions(self, machine: "Machine", batch: Sequence[bytes]) -> None:
        """Send transactions to all peers."""
        ...

    def send_question(self, machine: "Machine", to: bytes, question: Question) -> None:
        """Ask a peer."""
        ...

    def peers_of(self, machine: "Machine", preferred: bytes | None) -> list[bytes]:
        """Return the keys of the others."""
        ...

    def on_committed(self, machine: "Machine", candidate: Candidate, certificate: Certificate) -> None:
        """A block is on the disk of a machine."""
        ...

    def on_step(self, machine: "Machine") -> None:
        """The replica of a machine is about to take a step."""
        ...

    def on_report(self, machine: "Machine", report: Report) -> None:
        """The replica of a machine reports."""
        ...

    def on_refused(self, machine: "Machine", what: str) -> None:
        """A machine refused something of a peer."""
        ...


class Machine:
    """A machine that can be started, fed and stopped; what stands on its platters outlives the node on it."""

    def __init__(
        self,
        world: World,
        number: int,
        key: Signer,
        role: str,
        genesis: BlockWrite,
        setting: Setting,
        skew_ms: int = 0,
        creep: float = 0.0,
    ) -> None:
        self.world = world
        self.number = number
        self.key = key
        self.role = role
        self.genesis = genesis
        self.setting = setting
        self.verifier = setting.verify
        self.skew_ms = skew_ms
        self.creep = creep
        self.ledger = setting.platter("ledger")
        self.safety = setting.platter("safety")
        self.starts = 0
        self.busy_until_ms = 0
        self.backups: list[dict[bytes, bytes]] = []
        self.waiting: set[bytes] = set()
        self.found_at_start: set[str] = set()
        self.stash: dict[bytes, Transaction] = {}
        self.chain: Chain
        self.pool: Pool
        self.replica: Replica
        self.engine: Engine | None = None
        self.format_ledger()
        self.format_safety()

    @property
    def is_honest(self) -> bool:
        """Whether the rules hold for it."""
        return self.role == "honest"

    @property
    def is_up(self) -> bool:
        """Whether a node runs on it."""
        return self.engine is not None

    @property
    def tip(self) -> Header:
        """The last block that the running node has."""
        return self.chain.tip

    def wall_clock_ms(self) -> int:
        """Return what this machine takes for the time in UTC."""
        now_ms = self.world.now_ms()
        return START_MS + now_ms + self.skew_ms + int(now_ms * self.creep)

    def shows_signature_of(self, public_key: bytes) -> bool:
        """Say whether a block on its disk holds a vote of a key, read past the node; damage shows nothing."""
        try:
            store = Store(VirtualValues(self.ledger, always_kept), self.genesis.block.header.chain_id)
            return Chain(store, self.setting.ledger.executor, self.verifier).has_signed(public_key)
        except StorageError:
            return False

    # The disk

    def format_ledger(self) -> None:
        """Begin the ledger anew, with block 0 alone."""
        self.ledger.close()
        self.ledger = self.setting.platter("ledger")
        write_genesis(self.ledger.open(always_kept), self.genesis)
        self.backups.clear()

    def format_safety(self) -> None:
        """Begin the safety store anew: it knows nothing of what this key signed."""
        self.safety.close()
        self.safety = self.setting.platter("safety")
        write_new(self.safety.open(always_kept))
        # A store is made long before its node runs: a power cut of today takes nothing of that back.
        self.safety.before.clear()

    def holds(self, height: int, view: int, kind: str) -> bool:
        """Say whether a record of this place is on the disk, read past the store."""
        return b"r" + height.to_bytes(8, "big") + view.to_bytes(4, "big") + kind.encode() in self.safety.pairs

    def _fate(self, platter: str, changes: Mapping[bytes, bytes | None]) -> WriteFate:
        return self.world.fate(self, platter, changes)

    # Starting and stopping

    def start(self, config: ConsensusConfig, gate: Gate) -> None:
        """Open the disk and start a node; raises StorageError and PowerFailure."""
        self.starts += 1
        store = Store(self.ledger.open(self._fate), self.genesis.block.header.chain_id)
        self.chain = Chain(store, self.setting.ledger.executor, self.verifier)
        safety = SafetyStore(self.safety.open(self._fate), was_torn=self.safety.was_torn)
        self.safety.was_torn = False
        records = safety.records()
        self.found_at_start = {"learned on a new disk"} if safety.is_new else set()
        if any(record.kind == LOCK_RECORD and record.height > store.tip.height for record in records):
            self.found_at_start.add("lock taken up")
        self.pool = Pool(self.chain, _POOL, lambda _: None, self.wall_clock_ms)
        self.replica = Replica(
            config=config,
            chain_id=self.chain.chain_id,
            key=self.key,
            proposers=self.chain.proposers(),
            tip=self.chain.tip,
            records=records,
            now_ms=self.world.now_ms(),
            is_store_new=safety.is_new,
            has_signed=safety.is_new and self.chain.has_signed(self.key.public_key),
        )
        self.replica.step = self._counted(self.replica.step)  # type: ignore[method-assign, assignment]
        self.engine = Engine(
            self.chain, self.replica, safety, self.pool, self, self, gate, self.wall_clock_ms, self.verifier
        )

    def _counted(self, step: Callable[[Event], tuple[Effect, ...]]) -> Callable[[Event], tuple[Effect, ...]]:
        """Return the replica's step, with the world told of each: an answer that asks again would never end."""

        def counted(event: Event) -> tuple[Effect, ...]:
            self.world.on_step(self)
            return step(event)

        return counted

    def stop(self) -> None:
        """Stop at once; what waited in memory is gone."""
        self.engine = None
        self.waiting.clear()
        self.ledger.close()
        self.safety.close()

    # What arrives

    def submit(self, encoded: bytes) -> Refusal | None:
        """Take a transaction of a client who will wait for it, as ``Node.submit`` does."""
        assert self.engine is not None
        transaction = self.pool.check(encoded)
        if isinstance(transaction, Refusal):
            return transaction
        self.waiting.add(transaction.transaction_id)
        if transaction.transaction_id not in self.pool:
            refusal = signature_refusal(transaction, self.verifier) or self.pool.add(transaction)
            if refusal is not None:
                return refusal
            self.gossip([encoded])
            self.engine.on_work()
        return None

    def take_transactions(self, batch: Sequence[bytes]) -> None:
        """Take transactions of a peer, as the asyncio shell does."""
        assert self.engine is not None
        if self._take(batch):
            self.engine.on_work()

    def answer(self, question: Question) -> bytes:
        """Return the encoded answer to a peer's question."""
        if isinstance(question, BlocksQuestion):
            return _encoded_blocks(self.chain.store, question.first, question.last)
        if isinstance(question, ComparisonQuestion):
            return _encoded_blocks(self.chain.store, question.height, question.height)
        assert self.engine is not None
        found = []
        for transaction_id in question.transaction_ids:
            waiting = self.engine.transaction(transaction_id) or self.stash.get(transaction_id)
            if waiting is not None:
                found.append(waiting.encoded)
            else:
                found += self.chain.store.encoded_transactions([transaction_id])
        return encode_batch(found)

    def take_answer(self, peer: bytes, question: Question, answer: bytes | None) -> None:
        """Take a peer's answer, None where it gave none."""
        assert self.engine is not None
        if isinstance(question, BlocksQuestion):
            self.engine.on_blocks(peer, None if answer is None else decode_blocks(answer))
            return
        if isinstance(question, ComparisonQuestion):
            self.engine.on_comparison(peer, None if answer is None else decode_blocks(answer))
            return
        batch = [] if answer is None else decode_batch(answer)
        self._take(batch)
        self.engine.on_transactions(peer, batch)

    def _take(self, batch: Sequence[bytes]) -> int:
        candidates = self.pool.screen(batch)
        refusals = [signature_refusal(transaction, self.verifier) for transaction in candidates]
        return self.pool.take(candidates, refusals)

    # The port to the peers

    def broadcast(self, message: bytes) -> None:
        """Send a consensus message to every peer."""
        self.world.send_message(self, message, None)

    def send(self, public_key: bytes, message: bytes) -> None:
        """Send a consensus message to one peer."""
        self.world.send_message(self, message, public_key)

    def gossip(self, transactions: Sequence[bytes]) -> None:
        """Send transactions to every peer."""
        self.world.send_transactions(self, transactions)

    def heard_from(self, public_key: bytes) -> None:
        """Note nothing: whom to ask first does not depend on it here."""

    def known(self, preferred: bytes | None) -> list[bytes]:
        """Return the keys of the others, the preferred one first."""
        return self.world.peers_of(self, preferred)

    def ask(self, public_key: bytes, question: Question) -> None:
        """Put a question to a peer."""
        self.world.send_question(self, public_key, question)

    # The observer

    def committing(self) -> None:
        """Note nothing."""

    def committed(self, candidate: Candidate, certificate: Certificate) -> None:
        """Pass on that a block is on the disk."""
        self.world.on_committed(self, candidate, certificate)

    def may_vote(self, height: int) -> None:
        """Note nothing."""

    def reported(self, report: Report) -> None:
        """Pass on a report."""
        self.world.on_report(self, report)

    def dropped(self, reason: str) -> None:
        """Pass on that junk was dropped."""
        self.world.on_refused(self, reason)

    def refused(self, what: str, peer: bytes, height: int, rule: str) -> None:
        """Pass on that a block was refused."""
        self.world.on_refused(self, f"{what}: {rule}")


def transaction_row(height: int, index: int) -> bytes:
    """Return the row of a committed transaction, as it must stand on a disk."""
    return encode([height, index])
