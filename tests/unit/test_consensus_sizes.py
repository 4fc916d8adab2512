"""What depends on how many validators there are, for sets that are 3f + 1 and sets that are not."""

import pytest

from consensus.effects import CheckProposal, FetchBlocks, ProposeBlock, ReportKind
from consensus.events import BlockProposed
from consensus.height import new_height
from consensus.messages import Commit, Prepare, PrePrepare, Status, ViewChange
from consensus.proposers import ProposerBook
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set
from tests.support.sizes import each_size
from tests.support.small_cluster import SmallCluster


@pytest.mark.known_bug(1)
@each_size
def test_a_prepared_block_is_taken_up_again(count: int) -> None:
    bench = Bench(count)
    quorum = bench.validators.quorum
    locked, other = bench.block(0, "locked"), bench.block(1, "other")
    changes = [bench.view_change(1, 1, bench.certificate(locked, signers=range(quorum)), locked)]
    changes += [bench.view_change(index, 1) for index in range(2, quorum + 1)]
    assert reports(bench.propose(other, 1, changes)) == [ReportKind.UNJUSTIFIED_PROPOSAL]
    assert len(of_type(bench.propose(locked, 1, changes), CheckProposal)) == 1


@pytest.mark.known_bug(3)
@each_size
def test_view_changes_of_other_heights_never_enter_the_book(count: int) -> None:
    bench = Bench(count)
    old = [bench.view_change(index, 1) for index in range(1, count)]
    bench.committed(bench.block())
    for index in range(1, count):
        assert reports(bench.deliver(old[index - 1])) == [ReportKind.OLD_HEIGHT]
        for height in (3, 4, 2**40):
            bench.say(index, ViewChange(height, 1, None, None))
    assert bench.replica._state.view_changes.senders_of(1) == []
    assert (bench.replica.height, bench.replica.view) == (2, 0)
    for index in range(1, bench.validators.quorum):
        bench.say(index, ViewChange(2, 1, None, None))
    assert bench.replica.view == 1


@pytest.mark.known_bug(5)
@each_size
def test_a_view_is_timed_from_the_quorum(count: int) -> None:
    bench = Bench(count)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for index in range(1, bench.validators.quorum - 1):
        bench.deliver(bench.view_change(index, 1))
    bench.tick(60_000)
    assert bench.replica.view == 1, "one is lacking"
    bench.deliver(bench.view_change(count - 1, 1))
    bench.tick(CONFIG.timeout_ms(1) - 100)
    assert bench.replica.view == 1
    bench.tick(100)
    assert bench.replica.view == 2


