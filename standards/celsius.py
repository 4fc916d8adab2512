"""Temperatures in whole milli-degrees Celsius, exact until the one rounding at the end, half to even."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

COLDEST_MILLI_CELSIUS: Final = -273_150
HOTTEST_MILLI_CELSIUS: Final = 1_000_000

CELSIUS: Final = "Cel"
KELVIN: Final = "K"
FAHRENHEIT: Final = "degF"

# Holds every number that SenML or a logger may write for a time or a temperature.
ARITHMETIC: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
_ZERO_CELSIUS_KELVIN: Final = Decimal("273.15")


def milli_celsius(value: Decimal, unit: str) -> int | None:
    """Return a temperature in one of the three units, None where nothing can be that cold or the number is too large.

    >>> milli_celsius(Decimal("41.9"), FAHRENHEIT)
    5500
    """
    if unit == KELVIN:
        value = ARITHMETIC.subtract(value, _ZERO_CELSIUS_KELVIN)
    elif unit == FAHRENHEIT:
        value = ARITHMETIC.divide(ARITHMETIC.multiply(ARITHMETIC.subtract(value, Decimal(32)), Decimal(5)), Decimal(9))
    milli = int(ARITHMETIC.multiply(value, Decimal(1_000)).to_integral_value(context=ARITHMETIC))
    return milli if COLDEST_MILLI_CELSIUS <= milli <= HOTTEST_MILLI_CELSIUS else None
