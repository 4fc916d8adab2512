"""The cold record as the page shows it: the verdict of the contracts in words, and the strip."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from node.web import words
from node.web.cold import Cold, Strip, strip_svg
from standards.durations import duration_text


@dataclass(frozen=True, slots=True)
class ColdPart:
    """Texts and the chart, which is there where readings are."""

    range: str
    lines: tuple[str, ...]
    chart: Markup | None
    limits: str
    from_date: str
    until_date: str
    has_gaps: bool


def cold_part(cold: Cold, strip: Strip | None) -> ColdPart:
    """Return what the page says of a cold record."""
    low, high = cold.lowest_milli_celsius, cold.highest_milli_celsius
    limits = None if strip is None else strip.limits
    return ColdPart(
        range="" if low is None else words.celsius_text(low, high),
        lines=tuple(_lines(cold)),
        chart=None if strip is None else strip_svg(strip),
        limits="" if limits is None else f"limit {words.celsius_text(*limits)}",
        from_date="" if strip is None else words.date_text(strip.from_ms),
        until_date="" if strip is None else words.date_text(strip.until_ms),
        has_gaps=strip is not None and bool(strip.gaps),
    )


def _lines(cold: Cold) -> Iterator[str]:
    number = words.count_text(cold.readings, "reading")
    if cold.readings == 0:
        yield "A logger watches it and has not reported yet."
    elif cold.out_of_range_ms == 0 and cold.breaches == 0:
        yield f"{number}, all in range."
    else:
        spent = f"{number}; out of range for {duration_text(cold.out_of_range_ms)}"
        allowed = "" if cold.budget_ms is None else f" of the {duration_text(cold.budget_ms)} that its maker allows"
        yield f"{spent}{allowed}."
    if cold.breaches:
        open_ones = f", {cold.unacknowledged} not looked into yet" if cold.unacknowledged else ""
        yield f"{words.count_text(cold.breaches, 'limit')} broken{open_ones}."
    if cold.stays:
        yield "Part of this was measured on what it was packed in, for the time that it was in there."
    if not cold.is_whole:
        yield "Not everything that it was packed in could be followed here."
    if cold.unmonitored_ms:
        yield f"Nobody measured for {duration_text(cold.unmonitored_ms)}."
