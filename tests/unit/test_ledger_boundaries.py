"""The smallest and the largest value of each integer and text of a format is read; one beyond is refused."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from ledger.block import Header, decode_header
from ledger.certificate import VIEW_MAX, Certificate, decode_certificate
from ledger.errors import LedgerError
from ledger.genesis import Genesis, genesis_from_json
from ledger.limits import BLOCK_TRANSACTIONS_MAX, INTEGER_MAX, METHOD_LENGTH_MAX, TRANSACTION_OPERATIONS_MAX
from ledger.receipt import Receipt, decode_receipt
from ledger.transaction import Operation, sign_transaction
from tests.support import ledger_samples as sample


def header(**changed: Any) -> None:
    given = replace(sample.HEADER, **changed)
    assert decode_header(given.encoded) == given


def receipt(**changed: Any) -> None:
    given = replace(sample.RECEIPT, **changed)
    assert decode_receipt(given.encode()) == given


def certificate(**changed: Any) -> None:
    given = replace(sample.CERTIFICATE, **changed)
    assert decode_certificate(given.encode()) == given


def genesis(**changed: Any) -> None:
    given = replace(sample.GENESIS, **changed)
    assert genesis_from_json(given.to_json()) == given


def transaction(valid_until_ms: int) -> None:
    operations = sample.TRANSACTION.operations
    signed = sign_transaction(sample.SENDER, sample.GENESIS.chain_id, bytes(16), valid_until_ms, operations)
    assert signed.valid_until_ms == valid_until_ms


CASES: list[tuple[Callable[..., None], str, int]] = [
    (header, "height", INTEGER_MAX),
    (header, "time_ms", INTEGER_MAX),
    (header, "transaction_count", BLOCK_TRANSACTIONS_MAX),
    (receipt, "code", 0xFFFF),
    (receipt, "failed_operation", TRANSACTION_OPERATIONS_MAX),
    (certificate, "height", INTEGER_MAX),
    (certificate, "view", VIEW_MAX),
    (genesis, "time_ms", INTEGER_MAX),
    (transaction, "valid_until_ms", INTEGER_MAX),
]


@pytest.mark.parametrize(("read", "name", "largest"), CASES)
def test_the_range_of_an_integer_is_exact(read: Callable[..., None], name: str, largest: int) -> None:
    for number in (0, 1, largest):
        read(**{name: number})
    for number in (-1, largest + 1):
        with pytest.raises(LedgerError, match=name.partition("_")[0]):
            read(**{name: number})


@pytest.mark.parametrize("length", [1, METHOD_LENGTH_MAX])
def test_the_length_of_a_method_is_exact(length: int) -> None:
    def sign(method: str) -> str:
        operations = [Operation(method, {})]
        return sign_transaction(sample.SENDER, sample.GENESIS.chain_id, bytes(16), 1, operations).operations[0].method

    assert sign("m" * length) == "m" * length
    for wrong in ("", "m" * (METHOD_LENGTH_MAX + 1)):
        with pytest.raises(LedgerError, match="1 to 64 characters"):
            sign(wrong)


def test_no_integer_is_forgotten() -> None:
    """A new integer in one of these records belongs into the table."""
    kinds: dict[type[Any], Callable[..., None]] = {
        Header: header,
        Receipt: receipt,
        Certificate: certificate,
        Genesis: genesis,
    }
    integers = {
        (read, field.name) for kind, read in kinds.items() for field in fields(kind) if field.type in {int, int | None}
    }
    assert integers == {(read, name) for read, name, _ in CASES if read is not transaction}
