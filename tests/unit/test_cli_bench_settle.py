"""`tradelane bench settle`: what a provider risks, replayed over days; the picture; and the table of the figures."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.benches.exposure import Exposure, read_exposure
from cli.benches.exposure_chart import svg_file
from cli.benches.figures import Row, exposure_rows, settle_rows
from cli.benches.machine import Machine
from cli.benches.settle import SettleCost, SettleFigures
from tests.support.command_line import CommandLine
from tests.support.shared_data import shared_data
from tradelane import BadRequestError

MACHINE = Machine("CPython 3.11.7", 2, 0.5, 50.0)
COST = SettleCost(8, 10.0, 1_000, {"503 busy": 3}, 100.0, 60.0, 150.0, 65.4, 160.0)


def rates_file(directory: Path, rates: Sequence[float | None], header: str = "Date,USD,HKD,PHP,\n") -> Path:
    """Write a file in the form of the bank's, the newest day first; HKD is always 8 for a euro."""
    start = date(2024, 12, 20)
    rows = [
        f"{start + timedelta(days=number)},1.1,8,{'N/A' if rate is None else rate * 8},\n"
        for number, rate in enumerate(rates)
    ]
    path = directory / "rates.csv"
    path.write_text(header + "".join(reversed(rows)))
    return path


def test_moves_are_of_the_days_that_follow(tmp_path: Path) -> None:
    rates = (*[7.5] * 10, 7.5 * 1.02, None, 7.5 * 1.03, 7.5)
    found = read_exposure(rates_file(tmp_path, rates), "HKD/PHP")
    assert len(found.days) == 13 - 3, "a day that one of the rates is missing of is left out"
    quote, in_day, transfer = found.spreads
    assert [spread.is_measured for spread in found.spreads] == [False, True, True]
    assert (round(transfer.most, 9), transfer.most_on) == (0.03, "2024-12-28")
    assert (round(in_day.most, 9), in_day.most_on, in_day.median) == (0.02, "2024-12-29", 0.0)
    assert math.isclose(quote.most, 0.02 * math.sqrt(10 / 1_440))
    assert exposure_rows(found)[2] == ("transfer of 3 banking days", "0.000%", "3.00%", "3.00%", "2024-12-28")
    assert read_exposure(rates_file(tmp_path, rates), "EUR/PHP").spreads == found.spreads, "the euro is the unit"


def test_the_picture_stands_alone(tmp_path: Path) -> None:
    found = read_exposure(rates_file(tmp_path, [7.5, 7.6] * 200), "HKD/PHP")
    text = svg_file(found)
    root = ElementTree.fromstring(text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "it loads nothing"
    paths = {element.get("class"): element.get("d") for element in root.iter() if element.tag.endswith("path")}
    assert set(paths) == {"transfer", "quote"}
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert any("a transfer of 3 banking days, measured: median 1.33%" in each for each in texts)
    assert any("scaled by the root of time" in each for each in texts)
    assert "2025" in texts


@pytest.mark.parametrize(
    ("content", "pair", "code"),
    [
        ("", "HKD/PHP", "rates.pair"),
        ("Date,HKD,PHP\n2026-01-01,8,60\n", "HKD/PHP", "rates.pair"),
        ("Date,HKD\n", "HKD/PHP", "rates.column"),
        ("Date,HKD,PHP\n", "HKDPHP", "rates.column"),
        ("Date,HKD,PHP\nyesterday,8,60\n", "HKD/PHP", "rates.row"),
        ("Date,HKD,PHP\n2026-01-01,8\n", "HKD/PHP", "rates.row"),
        ("Date,HKD,PHP\n2026-01-01,8,-1\n", "HKD/PHP", "rates.row"),
        ("Date,HKD,PHP\n2026-01-01,nan,1\n", "HKD/PHP", "rates.row"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str, pair: str, code: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(content)
    with pytest.raises(BadRequestError) as refused:
        read_exposure(path, pair)
    assert refused.value.code == code


def test_what_is_wrong_about_files_is_said_before_anything_is_measured(tradelane: CommandLine) -> None:
    outcome = tradelane("bench", "settle", "--picture", "out.svg")
    assert (outcome.code, "rates.missing" in outcome.err) == (1, True)
    outcome = tradelane("bench", "settle", "--rates", "no.csv")
    assert (outcome.code, "file.unreadable" in outcome.err) == (1, True)


def test_the_published_series_gives_the_figures_that_are_told_of() -> None:
    found = read_exposure(shared_data("settlement/fx/ecb_eurofxref-hist.csv"), "HKD/PHP")
    assert isinstance(found, Exposure)
    assert len(found.days) == 5_381
    assert [(row[1], row[2], row[3]) for row in exposure_rows(found)] == [
        ("0.017%", "0.09%", "0.17%"),
        ("0.207%", "1.09%", "2.09%"),
        ("0.354%", "1.82%", "2.71%"),
    ]


def test_the_table_of_settlement() -> None:
    figures = SettleFigures(MACHINE, 4, 7, 5_000.0, (COST,), 4_331, 3_054, 0.4)
    assert settle_rows(figures) == [
        Row("8 clients: payments of 7 legs", "100 a second", "2.0% of the floor"),
        Row("  to the receipt", "p50 60 ms, p99 150 ms"),
        Row("  to the receipt with its proof", "p50 65 ms, p99 160 ms"),
        Row("  refused: 503 busy", "3"),
        Row("floor by signature checks alone", "5,000 a second"),
        Row("proof of a payment", "4.3 kB, gzip 3.1 kB", aim="8 kB"),
        Row("  checked by Python", "0.4 ms", "8 checks", "50 ms at most"),
    ]
