"""The signature gate: one case for each reason to drop a message unheard, and real signatures once."""

from dataclasses import replace

import pytest

from consensus.authenticate import Authentic, Rejected, RejectionReason, authenticate
from consensus.messages import (
    Message,
    Prepare,
    PrePrepare,
    SignedMessage,
    ViewChange,
    decode_message,
    sign_message,
    with_signature,
)
from ledger.certificate import VoteKind
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet
from tests.sim.keys import stub_verify
from tests.support.replicas import KEYS, Bench
from tests.support.toy_chain import CHAIN_ID

BENCH = Bench()
BLOCK = BENCH.block()
CERTIFICATE = BENCH.certificate(BLOCK)
CHANGES = tuple(BENCH.view_change(index, 1) for index in (0, 1, 2))


def signed(message: Message, index: int = 1) -> SignedMessage:
    return sign_message(KEYS[index], CHAIN_ID, message)


CASES = {
    RejectionReason.NOT_A_VALIDATOR: signed(Prepare(1, 0, bytes(32)), 4),
    RejectionReason.BAD_SIGNATURE: with_signature(Prepare(1, 0, bytes(32)), KEYS[1].public_key, bytes(64)),
    RejectionReason.BAD_CERTIFICATE: BENCH.view_change(1, 1, replace(CERTIFICATE, signatures=(bytes(64),) * 3), BLOCK),
    RejectionReason.CERTIFICATE_OF_ANOTHER_HEIGHT: signed(ViewChange(2, 1, CERTIFICATE, None)),
    RejectionReason.CERTIFICATE_NOT_BEFORE_VIEW: BENCH.view_change(1, 1, replace(CERTIFICATE, view=1)),
    RejectionReason.PROPOSAL_OF_ANOTHER_HEIGHT: signed(PrePrepare(2, 0, BLOCK, ())),
    RejectionReason.VIEW_CHANGE_OF_ANOTHER_VIEW: signed(PrePrepare(1, 2, BLOCK, CHANGES)),
    RejectionReason.VIEW_CHANGE_TWICE: signed(PrePrepare(1, 1, BLOCK, (*CHANGES, CHANGES[0]))),
    RejectionReason.VIEW_CHANGES_WITHOUT_NEED: signed(PrePrepare(1, 0, BLOCK, CHANGES)),
    RejectionReason.NO_QUORUM_OF_VIEW_CHANGES: signed(PrePrepare(1, 1, BLOCK, CHANGES[:2])),
}


@pytest.mark.parametrize("reason", RejectionReason)
def test_each_reason(reason: RejectionReason) -> None:
    message = decode_message(CASES[reason].encoded)
    assert authenticate(message, BENCH.validators, CHAIN_ID, stub_verify) == Rejected(reason)


@pytest.mark.parametrize(
    "message",
    [
        Prepare(1, 0, bytes(32)),
        PrePrepare(1, 0, BLOCK, ()),
        PrePrepare(1, 1, BLOCK, CHANGES),
        ViewChange(1, 1, CERTIFICATE, BLOCK),
    ],
)
def test_a_good_message_is_authentic_with_the_senders_index(message: Message) -> None:
    verdict = authenticate(decode_message(signed(message, 2).encoded), BENCH.validators, CHAIN_ID, stub_verify)
    assert isinstance(verdict, Authentic)
    assert (verdict.sender_index, verdict.message) == (2, message)


def test_a_commit_certificate_is_no_prepare_certificate() -> None:
    change = BENCH.view_change(1, 1, BENCH.certificate(BLOCK, kind=VoteKind.COMMIT), BLOCK)
    assert authenticate(change, BENCH.validators, CHAIN_ID, stub_verify) == Rejected(RejectionReason.BAD_CERTIFICATE)


def test_a_bad_view_change_inside_a_proposal_spoils_it() -> None:
    forged = with_signature(ViewChange(1, 1, None, None), KEYS[2].public_key, bytes(64))
    proposal = signed(PrePrepare(1, 1, BLOCK, (*CHANGES[:2], forged)))
    assert authenticate(proposal, BENCH.validators, CHAIN_ID, stub_verify) == Rejected(RejectionReason.BAD_SIGNATURE)


def test_signatures_are_asked_for_last() -> None:
    asked = []

    def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
        asked.append(public_key)
        return stub_verify(public_key, message, signature)

    for reason in set(CASES) - {RejectionReason.BAD_SIGNATURE, RejectionReason.BAD_CERTIFICATE}:
        authenticate(CASES[reason], BENCH.validators, CHAIN_ID, verify)
    assert asked == []


def test_real_signatures_hold_and_another_chain_refuses_them() -> None:
    keys = sorted((SecretKey(bytes([number]) * 32) for number in (1, 2, 3, 4)), key=lambda key: key.public_key)
    validators = ValidatorSet(Validator(key.public_key, "organisation") for key in keys)
    vote = decode_message(sign_message(keys[3], CHAIN_ID, Prepare(1, 0, bytes(32))).encoded)
    verdict = authenticate(vote, validators, CHAIN_ID)
    assert isinstance(verdict, Authentic)
    assert verdict.sender_index == 3
    assert authenticate(vote, validators, bytes(32)) == Rejected(RejectionReason.BAD_SIGNATURE)
