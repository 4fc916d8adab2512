"""The codec against a dumb twin: one value has one encoding, and everything else is a named refusal."""

import unicodedata

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.codec import DEPTH_MAX, Value, decode, encode
from ledger.errors import CodecError
from tests.support.ledger_strategies import junk, values

CODES = {
    "too_large",
    "not_msgpack",
    "not_canonical",
    "extension_type",
    "integer_range",
    "too_deep",
    "key_type",
    "type",
    "not_nfc",
    "unassigned_character",
}


def twin(value: Value) -> bytes:
    """Return the canonical encoding, spelled out from the msgpack specification, one branch a format."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return twin_integer(value)
    if isinstance(value, str):
        data = value.encode()
        if len(data) < 32:
            return bytes([0xA0 | len(data)]) + data
        return twin_length(len(data), (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, bytes):
        return twin_length(len(value), (0xC4, 0xC5, 0xC6)) + value
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else twin_length(len(value), (None, 0xDC, 0xDD))
        return head + b"".join(twin(item) for item in value)
    head = bytes([0x80 | len(value)]) if len(value) < 16 else twin_length(len(value), (None, 0xDE, 0xDF))
    return head + b"".join(twin(key) + twin(value[key]) for key in sorted(value))


def twin_integer(number: int) -> bytes:
    if -32 <= number < 128:
        return (number % 256).to_bytes(1, "big")
    for code, length in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        if 0 <= number < 1 << 8 * length:
            return bytes([code]) + number.to_bytes(length, "big")
    for code, length in ((0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8)):
        if -(1 << 8 * length - 1) <= number:
            return bytes([code]) + number.to_bytes(length, "big", signed=True)
    raise AssertionError("a number beyond 64 bits")


def twin_length(length: int, codes: tuple[int | None, int, int]) -> bytes:
    for code, size in zip(codes, (1, 2, 4), strict=True):
        if code is not None and length < 1 << 8 * size:
            return bytes([code]) + length.to_bytes(size, "big")
    raise AssertionError("too long for the specification")


@given(values())
@example(list(range(16)))
@example(list(range(70_000)))
@example({f"{number:05}": number for number in range(16)})
@example(["x" * length for length in (31, 32, 255, 256, 65_535, 65_536)])
@example([bytes(length) for length in (0, 255, 256, 65_535, 65_536)])
@example(
    [bound + step for bound in (-(1 << 31), -(1 << 15), -128, -32, 0, 1 << 8, 1 << 16, 1 << 32) for step in (-1, 0)]
)
def test_encode_is_what_the_specification_says_and_decode_undoes_it(value: Value) -> None:
    encoded = encode(value)
    assert encoded == twin(value)
    assert decode(encoded) == value


def refusal_of(data: bytes) -> str | None:
    """Return the code of the refusal, or None for bytes that are the one spelling of their value."""
    try:
        value = decode(data)
    except CodecError as refusal:
        return refusal.code
    assert encode(value) == data
    return None


@given(st.binary(max_size=60))
def test_bytes_are_refused_by_name_or_are_the_only_spelling(data: bytes) -> None:
    assert refusal_of(data) in {None, *CODES}


@given(junk)
def test_any_msgpack_is_refused_by_name_or_is_the_only_spelling(value: object) -> None:
    try:
        data = msgpack.packb(value, use_bin_type=True)
    except UnicodeEncodeError:
        return
    assert refusal_of(data) in {None, *CODES}


@given(values(2), st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_value(value: Value, place: int, byte: int) -> None:
    data = bytearray(encode(value))
    place %= len(data)
    if data[place] == byte:
        return
    data[place] = byte
    try:
        decoded = decode(bytes(data))
    except CodecError:
        return
    assert encode(decoded) == bytes(data) != encode(value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.0, "type"),
        ({"a": 1.5}, "type"),
        ({1: 2}, "key_type"),
        ({b"a": 2}, "key_type"),
        (1 << 64, "integer_range"),
        (-(1 << 63) - 1, "integer_range"),
        (unicodedata.normalize("NFD", "é"), "not_nfc"),
        ({unicodedata.normalize("NFD", "é"): 1}, "not_nfc"),
        ("\ud800", "unassigned_character"),
        ({1, 2}, "type"),
        (bytearray(b"a"), "type"),
        ([[[[[[[[[1]]]]]]]]], "too_deep"),
    ],
)
def test_values_without_an_encoding_are_refused_by_name(value: object, code: str) -> None:
    with pytest.raises(CodecError) as refusal:
        encode(value)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "prefixes", [[b"\x91"], [b"\x81\xa1k"], [b"\x91", b"\x81\xa1k"]], ids=["arrays", "maps", "both"]
)
def test_the_depth_limit_is_exact(prefixes: list[bytes]) -> None:
    data = b"\x07"
    for level in range(DEPTH_MAX):
        data = prefixes[level % len(prefixes)] + data
    assert encode(decode(data)) == data
    for prefix in (b"\x91", b"\x81\xa1k"):
        with pytest.raises(CodecError, match="nested more than 8 deep"):
            decode(prefix + data)


def test_size_is_checked_before_anything_is_parsed() -> None:
    assert decode(b"\xc4\x01a", size_bytes_max=3) == b"a"
    with pytest.raises(CodecError) as refusal:
        decode(b"\xc1\xc1\xc1\xc1", size_bytes_max=3)
    assert refusal.value.code == "too_large"


def test_tuples_are_arrays_and_input_maps_keep_their_order() -> None:
    given_map = {"b": 1, "a": (2, 3)}
    assert encode(given_map).hex() == "82a161920203a16201"
    assert list(given_map) == ["b", "a"]
