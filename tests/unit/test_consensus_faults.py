"""Faults of the network's own members, one step at a time, over several sizes of the set (see also the simulator).

What is not here has a file of its own: evidence, learning, repair, forks.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest

from consensus.authenticate import Rejected, RejectionReason, authenticate
from consensus.effects import CheckProposal, CommitBlock, FetchBlocks, ReportKind
from consensus.messages import (
    Commit,
    Prepare,
    PrePrepare,
    SignedMessage,
    Status,
    ViewChange,
    decode_message,
    sign_message,
    without_proposal,
)
from consensus.proposers import ProposerBook
from consensus.view_change import highest_prepared
from ledger.certificate import VIEW_MAX, Certificate, VoteKind
from ledger.errors import ShapeError
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet
from tests.sim.keys import stub_verify
from tests.support.replicas import CONFIG, KEYS, Bench, of_type, reports, sent, validator_set
from tests.support.sizes import each_size
from tests.support.small_cluster import SmallCluster
from tests.support.toy_chain import CHAIN_ID, make_bad_block

FAR = 2**60


def rejection(bench: Bench, signed: SignedMessage) -> RejectionReason | None:
    """Return why a message does not pass the signature gate, or None."""
    verdict = authenticate(decode_message(signed.encoded), bench.validators, CHAIN_ID, stub_verify)
    return verdict.reason if isinstance(verdict, Rejected) else None


def signers(bench: Bench) -> range:
    """Return a quorum without validator 0."""
    return range(1, bench.validators.quorum + 1)


# Counting


@pytest.mark.fault(3)
@each_size
@pytest.mark.parametrize("kind", ["prepare", "commit"])
def test_votes_of_one_sender_count_once_however_often_they_come(kind: str, count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.propose(block)
    bench.accept(block)
    say, wanted = (bench.prepare, Commit) if kind == "prepare" else (bench.commit, CommitBlock)
    own = 1 if kind == "prepare" else 0
    for number, index in enumerate(range(1, count), start=own + 1):
        effects = [effect for _ in range(5) for effect in say(index, block)]
        found = sent(effects, Commit) if wanted is Commit else of_type(effects, CommitBlock)
        assert len(found) == (number == bench.validators.quorum)


@pytest.mark.fault(4)
@each_size
def test_votes_for_other_blocks_and_other_views_are_never_summed(count: int) -> None:
    bench = Bench(count)
    block, other = bench.block(0, "this"), bench.block(0, "other")
    bench.propose(block)
    bench.accept(block)
    *voters, last = range(1, bench.validators.quorum)
    rest = range(last + 1, count)
    effects = [effect for index in voters for effect in bench.prepare(index, block)]
    effects += [effect for index in rest for effect in bench.prepare(index, other)]
    effects += [effect for index in range(1, count) for effect in bench.prepare(index, block, 1)]
    effects += [effect for index in range(1, count) for effect in bench.commit(index, block, index)]
    assert sent(effects, Commit) == []
    assert of_type(effects, CommitBlock) == []
    assert sent(bench.prepare(last, block), Commit) == [Commit(1, 0, block.header.hash)]


# Certificates


def one_vote_for_all(certificate: Certificate) -> Certificate:
    """Repeat one good signature in every place."""
    return replace(certificate, signatures=certificate.signatures[:1] * len(certificate.signatures))


def two_swapped(certificate: Certificate) -> Certificate:
    """Let two good signatures stand in each other's place."""
    first, second, *rest = certificate.signatures
    return replace(certificate, signatures=(second, first, *rest))


def one_too_few(certificate: Certificate) -> Certificate:
    """Leave one vote out."""
    return replace(certificate, signers=certificate.signers[1:], signatures=certificate.signatures[1:])


def of_nobody(certificate: Certificate) -> Certificate:
    """Keep the shape alone."""
    return replace(certificate, signatures=(bytes(64),) * len(certificate.signatures))


def of_another_view(certificate: Certificate) -> Certificate:
    """Say that the votes were given in another view."""
    return replace(certificate, view=certificate.view + 1)


def of_another_block(certificate: Certificate) -> Certificate:
    """Say that the votes were given for another block."""
    return replace(certificate, block_hash=bytes(32))


FORGERIES = (one_vote_for_all, two_swapped, one_too_few, of_nobody, of_another_view, of_another_block)


