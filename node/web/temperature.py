"""How cold or warm a thing was kept: readings of its own life against the range on its label, and a strip chart.

What a thing was made from had another life and another label, so its readings are not counted here. Between readings
nothing is known: the chart draws what was measured and joins nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from node.records import Reading, Record
from node.web import words
from node.web.journey import SOURCE, Telling
from node.web.product import Product

WIDTH: Final = 320
HEIGHT: Final = 96
_PADDING: Final = 6
_READINGS_MAX: Final = 200
_MARGIN_MILLI: Final = 1_000


@dataclass(frozen=True, slots=True)
class Temperature:
    """All readings together, milli-degrees Celsius; ``is_within`` is None where the label names no range."""

    number: int
    lowest_milli_celsius: int
    highest_milli_celsius: int
    from_ms: int
    until_ms: int
    outside: int
    is_within: bool | None

    @property
    def text(self) -> str:
        """The range of the readings for people."""
        return words.celsius_text(self.lowest_milli_celsius, self.highest_milli_celsius)


def readings_of(told: Iterable[Telling]) -> list[Reading]:
    """Return the readings of a thing's own life, by time."""
    found = [
        reading
        for telling in told
        if telling.scope != SOURCE and _is_valid(telling.record)
        for reading in telling.record.readings()
    ]
    return sorted(found, key=lambda reading: reading.time_ms)


def summary(readings: list[Reading], product: Product | None) -> Temperature | None:
    """Return the readings in short, or None where there are none."""
    if not readings:
        return None
    limits = _limits(product)
    outside = sum(limits is not None and _is_outside(reading, limits) for reading in readings)
    return Temperature(
        number=len(readings),
        lowest_milli_celsius=min(reading.lowest for reading in readings),
        highest_milli_celsius=max(reading.highest for reading in readings),
        from_ms=readings[0].time_ms,
        until_ms=readings[-1].time_ms,
        outside=outside,
        is_within=None if limits is None else outside == 0,
    )


def chart(readings: list[Reading], product: Product | None) -> Markup:
    """Return the strip chart as SVG, made of numbers alone."""
    shown = readings[-_READINGS_MAX:]
    limits = _limits(product)
    low, high = min(reading.lowest for reading in shown), max(reading.highest for reading in shown)
    edges = [limit for limit in limits or () if low - 15_000 <= limit <= high + 15_000]
    bottom, top = min([low, *edges]) - _MARGIN_MILLI, max([high, *edges]) + _MARGIN_MILLI
    first, last = shown[0].time_ms, shown[-1].time_ms

    def x(time_ms: int) -> str:
        part = 0.5 if last == first else (time_ms - first) / (last - first)
        return f"{_PADDING + part * (WIDTH - 2 * _PADDING):.1f}"

    def y(milli_celsius: int) -> float:
        return HEIGHT - (milli_celsius - bottom) / (top - bottom) * HEIGHT

    parts = []
    if limits is not None:
        upper, lower = (min(max(limit, bottom), top) for limit in (limits[1], limits[0]))
        height = max(0.0, y(lower) - y(upper))
        parts.append(f'<rect class="band" x="0" y="{y(upper):.1f}" width="{WIDTH}" height="{height:.1f}"/>')
    parts += [f'<path class="limit" d="M0 {y(edge):.1f}H{WIDTH}"/>' for edge in edges]
    for reading in shown:
        kind = "out" if limits is not None and _is_outside(reading, limits) else "in"
        ends = f"M{x(reading.time_ms)} {y(reading.lowest):.1f}V{y(reading.highest) - 0.1:.1f}"
        parts.append(f'<path class="{kind}" d="{ends}"/>')
    label = f"{words.count_text(len(shown), 'reading')} from {words.celsius_text(low, high)}"
    return Markup(  # noqa: S704 (numbers alone, formatted here)
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" preserveAspectRatio="none">'
        + "".join(parts)
        + "</svg>"
    )


def _is_valid(record: Record) -> bool:
    """Say whether a record neither was declared wrong nor repeats one that was."""
    return not record.is_declared_wrong and (record.event is None or record.event.declaration is None)


def _limits(product: Product | None) -> tuple[int, int] | None:
    if product is None or product.lowest_milli_celsius is None or product.highest_milli_celsius is None:
        return None
    return product.lowest_milli_celsius, product.highest_milli_celsius


def _is_outside(reading: Reading, limits: tuple[int, int]) -> bool:
    return reading.lowest < limits[0] or reading.highest > limits[1]
