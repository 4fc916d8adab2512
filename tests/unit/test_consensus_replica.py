"""The replica step by step: the normal case, the change of views, restarts, repair, silence, and what it refuses."""

from dataclasses import replace

import pytest

from consensus.effects import (
    LOCK_RECORD,
    Broadcast,
    CheckProposal,
    CommitBlock,
    Effect,
    FetchBlocks,
    Persist,
    ProposeBlock,
    ReportKind,
    Send,
)
from consensus.events import BlockProposed
from consensus.height import Phase
from consensus.messages import Commit, Prepare, PrePrepare, Status, ViewChange, tag_of
from ledger.certificate import VoteKind
from tests.sim.keys import stub_verify
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set
from tests.support.toy_chain import CHAIN_ID


def phase_of(bench: Bench) -> Phase:
    return bench.replica.phase


# The normal case


def test_one_validator_alone_decides_and_stores_before_it_says_anything() -> None:
    bench = Bench(count=1)
    asked = bench.work()
    assert asked == [ProposeBlock(1, 0, bench.tip.hash)]
    block = bench.block()
    effects = bench.feed(BlockProposed(1, 0, block))
    kinds = [effect.records[-1].kind if isinstance(effect, Persist) else type(effect).__name__ for effect in effects]
    assert kinds == ["pre-prepare", "Broadcast", "prepare", "Broadcast", "commit", "Broadcast", "CommitBlock"]
    (decision,) = of_type(effects, CommitBlock)
    assert decision.proposal == block
    assert decision.certificate.refusal(VoteKind.COMMIT, bench.validators, CHAIN_ID, stub_verify) is None


def test_four_validators_decide_step_by_step() -> None:
    bench = Bench()
    block = bench.block()
    assert phase_of(bench) is Phase.IDLE
    assert bench.propose(block) == [CheckProposal(1, 0, block, is_fresh=True)]
    assert phase_of(bench) is Phase.CHECKING
    assert sent(bench.accept(block), Prepare) == [Prepare(1, 0, block.header.hash)]
    assert phase_of(bench) is Phase.PREPARING
    assert bench.prepare(1, block) == []
    effects = bench.prepare(2, block)
    assert sent(effects, Commit) == [Commit(1, 0, block.header.hash)]
    (persisted,) = of_type(effects, Persist)
    assert [record.kind for record in persisted.records] == [LOCK_RECORD, "commit"], "one write: both or neither"
    assert phase_of(bench) is Phase.COMMITTING
    assert bench.commit(2, block) == []
    (decision,) = of_type(bench.commit(3, block), CommitBlock)
    assert decision.certificate.signers == (0, 2, 3)
    assert decision.certificate.refusal(VoteKind.COMMIT, bench.validators, CHAIN_ID, stub_verify) is None
    bench.committed(block)
    assert (bench.replica.height, bench.replica.view, bench.replica.phase) == (2, 0, Phase.IDLE)


def test_everything_that_is_sent_is_persisted_by_an_earlier_effect() -> None:
    bench = Bench()
    effects = bench.lock(bench.block())
    effects += bench.tick(CONFIG.view_timeout_ms)
    stored: set[tuple[str, int]] = set()
    checked = 0
    for effect in effects:
        if isinstance(effect, Persist):
            stored |= {(record.kind, record.view) for record in effect.records}
        elif isinstance(effect, Broadcast):
            for said in sent([effect], Prepare | Commit | ViewChange):
                assert (tag_of(said), said.view) in stored
                checked += 1
    assert checked >= 3


def test_votes_that_come_before_the_proposal_count() -> None:
    bench = Bench()
    block = bench.block()
    for index in (1, 2, 3):
        assert bench.prepare(index, block) == []
        bench.commit(index, block)
    bench.propose(block)
    effects = bench.accept(block)
    assert len(sent(effects, Commit)) == 1
    assert len(of_type(effects, CommitBlock)) == 1


