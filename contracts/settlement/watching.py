"""Watching: payments of an account that look as if one larger payment had been split, or as if money were passed on.

An issuer that asks for it (corridors.py) has a payment wait for a person's review where one of three patterns shows.
What counts is the account's payments through the corridor, this one included, in the currency of the issuer's side; an
account is watched as payer by the source's issuer and as payee by the target's. ``T`` is ``watched_below``.

- *near*: more than ``near_payments_max`` payments of T - T/10 or more and less than T, in 24 hours;
- *split*: payments of less than T each that come to T or more in ``watched_days`` days;
- *spread*: more than ``counterparties_max`` other accounts in 24 hours.

Whole hours and days count, as in corridors.py, by the rules that were in force when each payment was made.

Head: ``watch`` {hours: [[hour, payments near T]], days: [[day, sum of those below T]], others: [[hour, account]]}.
"""

from typing import Final, cast

from contracts.context import Context
from ledger.codec import Value
from ledger.limits import INTEGER_MAX
from ledger.state import Head

WATCHED_DAYS_MAX: Final = 30
NEAR_PAYMENTS_MAX: Final = 1_000
COUNTERPARTIES_MAX: Final = 16
REVIEW_HOURS_MAX: Final = 30 * 24

_HOURS: Final = 24
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS

Row = tuple[int, int]


def asks_for_review(context: Context, key: bytes, rules: Head, amount: int, other: str) -> bool:
    """Count a payment of an account with another under its ``watch`` key; return whether a pattern shows."""
    head = context.get(key) or {"hours": [], "days": [], "others": []}
    hour, day = context.block.time_ms // _HOUR_MS, context.block.time_ms // _DAY_MS
    threshold = cast("int | None", rules.get("watched_below"))
    is_below = threshold is not None and amount < threshold
    is_near = is_below and threshold is not None and amount >= threshold - threshold // 10
    hours = _add(head["hours"], hour, _HOURS, int(is_near))
    days = _add(head["days"], day, WATCHED_DAYS_MAX, amount if is_below else 0)
    others = _seen(head["others"], hour, other)
    context.put(
        key,
        {
            "hours": cast(Value, [list(row) for row in hours]),
            "days": cast(Value, [list(row) for row in days]),
            "others": cast(Value, [list(row) for row in others]),
        },
    )
    near_max, span, others_max = (
        cast("int | None", rules.get(name)) for name in ("near_payments_max", "watched_days", "counterparties_max")
    )
    is_often_near = near_max is not None and is_near and sum(count for _, count in hours) > near_max
    in_days = sum(amount for number, amount in days if span is not None and number > day - span)
    is_split = span is not None and threshold is not None and is_below and in_days >= threshold
    is_spread = others_max is not None and len(others) > others_max
    return is_often_near or is_split or is_spread


def _add(rows: Value, number: int, span: int, amount: int) -> list[Row]:
    """Return the rows from ``span`` before a number on, with an amount added to that of the number."""
    kept = [cast(Row, tuple(row)) for row in cast("list[list[int]]", rows)]
    kept = [row for row in kept if number - span <= row[0]]
    before = kept.pop()[1] if kept and kept[-1][0] == number else 0
    total = min(before + amount, INTEGER_MAX)
    return [*kept, (number, total)] if total else kept


def _seen(rows: Value, hour: int, account: str) -> list[tuple[int, str]]:
    """Return the accounts of the last 24 hours with when each was seen last, the newest that a limit can ask for."""
    known = [cast("tuple[int, str]", tuple(row)) for row in cast("list[list[int | str]]", rows)]
    kept = [(seen, other) for seen, other in known if hour - _HOURS <= seen and other != account]
    return [*kept, (hour, account)][-(COUNTERPARTIES_MAX + 1) :]
