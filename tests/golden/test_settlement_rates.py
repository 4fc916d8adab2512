"""Exact exchanges and fees: the worked vectors of the settlement reference, appendix C."""

from fractions import Fraction

import pytest

from contracts.results import Rejected, ResultCode
from contracts.settlement.rates import fee_of, fixed_receive, fixed_send, rate_text, read_rate, split

HKD_PHP = "7.688592130"


@pytest.mark.parametrize(
    ("amount", "rate", "exponents", "target", "residue"),
    [
        pytest.param(200_000, HKD_PHP, (2, 2), 1_537_718, Fraction(426, 1000), id="HKD-2,000.00-to-PHP"),
        pytest.param(199_000, HKD_PHP, (2, 2), 1_530_029, Fraction(83_387, 100_000), id="HKD-1,990.00-to-PHP"),
        pytest.param(130_063, HKD_PHP, (2, 2), 1_000_001, None, id="HKD-1,300.63-to-PHP"),
        pytest.param(8, "0.1300628", (2, 2), 1, Fraction(405024, 10**7), id="PHP-0.08-to-HKD"),
        pytest.param(1_000, "0.0023870", (0, 3), 2_387, Fraction(0), id="JPY-1,000-to-BHD"),
        pytest.param(12_345, "418.935", (3, 0), 5_171, None, id="BHD-12.345-to-JPY"),
    ],
)
def test_a_fixed_amount_is_sent(
    amount: int, rate: str, exponents: tuple[int, int], target: int, residue: Fraction | None
) -> None:
    exchange = fixed_send(amount, read_rate(rate, "rate"), *exponents)
    exact = Fraction(amount, 10 ** exponents[0]) * Fraction(rate) * 10 ** exponents[1]
    assert exchange.target_amount == target == exact.__floor__()
    kept = Fraction(exchange.residue_numerator, exchange.residue_denominator)
    assert kept == exact - target
    if residue is not None:
        assert kept == residue


@pytest.mark.parametrize(
    ("amount", "rate", "exponents", "source"),
    [
        pytest.param(1_537_718, HKD_PHP, (2, 2), 200_000, id="the-inverse-of-HKD-2,000.00"),
        pytest.param(1_000_000, HKD_PHP, (2, 2), 130_063, id="PHP-10,000.00-received"),
        pytest.param(5_171, "418.935", (3, 0), 12_344, id="the-inverse-of-BHD-12.345"),
    ],
)
def test_a_fixed_amount_is_received(amount: int, rate: str, exponents: tuple[int, int], source: int) -> None:
    scaled = read_rate(rate, "rate")
    exchange = fixed_receive(amount, scaled, *exponents)
    assert (exchange.source_amount, exchange.target_amount) == (source, amount)
    assert 0 <= exchange.residue_numerator < exchange.residue_denominator
    assert fixed_send(source, scaled, *exponents).target_amount >= amount


@pytest.mark.parametrize(
    ("amount", "rate", "exponents"),
    [
        pytest.param(7, "0.1300628", (2, 2), id="PHP-0.07-to-HKD"),
        pytest.param(100, "0.0000437", (2, 4), id="HKD-1.00-to-CLF"),
    ],
)
def test_what_would_come_to_nothing_is_refused(amount: int, rate: str, exponents: tuple[int, int]) -> None:
    with pytest.raises(Rejected) as refused:
        fixed_send(amount, read_rate(rate, "rate"), *exponents)
    assert refused.value.code is ResultCode.AMOUNT_TOO_SMALL


def test_fees_are_rounded_up_and_capped() -> None:
    assert fee_of(200_000, 0, 35, None) == 700
    assert fee_of(200_001, 0, 35, None) == 701
    assert fee_of(200_000, 50, 35, None) == 750
    assert fee_of(200_000, 50, 35, 600) == 600
    assert fee_of(1, 0, 1, None) == 1, "a share of something is never nothing"


def test_splits_give_what_is_left_in_the_order_given() -> None:
    assert split(15, [80, 8, 12]) == [13, 1, 1]
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(1, [50, 50]) == [1, 0]
    assert split(2, [0, 1, 2]) == [0, 1, 1]


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("1", 10**10),
        ("7.688592130", 76_885_921_300),
        ("20082.05", 200_820_500_000_000),
        ("0.0000000001", 1),
        ("99999999999", 99_999_999_999 * 10**10),
        ("1.2300000000", 12_300_000_000),
    ],
)
def test_a_rate_is_a_decimal_of_eleven_digits(text: str, scaled: int) -> None:
    assert read_rate(text, "rate") == scaled
    assert read_rate(rate_text(scaled), "rate") == scaled


@pytest.mark.parametrize(
    "text", ["", "0", "0.0", "01", ".5", "1.", "-1", "1e3", "1,5", "100000000000", "1.12345678901"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        read_rate(text, "rate")
