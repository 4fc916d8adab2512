"""Headers and receipts: every field counts for the hash, every wrong one is refused."""

from dataclasses import fields, replace
from typing import Any

import pytest

from ledger import merkle
from ledger.block import decode_header, receipts_root, transactions_root
from ledger.codec import decode, encode
from ledger.errors import LedgerError, ShapeError
from ledger.hashing import tagged_hash
from ledger.limits import BLOCK_TRANSACTIONS_MAX, INTEGER_MAX
from ledger.receipt import decode_receipt
from tests.support.ledger_samples import HEADER, RECEIPT

NAMES = [field.name for field in fields(HEADER) if field.init]


def header_fields() -> list[Any]:
    value = decode(HEADER.encoded)
    assert isinstance(value, list)
    return value


def test_a_header_is_read_as_it_was_written() -> None:
    again = decode_header(HEADER.encoded)
    assert again == HEADER
    assert (again.encoded, again.hash) == (HEADER.encoded, HEADER.hash)
    assert HEADER.hash == tagged_hash("header", HEADER.encoded)
    assert header_fields() == [1, *(getattr(HEADER, name) for name in NAMES)]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_counts_for_the_hash(name: str) -> None:
    value = getattr(HEADER, name)
    other: Any = value + 1 if isinstance(value, int) else tagged_hash("key", value)
    assert replace(HEADER, **{name: other}).hash != HEADER.hash


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("value", [None, True, -1, INTEGER_MAX + 1, "a", bytes(31), bytes(33), [], {}])
def test_every_wrong_field_is_refused(place: int, value: Any) -> None:
    changed = header_fields()
    changed[place] = value
    with pytest.raises(ShapeError) as refusal:
        decode_header(encode(changed))
    assert refusal.value.code == ("header_version" if place == 0 else "field_type")


@pytest.mark.parametrize("count", [0, 11, 13])
def test_another_number_of_fields_is_refused(count: int) -> None:
    with pytest.raises(ShapeError) as refusal:
        decode_header(encode([*header_fields(), None][:count]))
    assert refusal.value.code == "field_count"


def test_a_header_counts_no_more_transactions_than_a_block_can_have() -> None:
    full = replace(HEADER, transaction_count=BLOCK_TRANSACTIONS_MAX)
    assert decode_header(full.encoded) == full
    with pytest.raises(ShapeError):
        decode_header(replace(HEADER, transaction_count=BLOCK_TRANSACTIONS_MAX + 1).encoded)


def test_a_long_header_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(LedgerError) as refusal:
        decode_header(bytes(1025))
    assert refusal.value.code == "too_large"


def test_the_roots_are_over_ids_and_receipts() -> None:
    assert transactions_root([bytes(32), RECEIPT.transaction_id]) == merkle.root([bytes(32), RECEIPT.transaction_id])
    assert receipts_root([RECEIPT]) == merkle.leaf_hash(RECEIPT.encode())
    assert transactions_root([]) == receipts_root([]) == merkle.root([])


def test_receipts_are_read_as_they_were_written() -> None:
    refused = replace(RECEIPT, code=0xFFFF, failed_operation=3, outputs=())
    for receipt in (RECEIPT, refused):
        assert decode_receipt(receipt.encode()) == receipt


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, bytes(31), "field_type"), (0, None, "field_type"),
        (1, -1, "field_type"), (1, 1 << 16, "field_type"), (1, False, "field_type"),
        (2, -1, "field_type"), (2, 10_001, "field_type"), (2, True, "field_type"),
        (3, None, "field_type"), (3, {}, "field_type"), (3, [None] * 10_001, "too_many"),
    ],
)  # fmt: skip
def test_every_wrong_field_of_a_receipt_is_refused(place: int, value: Any, code: str) -> None:
    changed: list[Any] = [RECEIPT.transaction_id, 0, None, []]
    changed[place] = value
    with pytest.raises(ShapeError) as refusal:
        decode_receipt(encode(changed))
    assert refusal.value.code == code
