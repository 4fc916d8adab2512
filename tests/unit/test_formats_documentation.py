"""docs/formats.md is read as data: its examples are the bytes that the program makes, its tables what it accepts."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from contracts.provenance.events import read_event
from contracts.results import Rejected
from ledger import authenticated_map, keys, limits, state
from ledger.block import decode_header
from ledger.certificate import VoteKind, decode_certificate
from ledger.codec import Value, encode
from ledger.errors import LedgerError
from ledger.hashing import ZERO_HASH
from ledger.parameters import Parameters, parameters_from_value
from ledger.receipt import decode_receipt
from ledger.transaction import decode_transaction
from tests.support import ledger_samples as sample
from tests.support.shared_data import REPOSITORY

PAGE = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
KEY = state.head_key("item", "item-0")
HEAD: dict[str, Value] = {"n": 0}


def section(title: str) -> str:
    """Return the text under a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/formats.md has no section {title!r}"
    return found[1]


def dumps() -> dict[str, bytes]:
    """Return the bytes of every ``hex`` block by its name, comments left out."""
    blocks = re.findall(r"^```hex ([^\n]+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return {
        name: bytes.fromhex("".join(line.partition("#")[0].strip() for line in text.splitlines()))
        for name, text in blocks
    }


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of the tables in a text, back-ticks kept."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_dumps_are_the_bytes_of_the_example() -> None:
    plan = authenticated_map.plan_update(lambda _: None, {KEY: encode(HEAD)})
    assert dumps() == {
        "transaction body": sample.TRANSACTION.body,
        "transaction": sample.TRANSACTION.encoded,
        "receipt": sample.RECEIPT.encode(),
        "header": sample.HEADER.encoded,
        "certificate": sample.CERTIFICATE.encode(),
        "state node": plan.nodes[b""],
    }


def test_what_the_page_shows_can_be_read_and_checked() -> None:
    shown = dumps()
    transaction = decode_transaction(shown["transaction"])
    certificate = decode_certificate(shown["certificate"])
    assert transaction.is_authentic()
    assert decode_receipt(shown["receipt"]).transaction_id == transaction.transaction_id
    assert certificate.block_hash == decode_header(shown["header"]).hash
    assert certificate.signers == (0, 2, 3)
    kind = VoteKind.COMMIT
    assert certificate.refusal(kind, sample.VALIDATORS, sample.GENESIS.chain_id) is None


def test_the_hashes_are_those_of_the_example() -> None:
    output = state.output_hash(encode(None))
    place = 0, sample.HEADER.height, 0, sample.HEADER.time_ms
    record = state.record_hash(sample.TRANSACTION.transaction_id, *place, output)
    plan = authenticated_map.plan_update(lambda _: None, {KEY: encode(HEAD)})
    expected = {
        "chain id": sample.GENESIS.chain_id,
        "transaction id": sample.TRANSACTION.transaction_id,
        "validators hash": sample.VALIDATORS.hash,
        "block hash": sample.HEADER.hash,
        "key hash": authenticated_map.key_hash(KEY),
        "value hash": authenticated_map.value_hash(encode(HEAD)),
        "state root of one head": plan.root,
        "state root of none": authenticated_map.empty_root(),
        "output hash of nil": output,
        "record hash": record,
        "chain after one record": state.next_chain(ZERO_HASH, record, 1),
    }
    shown = {name: value.strip("`") for name, value in rows(section("The hashes of the examples")) if "`" in value}
    assert shown == {name: value.hex() for name, value in expected.items()}


def test_the_parameters_are_those_of_the_program() -> None:
    table = {row[0].strip("`"): [int(cell) for cell in row[1:]] for row in rows(section("Genesis")) if "`" in row[0]}
    assert list(table) == [field.name for field in fields(Parameters)]
    for name, (default, minimum, maximum) in table.items():
        assert getattr(Parameters(), name) == default
        others: dict[str, Value] = {"block_bytes_max": limits.BLOCK_BYTES_MAX, "transaction_bytes_max": 1_024}
        for number in (minimum, maximum):
            assert getattr(parameters_from_value({**others, name: number}), name) == number
        for number in (minimum - 1, maximum + 1):
            with pytest.raises(LedgerError, match=name):
                parameters_from_value({**others, name: number})


def test_the_limits_are_those_of_the_program() -> None:
    assert f"1 to {limits.TRANSACTION_OPERATIONS_MAX:,}, in the order" in section("Transaction")
    assert f"`method` is 1 to {limits.METHOD_LENGTH_MAX} characters" in section("Transaction")
    assert f"At most {limits.TRANSACTION_BYTES_MAX // 1024 // 1024} MiB encoded" in section("Transaction")
    assert keys.PUBLIC_KEY_BYTES == 32


class Asked(dict[str, Any]):
    """Arguments that note every name they are asked for."""

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.names: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_the_arguments_of_a_capture_are_those_that_the_contract_reads() -> None:
    asked = Asked({"type": "ObjectEvent", "action": "ADD", "event_time_ms": 0})
    read_event(asked)
    listed = [name for row in rows(section("provenance.capture")) for name in re.findall(r"`(\w+)`", row[0])]
    assert len(listed) == len(set(listed))
    assert set(listed) == asked.names


def test_an_argument_that_is_not_listed_is_refused() -> None:
    with pytest.raises(Rejected, match="colour"):
        read_event({"type": "ObjectEvent", "action": "ADD", "event_time_ms": 0, "colour": "red"})
