"""The readings about a thing as one curve: what held how long, where nobody measured, and the mean kinetic temperature.

What is judged is what the contracts found; a gap here is one by their rule, so that a reader sees what they saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from standards.cold_chain import Held, held_spans, is_gap, mean_kinetic_celsius
from standards.strip_chart import Range, Sample, Stretch
from tradelane import ColdProfile, ColdReadings, ColdRecord


@dataclass(frozen=True, slots=True)
class Point:
    """A reading, and the device that made it."""

    time_ms: int
    milli_celsius: int
    sequence: int
    device: str
    profile: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The readings by time; ``limits`` is the label's range, else that of the newest profile (``is_label`` says)."""

    points: tuple[Point, ...]
    gaps: tuple[Stretch, ...]
    held: tuple[Held, ...]
    limits: Range | None
    is_label: bool

    @property
    def samples(self) -> list[Sample]:
        """The readings as the chart takes them."""
        return [Sample(one.time_ms, one.milli_celsius, one.milli_celsius) for one in self.points]

    @property
    def outside(self) -> int:
        """How many readings lie outside of the limits."""
        return sum(one.is_outside(self.limits) for one in self.samples)

    @property
    def mean_kinetic_celsius(self) -> float | None:
        """The mean kinetic temperature of the time that was monitored; None where none was."""
        return mean_kinetic_celsius(self.held)


def make_curve(record: ColdRecord, readings: Sequence[ColdReadings], profiles: Mapping[str, ColdProfile]) -> Curve:
    """Return the curve of a thing's readings."""
    points = sorted(
        (
            Point(time_ms, milli_celsius, batch.first_sequence + index, batch.device, batch.profile)
            for batch in readings
            for index, (time_ms, milli_celsius) in enumerate(batch.readings)
        ),
        key=lambda one: one.time_ms,
    )
    gaps = []
    runs: list[list[tuple[int, int]]] = [[]]
    for index, one in enumerate(points):
        before = points[index - 1] if index else one
        if _is_gap(before, one, profiles[before.profile].gap_ms):
            gaps.append((before.time_ms, one.time_ms))
            runs.append([])
        runs[-1].append((one.time_ms, one.milli_celsius))
    # Within a run no interval is a gap, so each is counted whole.
    held = [span for run in runs if run for span in held_spans(run, run[-1][0] - run[0][0])]
    is_label = record.min_milli_celsius is not None and record.max_milli_celsius is not None
    limits = None
    if record.min_milli_celsius is not None and record.max_milli_celsius is not None:
        limits = record.min_milli_celsius, record.max_milli_celsius
    elif record.watches:
        newest = profiles[record.watches[-1].profile]
        limits = newest.min_milli_celsius, newest.max_milli_celsius
    return Curve(tuple(points), tuple(gaps), tuple(held), limits, is_label)


def _is_gap(before: Point, after: Point, gap_ms: int) -> bool:
    missing = after.sequence - before.sequence - 1 if after.device == before.device else 0
    return is_gap(after.time_ms - before.time_ms, missing, gap_ms)
