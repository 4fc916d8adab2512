"""Laws of reading loggers' files: a file in any dialect says what it was written from, and junk is refused by line."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.errors import SensorDataError
from standards.logger_csv import LoggerReading, Stated, read_logger_csv

DAY_FORMS = {
    "%Y-%m-%d": None,
    "%Y/%m/%d": None,
    "%d.%m.%Y": None,
    "%d-%b-%Y": None,
    "%d/%m/%Y": "dmy",
    "%m/%d/%Y": "mdy",
}
MEASURED = st.lists(
    st.tuples(st.integers(1, 10_000), st.none() | st.integers(-90_000, 90_000)), min_size=1, max_size=12
)


@given(
    start=st.integers(1_000_000_000, 4_000_000_000),
    steps=MEASURED,
    form=st.sampled_from(sorted(DAY_FORMS)),
    clock=st.sampled_from(["%H:%M:%S", "%I:%M:%S %p"]),
    offset=st.integers(-14 * 60, 14 * 60),
    where=st.sampled_from(["header", "line", "person"]),
    separator=st.sampled_from([",", ";", "\t"]),
    is_comma=st.booleans(),
    is_split=st.booleans(),
    is_reversed=st.booleans(),
)
def test_a_file_says_what_it_was_written_from(
    start: int,
    steps: list[tuple[int, int | None]],
    form: str,
    clock: str,
    offset: int,
    where: str,
    separator: str,
    is_comma: bool,
    is_split: bool,
    is_reversed: bool,
) -> None:
    zone = timezone(timedelta(minutes=offset))
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    zone_text = f"{sign}{hours:02}:{minutes:02}"
    wanted, lines, time_s = [], [], start
    for step_s, milli in steps:
        time_s += step_s
        wanted.append((time_s * 1_000, milli))
        moment = datetime.fromtimestamp(time_s, zone)
        value = "ERR" if milli is None else f"{'-' if milli < 0 else ''}{abs(milli) // 1_000}.{abs(milli) % 1_000:03}"
        value = value.replace(".", ",") if is_comma else value
        cells = [moment.strftime(form), moment.strftime(clock) + (f" {zone_text}" if where == "line" else "")]
        cells = cells if is_split else [" ".join(cells)]
        lines.append(separator.join(f'"{cell}"' for cell in (*cells, value)))
    stated_zone = f" (UTC{zone_text})" if where == "header" else ""
    names = ["Date", f"Time{stated_zone}"] if is_split else [f"Timestamp{stated_zone}"]
    header = separator.join(f'"{name}"' for name in (*names, "Temp (°C)"))
    text = "\r\n".join(("Logger 7", "", header, *(reversed(lines) if is_reversed else lines), ""))
    stated = Stated(offset if where == "person" else None, DAY_FORMS[form])  # type: ignore[arg-type]
    found = read_logger_csv(text.encode(), stated)
    assert [(one.time_ms, one.milli_celsius) for one in found] == wanted
    by_line = sorted(found, key=lambda one: one.line, reverse=is_reversed and len(found) > 1)
    assert [one.line for one in by_line] == [one.line for one in found]


@given(text=st.text(alphabet='0123456789-:/.,;TZ timestampCF°"\n+', max_size=200), is_headed=st.booleans())
def test_anything_else_is_read_or_refused(text: str, is_headed: bool) -> None:
    data = (("timestamp,temp_c\n" if is_headed else "") + text).encode()
    refusal = None
    found: tuple[LoggerReading, ...] = ()
    try:
        found = read_logger_csv(data, Stated())
    except SensorDataError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code == "csv_header" or re.match(r"line \d+ ", str(refusal))
    assert [one.time_ms for one in found] == sorted({one.time_ms for one in found})


@given(data=st.binary(max_size=300))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(SensorDataError):
        read_logger_csv(data, Stated())


def test_the_epoch_is_where_it_is() -> None:
    (one,) = read_logger_csv(b"timestamp,temp_c\n1970-01-01T00:00:00.001Z,0\n", Stated())
    assert datetime.fromtimestamp(one.time_ms / 1_000, UTC).microsecond == 1_000