def test_a_proposer_waits_for_work_and_asks_once() -> None:
    bench = Bench(index=1)
    assert bench.tick(3000) != [], "its heart beats"
    assert of_type(bench.work(), ProposeBlock) == [ProposeBlock(1, 0, bench.tip.hash)]
    assert bench.feed(BlockProposed(1, 0, None)) == []
    assert of_type(bench.work(), ProposeBlock) == [ProposeBlock(1, 0, bench.tip.hash)], "there may be work later"


def test_work_that_comes_while_there_was_nothing_to_propose_is_not_forgotten() -> None:
    """The answer "nothing" was given before the work came; taking it for the last word would leave the work undone."""
    bench = Bench(index=1)
    bench.work()
    bench.work()
    assert bench.feed(BlockProposed(1, 0, None)) == [ProposeBlock(1, 0, bench.tip.hash)]
    assert bench.feed(BlockProposed(1, 0, None)) == [], "asked once for each time that work came"


# Changing the view


def test_a_replica_that_waits_in_vain_asks_for_the_next_view_and_shows_its_lock() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    effects = bench.tick(CONFIG.view_timeout_ms)
    (change,) = sent(effects, ViewChange)[:1]
    assert change.view == 1
    assert change.prepared is not None
    assert change.prepared.block_hash == block.header.hash
    assert change.proposal == block
    assert phase_of(bench) is Phase.CHANGING_VIEW


def test_the_new_proposer_takes_up_the_block_of_the_highest_certificate() -> None:
    bench = Bench(index=2)
    low, high = bench.block(0, "low"), bench.block(0, "high")
    assert bench.proposer(5) == 2
    effects: list[Effect] = []
    effects += bench.deliver(bench.view_change(0, 5, bench.certificate(low, 1), low))
    effects += bench.deliver(bench.view_change(1, 5, bench.certificate(high, 3), high))
    effects += bench.deliver(bench.view_change(3, 5))
    (proposal,) = sent(effects, PrePrepare)[:1]
    assert proposal.proposal == high
    assert len(proposal.view_changes) == 3
    assert of_type(effects, CheckProposal) == [CheckProposal(1, 5, high, is_fresh=False)]


def test_the_right_to_propose_stays_when_a_sender_wants_a_higher_view_meanwhile() -> None:
    """The book keeps one view change of each sender; the quorum that opened the view is kept apart from it."""
    bench = Bench(index=2)
    bench.work()
    for index in (0, 1, 3):
        bench.deliver(bench.view_change(index, 1))
    assert bench.replica.view == 1
    bench.deliver(bench.view_change(3, 2))
    block = bench.block(1)
    (proposal,) = sent(bench.feed(BlockProposed(1, 1, block)), PrePrepare)
    assert len({change.sender for change in proposal.view_changes}) == bench.validators.quorum
    other = Bench(index=0)
    other.tip = bench.tip
    assert of_type(other.say(2, proposal), CheckProposal) != [], "the others take it"


def test_f_plus_1_view_changes_pull_a_replica_to_the_lower_of_their_views() -> None:
    bench = Bench(count=7)
    bench.deliver(bench.view_change(1, 9))
    bench.deliver(bench.view_change(2, 5))
    assert bench.replica.view == 0, "two of seven may lie"
    effects = bench.deliver(bench.view_change(3, 7))
    assert bench.replica.view == 5
    assert [change.view for change in sent(effects, ViewChange)] == [5]


def test_a_view_change_is_sent_again_until_it_helps() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    again = sent(bench.tick(5 * CONFIG.retransmit_interval_ms), ViewChange)
    assert [change.view for change in again] == [1] * 5


def test_nobody_runs_ahead_alone() -> None:
    bench = Bench()
    bench.work()
    bench.tick(10 * 60_000)
    assert bench.replica.view == 1


