"""Check digits, check characters and the forms of application identifiers, each error with its position."""

import pytest

from standards import application_identifiers, gs1
from standards.errors import IdentifierError


def dumb_check_digit(digits: str) -> str:
    """Add the digits up from the left, as the standard prints it for a number of fixed length."""
    padded = digits.rjust(17, "0")
    total = 0
    for position, digit in enumerate(padded):
        total += int(digit) * (3 if position % 2 == 0 else 1)
    return str((10 - total % 10) % 10)


@pytest.mark.parametrize("digits", ["0234567", "41600033610", "123456789012", "1234567890123", "12345678901234567"])
def test_check_digit_agrees_with_the_dumb_sum(digits: str) -> None:
    assert gs1.check_digit(digits) == dumb_check_digit(digits)


@pytest.mark.parametrize(
    ("value", "padded"),
    [
        ("02345673", "00000002345673"),
        ("416000336108", "00416000336108"),
        ("1234567890128", "01234567890128"),
        ("12345678901231", "12345678901231"),
    ],
)
def test_gtins_of_every_length_become_14_digits(value: str, padded: str) -> None:
    assert gs1.gtin14(value) == padded


def test_a_wrong_check_digit_names_position_and_expected_digit() -> None:
    with pytest.raises(IdentifierError) as caught:
        gs1.gtin14("09521101001007")
    assert (caught.value.code, caught.value.position, caught.value.expected) == ("check_digit", 14, "6")
    assert str(caught.value) == "the check digit of 09521101001007 at position 14 is 7, it should be 6"


def test_a_wrong_character_names_its_position() -> None:
    with pytest.raises(IdentifierError) as caught:
        gs1.require_gln("95211010000O9")
    assert (caught.value.code, caught.value.position) == ("character", 12)


@pytest.mark.parametrize(
    ("value", "code"), [("9521101", "length"), ("952110100000٩", "character"), ("9521101000008", "check_digit")]
)
def test_a_gln_has_13_ascii_digits(value: str, code: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        gs1.require_gln(value)
    assert caught.value.code == code


def test_sscc() -> None:
    gs1.require_sscc("395211020000004175")
    with pytest.raises(IdentifierError, match="should be 5"):
        gs1.require_sscc("395211020000004170")


def test_check_characters_of_a_model_number() -> None:
    assert gs1.check_characters("1987654Ad4X4bL5ttr2310c") == "2K"
    with pytest.raises(IdentifierError) as caught:
        gs1.require_check_characters("1987654Ad4X4bL5ttr2310c2L")
    assert (caught.value.position, caught.value.expected) == (24, "2K")


@pytest.mark.parametrize(
    ("ai", "value", "code", "position"),
    [
        ("05", "1", "unknown_ai", 0),
        ("10", "", "length", 0),
        ("21", "x" * 21, "length", 0),
        ("21", "a b", "character", 2),
        ("253", "9521101005004", "", 0),
        ("253", "9521101005003DOC", "check_digit", 13),
        ("8003", "09521101005004SERIAL", "", 0),
        ("8010", "9521101a", "character", 8),
        ("17", "260230", "date", 5),
        ("17", "261300", "date", 3),
        ("17", "260200", "", 0),
        ("7006", "260200", "date", 5),
        ("3103", "000195", "", 0),
        ("3106", "000195", "unknown_ai", 0),
        ("8006", "0401234511111801", "length", 0),
        ("7040", "1ABC", "", 0),
        ("7040", "AABC", "character", 1),
    ],
)
def test_values_of_application_identifiers(ai: str, value: str, code: str, position: int) -> None:
    if not code:
        application_identifiers.require_value(ai, value)
        return
    with pytest.raises(IdentifierError) as caught:
        application_identifiers.require_value(ai, value)
    assert (caught.value.code, caught.value.position) == (code, position)


def test_without_check_only_the_form_counts() -> None:
    application_identifiers.require_value("01", "09521101001007", check=False)
    application_identifiers.require_value("17", "269999", check=False)
    with pytest.raises(IdentifierError):
        application_identifiers.require_value("01", "0952110100100X", check=False)
