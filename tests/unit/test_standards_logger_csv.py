"""CSV files of loggers: the dialects that are read, and every way to be unclear, refused with its line."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from standards.celsius import CELSIUS, FAHRENHEIT, KELVIN, milli_celsius
from standards.errors import SensorDataError
from standards.logger_csv import LoggerReading, Stated, read_logger_csv
from standards.logger_times import offset_minutes
from tests.support.shared_data import shared_data

NOTHING = Stated()


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)  # type: ignore[misc, arg-type]


def rows(text: str, stated: Stated = NOTHING) -> list[tuple[int, int | None]]:
    return [(one.time_ms, one.milli_celsius) for one in read_logger_csv(text.encode(), stated)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("timestamp,temp_c\n2026-02-01T00:00:00Z,5.12\n", [(at(2026, 2, 1), 5_120)]),
        ("Timestamp (UTC);Temperature [°C]\n2026/02/01 00:00;-0,5\n", [(at(2026, 2, 1), -500)]),
        ("Time;Temp. °C;Humidity %\n2026-02-01 01:00+01:00;4;40\n", [(at(2026, 2, 1), 4_000)]),
        # A plot title, a number column, the zone and the unit in quoted names, decimal commas in quotes.
        (
            'Plot Title: 7\r\n"#","Date Time, GMT-03:30","Temp, °F (S/N: 12)"\r\n1,13/02/2026 12:30:00 AM,"41,9"\r\n',
            [(at(2026, 2, 13, 4, 0), 5_500)],
        ),
        # The newest line first, what was not measured, an empty line, a decimal comma.
        (
            "Serial;42\nTime zone;UTC+1\n\nDate;Time;Temperature (C)\n01.02.2026;01:10;4,5\n01.02.2026;01:00;ERR\n\n",
            [(at(2026, 2, 1), None), (at(2026, 2, 1, 0, 10), 4_500)],
        ),
        ("Date\tTime UTC\tTemp K\n2-Feb-2026\t12:00:30.25 PM\t273.15\n", [(at(2026, 2, 2, 12, 0, 30) + 250, 0)]),
        (
            "timestamp,temp_c\n1769904000,1\n1769904000500,2 °C\n",
            [(at(2026, 2, 1), 1_000), (at(2026, 2, 1) + 500, 2_000)],
        ),
        # One line says which of 3/4 and 4/3 is meant.
        (
            "Time UTC,Temp C\n2/28/2026 01:00,1\n03/04/2026 01:00,2\n",
            [(at(2026, 2, 28, 1), 1_000), (at(2026, 3, 4, 1), 2_000)],
        ),
    ],
)
def test_a_dialect_is_read(text: str, wanted: list[tuple[int, int | None]]) -> None:
    assert rows(text) == wanted


def test_what_the_file_leaves_open_a_person_may_say() -> None:
    text = "Date/Time,Probe 1,Probe 2 temp (C),Other temp\n03/04/2026 01:00,41,7,8\n"
    found = rows(text, Stated(zone_minutes=60, date_order="mdy", unit=FAHRENHEIT, column="Probe 1"))
    assert found == [(at(2026, 3, 4), 5_000)]
    assert rows(text, Stated(0, "dmy", None, "Probe 2 temp (C)")) == [(at(2026, 4, 3, 1), 7_000)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none of the first 100 lines names a time column and a temperature column"),
        ("a,b\n1,2\n", "none of the first 100 lines"),
        ("x,y\n" * 100 + "timestamp,temp_c\n", "none of the first 100 lines"),
        ("timestamp,temp_c\n", "line 1 is a header, and nothing follows it"),
        ("timestamp,temp_c\n2026-02-01T00:00:00,5\n", "line 2 has a time without a zone"),
        ("Time UTC,temp 1 C,temp 2 C\n2026-02-01 00:00,5,6\n", "line 1 names 2 temperature columns"),
        ("Timestamp,Time,temp C\n2026-02-01 00:00,00:00,5\n", "line 1 names more than one column of times"),
        ("Time UTC,temperature\n2026-02-01 00:00,5\n", "line 1 does not say in which unit"),
        ("Time UTC,temp C F\n2026-02-01 00:00,5\n", "line 1 does not say in which unit"),
        ("Time UTC,temp C\n2026-02-01 00:00,41 °F\n", "line 2 is in another unit than its column"),
        ("Time UTC,temp C\n03/04/2026 00:00,5\n", "line 2 has a date that may be day/month or month/day"),
        ("Time UTC,temp C\n13/04/2026 00:00,5\n04/13/2026 01:00,5\n", "line 3 has day and month the other way round"),
        ("Time UTC,temp C\n01/02/26 00:00,5\n", "line 2 has no date that can be read, with a year of four digits"),
        ("Time UTC,temp C\n2026-02-30 00:00,5\n", "line 2 has a time that there is not"),
        ("Time UTC,temp C\n2026-02-01,5\n", "line 2 has no time that can be read"),
        ("Time UTC,temp C\n2026-02-01 13:00 PM,5\n", "line 2 has the hour 13 and pm"),
        ("Time UTC,temp C\n2026-02-01 00:00+01:00,5\n", "line 2 states another time zone"),
        ("Time zone: UTC+2,\nTime UTC+1,temp C\n2026-02-01 00:00,5\n", "line 2 states another time zone"),
        ("Time UTC,temp C\n1969-12-31 00:00,5\n", "line 2 has a time before 1970"),
        ("Time UTC,temp C\n2026-02-01 00:00,5\n2026-02-01 00:00,5\n", "line 3 is not in the order of time; see line 2"),
        ("Time UTC,temp C\n2026-02-01 02:00,5\n2026-02-01 00:00,5\n2026-02-01 01:00,5\n", "line 4 is not in the order"),
        ("Time UTC,temp C\n2026-02-01 00:00,warm\n", "line 2 has a temperature that is no number: 'warm'"),
        ("Time UTC,temp C\n2026-02-01 00:00,1e3\n", "line 2 has a temperature that is no number"),
        ("Time UTC,temp C\n2026-02-01 00:00,-300\n", "line 2 has a temperature that there cannot be"),
        (
            "Time UTC;temp C\n2026-02-01 00:00;1,5\n2026-02-01 00:01;1.5\n",
            "line 3 has another decimal sign than line 2",
        ),
        # A decimal comma that is also the separator makes a column too many.
        ("Time UTC,temp C\n2026-02-01 00:00,4,5\n", "line 2 has 3 columns, the header 2"),
        ("Date,temp C,Time UTC\n2026-02-01,4\n", "line 2 has 2 columns, the header 3"),
        ('Time UTC,temp C\n2026-02-01 00:00,"4\n', "cannot be split into columns"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(SensorDataError) as refusal:
        rows(text)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (Stated(zone_minutes=60), "line 1 states another time zone"),
        (Stated(unit=KELVIN), "line 1 names another unit than you do"),
        (Stated(date_order="mdy"), "line 2 has a date that is not in the order mdy"),
        (Stated(column="Probe"), "names a time column and the column 'Probe'"),
    ],
)
def test_what_a_person_says_does_not_overrule_the_file(stated: Stated, words: str) -> None:
    with pytest.raises(SensorDataError, match=words):
        rows("Time UTC,temp C\n13/02/2026 00:00,5\n", stated)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Time UTC,temp C\n2026-02-01 00:00,5\n2026-02-01 00:01,5\n"
    monkeypatch.setattr("standards.logger_csv.LINES_MAX", 3)
    assert len(rows(text)) == 2
    monkeypatch.setattr("standards.logger_csv.LINES_MAX", 2)
    with pytest.raises(SensorDataError, match="more than 2 lines"):
        rows(text)
    monkeypatch.setattr("standards.logger_csv.SIZE_BYTES_MAX", len(text) - 1)
    with pytest.raises(SensorDataError, match="longer than"):
        rows(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_degree_sign_in_any_encoding(encoding: str) -> None:
    data = "Time UTC;Temp °F\n2026-02-01 00:00;41\n".encode(encoding)
    assert read_logger_csv(data, NOTHING) == (LoggerReading(2, at(2026, 2, 1), 5_000),)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(
            ("Z", 0),
            ("UTC", 0),
            ("+01:00", 60),
            ("-3", -180),
            ("UTC-03:30", -210),
            ("gmt+0545", 345),
            ("\u22122", -120),
        ),
        *(("", None), ("CET", None), ("+15:00", None), ("+01:60", None), ("1", None)),
    ],
)
def test_offsets_from_utc(text: str, minutes: int | None) -> None:
    assert offset_minutes(text) == minutes


@pytest.mark.parametrize(
    ("name", "points", "unmeasured"), [("mkt_Chamber_A", 288, 0), ("mkt_Chamber_B_missing", 140, 4)]
)
def test_published_logs_are_read_once_their_zone_is_said(name: str, points: int, unmeasured: int) -> None:
    data = shared_data(f"epcis/derived/{name}.csv").read_bytes()
    with pytest.raises(SensorDataError, match=r"^line 2 has a time without a zone"):
        read_logger_csv(data, NOTHING)
    found = read_logger_csv(data, Stated(zone_minutes=0))
    assert sum(one.milli_celsius is not None for one in found) == points
    assert sum(one.milli_celsius is None for one in found) == unmeasured


def test_milli_degrees_are_rounded_once_half_to_even() -> None:
    assert milli_celsius(Decimal("0.0005"), CELSIUS) == 0
    assert milli_celsius(Decimal("0.0015"), CELSIUS) == 2
    assert milli_celsius(Decimal(32), FAHRENHEIT) == 0
    assert milli_celsius(Decimal(33), FAHRENHEIT) == 556
    assert milli_celsius(Decimal("-0.001"), KELVIN) is None