def test_a_view_that_others_passed_is_left_when_its_time_is_over() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    bench.deliver(bench.view_change(1, 1))
    bench.deliver(bench.view_change(2, 2))
    assert bench.replica.view == 1
    bench.tick(CONFIG.timeout_ms(1))
    assert bench.replica.view == 2


def test_timeouts_grow_by_half_and_stop_growing() -> None:
    assert [CONFIG.timeout_ms(view) for view in (0, 1, 2, 3, 6, 7, 8, 1000)] == [
        2000, 3000, 4500, 6750, 22780, 30000, 30000, 30000,
    ]  # fmt: skip


def test_a_refused_block_is_answered_by_a_view_change_and_checked_again_with_a_quorum_behind_it() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    effects = bench.accept(block, refusal="transactions_not_available")
    assert reports(effects) == [ReportKind.PROPOSAL_REFUSED]
    assert [change.view for change in sent(effects, ViewChange)] == [1]
    changes = [bench.view_change(index, 1, bench.certificate(block), block) for index in (1, 2, 3)]
    effects = bench.propose(block, 1, changes)
    assert of_type(effects, CheckProposal) == [CheckProposal(1, 1, block, is_fresh=False)]


def test_commits_of_a_view_that_was_left_still_decide() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    assert bench.replica.view == 1
    bench.commit(1, block)
    (decision,) = of_type(bench.commit(2, block), CommitBlock)
    assert decision.certificate.view == 0


def test_a_prepare_quorum_of_a_view_that_was_left_locks_nothing() -> None:
    """A COMMIT after the VIEW-CHANGE that did not show its lock could decide what the next view does not know."""
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    bench.tick(CONFIG.view_timeout_ms)
    effects = [effect for index in (1, 2, 3) for effect in bench.prepare(index, block)]
    assert sent(effects, Commit) == []
    assert bench.replica._state.lock is None


# Restart


def test_a_restarted_replica_says_the_same_again_and_nothing_else() -> None:
    bench = Bench()
    block, other = bench.block(0, "first"), bench.block(0, "second")
    bench.propose(block)
    bench.accept(block)
    bench.restart()
    effects = bench.propose(other)
    effects += bench.accept(other)
    assert sent(effects, Prepare) == []
    assert ReportKind.DOUBLE_SIGN_REFUSED in reports(effects)
    assert sent(bench.tick(CONFIG.retransmit_interval_ms), Prepare) == [Prepare(1, 0, block.header.hash)] * 1


def test_a_restarted_replica_still_shows_its_lock() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.restart()
    assert phase_of(bench) is Phase.COMMITTING
    (change,) = sent(bench.tick(CONFIG.view_timeout_ms), ViewChange)[:1]
    assert change.prepared is not None
    assert change.prepared.block_hash == block.header.hash
    assert change.proposal == block


def test_a_restarted_replica_decides_by_its_lock_and_the_commits_of_others() -> None:
    """Nobody needs to show the proposal again: a quorum of COMMITs and the lock's block are enough to check it."""
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.restart()
    bench.commit(1, block)
    effects = bench.commit(2, block)
    assert of_type(effects, CheckProposal) == [CheckProposal(1, 0, block, is_fresh=False)]
    assert len(of_type(bench.accept(block), CommitBlock)) == 1


def test_a_restarted_replica_stays_in_the_view_that_it_asked_for() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    bench.restart()
    assert bench.replica.view == 1
    assert reports(bench.propose(bench.block())) == [ReportKind.OLD_VIEW]


def test_a_restarted_proposer_proposes_the_same_block_again() -> None:
    bench = Bench(index=1)
    bench.work()
    block = bench.block()
    bench.feed(BlockProposed(1, 0, block))
    effects = bench.restart()
    assert of_type(effects, CheckProposal) == [CheckProposal(1, 0, block, is_fresh=True)]
    assert of_type(bench.work(), ProposeBlock) == []
    bench.accept(block)
    again = sent(bench.tick(CONFIG.retransmit_interval_ms), PrePrepare)
    assert [proposal.proposal.header.hash for proposal in again] == [block.header.hash], "once: it is large"


