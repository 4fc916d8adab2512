"""Statements add up, or there is none."""

from dataclasses import replace

import pytest

from tradelane import Account, Entry, Point, VerificationError, make_statement

ACCOUNT = Account(
    id="brand/USD",
    owner="brand",
    currency="USD",
    exponent=2,
    debits_posted=300,
    credits_posted=1_000,
    debits_pending=50,
    credits_pending=0,
    status="open",
    height=9,
)


def entry(number: int, height: int, posted: int | None) -> Entry:
    return Entry(
        number=number,
        height=height,
        time_ms=height * 1_000,
        transaction="ab" * 32,
        transfer=None,
        kind="transfer",
        counterparty=None,
        posted=posted,
        pending=0,
        currency="USD",
        reference=None,
    )


ENTRIES = [entry(1, 2, 1_000), entry(2, 4, -100), entry(3, 4, 0), entry(4, 7, -200)]


@pytest.mark.parametrize(
    ("start", "end", "opening", "amounts", "closing"),
    [
        (None, None, 0, [1_000, -100, -200], 700),
        (Point(height=4), None, 1_000, [-100, -200], 700),
        (None, Point(height=4), 0, [1_000], 1_000),
        (Point(height=4), Point(height=7), 1_000, [-100], 900),
        (Point(time_ms=4_000), Point(time_ms=7_001), 1_000, [-100, -200], 700),
        (Point(time_ms=4_001), Point(time_ms=7_000), 900, [], 900),
        (Point(height=100), None, 700, [], 700),
    ],
)
def test_a_statement_between_two_points(
    start: Point | None, end: Point | None, opening: int, amounts: list[int], closing: int
) -> None:
    made = make_statement(ACCOUNT, ENTRIES, start, end)
    assert (made.opening, [line.amount for line in made.lines], made.closing) == (opening, amounts, closing)
    assert [line.balance for line in made.lines][-1:] == ([closing] if amounts else [])


def test_an_entry_after_the_totals_is_not_in_it() -> None:
    assert make_statement(ACCOUNT, [*ENTRIES, entry(5, 10, 5)]).closing == 700


@pytest.mark.parametrize(
    "entries",
    [
        ENTRIES[:-1],
        ENTRIES[1:],
        [*ENTRIES[:2], ENTRIES[3]],
        [ENTRIES[0], replace(ENTRIES[1], posted=-99), *ENTRIES[2:]],
        [*ENTRIES[:3], replace(ENTRIES[3], posted=None)],
        [],
    ],
    ids=["last", "first", "one that moved nothing", "amount", "unknown", "all"],
)
def test_a_statement_that_does_not_add_up_is_refused(entries: list[Entry]) -> None:
    with pytest.raises(VerificationError):
        make_statement(ACCOUNT, entries)


def test_two_points_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(VerificationError):
        make_statement(ACCOUNT, ENTRIES, Point(height=7), Point(height=4))
