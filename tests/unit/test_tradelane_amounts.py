"""Amounts: decimal text and minor units are the same number, without floats and without rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane import BadRequestError, format_amount, parse_amount


@pytest.mark.parametrize(
    ("text", "exponent", "minor_units"),
    [
        ("1250.00", 2, 125_000),
        ("1250", 2, 125_000),
        ("0.5", 2, 50),
        ("7", 0, 7),
        ("-0.01", 2, -1),
        ("0.00000001", 8, 1),
    ],
)
def test_texts_are_minor_units(text: str, exponent: int, minor_units: int) -> None:
    assert parse_amount(text, exponent) == minor_units


@pytest.mark.parametrize(
    "text", ["", "1,250.00", "1e3", ".5", "5.", " 5", "५", "1.234", "9223372036854775808", "+5", "--1"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_amount(text, 2)


@given(st.integers(-(1 << 63) + 1, (1 << 63) - 1), st.integers(0, 8))
def test_every_amount_comes_back(minor_units: int, exponent: int) -> None:
    assert parse_amount(format_amount(minor_units, exponent), exponent) == minor_units


def test_small_amounts_keep_their_zeroes() -> None:
    assert format_amount(5, 2) == "0.05"
    assert format_amount(-125_000, 2) == "-1250.00"
    assert format_amount(12, 0) == "12"
