"""Judge the readings of one device about one thing: timers, gaps and breaches, in integers, a reading at a time.

A reading holds until the next one. An interval longer than the profile's ``gap_ms``, or one in which a sequence number
is missing, is *unmonitored*: neither in order nor a breach, and it ends every consecutive run. Each limit has a timer
of its own, so that no timer can hide another. The result is a function of the readings alone, whatever the batches.
"""

from dataclasses import dataclass
from typing import Final, cast

from ledger.codec import Value
from ledger.state import Head

# A timer: [elapsed ms, first ms, first sequence, min, max, number of its breach or 0]
_IDLE: Final = (0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device measured; ``sequence`` counts its readings from 1."""

    sequence: int
    time_ms: int
    milli_celsius: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A run that reached its limit, or one known by ``number`` that went on; ``until_ms`` is as far as it has come."""

    limit: int
    number: int
    from_ms: int
    until_ms: int
    first_sequence: int
    last_sequence: int
    min_milli_celsius: int
    max_milli_celsius: int


@dataclass(frozen=True, slots=True)
class Span:
    """Time between two readings: the one that held in it, or None where nobody measured."""

    from_ms: int
    until_ms: int
    reading: Reading | None


def new_watch(profile_id: str, profile: Head, from_ms: int, until_ms: int | None) -> Head:
    """Return the state of a watch before its first reading."""
    watch: Head = {
        "profile": profile_id,
        "from_ms": from_ms,
        "monitored_ms": 0,
        "unmonitored_ms": 0,
        "out_of_range_ms": 0,
        "readings": 0,
        "timers": [list(_IDLE) for _ in cast("list[Value]", profile["limits"])],
    }
    if until_ms is not None:
        watch["until_ms"] = until_ms
    return watch


def judge(watch: Head, profile: Head, reading: Reading) -> list[Breach]:
    """Carry a watch on to a reading that comes after all before; return the breaches that began or went on.

    A reading before the watch changes nothing. One at or after its end closes the last interval there.
    """
    span = next_span(watch, profile, reading)
    return [] if span is None else carry(watch, profile, span)


def next_span(watch: Head, profile: Head, reading: Reading) -> Span | None:
    """Take the next reading in; return the time that it closes, or None where it closes none.

    A watch that has readings before it begins where it says: a first interval no longer than ``gap_ms`` is not counted.
    """
    from_ms = cast(int, watch["from_ms"])
    until_ms = cast("int | None", watch.get("until_ms"))
    if reading.time_ms < from_ms or watch.get("done"):
        return None
    is_last = until_ms is not None and reading.time_ms >= until_ms
    end_ms = cast(int, until_ms) if is_last else reading.time_ms
    last = cast("list[int] | None", watch.get("last"))
    if is_last:
        watch["done"] = True
    else:
        value = reading.milli_celsius
        watch["last"] = [reading.sequence, reading.time_ms, value]
        watch["readings"] = cast(int, watch["readings"]) + 1
        widen(watch, value)
    gap_ms = cast(int, profile["gap_ms"])
    if last is None:
        return Span(from_ms, end_ms, None) if end_ms - from_ms > gap_ms or is_last else None
    is_gap = reading.time_ms - last[1] > gap_ms or reading.sequence != last[0] + 1
    return Span(last[1], end_ms, None if is_gap else Reading(*last))


def carry(watch: Head, profile: Head, span: Span) -> list[Breach]:
    """Count a span, which begins where the one before ended or later; return the breaches that began or went on."""
    if span.reading is not None:
        return _hold(watch, profile, span, span.reading)
    _add(watch, "unmonitored_ms", span.until_ms - span.from_ms)
    _end_runs(watch, profile)
    return []


def is_out_of_range(profile: Head, milli_celsius: int) -> bool:
    """Say whether a temperature is outside of the range of a profile."""
    return not cast(int, profile["min_milli_celsius"]) <= milli_celsius <= cast(int, profile["max_milli_celsius"])


def worst_disposition(
    *,
    is_rejected: bool,
    out_of_range_ms: int,
    unmonitored_ms: int,
    breaches: int,
    unacknowledged: int,
    budget_ms: int | None,
) -> str:
    """Return the worst word that applies; an acknowledgement alone never makes a thing fit for use."""
    if is_rejected or (budget_ms is not None and out_of_range_ms > budget_ms):
        return "REJECT"
    if unacknowledged or unmonitored_ms:
        return "QUARANTINE"
    if out_of_range_ms == 0 and breaches == 0:
        return "OK"
    return "QUARANTINE" if budget_ms is None else "WITHIN_BUDGET"


def note_breach(watch: Head, limit: int, number: int) -> None:
    """Tell the timer of a limit under which number its breach is kept."""
    cast("list[list[int]]", watch["timers"])[limit][5] = number


def _hold(watch: Head, profile: Head, span: Span, reading: Reading) -> list[Breach]:
    """Count the span in which a reading held."""
    span_ms, value = span.until_ms - span.from_ms, reading.milli_celsius
    _add(watch, "monitored_ms", span_ms)
    if is_out_of_range(profile, value):
        _add(watch, "out_of_range_ms", span_ms)
    breaches = []
    timers = cast("list[list[int]]", watch["timers"])
    limits = cast("list[tuple[str, str, int, int, str]]", profile["limits"])
    for index, (timer, side, threshold, duration_ms, _) in enumerate(limits):
        if not (value > threshold if side == "above" else value < threshold):
            if timer == "consecutive":
                timers[index] = list(_IDLE)
            continue
        elapsed, first_ms, first_sequence, lowest, highest, number = timers[index]
        if first_sequence == 0:
            first_ms, first_sequence, lowest, highest = span.from_ms, reading.sequence, value, value
        elapsed, lowest, highest = elapsed + span_ms, min(lowest, value), max(highest, value)
        timers[index] = [elapsed, first_ms, first_sequence, lowest, highest, number]
        if elapsed >= duration_ms:
            end_ms, last_sequence = span.until_ms, reading.sequence
            breaches.append(Breach(index, number, first_ms, end_ms, first_sequence, last_sequence, lowest, highest))
    return breaches


def _end_runs(watch: Head, profile: Head) -> None:
    timers = cast("list[list[int]]", watch["timers"])
    for index, limit in enumerate(cast("list[list[Value]]", profile["limits"])):
        if limit[0] == "consecutive":
            timers[index] = list(_IDLE)


def widen(watch: Head, value: int) -> None:
    """Let the lowest and the highest temperature of a watch take one in."""
    watch["min_milli_celsius"] = min(cast(int, watch.get("min_milli_celsius", value)), value)
    watch["max_milli_celsius"] = max(cast(int, watch.get("max_milli_celsius", value)), value)


def _add(watch: Head, name: str, span_ms: int) -> None:
    watch[name] = cast(int, watch[name]) + span_ms
