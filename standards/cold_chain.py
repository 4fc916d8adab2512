"""Mean kinetic temperature and the life that a vaccine vial monitor has lost: information beside a verdict, never one.

Neither excuses an excursion, which is why contracts know nothing of them and floating point may be used here. Facts:
the activation energy 83.144 kJ/mol makes 10,000 kelvin over the gas constant (USP <1079.2>); the rates of the vial
monitors are those of Goldwood and Diesburg (2018), per day.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ACTIVATION_ENERGY_KJ_PER_MOL: Final = 83.144
VIAL_MONITORS: Final = {
    "VVM2": (1.4422e17, 12_429.0),
    "VVM7": (2.1532e18, 13_652.0),
    "VVM14": (1.0766e18, 13_652.0),
    "VVM30": (5.1131e17, 13_657.0),
}

_GAS_CONSTANT_KJ_PER_MOL_KELVIN: Final = 8.3144e-3
_ACTIVATION_KELVIN: Final = ACTIVATION_ENERGY_KJ_PER_MOL / _GAS_CONSTANT_KJ_PER_MOL_KELVIN
_ZERO_CELSIUS_KELVIN: Final = 273.15
_DAY_MS: Final = 86_400_000
_MILLI: Final = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A temperature and for how long it held."""

    milli_celsius: int
    span_ms: int


def is_gap(span_ms: int, missing: int, gap_ms: int) -> bool:
    """Say whether nobody monitored between two readings: some between them are missing, or they are too far apart."""
    return missing > 0 or span_ms > gap_ms


def held_spans(readings: Sequence[tuple[int, int]], gap_ms: int) -> list[Held]:
    """Return how long each reading, (time in ms, milli-degrees Celsius), held until the next.

    The last one holds for no time, and neither does one before an interval longer than ``gap_ms``.
    """
    spans = []
    for index, (time_ms, milli_celsius) in enumerate(readings[:-1]):
        span_ms = readings[index + 1][0] - time_ms
        if 0 < span_ms <= gap_ms:
            spans.append(Held(milli_celsius, span_ms))
    return spans


def mean_kinetic_celsius(spans: Sequence[Held]) -> float | None:
    """Return the mean kinetic temperature in degrees Celsius, each reading weighted by its time; None without any."""
    total_ms = sum(one.span_ms for one in spans)
    if total_ms == 0:
        return None
    stress = math.fsum(one.span_ms * math.exp(-_ACTIVATION_KELVIN / _kelvin(one.milli_celsius)) for one in spans)
    # Near absolute zero every exponential is nought, and with it the mean.
    return (
        -_ZERO_CELSIUS_KELVIN
        if stress == 0
        else _ACTIVATION_KELVIN / -math.log(stress / total_ms) - _ZERO_CELSIUS_KELVIN
    )


def vial_monitor_life_lost_percent(monitor: str, spans: Sequence[Held]) -> float:
    """Return how much of its life a monitor of ``VIAL_MONITORS`` has lost; more than 100 means that it has turned."""
    factor, activation = VIAL_MONITORS[monitor]
    days = math.fsum(
        one.span_ms / _DAY_MS * factor * math.exp(-activation / _kelvin(one.milli_celsius)) for one in spans
    )
    return 100 * days


def _kelvin(milli_celsius: int) -> float:
    # A thousandth above absolute zero instead of at it: no division by nought.
    return max(milli_celsius / _MILLI + _ZERO_CELSIUS_KELVIN, 1 / _MILLI)
