"""What a thing went through inside of others: the readings about its containers, judged for the time that it was there.

A device that watches a pallet measures what every carton on it went through. The ledger keeps the readings with the
pallet and the packing with both; from these every node finds the same, by the rules of contracts/provenance/cold_judge,
a stay at a time. A run counts from when the thing came in, and no longer than until it went out. Minutes are counted
once, by the watch that was nearest: the thing's own, else that of what it was in, else of what that was in.

Decision: docs/adr/0017-what-is-inside-inherits-when-it-is-read.md. Pure reads over a store.
"""

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.provenance.cold_judge import (
    Breach,
    Span,
    carry,
    is_out_of_range,
    new_watch,
    next_span,
    note_breach,
    widen,
    worst_disposition,
)
from ledger.readable import Json
from ledger.state import Head
from node.cold_chain import (
    Watch,
    breach_json,
    cold_record,
    figures_json,
    product_storage,
    readings_of,
    record_head,
    watches_of,
)
from node.links import EVER_MS, Interval, container_now, containers, with_those_now
from node.queries import JsonObject, Thing, find_thing, get_head
from node.records import Records
from node.storage.errors import PrunedError
from node.storage.store import Store
from node.trace import Mark

STAYS_MAX: Final = 200
READINGS_MAX: Final = 200_000
"""Readings that are judged for one answer."""
HISTORY_MAX: Final = 5_000
BREACHES_MAX: Final = 1_000
"""Breaches of a container among which the one of a stay is looked for."""


@dataclass(slots=True)
class Stay:
    """What one watch of a container found while a thing was in it; milliseconds, milli-degrees Celsius.

    ``interval`` is when the thing was there and the device watched. Of its minutes those in ``counted`` fields are
    counted for the thing: no nearer watch was there. ``breaches`` are those of the container, as far as they are the
    thing's: their times are of what the thing went through.
    """

    container: str
    watch: Watch
    interval: Interval
    state: Head
    breaches: list[JsonObject] = field(default_factory=list)
    counted_out_of_range_ms: int = 0
    counted_unmonitored_ms: int = 0


@dataclass(slots=True)
class Inherited:
    """Everything that a thing went through inside of others, and what was not followed and why."""

    stays: list[Stay] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    @property
    def out_of_range_ms(self) -> int:
        """The minutes out of range that no nearer watch has counted."""
        return sum(stay.counted_out_of_range_ms for stay in self.stays)

    @property
    def unmonitored_ms(self) -> int:
        """The minutes in which a watch should have measured and did not."""
        return sum(stay.counted_unmonitored_ms for stay in self.stays)

    @property
    def breaches(self) -> list[JsonObject]:
        """The breaches of all stays."""
        return [breach for stay in self.stays for breach in stay.breaches]

    @property
    def unacknowledged(self) -> int:
        """How many of the breaches nobody has acknowledged."""
        return sum(breach["acknowledged_by"] is None for breach in self.breaches)

    @property
    def is_rejected(self) -> bool:
        """Whether a limit of gravity *reject* was reached."""
        return any(breach["gravity"] == "reject" for breach in self.breaches)


def inherited_of(store: Store, thing: Thing) -> Inherited:
    """Return what a thing went through inside of others, nearest container first."""
    return _Judging(store, thing).run()


def overall_disposition(store: Store, thing: Thing, inherited: Inherited) -> str | None:
    """Return the worst word for a thing's own record and what it inherited, None where nobody ever measured."""
    own = record_head(store, thing.identifier)
    if own is None and not inherited.stays:
        return None
    told = own or {}
    breaches = inherited.breaches
    return worst_disposition(
        is_rejected=bool(told.get("is_rejected", False)) or inherited.is_rejected,
        out_of_range_ms=cast(int, told.get("out_of_range_ms", 0)) + inherited.out_of_range_ms,
        unmonitored_ms=cast(int, told.get("unmonitored_ms", 0)) + inherited.unmonitored_ms,
        breaches=cast(int, told.get("breaches", 0)) + len(breaches),
        unacknowledged=cast(int, told.get("unacknowledged", 0)) + inherited.unacknowledged,
        budget_ms=product_storage(store, cast("str | None", thing.head.get("product"))).get("budget_ms"),
    )


