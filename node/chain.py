"""The chain: how a block is made, how one is checked, and the one door by which either is committed.

A block is executed on an overlay before anybody votes for it, and all its roots are compared, so a contract that
behaves differently on two machines is a refused vote and not a fork. The same check serves proposals and blocks
that come certified from a peer.

V(h) are the validators who sign block h, and its header names V(h) and V(h + 1). A block that changes the validators
sets V(h + 2), so the set that a header announces is known before its block is executed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from consensus.proposers import ProposerBook, epoch_start, proposer_book
from contracts import execute as contracts
from contracts import heads
from contracts.context import BlockContext
from contracts.execute import Execution
from ledger.authenticated_map import Plan, empty_root, plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import Certificate
from ledger.genesis import Genesis
from ledger.hashing import ZERO_HASH
from ledger.keys import Verifier, verify
from ledger.parameters import Parameters
from ledger.state import HeadSource
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.admission import refusal_of, signature_refusal
from node.replays import Replays
from node.storage.errors import DamagedError
from node.storage.store import BlockWrite, Store, StoredBlock


class Executor(Protocol):
    """What gives transactions their meaning; the module ``contracts.execute`` is one.

    Parameters and validators stand in the heads ``heads.PARAMETERS`` and ``heads.VALIDATORS`` and change with them.
    """

    def execute(self, block: BlockContext, transactions: Sequence[Transaction], source: HeadSource) -> Execution:
        """Return what the transactions of a block do to the committed heads."""
        ...

    def read_parameters(self, source: HeadSource) -> Parameters:
        """Return the committed parameters."""
        ...

    def read_validators(self, source: HeadSource) -> ValidatorSet:
        """Return the validators of the height after next: those that the committed head names."""
        ...

    def next_deadline_ms(self, source: HeadSource) -> int | None:
        """Return the time (UTC) from which on a block is due even if no transaction waits, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that was executed here and whose roots are right: all that committing it needs but the certificate."""

    header: Header
    transactions: tuple[Transaction, ...]
    execution: Execution
    plan: Plan


class Chain:
    """The tip of the chain and the rules for the block after it.

    ``validators`` are those of the height after the tip, ``next_validators`` those of the height after that.
    """

    def __init__(self, store: Store, executor: Executor = contracts, verifier: Verifier = verify) -> None:
        self.store = store
        self._executor = executor
        self._verifier = verifier
        self.parameters: Parameters = executor.read_parameters(store)
        announced = store.validators(store.tip.next_validators_hash)
        if announced is None:
            raise DamagedError(f"the validators after block {store.tip.height} are missing")
        self.validators: ValidatorSet = announced
        self.next_validators: ValidatorSet = executor.read_validators(store)
        self._deadline_ms = executor.next_deadline_ms(store)
        self._replays = Replays(self.is_committed, store.tip.height, store.tip.time_ms)

    @property
    def tip(self) -> Header:
        """The header of the last committed block."""
        return self.store.tip

    @property
    def chain_id(self) -> bytes:
        """The genesis hash."""
        return self.store.tip.chain_id

    def proposers(self) -> ProposerBook:
        """Return whose turn it is at the height after the tip."""
        height = self.tip.height + 1
        headers = (self.store.header(at) for at in range(max(1, epoch_start(height)), height))
        return proposer_book(height, self.validators, (header for header in headers if header is not None))

    def has_signed(self, public_key: bytes) -> bool:
        """Say whether the certificate of any block bears the signature of a key."""
        signed = self.store.signed_by(public_key, range(1, self.tip.height + 1))
        return next(signed, None) is not None

    def is_committed(self, transaction_id: bytes) -> bool:
        """Say whether a transaction is in a block."""
        return self.store.transaction_position(transaction_id) is not None

    def is_replay(self, transaction: Transaction) -> bool:
        """Say whether a transaction that is still valid is in a block, from memory where that knows."""
        return self._replays.holds(transaction)

    def is_due(self, time_ms: int) -> bool:
        """Say whether a block of this time has work to do without any transaction: a deadline of the state has come."""
        return self._deadline_ms is not None and self._deadline_ms <= time_ms

    def validators_at(self, height: int) -> ValidatorSet | None:
        """Return the validators who sign the block at a height, None where they are not known yet (or below 1)."""
        beyond = height - self.tip.height
        if beyond in (1, 2):
            return self.validators if beyond == 1 else self.next_validators
        return self.store.validators_at(height)

    def propose(self, proposer: bytes, waiting: Iterable[Transaction], clock_ms: int) -> Candidate | None:
        """Return a block of the transactions that may be in it now, or None where none may and no deadline has come."""
        time_ms = max(clock_ms, self.tip.time_ms + 1)
        chosen: list[Transaction] = []
        size_bytes = 0
        for transaction in waiting:
            if len(chosen) == self.parameters.block_transactions_max:
                break
            # What may not be in a block at all must not take the place of what may.
            if refusal_of(transaction, self.parameters, self.chain_id, time_ms, self.is_replay) is not None:
                continue
            if size_bytes + len(transaction.encoded) > self.parameters.block_bytes_max:
                break
            chosen.append(transaction)
            size_bytes += len(transaction.encoded)
        if not chosen and not self.is_due(time_ms):
            return None
        execution, plan = self._execute(self.tip.height + 1, time_ms, chosen)
        header = self._header(proposer, time_ms, chosen, execution, plan)
        return Candidate(header, tuple(chosen), execution, plan)

    def check(self, header: Header, transactions: Sequence[Transaction], clock_ms: int | None) -> Candidate | str:
        """Execute a block and return it as a candidate, or the name of the rule that it breaks.

        ``clock_ms`` is this node's clock for a fresh proposal; None for a block that a quorum stood behind already,
        whose time may lie far back. Signatures of the transactions are the caller's matter.
        """
        broken = self._broken_rule(header, transactions, clock_ms)
        if broken is not None:
            return broken
        execution, plan = self._execute(header.height, header.time_ms, transactions)
        expected = self._header(header.proposer, header.time_ms, transactions, execution, plan)
        if header.receipts_root != expected.receipts_root:
            return "receipts_root"
        if header.state_root != expected.state_root:
            return "state_root"
        if header.hash != expected.hash:
            return "header"
        return Candidate(header, tuple(transactions), execution, plan)

    def check_certified(
        self, header: Header, certificate: Certificate, transactions: Sequence[Transaction]
    ) -> Candidate | str:
        """Check a block that a peer says is committed: certificate, signatures and all that ``check`` checks."""
        refusal = certificate.block_refusal(
            header.height, header.hash, self.validators, self.chain_id, self._verifier
        )  # fmt: skip
        if refusal is not None:
            return f"certificate_{refusal}"
        # The root covers the ids only, so a peer could hand us a transaction with a signature that is not its own.
        if any(signature_refusal(transaction, self._verifier) is not None for transaction in transactions):
            return "transaction_signature"
        return self.check(header, transactions, None)

    def commit(self, candidate: Candidate, certificate: Certificate) -> bool:
        """Write a block for good; False where it was there already. Raises StorageError: then the node must stop."""
        assert certificate.block_hash == candidate.header.hash, "the certificate is of this block"
        block = StoredBlock(candidate.header, certificate, candidate.transactions, candidate.execution.receipts)
        changes = candidate.execution.changes
        announced = self.next_validators if self.next_validators != self.validators else None
        written = self.store.write_block(
            BlockWrite(block, changes, candidate.plan.nodes, candidate.execution.history, announced)
        )
        if written:
            self._replays.committed(candidate.transactions, candidate.header.time_ms)
            self.validators = self.next_validators
            if heads.VALIDATORS in changes:
                self.next_validators = self._executor.read_validators(self.store)
            if heads.PARAMETERS in changes:
                self.parameters = self._executor.read_parameters(self.store)
            self._deadline_ms = self._executor.next_deadline_ms(self.store)
        return written

    def _broken_rule(self, header: Header, transactions: Sequence[Transaction], clock_ms: int | None) -> str | None:
        if header.chain_id != self.chain_id:
            return "chain_id"
        if header.height != self.tip.height + 1 or header.parent_hash != self.tip.hash:
            return "parent"
        if header.time_ms <= self.tip.time_ms:
            return "time_not_after_parent"
        if clock_ms is not None and abs(header.time_ms - clock_ms) > self.parameters.clock_drift_ms_max:
            return "time_off_clock"
        if self.validators.index_of(header.proposer) is None:
            return "proposer"
        if header.validators_hash != self.validators.hash:
            return "validators_hash"
        if header.next_validators_hash != self.next_validators.hash:
            return "next_validators_hash"
        return self._broken_body_rule(header, transactions)

    def _broken_body_rule(self, header: Header, transactions: Sequence[Transaction]) -> str | None:
        if len(transactions) > self.parameters.block_transactions_max:
            return "transaction_count"
        # An empty block must have something to do, so that nobody can fill the chain with nothing.
        if not transactions and not self.is_due(header.time_ms):
            return "transaction_count"
        if sum(len(transaction.encoded) for transaction in transactions) > self.parameters.block_bytes_max:
            return "block_size"
        transaction_ids = [transaction.transaction_id for transaction in transactions]
        if len(set(transaction_ids)) != len(transaction_ids):
            return "transaction_twice"
        if transactions_root(transaction_ids) != header.transactions_root:
            return "transactions_root"
        for transaction in transactions:
            refusal = refusal_of(transaction, self.parameters, self.chain_id, header.time_ms, self.is_replay)
            if refusal is not None:
                return refusal.code
        return None

    def _execute(self, height: int, time_ms: int, transactions: Sequence[Transaction]) -> tuple[Execution, Plan]:
        execution = self._executor.execute(BlockContext(self.chain_id, height, time_ms), transactions, self.store)
        return execution, plan_update(self.store.tree_node, execution.changes)

    def _header(
        self, proposer: bytes, time_ms: int, transactions: Sequence[Transaction], execution: Execution, plan: Plan
    ) -> Header:
        return Header(
            chain_id=self.chain_id,
            height=self.tip.height + 1,
            time_ms=time_ms,
            parent_hash=self.tip.hash,
            proposer=proposer,
            transaction_count=len(transactions),
            transactions_root=transactions_root([transaction.transaction_id for transaction in transactions]),
            receipts_root=receipts_root(execution.receipts),
            state_root=plan.root,
            validators_hash=self.validators.hash,
            next_validators_hash=self.next_validators.hash,
        )


def genesis_write(genesis: Genesis) -> BlockWrite:
    """Return block 0: the genesis operations executed on an empty state; raises GenesisError."""
    execution = contracts.execute_genesis(genesis)
    plan = plan_update(lambda _: None, execution.changes)
    assert plan.root != empty_root(), "a genesis sets parameters and validators at least"
    header = Header(
        chain_id=genesis.chain_id,
        height=0,
        time_ms=genesis.time_ms,
        parent_hash=ZERO_HASH,
        proposer=genesis.validators[0].public_key,
        transaction_count=0,
        transactions_root=transactions_root([]),
        receipts_root=receipts_root([]),
        state_root=plan.root,
        validators_hash=genesis.validators.hash,
        next_validators_hash=genesis.validators.hash,
    )
    return BlockWrite(StoredBlock(header, None, (), ()), execution.changes, plan.nodes, (), genesis.validators)
