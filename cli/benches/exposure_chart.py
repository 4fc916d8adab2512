"""The exposure of a quote and of a transfer over the years, as an SVG file that stands alone."""

from collections.abc import Sequence
from html import escape
from typing import Final

from cli.benches.exposure import QUOTE_MINUTES, TRANSFER_DAYS, Exposure

_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW, _RIGHT = 820, 280, 64, 78, 40, 16
_COLUMNS: Final = 410
_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_LINES_MAX: Final = 6
_STYLE: Final = (
    ":root{color-scheme:light dark}.paper{fill:#fff}text{font:13px sans-serif;fill:#222}"
    ".quiet{fill:#555;font-size:11px}.line{stroke:#ddd}.transfer{stroke:#c2572b;fill:#c2572b}.quote{stroke:#0b6b5d;fill:#0b6b5d}"
    "@media(prefers-color-scheme:dark){.paper{fill:#14181a}text{fill:#e8e8e8}.quiet{fill:#aaa}.line{stroke:#333}"
    ".transfer{stroke:#e8895f;fill:#e8895f}.quote{stroke:#4fc0ad;fill:#4fc0ad}}"
)


def svg_file(exposure: Exposure) -> str:
    """Return the picture: for each stretch of days the largest move in three days, and before it that of a quote."""
    step = _step(max(exposure.in_transfer) * 100)
    top = step * (int(max(exposure.in_transfer) * 100 / step) + 1)
    width, height = _LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BELOW

    def y(percent: float) -> float:
        return _TOP + (1 - percent / top) * _HEIGHT

    parts = [f'<rect class="paper" width="{width}" height="{height}"/>']
    for number in range(round(top / step) + 1):
        level = number * step
        parts.append(f'<line class="line" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        label = f"{level:g} %</text>"
        parts.append(f'<text class="quiet" text-anchor="end" x="{_LEFT - 6}" y="{y(level) + 4:.1f}">{label}')
    for name, moves in (("transfer", exposure.in_transfer), ("quote", exposure.in_quote)):
        path = "".join(
            f"M{_LEFT + (column + 0.5) * _WIDTH / _COLUMNS:.1f} {y(0):.1f}V{y(most * 100):.1f}"
            for column, most in _by_column(moves)
        )
        parts.append(f'<path class="{name}" stroke-width="{_WIDTH / _COLUMNS:.2f}" d="{path}"/>')
    parts += _years(exposure)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(_title(exposure))}"><style>{_STYLE}</style>{"".join(parts)}'
        f"{''.join(_legend(exposure))}</svg>\n"
    )


def _title(exposure: Exposure) -> str:
    return f"{exposure.pair}: how far the rate moves between promise and payment"


def _legend(exposure: Exposure) -> list[str]:
    quote, _, transfer = exposure.spreads
    lines = [f'<text x="{_LEFT}" y="22" font-weight="bold">{escape(_title(exposure))}</text>']
    for row, (name, text, spread) in enumerate(
        (
            ("transfer", f"a transfer of {TRANSFER_DAYS} banking days, measured", transfer),
            ("quote", f"a quote of {QUOTE_MINUTES} minutes, a day's move scaled by the root of time", quote),
        )
    ):
        y = 42 + row * 18
        figures = f"median {spread.median:.2%}, p99 {spread.p99:.2%}, most {spread.most:.2%} ({spread.most_on})"
        lines.append(f'<rect class="{name}" x="{_LEFT}" y="{y - 9}" width="10" height="10"/>')
        lines.append(f'<text class="quiet" x="{_LEFT + 16}" y="{y}">{text}: {figures}</text>')
    return lines


def _by_column(moves: Sequence[float]) -> list[tuple[int, float]]:
    """Return the largest move of the days of each column."""
    found: dict[int, float] = {}
    for place, move in enumerate(moves):
        column = place * _COLUMNS // len(moves)
        found[column] = max(move, found.get(column, 0.0))
    return sorted(found.items())


def _years(exposure: Exposure) -> list[str]:
    """Return a label under the first day of each year, or of every few where there are many."""
    firsts = [
        (day.year, place)
        for place, day in enumerate(exposure.days)
        if place and day.year != exposure.days[place - 1].year
    ]
    every = max(1, -(-len(firsts) // 14))
    return [
        f'<text class="quiet" text-anchor="middle" x="{_LEFT + place * _WIDTH / len(exposure.days):.1f}" '
        f'y="{_TOP + _HEIGHT + 18}">{year}</text>'
        for year, place in firsts
        if year % every == 0
    ]


def _step(most: float) -> float:
    """Return the distance of the lines, so that there are a few."""
    return next((step for step in _STEPS if most / step < _LINES_MAX), _STEPS[-1])
