"""The 28 known bugs of the PBFT family (reference: consensus.md, section 4), each held off by a test that names it.

Where a bug can only happen below or above this floor, ``ELSEWHERE`` says where and why.
"""

from pathlib import Path

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
from consensus.replica import Replica
from ledger.certificate import VIEW_MAX, VoteKind, assemble_certificate, vote_preimage
from ledger.codec import decode, encode
from ledger.errors import ShapeError
from ledger.shape import as_array
from tests.sim.invariants import stub_verify
from tests.sim.toy import CHAIN_ID
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set, with_other_ids

ELSEWHERE = {
    3: "no watermarks: one height is in flight, and a view change speaks of that height alone",
    12: "no checkpoints of their own: every block is executed before the vote, and its header names the state",
    13: "no watermarks",
    14: "no checkpoints to collect by; everything of a height is dropped when the height is decided",
    18: "node/chain.py: a block is executed on an overlay and stored in one batch when it is decided",
    22: "contracts and node/mempool.py: ids within the validity window are part of the state, and a replay is refused",
    24: "node/admission.py and node/chain.py share one check",
    28: "no monitor changes views; a view ends by its timer, a refused block, or f + 1 validators that left it",
}


def test_every_bug_is_tested_here_or_said_to_be_elsewhere() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    tested = {number for number in range(1, 29) if f"def test_{number:02d}_" in source}
    assert tested | set(ELSEWHERE) == set(range(1, 29))
    assert tested & set(ELSEWHERE) == set()


def test_01_a_prepared_value_is_not_dropped_by_a_view_change() -> None:
    bench = Bench()
    locked, other = bench.block(0, "locked"), bench.block(1, "other")
    changes = [bench.view_change(1, 1, bench.certificate(locked), locked)]
    changes += [bench.view_change(index, 1) for index in (2, 3)]
    assert reports(bench.propose(other, 1, changes)) == [ReportKind.UNJUSTIFIED_PROPOSAL]
    assert len(of_type(bench.propose(locked, 1, changes), CheckProposal)) == 1


def test_02_one_bad_certificate_hides_no_good_one() -> None:
    bench = Bench(index=2)
    good, bad = bench.block(0, "good"), bench.block(0, "bad")
    forged = bench.certificate(bad, 0, signers=(0, 1, 3))
    forged = type(forged)(1, 0, bad.header.hash, forged.signers, (bytes(64),) * 3)
    verdict = authenticate(bench.view_change(3, 1, forged, bad), bench.validators, CHAIN_ID, stub_verify)
    assert verdict == Rejected(RejectionReason.BAD_CERTIFICATE)
    bench.deliver(bench.view_change(0, 1, bench.certificate(good), good))
    effects = bench.deliver(bench.view_change(1, 1))
    assert sent(effects, PrePrepare)[0].proposal == good


def test_04_a_lost_view_change_is_sent_again() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for _ in range(20):
        assert [change.view for change in sent(bench.tick(CONFIG.retransmit_interval_ms), ViewChange)] == [1]


def test_05_a_view_is_timed_from_the_quorum_and_an_old_timer_has_no_effect() -> None:
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


def test_05_the_timer_of_a_decided_height_does_not_fire_in_the_next() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms - 100)
    bench.committed(bench.block())
    bench.tick(CONFIG.view_timeout_ms - 100)
    assert (bench.replica.height, bench.replica.view) == (2, 0)


def test_06_catching_up_ends_a_view_change() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    assert bench.replica.view == 1
    bench.work(is_waiting=False)
    bench.committed(bench.block())
    assert (bench.replica.height, bench.replica.view, bench.replica.phase.value) == (2, 0, "idle")


def test_07_the_signer_is_the_key_that_verified() -> None:
    bench = Bench()
    vote = Prepare(1, 0, bytes(32))
    stolen = with_signature(vote, KEYS[2].public_key, sign_message(KEYS[1], CHAIN_ID, vote).signature)
    verdict = authenticate(stolen, bench.validators, CHAIN_ID, stub_verify)
    assert verdict == Rejected(RejectionReason.BAD_SIGNATURE)


@pytest.mark.parametrize("tag", ["pre-prepare", "view-change", "status", "nonsense"])
def test_08_an_envelope_of_another_type_is_an_error_value_for_the_shell(tag: str) -> None:
    _, fields, sender, signature = as_array(
        decode(sign_message(KEYS[0], CHAIN_ID, Prepare(1, 0, bytes(31) + b"x")).encoded), 4, "message"
    )
    with pytest.raises(ShapeError):
        decode_message(encode([tag, fields, sender, signature]))


@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
def test_09_a_proposal_is_no_vote_and_the_proposers_vote_counts_once(count: int) -> None:
    bench = Bench(count=count, index=0)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    votes = 1
    for index in range(1, count):
        effects = bench.prepare(index, block)
        votes += 1
        assert bool(sent(effects, Commit)) is (votes == bench.validators.quorum)


