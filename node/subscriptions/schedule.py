"""Schedules of subscriptions (EPCIS 2.0 section 8.2.5.3): which seconds, minutes, hours, days and months, in UTC.

A field is numbers and ranges separated by commas, ``0,30`` or ``[1-5]``; one that is missing leaves it open, and the
seconds that are missing are 0, unless all is missing but them. Days of the week are 1, Monday, to 7.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

FIELDS: Final = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
_ENTRY: Final = re.compile(r"([0-9]{1,2})|\[([0-9]{1,2})-([0-9]{1,2})\]")
_TEXT_MAX: Final = 200
_DAYS_MAX: Final = 366 * 9
"""29 February comes within eight years, also past a century."""


class ScheduleError(ValueError):
    """A schedule cannot be used; the text names the field."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values of each field at which it is due."""

    values: Mapping[str, frozenset[int]]

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first time after another at which it is due, None where that never comes.

        >>> read_schedule({"minute": "0,30"}).next_ms(1_795_000_000_000) % 1_800_000
        0
        """
        moment = datetime.fromtimestamp(after_ms // 1_000, UTC) + timedelta(seconds=1)
        for offset in range(_DAYS_MAX):
            day = moment + timedelta(days=offset)
            if not self._is_day(day):
                continue
            first = day if offset == 0 else day.replace(hour=0, minute=0, second=0)
            found = self._within(first)
            if found is not None:
                return int(found.timestamp()) * 1_000
        return None

    def _is_day(self, day: datetime) -> bool:
        of_day = {"dayOfMonth": day.day, "month": day.month, "dayOfWeek": day.isoweekday()}
        return all(value in self.values[name] for name, value in of_day.items())

    def _within(self, first: datetime) -> datetime | None:
        for hour in sorted(value for value in self.values["hour"] if value >= first.hour):
            minutes_from = first.minute if hour == first.hour else 0
            for minute in sorted(value for value in self.values["minute"] if value >= minutes_from):
                seconds_from = first.second if (hour, minute) == (first.hour, first.minute) else 0
                for second in sorted(value for value in self.values["second"] if value >= seconds_from):
                    return first.replace(hour=hour, minute=minute, second=second)
        return None


def read_schedule(given: Mapping[str, str]) -> Schedule:
    """Return a schedule; raises ScheduleError."""
    if not given:
        raise ScheduleError(f"schedule: give one of {', '.join(FIELDS)}")
    values = {name: frozenset(range(low, high + 1)) for name, (low, high) in FIELDS.items()}
    if "second" not in given:
        values["second"] = frozenset({0})
    for name, text in given.items():
        if name not in FIELDS:
            raise ScheduleError(f"{name[:40]} is no field of a schedule; they are {', '.join(FIELDS)}")
        values[name] = _values(name, text)
    schedule = Schedule(values)
    if schedule.next_ms(0) is None:
        raise ScheduleError("the schedule never comes: no month has such a day")
    return schedule


def _values(name: str, text: str) -> frozenset[int]:
    low, high = FIELDS[name]
    found: set[int] = set()
    for entry in text[:_TEXT_MAX].split(","):
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise ScheduleError(f"{name}: {entry[:40]!r} is neither a number nor a range such as [1-5]")
        first = int(match[1] or match[2])
        last = int(match[1] or match[3])
        if not low <= first <= last <= high:
            raise ScheduleError(f"{name}: {entry[:40]!r} is not within {low} to {high}")
        found |= set(range(first, last + 1))
    return frozenset(found)
