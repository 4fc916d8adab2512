"""Units of measure of UN/ECE Recommendation 20 that name the same kind of amount: exact factors, and no others.

An amount of one kind can be added to another of it. Units that are not here compare with themselves alone: a piece is
not a kilogram, and a carton of one firm is not that of another.
"""

from decimal import Decimal
from typing import Final

PIECES: Final = "C62"
"""What a quantity without a unit counts: one, as a unit of its own."""

# Unit -> (unit in which the kind is reckoned, how many of those it is).
_FACTORS: Final = {
    "KGM": ("KGM", Decimal(1)),
    "GRM": ("KGM", Decimal("0.001")),
    "MGM": ("KGM", Decimal("0.000001")),
    "TNE": ("KGM", Decimal(1_000)),
    "LBR": ("KGM", Decimal("0.45359237")),
    "ONZ": ("KGM", Decimal("0.028349523125")),
    "LTR": ("LTR", Decimal(1)),
    "MLT": ("LTR", Decimal("0.001")),
    "MTQ": ("LTR", Decimal(1_000)),
    "HLT": ("LTR", Decimal(100)),
    "MTR": ("MTR", Decimal(1)),
    "CMT": ("MTR", Decimal("0.01")),
    "MMT": ("MTR", Decimal("0.001")),
    "MTK": ("MTK", Decimal(1)),
    PIECES: (PIECES, Decimal(1)),
    "H87": (PIECES, Decimal(1)),
    "EA": (PIECES, Decimal(1)),
}


def comparable(amount: Decimal, unit: str | None) -> tuple[str, Decimal]:
    """Return an amount in the unit in which its kind is reckoned; None is pieces.

    >>> comparable(Decimal("2.5"), "TNE")
    ('KGM', Decimal('2500.0'))
    >>> comparable(Decimal(3), "XBX")
    ('XBX', Decimal('3'))
    """
    base, factor = _FACTORS.get(unit or PIECES, (unit or PIECES, Decimal(1)))
    return base, amount * factor