def test_a_lone_validator_that_crashed_after_its_commit_goes_on() -> None:
    bench = Bench(count=1)
    bench.work()
    block = bench.block()
    bench.feed(BlockProposed(1, 0, block))
    effects = bench.restart()
    assert of_type(effects, CheckProposal) == [CheckProposal(1, 0, block, is_fresh=True)]
    assert len(of_type(bench.accept(block), CommitBlock)) == 1


# Repair


def test_a_higher_status_makes_a_laggard_fetch_from_its_sender_at_most_twice_a_second() -> None:
    bench = Bench()
    assert bench.say(2, Status(9, 0, bytes(32))) == [FetchBlocks(1, 8, KEYS[2].public_key)]
    assert bench.say(3, Status(9, 0, bytes(32))) == []
    bench.tick(CONFIG.fetch_interval_ms)
    assert bench.say(3, Status(9, 0, bytes(32))) == [FetchBlocks(1, 8, KEYS[3].public_key)]


def test_a_status_of_a_lower_view_is_answered_with_what_moved_us() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    effects = bench.say(3, Status(1, 0, bench.tip.hash))
    assert [effect.to for effect in of_type(effects, Send)] == [KEYS[3].public_key]
    assert [change.view for change in sent(effects, ViewChange)] == [1]


def test_whoever_holds_the_proposal_passes_it_on() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    (passed,) = sent(bench.tick(CONFIG.retransmit_interval_ms), PrePrepare)
    assert passed.proposal == block


def test_a_decided_block_that_is_not_here_is_fetched() -> None:
    bench = Bench()
    block = bench.block()
    bench.commit(1, block)
    bench.commit(2, block)
    assert bench.commit(3, block) == [FetchBlocks(1, 1, KEYS[3].public_key)]


def test_a_decided_block_that_is_refused_here_is_reported() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    for index in (1, 2, 3):
        bench.commit(index, block)
    assert bench.accept(block, refusal="time") == [CheckProposal(1, 0, block, is_fresh=False)], "the clock has no say"
    effects = bench.accept(block, refusal="state_root")
    assert reports(effects) == [ReportKind.DECIDED_BLOCK_REFUSED, ReportKind.PROPOSAL_REFUSED]
    assert of_type(effects, CommitBlock) == []


# Silence


def test_without_work_there_is_nothing_but_the_heart_beat() -> None:
    bench = Bench()
    effects = bench.tick(10_000)
    assert len(effects) == 10
    assert sent(effects, Status) == [Status(1, 0, bench.tip.hash)] * 10


def test_when_the_work_goes_away_nobody_changes_views() -> None:
    bench = Bench()
    bench.work()
    bench.work(is_waiting=False)
    effects = bench.tick(60_000)
    assert sent(effects, ViewChange) == []
    bench.work()
    assert [change.view for change in sent(bench.tick(CONFIG.view_timeout_ms), ViewChange)][:1] == [1]


def test_an_observer_says_nothing_and_leaves_no_view() -> None:
    bench = Bench(index=9)
    bench.work()
    assert bench.tick(60_000) == []
    block = bench.block()
    bench.propose(block)
    assert bench.accept(block) == []
    for index in (1, 2):
        bench.commit(index, block)
    assert len(of_type(bench.commit(3, block), CommitBlock)) == 1, "it follows"


# What it refuses


def test_an_own_vote_that_this_node_did_not_make_silences_it() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    effects = bench.say(0, Prepare(1, 0, bytes(32)))
    assert reports(effects) == [ReportKind.OWN_KEY_ELSEWHERE]
    effects = bench.accept(block) + bench.tick(60_000)
    assert sent(effects, Prepare | ViewChange) == []
    for index in (1, 2):
        bench.commit(index, block)
    assert len(of_type(bench.commit(3, block), CommitBlock)) == 1, "it follows still"


