"""Bugs that implementations of PBFT shipped, each held off by tests that carry its number (``known_bug``).

Those that happen where blocks are executed, stored and admitted are in the tests of the node, with the same mark.
"""

from dataclasses import replace

import pytest

from consensus.authenticate import Rejected, RejectionReason, authenticate
from consensus.effects import CheckProposal, CommitBlock, FetchBlocks, ProposeBlock, ReportKind
from consensus.events import BlockProposed
from consensus.messages import (
    Commit,
    Prepare,
    PrePrepare,
    Status,
    ViewChange,
    decode_message,
    sign_message,
    with_signature,
    without_proposal,
)
from consensus.proposers import ProposerBook
from consensus.replica import Replica
from ledger.certificate import VIEW_MAX, VoteKind, assemble_certificate, vote_preimage
from ledger.codec import decode, encode
from ledger.errors import ShapeError
from ledger.shape import as_array
from tests.sim.keys import StubKey, stub_verify
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set, with_other_ids
from tests.support.sizes import each_size
from tests.support.small_cluster import SmallCluster
from tests.support.toy_chain import CHAIN_ID


@pytest.mark.known_bug(1)
def test_a_prepared_value_is_not_dropped_by_a_view_change() -> None:
    bench = Bench()
    locked, other = bench.block(0, "locked"), bench.block(1, "other")
    changes = [bench.view_change(1, 1, bench.certificate(locked), locked)]
    changes += [bench.view_change(index, 1) for index in (2, 3)]
    assert reports(bench.propose(other, 1, changes)) == [ReportKind.UNJUSTIFIED_PROPOSAL]
    assert len(of_type(bench.propose(locked, 1, changes), CheckProposal)) == 1


@pytest.mark.known_bug(2)
@each_size
def test_one_bad_certificate_hides_no_good_one(count: int) -> None:
    bench = Bench(count, index=2)
    good, bad = bench.block(0, "good"), bench.block(0, "bad")
    quorum = bench.validators.quorum
    forged = bench.certificate(bad, 0, range(quorum))
    forged = replace(forged, signatures=(bytes(64),) * quorum)
    verdict = authenticate(bench.view_change(count - 1, 1, forged, bad), bench.validators, CHAIN_ID, stub_verify)
    assert verdict == Rejected(RejectionReason.BAD_CERTIFICATE)
    effects = bench.deliver(bench.view_change(0, 1, bench.certificate(good, 0, range(quorum)), good))
    for index in [other for other in range(1, count) if other != 2][: quorum - 2]:
        effects += bench.deliver(bench.view_change(index, 1))
    (proposal,) = [message for message in sent(effects, PrePrepare) if message.view == 1]
    assert proposal.proposal == good


@pytest.mark.known_bug(3)
@each_size
def test_view_changes_of_who_is_behind_neither_open_a_view_nor_keep_it_shut(count: int) -> None:
    """What a view change speaks of is its own height alone, so there is no common past to agree on first."""
    behind, bench = Bench(count), Bench(count, index=3)
    bench.committed(bench.block())
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    assert (bench.replica.height, bench.replica.view, bench.proposer(1)) == (2, 1, 3)
    others = [index for index in range(count) if index != 3]
    for index in others:
        assert reports(bench.deliver(behind.view_change(index, 1))) == [ReportKind.OLD_HEIGHT]
    others = others[: bench.validators.quorum - 1]
    effects = [of_type(bench.deliver(bench.view_change(index, 1)), ProposeBlock) for index in others]
    assert [len(asked) for asked in effects] == [0] * (len(others) - 1) + [1]


@pytest.mark.known_bug(4)
@each_size
def test_a_lost_view_change_is_sent_again(count: int) -> None:
    bench = Bench(count)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for _ in range(20):
        assert [change.view for change in sent(bench.tick(CONFIG.retransmit_interval_ms), ViewChange)] == [1]


