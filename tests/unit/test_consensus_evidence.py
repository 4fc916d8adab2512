"""Evidence: two votes of one validator for one slot are kept once, hold for whoever checks them, and count once."""

from dataclasses import replace

import pytest

from consensus.effects import Effect, KeepEvidence, Persist, ReportKind
from consensus.messages import Commit, Prepare, PrePrepare, Proposal
from ledger.certificate import VoteKind
from ledger.evidence import Equivocation
from tests.sim.keys import stub_verify
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent
from tests.support.small_cluster import SmallCluster
from tests.support.toy_chain import CHAIN_ID, make_block

KINDS = ("pre-prepare", "prepare", "commit")


def say(bench: Bench, kind: str, block: Proposal, view: int = 0) -> list[Effect]:
    """Let validator 1 say one thing about a block."""
    match kind:
        case "pre-prepare":
            return bench.say(1, PrePrepare(1, view, block, ()))
        case "prepare":
            return bench.say(1, Prepare(1, view, block.header.hash))
        case _:
            return bench.say(1, Commit(1, view, block.header.hash))


def kept(effects: list[Effect]) -> list[Equivocation]:
    """Return the evidence that is to be kept."""
    return [effect.evidence for effect in of_type(effects, KeepEvidence)]


@pytest.mark.fault(1, 2)
@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
@pytest.mark.parametrize("kind", KINDS)
def test_two_votes_for_one_slot_are_evidence_that_anybody_can_check(kind: str, count: int) -> None:
    bench = Bench(count)
    first, second = bench.block(0, "first"), bench.block(0, "second")
    assert kept(say(bench, kind, first)) == []
    assert kept(say(bench, kind, first)) == [], "the same again is no second vote"
    (found,) = kept(say(bench, kind, second))
    assert (found.kind, found.height, found.view, found.validator) == (kind, 1, 0, KEYS[1].public_key)
    assert [found.first[0], found.second[0]] == sorted([first.header.hash, second.header.hash])
    assert found.refusal(CHAIN_ID, bench.validators, stub_verify) is None
    assert found.refusal(bytes(32), bench.validators, stub_verify) == "bad_signature"
    assert replace(found, view=1).refusal(CHAIN_ID, bench.validators, stub_verify) == "bad_signature"
    other_kind = KINDS[KINDS.index(kind) - 1]
    assert replace(found, kind=other_kind).refusal(CHAIN_ID, bench.validators, stub_verify) == "bad_signature"


@pytest.mark.parametrize("kind", KINDS)
def test_a_slot_is_kept_once_and_reported_each_time(kind: str) -> None:
    bench = Bench()
    blocks = [bench.block(0, number) for number in range(4)]
    effects = [effect for block in blocks for effect in say(bench, kind, block)]
    assert len(kept(effects)) == 1
    assert reports(effects).count(ReportKind.EQUIVOCATION) == 3


def test_each_slot_has_evidence_of_its_own() -> None:
    bench = Bench()
    first, second = bench.block(0, "first"), bench.block(0, "second")
    found = [one for kind in KINDS for block in (first, second) for one in kept(say(bench, kind, block))]
    found += [one for block in (first, second) for one in kept(say(bench, "prepare", block, 3))]
    found += [one for block in (first, second) for one in kept(bench.prepare(2, block))]
    assert [(one.kind, one.view, one.validator) for one in found] == [
        *((kind, 0, KEYS[1].public_key) for kind in KINDS),
        ("prepare", 3, KEYS[1].public_key),
        ("prepare", 0, KEYS[2].public_key),
    ]


def test_what_an_honest_validator_does_is_no_evidence() -> None:
    """Two blocks in two views, a PREPARE and a COMMIT, a proposal passed on by another: none of it is a double vote."""
    bench = Bench()
    first, second = bench.block(0, "first"), bench.block(1, "second")
    effects = bench.propose(first) + bench.prepare(1, first) + bench.commit(1, first) + bench.prepare(1, second, 1)
    effects += bench.propose(second, 1, [bench.view_change(index, 1) for index in (1, 2, 3)])
    effects += bench.commit(1, second, 1)
    assert kept(effects) == []
    assert ReportKind.EQUIVOCATION not in reports(effects)


@pytest.mark.fault(2, 4)
@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
def test_votes_of_one_sender_for_two_blocks_count_for_one(count: int) -> None:
    """All others vote twice. With both votes of each counted, either block would have its quorum many times over."""
    bench = Bench(count)
    first, second = bench.block(0, "first"), bench.block(0, "second")
    for place, index in enumerate(range(1, count)):
        one, other = (first, second) if place % 2 else (second, first)
        bench.commit(index, one)
        bench.commit(index, other)
    votes = bench.replica._state.votes
    for block in (first, second):
        counted = sum(
            vote is not None and vote[0] == block.header.hash
            for vote in (votes.vote_of(VoteKind.COMMIT, 0, index) for index in range(count))
        )
        assert counted in {(count - 1) // 2, count // 2}
        assert votes.certificate(VoteKind.COMMIT, 0, block.header.hash) is None


@pytest.mark.fault(2)
def test_twins_with_one_key_are_seen_by_the_others_and_fall_silent_when_they_hear_each_other() -> None:
    left, right, honest = Bench(index=3), Bench(index=3), Bench(index=0)
    blocks = [left.block(0, "left"), left.block(0, "right")]
    spoken = []
    for twin, block in zip((left, right), blocks, strict=True):
        twin.propose(block)
        (vote,) = sent(twin.accept(block), Prepare)
        spoken.append(vote)
    (found,) = kept([effect for vote in spoken for effect in honest.say(3, vote)])
    assert found.validator == KEYS[3].public_key
    assert found.refusal(CHAIN_ID, honest.validators, stub_verify) is None
    assert reports(left.say(3, spoken[1])) == [ReportKind.OWN_KEY_ELSEWHERE]
    assert of_type(left.tick(60_000), Persist) == [], "it says again what it said and signs nothing new"


@pytest.mark.fault(1)
@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
def test_a_proposer_that_gives_each_half_another_block_gets_neither_decided_and_is_shown(count: int) -> None:
    """Proposer 1 tells one half A and the other B; the honest ones pass proposals on, so they come to see both."""
    cluster = SmallCluster(count, down=[1])
    tip = cluster.tip(0)
    others = [index for index in range(count) if index != 1]
    halves = others[: len(others) // 2], others[len(others) // 2 :]
    blocks = [make_block(tip, KEYS[1].public_key, cluster.validators, name) for name in "AB"]
    cluster.run(500)
    for half, block in zip(halves, blocks, strict=True):
        cluster.say(1, half, PrePrepare(1, 0, block, ()))
    cluster.run_to(3, within_ms=30_000)
    assert cluster.is_agreed()
    assert cluster.views()[0] >= 1, "no half is a quorum"
    assert {found.kind for _, found in cluster.evidence} == {"pre-prepare"}
    assert {found.validator for _, found in cluster.evidence} == {KEYS[1].public_key}
    hashes = sorted(block.header.hash for block in blocks)
    assert all([found.first[0], found.second[0]] == hashes for _, found in cluster.evidence)
    assert all(found.refusal(CHAIN_ID, cluster.validators, stub_verify) is None for _, found in cluster.evidence)
    assert {index for index, _ in cluster.evidence} == set(others), "every honest one holds both signed proposals"
    assert CONFIG.retransmit_interval_ms < CONFIG.view_timeout_ms, "else nobody sees the other half's proposal"
