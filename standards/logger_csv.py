"""The CSV files of temperature loggers: whatever the maker's dialect, one reading of every line or none of the file.

Header lines, ``,``, ``;`` or tab, decimal comma or point, a date in one column with the time or in its own, Celsius,
Fahrenheit or kelvin. Nothing is guessed: a time without a stated zone, a date that may be read in two ways, a unit that
is not named or two temperature columns are refused, with the number of the line and what to say instead. A line whose
sensor measured nothing (``ERR``, ``---``, blank) stays in the result, because nobody knows how warm it was then. Pure.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, NoReturn

from standards.celsius import CELSIUS, FAHRENHEIT, KELVIN, milli_celsius
from standards.errors import SensorDataError
from standards.logger_times import DateOrder, read_time, slashed_order, stated_offsets

SIZE_BYTES_MAX: Final = 16_777_216
LINES_MAX: Final = 200_000
HEADER_LINES_MAX: Final = 100
COLUMNS_MAX: Final = 100
UNITS: Final = {"c": CELSIUS, "f": FAHRENHEIT, "k": KELVIN}

_SEPARATORS: Final = (";", "\t", ",")
_MOMENT_NAMES: Final = frozenset(
    {"timestamp", "datetime", "date time", "date/time", "date & time", "date and time", "measured at", "recorded at"}
)
_TEMPERATURE: Final = re.compile(r"(?:.*[^a-z])?temp(?:erature)?(?:[^a-z].*)?")
_UNIT: Final = re.compile(r"(?<![a-z0-9])(?:°|deg ?)?(c|cel|celsius|f|fahrenheit|k|kelvin)(?![a-z0-9])")
_VALUE: Final = re.compile(
    r"([+-]?[0-9]{1,9})(?:([.,])([0-9]{1,9}))?\s*((?:°|deg ?)?(?:c|cel|celsius|f|fahrenheit|k|kelvin))?"
)
_NOTHING: Final = frozenset(
    {"", "-", "--", "---", "err", "error", "n/a", "na", "nan", "null", "none", "ol", "open", "short", "#n/a", "no data"}
)
_ZONE_LINE: Final = re.compile(r"time ?zone|utc offset")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a person says of a file because it does not say it itself; None leaves it to the file."""

    zone_minutes: int | None = None
    date_order: DateOrder | None = None
    unit: str | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class LoggerReading:
    """A line of the file: when, and how warm it was, None where the sensor measured nothing."""

    line: int
    time_ms: int
    milli_celsius: int | None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns are and how many there are, and what holds for every line."""

    count: int
    date: int
    time: int | None
    temperature: int
    unit: str
    zone_minutes: int | None


_Row = tuple[int, list[str]]


def read_logger_csv(data: bytes, stated: Stated) -> tuple[LoggerReading, ...]:
    """Return the readings of a logger's file in the order of their times.

    Raises
    ------
    SensorDataError
        The file cannot be read whole, or only by guessing; the text names the line.

    """
    rows, header = _split(_text(data), stated.column)
    columns = _columns(rows[: header + 1], stated)
    body = [(line, cells) for line, cells in rows[header + 1 :] if any(cells)]
    if not body:
        _refuse(rows[header][0], "is a header, and nothing follows it")
    for line, cells in body:
        if len(cells) <= max(columns.date, columns.time or 0) or any(cells[columns.count :]):
            _refuse(line, f"has {len(cells)} columns, the header {columns.count}")
    order = slashed_order(((line, cells[columns.date]) for line, cells in body), stated.date_order)
    return _in_order(list(_readings(body, columns, order)))


def _text(data: bytes) -> str:
    if len(data) > SIZE_BYTES_MAX:
        raise SensorDataError("csv_too_long", f"the file is longer than {SIZE_BYTES_MAX} bytes; cut it by time")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        # What is not ASCII in such a file is the degree sign, which older programs write as one byte.
        return data.decode("latin-1")


def _split(text: str, column: str | None) -> tuple[list[_Row], int]:
    """Return (line, cells) of every line, and the index of the header, which also says what separates columns."""
    for separator in _SEPARATORS:
        rows: list[_Row] = []
        header = None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        try:
            for cells in reader:
                if header is None and len(rows) >= HEADER_LINES_MAX:
                    break
                if len(rows) >= LINES_MAX:
                    raise SensorDataError("csv_too_long", f"the file has more than {LINES_MAX} lines; cut it by time")
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
                if header is None and _is_header(rows[-1][1], column):
                    header = len(rows) - 1
        except csv.Error as error:
            if header is not None:
                _refuse(reader.line_num, f"cannot be split into columns: {error}")
        if header is not None:
            return rows, header
    wanted = "a temperature column" if column is None else f"the column {column!r}"
    raise SensorDataError(
        "csv_header",
        f"none of the first {HEADER_LINES_MAX} lines names a time column and {wanted}, as `timestamp,temp_c` does",
    )


def _is_header(cells: Sequence[str], column: str | None) -> bool:
    values = _values(cells, column)
    moments = [index for index, cell in enumerate(cells) if index not in values and _time_name(cell) is not None]
    return len(cells) <= COLUMNS_MAX and bool(values) and bool(moments)


def _values(cells: Sequence[str], column: str | None) -> list[int]:
    """Return which columns are temperatures; one that a person names is whatever it is called."""
    if column is not None:
        return [index for index, cell in enumerate(cells) if cell == column]
    return [index for index, cell in enumerate(cells) if _TEMPERATURE.fullmatch(_plain(cell))]


def _time_name(cell: str) -> str | None:
    """Return what a column of times holds, ``moment``, ``date`` or ``time``, or None where it holds something else."""
    bare = re.split(r"[(\[,]|\b(?:utc|gmt)\b", _plain(cell))[0].strip()
    return "moment" if bare in _MOMENT_NAMES else bare if bare in ("date", "time") else None


def _columns(head: Sequence[_Row], stated: Stated) -> _Columns:
    line, cells = head[-1]
    values = _values(cells, stated.column)
    if len(values) > 1:
        names = ", ".join(repr(cells[index][:40]) for index in values[:8])
        _refuse(line, f"names {len(values)} temperature columns ({names}); say which one, by its name")
    named = [(_time_name(cell), index) for index, cell in enumerate(cells) if index not in values]
    times = [(kind, index) for kind, index in named if kind is not None]
    kinds = dict(times)
    if len(times) > len(kinds) or ("moment" in kinds and len(kinds) > 1):
        _refuse(line, "names more than one column of times")
    date = kinds.get("moment", kinds.get("date", kinds.get("time", 0)))
    time = kinds["time"] if len(kinds) == 2 else None
    return _Columns(
        len(cells), date, time, values[0], _unit(line, cells[values[0]], stated), _zone(head, (date, time), stated)
    )


def _unit(line: int, name: str, stated: Stated) -> str:
    units = {UNITS[found[0]] for found in _UNIT.findall(_plain(name))}
    if stated.unit is not None:
        if len(units) == 1 and stated.unit not in units:
            _refuse(line, f"names another unit than you do: {name[:40]!r}")
        return stated.unit
    if len(units) != 1:
        _refuse(line, f"does not say in which unit {name[:40]!r} is; say C, F or K")
    return units.pop()


def _zone(head: Sequence[_Row], columns: tuple[int, int | None], stated: Stated) -> int | None:
    """Return the offset from UTC that holds for the whole file, None where each time has to state its own."""
    found = {} if stated.zone_minutes is None else {stated.zone_minutes: 0}
    for line, cells in head[:-1]:
        text = " ".join(cells)
        if _ZONE_LINE.search(_plain(text)):
            found.update(dict.fromkeys(stated_offsets(text), line))
    line, cells = head[-1]
    for index in columns:
        if index is not None:
            found.update(dict.fromkeys(stated_offsets(cells[index]), line))
    if len(found) > 1:
        _refuse(max(found.values()), "states another time zone than what stands before it or what you say")
    return next(iter(found), None)


def _readings(body: Sequence[_Row], columns: _Columns, order: DateOrder | None) -> Iterator[LoggerReading]:
    points: dict[str, int] = {}
    for line, cells in body:
        time = None if columns.time is None else cells[columns.time]
        time_ms = read_time(line, cells[columns.date], time, order, columns.zone_minutes)
        text = (cells[columns.temperature] if columns.temperature < len(cells) else "").lower().replace("\u2212", "-")
        if text in _NOTHING:
            yield LoggerReading(line, time_ms, None)
            continue
        found = _VALUE.fullmatch(text)
        if found is None:
            _refuse(line, f"has a temperature that is no number: {text[:40]!r}")
        whole, point, fraction, unit = found.groups()
        if point is not None:
            points.setdefault(point, line)
        if len(points) > 1:
            _refuse(line, f"has another decimal sign than line {min(points.values())}")
        if unit is not None and UNITS[unit.removeprefix("°").removeprefix("deg").strip()[0]] != columns.unit:
            _refuse(line, f"is in another unit than its column: {text[:40]!r}")
        value = milli_celsius(Decimal(f"{whole}.{fraction or 0}"), columns.unit)
        if value is None:
            _refuse(line, f"has a temperature that there cannot be: {text[:40]!r}")
        yield LoggerReading(line, time_ms, value)


def _in_order(readings: list[LoggerReading]) -> tuple[LoggerReading, ...]:
    """Return readings by time; a file may list its newest line first, and in no other order."""
    if len(readings) > 1 and readings[0].time_ms > readings[1].time_ms:
        readings.reverse()
    for before, after in pairwise(readings):
        if before.time_ms >= after.time_ms:
            _refuse(
                max(before.line, after.line), f"is not in the order of time; see line {min(before.line, after.line)}"
            )
    return tuple(readings)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").split())


def _refuse(line: int, reason: str) -> NoReturn:
    raise SensorDataError("csv_line", f"line {line} {reason}")
