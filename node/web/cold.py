"""The cold record on the page: what the contracts found, and the newest readings as a strip with gaps and breaches.

The figures are the contracts' own, over every reading, with what the thing went through inside of others. The strip is
a picture of the newest ones of its own: where a device measured more often than the picture is wide, a column shows the
lowest and the highest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

from markupsafe import Markup

from contracts import heads
from ledger.state import Head
from node.cold_chain import Batch, batches_of, breach_json, product_storage, record_head, watches_of
from node.cold_inherited import inherited_of, overall_disposition
from node.queries import Thing, get_head
from node.storage.store import Store
from node.web import words
from standards.cold_chain import is_gap
from standards.strip_chart import Range, Sample, Stretch, by_column, marks, scale_of

WIDTH: Final = 320
HEIGHT: Final = 96
_COLUMNS: Final = 160
_RECORDS_MAX: Final = 20
_BREACHES_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Cold:
    """What was found, milliseconds and milli-degrees Celsius; ``disposition`` as in docs/contracts.md.

    ``lowest`` and ``highest`` are None where a device watches and has recorded nothing yet. ``stays`` says how many
    watches of containers are counted, ``is_whole`` whether everything that it was in could be followed.
    """

    disposition: str
    readings: int
    lowest_milli_celsius: int | None
    highest_milli_celsius: int | None
    out_of_range_ms: int
    budget_ms: int | None
    unmonitored_ms: int
    breaches: int
    unacknowledged: int
    stays: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """What is drawn; ``limits`` is the label's range, else that of the newest profile."""

    samples: tuple[Sample, ...]
    gaps: tuple[Stretch, ...]
    breaches: tuple[Stretch, ...]
    limits: Range | None

    @property
    def from_ms(self) -> int:
        """When the picture begins."""
        return self.samples[0].time_ms

    @property
    def until_ms(self) -> int:
        """When it ends."""
        return self.samples[-1].time_ms


def cold_of(store: Store, thing: Thing) -> Cold | None:
    """Return the cold record of a thing, or None where no device ever watched it or what it was in."""
    inherited = inherited_of(store, thing)
    disposition = overall_disposition(store, thing, inherited)
    if disposition is None:
        return None
    head = record_head(store, thing.identifier)
    told = {} if head is None else head
    found = [watch.head for watch in watches_of(store, thing.identifier, head)]
    found += [stay.state for stay in inherited.stays]
    lowest, highest = ([cast(int, one[name]) for one in found if name in one] for name in _EXTREMES)
    storage = product_storage(store, cast("str | None", thing.head.get("product")))
    return Cold(
        disposition=disposition,
        readings=sum(cast(int, one["readings"]) for one in found),
        lowest_milli_celsius=min(lowest, default=None),
        highest_milli_celsius=max(highest, default=None),
        out_of_range_ms=cast(int, told.get("out_of_range_ms", 0)) + inherited.out_of_range_ms,
        budget_ms=storage.get("budget_ms"),
        unmonitored_ms=cast(int, told.get("unmonitored_ms", 0)) + inherited.unmonitored_ms,
        breaches=cast(int, told.get("breaches", 0)) + len(inherited.breaches),
        unacknowledged=cast(int, told.get("unacknowledged", 0)) + inherited.unacknowledged,
        stays=len(inherited.stays),
        is_whole=not inherited.marks,
    )


def strip_of(store: Store, thing: Thing) -> Strip | None:
    """Return the newest readings of a thing to draw, or None where there are none."""
    head = record_head(store, thing.identifier)
    points = sorted(_points(store, thing), key=lambda point: point.time_ms)
    if head is None or not points:
        return None
    samples = [Sample(one.time_ms, one.milli_celsius, one.milli_celsius) for one in points]
    columns = by_column(samples, scale_of(samples, None), _COLUMNS)
    gaps = tuple((before.time_ms, after.time_ms) for before, after in pairwise(points) if _is_gap(before, after))
    first = max(0, cast(int, head["breaches"]) - _BREACHES_MAX)
    found = [breach_json(store, thing.identifier, number + 1) for number in range(first, cast(int, head["breaches"]))]
    ends = [(cast(int, one["from_ms"]), cast(int, one["until_ms"])) for one in found]
    return Strip(
        samples=tuple(columns[column] for column in sorted(columns)),
        gaps=gaps,
        breaches=tuple(one for one in ends if one[1] >= samples[0].time_ms),
        limits=_limits(store, thing, points[-1].profile),
    )


def strip_svg(strip: Strip) -> Markup:
    """Return the strip as SVG, made of numbers alone."""
    scale = scale_of(strip.samples, strip.limits)
    low, high = min(one.lowest for one in strip.samples), max(one.highest for one in strip.samples)
    label = f"Temperature from {words.celsius_text(low, high)}, {words.count_text(len(strip.gaps), 'gap')}"
    drawn = marks(strip.samples, strip.limits, scale, WIDTH, HEIGHT, gaps=strip.gaps, breaches=strip.breaches)
    return Markup(  # noqa: S704 (numbers alone, formatted there and here)
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" preserveAspectRatio="none">{drawn}</svg>'
    )


_EXTREMES: Final = ("min_milli_celsius", "max_milli_celsius")


@dataclass(frozen=True, slots=True)
class _Point:
    time_ms: int
    milli_celsius: int
    sequence: int
    device: str
    profile: Head


def _points(store: Store, thing: Thing) -> Iterator[_Point]:
    for batch in batches_of(store, thing.identifier, None, None, newest=_RECORDS_MAX):
        profile = _profile(store, batch)
        for index, (time_ms, milli_celsius) in enumerate(batch.readings):
            yield _Point(time_ms, milli_celsius, batch.first_sequence + index, batch.watch.device, profile)


def _profile(store: Store, batch: Batch) -> Head:
    profile = get_head(store, heads.cold_profile(batch.watch.profile))
    assert profile is not None, "profiles are never removed"
    return profile


def _is_gap(before: _Point, after: _Point) -> bool:
    missing = after.sequence - before.sequence - 1 if after.device == before.device else 0
    return is_gap(after.time_ms - before.time_ms, missing, cast(int, before.profile["gap_ms"]))


def _limits(store: Store, thing: Thing, profile: Head) -> Range | None:
    storage = product_storage(store, cast("str | None", thing.head.get("product")))
    source: Head = dict(storage) if _EXTREMES[0] in storage else profile
    return cast(int, source[_EXTREMES[0]]), cast(int, source[_EXTREMES[1]])
