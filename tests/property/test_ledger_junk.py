"""Whatever comes from outside, a decoder answers with an object that spells those bytes, or with a named error.

Peers cannot raise in us: only ``LedgerError`` may come out, whatever the bytes are.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.block import decode_header
from ledger.certificate import decode_certificate
from ledger.codec import decode, encode
from ledger.errors import GenesisError, LedgerError, ShapeError
from ledger.genesis import genesis_from_json
from ledger.parameters import parameters_from_value
from ledger.readable import from_json, to_json
from ledger.receipt import decode_receipt
from ledger.transaction import decode_transaction
from ledger.validators import ValidatorSet
from tests.support import ledger_samples as samples
from tests.support.ledger_strategies import junk, values

DECODERS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "transaction": (lambda data: decode_transaction(data).encoded, samples.TRANSACTION.encoded),
    "header": (lambda data: decode_header(data).encoded, samples.HEADER.encoded),
    "certificate": (lambda data: decode_certificate(data).encode(), samples.CERTIFICATE.encode()),
    "receipt": (lambda data: decode_receipt(data).encode(), samples.RECEIPT.encode()),
}
each_decoder = pytest.mark.parametrize(("decoder", "good"), DECODERS.values(), ids=DECODERS)


def respelled(decoder: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    """Return what the decoded object encodes to, or None where it was refused."""
    try:
        return decoder(data)
    except LedgerError as refusal:
        assert refusal.code, "a refusal has a name"  # noqa: PT017 - every refusal, not one that is expected
        return None


@each_decoder
def test_a_good_one_is_read(decoder: Callable[[bytes], bytes], good: bytes) -> None:
    assert respelled(decoder, good) == good


@each_decoder
@given(data=st.binary(max_size=80))
def test_junk_bytes(decoder: Callable[[bytes], bytes], good: bytes, data: bytes) -> None:
    assert respelled(decoder, data) is None


@each_decoder
@given(value=values())
def test_junk_values(decoder: Callable[[bytes], bytes], good: bytes, value: Any) -> None:
    data = encode(value)
    assert respelled(decoder, data) in {None, data}


@each_decoder
@given(data=st.data())
def test_any_field_replaced_by_another_value(
    decoder: Callable[[bytes], bytes], good: bytes, data: st.DataObject
) -> None:
    """What is read spells itself again byte for byte, so no two encodings are one object."""
    fields = decode(good)
    changed = encode(with_one_part_replaced(fields, data))
    assert respelled(decoder, changed) in {None, changed}


@each_decoder
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_bit_flipped(decoder: Callable[[bytes], bytes], good: bytes, place: int, bit: int) -> None:
    changed = bytearray(good)
    changed[place % len(good)] ^= 1 << bit
    assert respelled(decoder, bytes(changed)) in {None, bytes(changed)}


@given(data=st.data())
def test_any_part_of_a_transaction_body_replaced(data: st.DataObject) -> None:
    body = encode(with_one_part_replaced(decode(samples.TRANSACTION.body), data))
    changed = encode([body, samples.TRANSACTION.signature])
    try:
        transaction = decode_transaction(changed)
    except LedgerError:
        return
    assert transaction.encoded == changed
    assert (transaction.transaction_id == samples.TRANSACTION.transaction_id) is (body == samples.TRANSACTION.body)
    assert transaction.is_authentic() is (body == samples.TRANSACTION.body)


@given(value=values())
def test_junk_parameters_and_validators(value: Any) -> None:
    for read in (parameters_from_value, ValidatorSet.from_value):
        try:
            read(value)
        except ShapeError:
            continue
        assert read is parameters_from_value
        assert value == {}


@given(st.text(max_size=60) | junk.map(lambda value: json.dumps(jsonable(value))))
def test_junk_genesis(text: str) -> None:
    with pytest.raises(GenesisError):
        genesis_from_json(text)


@given(data=st.data())
def test_any_part_of_a_genesis_replaced(data: st.DataObject) -> None:
    document = json.loads(samples.GENESIS.to_json())
    changed = json.dumps(jsonable(with_one_part_replaced(document, data)))
    try:
        genesis = genesis_from_json(changed)
    except GenesisError:
        return
    assert genesis_from_json(genesis.to_json()) == genesis


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5_000,
        "NaN",
        '{"format": 1e999}',
        '"\\ud800"',
        '{"$bytes": "zz"}',
        '{"$x": 1}',
        "",
        "\x00",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_json_is_a_genesis_error(text: str) -> None:
    with pytest.raises(GenesisError):
        genesis_from_json(text)


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["list", "map"])
def test_nesting_is_bounded_before_the_stack_is(wrap: Callable[[Any], Any]) -> None:
    value: Any = {"$bytes": "00"}
    for _ in range(8):
        value = wrap(value)
    assert to_json(from_json(value)) == value
    for _ in range(5_000):
        value = wrap(value)
    with pytest.raises(ShapeError) as refusal:
        from_json(value)
    assert refusal.value.code == "too_deep"


@given(values())
def test_readable_json_goes_there_and_back(value: Any) -> None:
    text = json.dumps(to_json(value))
    assert from_json(json.loads(text)) == value


@given(junk)
def test_json_that_stands_for_a_value_is_its_only_spelling(value: Any) -> None:
    given_json = jsonable(value)
    try:
        read = from_json(given_json)
    except ShapeError:
        return
    assert to_json(read) == given_json


@pytest.mark.parametrize("text", ["ab cd", " abcd", "ABCD", "abc", "0x12", "ab\n", 12, None, "é"])
def test_hexadecimal_has_one_spelling(text: Any) -> None:
    assert from_json({"$bytes": "abcd"}) == b"\xab\xcd"
    with pytest.raises(ShapeError) as refusal:
        from_json({"$bytes": text})
    assert refusal.value.code == "hex"


def jsonable(value: Any) -> Any:
    """Return the value with whatever JSON has not turned into text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def with_one_part_replaced(value: Any, data: st.DataObject) -> Any:
    """Return the value with one part, chosen at any depth, replaced by another canonical value."""
    if isinstance(value, list) and value and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], with_one_part_replaced(value[place], data), *value[place + 1 :]]
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: with_one_part_replaced(value[key], data)}
    return data.draw(values(1))
