"""The encoding of messages: every one comes back, nothing but a LedgerError comes of junk, nesting ends at once."""

from collections.abc import Callable

import pytest

from consensus.messages import (
    Commit,
    Message,
    Prepare,
    PrePrepare,
    Status,
    ViewChange,
    decode_message,
    decode_proposal,
    encode_proposal,
    preimage,
    sign_message,
    tag_of,
    without_proposal,
)
from ledger.certificate import VIEW_MAX, VoteKind, vote_preimage
from ledger.codec import Value, decode, encode
from ledger.errors import LedgerError, ShapeError
from ledger.shape import as_array, as_list
from tests.support.replicas import KEYS, Bench
from tests.support.toy_chain import CHAIN_ID

BENCH = Bench()
BLOCK = BENCH.block()
CERTIFICATE = BENCH.certificate(BLOCK)
MESSAGES: list[Message] = [
    PrePrepare(1, 0, BLOCK, ()),
    PrePrepare(
        1, 1, BLOCK, tuple(without_proposal(BENCH.view_change(index, 1, CERTIFICATE, BLOCK)) for index in (0, 1, 2))
    ),
    Prepare(1, 0, BLOCK.header.hash),
    Commit((1 << 63) - 1, VIEW_MAX, BLOCK.header.hash),
    ViewChange(1, 1, None, None),
    ViewChange(1, 1, CERTIFICATE, None),
    ViewChange(1, 1, CERTIFICATE, BLOCK),
    Status(1, 0, BLOCK.header.hash),
]


@pytest.mark.parametrize("message", MESSAGES, ids=tag_of)
def test_every_message_comes_back_with_its_bytes(message: Message) -> None:
    signed = sign_message(KEYS[0], CHAIN_ID, message)
    back = decode_message(signed.encoded)
    assert back == signed
    assert back.message == message


def test_a_proposal_comes_back() -> None:
    assert decode_proposal(encode_proposal(BLOCK)) == BLOCK


@pytest.mark.parametrize("message", MESSAGES, ids=tag_of)
def test_no_cut_and_no_flipped_bit_raises_anything_but_a_ledger_error(message: Message) -> None:
    data = sign_message(KEYS[0], CHAIN_ID, message).encoded
    read = 0
    for at in range(len(data)):
        for junk in (data[:at], data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]):
            try:
                decode_message(junk)
                read += 1
            except LedgerError:
                pass
    assert read < len(data), "a cut is never a message"


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (Prepare(1, 0, bytes(32)), lambda fields: [0, *fields[1:]]),
        (Prepare(1, 0, bytes(32)), lambda fields: [1, -1, fields[2]]),
        (Prepare(1, 0, bytes(32)), lambda fields: [1, VIEW_MAX + 1, fields[2]]),
        (Prepare(1, 0, bytes(32)), lambda fields: [True, 0, fields[2]]),
        (Prepare(1, 0, bytes(32)), lambda fields: [*fields[:2], bytes(31)]),
        (Prepare(1, 0, bytes(32)), lambda fields: [*fields, 0]),
        (Status(1, 0, bytes(32)), lambda fields: [*fields[:2], "x" * 32]),
        (ViewChange(1, 1, None, None), lambda fields: [1, 1, None, [BLOCK.header.encoded, [bytes(32)]]]),
        (PrePrepare(1, 0, BLOCK, ()), lambda fields: [*fields[:3], [b"junk"]]),
        (PrePrepare(1, 0, BLOCK, ()), lambda fields: [1, 0, [BLOCK.header.encoded, []], []]),
    ],
)  # fmt: skip
def test_a_field_out_of_its_shape_is_named(message: Message, change: Callable[[list[Value]], list[Value]]) -> None:
    tag, fields, sender, signature = as_array(decode(sign_message(KEYS[0], CHAIN_ID, message).encoded), 4, "message")
    changed = encode([tag, change(as_list(fields, 9, "fields")), sender, signature])
    with pytest.raises(LedgerError):
        decode_message(changed)


def test_the_block_of_a_view_change_is_that_of_its_certificate() -> None:
    other = BENCH.block(0, "other")
    with pytest.raises(ShapeError) as refused:
        decode_message(BENCH.view_change(1, 1, CERTIFICATE, other).encoded)
    assert refused.value.code == "proposal_hash"


def test_messages_inside_messages_end_at_the_first_level() -> None:
    """A proposal in a proposal in a proposal: the first one inside is no view change, and nothing deeper is read."""
    bomb = sign_message(KEYS[0], CHAIN_ID, PrePrepare(1, 1, BLOCK, ()))
    for _ in range(200):
        bomb = sign_message(KEYS[0], CHAIN_ID, PrePrepare(1, 1, BLOCK, (bomb,)))
    with pytest.raises(ShapeError) as refused:
        decode_message(bomb.encoded)
    assert refused.value.code == "message_tag"


def test_an_error_about_a_huge_tag_is_short() -> None:
    with pytest.raises(ShapeError) as refused:
        decode_message(encode(["x" * 1_000_000, [], bytes(32), bytes(64)]))
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("vote", "kind"), [(Prepare, VoteKind.PREPARE), (Commit, VoteKind.COMMIT)])
def test_a_vote_signs_what_a_certificate_holds(vote: type[Prepare] | type[Commit], kind: VoteKind) -> None:
    signed = preimage(CHAIN_ID, vote(5, 2, BLOCK.header.hash))
    assert signed == vote_preimage(kind, CHAIN_ID, 5, 2, BLOCK.header.hash)


def test_no_two_messages_sign_the_same_bytes() -> None:
    messages = [message for message in MESSAGES if not (isinstance(message, ViewChange) and message.proposal)]
    assert len({preimage(CHAIN_ID, message) for message in messages}) == len(messages)
    assert preimage(CHAIN_ID, MESSAGES[2]) != preimage(bytes(32), MESSAGES[2]), "nor on two chains"
