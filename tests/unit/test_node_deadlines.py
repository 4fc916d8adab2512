"""A block is due when a deadline of the state has come, and only then may it be empty."""

from dataclasses import replace

from consensus.authenticate import Authentic
from consensus.messages import PrePrepare
from ledger.block import Header
from node.chain import Candidate
from node.engine.gate import open_gate
from tests.support.contract_hold_cases import TIMEOUT_MS, pend
from tests.support.contract_situations import issue
from tests.support.contracts_world import START_MS, VALIDATOR_ORGANISATIONS
from tests.support.engine_node import EngineNode
from tests.support.validator_chain import ValidatorChain

DUE_MS = START_MS + 1 + TIMEOUT_MS
"""The hold is placed in block 2, whose time is a millisecond after block 1's."""


def chain_with_a_hold() -> ValidatorChain:
    source = ValidatorChain()
    source.grow([source.transaction("bank", issue())])
    source.grow([source.transaction("shop", pend())])
    return source


def propose(source: ValidatorChain, clock_ms: int) -> Candidate | None:
    return source.chain.propose(source.chain.validators[0].public_key, [], clock_ms)


def test_an_empty_block_is_made_and_accepted_from_the_deadline_on() -> None:
    source = chain_with_a_hold()
    assert propose(source, DUE_MS - 1) is None
    made = propose(source, DUE_MS)
    assert made is not None
    assert (made.header.transaction_count, made.transactions) == (0, ())
    assert isinstance(source.chain.check(made.header, (), DUE_MS - 500), Candidate), "the block's time decides"


def test_an_empty_block_before_the_deadline_is_refused() -> None:
    source = chain_with_a_hold()
    made = propose(source, DUE_MS)
    assert made is not None
    early: Header = replace(made.header, time_ms=DUE_MS - 1)
    assert source.chain.check(early, (), DUE_MS) == "transaction_count"


def test_nothing_is_due_when_it_has_happened_and_a_restart_knows_what_is() -> None:
    source = chain_with_a_hold()
    source.restart()
    assert source.chain.is_due(DUE_MS)
    made = propose(source, DUE_MS)
    assert made is not None
    source.chain.commit(made, source.certify(made.header, source.sets[source.height + 1]))
    assert not source.chain.is_due(DUE_MS + 3_600_000)
    assert propose(source, DUE_MS + 3_600_000) is None
    source.restart()
    assert not source.chain.is_due(DUE_MS + 3_600_000)


def test_whose_turn_it_is_proposes_when_its_clock_reaches_the_deadline() -> None:
    source = chain_with_a_hold()
    proposals: list[PrePrepare] = []
    for name in VALIDATOR_ORGANISATIONS:
        node = EngineNode(source, f"validator {name}", may_speak=True)
        node.engine.tick(3_000)
        node.engine.on_blocks(node.around.asked[-1][0], node.blocks(1, 2))
        assert node.chain.tip.height == 2
        for other in VALIDATOR_ORGANISATIONS:
            node.hear(f"validator {other}", 3)
        node.clock_ms = DUE_MS - 1
        node.engine.tick(3_100)
        assert not pre_prepares(node)
        node.clock_ms = DUE_MS
        node.engine.tick(3_200)
        proposals += pre_prepares(node)
    (proposal,) = proposals
    assert proposal.proposal.transaction_ids == ()
    assert proposal.proposal.header.time_ms == DUE_MS


def pre_prepares(node: EngineNode) -> list[PrePrepare]:
    """Return the proposals that a node sent."""
    gate = open_gate(node.chain.chain_id)
    verdicts = [gate(data, lambda _: node.chain.validators) for data in node.around.said]
    messages = [verdict.message for verdict in verdicts if isinstance(verdict, Authentic)]
    return [message for message in messages if isinstance(message, PrePrepare)]
