"""Laws of recording: whatever is lost on the way, what was measured is on the ledger once, under its number."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.device_ledger import DeviceLedger
from tradelane import UnavailableError
from tradelane.recording import Measured, record_readings

FAULTS = st.lists(st.sampled_from(["", "before", "after"]), max_size=12)
STEPS = st.lists(st.tuples(st.integers(1, 100), st.none() | st.integers(-100, 100)), min_size=1, max_size=30)


def measured_of(steps: Iterable[tuple[int, int | None]]) -> list[Measured]:
    found, time_ms = [], 0
    for step_ms, value in steps:
        time_ms += step_ms
        found.append((time_ms, value))
    return found


def numbered(measured: list[Measured]) -> list[tuple[int, int, int]]:
    return [(number, time_ms, value) for number, (time_ms, value) in enumerate(measured, 1) if value is not None]


@given(steps=STEPS, faults=FAULTS, batch=st.integers(1, 5))
def test_a_command_that_is_repeated_until_it_succeeds(
    steps: list[tuple[int, int | None]], faults: list[str], batch: int
) -> None:
    measured, ledger = measured_of(steps), DeviceLedger(faults)
    key = ledger.add("d")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tradelane.recording.READINGS_MAX", batch)
        for _ in range(len(faults) + 1):
            try:
                found = record_readings(ledger.client, key, measured)
                break
            except UnavailableError:
                continue
    wanted = numbered(measured)
    assert ledger.rows("d") == wanted
    assert (found.recorded + found.already, found.late) == (len(wanted), [])
    assert all(size <= batch for size in ledger.submitted)


@given(steps=STEPS, faults=FAULTS, ends=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_packs_that_overlap_and_come_again(
    steps: list[tuple[int, int | None]], faults: list[str], ends: list[tuple[int, int]]
) -> None:
    """A reading is recorded, there already, or too late, and never two of these."""
    measured, ledger = [one for one in measured_of(steps) if one[1] is not None], DeviceLedger(faults)
    key = ledger.add("d")
    for start, end in [*ends, (0, len(measured))]:
        part = measured[min(start, end) : max(start, end)]
        before = {row[1:] for row in ledger.rows("d")}
        found = None
        while found is None:
            try:
                found = record_readings(ledger.client, key, part)
            except UnavailableError:
                continue
        after = {row[1:] for row in ledger.rows("d")}
        assert after - before <= set(part)
        assert found.recorded + found.already + len(found.late) == len(part)
        assert set(found.late) == set(part) - after
    times = [row[1] for row in ledger.rows("d")]
    assert times == sorted(set(times))
