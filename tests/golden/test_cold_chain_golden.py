"""Mean kinetic temperature and vial monitors against published figures: one computed by spreadsheet, one by rate."""

import csv
import math

import pytest

from standards.cold_chain import Held, held_spans, mean_kinetic_celsius, vial_monitor_life_lost_percent
from tests.support.shared_data import shared_data

TEN_MINUTES_MS = 600_000


@pytest.mark.parametrize(
    ("name", "points", "celsius"),
    [("mkt_Chamber_A", 288, 5.26), ("mkt_Chamber_B_missing", 140, 24.96), ("mkt_Chamber_C_mixed", 58, 7.93)],
)
def test_a_chamber_has_its_published_mean(name: str, points: int, celsius: float) -> None:
    readings = []
    with shared_data(f"epcis/derived/{name}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                readings.append(round(float(row["temp_c"].strip()) * 1_000))
            except ValueError:
                continue
    assert len(readings) == points
    # The published figure weighs every reading alike.
    mean = mean_kinetic_celsius([Held(reading, TEN_MINUTES_MS) for reading in readings])
    assert mean is not None
    assert round(mean, 2) == celsius


def test_vial_monitors_lose_what_was_measured() -> None:
    lines = shared_data("epcis/derived/vvm_vectors.tsv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines[1:], delimiter="\t"))
    assert len(rows) == 4
    for row in rows:
        lost = vial_monitor_life_lost_percent(row["vvm"], [Held(int(row["temp_c"]) * 1_000, TEN_MINUTES_MS)])
        assert math.isclose(lost, float(row["instant_%loss_per_600s"]), rel_tol=1e-5)
    two_days = [Held(37_000, TEN_MINUTES_MS)] * 288
    assert math.isclose(vial_monitor_life_lost_percent("VVM2", two_days), 113.7811, rel_tol=1e-5)


def test_time_weighs_and_gaps_and_the_last_reading_do_not() -> None:
    spans = held_spans([(0, 5_000), (1_000, 30_000), (100_000, 8_000), (102_000, 9_000)], gap_ms=10_000)
    assert spans == [Held(5_000, 1_000), Held(8_000, 2_000)]
    assert mean_kinetic_celsius([]) is None
    longer = mean_kinetic_celsius([Held(5_000, 1), Held(25_000, 3)])
    alike = mean_kinetic_celsius([Held(5_000, 1), Held(25_000, 1)])
    assert longer is not None
    assert alike is not None
    assert 15 < alike < longer < 25  # above the arithmetic mean of two alike
    assert mean_kinetic_celsius([Held(-273_150, 1)]) == pytest.approx(-273.15)
