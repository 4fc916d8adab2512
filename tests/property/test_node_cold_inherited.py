"""What is inside inherits what its container went through, against a plain model that goes minute by minute.

A carton and the pallet that it is on are watched by devices of their own, a pack is in the carton, and everything is
packed and unpacked at drawn minutes, told in a drawn order before and after the readings came in.
"""

from dataclasses import dataclass
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from contracts.provenance.cold_judge import worst_disposition
from node.cold_inherited import cold_record_json
from node.queries import find_thing
from tests.support.contract_cold_chain_cases import LIMITS, MINUTE_MS, assign, batch, device, profile
from tests.support.contract_situations import key_call
from tests.support.contracts_world import START_MS, Call, add, pack, sgtin, sscc, unpack
from tests.support.world_store import WorldStore

PACK, CARTON, PALLET = sgtin(1), sscc(1), sscc(2)
CHAIN = (PACK, CARTON, PALLET)
SPAN = 120
GAP = 15
BASE_MS = START_MS - 1_000 * MINUTE_MS
WARM, COLD, FINE = 9_000, -2_000, 5_000


@dataclass(frozen=True)
class Watched:
    """A watch from a minute to another (None: open) with readings (minute, value); a value None was lost."""

    since: int
    until: int | None
    readings: tuple[tuple[int, int | None], ...]

    def known(self) -> list[tuple[int, int, int]]:
        """Return (sequence, minute, value) of what came in."""
        return [(number, minute, value) for number, (minute, value) in enumerate(self.readings, 1) if value is not None]

    def covers(self, minute: int) -> bool:
        """Say whether the device watches in a minute."""
        return self.since <= minute and (self.until is None or minute < self.until)

    def at(self, minute: int) -> int | str | None:
        """Return what held in a minute: a temperature, ``gap``, or None where nothing is known or counted."""
        inside = [one for one in self.known() if one[1] >= self.since]
        before = [one for one in inside if one[1] <= minute and (self.until is None or one[1] < self.until)]
        after = [one for one in inside if one[1] > minute]
        if not self.covers(minute) or not after:
            return None
        if not before:
            ends_unseen = self.until is not None and after[0][1] >= self.until
            return "gap" if after[0][1] - self.since > GAP or ends_unseen else None
        last, following = before[-1], after[0]
        is_gap = following[1] - last[1] > GAP or following[0] != last[0] + 1
        return "gap" if is_gap else last[2]


