"""Exact decimal strings: quantities are added and compared without floating point and without rounding."""

import re
from typing import Final

_DECIMAL: Final = re.compile(r"([+-]?)([0-9]{1,30})(?:\.([0-9]{1,18}))?(?:[eE]([+-]?[0-9]{1,2}))?")
_FRACTION_DIGITS: Final = 48
_EXPONENT_MAX: Final = 30


def scaled(text: str) -> int | None:
    """Return the number times 10^48, or None where the text is no decimal within the accepted range.

    Accepted are up to 30 digits before the point, 18 behind it and an exponent of at most 30 either way.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent_text = match.groups(default="")
    exponent = int(exponent_text or "0")
    if abs(exponent) > _EXPONENT_MAX:
        return None
    magnitude = int(whole + fraction)
    for _ in range(_FRACTION_DIGITS + exponent - len(fraction)):
        magnitude *= 10
    return -magnitude if sign == "-" else magnitude


def plain(number: int) -> str:
    """Return the shortest plain decimal of a number that was scaled by 10^48."""
    digits = str(abs(number)).rjust(_FRACTION_DIGITS + 1, "0")
    whole, fraction = digits[:-_FRACTION_DIGITS], digits[-_FRACTION_DIGITS:].rstrip("0")
    return ("-" if number < 0 else "") + whole + ("." + fraction if fraction else "")
