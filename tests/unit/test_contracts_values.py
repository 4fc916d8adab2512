"""Check digits, identifiers, decimals and the argument reader, on exact values."""

import pytest

from contracts.arguments import Arguments
from contracts.decimals import plain, scaled
from contracts.identifiers import check_digit, is_lei, lot_of, product_of
from contracts.results import Rejected, ResultCode


@pytest.mark.parametrize(
    ("digits", "expected"),
    # GS1 General Specifications 7.9.1 works 629104150021 -> 3; 10614141234567890 -> 8 is in EPCIS's examples.
    [("629104150021", 3), ("0950600013435", 2), ("400638133393", 1), ("10614141234567890", 8), ("0" * 13, 0)],
)
def test_gs1_check_digit(digits: str, expected: int) -> None:
    assert check_digit(digits) == expected


@pytest.mark.parametrize(
    ("lei", "expected"),
    [("5493001KJTIIGC8Y1R12", True), ("5493001KJTIIGC8Y1R13", False), ("529900T8BM49AURSDO55", True), ("5299", False)],
)
def test_lei_check_digits(lei: str, expected: bool) -> None:
    assert is_lei(lei) is expected


@pytest.mark.parametrize(
    ("identifier", "product", "lot"),
    [
        ("https://id.gs1.org/01/09506000134352/21/ABC", "09506000134352", None),
        ("https://id.gs1.org/01/09506000134352/10/L1", "09506000134352", "L1"),
        ("https://id.gs1.org/01/09506000134352/10/L1/21/7", "09506000134352", "L1"),
        ("https://id.gs1.org/01/09506000134352", "09506000134352", None),
        ("https://id.gs1.org/00/106141412345678908", None, None),
        ("https://example.org/01/09506000134352/21/ABC", None, None),
        ("urn:epc:id:sgtin:0614141.107346.2017", None, None),
    ],
)
def test_what_a_digital_link_says(identifier: str, product: str | None, lot: str | None) -> None:
    assert (product_of(identifier), lot_of(identifier)) == (product, lot)


@pytest.mark.parametrize(
    ("text", "again"),
    [("0", "0"), ("10", "10"), ("10.50", "10.5"), ("-0.001", "-0.001"), ("007", "7"), ("9" * 40 + "." + "9" * 40,) * 2],
)
def test_decimals_are_exact(text: str, again: str) -> None:
    number = scaled(text)
    assert number is not None
    assert plain(number) == again


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e3", "+1", "1,5", "9" * 41, "٣", "nan", " 1", "1\n"])
def test_what_is_no_decimal(text: str) -> None:
    assert scaled(text) is None


def test_arguments_are_read_or_refused() -> None:
    read = Arguments({"a": 1, "b": "x"})
    assert read.integer("a", 0, 1) == 1
    with pytest.raises(Rejected) as caught:
        read.end()
    assert caught.value.code is ResultCode.BAD_ARGUMENTS
    assert read.optional_text("b", 1) == "x"
    assert read.optional_text("c", 1) is None
    read.end()
