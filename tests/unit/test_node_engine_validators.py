"""The engine of a node whose validators change, or that is none of them: whom it hears, and whom it asks."""

import pytest

from node.engine.ports import BlocksQuestion
from tests.support.contracts_world import key_of
from tests.support.engine_node import PEERS, EngineNode
from tests.support.validator_chain import ValidatorChain, validator_set

SWAP = ([("a", "watcher")], ["validator shop"])


def grown(blocks_after_change: int) -> ValidatorChain:
    source = ValidatorChain()
    source.grow(source.change(*SWAP))
    for _ in range(blocks_after_change):
        source.grow(source.nothing())
    return source


def test_who_hears_nobody_asks_one_peer_after_another_and_follows_through_a_change() -> None:
    source = grown(4)
    node = EngineNode(source, "stranger")
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
    node = EngineNode(grown(0), "stranger")
    for round_number in range(4):
        node.engine.tick(3_000 + 500 * round_number)
        node.engine.on_blocks(node.around.asked[-1][0], None)
    assert sorted(peer for peer, _ in node.around.asked) == PEERS


def test_who_hears_a_quorum_asks_nobody_and_fewer_voices_may_hide_a_block() -> None:
    node = EngineNode(ValidatorChain(), "stranger")
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
    node = EngineNode(source, "stranger")
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


def test_a_newcomer_does_not_take_the_votes_of_whoever_had_its_place_for_its_own() -> None:
    source = grown(1)
    before, now = validator_set(source.sets[2]), validator_set(source.sets[3])
    place = now.index_of(key_of("a").public_key)
    assert place is not None
    assert before.index_of(key_of("a").public_key) is None
    node = EngineNode(source, "a", may_speak=True, is_store_new=True)
    node.engine.tick(3_000)
    node.engine.on_blocks(node.around.asked[0][0], node.blocks(1, 2))
    assert node.chain.tip.height == 2
    stayed = [name for name in source.sets[3] if name != "a"]
    for name in stayed:
        node.hear(name, 2, prepares=(place,))
    for name in stayed:
        node.hear(name, 3)
    node.engine.tick(60_000)
    assert node.engine.replica.may_vote


def test_who_is_far_behind_still_sees_its_own_votes_shown() -> None:
    source = ValidatorChain()
    others = [name for name in source.sets[1] if name != "validator maker"]
    for _ in range(4):
        # Without our signature in the certificates, so that what others show is the only trace.
        made = source.candidate(source.nothing())
        assert source.chain.commit(made, source.certify(made.header, source.sets[1], others))
        source.sets.append(source.sets[1])
    node = EngineNode(source, "validator maker", may_speak=True, is_store_new=True)
    place = node.chain.validators.index_of(key_of("validator maker").public_key)
    assert place is not None
    for name in ("validator carrier", "validator shop", "validator bank"):
        node.hear(name, 5, prepares=(place,))
    node.engine.tick(3_000)
    node.engine.on_blocks(node.around.asked[0][0], node.blocks(1, 4))
    node.engine.tick(60_000)
    assert node.chain.tip.height == 4
    assert not node.engine.replica.may_vote


@pytest.mark.known_bug(15, 26)
def test_a_message_is_measured_by_the_validators_of_its_height() -> None:
    source = grown(2)
    node = EngineNode(source, "stranger")
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