def cold_record_json(store: Store, thing: Thing) -> JsonObject:
    """Return what the contracts found about a thing, what it inherited, and the worst word for both together."""
    inherited = inherited_of(store, thing)
    return {
        **cold_record(store, thing),
        "overall_disposition": overall_disposition(store, thing, inherited),
        "inherited": inherited_json(inherited),
    }


def inherited_json(inherited: Inherited) -> JsonObject:
    """Return it in the shape of docs/api.md."""
    return {
        "out_of_range_ms": inherited.out_of_range_ms,
        "unmonitored_ms": inherited.unmonitored_ms,
        "breaches": len(inherited.breaches),
        "unacknowledged": inherited.unacknowledged,
        "is_rejected": inherited.is_rejected,
        "stays": [_stay_json(stay) for stay in inherited.stays],
        "marks": [{"reason": one.reason, "what": one.what, "omitted": one.omitted} for one in inherited.marks],
    }


@dataclass(frozen=True, slots=True)
class _Inside:
    """A container that a thing was in, however deep, and when."""

    identifier: str
    interval: Interval


class _Judging:
    def __init__(self, store: Store, thing: Thing) -> None:
        self._store = store
        self._thing = thing
        self._records = Records(store)
        self._readings_left = READINGS_MAX
        # What nearer watches have counted already.
        self._covered: list[Interval] = []
        self.found = Inherited()

    def run(self) -> Inherited:
        level = [_Inside(self._thing.identifier, Interval(EVER_MS))]
        own = record_head(self._store, self._thing.identifier)
        self._covered += [_watched(watch) for watch in watches_of(self._store, self._thing.identifier, own)]
        seen = 0
        while level:
            above = [outer for inside in level for outer in self._containers(inside)]
            if seen + len(above) > STAYS_MAX:
                self._mark("limit", "containers", seen + len(above) - STAYS_MAX)
                above = above[: STAYS_MAX - seen]
            seen += len(above)
            for inside in above:
                self._judge(inside)
            level = above
        return self.found

    def _containers(self, inside: _Inside) -> list[_Inside]:
        """Return what a thing was in during a time, each for the part of that time."""
        thing = find_thing(self._store, inside.identifier)
        if thing is None:
            return []
        positions = list(islice(self._store.history(thing.key), HISTORY_MAX + 1))
        if len(positions) > HISTORY_MAX:
            self._mark("limit", "events", None)
        kept = [one for one in positions[:HISTORY_MAX] if one.height >= self._store.earliest_height]
        if len(kept) < len(positions[:HISTORY_MAX]):
            self._mark("pruned", "events", len(positions[:HISTORY_MAX]) - len(kept))
        records = sorted(map(self._records.get, kept), key=lambda record: (record.at_ms, record.position))
        now = container_now(self._store, thing.identifier, thing.head)
        links = with_those_now(containers(records, thing.identifier), now)
        found = ((link.identifier, link.interval.within(inside.interval)) for link in links)
        # A moment is no stay: nothing can be measured in it.
        return [_Inside(name, one) for name, one in found if one is not None and one.since_ms != one.until_ms]

    def _judge(self, inside: _Inside) -> None:
        """Judge the watches of a container while a thing was in it."""
        record = record_head(self._store, inside.identifier)
        if record is None:
            return
        covered = []
        for watch in watches_of(self._store, inside.identifier, record):
            shared = _watched(watch).within(inside.interval)
            if shared is None or shared.since_ms == shared.until_ms:
                continue
            covered.append(shared)
            try:
                self.found.stays.append(self._stay(inside.identifier, record, watch, shared))
            except PrunedError:
                self._mark("pruned", "readings", None)
        # Afterwards: watches of one thing never overlap, and what one has counted is for those further out.
        self._covered += covered

    def _stay(self, container: str, record: Head, watch: Watch, shared: Interval) -> Stay:
        profile = get_head(self._store, heads.cold_profile(watch.profile))
        assert profile is not None, "profiles are never removed"
        # Two states: of the watch as a whole, which says what held when, and of the part that is the thing's.
        whole = new_watch(watch.profile, profile, watch.from_ms, watch.until_ms)
        stay = Stay(container, watch, shared, new_watch(watch.profile, profile, shared.since_ms, None))
        found: dict[int, Breach] = {}
        # A reading that lies further back holds no longer when the thing comes in.
        for reading in readings_of(
            self._store, container, record, watch, shared.since_ms - cast(int, profile["gap_ms"])
        ):
            if self._readings_left == 0:
                self._mark("limit", "readings", None)
                break
            self._readings_left -= 1
            if shared.holds(reading.time_ms) and reading.time_ms != shared.until_ms:
                stay.state["readings"] = cast(int, stay.state["readings"]) + 1
                widen(stay.state, reading.milli_celsius)
            span = next_span(whole, profile, reading)
            part = None if span is None else _part(span, shared)
            if part is not None:
                self._count(stay, profile, part, found)
            if shared.until_ms is not None and reading.time_ms >= shared.until_ms:
                break
        if found:
            stay.breaches = self._told(stay, record, list(found.values()))
        return stay

    def _count(self, stay: Stay, profile: Head, part: Span, found: dict[int, Breach]) -> None:
        for breach in carry(stay.state, profile, part):
            number = breach.number or len(found) + 1
            note_breach(stay.state, breach.limit, number)
            found[number] = breach
        free_ms = part.until_ms - part.from_ms - _overlap_ms(self._covered, part)
        if part.reading is None:
            stay.counted_unmonitored_ms += free_ms
            return
        # The reading before it came in held on inside.
        widen(stay.state, part.reading.milli_celsius)
        if is_out_of_range(profile, part.reading.milli_celsius):
            stay.counted_out_of_range_ms += free_ms

    def _told(self, stay: Stay, record: Head, found: list[Breach]) -> list[JsonObject]:
        """Return the breaches of a stay with what was said of them where they were found, on the container."""
        total = cast(int, record["breaches"])
        if total > BREACHES_MAX:
            self._mark("limit", "breaches", total - BREACHES_MAX)
        known = [breach_json(self._store, stay.container, number + 1) for number in range(min(total, BREACHES_MAX))]
        told: list[JsonObject] = []
        for breach in found:
            # A run inside of a stay is a part of the container's own run, which was at least as long.
            of_container = next((one for one in known if _is_of(one, stay.watch, breach)), None)
            if of_container is not None:
                told.append({**of_container, "from_ms": breach.from_ms, "until_ms": breach.until_ms})
        return told

    def _mark(self, reason: str, what: str, omitted: int | None) -> None:
        known = next((one for one in self.found.marks if (one.reason, one.what) == (reason, what)), None)
        if known is None:
            self.found.marks.append(Mark(reason, what, omitted))
        elif known.omitted is not None and omitted is not None:
            self.found.marks[self.found.marks.index(known)] = replace(known, omitted=known.omitted + omitted)


