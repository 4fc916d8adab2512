"""The times in a logger's file: many ways to write a date, and none that is read if it could mean two moments.

A year has four digits and comes first, or last behind day and month. ``3/4/2026`` is the third of April or the fourth
of March: either another line of the file settles it, or a person does. A time counts only with its zone, an offset from
UTC that stands behind it, in the file's header, or that a person states; daylight saving time is another offset.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NoReturn, TypeAlias

from standards.errors import SensorDataError

DateOrder: TypeAlias = Literal["dmy", "mdy"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS: Final = 60_000
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DATES: Final = (
    ("ymd", re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")),
    ("dmy", re.compile(r"([0-9]{1,2})(\.)([0-9]{1,2})\.([0-9]{4})")),
    ("slashed", re.compile(r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})")),
    ("named", re.compile(r"([0-9]{1,2})([- ])([a-z]{3,9})[-, ]+([0-9]{4})")),
)
_TIME: Final = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*([ap]m)?\s*(?:\(?(z|(?:utc|gmt)?[+-][0-9:]+|utc|gmt)\)?)?"
)
_SECONDS: Final = re.compile(r"[0-9]{10}(?:[0-9]{3})?")
_ZONE: Final = re.compile(
    r"(?:\b(?:utc|gmt)\s*([+-]\s*[0-9]{1,2}(?::?[0-9]{2})?)?(?![a-z0-9:]))|(?<![0-9a-z])([+-][0-9]{2}:[0-9]{2})\b"
)
_OFFSET: Final = re.compile(r"([+-])\s*([0-9]{1,2})(?::?([0-9]{2}))?")


def offset_minutes(text: str) -> int | None:
    """Return an offset from UTC such as ``+01:00``, ``-3``, ``Z`` or ``UTC+2`` in minutes, None where it is none.

    >>> offset_minutes("UTC-03:30")
    -210
    """
    bare = text.lower().replace("\u2212", "-").strip().removeprefix("utc").removeprefix("gmt").strip()
    if bare in ("", "z") and text.strip():
        return 0
    found = _OFFSET.fullmatch(bare)
    if found is None:
        return None
    hours, minutes = int(found.group(2)), int(found.group(3) or 0)
    if hours > 14 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if found.group(1) == "-" else 1)


def stated_offsets(text: str) -> set[int]:
    """Return every offset from UTC that a header states, in minutes."""
    lower = text.lower().replace("\u2212", "-")
    found = {offset_minutes(match.group(1) or match.group(2) or "utc") for match in _ZONE.finditer(lower)}
    return {minutes for minutes in found if minutes is not None}


def slashed_order(dates: Iterable[tuple[int, str]], asked: DateOrder | None) -> DateOrder | None:
    """Return which comes first in dates such as ``3/4/2026``, None where there are none; ``dates`` are (line, text)."""
    first_line = None
    known: dict[DateOrder, int] = {}
    for line, text in dates:
        found = _DATES[2][1].match(text)
        if found is None:
            continue
        first_line = first_line or line
        one, other = int(found.group(1)), int(found.group(3))
        if one > 12:
            known.setdefault("dmy", line)
        if other > 12:
            known.setdefault("mdy", line)
    if first_line is None:
        return None
    if len(known) == 2:
        _refuse(max(known.values()), "has day and month the other way round than an earlier line")
    order = asked or next(iter(known), None)
    if order is None:
        _refuse(first_line, "has a date that may be day/month or month/day; say which with the date order dmy or mdy")
    if known and order not in known:
        _refuse(next(iter(known.values())), f"has a date that is not in the order {order}")
    return order


def read_time(line: int, text: str, time: str | None, order: DateOrder | None, zone: int | None) -> int:
    """Return a moment in milliseconds UTC; ``time`` is the cell of the time where it has a column of its own.

    ``zone`` is the offset, in minutes, that holds for the whole file, None where each time has to state its own.
    """
    lower = text.lower().replace("\u2212", "-")
    if time is None and _SECONDS.fullmatch(lower):
        return int(lower) * (1_000 if len(lower) == 10 else 1)
    year, month, day, rest = _date(line, lower, order)
    found = _TIME.fullmatch((rest if time is None else time.lower().replace("\u2212", "-")).strip())
    if found is None or (time is not None and rest.strip()):
        _refuse(line, f"has no time that can be read: {(text if time is None else time)[:40]!r}")
    hour, minute, second = int(found.group(1)), int(found.group(2)), int(found.group(3) or 0)
    milliseconds = int((found.group(4) or "").ljust(3, "0")[:3])
    half = found.group(5)
    if half is not None:
        if not 1 <= hour <= 12:
            _refuse(line, f"has the hour {hour} and {half}")
        hour = hour % 12 + (12 if half == "pm" else 0)
    own = None if found.group(6) is None else offset_minutes(found.group(6))
    if found.group(6) is not None and own is None:
        _refuse(line, f"has a time zone that is none: {found.group(6)!r}")
    if own is not None and zone is not None and own != zone:
        _refuse(line, "states another time zone than the header or you do")
    offset = own if own is not None else zone
    if offset is None:
        _refuse(line, "has a time without a zone; state the logger's offset from UTC, such as +01:00")
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        _refuse(line, f"has a time that there is not: {error}")
    time_ms = (moment - _EPOCH) // timedelta(milliseconds=1) + milliseconds - offset * _MINUTE_MS
    if time_ms < 1:
        _refuse(line, "has a time before 1970")
    return time_ms


def _date(line: int, text: str, order: DateOrder | None) -> tuple[int, int, int, str]:
    """Return year, month, day, and what stands behind the date."""
    for form, expression in _DATES:
        found = expression.match(text)
        if found is None:
            continue
        first, _, second, third = found.groups()
        rest = text[found.end() :]
        if rest[:1].isdigit():
            break
        rest = rest.removeprefix("t").removeprefix(",")
        if form == "ymd":
            return int(first), int(second), int(third), rest
        if form == "named":
            if second[:3] not in _MONTHS:
                break
            return int(third), _MONTHS.index(second[:3]) + 1, int(first), rest
        if form == "slashed" and order == "mdy":
            return int(third), int(first), int(second), rest
        return int(third), int(second), int(first), rest
    raise SensorDataError(
        "csv_line", f"line {line} has no date that can be read, with a year of four digits: {text[:40]!r}"
    )


def _refuse(line: int, reason: str) -> NoReturn:
    raise SensorDataError("csv_line", f"line {line} {reason}")
