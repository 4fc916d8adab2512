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
from standards.strip_chart import Sample, marks, scale_of

WIDTH: Final = 320
HEIGHT: Final = 96
_READINGS_MAX: Final = 200


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
    outside = sum(one.is_outside(limits) for one in _samples(readings))
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
    shown = _samples(readings[-_READINGS_MAX:])
    limits = _limits(product)
    scale = scale_of(shown, limits)
    low, high = min(one.lowest for one in shown), max(one.highest for one in shown)
    label = f"{words.count_text(len(shown), 'reading')} from {words.celsius_text(low, high)}"
    return Markup(  # noqa: S704 (numbers alone, formatted there and here)
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" preserveAspectRatio="none">'
        + marks(shown, limits, scale, WIDTH, HEIGHT)
        + "</svg>"
    )


def _samples(readings: list[Reading]) -> list[Sample]:
    return [Sample(one.time_ms, one.lowest, one.highest) for one in readings]


def _is_valid(record: Record) -> bool:
    """Say whether a record neither was declared wrong nor repeats one that was."""
    return not record.is_declared_wrong and (record.event is None or record.event.declaration is None)


def _limits(product: Product | None) -> tuple[int, int] | None:
    if product is None or product.lowest_milli_celsius is None or product.highest_milli_celsius is None:
        return None
    return product.lowest_milli_celsius, product.highest_milli_celsius
