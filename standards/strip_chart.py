"""A strip chart of temperatures: where a time and a temperature lie, and the marks of it as SVG.

One form for the page of a shopper, the file of `tradelane cold report` and its curve in the terminal. Between readings
nothing is known: what was measured is drawn and nothing is joined. The marks have classes and no colours, which whoever
shows them chooses: ``band`` and ``limit`` for the range, ``in`` and ``out`` for readings, ``gap`` and ``breach`` for
stretches of time. Numbers alone go into the text, so it needs no escaping.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_MARGIN_MILLI: Final = 1_000
_LIMIT_NEAR_MILLI: Final = 15_000
_PADDING: Final = 6

Range: TypeAlias = tuple[int, int]
"""The lowest and the highest temperature that are in order, milli-degrees Celsius."""
Stretch: TypeAlias = tuple[int, int]
"""From when until when, milliseconds UTC."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at a time: the lowest and the highest, in milli-degrees Celsius."""

    time_ms: int
    lowest: int
    highest: int

    def is_outside(self, limits: Range | None) -> bool:
        """Whether a part of it lies outside of a range."""
        return limits is not None and (self.lowest < limits[0] or self.highest > limits[1])


@dataclass(frozen=True, slots=True)
class Scale:
    """The edges of the chart, and which of the limits lie within."""

    first_ms: int
    last_ms: int
    bottom: int
    top: int
    edges: tuple[int, ...]

    def across(self, time_ms: int) -> float:
        """Return how far from the left a time lies, from 0 to 1."""
        if self.last_ms == self.first_ms:
            return 0.5
        return min(max((time_ms - self.first_ms) / (self.last_ms - self.first_ms), 0.0), 1.0)

    def up(self, milli_celsius: int) -> float:
        """Return how far from the bottom a temperature lies, from 0 to 1."""
        return (min(max(milli_celsius, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)


def scale_of(samples: Sequence[Sample], limits: Range | None) -> Scale:
    """Return a scale that holds all samples, which are in the order of time, and the limits where they are near."""
    low, high = min(one.lowest for one in samples), max(one.highest for one in samples)
    edges = tuple(one for one in limits or () if low - _LIMIT_NEAR_MILLI <= one <= high + _LIMIT_NEAR_MILLI)
    bottom, top = min([low, *edges]) - _MARGIN_MILLI, max([high, *edges]) + _MARGIN_MILLI
    return Scale(samples[0].time_ms, samples[-1].time_ms, bottom, top, edges)


def by_column(samples: Iterable[Sample], scale: Scale, columns: int) -> dict[int, Sample]:
    """Return what was measured in each of so many columns of equal time, without those that hold nothing."""
    found: dict[int, Sample] = {}
    for one in samples:
        column = min(int(scale.across(one.time_ms) * columns), columns - 1)
        kept = found.setdefault(column, one)
        found[column] = Sample(kept.time_ms, min(kept.lowest, one.lowest), max(kept.highest, one.highest))
    return found


def marks(
    samples: Iterable[Sample],
    limits: Range | None,
    scale: Scale,
    width: int,
    height: int,
    *,
    gaps: Iterable[Stretch] = (),
    breaches: Iterable[Stretch] = (),
) -> str:
    """Return the marks as elements of SVG, in a field of a width and a height."""

    def x(time_ms: int) -> float:
        return _PADDING + scale.across(time_ms) * (width - 2 * _PADDING)

    def y(milli_celsius: int) -> float:
        return height - scale.up(milli_celsius) * height

    def stretch(kind: str, ends: Stretch, top: float, size: float) -> str:
        left, right = x(ends[0]), x(ends[1])
        return f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{size:.1f}"/>'

    parts = []
    if limits is not None:
        upper, lower = y(limits[1]), y(limits[0])
        parts.append(
            f'<rect class="band" x="0" y="{upper:.1f}" width="{width}" height="{max(0.0, lower - upper):.1f}"/>'
        )
    parts += [stretch("gap", one, 0, height) for one in gaps]
    parts += [f'<path class="limit" d="M0 {y(edge):.1f}H{width}"/>' for edge in scale.edges]
    for one in samples:
        kind = "out" if one.is_outside(limits) else "in"
        ends = f"M{x(one.time_ms):.1f} {y(one.lowest):.1f}V{y(one.highest) - 0.1:.1f}"
        parts.append(f'<path class="{kind}" d="{ends}"/>')
    parts += [stretch("breach", one, height - 4, 4) for one in breaches]
    return "".join(parts)
