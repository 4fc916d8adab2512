"""Learning first: when a replica that starts votes again, and that what it held back is taken up then."""

import pytest

from consensus.effects import Broadcast, CommitBlock, Effect, Persist, ProposeBlock, ReportKind, SafetyRecord
from consensus.events import BlockCommitted
from consensus.learning import Learning
from consensus.messages import Commit, Message, Prepare, Status, ViewChange, sign_message
from ledger.block import Header
from ledger.validators import ValidatorSet
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set
from tests.support.toy_chain import CHAIN_ID, genesis, make_block

COUNTS = (1, 2, 4, 5, 6, 7, 10)
FAR = 2**60


def tip_at(height: int, count: int = 4) -> Header:
    """Return the header of a height on a chain of toys."""
    tip = genesis()
    for _ in range(height):
        tip = make_block(tip, KEYS[0].public_key, validator_set(count)).header
    return tip


def new_bench(
    count: int = 4, index: int = 0, height: int = 1, *, is_store_new: bool = False, has_signed: bool | None = None
) -> Bench:
    """Return a replica that starts at a height and has heard of nobody."""
    tip = tip_at(height - 1, count)
    return Bench(count, index, tip=tip, is_taught=False, is_store_new=is_store_new, has_signed=has_signed)


def tell(bench: Bench, *heights: int, shown: tuple[int, ...] = ()) -> list[ReportKind]:
    """Let others say at which heights they are, one validator after another; return what is reported."""
    effects = []
    others = [index for index in range(len(bench.validators)) if index != bench.index]
    for other, height in zip(others, heights, strict=False):
        effects += bench.say(other, Status(height, 0, bench.tip.hash, prepares=shown))
    return reports(effects + listened(bench))


def listened(bench: Bench) -> list[Effect]:
    """Let the time go by for which a replica on a new disk listens at least."""
    return bench.tick(CONFIG.listening_ms) if bench.is_store_new else []


def votes(bench: Bench) -> bool:
    """Say whether the replica votes for a good block of its height, or proposes one where it is its turn."""
    if bench.proposer() == bench.index:
        return of_type(bench.work(), ProposeBlock) != []
    block = bench.block()
    bench.propose(block)
    return sent(bench.accept(block), Prepare) == [Prepare(block.header.height, 0, block.header.hash)]


def follow_to(bench: Bench, height: int) -> None:
    """Bring the replica to a height by blocks that the others decided."""
    while bench.replica.height < height:
        bench.committed(bench.block())


@pytest.mark.fault(33)
@pytest.mark.parametrize("count", COUNTS)
def test_a_vote_needs_a_quorum_heard_and_oneself_counts(count: int) -> None:
    bench = new_bench(count)
    quorum = bench.validators.quorum
    if count == 1:
        assert of_type(bench.work(), ProposeBlock) == [ProposeBlock(1, 0, bench.tip.hash)], "alone it votes at once"
        return
    block = bench.block()
    bench.propose(block)
    assert bench.accept(block) == []
    for other in range(1, count):
        effects = bench.say(other, Status(1, 0, bench.tip.hash, has_proposal=True))
        is_enough = other + 1 == quorum
        assert sent(of_type(effects, Broadcast), Prepare) == ([Prepare(1, 0, block.header.hash)] if is_enough else [])
        assert (ReportKind.LEARNED in reports(effects)) is is_enough


def test_one_voice_counts_once_and_an_outsider_not_at_all() -> None:
    validators = validator_set(7)
    learning = Learning(is_store_new=False, has_signed=False, listen_until_ms=0)
    for _ in range(9):
        learning.hear(KEYS[1].public_key, Status(1, 0, bytes(32)), shows_own_vote=False)
    for outsider in (7, 8, 9):
        learning.hear(KEYS[outsider].public_key, Status(1, 0, bytes(32)), shows_own_vote=False)
    assert not learning.look(1, validators, 0)
    for other in (2, 3):
        learning.hear(KEYS[other].public_key, Status(1, 0, bytes(32)), shows_own_vote=False)
        assert not learning.look(1, validators, 0)
    learning.hear(KEYS[4].public_key, Status(1, 0, bytes(32)), shows_own_vote=False)
    assert learning.look(1, validators, 0)
    assert not learning.look(1, validators, 0), "it is news once"
    assert learning.may_vote(1)


@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
def test_f_liars_about_the_height_silence_nobody(count: int) -> None:
    """They claim a height that is never reached; f of them alone move nothing, whoever else was heard."""
    bench = new_bench(count, height=3)
    faults, quorum = bench.validators.faults_tolerated, bench.validators.quorum
    assert tell(bench, *[FAR] * faults, *[3] * (quorum - 1 - faults))[-1] is ReportKind.LEARNED
    assert votes(bench)


