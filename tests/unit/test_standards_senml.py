"""SenML: base fields, relative times, units, and what is refused or left out."""

import pytest

from contracts.provenance.products import COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS
from standards.errors import SensorDataError
from standards.senml import LeftOut, SensorReading, read_senml

NOW_MS = 1_767_225_600_000


def test_base_fields_are_resolved_and_last_until_they_change() -> None:
    pack = """[{"bn": "truck-7/", "bt": 1.767e9, "bu": "Cel", "bver": 10, "n": "front", "v": 4.25},
               {"n": "back", "t": 60, "v": 5, "bv": 0.5}, {"n": "back", "t": 120, "v": 4},
               {"bn": "truck-8", "u": "K", "v": 277.65}]"""
    found = read_senml(pack, NOW_MS)
    assert found.left_out == ()
    assert found.readings == (
        SensorReading("truck-7/front", 1_767_000_000_000, 4_250),
        SensorReading("truck-8", 1_767_000_000_000, 5_000),
        SensorReading("truck-7/back", 1_767_000_060_000, 5_500),
        SensorReading("truck-7/back", 1_767_000_120_000, 4_500),
    )


def test_small_times_count_from_the_arrival() -> None:
    found = read_senml(
        '[{"n": "a", "u": "Cel", "v": 1, "t": -5}, {"n": "a", "u": "Cel", "v": 2.0004, "t": 1e-999999999}]', NOW_MS
    )
    assert [(one.time_ms, one.milli_celsius) for one in found.readings] == [(NOW_MS - 5_000, 1_000), (NOW_MS, 2_000)]


def test_what_is_no_temperature_is_left_out_with_its_reason() -> None:
    pack = """[{"n": "a", "u": "%RH", "v": 40}, {"n": "a", "vs": "ERR"}, {"n": "a", "u": "Cel", "v": -300},
               {"n": "a", "u": "Cel", "s": 3}, {"n": "a", "u": "Far", "v": 40}, {"n": "a", "v": 4}, {"n": "a", "t": 4},
               {"bn": "b"}, {"u": "Cel", "v": 7}]"""
    found = read_senml(pack, NOW_MS)
    assert found.readings == (SensorReading("b", NOW_MS, 7_000),)
    assert found.left_out == (
        LeftOut(0, "a", "is in '%RH', not in 'Cel' or 'K'"),
        LeftOut(1, "a", "has a value that is no number"),
        LeftOut(2, "a", "is no temperature that there can be"),
        LeftOut(3, "a", "has a value that is no number"),
        LeftOut(4, "a", "is in 'Far', not in 'Cel' or 'K'"),
        LeftOut(5, "a", "has no unit"),
        LeftOut(6, "a", "has no value"),
    )


def test_a_time_that_counts_from_the_arrival_needs_one() -> None:
    absolute = '[{"n": "a", "u": "Cel", "v": 1, "t": 268435456}]'
    assert read_senml(absolute, None).readings == (SensorReading("a", 268_435_456_000, 1_000),)
    for t in ("0", "-5", "268435455.999"):
        with pytest.raises(SensorDataError, match=r"^record 1 has a time that counts from its arrival"):
            read_senml(f'[{{"bn": "a", "bu": "Cel"}}, {{"v": 1, "t": {t}}}]', None)


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('[{"n": "a", "u": "Cel", "v": NaN}]', "NaN is not a number"),
        ("[]", "an array of 1 to"),
        ("{}", "an array of 1 to"),
        ("[1]", "record 0 is not an object"),
        ('[{"n": "a", "v": "4"}]', "record 0 has a v that is not a number"),
        ('[{"n": "a", "v": true}]', "record 0 has a v that is not a number"),
        ('[{"n": "a", "v": 1e999999999}]', "record 0 has a v that is not a number"),
        ('[{"n": 1, "v": 1}]', "record 0 has a n that is not a text"),
        ('[{"v": 1, "u": "Cel"}]', "record 0 has no name"),
        ('[{"n": "a", "v": 1, "vs": "x"}]', "record 0 has more than one value"),
        ('[{"n": "a", "v": 1}, {"n": "a", "v": 1, "new_": 1}]', "record 1 has the field 'new_'"),
        ('[{"bver": 11, "n": "a", "v": 1}]', "record 0 is of version 11"),
    ],
)
def test_a_pack_that_cannot_be_read_says_why(pack: str, words: str) -> None:
    with pytest.raises(SensorDataError, match=r"^(?:record|the pack|a pack)") as refusal:
        read_senml(pack, NOW_MS)
    assert words in str(refusal.value)


def test_the_range_of_temperatures_is_that_of_the_contracts() -> None:
    """Neither knows the other, so that what is read here and what is refused there is held together by this test."""
    ends = [COLDEST_MILLI_CELSIUS - 1, COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS + 1]
    records = ", ".join(f'{{"n": "a", "u": "Cel", "v": {end / 1_000}}}' for end in ends)
    found = read_senml(f"[{records}]", NOW_MS)
    assert [reading.milli_celsius for reading in found.readings] == ends[1:3]
    assert [one.record for one in found.left_out] == [0, 3]
