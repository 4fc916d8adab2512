"""Amounts as people write them and as the ledger keeps them: ``1250.00`` with exponent 2 is 125000 minor units."""

import re
from typing import Final

from contracts.decimals import format_amount
from tradelane.errors import BadRequestError

__all__ = ["format_amount", "parse_amount"]

_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]{1,19}))?", re.ASCII)
_MINOR_UNITS_MAX: Final = (1 << 63) - 1


def parse_amount(text: str, exponent: int) -> int:
    """Return the minor units of a decimal text with a point, no thousands separators and no float on the way.

    Raises
    ------
    BadRequestError
        The text is no amount, has more decimals than the currency, or is too large for the ledger.

    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise BadRequestError("amount.form", f"{text!r} is no amount", "write it with a point, such as 1250.00")
    sign, whole, decimals = match.group(1), match.group(2), match.group(3) or ""
    if len(decimals) > exponent:
        raise BadRequestError(
            "amount.decimals", f"{text} has {len(decimals)} decimals, the currency has {exponent}", "round it yourself"
        )
    minor = int(whole + decimals.ljust(exponent, "0"))
    if minor > _MINOR_UNITS_MAX:
        raise BadRequestError("amount.too_large", f"{text} is more than the ledger can count", "split it")
    return -minor if sign else minor
