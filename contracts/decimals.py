"""Exact decimal strings: quantities and amounts without floating point and without rounding."""

import re
from typing import Final

_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?")
_FRACTION_DIGITS: Final = 40


def scaled(text: str) -> int | None:
    """Return the number times 10^40, or None where the text is no decimal of at most 40 digits on either side."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction = match.groups(default="")
    magnitude = int(whole + fraction.ljust(_FRACTION_DIGITS, "0"))
    return -magnitude if sign else magnitude


def plain(number: int) -> str:
    """Return the shortest plain decimal of a number that was scaled by 10^40."""
    digits = str(abs(number)).rjust(_FRACTION_DIGITS + 1, "0")
    whole, fraction = digits[:-_FRACTION_DIGITS], digits[-_FRACTION_DIGITS:].rstrip("0")
    return ("-" if number < 0 else "") + whole + ("." + fraction if fraction else "")


def format_amount(minor_units: int, exponent: int) -> str:
    """Return minor units of a currency as a decimal text: 125000 with exponent 2 is ``1250.00``."""
    digits = str(abs(minor_units)).rjust(exponent + 1, "0")
    text = digits if exponent == 0 else f"{digits[:-exponent]}.{digits[-exponent:]}"
    return f"-{text}" if minor_units < 0 else text