def test_with_the_votes_on_disk_it_goes_on_from_the_height_of_the_others() -> None:
    bench = new_bench(height=2)
    tell(bench, 5, 5)
    for height in (2, 3, 4):
        follow_to(bench, height)
        assert not votes(bench), f"height {height} was decided by others: nothing is to be voted there"
    follow_to(bench, 5)
    assert votes(bench)


@pytest.mark.fault(22, 33)
@pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
def test_on_a_new_disk_it_votes_two_heights_later(count: int) -> None:
    bench = new_bench(count, height=5, is_store_new=True)
    tell(bench, *[5] * (bench.validators.quorum - 1))
    for height in (5, 6):
        follow_to(bench, height)
        assert not votes(bench), f"it may have voted at height {height}"
    assert bench.disk.records_above(0) == []
    follow_to(bench, 7)
    assert votes(bench)


def test_the_own_height_counts_where_it_is_the_greatest() -> None:
    bench = new_bench(height=6, is_store_new=True)
    tell(bench, 4, 4)
    follow_to(bench, 7)
    assert not votes(bench)
    follow_to(bench, 8)
    assert votes(bench)


def test_a_chain_begins_with_new_disks() -> None:
    bench = new_bench(is_store_new=True)
    tell(bench, 1, 1)
    assert votes(bench)


@pytest.mark.parametrize("kind", ["view_changes", "prepares", "commits"])
def test_votes_of_ours_that_f_and_one_show_are_a_trace(kind: str) -> None:
    bench = new_bench(is_store_new=True)
    for other in (1, 2):
        shown = {"view_changes": (), "prepares": (), "commits": (), kind: (0,)}
        bench.say(other, Status(1, 0, bench.tip.hash, False, *shown.values()))
    listened(bench)
    for height in (1, 2):
        follow_to(bench, height)
        assert not votes(bench)
    follow_to(bench, 3)
    assert votes(bench)


@pytest.mark.parametrize(
    ("keys_then", "shown", "votes_from"),
    [
        pytest.param((0, 1, 2, 3, 5), 4, 4, id="another's-then"),
        pytest.param((0, 1, 4, 5, 6), 4, 4, id="another's-while-ours-was-another"),
        pytest.param((0, 1, 4, 5, 6), 2, 6, id="ours-then"),
    ],
)
def test_the_places_in_a_status_are_those_of_its_own_height(
    keys_then: tuple[int, ...], shown: int, votes_from: int
) -> None:
    """Who joins must not take another's old votes for its own: it would wait for heights that never come."""
    bench = new_bench(5, 4, height=4, is_store_new=True, has_signed=False)
    bench.earlier[3] = ValidatorSet(validator for key in keys_then for validator in validator_set(1, key))
    for other in (0, 1):
        bench.say(other, Status(3, 0, bench.tip.hash, prepares=(shown,)))
    tell(bench, 4, 4, 4, 4)
    for height in range(4, votes_from):
        follow_to(bench, height)
        assert not votes(bench)
    follow_to(bench, votes_from)
    assert votes(bench)


def test_a_proposal_of_ours_that_f_and_one_hold_is_a_trace() -> None:
    bench = new_bench(index=1, is_store_new=True)
    for other in (2, 3):
        bench.say(other, Status(1, 0, bench.tip.hash, has_proposal=True))
    listened(bench)
    assert not votes(bench)
    follow_to(bench, 3)
    assert votes(bench)


def test_what_f_alone_show_does_not_keep_a_chain_from_beginning() -> None:
    bench = new_bench(is_store_new=True)
    bench.say(1, Status(1, 0, bench.tip.hash, False, (0,), (0,), (0,)))
    bench.say(2, Status(1, 0, bench.tip.hash))
    assert not votes(bench), "what comes first may be old"
    assert len(sent(listened(bench), Prepare)) == 1


def test_a_message_of_ours_that_comes_back_is_a_trace_and_no_second_holder() -> None:
    bench = new_bench(is_store_new=True)
    block = bench.block()
    echo = sign_message(KEYS[0], CHAIN_ID, Prepare(1, 0, block.header.hash))
    assert reports(bench.deliver(echo)) == [ReportKind.OWN_MESSAGE]
    tell(bench, 1, 1)
    for height in (1, 2):
        follow_to(bench, height)
        assert not votes(bench)
    follow_to(bench, 3)
    assert votes(bench)


def test_a_newcomer_without_a_trace_begins_where_the_others_are() -> None:
    bench = new_bench(height=3, is_store_new=True, has_signed=False)
    tell(bench, 5, 5)
    for height in (3, 4):
        follow_to(bench, height)
        assert not votes(bench), "it may have voted here, and has not seen all certificates yet"
    follow_to(bench, 5)
    assert votes(bench)


