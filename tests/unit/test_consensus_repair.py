"""What a STATUS says of its sender, what is sent in answer to it, and what another tip means."""

from itertools import product

import pytest

from consensus.effects import CompareTip, ReportKind, Send
from consensus.events import BlockProposed
from consensus.messages import Commit, Message, Prepare, PrePrepare, Status, ViewChange
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent
from tests.support.sizes import each_size


def answered(bench: Bench, sender: int, status: Status) -> list[Message]:
    """Return what is sent to the sender of a status; nobody else is sent anything."""
    effects = bench.say(sender, status)
    assert {effect.to for effect in of_type(effects, Send)} <= {KEYS[sender].public_key}
    return sent(effects, object)


def test_a_status_shows_what_was_seen_of_the_view() -> None:
    bench = Bench()
    block = bench.block()
    assert sent(bench.tick(CONFIG.status_interval_ms), Status)[-1] == Status(1, 0, bench.tip.hash)
    bench.lock(block)
    bench.commit(2, block)
    shown = sent(bench.tick(CONFIG.status_interval_ms), Status)[-1]
    assert shown == Status(1, 0, bench.tip.hash, True, (), (0, 1, 2, 3), (0, 2))
    bench.tick(CONFIG.view_timeout_ms)
    bench.deliver(bench.view_change(3, 1))
    bench.deliver(bench.view_change(1, 2))
    shown = sent(bench.tick(CONFIG.status_interval_ms), Status)[-1]
    assert shown == Status(1, 1, bench.tip.hash, False, (0, 3), (), ()), "of this very view and no other"


@pytest.mark.parametrize(("has_proposal", "has_prepare", "has_commit"), list(product([False, True], repeat=3)))
def test_exactly_what_is_lacking_is_sent(*, has_proposal: bool, has_prepare: bool, has_commit: bool) -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    status = Status(
        1, 0, bench.tip.hash, has_proposal, (), (0, 2) if has_prepare else (2, 3), (0,) if has_commit else ()
    )
    got = [type(message) for message in answered(bench, 3, status)]
    wanted = {Prepare: has_prepare, Commit: has_commit, PrePrepare: has_proposal}
    assert got == [kind for kind, is_there in wanted.items() if not is_there]


def test_a_proposer_sends_its_proposal_once() -> None:
    bench = Bench(index=1)
    bench.work()
    block = bench.block()
    bench.feed(BlockProposed(1, 0, block))
    got = [type(message) for message in answered(bench, 3, Status(1, 0, bench.tip.hash))]
    assert got == [Prepare, PrePrepare]


def test_nothing_is_sent_where_nothing_was_signed() -> None:
    assert answered(Bench(), 3, Status(1, 0, Bench().tip.hash)) == []


def test_a_lower_view_is_shown_what_moved_us_whatever_it_has_of_its_own() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    bench.tick(CONFIG.view_timeout_ms)
    (change,) = answered(bench, 3, Status(1, 0, bench.tip.hash, True, (0,), (0,), (0,)))
    assert isinstance(change, ViewChange)
    assert (change.view, change.proposal) == (1, block)
    shown = bench.block(1, "of view 1")
    unlocked = Bench()
    unlocked.propose(shown, 1, [unlocked.view_change(index, 1) for index in (1, 2, 3)])
    unlocked.accept(shown, 1)
    got = answered(unlocked, 3, Status(1, 0, unlocked.tip.hash, True, (0,), (0,), (0,)))
    assert [type(message) for message in got] == [Prepare, PrePrepare]
    assert {message.view for message in got} == {1}


def test_a_higher_view_and_another_height_lack_nothing_of_ours() -> None:
    bench = Bench()
    first = bench.block()
    bench.committed(first)
    bench.lock(bench.block())
    assert answered(bench, 3, Status(2, 1, bench.tip.hash)) == []
    assert answered(bench, 3, Status(1, 0, bytes(32))) == []
    assert answered(bench, 3, Status(3, 0, bytes(32))) == []


def test_a_block_that_is_decided_and_not_yet_stored_is_still_answered_for() -> None:
    bench = Bench()
    block = bench.block()
    bench.lock(block)
    for index in (1, 2):
        bench.commit(index, block)
    assert Commit(1, 0, block.header.hash) in answered(bench, 3, Status(1, 0, bench.tip.hash))


@pytest.mark.fault(17)
@each_size
def test_another_tip_at_our_height_is_compared(count: int) -> None:
    bench = Bench(count)
    bench.committed(bench.block())
    effects = bench.say(2, Status(2, 0, bytes(32)))
    assert reports(effects) == [ReportKind.FORK_SUSPECTED]
    assert of_type(effects, CompareTip) == [CompareTip(1, KEYS[2].public_key)]
    for status in (Status(2, 0, bench.tip.hash), Status(1, 0, bytes(32)), Status(3, 0, bytes(32))):
        assert of_type(bench.say(2, status), CompareTip) == []


def test_block_0_is_not_compared() -> None:
    """It hashes to the chain id, and a message of another chain has no good signature."""
    assert Bench().say(2, Status(1, 0, bytes(32))) == []


@pytest.mark.fault(18)
@each_size
def test_what_a_silent_network_lost_is_said_again_by_itself(count: int) -> None:
    """Nobody says anything new, and nobody asks: own messages of the view come again all the same."""
    bench = Bench(count)
    block = bench.block()
    bench.lock(block)
    again = sent(bench.tick(CONFIG.retransmit_interval_ms), Prepare | Commit | PrePrepare)
    assert again == [Prepare(1, 0, block.header.hash), Commit(1, 0, block.header.hash), PrePrepare(1, 0, block, ())]