def _watched(watch: Watch) -> Interval:
    return Interval(watch.from_ms, watch.until_ms)


def _part(span: Span, interval: Interval) -> Span | None:
    """Return what of a span lies in an interval, or None."""
    from_ms = max(span.from_ms, interval.since_ms)
    until_ms = span.until_ms if interval.until_ms is None else min(span.until_ms, interval.until_ms)
    return Span(from_ms, until_ms, span.reading) if from_ms < until_ms else None


def _overlap_ms(covered: list[Interval], span: Span) -> int:
    """Return how much of a span some intervals cover together."""
    total, reached_ms = 0, span.from_ms
    for one in sorted(covered, key=lambda interval: interval.since_ms):
        from_ms = max(one.since_ms, reached_ms)
        until_ms = span.until_ms if one.until_ms is None else min(one.until_ms, span.until_ms)
        if from_ms < until_ms:
            total += until_ms - from_ms
            reached_ms = until_ms
    return total


def _is_of(known: JsonObject, watch: Watch, breach: Breach) -> bool:
    is_same_limit = (known["device"], known["profile"], known["limit"]) == (watch.device, watch.profile, breach.limit)
    return (
        is_same_limit
        and cast(int, known["from_ms"]) <= breach.from_ms
        and breach.until_ms <= cast(int, known["until_ms"])
    )


def _stay_json(stay: Stay) -> JsonObject:
    return {
        "container": stay.container,
        "device": stay.watch.device,
        "profile": stay.watch.profile,
        "from_ms": stay.interval.since_ms,
        "until_ms": stay.interval.until_ms,
        **figures_json(stay.state),
        "counted_out_of_range_ms": stay.counted_out_of_range_ms,
        "counted_unmonitored_ms": stay.counted_unmonitored_ms,
        "breaches": cast("list[Json]", stay.breaches),
    }
