"""The engine of a node whose validators change, or that is none of them: whom it hears, and whom it asks."""

from collections.abc import Sequence

import pytest

from consensus.config import ConsensusConfig
from consensus.effects import Report
from consensus.messages import Status, sign_message
from consensus.replica import Replica
from ledger.certificate import Certificate
from node.chain import Candidate, Chain, genesis_write
from node.engine.engine import Engine
from node.engine.gate import open_gate
from node.engine.ports import BlocksQuestion, Question
from node.mempool import MempoolLimits
from node.network.wire import CertifiedBlock
from node.pool import Pool
from node.storage.safety_store import SafetyStore, write_new
from node.storage.store import Store, write_genesis
from tests.support.contracts_world import START_MS, VALIDATOR_ORGANISATIONS, key_of
from tests.support.memory_values import MemoryValues
from tests.support.validator_chain import ValidatorChain, validator_set

SWAP = ([("a", "watcher")], ["validator shop"])
PEERS = sorted(key_of(f"validator {name}").public_key for name in VALIDATOR_ORGANISATIONS)


class Surroundings:
    """Peers that only write down what they are asked, and an observer that only writes down what was dropped."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Question]] = []
        self.dropped_for: list[str] = []

    def broadcast(self, message: bytes) -> None:
        raise AssertionError("who is no validator has nothing to say")

    def send(self, public_key: bytes, message: bytes) -> None:
        raise AssertionError("who is no validator has nothing to say")

    def gossip(self, transactions: Sequence[bytes]) -> None:
        pass

    def heard_from(self, public_key: bytes) -> None:
        pass

    def known(self, preferred: bytes | None) -> list[bytes]:
        return sorted(PEERS, key=lambda key: key != preferred)

    def ask(self, public_key: bytes, question: Question) -> None:
        self.asked.append((public_key, question))

    def committing(self) -> None:
        pass

    def committed(self, candidate: Candidate, certificate: Certificate) -> None:
        pass

    def reported(self, report: Report) -> None:
        pass

    def dropped(self, reason: str) -> None:
        self.dropped_for.append(reason)

    def refused(self, what: str, peer: bytes, height: int, rule: str) -> None:
        raise AssertionError(rule)


class Node:
    """The engine of one node on block 0 of a chain, with the key of a name."""

    def __init__(self, source: ValidatorChain, name: str) -> None:
        self.source = source
        self.around = Surroundings()
        values = MemoryValues()
        write_genesis(values, genesis_write(source.genesis))
        self.chain = Chain(Store(values, source.genesis.chain_id))
        replica = Replica(
            ConsensusConfig(),
            self.chain.chain_id,
            key_of(name),
            self.chain.proposers(),
            self.chain.tip,
            (),
            0,
            is_store_new=False,
        )
        votes = MemoryValues()
        write_new(votes)
        pool = Pool(self.chain, MempoolLimits(), self.around.dropped, lambda: START_MS)
        self.engine = Engine(
            self.chain,
            replica,
            SafetyStore(votes),
            pool,
            self.around,
            self.around,
            open_gate(self.chain.chain_id),
            lambda: START_MS,
        )
        self.engine.tick(0)

    def blocks(self, first: int, last: int) -> list[CertifiedBlock]:
        """Return blocks as a peer of the source hands them over."""
        blocks = []
        for height in range(first, min(last, self.source.height) + 1):
            block = self.source.chain.store.block(height)
            assert block is not None
            assert block.certificate is not None
            blocks.append(CertifiedBlock(block.header, block.certificate, block.transactions))
        return blocks

    def hear(self, name: str, height: int) -> None:
        """Let the validator of a name say at which height it is."""
        status = Status(height, 0, bytes(32))
        self.engine.receive_messages([sign_message(key_of(name), self.chain.chain_id, status).encoded])


def grown(blocks_after_change: int) -> ValidatorChain:
    source = ValidatorChain()
    source.grow(source.change(*SWAP))
    for _ in range(blocks_after_change):
        source.grow(source.nothing())
    return source


def test_who_hears_nobody_asks_one_peer_after_another_and_follows_through_a_change() -> None:
    source = grown(4)
    node = Node(source, "stranger")
    node.engine.tick(2_999)
    assert node.around.asked == []
    node.engine.tick(3_000)
    ((peer, question),) = node.around.asked
    assert isinstance(question, BlocksQuestion)
    assert question.first == 1
    node.engine.on_blocks(peer, node.blocks(1, 3))
    assert node.chain.tip.height == 3
    assert node.around.asked[1][0] == peer, "who helped is asked for more"
    node.engine.on_blocks(peer, node.blocks(4, 99))
    assert node.chain.tip.hash == source.chain.tip.hash
    assert node.chain.validators == validator_set(source.sets[-1])
    node.engine.on_blocks(peer, [])
    assert len(node.around.asked) == 3
    node.engine.tick(3_499)
    assert len(node.around.asked) == 3
    node.engine.tick(3_500)
    assert node.around.asked[3][0] == PEERS[(PEERS.index(peer) + 1) % 4]


def test_a_peer_that_does_not_answer_is_followed_by_the_next_one() -> None:
    node = Node(grown(0), "stranger")
    for round_number in range(4):
        node.engine.tick(3_000 + 500 * round_number)
        node.engine.on_blocks(node.around.asked[-1][0], None)
    assert sorted(peer for peer, _ in node.around.asked) == PEERS


def test_who_hears_a_quorum_asks_nobody_and_fewer_voices_may_hide_a_block() -> None:
    node = Node(ValidatorChain(), "stranger")
    node.engine.tick(2_000)
    for name in ("validator maker", "validator carrier", "validator shop"):
        node.hear(name, 1)
    node.engine.tick(4_900)
    assert node.around.asked == []
    node.hear("validator maker", 1)
    node.hear("validator carrier", 1)
    node.engine.tick(5_500)
    assert len(node.around.asked) == 1
    assert node.around.dropped_for == []


def test_old_voices_played_back_for_ever_do_not_hide_blocks() -> None:
    source = grown(4)
    node = Node(source, "stranger")
    for now_ms in range(1_000, 12_000, 1_000):
        for name in ("validator maker", "validator carrier", "validator shop"):
            node.hear(name, 1)
        node.engine.tick(now_ms)
        if node.around.asked:
            break
    (asked,) = node.around.asked
    assert now_ms == 10_000
    node.engine.on_blocks(asked[0], node.blocks(1, 99))
    assert node.chain.tip.hash == source.chain.tip.hash


@pytest.mark.known_bug(15, 26)
def test_a_message_is_measured_by_the_validators_of_its_height() -> None:
    source = grown(2)
    node = Node(source, "stranger")
    node.hear("a", 3)
    assert node.around.dropped_for == ["not_a_validator"], "of height 3 nothing is known yet, in 1 it was none"
    node.engine.tick(3_000)
    node.engine.on_blocks(node.around.asked[0][0], node.blocks(1, 1))
    node.hear("a", 3)
    node.hear("validator shop", 2)
    assert node.around.dropped_for == ["not_a_validator"], "block 1 says who signs block 3; block 2 is the old set's"
    node.hear("validator shop", 3)
    node.hear("a", 2)
    assert node.around.dropped_for == ["not_a_validator"] * 3
    node.engine.on_blocks(node.around.asked[0][0], node.blocks(2, 3))
    node.hear("validator shop", 1)
    node.hear("validator shop", 4)
    assert node.around.dropped_for == ["not_a_validator"] * 4, "what it said in its time stays its own"
