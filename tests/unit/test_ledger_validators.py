"""Validator sets: the arithmetic of quorums by brute force, and what is no set."""

from itertools import combinations

import pytest

from ledger.codec import encode
from ledger.errors import ShapeError
from ledger.keys import SecretKey, signed_preimage
from ledger.validators import Validator, ValidatorSet, possession_preimage

KEYS = [SecretKey(bytes([number]) * 32).public_key for number in range(101)]


def set_of(count: int) -> ValidatorSet:
    return ValidatorSet(Validator(key, "organisation") for key in KEYS[:count])


@pytest.mark.parametrize(
    ("count", "faults", "quorum"),
    [
        (1, 0, 1), (2, 0, 2), (3, 0, 2), (4, 1, 3), (5, 1, 4), (6, 1, 4), (7, 2, 5), (8, 2, 6), (9, 2, 6), (10, 3, 7),
        (11, 3, 8), (12, 3, 8), (13, 4, 9),
    ],
)  # fmt: skip
def test_faults_and_quorum(count: int, faults: int, quorum: int) -> None:
    validators = set_of(count)
    assert (len(validators), validators.faults_tolerated, validators.quorum) == (count, faults, quorum)


@pytest.mark.parametrize("count", range(1, 14))
def test_the_quorum_is_the_smallest_that_is_safe_and_can_still_be_reached(count: int) -> None:
    validators = set_of(count)
    faults, quorum = validators.faults_tolerated, validators.quorum
    assert quorum <= count - faults, "the honest ones alone can reach it"
    # One quorum may be fixed: which validators are in it makes no difference.
    first = set(range(quorum))
    assert min(len(first & set(second)) for second in combinations(range(count), quorum)) > faults
    smaller = set(range(quorum - 1))
    assert min(len(smaller & set(second)) for second in combinations(range(count), quorum - 1)) <= faults


def test_a_change_moves_at_most_the_faults_tolerated_and_always_one() -> None:
    assert [set_of(count).change_members_max for count in (1, 2, 3, 4, 6, 7, 9, 10, 13)] == [1, 1, 1, 1, 1, 2, 2, 3, 4]


def test_a_proof_of_possession_is_for_one_chain_key_and_organisation() -> None:
    preimage = possession_preimage(b"c" * 32, KEYS[0], "maker")
    assert preimage == signed_preimage("validator-possession", b"c" * 32, encode([KEYS[0], "maker"]))
    others = {
        possession_preimage(b"d" * 32, KEYS[0], "maker"),
        possession_preimage(b"c" * 32, KEYS[1], "maker"),
        possession_preimage(b"c" * 32, KEYS[0], "carrier"),
    }
    assert len({preimage, *others}) == 4


def test_one_more_fault_than_tolerated_is_too_many() -> None:
    for count in range(1, 14):
        assert 3 * set_of(count).faults_tolerated + 1 <= count < 3 * (set_of(count).faults_tolerated + 1) + 1


def test_the_order_is_that_of_the_keys_whatever_was_given() -> None:
    members = [Validator(key, f"organisation {number}") for number, key in enumerate(KEYS[:5])]
    validators = ValidatorSet(members)
    assert [member.public_key for member in validators] == sorted(KEYS[:5])
    assert ValidatorSet(reversed(members)) == validators
    assert ValidatorSet(reversed(members)).hash == validators.hash
    assert len({validators, ValidatorSet(reversed(members))}) == 1
    assert [validators.index_of(member.public_key) for member in validators] == [0, 1, 2, 3, 4]
    assert validators.index_of(KEYS[5]) is None
    assert ValidatorSet.from_value(validators.to_value()) == validators


def test_the_hash_depends_on_keys_and_organisations() -> None:
    one = ValidatorSet([Validator(KEYS[0], "a"), Validator(KEYS[1], "b")])
    assert one.hash != ValidatorSet([Validator(KEYS[0], "b"), Validator(KEYS[1], "a")]).hash
    assert one.hash != ValidatorSet([Validator(KEYS[0], "a"), Validator(KEYS[2], "b")]).hash
    assert one.hash != ValidatorSet([Validator(KEYS[0], "a")]).hash
    assert one != "another type"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([], "validator_count"),
        ([Validator(key, "a") for key in KEYS], "validator_count"),
        ([Validator(KEYS[0], "a"), Validator(KEYS[0], "b")], "validator_twice"),
        ([Validator(bytes(32), "a")], "validator_key"),
        ([Validator(b"\x01" + bytes(31), "a")], "validator_key"),
        ([Validator(b"\xff" * 32, "a")], "validator_key"),
        ([Validator(KEYS[0][:31], "a")], "validator_key"),
    ],
)
def test_what_is_no_set_is_refused_by_name(members: list[Validator], code: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        ValidatorSet(members)
    assert refusal.value.code == code
