"""Validators that change: a block sets those of the height after next, and each certificate counts for its own set."""

import pytest

from ledger.certificate import VoteKind
from node.chain import Candidate, Chain
from node.storage.errors import DamagedError
from node.storage.store import Store
from tests.support.validator_chain import ValidatorChain, validator_set

SWAP = ([("a", "watcher")], ["validator shop"])


def hashes(chain: ValidatorChain, height: int) -> tuple[bytes, bytes]:
    header = chain.chain.store.header(height)
    assert header is not None
    return header.validators_hash, header.next_validators_hash


@pytest.mark.known_bug(26)
def test_a_change_counts_two_heights_later() -> None:
    world = ValidatorChain()
    old = validator_set(world.sets[1])
    world.grow(world.nothing())
    world.grow(world.change(*SWAP))
    new = validator_set(world.sets[4])
    assert new != old
    assert world.chain.validators == old
    assert world.chain.next_validators == new
    world.grow(world.nothing())
    assert world.chain.validators == new
    world.grow(world.nothing())
    assert [hashes(world, height) for height in range(5)] == [
        (old.hash, old.hash),
        (old.hash, old.hash),
        (old.hash, old.hash),
        (old.hash, new.hash),
        (new.hash, new.hash),
    ]
    assert [world.chain.validators_at(height) for height in range(8)] == [None, old, old, old, new, new, new, None]


@pytest.mark.known_bug(26)
@pytest.mark.parametrize(("blocks_after", "signing"), [(0, "old"), (1, "new")])
def test_a_block_is_decided_by_the_set_of_its_own_height(blocks_after: int, signing: str) -> None:
    world = ValidatorChain()
    world.grow(world.change(*SWAP))
    for _ in range(blocks_after):
        world.grow(world.nothing())
    old, new = world.sets[1], world.sets[3]
    right, wrong = (old, new) if signing == "old" else (new, old)
    made = world.candidate(world.nothing())
    check = world.chain.check_certified
    assert isinstance(check(made.header, world.certify(made.header, right), made.transactions), Candidate)
    refused = check(made.header, world.certify(made.header, wrong), made.transactions)
    assert refused == "certificate_bad_signature"


@pytest.mark.known_bug(15, 26)
def test_the_quorum_is_that_of_the_set_of_the_height() -> None:
    """Four members need three; after a fifth joined, the same three are not enough."""
    world = ValidatorChain()
    world.grow(world.change([("a", "bank")], []))
    three = ["validator maker", "validator carrier", "validator shop"]
    made = world.candidate(world.nothing())
    four = world.certify(made.header, world.sets[2], three)
    assert isinstance(world.chain.check_certified(made.header, four, made.transactions), Candidate)
    world.grow(world.nothing())
    made = world.candidate(world.nothing())
    five = world.certify(made.header, world.sets[3], three)
    assert world.chain.check_certified(made.header, five, made.transactions) == "certificate_no_quorum"


def test_who_left_proposes_no_more_and_who_joined_does() -> None:
    world = ValidatorChain()
    world.grow(world.change(*SWAP))
    world.grow(world.nothing())
    made = world.candidate(world.nothing())
    for name, outcome in (("validator shop", "proposer"), ("a", None)):
        key = next(member.public_key for member in validator_set({name: ""}))
        proposed = world.chain.propose(key, made.transactions, made.header.time_ms)
        assert proposed is not None
        verdict = world.chain.check(proposed.header, proposed.transactions, None)
        assert (None if isinstance(verdict, Candidate) else verdict) == outcome


def test_the_sets_are_there_after_a_restart_at_any_height() -> None:
    world = ValidatorChain()
    steps = [world.change(*SWAP), None, None]
    for step in steps:
        world.grow(step or world.nothing())
        before = [world.chain.validators_at(height) for height in range(world.height + 4)]
        world.restart()
        assert [world.chain.validators_at(height) for height in range(world.height + 4)] == before
    assert world.chain.validators == validator_set(world.sets[3])


def test_old_certificates_stay_good_for_ever() -> None:
    world = ValidatorChain()
    world.grow(world.nothing())
    for joins, leaves in (SWAP, ([("b", "maker")], ["validator maker"]), ([("c", "bank")], ["validator bank"])):
        world.grow(world.change(joins, leaves))
        world.grow(world.nothing())
    for height in range(1, world.height + 1):
        certificate, validators = world.chain.store.certificate(height), world.chain.validators_at(height)
        assert certificate is not None
        assert validators is not None
        assert certificate.refusal(VoteKind.COMMIT, validators, world.chain.chain_id) is None
    assert len({world.chain.validators_at(height) for height in range(1, world.height + 3)}) == 4


def test_a_store_that_lost_a_set_is_damaged() -> None:
    world = ValidatorChain()
    world.grow(world.change(*SWAP))
    world.grow(world.nothing())
    world.values.write({b"v" + world.chain.tip.next_validators_hash: None})
    with pytest.raises(DamagedError, match="the validators after block 2 are missing"):
        Chain(Store(world.values, world.genesis.chain_id))


def test_heads_that_no_block_changed_are_not_read_again() -> None:
    world = ValidatorChain()
    world.grow(world.nothing())
    parameters, validators = world.chain.parameters, world.chain.next_validators
    world.grow(world.nothing())
    assert world.chain.parameters is parameters
    assert world.chain.next_validators is validators
    assert world.chain.validators is validators
