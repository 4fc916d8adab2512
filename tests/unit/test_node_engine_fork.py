"""A node that is shown another certified block stops with the double votes kept; anything less it drops and goes on."""

from dataclasses import replace

import pytest

from consensus.messages import Status, sign_message
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from node.engine.ports import ComparisonQuestion, ForkError
from node.network.wire import CertifiedBlock
from tests.support.contracts_world import key_of
from tests.support.engine_node import EngineNode
from tests.support.validator_chain import ValidatorChain, validator_set

PEER = key_of("validator shop").public_key
SIGNERS = ("validator bank", "validator carrier", "validator maker", "validator shop")


def chain_of(blocks: int, first_nonce: int) -> ValidatorChain:
    """Return a chain with blocks that another first nonce makes other blocks."""
    chain = ValidatorChain()
    chain.nonce = first_nonce
    for _ in range(blocks):
        chain.grow(chain.nothing())
    return chain


def node_at(height: int) -> EngineNode:
    """Return the node of a validator that has the blocks of the first chain up to a height."""
    node = EngineNode(chain_of(height + 1, 0), "validator maker", may_speak=True)
    node.engine.tick(3_000)
    ((peer, _),) = node.around.asked
    node.engine.on_blocks(peer, node.blocks(1, height))
    node.engine.on_blocks(peer, [])
    assert node.chain.tip.height == height
    node.around.asked.clear()
    return node


def block_of(chain: ValidatorChain, height: int) -> CertifiedBlock:
    """Return a block as a peer on this chain hands it over."""
    block = chain.chain.store.block(height)
    assert block is not None
    assert block.certificate is not None
    return CertifiedBlock(block.header, block.certificate, block.transactions)


def signed(header: Header, view: int, names: tuple[str, ...], kind: VoteKind = VoteKind.COMMIT) -> Certificate:
    """Return the certificate of named founders in a view."""
    validators = validator_set({name: name.removeprefix("validator ") for name in SIGNERS})
    preimage = vote_preimage(kind, header.chain_id, header.height, view, header.hash)
    votes = {}
    for name in names:
        index = validators.index_of(key_of(name).public_key)
        assert index is not None
        votes[index] = key_of(name).sign(preimage)
    return assemble_certificate(header.height, view, header.hash, votes)


@pytest.mark.fault(17)
def test_two_certified_blocks_at_one_height_stop_the_node_and_the_double_votes_are_kept() -> None:
    node, other = node_at(1), chain_of(1, 500)
    theirs = block_of(other, 1)
    theirs = replace(theirs, certificate=signed(theirs.header, 0, SIGNERS[:3]))
    with pytest.raises(ForkError, match="two certified blocks at height 1") as stopped:
        node.engine.on_comparison(PEER, [theirs])
    for told in (node.chain.tip.hash, theirs.header.hash, PEER):
        assert told.hex() in str(stopped.value)
    kept = node.safety.evidence()
    assert {found.validator for found in kept} == {key_of(name).public_key for name in SIGNERS[:3]}
    validators = node.chain.validators_at(1)
    assert validators is not None
    for found in kept:
        assert (found.kind, found.height, found.view) == ("commit", 1, 0)
        assert {found.first[0], found.second[0]} == {node.chain.tip.hash, theirs.header.hash}
        assert found.refusal(node.chain.chain_id, validators) is None


@pytest.mark.fault(17)
def test_blocks_that_were_certified_in_two_views_stop_the_node_without_proof_against_anybody() -> None:
    """One who votes in two views may have been misled by the others; only who signed twice in one view is proved."""
    node = node_at(1)
    theirs = block_of(chain_of(1, 500), 1)
    with pytest.raises(ForkError):
        node.engine.on_comparison(PEER, [replace(theirs, certificate=signed(theirs.header, 1, SIGNERS))])
    assert node.safety.evidence() == []


