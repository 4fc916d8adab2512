"""What a provider risks between the promise of a rate and the payment, replayed over the days of a published series.

The file is that of the European Central Bank's reference rates: a row a banking day, units of each currency for one
euro. What a pair moved in one or three rows is measured. What it moves within a day the file does not say: the
exposure of a quote of ten minutes is a day's move, scaled by the root of time as if prices walked at random. Real
prices jump now and then; so that figure is a model and marked as one.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from cli.files import read_file
from tradelane import BadRequestError

QUOTE_MINUTES: Final = 10
TRANSFER_DAYS: Final = 3
FILE_BYTES_MAX: Final = 64_000_000
DAYS_MIN: Final = 10
_MINUTES_A_DAY: Final = 24 * 60
_HINT: Final = "give eurofxref-hist.csv of the European Central Bank"


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a rate moved, either way, as a part of it: the middle, the 99th of 100, the most and when that began."""

    what: str
    is_measured: bool
    median: float
    p99: float
    most: float
    most_on: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """The days, first to last, and for each from which three more are known what a pair moved, as a part of its rate.

    ``in_transfer`` is measured over three rows; ``in_quote`` is the move to the next row, scaled to ten minutes.
    """

    pair: str
    days: tuple[date, ...]
    in_quote: tuple[float, ...]
    in_transfer: tuple[float, ...]
    spreads: tuple[Spread, ...]


def read_exposure(path: Path, pair: str) -> Exposure:
    """Return the exposure of a pair such as HKD/PHP over the rates in a file.

    Raises
    ------
    BadRequestError
        The file is none of reference rates, or the pair is not in it.

    """
    source, _, target = pair.partition("/")
    try:
        text = read_file(path, FILE_BYTES_MAX).decode()
        series = sorted(_read_rows(csv.reader(text.splitlines()), source, target))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError("rates.unreadable", f"{path} cannot be read: {error}", _HINT) from error
    if len(series) < DAYS_MIN:
        raise BadRequestError(
            "rates.pair", f"{path} has {len(series)} days with rates of both {source} and {target}", _HINT
        )
    return _exposure(pair, series)


def _read_rows(rows: Iterable[Sequence[str]], source: str, target: str) -> Iterable[tuple[date, float]]:
    """Yield (day, units of the target for one of the source) of the rows that know both."""
    columns: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if not columns:
            columns = {name.strip(): place for place, name in enumerate(row)}
            missing = [name for name in ("Date", source, target) if name not in {*columns, "EUR"}]
            if missing:
                raise BadRequestError("rates.column", f"the file has no column {', '.join(missing)}", _HINT)
            continue
        try:
            one, other = (1.0 if code == "EUR" else _rate(row[columns[code]]) for code in (source, target))
            if one is not None and other is not None:
                yield date.fromisoformat(row[columns["Date"]]), other / one
        except (ValueError, IndexError) as error:
            raise BadRequestError("rates.row", f"row {number} is no day with its rates", _HINT) from error


def _rate(text: str) -> float | None:
    if text.strip() in ("", "N/A"):
        return None
    rate = float(text)
    if not 0 < rate < 1e12:
        raise ValueError(text)
    return rate


def _exposure(pair: str, series: Sequence[tuple[date, float]]) -> Exposure:
    days = [day for day, _ in series[:-TRANSFER_DAYS]]
    rates = [rate for _, rate in series]

    def moves(rows: int) -> list[float]:
        return [abs(rates[place + rows] / rates[place] - 1) for place in range(len(days))]

    in_day, in_transfer = moves(1), moves(TRANSFER_DAYS)
    in_quote = [move * (QUOTE_MINUTES / _MINUTES_A_DAY) ** 0.5 for move in in_day]
    spreads = (
        _spread(f"quote of {QUOTE_MINUTES} minutes", days, in_quote, is_measured=False),
        _spread("one banking day", days, in_day, is_measured=True),
        _spread(f"transfer of {TRANSFER_DAYS} banking days", days, in_transfer, is_measured=True),
    )
    return Exposure(pair, tuple(days), tuple(in_quote), tuple(in_transfer), spreads)


def _spread(what: str, days: Sequence[date], moves: Sequence[float], *, is_measured: bool) -> Spread:
    ranked = sorted(moves)
    most = max(range(len(moves)), key=moves.__getitem__)
    return Spread(
        what=what,
        is_measured=is_measured,
        median=ranked[len(ranked) // 2],
        p99=ranked[len(ranked) * 99 // 100],
        most=moves[most],
        most_on=days[most].isoformat(),
    )
