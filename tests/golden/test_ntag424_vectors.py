"""Messages of NTAG 424 DNA tags, with AES and LRP, as published: every row, those that must fail too."""

import pytest

from standards.errors import TagMessageError
from standards.ntag424 import TagKeys, TagReading, read_encrypted, read_plain
from tests.support.shared_data import shared_data


def vectors() -> list[list[str]]:
    text = shared_data("epcis/derived/ntag424_sun_vectors.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def binary(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)


def answer(row: list[str]) -> TagReading:
    mode, meta, file, first, second, mac, parameter = row[:7]
    keys = TagKeys(binary(file), binary(meta) or None)
    if mode == "AES-plain":
        return read_plain(binary(first), binary(second), binary(mac), keys)
    # Where the publisher names none it is its own default.
    name = {"-": "cmac", "(empty)": ""}.get(parameter, parameter)
    return read_encrypted(binary(first), binary(mac), keys, binary(second), name)


def test_every_vector() -> None:
    outcomes = []
    for row in vectors():
        *_, expected, uid, counter, data = row
        if expected == "OK":
            assert answer(row) == TagReading(binary(uid), int(counter), binary(data) or None), row
        else:
            with pytest.raises(TagMessageError) as caught:
                answer(row)
            assert caught.value.code == "mac"
        outcomes.append((row[0], expected))
    assert sorted(outcomes) == [
        ("AES-enc", "FAIL"),
        ("AES-enc", "OK"),
        ("AES-enc", "OK"),
        ("AES-enc", "OK"),
        ("AES-plain", "FAIL"),
        ("AES-plain", "OK"),
        ("LRP-enc", "OK"),
        ("LRP-enc", "OK"),
    ]


def test_no_changed_bit_of_a_message_passes() -> None:
    for row in vectors():
        if row[7] != "OK":
            continue
        for column in (3, 4, 5):
            changed = binary(row[column])
            for bit in range(0, 8 * len(changed), 5):
                other = bytearray(changed)
                other[bit // 8] ^= 1 << bit % 8
                with pytest.raises(TagMessageError):
                    answer([*row[:column], other.hex(), *row[column + 1 :]])


def test_another_key_is_told_from_a_changed_message() -> None:
    row = vectors()[0]
    zero = bytes(16)
    picc, mac = binary(row[3]), binary(row[5])
    for keys, code in ((TagKeys(zero, b"k" * 16), "key"), (TagKeys(b"k" * 16, zero), "mac"), (TagKeys(zero), "key")):
        with pytest.raises(TagMessageError) as caught:
            read_encrypted(picc, mac, keys)
        assert caught.value.code == code
    for wrong in (picc[:15], picc + b"0", b""):
        with pytest.raises(TagMessageError) as caught:
            read_encrypted(wrong, mac, TagKeys(zero, zero))
        assert caught.value.code == "form"
    with pytest.raises(TagMessageError) as caught:
        read_plain(zero[:7], zero[:3], mac[:4], TagKeys(zero))
    assert caught.value.code == "form"
