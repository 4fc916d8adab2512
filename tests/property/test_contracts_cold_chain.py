"""Watches against a plain model: whatever the readings, batches, gaps and ends, timers and minutes are the model's.

The model knows every reading at once and looks at each interval by itself; the contract sees one batch after another.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.cold_model import GAP_MS, Findings, Watch, judged
from tests.support.contract_cold_chain_cases import (
    MINUTE_MS,
    REGISTERED,
    acknowledge,
    assign,
    batch,
    cold,
    release,
)
from tests.support.contracts_world import START_MS, World, sgtin

BUDGET_MS = 90 * MINUTE_MS
GTIN = "09506000134352"


class ColdChain(RuleBasedStateMachine):
    """One device and one thing; watches begin and end, readings come with and without gaps."""

    @initialize()
    def start(self) -> None:
        """Register a product with a budget, its item, a device and a profile."""
        self.world = World()
        storage: Value = {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "budget_ms": BUDGET_MS}
        self.world.must("maker", ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine", "storage": storage}))
        REGISTERED(self.world)
        self.readings: list[tuple[int, int, int]] = []
        self.sequence, self.now_ms, self.acknowledged = 0, 1_000, 0
        self.watches: list[Watch] = []

    @property
    def is_watched(self) -> bool:
        """Whether a watch has no end yet."""
        return bool(self.watches) and self.watches[-1].until_ms is None

    @precondition(lambda self: not self.is_watched)
    @rule(after=st.integers(1, 3 * GAP_MS))
    def begin(self, after: int) -> None:
        """Watch the thing from after the last reading and after the last watch on."""
        earliest_ms = max(self.now_ms, (self.watches[-1].until_ms or 0) if self.watches else 0)
        self.watches.append(Watch(earliest_ms + after))
        self.world.must("maker", assign(from_ms=earliest_ms + after))

    @precondition(lambda self: self.is_watched)
    @rule(after=st.integers(1, 3 * GAP_MS))
    def end(self, after: int) -> None:
        """End the watch at a time that no reading has reached."""
        watch = self.watches[-1]
        watch.until_ms = max(self.now_ms, watch.from_ms) + after
        self.world.must("maker", release(watch.until_ms, from_ms=watch.from_ms))

    @rule(
        missing=st.sampled_from([0, 0, 0, 1]),
        steps=st.lists(
            st.tuples(
                st.sampled_from([1, MINUTE_MS, 10 * MINUTE_MS, GAP_MS, GAP_MS + 1]),
                st.sampled_from([-501, -500, 1_999, 2_000, 5_000, 8_000, 8_001, 30_000]),
            ),
            min_size=1,
            max_size=12,
        ),
        split=st.integers(0, 12),
    )
    def record(self, missing: int, steps: list[tuple[int, int]], split: int) -> None:
        """Record readings in one batch or two."""
        self.sequence += missing
        first, rows = self.sequence + 1, []
        for step_ms, value in steps:
            self.sequence, self.now_ms = self.sequence + 1, self.now_ms + step_ms
            rows.append((self.now_ms, value))
            self.readings.append((self.sequence, self.now_ms, value))
        for start, part in ((first, rows[:split]), (first + split, rows[split:])):
            if part:
                self.world.must("device", batch(start, *part))
        assert self.world.code("device", batch(first, *rows)) is ResultCode.SEQUENCE_REPEATED

    @precondition(lambda self: self.acknowledged < len(self.found().breaches))
    @rule()
    def acknowledge(self) -> None:
        """Acknowledge the oldest breach that is left."""
        self.acknowledged += 1
        self.world.must("maker", acknowledge(self.acknowledged))

    def found(self) -> Findings:
        """Return what the model finds."""
        found = Findings()
        for watch in self.watches:
            judged(watch, self.readings, found)
        return found

    @invariant()
    def the_record_is_the_model_s(self) -> None:
        """Compare minutes, breaches and disposition."""
        if not self.watches:
            return
        found, record = self.found(), self.world.get(heads.cold_record(sgtin(1)))
        assert record is not None
        assert record["out_of_range_ms"] == found.out_ms
        assert record["unmonitored_ms"] == found.unmonitored_ms
        assert record["breaches"] == len(found.breaches)
        assert record["unacknowledged"] == len(found.breaches) - self.acknowledged
        if found.is_rejected or found.out_ms > BUDGET_MS:
            expected = "REJECT"
        elif len(found.breaches) > self.acknowledged or found.unmonitored_ms:
            expected = "QUARANTINE"
        else:
            expected = "WITHIN_BUDGET" if found.out_ms or found.breaches else "OK"
        assert record["disposition"] == expected


ColdChain.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestColdChain = ColdChain.TestCase


def test_a_breach_says_when_which_readings_and_how_warm() -> None:
    """A run over two batches is one breach; a release by the holder and a revoked device leave the thing free."""
    world = World()
    REGISTERED(world)
    world.must("maker", assign())
    step = 10 * MINUTE_MS
    world.must("device", batch(1, (1_000, 9_000), (1_000 + step, 12_000)))
    world.must("device", batch(3, *((1_000 + step * number, 8_500) for number in (2, 3, 4))))
    assert world.get(heads.cold_breach(sgtin(1), 1)) == {
        "device": "d",
        "profile": "p",
        "limit": 0,
        "custodian": "maker",
        "from_ms": 1_000,
        "until_ms": 1_000 + 4 * step,
        "first_sequence": 1,
        "last_sequence": 4,
        "min_milli_celsius": 8_500,
        "max_milli_celsius": 12_000,
    }
    assert world.must("maker", acknowledge()) == {"disposition": "QUARANTINE"}
    world.must("maker", cold("revoke_device", id="d"))
    world.must("maker", release(START_MS))


def test_a_limit_is_reached_at_its_very_duration() -> None:
    """Thirty minutes are a breach, a millisecond less is none."""
    for last_ms, breaches in ((30 * MINUTE_MS - 1, 0), (30 * MINUTE_MS, 1)):
        world = World()
        REGISTERED(world)
        world.must("maker", assign())
        times = (0, 15 * MINUTE_MS, last_ms)
        world.must("device", batch(1, *((1_000 + time_ms, 9_000) for time_ms in times)))
        record = world.get(heads.cold_record(sgtin(1)))
        assert record is not None
        assert record["breaches"] == breaches


def test_a_reading_at_the_end_of_a_watch_closes_it_and_does_not_belong_to_it() -> None:
    """The interval is closed at its beginning and open at its end."""
    world = World()
    REGISTERED(world)
    world.must("maker", assign(until_ms=2_000))
    world.must("device", batch(1, (1_000, 5_000), (2_000, 9_000)))
    watch, device = world.get(heads.cold_watch("d", sgtin(1), 1_000)), world.get(heads.device("d"))
    assert watch is not None
    assert device is not None
    assert (watch["done"], watch["readings"], watch["monitored_ms"]) == (True, 1, 1_000)
    assert watch["max_milli_celsius"] == 5_000
    assert device["watches"] == []
