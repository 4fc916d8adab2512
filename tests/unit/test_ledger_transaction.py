"""Transactions: every wrong field has its refusal, and what is signed cannot be changed."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.codec import Value, encode
from ledger.errors import CodecError, LedgerError, ShapeError
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.limits import INTEGER_MAX
from ledger.transaction import Operation, decode_transaction, sign_transaction
from tests.support.ledger_samples import GENESIS, SENDER, TRANSACTION

BODY: list[Value] = [1, bytes(32), SENDER.public_key, bytes(16), 5, [["m", {}]]]
SIGNATURE = bytes(64)


def with_field(place: int, value: Value) -> bytes:
    return encode([encode([*BODY[:place], value, *BODY[place + 1 :]]), SIGNATURE])


def code_of(data: bytes, **limits: int) -> str:
    with pytest.raises(LedgerError) as refusal:
        decode_transaction(data, **limits)
    assert isinstance(refusal.value, CodecError | ShapeError)
    return refusal.value.code


def test_the_unchanged_body_is_read() -> None:
    transaction = decode_transaction(encode([encode(BODY), SIGNATURE]))
    assert transaction.operations == (Operation("m", {}),)
    assert transaction.valid_until_ms == 5
    assert not transaction.is_authentic()


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, 0, "transaction_version"), (0, 2, "transaction_version"), (0, "1", "transaction_version"),
        (0, True, "transaction_version"), (0, None, "transaction_version"),
        (1, bytes(31), "field_type"), (1, bytes(33), "field_type"), (1, "a" * 32, "field_type"),
        (1, None, "field_type"),
        (2, bytes(31), "field_type"), (2, 7, "field_type"),
        (3, bytes(15), "field_type"), (3, bytes(17), "field_type"), (3, [], "field_type"),
        (4, -1, "field_type"), (4, INTEGER_MAX + 1, "field_type"), (4, True, "field_type"), (4, "5", "field_type"),
        (5, [], "no_operations"), (5, {}, "field_type"), (5, None, "field_type"), (5, [["m", {}]] * 10_001, "too_many"),
        (5, [["m"]], "field_count"), (5, [["m", {}, 1]], "field_count"), (5, [None], "field_count"),
        (5, [["", {}]], "field_type"), (5, [["m" * 65, {}]], "field_type"), (5, [[b"m", {}]], "field_type"),
        (5, [["m", []]], "field_type"), (5, [["m", None]], "field_type"),
    ],
)  # fmt: skip
def test_every_wrong_field_is_refused_by_name(place: int, value: Any, code: str) -> None:
    assert code_of(with_field(place, value)) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([encode(BODY)], "field_count"),
        ([encode(BODY), SIGNATURE, b""], "field_count"),
        ({"body": encode(BODY)}, "field_count"),
        ([BODY, SIGNATURE], "field_type"),
        ([encode(BODY), SIGNATURE[1:]], "field_type"),
        ([encode(BODY), None], "field_type"),
        ([encode(BODY[:5]), SIGNATURE], "field_count"),
        ([encode([*BODY, None]), SIGNATURE], "field_count"),
        ([encode(BODY) + b"\0", SIGNATURE], "not_msgpack"),
        ([b"", SIGNATURE], "not_msgpack"),
    ],
)
def test_every_wrong_envelope_is_refused_by_name(value: Any, code: str) -> None:
    assert code_of(encode(value)) == code


def test_a_second_spelling_of_the_body_is_refused() -> None:
    body = encode(BODY)
    assert body[-5:].hex() == "9192a16d80"
    longer = body[:-1] + b"\xde\x00\x00"
    assert code_of(encode([longer, SIGNATURE])) == "not_canonical"


def test_the_size_limit_is_exact() -> None:
    size = len(TRANSACTION.encoded)
    assert decode_transaction(TRANSACTION.encoded, size_bytes_max=size) == TRANSACTION
    assert code_of(TRANSACTION.encoded, size_bytes_max=size - 1) == "too_large"


def test_the_id_is_of_the_body_and_not_of_the_signature() -> None:
    other = decode_transaction(encode([TRANSACTION.body, SIGNATURE]))
    assert other.transaction_id == TRANSACTION.transaction_id == tagged_hash("transaction", TRANSACTION.body)
    assert (TRANSACTION.is_authentic(), other.is_authentic()) == (True, False)


def test_a_signature_is_for_one_chain_one_key_and_one_body() -> None:
    assert TRANSACTION.is_authentic()
    assert not replace(TRANSACTION, chain_id=bytes(32)).is_authentic()
    assert not replace(TRANSACTION, sender=SecretKey(bytes(32)).public_key).is_authentic()
    assert not replace(TRANSACTION, body=TRANSACTION.body + b"\0").is_authentic()


@pytest.mark.parametrize(
    ("nonce", "valid_until_ms", "operations", "code"),
    [
        (bytes(15), 5, [Operation("m", {})], "field_type"),
        (bytes(16), -1, [Operation("m", {})], "field_type"),
        (bytes(16), 5, [], "no_operations"),
        (bytes(16), 5, [Operation("", {})], "field_type"),
        (bytes(16), 5, [Operation("m", {"a": 1.5})], "type"),  # type: ignore[dict-item]
        (bytes(16), 5, [Operation("m", {"a": 1 << 64})], "integer_range"),
    ],
)
def test_nothing_is_signed_that_would_not_be_read(
    nonce: bytes, valid_until_ms: int, operations: list[Operation], code: str
) -> None:
    with pytest.raises(LedgerError) as refusal:
        sign_transaction(SENDER, GENESIS.chain_id, nonce, valid_until_ms, operations)
    assert refusal.value.code == code
