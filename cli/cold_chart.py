"""A curve in the terminal, and as an SVG file that stands alone."""

from collections.abc import Iterable, Sequence
from html import escape as escape_xml
from typing import Final

from rich.text import Text

from cli.cold_curve import Curve
from cli.cold_text import degrees
from cli.formatting import time_text
from standards.strip_chart import Sample, Scale, Stretch, by_column, marks, scale_of

WIDTH: Final = 80
ROWS: Final = 14
_AXIS: Final = 9
_COLUMNS: Final = WIDTH - _AXIS

_IN, _OUT, _LIMIT, _GAP, _BREACH = "•", "#", "┄", "░", "!"
_STYLES: Final = {_IN: "green", _OUT: "bold red", _LIMIT: "dim", _GAP: "yellow", _BREACH: "bold red"}

_SVG_WIDTH, _SVG_HEIGHT, _LEFT, _TOP, _BELOW = 820, 240, 64, 44, 36
_SVG_COLUMNS: Final = 600
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#222}.quiet{fill:#555;font-size:11px}.field{fill:#fff;stroke:#999}"
    ".band{fill:#e3f3ef}.limit{stroke:#0b6b5d;stroke-dasharray:3 4}.gap{fill:#f3d9a4}.breach{fill:#b3261e}"
    ".in,.out{stroke:#0b6b5d;stroke-width:3;stroke-linecap:round}.out{stroke:#b3261e}"
)


def terminal_chart(curve: Curve, breaches: Sequence[Stretch]) -> list[Text]:
    """Return the curve as lines of 80 columns: temperature upwards, time to the right, each column its extremes."""
    samples = curve.samples
    scale = scale_of(samples, curve.limits)
    grid = [[" "] * _COLUMNS for _ in range(ROWS)]
    for edge in scale.edges:
        grid[_row(scale, edge)] = [_LIMIT] * _COLUMNS
    columns = by_column(samples, scale, _COLUMNS)
    for gap in curve.gaps:
        for column in _columns_of(scale, gap):
            if column not in columns:
                for row in grid:
                    row[column] = _GAP
    for column, one in columns.items():
        _draw(grid, column, one, scale, curve)
    lines = [_line(f"{label:>{_AXIS - 2}} ┤", row) for label, row in zip(_labels(scale), grid, strict=True)]
    # Below, what is shorter than a column is seen, too.
    under = [" "] * _COLUMNS
    for sign, stretches in ((_GAP, curve.gaps), (_BREACH, breaches)):
        for stretch in stretches:
            for column in _columns_of(scale, stretch):
                under[column] = sign
    if curve.gaps or breaches:
        lines.append(_line(" " * _AXIS, under))
    first, last = time_text(scale.first_ms), time_text(scale.last_ms)
    lines += [
        Text(" " * (_AXIS - 1) + "└" + "─" * _COLUMNS),
        Text(" " * _AXIS + f"{first}{last:>{_COLUMNS - len(first)}}"),
    ]
    return [*lines, _legend(curve, bool(breaches))]


def svg_file(title: str, curve: Curve, breaches: Sequence[Stretch]) -> str:
    """Return the curve as an SVG document with its axes; the title is escaped here."""
    samples = curve.samples
    scale = scale_of(samples, curve.limits)
    shown = by_column(samples, scale, _SVG_COLUMNS).values()
    field = marks(shown, curve.limits, scale, _SVG_WIDTH, _SVG_HEIGHT, gaps=curve.gaps, breaches=breaches)
    width, height = _LEFT + _SVG_WIDTH + 16, _TOP + _SVG_HEIGHT + _BELOW
    # The label of an end of the scale gives way to that of a limit beside it.
    ends_up = [level for level in (scale.bottom, scale.top) if all(_apart(scale, level, edge) for edge in scale.edges)]
    levels = sorted({*ends_up, *scale.edges})
    texts = [f'<text x="{_LEFT}" y="20">{escape_xml(title)}</text>']
    for level in levels:
        y = _TOP + (1 - scale.up(level)) * _SVG_HEIGHT + 4
        texts.append(f'<text class="quiet" text-anchor="end" x="{_LEFT - 6}" y="{y:.1f}">{level / 1_000:.1f} °C</text>')
    ends = ((scale.first_ms, _LEFT, "start"), (scale.last_ms, _LEFT + _SVG_WIDTH, "end"))
    texts += [
        f'<text class="quiet" text-anchor="{anchor}" x="{x}" y="{_TOP + _SVG_HEIGHT + 18}">{time_text(time_ms)}</text>'
        for time_ms, x, anchor in ends
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{_STYLE}</style>{''.join(texts)}"
        f'<g transform="translate({_LEFT} {_TOP})"><rect class="field" width="{_SVG_WIDTH}" height="{_SVG_HEIGHT}"/>'
        f"{field}</g></svg>\n"
    )


def _apart(scale: Scale, level: int, other: int) -> bool:
    return abs(scale.up(level) - scale.up(other)) * _SVG_HEIGHT >= 14


def _draw(grid: list[list[str]], column: int, one: Sample, scale: Scale, curve: Curve) -> None:
    """Draw a column from its lowest to its highest; what lies outside is marked, however little it is."""
    top, bottom = _row(scale, one.highest), _row(scale, one.lowest)
    for row in range(top, bottom + 1):
        grid[row][column] = _IN
    if curve.limits is None:
        return
    lower, upper = curve.limits
    if one.highest > upper:
        for row in range(top, max(min(_row(scale, upper), bottom + 1), top + 1)):
            grid[row][column] = _OUT
    if one.lowest < lower:
        for row in range(min(max(_row(scale, lower) + 1, top), bottom), bottom + 1):
            grid[row][column] = _OUT


def _row(scale: Scale, milli_celsius: int) -> int:
    return ROWS - 1 - round(scale.up(milli_celsius) * (ROWS - 1))


def _columns_of(scale: Scale, stretch: Stretch) -> Iterable[int]:
    first, last = (min(int(scale.across(end) * _COLUMNS), _COLUMNS - 1) for end in stretch)
    return range(first, last + 1)


def _labels(scale: Scale) -> list[str]:
    """Return what stands at each row: the top, the bottom and the limits."""
    labels = [""] * ROWS
    for level in (scale.bottom, scale.top, *scale.edges):
        labels[_row(scale, level)] = f"{level / 1_000:.1f}"
    return labels


def _line(start: str, cells: Sequence[str]) -> Text:
    line = Text(start)
    for cell in cells:
        line.append(cell, style=_STYLES.get(cell, ""))
    return line


def _legend(curve: Curve, has_breach: bool) -> Text:  # noqa: FBT001 (what the chart shows)
    line = Text(" " * _AXIS)
    kinds = [(_IN, "reading")]
    if curve.limits is not None:
        name = "label" if curve.is_label else "profile"
        span = f"{degrees(curve.limits[0])} to {degrees(curve.limits[1])} °C"
        kinds = [(_IN, "in range"), (_OUT, "outside"), (_LIMIT, f"{name} {span}")]
    kinds += [(_GAP, "not monitored")] if curve.gaps else []
    kinds += [(_BREACH, "breach")] if has_breach else []
    for index, (sign, name) in enumerate(kinds):
        line.append("  " if index else "").append(sign, style=_STYLES[sign]).append(f" {name}")
    return line
