"""Evidence of a double vote: what proves one, what does not, and its one form."""

from dataclasses import replace

import pytest

from ledger.certificate import VoteKind, vote_preimage
from ledger.codec import Value, encode
from ledger.errors import LedgerError
from ledger.evidence import Equivocation, decode_equivocation, equivocation, equivocation_from_value
from ledger.keys import SecretKey, signed_preimage
from ledger.validators import Validator, ValidatorSet

CHAIN_ID = b"c" * 32
KEY = SecretKey(b"\x01" * 32)
OTHER = SecretKey(b"\x02" * 32)
VALIDATORS = ValidatorSet([Validator(KEY.public_key, "maker"), Validator(OTHER.public_key, "carrier")])
LOW, HIGH = b"\x01" * 32, b"\x02" * 32


def vote(kind: str, block_hash: bytes, view: int = 0, key: SecretKey = KEY) -> tuple[bytes, bytes]:
    return block_hash, key.sign(signed_preimage(kind, CHAIN_ID, encode([7, view, block_hash])))


def evidence(kind: str = "prepare") -> Equivocation:
    return equivocation(kind, 7, 0, KEY.public_key, vote(kind, HIGH), vote(kind, LOW))


@pytest.mark.parametrize("kind", ["pre-prepare", "prepare", "commit"])
def test_two_votes_in_one_slot_prove_a_double_vote(kind: str) -> None:
    proof = evidence(kind)
    assert proof.refusal(CHAIN_ID, VALIDATORS) is None
    assert (proof.first[0], proof.second[0]) == (LOW, HIGH)
    assert proof == equivocation(kind, 7, 0, KEY.public_key, vote(kind, LOW), vote(kind, HIGH))
    assert decode_equivocation(proof.encode()) == proof


@pytest.mark.parametrize("kind", VoteKind)
def test_the_votes_of_certificates_are_such_votes(kind: VoteKind) -> None:
    assert vote_preimage(kind, CHAIN_ID, 7, 0, LOW) == signed_preimage(kind.value, CHAIN_ID, encode([7, 0, LOW]))


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (replace(evidence(), kind="status"), "unknown_kind"),
        (replace(evidence(), second=evidence().first), "same_block"),
        (replace(evidence(), first=evidence().second, second=evidence().first), "wrong_order"),
        (replace(evidence(), validator=SecretKey(b"\x03" * 32).public_key), "not_a_validator"),
        (replace(evidence(), validator=OTHER.public_key), "bad_signature"),
        (replace(evidence(), height=8), "bad_signature"),
        (replace(evidence(), view=1), "bad_signature"),
        (replace(evidence(), kind="commit"), "bad_signature"),
        (replace(evidence(), first=vote("prepare", LOW, view=1)), "bad_signature"),
        (replace(evidence(), second=vote("prepare", HIGH, key=OTHER)), "bad_signature"),
    ],
)
def test_what_proves_nothing_has_its_reason(proof: Equivocation, reason: str) -> None:
    assert proof.refusal(CHAIN_ID, VALIDATORS) == reason


def test_a_vote_on_another_chain_proves_nothing_here() -> None:
    assert evidence().refusal(b"d" * 32, VALIDATORS) == "bad_signature"


def with_field(index: int, value: Value) -> Value:
    fields = evidence().to_value()
    assert isinstance(fields, list)
    return [*fields[:index], value, *fields[index + 1 :]]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "field_count"),
        ([1, 2, 3], "field_count"),
        (with_field(0, 1), "field_type"),
        (with_field(0, "status"), "evidence_kind"),
        (with_field(1, 0), "field_type"),
        (with_field(2, -1), "field_type"),
        (with_field(3, b"short"), "field_type"),
        (with_field(4, [LOW]), "field_count"),
        (with_field(5, [LOW, b""]), "field_type"),
    ],
)
def test_another_shape_is_refused(value: Value, code: str) -> None:
    with pytest.raises(LedgerError) as caught:
        equivocation_from_value(value)
    assert caught.value.code == code


def test_bytes_beyond_the_size_of_evidence_are_refused() -> None:
    with pytest.raises(LedgerError):
        decode_equivocation(encode([bytes(600)]))