def bad_blocks() -> dict[str, CertifiedBlock]:
    """Return other blocks of height 1 whose certificates prove nothing, by the reason."""
    theirs = block_of(chain_of(1, 500), 1)
    mine = block_of(chain_of(1, 0), 1)
    header, certificate = theirs.header, theirs.certificate
    stolen = replace(certificate, signatures=mine.certificate.signatures)
    return {
        "comparison_no_quorum": replace(theirs, certificate=signed(header, 0, SIGNERS[:2])),
        "comparison_bad_signature": replace(theirs, certificate=stolen),
        "comparison_certificate_of_another_block": replace(theirs, certificate=mine.certificate),
        "comparison_unknown_signer": replace(theirs, certificate=replace(certificate, signers=(0, 1, 2, 9))),
    }


@pytest.mark.fault(5)
@pytest.mark.parametrize("reason", bad_blocks())
def test_another_block_without_a_certificate_is_dropped_with_its_reason_and_the_node_goes_on(reason: str) -> None:
    node = node_at(1)
    node.engine.on_comparison(PEER, [bad_blocks()[reason]])
    assert node.around.dropped_for == [reason]
    assert node.safety.evidence() == []
    node.engine.tick(20_000)
    ((asked, _),) = node.around.asked
    node.engine.on_blocks(asked, node.blocks(2, 2))
    assert node.chain.tip.height == 2


@pytest.mark.fault(5)
def test_a_prepare_certificate_decides_nothing_here_either() -> None:
    node = node_at(1)
    theirs = block_of(chain_of(1, 500), 1)
    prepared = signed(theirs.header, 0, SIGNERS, VoteKind.PREPARE)
    node.engine.on_comparison(PEER, [replace(theirs, certificate=prepared)])
    assert node.around.dropped_for == ["comparison_bad_signature"]


def test_the_same_block_one_that_is_not_here_and_no_answer_mean_nothing() -> None:
    node = node_at(1)
    node.engine.on_comparison(PEER, node.blocks(1, 1))
    node.engine.on_comparison(PEER, node.blocks(2, 2))
    node.engine.on_comparison(PEER, [])
    node.engine.on_comparison(PEER, None)
    assert node.around.dropped_for == []
    assert node.chain.tip.height == 1


@pytest.mark.fault(17)
def test_a_peer_that_says_it_has_another_tip_is_asked_for_it_once_at_a_time() -> None:
    node = node_at(1)
    other = chain_of(1, 500)
    status = sign_message(key_of("validator shop"), node.chain.chain_id, Status(2, 0, other.chain.tip.hash))
    node.engine.receive_messages([status.encoded])
    node.engine.receive_messages([status.encoded])
    assert node.around.asked == [(PEER, ComparisonQuestion(1))]
    node.engine.on_comparison(PEER, None)
    node.engine.receive_messages([status.encoded])
    assert node.around.asked == [(PEER, ComparisonQuestion(1))] * 2
    with pytest.raises(ForkError):
        node.engine.on_comparison(PEER, [block_of(other, 1)])


@pytest.mark.fault(17)
def test_a_certified_block_on_another_parent_shows_a_fork_below_it() -> None:
    """The others went on, on their side of the fork: their next block has a certificate, but does not fit on ours."""
    node, other = node_at(1), chain_of(2, 500)
    node.engine.tick(20_000)
    ((asked, _),) = node.around.asked
    node.engine.on_blocks(asked, [block_of(other, 2)])
    assert node.chain.tip.height == 1
    assert node.around.dropped_for == ["block_parent"]
    assert (asked, ComparisonQuestion(1)) in node.around.asked
    with pytest.raises(ForkError):
        node.engine.on_comparison(asked, [block_of(other, 1)])


@pytest.mark.fault(15, 16)
def test_an_uncertified_block_on_another_parent_is_not_compared_and_another_peer_is_asked_next() -> None:
    node, other = node_at(1), chain_of(2, 500)
    node.engine.tick(20_000)
    ((asked, _),) = node.around.asked
    theirs = block_of(other, 2)
    node.engine.on_blocks(asked, [replace(theirs, certificate=signed(theirs.header, 0, SIGNERS[:2]))])
    assert node.around.dropped_for == ["block_certificate_no_quorum"]
    assert not any(isinstance(question, ComparisonQuestion) for _, question in node.around.asked)
    node.engine.tick(40_000)
    assert node.around.asked[-1][0] != asked
    node.engine.on_blocks(node.around.asked[-1][0], node.blocks(2, 2))
    assert node.chain.tip.height == 2