@pytest.mark.known_bug(4)
@each_size
def test_view_changes_that_are_all_lost_open_the_view_when_the_network_is_well(count: int) -> None:
    """Nobody hears anybody until all have left view 0 and said so once."""
    validators = validator_set(count)
    cluster = SmallCluster(count, down=ProposerBook(1, validators).order()[: validators.faults_tolerated])
    cluster.loss = 1.0
    cluster.run(CONFIG.view_timeout_ms + CONFIG.retransmit_interval_ms // 2)
    cluster.loss = 0.0
    cluster.run_to(1, within_ms=60_000)
    assert cluster.is_agreed()


@pytest.mark.known_bug(5)
def test_a_view_is_timed_from_the_quorum_and_an_old_timer_has_no_effect() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    bench.tick(60_000)
    assert bench.replica.view == 1, "without a quorum there is no timer"
    bench.deliver(bench.view_change(1, 1))
    bench.deliver(bench.view_change(2, 1))
    bench.tick(CONFIG.timeout_ms(1) - 100)
    assert bench.replica.view == 1, "the timer began with the quorum"
    bench.tick(100)
    assert bench.replica.view == 2


@pytest.mark.known_bug(5)
def test_the_timer_of_a_decided_height_does_not_fire_in_the_next() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms - 100)
    bench.committed(bench.block())
    bench.tick(CONFIG.view_timeout_ms - 100)
    assert (bench.replica.height, bench.replica.view) == (2, 0)


@pytest.mark.known_bug(6)
@each_size
def test_catching_up_ends_a_view_change(count: int) -> None:
    bench = Bench(count)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for index in range(1, bench.validators.quorum):
        bench.deliver(bench.view_change(index, 1))
    assert bench.replica.view == 1
    bench.work(is_waiting=False)
    bench.committed(bench.block())
    assert (bench.replica.height, bench.replica.view, bench.replica.phase.value) == (2, 0, "idle")
    block = bench.block()
    bench.propose(block)
    assert sent(bench.accept(block), Prepare | Commit) == [Prepare(2, 0, block.header.hash)]


@pytest.mark.known_bug(7)
@each_size
def test_the_signer_is_the_key_that_verified(count: int) -> None:
    bench = Bench(count)
    vote = Prepare(1, 0, bytes(32))
    for index in range(1, count):
        stolen = with_signature(vote, KEYS[index].public_key, sign_message(KEYS[index - 1], CHAIN_ID, vote).signature)
        verdict = authenticate(stolen, bench.validators, CHAIN_ID, stub_verify)
        assert verdict == Rejected(RejectionReason.BAD_SIGNATURE)
    outsider = sign_message(StubKey(bytes(31) + b"x"), CHAIN_ID, vote)
    verdict = authenticate(outsider, bench.validators, CHAIN_ID, stub_verify)
    assert verdict == Rejected(RejectionReason.NOT_A_VALIDATOR)


@pytest.mark.known_bug(8)
@pytest.mark.parametrize("tag", ["pre-prepare", "view-change", "status", "nonsense"])
def test_an_envelope_of_another_type_is_an_error_value_for_the_shell(tag: str) -> None:
    _, fields, sender, signature = as_array(
        decode(sign_message(KEYS[0], CHAIN_ID, Prepare(1, 0, bytes(31) + b"x")).encoded), 4, "message"
    )
    with pytest.raises(ShapeError):
        decode_message(encode([tag, fields, sender, signature]))


@pytest.mark.known_bug(9)
@each_size
def test_a_proposal_is_no_vote_and_the_proposers_vote_counts_once(count: int) -> None:
    bench = Bench(count=count, index=0)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    votes = 1
    for index in range(1, count):
        effects = bench.prepare(index, block)
        votes += 1
        assert bool(sent(effects, Commit)) is (votes == bench.validators.quorum)