@pytest.mark.fault(5, 6)
@each_size
@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_certificate_counts_nowhere(forge: Callable[[Certificate], Certificate], count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    good = bench.certificate(block, 1, signers(bench))
    assert rejection(bench, bench.view_change(1, 3, good)) is None
    forged = forge(good)
    assert rejection(bench, bench.view_change(1, 3, forged)) is RejectionReason.BAD_CERTIFICATE
    changes = tuple(bench.view_change(index, 3, forged if index == 2 else None) for index in signers(bench))
    proposal = sign_message(KEYS[bench.proposer(3)], CHAIN_ID, PrePrepare(1, 3, block, changes))
    assert rejection(bench, proposal) is RejectionReason.BAD_CERTIFICATE
    decided = forge(bench.certificate(block, 1, signers(bench), VoteKind.COMMIT))
    assert decided.refusal(VoteKind.COMMIT, bench.validators, CHAIN_ID, stub_verify) is not None


@pytest.mark.fault(16)
@each_size
def test_a_prepared_certificate_of_another_height_is_refused(count: int) -> None:
    bench = Bench(count)
    certificate = replace(bench.certificate(bench.block(), 0, signers(bench)), height=2)
    reason = rejection(bench, bench.view_change(1, 1, certificate))
    assert reason is RejectionReason.CERTIFICATE_OF_ANOTHER_HEIGHT


# View changes


@pytest.mark.fault(7)
@each_size
def test_every_quorum_of_view_changes_shows_a_decided_block_though_f_hide_it(count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    quorum, faults = bench.validators.quorum, bench.validators.faults_tolerated
    certificate = bench.certificate(block, 0, signers(bench))
    committed = range(quorum)
    honest_holders = set(committed[faults:])
    changes = [
        bench.view_change(index, 1, certificate if index in honest_holders else None, None) for index in range(count)
    ]
    for shown in combinations(changes, quorum):
        assert highest_prepared(shown) == certificate


@pytest.mark.fault(7)
@each_size
def test_a_proposer_must_take_up_what_its_view_changes_show(count: int) -> None:
    bench = Bench(count)
    locked, other = bench.block(0, "locked"), bench.block(1, "other")
    certificate = bench.certificate(locked, 0, signers(bench))
    changes = [bench.view_change(index, 1, certificate if index == 2 else None) for index in signers(bench)]
    assert reports(bench.propose(other, 1, changes)) == [ReportKind.UNJUSTIFIED_PROPOSAL]
    assert bench.replica.view == 0, "what cannot stand moves nobody"
    assert [check.proposal for check in of_type(bench.propose(locked, 1, changes), CheckProposal)] == [locked]


@pytest.mark.fault(8)
@each_size
def test_fewer_than_a_quorum_of_view_changes_open_no_view(count: int) -> None:
    bench = Bench(count)
    block = bench.block(1)
    changes = [without_proposal(bench.view_change(index, 1)) for index in signers(bench)]
    proposer = KEYS[bench.proposer(1)]

    def reason(shown: list[SignedMessage]) -> RejectionReason | None:
        return rejection(bench, sign_message(proposer, CHAIN_ID, PrePrepare(1, 1, block, tuple(shown))))

    for kept in range(len(changes)):
        assert reason(changes[:kept]) is RejectionReason.NO_QUORUM_OF_VIEW_CHANGES
    assert reason([*changes[:-1], changes[0]]) is RejectionReason.VIEW_CHANGE_TWICE
    assert reason([*changes[:-1], bench.view_change(0, 2)]) is RejectionReason.VIEW_CHANGE_OF_ANOTHER_VIEW
    assert reason(changes) is None


@pytest.mark.fault(9)
@each_size
def test_f_huge_views_move_nobody_and_with_one_honest_the_honest_view_is_joined(count: int) -> None:
    bench = Bench(count)
    faults = bench.validators.faults_tolerated
    for index in range(1, faults + 1):
        for view in (VIEW_MAX - 1, VIEW_MAX, VIEW_MAX - 2):
            bench.deliver(bench.view_change(index, view))
    assert bench.replica.view == 0
    book = bench.replica._state.view_changes
    assert [held.message.view for held in book._by_sender.values()] == [VIEW_MAX] * faults, "one each, the highest"
    bench.deliver(bench.view_change(faults + 1, 3))
    assert bench.replica.view == 3


@pytest.mark.fault(9)
@each_size
def test_the_last_view_is_reached_without_harm_and_is_the_last(count: int) -> None:
    bench = Bench(count)
    for index in range(1, count):
        bench.deliver(bench.view_change(index, VIEW_MAX))
    assert bench.replica.view == VIEW_MAX
    bench.tick(CONFIG.view_timeout_ms_max + CONFIG.view_timeout_ms)
    assert bench.replica.view == VIEW_MAX
    bench.committed(bench.block())
    assert (bench.replica.height, bench.replica.view) == (2, 0)


@pytest.mark.fault(9)
@pytest.mark.parametrize("view", [VIEW_MAX + 1, FAR])
def test_a_view_beyond_the_last_has_no_shape(view: int) -> None:
    for message in (ViewChange(1, view, None, None), Prepare(1, view, bytes(32)), Status(1, view, bytes(32))):
        with pytest.raises(ShapeError):
            decode_message(sign_message(KEYS[1], CHAIN_ID, message).encoded)


@pytest.mark.fault(10)
@each_size
def test_a_flood_of_the_future_is_bounded_and_asks_for_blocks_twice_a_second(count: int) -> None:
    bench = Bench(count)
    bench.tick(CONFIG.fetch_interval_ms)
    effects = []
    for number in range(300):
        effects += bench.say(1, Prepare(FAR + number, 0, bytes(32)))
        effects += bench.say(1, Prepare(2, number, bytes(32)))
        effects += bench.say(1, Prepare(1, number + 100, bytes(32)))
    assert len(of_type(effects, FetchBlocks)) == 1
    assert bench.replica._future.counts() == [CONFIG.future_messages_max]
    assert {view for _, view in bench.replica._state.votes._by_slot} == set()
    bench.say(2, Prepare(2, 0, bytes(32)))
    assert bench.replica._future.counts() == [CONFIG.future_messages_max, 1], "nobody pushes out another's"


# Time


@pytest.mark.fault(11)
@each_size
@pytest.mark.parametrize("is_timer_first", [False, True])
def test_a_timer_beside_the_deciding_vote_makes_no_second_block(*, is_timer_first: bool, count: int) -> None:
    bench = Bench(count)
    block, other = bench.block(), bench.block(1, "other")
    assert len(sent(bench.lock(block), Commit)) == 1
    *early, last = range(1, bench.validators.quorum)
    for index in early:
        bench.commit(index, block)
    effects = bench.tick(CONFIG.view_timeout_ms) if is_timer_first else []
    if is_timer_first:
        (change,) = sent(effects, ViewChange)[:1]
        assert (change.view, change.proposal) == (1, block), "the lock survives the view"
        empty = [bench.view_change(index, 1) for index in signers(bench)]
        bench.propose(other, 1, empty)
        assert bench.replica._state.lock is not None
        assert bench.replica._state.lock.proposal == block, "a proposal alone takes no lock away"
    effects += bench.commit(last, block)
    effects += bench.tick(CONFIG.view_timeout_ms)
    assert [commit.proposal for commit in of_type(effects, CommitBlock)] == [block]


@pytest.mark.fault(12)
@each_size
def test_f_mute_proposers_cost_their_turn_and_nothing_else(count: int) -> None:
    order = ProposerBook(1, validator_set(count)).order()
    faults = validator_set(count).faults_tolerated
    cluster = SmallCluster(count, down=order[:faults])
    cluster.run_to(2 * count, within_ms=90_000)
    assert cluster.is_agreed()
    assert cluster.views()[0] == faults, "one view for each that is mute"
    assert max(cluster.views()[1:]) <= 1


@pytest.mark.fault(12)
def test_a_view_never_lasts_longer_than_the_cap() -> None:
    lengths = [CONFIG.timeout_ms(view) for view in (*range(12), 10_000, VIEW_MAX)]
    assert lengths == sorted(lengths)
    assert lengths[:4] == [2_000, 3_000, 4_500, 6_750]
    assert lengths[-1] == CONFIG.view_timeout_ms_max == 30_000


# Proposals


@pytest.mark.fault(13)
@each_size
@pytest.mark.parametrize("rule", ["parent", "state_root", "time_off_clock", "transaction.replayed"])
def test_a_bad_block_gets_no_vote_and_costs_its_proposer_the_view(rule: str, count: int) -> None:
    bench = Bench(count)
    block = bench.block()
    bench.propose(block)
    effects = bench.accept(block, refusal=rule)
    assert reports(effects) == [ReportKind.PROPOSAL_REFUSED]
    assert sent(effects, Prepare | Commit) == []
    assert sent(effects, ViewChange) == [ViewChange(1, 1, None, None)]


@pytest.mark.fault(13)
@each_size
def test_a_bad_block_is_decided_by_nobody_and_the_next_proposer_goes_on(count: int) -> None:
    cluster = SmallCluster(count, down=[1])
    bad = make_bad_block(cluster.tip(0), KEYS[1].public_key, cluster.validators)
    cluster.run(500)
    cluster.say(1, range(count), PrePrepare(1, 0, bad, ()))
    cluster.run_to(2, within_ms=CONFIG.view_timeout_ms)
    assert cluster.is_agreed()
    assert cluster.views()[0] == 1, "nobody waited for the timer"
    assert all(blocks[0][0].hash != bad.header.hash for blocks in cluster.blocks.values() if blocks)
    assert cluster.count(ReportKind.PROPOSAL_REFUSED) == count - 1


@pytest.mark.fault(14)
@each_size
def test_work_that_a_proposer_leaves_undone_ends_its_view(count: int) -> None:
    bench = Bench(count)
    bench.work()
    changes = sent(bench.tick(CONFIG.view_timeout_ms), ViewChange)
    assert changes[0] == ViewChange(1, 1, None, None)


@pytest.mark.fault(14)
@each_size
def test_whoever_leaves_one_transaction_out_has_to_give_the_turn_to_others(count: int) -> None:
    """A censor makes blocks of other work, so no timer ends its view; but the turn goes round with the height."""
    validators = validator_set(count)
    first = [ProposerBook(height, validators).proposer_index(0) for height in range(1, 3 * count + 1)]
    faults = validators.faults_tolerated
    for censors in combinations(range(count), faults):
        honest = [index not in censors for index in first]
        assert all(any(honest[at : at + faults + 1]) for at in range(len(honest) - faults))


@pytest.mark.fault(15)
@each_size
def test_a_false_height_costs_one_request_and_another_peer_is_asked_next(count: int) -> None:
    bench = Bench(count)
    bench.tick(CONFIG.fetch_interval_ms)
    effects = bench.say(1, Status(FAR, 0, bytes(32)))
    assert of_type(effects, FetchBlocks) == [FetchBlocks(1, FAR - 1, KEYS[1].public_key)]
    assert of_type(bench.say(1, Status(2, 0, bytes(32))), FetchBlocks) == []
    assert of_type(bench.say(2, Status(3, 0, bytes(32))), FetchBlocks) == [], "at most twice a second"
    bench.tick(CONFIG.fetch_interval_ms)
    assert of_type(bench.say(2, Status(3, 0, bytes(32))), FetchBlocks) == [FetchBlocks(1, 2, KEYS[2].public_key)]
    block = bench.block()
    bench.propose(block)
    assert len(sent(bench.accept(block), Prepare)) == 1, "it goes on voting meanwhile"


# Quorums


@pytest.mark.fault(19)
@pytest.mark.parametrize("count", range(1, 14))
def test_two_quorums_share_an_honest_validator_and_the_honest_alone_are_one(count: int) -> None:
    keys = [SecretKey(tagged_hash("test key", bytes([number]))).public_key for number in range(count)]
    validators = ValidatorSet(Validator(key, f"organisation {number}") for number, key in enumerate(keys))
    quorum, faults = validators.quorum, validators.faults_tolerated
    assert 2 * quorum - count >= faults + 1
    assert count - faults >= quorum
    assert 2 * (quorum - 1) - count < faults + 1, "no larger than it has to be"
    assert 3 * faults < count <= 3 * faults + 3


# Network


@pytest.mark.fault(36)
@each_size
@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_loses_doubles_and_disorders_messages_is_safe_and_goes_on_when_it_is_well(
    count: int, seed: int
) -> None:
    cluster = SmallCluster(count, seed=seed)
    cluster.loss, cluster.doubling, cluster.delay_ms_max = 0.4, 0.5, 600
    cluster.run(30_000)
    assert cluster.is_agreed()
    cluster.loss, cluster.doubling, cluster.delay_ms_max = 0.0, 0.0, 10
    stored = max(len(blocks) for blocks in cluster.blocks.values())
    cluster.run_to(stored + 5, within_ms=90_000)
    assert cluster.is_agreed()
    assert cluster.evidence == [], "doubled messages are no double votes"
