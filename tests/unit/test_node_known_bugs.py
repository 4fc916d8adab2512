"""Known bugs of others that only show where blocks are executed, stored and pooled (consensus has its own file)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import pytest

from consensus.effects import ReportKind
from consensus.messages import (
    Commit,
    Prepare,
    PrePrepare,
    Proposal,
    SignedMessage,
    Status,
    ViewChange,
    decode_message,
    sign_message,
)
from ledger.block import Header, transactions_root
from ledger.codec import Value
from ledger.transaction import Operation, Transaction, sign_transaction
from node.admission import Refusal
from node.chain import Candidate, Chain
from node.mempool import MempoolLimits
from node.pool import Pool
from node.storage.store import Store
from tests.support.contracts_world import START_MS, VALIDATOR_ORGANISATIONS, Call, key_of
from tests.support.engine_node import PEERS, EngineNode
from tests.support.validator_chain import ValidatorChain

NAME_OF = {key_of(f"validator {name}").public_key: f"validator {name}" for name in VALIDATOR_ORGANISATIONS}
NAMES = [NAME_OF[key] for key in PEERS]
"""The four validators by their index: number h mod 4 proposes at height h."""
WRONG = b"\x01" * 32


class Validator(EngineNode):
    """The engine of validator 0, and what the others say to it."""

    def __init__(self) -> None:
        super().__init__(ValidatorChain(), NAMES[0], may_speak=True)
        for name in NAMES[1:]:
            self.say(name, Status(1, 0, self.chain.tip.hash))

    def say(self, name: str, message: Status | PrePrepare | Prepare | Commit) -> None:
        """Let the validator of a name say something."""
        self.engine.receive_messages([sign_message(key_of(name), self.chain.chain_id, message).encoded])

    def submit(self, *transactions: Transaction) -> None:
        """Put transactions into the pool, as a client would."""
        for transaction in transactions:
            assert self.pool.check(transaction.encoded) == transaction
            assert self.pool.add(transaction) is None
        self.engine.on_work()

    def propose(self, header: Header, *transactions: Transaction) -> None:
        """Let the validator whose turn it is propose a block."""
        ids = tuple(transaction.transaction_id for transaction in transactions)
        self.say(NAMES[header.height % 4], PrePrepare(header.height, 0, Proposal(header, ids), ()))

    def decide(self, header: Header) -> None:
        """Let all others commit."""
        for name in NAMES[1:]:
            self.say(name, Commit(header.height, 0, header.hash))

    def candidate(self, *transactions: Transaction) -> Candidate:
        """Return the block that the proposer makes of them."""
        made = self.chain.propose(PEERS[(self.chain.tip.height + 1) % 4], transactions, START_MS + 1)
        assert made is not None
        return made

    def spoken(self, kind: type) -> list[SignedMessage]:
        """Return what it said of one type."""
        messages = [decode_message(data) for data in self.around.said]
        return [signed for signed in messages if isinstance(signed.message, kind)]


@pytest.mark.known_bug(12)
@pytest.mark.fault(13)
@pytest.mark.parametrize("root", ["state_root", "receipts_root"])
def test_a_block_whose_state_is_not_the_executed_one_gets_no_vote(root: str) -> None:
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    header = node.candidate(transaction).header
    changed = replace(header, state_root=WRONG) if root == "state_root" else replace(header, receipts_root=WRONG)
    node.propose(changed, transaction)
    assert node.around.refusals == [root]
    assert node.spoken(Prepare) == []
    assert [signed.message.view for signed in node.spoken(ViewChange)] == [1]
    assert (ReportKind.PROPOSAL_REFUSED, root) in [(report.kind, report.detail) for report in node.around.reports]


def test_the_same_block_with_its_own_roots_gets_one() -> None:
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    header = node.candidate(transaction).header
    node.propose(header, transaction)
    assert [signed.message for signed in node.spoken(Prepare)] == [Prepare(1, 0, header.hash)]


@pytest.mark.known_bug(18)
def test_nothing_of_a_block_is_stored_before_it_is_decided() -> None:
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    before = dict(node.values.pairs)
    header = node.candidate(transaction).header
    node.propose(header, transaction)
    for name in NAMES[1:]:
        node.say(name, Prepare(1, 0, header.hash))
    assert len(node.spoken(Commit)) == 1, "checked, prepared and locked"
    assert node.values.pairs == before, "row for row"
    assert node.chain.tip.height == 0
    node.decide(header)
    assert node.chain.tip == header
    added = {key for key in node.values.pairs if key not in before}
    assert added, "and then it is"


@pytest.mark.known_bug(18)
def test_a_block_that_was_checked_and_lost_leaves_no_trace_in_the_one_that_was_decided() -> None:
    node, plain = Validator(), Validator()
    lost, kept = node.source.nothing()[0], node.source.nothing()[0]
    node.submit(lost, kept)
    node.propose(node.candidate(lost).header, lost)
    header = node.candidate(kept).header
    for one in (node, plain):
        if one is plain:
            one.submit(kept)
            one.propose(header, kept)
        else:
            one.engine.on_work()
    node.decide(header)
    plain.decide(header)
    assert plain.chain.tip == header
    certified = plain.chain.store.block(1)
    assert certified is not None
    assert certified.certificate is not None
    verdict = node.chain.check_certified(header, certified.certificate, [kept])
    assert isinstance(verdict, Candidate)
    assert node.chain.commit(verdict, certified.certificate)
    assert node.values.pairs == plain.values.pairs


def committed_by_agreement() -> tuple[Validator, Transaction]:
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    header = node.candidate(transaction).header
    node.propose(header, transaction)
    node.decide(header)
    return node, transaction


def committed_by_sync() -> tuple[Validator, Transaction]:
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    node.source.grow([transaction])
    node.say(NAMES[1], Status(2, 0, node.source.chain.tip.hash))
    node.engine.on_blocks(node.around.asked[0][0], node.blocks(1, 1))
    return node, transaction


def committed_in_a_later_view() -> tuple[Validator, Transaction]:
    """The block of view 0 is locked here, its view is left, and only then is it decided by the COMMITs of view 0."""
    node = Validator()
    (transaction,) = node.source.nothing()
    node.submit(transaction)
    header = node.candidate(transaction).header
    node.propose(header, transaction)
    for name in NAMES[1:]:
        node.say(name, Prepare(1, 0, header.hash))
    for now_ms in range(100, 3_000, 100):
        node.engine.tick(now_ms)
    assert node.engine.replica.view == 1
    node.decide(header)
    return node, transaction


@pytest.mark.known_bug(22)
@pytest.mark.fault(13)
@pytest.mark.parametrize("committed", [committed_by_agreement, committed_by_sync, committed_in_a_later_view])
def test_a_transaction_that_is_committed_is_never_ordered_again(
    committed: Callable[[], tuple[Validator, Transaction]],
) -> None:
    node, transaction = committed()
    assert node.chain.tip.height == 1
    assert len(node.pool) == 0, "it does not wait any more"
    refused = node.pool.check(transaction.encoded)
    assert isinstance(refused, Refusal)
    assert refused.code == "transaction.replayed"
    assert node.chain.propose(PEERS[2], [transaction], START_MS + 2) is None
    (other,) = node.source.nothing()
    node.submit(other)
    again = replace(node.candidate(other).header, transactions_root=transactions_root([transaction.transaction_id]))
    assert node.chain.check(again, [transaction], START_MS + 2) == "transaction.replayed"
    assert node.chain.check(again, [transaction], None) == "transaction.replayed", "however old the block is"
    before = len(node.spoken(Prepare))
    node.propose(again, transaction)
    for peer, _ in list(node.around.asked) * 20:
        node.engine.on_transactions(peer)
    assert len(node.spoken(Prepare)) == before
    assert node.chain.tip.height == 1


# Admission is as strict as the check of proposals


SMALL: dict[str, Value] = {"transaction_bytes_max": 1_500, "transaction_operations_max": 3, "block_bytes_max": 3_000}


def make_smaller(source: ValidatorChain) -> Candidate:
    """Let the organisations agree on smaller limits, and return the block in which they did."""
    name = f"p{source.nonce}"
    action: Value = ["governance.set_parameters", SMALL]
    propose: Call = ("governance.propose", {"id": name, "action": action, "expires_ms": START_MS + 60_000})
    approve: Call = ("governance.approve", {"id": name})
    calls = [("maker", propose), ("carrier", approve), ("shop", approve)]
    made = source.candidate([source.transaction(signer, call) for signer, call in calls])
    assert source.chain.commit(made, source.certify(made.header, source.sets[1]))
    assert source.chain.parameters.transaction_bytes_max == 1_500
    return made


def random_transactions(random: Random, source: ValidatorChain) -> Iterator[bytes]:
    """Yield encoded transactions, good, bad and at the edge of every rule that needs no contract."""
    chain_id = source.genesis.chain_id
    limit_ms = source.chain.parameters.transaction_validity_ms_max
    deadlines = [START_MS - 1, START_MS, START_MS + 1, START_MS + 50, START_MS + limit_ms - 1, START_MS + limit_ms + 1]
    for _ in range(60):
        source.nonce += 1
        operations = [
            Operation("any.thing", {"text": "x" * random.choice([0, 10, 400, 1_200, 1_400, 2_600])})
            for _ in range(random.choice([1, 1, 1, 2, 3, 4, 6]))
        ]
        chain = chain_id if random.random() < 0.95 else bytes(32)
        key = key_of(random.choice(["maker", "carrier", "nobody"]))
        signed = sign_transaction(key, chain, source.nonce.to_bytes(16, "big"), random.choice(deadlines), operations)
        yield signed.encoded if random.random() < 0.95 else signed.encoded[:-1]


@pytest.mark.known_bug(24)
@pytest.mark.parametrize("seed", range(12))
def test_whatever_admission_lets_in_a_proposal_may_hold(seed: int) -> None:
    """Also when the parameters become stricter while transactions wait."""
    random, source = Random(seed), ValidatorChain()
    clock_ms = START_MS
    pool = Pool(source.chain, MempoolLimits(), lambda reason: None, lambda: clock_ms)
    admitted = 0
    for encoded in random_transactions(random, source):
        verdict = pool.check(encoded)
        if isinstance(verdict, Transaction):
            admitted += pool.add(verdict) is None
    assert admitted > 10
    if seed % 2:
        made = make_smaller(source)
        if seed % 4 == 1:
            pool.committed(made.transactions, made.execution.details)
            verdicts = [pool.check(waiting.encoded) for waiting in pool]
            assert not any(isinstance(verdict, Refusal) for verdict in verdicts)
    voter = Chain(Store(source.values, source.genesis.chain_id))
    while True:
        clock_ms += random.choice([1, 2, 30])
        proposed = source.chain.propose(PEERS[0], pool, clock_ms)
        if proposed is None:
            break
        checked = voter.check(proposed.header, proposed.transactions, clock_ms)
        assert isinstance(checked, Candidate), f"a proposal of admitted transactions breaks rule {checked}"
        certificate = source.certify(proposed.header, source.sets[1])
        assert source.chain.commit(proposed, certificate)
        voter = Chain(Store(source.values, source.genesis.chain_id))
        pool.committed(proposed.transactions, proposed.execution.details)
    pool.expire(clock_ms + 1)
    if seed % 4 != 3:
        assert len(pool) == 0, "what was admitted is committed or expired, and nothing stops the rest"


@pytest.mark.known_bug(24)
@pytest.mark.parametrize("count", [1, 3])
def test_a_waiting_transaction_that_is_too_large_now_stops_nobody(count: int) -> None:
    source = ValidatorChain()
    large = [source.transaction("maker", ("any.thing", {"text": "x" * 3_200, "n": n})) for n in range(count)]
    small = source.transaction("maker", ("any.thing", {"text": "x"}))
    make_smaller(source)
    made = source.chain.propose(PEERS[0], [*large, small], START_MS + 5)
    assert made is not None
    assert made.transactions == (small,)
    assert isinstance(source.chain.check(made.header, made.transactions, START_MS + 5), Candidate)