@pytest.mark.known_bug(10)
@each_size
def test_votes_of_other_views_and_doubled_votes_make_no_quorum(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    for index in range(1, count):
        assert bench.prepare(index, block, index) == []
    for index in range(1, bench.validators.quorum - 1):
        for _ in range(3):
            assert sent(bench.prepare(index, block), Commit) == []
    assert len(sent(bench.prepare(count - 1, block), Commit)) == 1, "the last that was lacking"


@pytest.mark.known_bug(13)
@each_size
def test_a_restart_far_up_the_chain_votes_at_once(count: int) -> None:
    """Records of the heights below do not matter, whatever views they ended in."""
    bench = Bench(count)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for index in range(1, bench.validators.quorum):
        bench.deliver(bench.view_change(index, 1))
    bench.tick(CONFIG.timeout_ms(1))
    assert bench.replica.view == 2
    for _ in range(2 * count):
        bench.committed(bench.block())
    assert (bench.replica.height, bench.replica.view) == (2 * count + 1, 0)
    bench.restart()
    assert (bench.replica.height, bench.replica.view, bench.proposer()) == (2 * count + 1, 0, 1)
    block = bench.block()
    bench.propose(block)
    assert sent(bench.accept(block), Prepare) == [Prepare(2 * count + 1, 0, block.header.hash)]


@pytest.mark.known_bug(14)
@each_size
def test_what_is_decided_is_dropped_whole_whatever_was_under_way(count: int) -> None:
    """A block comes by sync in the midst of a view change: votes, lock, views and rights to propose end with it."""
    bench = Bench(count)
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    for index in range(1, count):
        bench.deliver(bench.view_change(index, 1))
    assert bench.replica._state.entitlement
    bench.committed(block)
    assert bench.replica._state == new_height(bench.replica._state.proposers)


@pytest.mark.known_bug(14)
def test_a_proposer_that_lags_behind_proposes_nothing_of_a_height_that_it_does_not_have() -> None:
    bench = Bench(index=3)
    assert ProposerBook(2, bench.validators).proposer_index(1) == 3
    bench.work()
    effects = [effect for index in (0, 1, 2) for effect in bench.say(index, ViewChange(2, 1, None, None))]
    assert of_type(effects, ProposeBlock) == [], "it was asked to, and lacks the block below"
    assert of_type(effects, FetchBlocks) == [FetchBlocks(1, 1, KEYS[0].public_key)]
    block = bench.block()
    assert of_type(bench.committed(block), ProposeBlock) == [ProposeBlock(2, 1, block.header.hash)]


@pytest.mark.known_bug(17)
@each_size
def test_a_block_that_is_proposed_again_keeps_its_hash(count: int) -> None:
    bench = Bench(count, index=2)
    block = bench.block()
    bench.lock(block)
    effects = bench.tick(CONFIG.view_timeout_ms)
    for index in [other for other in range(count) if other != 2][: bench.validators.quorum - 1]:
        effects += bench.deliver(bench.view_change(index, 1))
    (proposal,) = [message for message in sent(effects, PrePrepare) if message.view == 1]
    assert proposal.proposal == block
    assert len(proposal.view_changes) == bench.validators.quorum


@pytest.mark.known_bug(21)
@each_size
def test_a_laggard_is_shown_the_quorum_that_moved_us(count: int) -> None:
    bench = Bench(count)
    quorum = bench.validators.quorum
    block = bench.block(1)
    bench.propose(block, 1, [bench.view_change(index, 1) for index in range(1, quorum + 1)])
    (shown,) = sent(bench.say(3, Status(1, 0, bench.tip.hash)), PrePrepare)
    assert (shown.view, len(shown.view_changes)) == (1, quorum)
    laggard = Bench(count, index=3)
    assert len(of_type(laggard.say(2, shown), CheckProposal)) == 1
    assert laggard.replica.view == 1


@pytest.mark.known_bug(23)
@each_size
def test_waiting_work_is_timed_anew_in_every_view(count: int) -> None:
    """Whoever's turn it is, this one included, leaves the work undone, and is left in its turn."""
    bench = Bench(count)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for view in range(1, count + 1):
        assert bench.replica.view == view
        for index in range(1, bench.validators.quorum):
            bench.deliver(bench.view_change(index, view))
        if bench.proposer(view) == 0:
            bench.feed(BlockProposed(1, view, None))
            bench.work()
        bench.tick(CONFIG.timeout_ms(view) + 100)  # ticks are 100 ms apart


@each_size
def test_with_everybody_well_everybody_makes_blocks_in_turn(count: int) -> None:
    cluster = SmallCluster(count)
    cluster.run_to(3 * count, within_ms=60_000)
    makers = [header.proposer for header, _ in cluster.blocks[0][: 3 * count]]
    assert makers == [cluster.validators[height % count].public_key for height in range(1, 3 * count + 1)]
    assert cluster.is_agreed()


@each_size
def test_fewer_than_a_quorum_decide_nothing_and_a_quorum_everything(count: int) -> None:
    cluster = SmallCluster(count, down=range(validator_set(count).quorum - 1, count))
    cluster.run(20_000)
    assert [len(blocks) for blocks in cluster.blocks.values()] == [0] * count
    cluster.start(count - 1)
    cluster.run_to(3, within_ms=90_000)
    assert cluster.is_agreed()