def test_an_echo_of_an_own_vote_is_harmless() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    assert reports(bench.say(0, Prepare(1, 0, block.header.hash))) == [ReportKind.OWN_MESSAGE]
    bench.prepare(1, block)
    assert len(sent(bench.prepare(2, block), Commit)) == 1


def test_two_proposals_and_two_votes_for_one_slot_are_reported_and_the_first_stands() -> None:
    bench = Bench()
    first, second = bench.block(0, "first"), bench.block(0, "second")
    bench.propose(first)
    assert reports(bench.propose(second)) == [ReportKind.EQUIVOCATION]
    assert reports(bench.propose(first)) == [ReportKind.DUPLICATE]
    bench.prepare(1, first)
    assert reports(bench.prepare(1, second)) == [ReportKind.EQUIVOCATION]
    assert sent(bench.accept(first), Prepare) == [Prepare(1, 0, first.header.hash)]


@pytest.mark.parametrize(
    ("index", "view", "message", "kind"),
    [
        (3, 0, "fresh", ReportKind.NOT_THE_PROPOSER),
        (1, 0, "parent", ReportKind.WRONG_PARENT),
        (1, 0, "proposer", ReportKind.WRONG_PROPOSER_IN_HEADER),
        (2, 1, "other block than the certificate's", ReportKind.UNJUSTIFIED_PROPOSAL),
    ],
)
def test_a_proposal_that_cannot_stand_is_named_and_not_checked(
    index: int, view: int, message: str, kind: ReportKind
) -> None:
    bench = Bench()
    block = bench.block(view)
    changes = []
    if message == "parent":
        block = replace(block, header=replace(block.header, parent_hash=bytes(32)))
    if message == "proposer":
        block = bench.block(1)
    if view:
        locked = bench.block(0, "locked")
        changes = [bench.view_change(1, 1, bench.certificate(locked))]
        changes += [bench.view_change(each, 1) for each in (2, 3)]
    effects = bench.say(index, PrePrepare(1, view, block, tuple(changes)))
    assert reports(effects) == [kind]
    assert of_type(effects, CheckProposal) == []


def test_a_certificate_without_its_block_is_not_counted_where_the_block_is_unknown() -> None:
    bench = Bench()
    block = bench.block()
    bare = bench.view_change(1, 1, bench.certificate(block))
    assert reports(bench.deliver(bare)) == [ReportKind.WITHHELD_PROPOSAL]
    assert reports(bench.deliver(bench.view_change(1, 1, bench.certificate(block), block))) == []


def test_messages_of_other_heights_and_far_views_are_named() -> None:
    bench = Bench()
    first = bench.block()
    bench.committed(first)
    assert reports(bench.prepare(1, first)) == [ReportKind.OLD_HEIGHT]
    assert reports(bench.say(1, Prepare(3, 0, bytes(32)))) == [ReportKind.FUTURE_HEIGHT]
    assert reports(bench.say(1, Prepare(2, 65, bytes(32)))) == [ReportKind.FUTURE_VIEW]
    assert reports(bench.say(1, Prepare(2, 64, bytes(32)))) == []
    assert reports(bench.accept(first)) == [ReportKind.STALE_ANSWER]


def test_votes_of_the_next_height_wait_for_it_unless_the_validators_change() -> None:
    for is_same in (True, False):
        bench = Bench()
        first = bench.block()
        second = Bench(tip=first.header).block()
        for index in (1, 2, 3):
            bench.say(index, Commit(2, 0, second.header.hash))
        bench.tick(CONFIG.fetch_interval_ms)
        effects = bench.committed(first, bench.validators if is_same else validator_set(4, first=1))
        assert bool(of_type(effects, FetchBlocks)) is is_same, "three commits decide; the block is not here"