def test_10_votes_of_other_views_and_doubled_signers_make_no_certificate() -> None:
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


def test_11_votes_and_lock_are_back_after_a_crash() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.restart()
    (change,) = sent(bench.tick(CONFIG.view_timeout_ms), ViewChange)[:1]
    assert change.prepared is not None
    assert change.prepared.block_hash == block.header.hash


def test_15_a_quorum_is_that_of_the_heights_own_set() -> None:
    bench = Bench(count=4)
    first = bench.block()
    bench.committed(first, validator_set(7))
    bench.validators = validator_set(7)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    for index in (1, 2, 3):
        assert sent(bench.prepare(index, block), Commit) == []
    assert len(sent(bench.prepare(4, block), Commit)) == 1


def test_16_the_hash_covers_every_part_of_a_proposal() -> None:
    bench = Bench()
    forged = PrePrepare(1, 0, with_other_ids(bench.block()), ())
    with pytest.raises(ShapeError) as refused:
        decode_message(sign_message(KEYS[1], CHAIN_ID, forged).encoded)
    assert refused.value.code == "transactions_root"


def test_17_a_block_that_is_proposed_again_keeps_its_hash() -> None:
    bench = Bench(index=2)
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    bench.deliver(bench.view_change(0, 1))
    effects = bench.deliver(bench.view_change(1, 1))
    (proposal,) = sent(effects, PrePrepare)
    assert proposal.proposal.header.hash == block.header.hash
    assert proposal.proposal.header.proposer == KEYS[1].public_key


def test_19_a_block_that_came_by_sync_is_not_decided_again() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.commit(1, block)
    bench.committed(block)
    effects = bench.commit(2, block) + bench.commit(3, block)
    assert of_type(effects, CommitBlock) == []
    assert reports(bench.committed(block)) == [ReportKind.STALE_ANSWER]
    assert bench.replica.height == 2


def test_20_what_was_in_flight_is_dropped_by_sync_past_it() -> None:
    bench = Bench()
    block = bench.block()
    bench.propose(block)
    bench.committed(block)
    assert reports(bench.accept(block)) == [ReportKind.STALE_ANSWER]
    assert bench.replica.height == 2


def test_21_a_laggard_is_shown_what_moved_us() -> None:
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


def test_23_waiting_work_is_timed_anew_in_every_view() -> None:
    bench = Bench()
    bench.work()
    bench.tick(CONFIG.view_timeout_ms)
    for view in (1, 2, 3):
        assert bench.replica.view == view, "a proposer that leaves the work undone is left in its turn"
        bench.deliver(bench.view_change(1, view))
        bench.deliver(bench.view_change(2, view))
        bench.tick(CONFIG.timeout_ms(view))


def test_25_what_is_kept_for_the_future_is_bounded() -> None:
    bench = Bench()
    for number in range(200):
        bench.say(1, Prepare(2, number, bytes(32)))
        bench.say(2, ViewChange(1, VIEW_MAX - number, None, None))
        bench.say(3, Prepare(1, 1 + number, bytes(32)))
    replica: Replica = bench.replica
    assert replica._future.counts() == [CONFIG.future_messages_max]
    assert len(replica._state.view_changes._by_sender) == 1
    assert len(replica._state.votes._by_slot) == 64
    assert replica.view == 0, "one validator moves nobody"


def test_26_a_certificate_is_checked_with_the_set_of_its_height() -> None:
    bench = Bench(count=4)
    block = bench.block()
    certificate = bench.certificate(block, kind=VoteKind.COMMIT)
    assert certificate.refusal(VoteKind.COMMIT, validator_set(4), CHAIN_ID, stub_verify) is None
    later = validator_set(4, first=1)
    assert certificate.refusal(VoteKind.COMMIT, later, CHAIN_ID, stub_verify) == "bad_signature"


def test_27_a_block_made_for_an_older_tip_is_not_proposed() -> None:
    bench = Bench(index=1)
    assert len(of_type(bench.work(), ProposeBlock)) == 1
    stale = bench.block()
    bench.committed(Bench().block(0, "by others"))
    assert reports(bench.feed(BlockProposed(1, 0, stale))) == [ReportKind.STALE_ANSWER]


def test_27_a_block_made_for_an_older_view_is_not_proposed() -> None:
    bench = Bench(index=1)
    bench.work()
    bench.deliver(bench.view_change(2, 1))
    bench.deliver(bench.view_change(3, 1))
    assert bench.replica.view == 1
    assert reports(bench.feed(BlockProposed(1, 0, bench.block()))) == [ReportKind.STALE_ANSWER]


def test_a_bare_view_change_inside_a_proposal_keeps_its_signature() -> None:
    """What a proposal carries is signed by others; leaving the block out must not break it (bugs 1 and 16)."""
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
