"""Watching against a twin that keeps every payment for ever and looks at all of them each time."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from contracts import heads
from contracts.context import BlockContext, Context
from contracts.settlement.watching import COUNTERPARTIES_MAX, WATCHED_DAYS_MAX, asks_for_review
from ledger.parameters import Parameters
from ledger.state import Head, Overlay
from tests.support.contracts_world import World

HOUR_MS = 3_600_000
KEY = heads.watch("shop/eur", "EUR", "EUR", "source")

Payment = tuple[int, int, str]
"""When, in hours, how much, and with which account."""


def shows(payments: Sequence[Payment], rules: Head) -> bool:
    """Return whether the last of the payments shows a pattern."""
    now, amount, _ = payments[-1]
    threshold = rules.get("watched_below")
    near_max, days, others_max = (
        rules.get(name) for name in ("near_payments_max", "watched_days", "counterparties_max")
    )
    last_day = [each for each in payments if each[0] >= now - 24]
    if isinstance(others_max, int) and len({other for _, _, other in last_day}) > others_max:
        return True
    if not isinstance(threshold, int) or amount >= threshold:
        return False
    lowest = threshold - threshold // 10
    near = [each for each in last_day if lowest <= each[1] < threshold]
    if isinstance(near_max, int) and amount >= lowest and len(near) > near_max:
        return True
    below = [
        each[1]
        for each in payments
        if isinstance(days, int) and each[0] // 24 > now // 24 - days and each[1] < threshold
    ]
    return sum(below) >= threshold


def context_at(hour: int, overlay: Overlay) -> Context:
    block = BlockContext(bytes(32), 1, hour * HOUR_MS)
    return Context(block, bytes(32), 0, 0, None, None, overlay, Parameters())


patterns = st.fixed_dictionaries(
    {},
    optional={
        "near_payments_max": st.integers(0, 3),
        "watched_days": st.integers(1, WATCHED_DAYS_MAX),
        "counterparties_max": st.integers(1, COUNTERPARTIES_MAX),
    },
)
payments = st.tuples(
    st.sampled_from([0, 0, 1, 5, 23, 24, 25, 7 * 24]),
    st.one_of(st.integers(1, 30), st.sampled_from([89, 90, 99, 100])),
    st.integers(0, 19).map(str),
)


@given(patterns, st.lists(payments, max_size=60))
def test_what_is_kept_tells_as_much_as_all_payments_would(rules: Head, steps: list[Payment]) -> None:
    if rules.keys() - {"counterparties_max"}:
        rules["watched_below"] = 100
    overlay = Overlay(World())
    made: list[Payment] = []
    hour = 24 * 400
    for later, amount, other in steps:
        hour += later
        made.append((hour, amount, other))
        asked = asks_for_review(context_at(hour, overlay), KEY, rules, amount, other)
        assert asked == shows(made, rules)
        kept = overlay.get(KEY)
        assert kept is not None
        sizes = [len(rows) for rows in kept.values() if isinstance(rows, list)]
        assert all(
            size <= most for size, most in zip(sizes, (25, WATCHED_DAYS_MAX + 1, COUNTERPARTIES_MAX + 1), strict=True)
        )