def _minutes(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    pairs = st.tuples(st.integers(low, high), st.integers(low, high))
    return pairs.filter(lambda pair: pair[0] < pair[1])


_LONG = st.tuples(st.integers(0, 25), st.integers(70, SPAN)) | _minutes(0, SPAN)


@st.composite
def _watches(draw: st.DrawFn) -> Watched:
    since, until = draw(_LONG)
    # Runs of the same value, so that some last long enough to be a breach.
    runs = draw(
        st.lists(st.tuples(st.sampled_from([WARM, COLD, FINE, None]), st.integers(2, 7)), min_size=1, max_size=6)
    )
    values = [value for value, length in runs for _ in range(length)]
    step = draw(st.sampled_from([10, 5, 15, 16]))
    first = draw(st.integers(0, 20))
    minutes = [first + number * step for number in range(len(values))]
    return Watched(since, draw(st.sampled_from([until, None])), tuple(zip(minutes, values, strict=True)))


_STAYS = st.tuples(_LONG, st.booleans())


@given(
    watches=st.tuples(st.none() | _watches(), st.none() | _watches(), st.none() | _watches()),
    stays=st.tuples(_STAYS, _STAYS),
    is_told_late=st.booleans(),
)
def test_what_is_inside_goes_through_what_its_containers_go_through(
    watches: tuple[Watched | None, ...], stays: tuple[tuple[tuple[int, int], bool], ...], is_told_late: bool
) -> None:
    ledger = WorldStore()
    packing = _packing(stays)
    measuring = _measuring(watches)
    for signer, call in [
        ("maker", add(*CHAIN)),
        *_devices(),
        *(measuring + packing if is_told_late else packing + measuring),
    ]:
        receipt = ledger.run(signer, call)
        assert receipt.code == 0, (call, ledger.world.detail, receipt)
    thing = find_thing(ledger.store, PACK)
    assert thing is not None
    found = cold_record_json(ledger.store, thing)
    inherited = cast("dict[str, object]", found["inherited"])
    rows = cast("list[dict[str, object]]", inherited["stays"])
    model = _Model(watches, [(since, None if is_open else until) for (since, until), is_open in stays])
    assert [_told(row) for row in rows] == model.stays()
    own_out, own_gap = model.minutes(0)
    out, gap = model.inherited()
    assert (found["out_of_range_ms"], found["unmonitored_ms"]) == (own_out * MINUTE_MS, own_gap * MINUTE_MS)
    assert (inherited["out_of_range_ms"], inherited["unmonitored_ms"]) == (out * MINUTE_MS, gap * MINUTE_MS)
    assert inherited["marks"] == []
    if watches[0] is None and not rows:
        assert found["overall_disposition"] is None
        return
    number = cast(int, inherited["breaches"])
    assert found["overall_disposition"] == worst_disposition(
        is_rejected=bool(found["is_rejected"]) or bool(inherited["is_rejected"]),
        out_of_range_ms=(own_out + out) * MINUTE_MS,
        unmonitored_ms=(own_gap + gap) * MINUTE_MS,
        breaches=cast(int, found["breaches"]) + number,
        unacknowledged=cast(int, found["unacknowledged"]) + number,
        budget_ms=None,
    )


class _Model:
    """Minute by minute: what the pack went through, each minute counted by the nearest watch alone."""

    def __init__(self, watches: tuple[Watched | None, ...], stays: list[tuple[int, int | None]]) -> None:
        self._watches = watches
        self._inside = [set(range(10 * SPAN))]
        for since, until in stays:
            self._inside.append(self._inside[-1] & set(range(since, 10 * SPAN if until is None else until)))

    def _shared(self, level: int) -> list[int]:
        watch = self._watches[level]
        return [] if watch is None else sorted(minute for minute in self._inside[level] if watch.covers(minute))

    def minutes(self, level: int) -> tuple[int, int]:
        """Return the minutes out of range and unmonitored that a level counts."""
        watch, nearer = self._watches[level], set[int]().union(*map(self._shared, range(level)))
        held = [] if watch is None else [watch.at(minute) for minute in self._shared(level) if minute not in nearer]
        return sum(one in (WARM, COLD) for one in held), held.count("gap")

    def inherited(self) -> tuple[int, int]:
        """Return these minutes of all containers."""
        rows = [self.minutes(level) for level in (1, 2)]
        return sum(row[0] for row in rows), sum(row[1] for row in rows)

    def stays(self) -> list[tuple[object, ...]]:
        """Return every stay with its own minutes and its breaches as (limit, first minute, end)."""
        told: list[tuple[object, ...]] = []
        for level in (1, 2):
            watch, minutes = self._watches[level], self._shared(level)
            if watch is not None and minutes:
                held = [watch.at(minute) for minute in minutes]
                out, gap = sum(one in (WARM, COLD) for one in held), held.count("gap")
                told.append((CHAIN[level], out, gap, *self.minutes(level), self._breaches(watch, minutes)))
        return told

    def _breaches(self, watch: Watched, minutes: list[int]) -> list[tuple[int, int, int]]:
        found: list[tuple[int, int, int]] = []
        for number, limit in enumerate(LIMITS):
            timer, side, threshold, duration_ms, _ = cast("tuple[str, str, int, int, str]", limit)
            elapsed, first, known = 0, 0, None
            for minute in minutes:
                value = watch.at(minute)
                is_out = isinstance(value, int) and (value > threshold if side == "above" else value < threshold)
                # A time that nothing is known of yet ends nothing; a gap and a reading in order do.
                if not is_out and timer == "consecutive" and value is not None:
                    elapsed, known = 0, None
                if not is_out:
                    continue
                first = minute if elapsed == 0 else first
                elapsed += 1
                if elapsed * MINUTE_MS >= duration_ms:
                    if known is None:
                        known = len(found)
                        found.append((number, first, minute + 1))
                    found[known] = (number, first, minute + 1)
        return sorted(found)


def _told(row: dict[str, object]) -> tuple[object, ...]:
    counted = ("out_of_range_ms", "unmonitored_ms", "counted_out_of_range_ms", "counted_unmonitored_ms")
    breaches = [
        (cast(int, one["limit"]), *((cast(int, one[name]) - BASE_MS) // MINUTE_MS for name in ("from_ms", "until_ms")))
        for one in cast("list[dict[str, object]]", row["breaches"])
    ]
    return (row["container"], *(cast(int, row[name]) // MINUTE_MS for name in counted), sorted(breaches))


def _ms(minute: int) -> int:
    return BASE_MS + minute * MINUTE_MS


def _devices() -> list[tuple[str, Call]]:
    calls: list[tuple[str, Call]] = [("maker", profile())]
    for level in range(len(CHAIN)):
        calls += [("maker", call) for call in _registration(f"d{level}")]
    return calls


def _registration(name: str) -> list[Call]:
    add_key = key_call(name, "device", WorldStore().world.proof(name, "maker"), methods=["cold_chain.record_batch"])
    return [add_key, device(name, name)]


def _measuring(watches: tuple[Watched | None, ...]) -> list[tuple[str, Call]]:
    calls: list[tuple[str, Call]] = []
    for level, watch in enumerate(watches):
        if watch is None:
            continue
        more = {} if watch.until is None else {"until_ms": _ms(watch.until)}
        calls.append(("maker", assign(CHAIN[level], _ms(watch.since), device=f"d{level}", **more)))
        for sequence, minute, value in watch.known():
            calls.append((f"d{level}", batch(sequence, (_ms(minute), value), name=f"d{level}")))
    return calls


def _packing(stays: tuple[tuple[tuple[int, int], bool], ...]) -> list[tuple[str, Call]]:
    calls: list[tuple[str, Call]] = []
    for level, ((since, until), is_open) in enumerate(stays):
        inner, outer = CHAIN[level], CHAIN[level + 1]
        calls.append(("maker", pack(outer, inner, time_ms=_ms(since))))
        if not is_open:
            calls.append(("maker", unpack(outer, inner, time_ms=_ms(until))))
    return calls
