"""The engine of one node over memory, with peers that answer nothing by themselves."""

from collections.abc import Sequence

from consensus.config import ConsensusConfig
from consensus.effects import Report
from consensus.messages import Status, sign_message
from consensus.replica import Replica
from ledger.certificate import Certificate
from node.chain import Candidate, Chain, genesis_write
from node.engine.engine import Engine
from node.engine.gate import open_gate
from node.engine.ports import Question
from node.mempool import MempoolLimits
from node.network.wire import CertifiedBlock
from node.pool import Pool
from node.storage.safety_store import SafetyStore, write_new
from node.storage.store import Store, write_genesis
from tests.support.contracts_world import START_MS, VALIDATOR_ORGANISATIONS, key_of
from tests.support.memory_values import MemoryValues
from tests.support.validator_chain import ValidatorChain

PEERS = sorted(key_of(f"validator {name}").public_key for name in VALIDATOR_ORGANISATIONS)
"""The keys of the founders."""


class Surroundings:
    """Peers and an observer that only write down what they are asked and told.

    ``may_speak`` is false where the node is no validator and so has nothing to say.
    """

    def __init__(self, *, may_speak: bool) -> None:
        self.may_speak = may_speak
        self.said: list[bytes] = []
        self.refusals: list[str] = []
        self.stored: list[Candidate] = []
        self.reports: list[Report] = []
        self.asked: list[tuple[bytes, Question]] = []
        self.dropped_for: list[str] = []

    def broadcast(self, message: bytes) -> None:
        assert self.may_speak, "who is no validator has nothing to say"
        self.said.append(message)

    def send(self, public_key: bytes, message: bytes) -> None:
        assert self.may_speak, "who is no validator has nothing to say"
        self.said.append(message)

    def gossip(self, transactions: Sequence[bytes]) -> None:
        pass

    def heard_from(self, public_key: bytes) -> None:
        pass

    def known(self, preferred: bytes | None) -> list[bytes]:
        return sorted(PEERS, key=lambda key: key != preferred)

    def ask(self, public_key: bytes, question: Question) -> None:
        self.asked.append((public_key, question))

    def may_vote(self, height: int) -> None:
        pass

    def committing(self) -> None:
        pass

    def committed(self, candidate: Candidate, certificate: Certificate) -> None:
        self.stored.append(candidate)

    def reported(self, report: Report) -> None:
        self.reports.append(report)

    def dropped(self, reason: str) -> None:
        self.dropped_for.append(reason)

    def refused(self, what: str, peer: bytes, height: int, rule: str) -> None:
        assert self.may_speak, rule
        self.refusals.append(rule)


class EngineNode:
    """The engine of one node on block 0 of a chain, with the key of a name."""

    def __init__(
        self, source: ValidatorChain, name: str, *, may_speak: bool = False, is_store_new: bool = False
    ) -> None:
        self.source = source
        self.around = Surroundings(may_speak=may_speak)
        self.values = MemoryValues()
        write_genesis(self.values, genesis_write(source.genesis))
        self.chain = Chain(Store(self.values, source.genesis.chain_id))
        replica = Replica(
            ConsensusConfig(),
            self.chain.chain_id,
            key_of(name),
            self.chain.proposers(),
            self.chain.tip,
            (),
            0,
            is_store_new=is_store_new,
            has_signed=False,
        )
        votes = MemoryValues()
        write_new(votes)
        self.clock_ms = START_MS
        self.pool = Pool(self.chain, MempoolLimits(), self.around.dropped, lambda: self.clock_ms)
        self.safety = SafetyStore(votes)
        self.engine = Engine(
            self.chain,
            replica,
            self.safety,
            self.pool,
            self.around,
            self.around,
            open_gate(self.chain.chain_id),
            lambda: self.clock_ms,
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

    def hear(self, name: str, height: int, prepares: tuple[int, ...] = ()) -> None:
        """Let the validator of a name say at which height it is, and of whom it has PREPAREs there."""
        status = Status(height, 0, bytes(32), prepares=prepares)
        self.engine.receive_messages([sign_message(key_of(name), self.chain.chain_id, status).encoded])
