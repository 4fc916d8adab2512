"""Words, dates and numbers as a shopper reads them, and which representation a client wants."""

import pytest

from contracts.results import ResultCode
from node.web import words
from node.web.accept import negotiate
from node.web.linkset import LINKSET_TYPE
from standards.countries import country_name


@pytest.mark.parametrize(
    ("milli_celsius", "text"),
    [(0, "0 °C"), (-40, "0 °C"), (-50, "-0.1 °C"), (4_000, "4 °C"), (-18_900, "-18.9 °C"), (1_449, "1.4 °C")],
)
def test_temperatures(milli_celsius: int, text: str) -> None:
    assert words.celsius_text(milli_celsius).replace("\u2212", "-") == text


def test_a_range_of_temperatures() -> None:
    assert words.celsius_text(2_000, 8_000) == "2 to 8 °C"
    assert words.celsius_text(2_000, 2_000) == "2 °C"


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("3 Nov 2026", "3 Nov 2026", "3 Nov 2026"),
        ("3 Nov 2026", "4 Nov 2026", "3-4 Nov 2026"),
        ("30 Nov 2026", "2 Dec 2026", "30 Nov - 2 Dec 2026"),
        ("30 Dec 2026", "2 Jan 2027", "30 Dec 2026 - 2 Jan 2027"),
        ("3 Nov 2026", "3 Dec 2026", "3 Nov - 3 Dec 2026"),
    ],
)
def test_two_dates_say_once_what_they_share(first: str, last: str, text: str) -> None:
    assert words.joined_dates(first, last).replace("\u2013", "-") == text


def test_dates_are_local_to_where_it_was() -> None:
    late_ms = 1_793_491_200_000  # 2026-11-01T00:00:00Z
    assert words.date_text(late_ms - 1) == "31 Oct 2026"
    assert (words.date_text(late_ms, -60), words.time_text(late_ms, -60)) == ("31 Oct 2026", "23:00")
    assert (words.date_text(late_ms, 330), words.time_text(late_ms, 330)) == ("1 Nov 2026", "05:30")
    assert [words.offset_text(minutes) for minutes in (0, 330, -210)] == ["UTC", "UTC+05:30", "UTC-03:30"]


@pytest.mark.parametrize("time_ms", [2**63 - 1, -(2**63), 10**17])
def test_times_that_no_calendar_has_are_said_to_be_unknown(time_ms: int) -> None:
    assert words.date_text(time_ms) == "unknown date"
    assert words.time_text(time_ms) == ""


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("packing", "Packed"),
        ("https://example.org/steps/smoke_drying", "Smoke drying"),
        ("urn:example:bizstep:flash-freezing", "Flash freezing"),
        ("", ""),
        (None, None),
    ],
)
def test_steps(term: str | None, text: str | None) -> None:
    assert words.step_text(term) == text


def test_every_rule_that_a_receipt_can_name_has_words() -> None:
    for code in ResultCode:
        if 210 <= code <= 230:
            assert words.rule_text(code.name.lower()).endswith(".")
    assert words.rule_text("something_new") == "A rule of the ledger was broken: Something new"


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("https://id.gs1.org/00/395211020000004175", "shipping unit \u2026004175"),
        ("https://id.gs1.org/8004/9521103LOGGER-0731", "equipment 9521103LOGGER-0731"),
        ("https://id.gs1.org/01/09521102002002/21/A%2FB", "item A/B"),
        ("https://id.gs1.org/8018/9521102", "thing 9521102"),
        ("urn:uuid:1", "urn:uuid:1"),
        ("https://id.gs1.org/", "https://id.gs1.org/"),
    ],
)
def test_things(identifier: str, text: str) -> None:
    assert words.thing_text(identifier) == text


def test_countries() -> None:
    assert (country_name("MV"), country_name("de"), country_name("XX")) == ("Maldives", "Germany", "XX")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], "text/html"),
        (["application/json", "text/html;q=0.9"], "application/json"),
        (["text/*;q=0.4, application/json;q=0.3"], "text/html"),
        (["*/*;q=0.5, text/html;q=0.1"], "application/json"),
        (["APPLICATION/LINKSET+JSON"], LINKSET_TYPE),
        (["application/json;q=2"], "text/html"),
        (["application/json;q=nan"], "text/html"),
    ],
)
def test_the_weights_of_a_client(accept: list[str], expected: str) -> None:
    assert negotiate(accept) == expected