@pytest.mark.known_bug(10)
def test_votes_of_other_views_and_doubled_signers_make_no_certificate() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    assert bench.prepare(1, block, 1) == bench.prepare(2, block, 2) == []
    bench.prepare(1, block)
    assert sent(bench.prepare(1, block), Commit) == []
    mixed = {1: (1, 0), 2: (1, 1), 3: (2, 0)}
    votes = {
        index: KEYS[index].sign(vote_preimage(VoteKind.PREPARE, CHAIN_ID, *place, block.header.hash))
        for index, place in mixed.items()
    }
    certificate = assemble_certificate(1, 0, block.header.hash, votes)
    assert certificate.refusal(VoteKind.PREPARE, bench.validators, CHAIN_ID, stub_verify) == "bad_signature"
    empty = assemble_certificate(1, 0, block.header.hash, {})
    assert empty.refusal(VoteKind.COMMIT, bench.validators, CHAIN_ID, stub_verify) == "no_quorum"


@pytest.mark.known_bug(11)
@each_size
def test_votes_and_lock_are_back_after_a_crash(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    votes = sent(bench.lock(block), Prepare | Commit)
    assert [type(vote) for vote in votes] == [Prepare, Commit]
    bench.restart()
    assert set(sent(bench.tick(CONFIG.retransmit_interval_ms), Prepare | Commit)) == set(votes)
    (change,) = sent(bench.tick(CONFIG.view_timeout_ms), ViewChange)[:1]
    assert change.prepared is not None
    assert change.prepared.block_hash == block.header.hash


@pytest.mark.known_bug(11)
@each_size
def test_whoever_voted_before_a_crash_votes_for_nothing_else_after_it(count: int) -> None:
    bench = Bench(count)
    block, other = bench.block(0, "this"), bench.block(0, "other")
    bench.propose(block)
    (vote,) = sent(bench.accept(block), Prepare)
    bench.restart()
    bench.propose(other)
    effects = bench.accept(other)
    assert sent(effects, Prepare) == []
    assert reports(effects) == [ReportKind.DOUBLE_SIGN_REFUSED]
    bench.restart()
    bench.propose(block)
    assert sent(bench.accept(block), Prepare) == [vote], "the same again, word for word"


@pytest.mark.known_bug(12)
@each_size
def test_a_height_counts_when_its_block_is_stored_and_not_when_it_is_decided(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.lock(block)
    decided = [effect for index in range(1, count) for effect in of_type(bench.commit(index, block), CommitBlock)]
    assert [effect.proposal for effect in decided] == [block]
    (status, *_) = sent(bench.tick(CONFIG.status_interval_ms), Status)
    assert (status.height, status.tip_hash) == (1, bench.tip.hash)
    assert bench.disk.records_above(0) != [], "what was signed is kept until the block is there"
    bench.committed(block)
    (status, *_) = sent(bench.tick(CONFIG.status_interval_ms), Status)
    assert (status.height, status.tip_hash) == (2, block.header.hash)


@pytest.mark.known_bug(13)
@each_size
@pytest.mark.parametrize("is_restarted", [False, True])
def test_after_a_view_change_the_next_height_is_proposed_from_view_0(*, is_restarted: bool, count: int) -> None:
    bench = Bench(count, index=2)
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    if is_restarted:
        bench.restart()
    assert (bench.replica.height, bench.replica.view) == (1, 1), "what was asked for is not forgotten"
    block = bench.block(1)
    bench.work()
    for index in [other for other in range(count) if other != 2]:
        bench.deliver(bench.view_change(index, 1))
    assert sent(bench.feed(BlockProposed(1, 1, block)), PrePrepare)[0].proposal == block
    bench.work(is_waiting=False)
    bench.committed(block)
    if is_restarted:
        bench.restart()
    assert (bench.replica.height, bench.replica.view, bench.replica.proposer_index) == (2, 0, 2)
    assert of_type(bench.work(), ProposeBlock) == [ProposeBlock(2, 0, block.header.hash)]


@pytest.mark.known_bug(13)
@each_size
def test_a_block_that_was_never_made_keeps_nobody_from_the_next_turn(count: int) -> None:
    bench = Bench(count, index=1)
    assert of_type(bench.work(), ProposeBlock) == [ProposeBlock(1, 0, bench.tip.hash)]
    others = [index for index in range(count) if index != 1]
    effects = [effect for index in others for effect in bench.deliver(bench.view_change(index, count))]
    assert of_type(effects, ProposeBlock) == [ProposeBlock(1, count, bench.tip.hash)]


@pytest.mark.known_bug(14)
def test_what_others_say_of_later_heights_drops_nothing_of_ours() -> None:
    """A lock goes when its height is stored here, in a view change too; that others stored it is no reason."""
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    for index in (1, 2, 3):
        bench.say(index, Status(500, 0, bytes(31) + b"x"))
        bench.say(index, Commit(500, 0, bytes(31) + b"x"))
    assert (bench.replica.height, bench.replica.view) == (1, 1)
    (change, *_) = sent(bench.tick(CONFIG.retransmit_interval_ms), ViewChange)
    assert (change.view, change.proposal) == (1, block)
    (change,) = sent([each for index in (1, 2) for each in bench.deliver(bench.view_change(index, 2))], ViewChange)
    assert (change.view, change.proposal) == (2, block), "nor in the next view"
    bench.committed(block)
    state = bench.replica._state
    assert (state.height, state.lock, state.sent, state.proposals) == (2, None, {}, {})


@pytest.mark.known_bug(15)
@each_size
def test_a_quorum_is_that_of_the_heights_own_set(count: int) -> None:
    bench = Bench(count)
    bench.committed(bench.block(), validator_set(7 if count == 4 else 4))
    bench.validators = validator_set(7 if count == 4 else 4)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    *early, last = range(1, bench.validators.quorum)
    for index in early:
        assert sent(bench.prepare(index, block), Commit) == []
    assert len(sent(bench.prepare(last, block), Commit)) == 1


@pytest.mark.known_bug(16)
def test_the_hash_covers_every_part_of_a_proposal() -> None:
    bench = Bench()
    forged = PrePrepare(1, 0, with_other_ids(bench.block()), ())
    with pytest.raises(ShapeError) as refused:
        decode_message(sign_message(KEYS[1], CHAIN_ID, forged).encoded)
    assert refused.value.code == "transactions_root"


@pytest.mark.known_bug(17)
def test_a_block_that_is_proposed_again_keeps_its_hash() -> None:
    bench = Bench(index=2)
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    bench.deliver(bench.view_change(0, 1))
    effects = bench.deliver(bench.view_change(1, 1))
    (proposal,) = sent(effects, PrePrepare)
    assert proposal.proposal.header.hash == block.header.hash
    assert proposal.proposal.header.proposer == KEYS[1].public_key


@pytest.mark.known_bug(19)
@each_size
def test_a_block_that_came_by_sync_is_not_decided_again(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.lock(block)
    bench.commit(1, block)
    bench.committed(block)
    effects = [effect for index in range(2, count) for effect in bench.commit(index, block)]
    assert of_type(effects, CommitBlock) == []
    assert reports(bench.committed(block)) == [ReportKind.STALE_ANSWER]
    assert bench.replica.height == 2


@pytest.mark.known_bug(20)
@each_size
def test_what_was_in_flight_is_dropped_by_sync_past_it(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.propose(block)
    bench.committed(block)
    assert reports(bench.accept(block)) == [ReportKind.STALE_ANSWER]
    assert bench.replica.height == 2


@pytest.mark.known_bug(21)
def test_a_laggard_is_shown_what_moved_us() -> None:
    bench = Bench(index=0)
    changes = [bench.view_change(index, 1) for index in (1, 2, 3)]
    block = bench.block(1)
    bench.propose(block, 1, changes)
    effects = bench.say(3, Status(1, 0, bench.tip.hash))
    (shown,) = sent(effects, PrePrepare)
    assert (shown.view, len(shown.view_changes)) == (1, 3), "it carries the quorum, so the laggard can follow at once"
    laggard = Bench(index=3)
    assert len(of_type(laggard.say(2, shown), CheckProposal)) == 1
    assert laggard.replica.view == 1


@pytest.mark.known_bug(23)
def test_waiting_work_is_timed_anew_in_every_view() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for view in (1, 2, 3):
        assert bench.replica.view == view, "a proposer that leaves the work undone is left in its turn"
        bench.deliver(bench.view_change(1, view))
        bench.deliver(bench.view_change(2, view))
        bench.tick(CONFIG.timeout_ms(view))


@pytest.mark.known_bug(25)
@each_size
def test_what_is_kept_for_the_future_is_bounded(count: int) -> None:
    bench = Bench(count)
    for number in range(200):
        bench.say(1, Prepare(2, number, bytes(32)))
        bench.say(2, ViewChange(1, VIEW_MAX - number, None, None))
        bench.say(3, Prepare(1, 1 + number, bytes(32)))
    replica: Replica = bench.replica
    assert replica._future.counts() == [CONFIG.future_messages_max]
    assert len(replica._state.view_changes._by_sender) == 1
    assert len(replica._state.votes._by_slot) == 64
    assert replica.view == 0, "one validator moves nobody"


@pytest.mark.known_bug(26)
@each_size
def test_a_certificate_is_checked_with_the_set_of_its_height(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    certificate = bench.certificate(block, 0, range(bench.validators.quorum), VoteKind.COMMIT)
    assert certificate.refusal(VoteKind.COMMIT, validator_set(count), CHAIN_ID, stub_verify) is None
    later = validator_set(min(count, len(KEYS) - 1), first=1)
    assert certificate.refusal(VoteKind.COMMIT, later, CHAIN_ID, stub_verify) == "bad_signature"


@pytest.mark.known_bug(27)
@each_size
def test_a_block_made_for_an_older_tip_is_not_proposed(count: int) -> None:
    bench = Bench(count, index=1)
    assert len(of_type(bench.work(), ProposeBlock)) == 1
    stale = bench.block()
    bench.committed(Bench(count).block(0, "by others"))
    assert reports(bench.feed(BlockProposed(1, 0, stale))) == [ReportKind.STALE_ANSWER]


@pytest.mark.known_bug(27)
@each_size
def test_a_block_made_for_an_older_view_is_not_proposed(count: int) -> None:
    bench = Bench(count, index=1)
    bench.work()
    for index in range(2, 2 + bench.validators.faults_tolerated + 1):
        bench.deliver(bench.view_change(index, 1))
    assert bench.replica.view == 1
    assert reports(bench.feed(BlockProposed(1, 0, bench.block()))) == [ReportKind.STALE_ANSWER]


@pytest.mark.known_bug(28)
def test_load_neither_shortens_a_view_nor_ends_it() -> None:
    """Nothing measures who is fast: a view ends by its timer, a refused block, or f + 1 that left it."""
    bench = Bench()
    for number in range(CONFIG.view_timeout_ms // 100 - 1):
        for kind in range(20):
            bench.work(is_waiting=True)
            bench.say(1, Prepare(1, 0, bytes([number, kind]) * 16))
            bench.say(2, Status(1, 0, bench.tip.hash))
        assert sent(bench.tick(100), ViewChange) == []
    assert bench.replica.view == 0
    assert [change.view for change in sent(bench.tick(100), ViewChange)] == [1], "nor is it lengthened"


@pytest.mark.known_bug(28)
@each_size
def test_slow_blocks_under_steady_work_change_no_view(count: int) -> None:
    cluster = SmallCluster(count)
    cluster.delay_ms_max = 300
    cluster.run_to(40, within_ms=90_000)
    assert cluster.is_agreed()
    assert set(cluster.views()) == {0}
    assert cluster.count(ReportKind.VIEW_CHANGE) == 0


@pytest.mark.known_bug(1, 16)
def test_a_bare_view_change_inside_a_proposal_keeps_its_signature() -> None:
    """What a proposal carries is signed by others; leaving the block out must not break it."""
    bench = Bench()
    block = bench.block()
    full = bench.view_change(1, 1, bench.certificate(block), block)
    bare = without_proposal(full)
    assert len(bare.encoded) < len(full.encoded)
    assert not isinstance(authenticate(bare, bench.validators, CHAIN_ID, stub_verify), Rejected)


def test_fetching_never_asks_below_what_is_here() -> None:
    bench = Bench()
    bench.committed(bench.block())
    bench.tick(CONFIG.fetch_interval_ms)
    assert of_type(bench.prepare(1, Bench().block()), FetchBlocks) == []
