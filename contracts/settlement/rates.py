"""Rates and fees in integers: exact, and rounded for the provider by less than one minor unit.

A rate says how many major units of the target currency one major unit of the source currency buys. It is a decimal of
at most 11 digits, 10 of them after the point (ISO 20022 BaseOneRate), so that it goes into a bank message as it is, and
it is kept here as an integer, scaled by 10^10.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.arguments import refuse
from contracts.results import Rejected, ResultCode

RATE_SCALE: Final = 10**10
BASIS_POINTS: Final = 10_000

_RATE: Final = re.compile(r"(0|[1-9][0-9]{0,10})(?:\.([0-9]{1,10}))?")
_DIGITS_MAX: Final = 11


@dataclass(frozen=True, slots=True)
class Exchange:
    """Both amounts in minor units, and what the provider keeps by rounding: a part of one minor unit as a fraction."""

    source_amount: int
    target_amount: int
    residue_numerator: int
    residue_denominator: int


def read_rate(value: object, what: str) -> int:
    """Return a rate scaled by 10^10."""
    match = _RATE.fullmatch(value) if type(value) is str else None
    if match is None:
        refuse(f"{what} is a decimal such as 7.6886, at most 10 digits after the point")
    whole, fraction = match.groups(default="")
    rate = int(whole + fraction.ljust(10, "0"))
    if rate == 0 or len((whole + fraction.rstrip("0")).lstrip("0")) > _DIGITS_MAX:
        refuse(f"{what} is above zero and has at most {_DIGITS_MAX} digits")
    return rate


def rate_text(rate: int) -> str:
    """Return the shortest decimal of a rate that was scaled by 10^10."""
    whole, fraction = divmod(rate, RATE_SCALE)
    return f"{whole}.{fraction:010d}".rstrip("0").rstrip(".")


def fixed_send(source_amount: int, rate: int, source_exponent: int, target_exponent: int) -> Exchange:
    """Return what a fixed source amount buys, rounded down; raises Rejected where that is nothing."""
    numerator = source_amount * rate * 10**target_exponent
    denominator = RATE_SCALE * 10**source_exponent
    target_amount, residue = divmod(numerator, denominator)
    _require_some(source_amount, target_amount)
    return Exchange(source_amount, target_amount, residue, denominator)


def fixed_receive(target_amount: int, rate: int, source_exponent: int, target_exponent: int) -> Exchange:
    """Return what a fixed target amount costs, rounded up; raises Rejected where that is nothing."""
    numerator = target_amount * RATE_SCALE * 10**source_exponent
    denominator = rate * 10**target_exponent
    source_amount = -(-numerator // denominator)
    _require_some(source_amount, target_amount)
    return Exchange(source_amount, target_amount, source_amount * denominator - numerator, denominator)


def fee_of(amount: int, fixed: int, basis_points: int, cap: int | None) -> int:
    """Return a fee in minor units: a fixed part and a share of the amount, rounded up, at most ``cap``."""
    fee = fixed - (-amount * basis_points // BASIS_POINTS)
    return fee if cap is None else min(fee, cap)


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Return an amount in parts by weight: each rounded down, what is left one unit at a time in the order given."""
    total = sum(weights)
    assert total > 0, "something has a weight"
    parts = [amount * weight // total for weight in weights]
    takers = [place for place, weight in enumerate(weights) if weight]
    for place in range(amount - sum(parts)):
        parts[takers[place]] += 1
    return parts


def _require_some(source_amount: int, target_amount: int) -> None:
    if source_amount == 0 or target_amount == 0:
        raise Rejected(ResultCode.AMOUNT_TOO_SMALL, f"{source_amount} would buy {target_amount} minor units")