def test_a_trace_that_is_found_on_the_way_counts() -> None:
    bench = new_bench(height=3, is_store_new=True, has_signed=False)
    tell(bench, 5, 5)
    block = bench.block()
    bench.tip = block.header
    bench.feed(BlockCommitted(block.header, bench.validators, is_signed_by_us=True))
    for height in (4, 5, 6):
        follow_to(bench, height)
        assert not votes(bench)
    follow_to(bench, 7)
    assert votes(bench)


def test_after_a_lost_disk_the_greatest_height_counts_whoever_says_it() -> None:
    """The only one who was as far as we were may be the one who seems to lie."""
    bench = new_bench(7, height=3, is_store_new=True)
    tell(bench, 9, 3, 3, 3)
    follow_to(bench, 10)
    assert not votes(bench)
    follow_to(bench, 11)
    assert votes(bench)


def test_votes_of_others_that_somebody_shows_change_nothing() -> None:
    bench = new_bench(is_store_new=True)
    tell(bench, 1, 1, shown=(1, 2, 3))
    assert votes(bench)


def test_an_intact_store_with_own_votes_goes_on_at_once_with_the_same_votes() -> None:
    block = Bench().block()
    vote = sign_message(KEYS[0], CHAIN_ID, Prepare(1, 0, block.header.hash))
    bench = Bench(records=[SafetyRecord(1, 0, "prepare", vote.encoded)], is_taught=False)
    assert sent(bench.tick(CONFIG.retransmit_interval_ms), Prepare) == [Prepare(1, 0, block.header.hash)]
    tell(bench, 1, 1)
    other = bench.block(0, "other")
    bench.propose(other)
    assert reports(bench.accept(other)) == [ReportKind.DOUBLE_SIGN_REFUSED]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_nothing_is_signed_before(index: int) -> None:
    """Work, time, a proposal with votes, view changes of all others: none of it makes it sign anything but a STATUS."""
    bench = new_bench(index=index)
    block = bench.block()
    effects = bench.work()
    if index != 1:
        effects += bench.propose(block) + bench.accept(block)
    others = [other for other in range(4) if other != index]
    for other in others:
        effects += bench.prepare(other, block)
    for view in (1, 2):
        for other in others:
            effects += bench.deliver(bench.view_change(other, view))
    effects += bench.tick(60_000)
    assert of_type(effects, Persist) == []
    assert of_type(effects, ProposeBlock) == []
    assert {type(message) for message in sent(effects, object)} == {Status}
    for other in others:
        bench.commit(other, block)
    if index != 1:
        assert bench.replica.height == 1
        assert bench.replica._state.is_decided, "it follows all the same"


def test_it_follows_what_a_quorum_decides_before_it_votes() -> None:
    bench = new_bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    effects = [effect for other in (1, 2, 3) for effect in bench.commit(other, block)]
    assert len(of_type(effects, CommitBlock)) == 1


# What was held back is taken up


def learn(bench: Bench, *, has_proposal: bool = False) -> tuple[list[Message], list[ProposeBlock]]:
    """Let it hear the last voice; return what it signs then and what it asks for."""
    others = [index for index in range(4) if index != bench.index]
    effects = [
        effect for other in others[:2] for effect in bench.say(other, Status(1, 0, bench.tip.hash, has_proposal))
    ]
    return sent(of_type(effects, Broadcast), Prepare | Commit | ViewChange), of_type(effects, ProposeBlock)


def test_the_vote_for_an_accepted_proposal_is_made_up_for() -> None:
    bench = new_bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    assert learn(bench, has_proposal=True)[0] == [Prepare(1, 0, block.header.hash)]


def test_votes_of_others_that_came_before_count_then() -> None:
    bench = new_bench()
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    bench.prepare(1, block)
    bench.prepare(2, block)
    assert learn(bench, has_proposal=True)[0] == [Prepare(1, 0, block.header.hash), Commit(1, 0, block.header.hash)]


def test_a_proposal_that_is_still_checked_is_voted_for_after_its_check() -> None:
    bench = new_bench()
    block = bench.block()
    bench.propose(block)
    assert learn(bench, has_proposal=True)[0] == []
    assert sent(bench.accept(block), Prepare) == [Prepare(1, 0, block.header.hash)]


def test_the_proposer_proposes_then() -> None:
    bench = new_bench(index=1)
    assert of_type(bench.work(), ProposeBlock) == []
    assert learn(bench)[1] == [ProposeBlock(1, 0, bench.tip.hash)]


def test_the_timer_runs_from_then() -> None:
    bench = new_bench()
    bench.work()
    assert sent(bench.tick(10 * CONFIG.view_timeout_ms), ViewChange) == []
    learn(bench)
    assert sent(bench.tick(CONFIG.view_timeout_ms - 100), ViewChange) == []
    assert [change.view for change in sent(bench.tick(100), ViewChange)] == [1]


def test_without_work_learning_is_silent() -> None:
    bench = new_bench()
    assert learn(bench) == ([], [])
    assert sent(bench.tick(60_000), ViewChange) == []
