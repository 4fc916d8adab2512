"""Corridors: both sides' rules, what is counted over time, and rules that begin later; exact figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import heads
from contracts.results import ResultCode as R
from contracts.settlement.corridors import DAYS, HOURS, _add
from ledger.codec import Value
from ledger.limits import INTEGER_MAX
from tests.support.contract_compliance_cases import (
    BENEFICIARY,
    DAY_MS,
    HOUR_MS,
    ORIGINATOR,
    PARTIES,
    SCREENED,
    attested,
    published,
    ruled,
    rules,
)
from tests.support.contract_payment_cases import READY, exchange, quote
from tests.support.contract_situations import in_turn, ran
from tests.support.contracts_world import START_MS, Call, World

VELOCITY = heads.velocity("shop", "HKD", "EUR")
HOUR, DAY = START_MS // HOUR_MS, START_MS // DAY_MS


def payment(number: int, amount: int, world: World, **more: Value) -> Call:
    """Return a payment of HKD under a reference and by a quote of its own."""
    uetr = f"8a562c67-ca16-48ba-b074-{number:012x}"
    given = quote(
        id=number.to_bytes(16, "big"), not_before_ms=world.time_ms, expires_ms=world.time_ms + 1, max_height=10**6
    )
    return exchange(given, uetr=uetr, amount=amount, **more)


def paid(world: World, number: int, amount: int, **more: Value) -> R:
    return R(world.run("shop", payment(number, amount, world, **more)).code)


def world_with(*setups: object) -> World:
    world = World()
    for setup in setups:
        setup(world)  # type: ignore[operator]  # each is a step of a situation
    return world


def test_a_payment_is_counted_in_both_currencies_and_its_parties_stand_with_it() -> None:
    world = world_with(ruled(data_from=0))
    receipt = world.run("shop", exchange(None, **PARTIES))
    assert receipt.code == R.OK.value
    assert world.get(VELOCITY) == {"hours": [[HOUR, 200_000, 1_537_718]], "days": [[DAY, 200_000, 1_537_718]]}
    head = world.get(heads.payment("8a562c67-ca16-48ba-b074-65581be6f001"))
    assert head is not None
    assert (head["originator"], head["beneficiary"]) == (ORIGINATOR, BENEFICIARY)


def test_a_corridor_without_rules_counts_nothing() -> None:
    world = world_with(READY)
    assert paid(world, 1, 100) is R.OK
    assert world.get(VELOCITY) is None


def test_a_refused_payment_is_not_counted() -> None:
    world = world_with(ruled(payment_max=100))
    assert paid(world, 1, 101) is R.PAYMENT_OVER_LIMIT
    assert world.get(VELOCITY) is None


def test_the_day_limit_is_of_24_hours_and_not_of_a_calendar_day() -> None:
    world = world_with(ruled(day_max=1_000))
    world.time_ms = START_MS + 23 * HOUR_MS + 59 * 60_000
    assert paid(world, 1, 600) is R.OK
    world.time_ms = START_MS + DAY_MS
    assert paid(world, 2, 401) is R.DAY_LIMIT_EXCEEDED
    assert paid(world, 3, 400) is R.OK
    world.time_ms = START_MS + 2 * DAY_MS - 1
    assert paid(world, 4, 100) is R.DAY_LIMIT_EXCEEDED
    world.time_ms = START_MS + 2 * DAY_MS
    assert paid(world, 5, 600) is R.OK


def test_thirty_days_are_counted_in_whole_days() -> None:
    world = world_with(ruled(thirty_days_max=1_000))
    assert paid(world, 1, 1_000) is R.OK
    world.time_ms = START_MS + (DAYS + 1) * DAY_MS - 1
    assert paid(world, 2, 100) is R.THIRTY_DAYS_LIMIT_EXCEEDED
    world.time_ms += 1
    assert paid(world, 3, 1_000) is R.OK


def test_a_payment_that_is_split_to_stay_below_the_threshold_is_judged_as_one() -> None:
    world = world_with(ruled(data_from=1_000))
    assert [paid(world, number, 300) for number in (1, 2, 3)] == [R.OK] * 3
    assert paid(world, 4, 300) is R.PARTY_DATA_MISSING
    assert paid(world, 5, 300, **PARTIES) is R.OK


def test_the_stricter_side_wins() -> None:
    world = world_with(ruled(payment_max=200_000), ran(("bank", rules("target", payment_max=1_000))))
    assert paid(world, 1, 131) is R.PAYMENT_OVER_LIMIT
    assert paid(world, 2, 130) is R.OK


def test_rules_can_be_set_for_a_time_to_come() -> None:
    world = world_with(ruled(payment_max=1_000))
    begins_ms = START_MS + HOUR_MS
    world.must("other_bank", rules(version=2, from_ms=begins_ms, payment_max=500))
    world.time_ms = begins_ms - 1
    assert paid(world, 1, 501) is R.OK
    world.time_ms = begins_ms
    assert paid(world, 2, 501) is R.PAYMENT_OVER_LIMIT
    world.must("other_bank", rules(version=3, from_ms=begins_ms + 1, payment_max=100))
    head = world.get(heads.corridor("HKD", "EUR", "source"))
    assert head is not None
    assert (head["version"], head["rules"]) == (3, {"payment_max": 500})
    assert head["next"] == {"from_ms": begins_ms + 1, "rules": {"payment_max": 100}}


def test_a_new_version_of_the_list_asks_for_a_new_look() -> None:
    world = world_with(SCREENED)
    world.must("carrier", published(b"2" * 32, as_of_ms=2))
    assert world.run("shop", exchange(None, **attested())).code == R.ATTESTATION_LIST_OLD.value


def test_escrow_goes_through_the_same_door() -> None:
    world = world_with(in_turn(ruled(data_from=0)))
    fields = dict(exchange()[1])
    fields |= {
        "condition": [{"kind": "time", "after_ms": START_MS + 10}],
        "deadline_ms": START_MS + 100,
        "dispute_deadline_ms": START_MS + 200,
        "default": "refund",
    }
    assert world.run("shop", ("trade.open", fields)).code == R.PARTY_DATA_MISSING.value
    assert world.run("shop", ("trade.open", {**fields, **PARTIES})).code == R.OK.value


@pytest.mark.parametrize("name", ["payment_max", "day_max", "thirty_days_max"])
def test_a_limit_of_nothing_closes_the_corridor(name: str) -> None:
    world = world_with(ruled(**{name: 0}))
    assert paid(world, 1, 100) in {R.PAYMENT_OVER_LIMIT, R.DAY_LIMIT_EXCEEDED, R.THIRTY_DAYS_LIMIT_EXCEEDED}


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10**18)), max_size=80))
def test_windows_are_bounded_and_hold_what_a_plain_sum_holds(steps: list[tuple[int, int]]) -> None:
    number = 0
    rows: Value = []
    history: list[tuple[int, int]] = []
    for later, amount in steps:
        number += later
        history.append((number, amount))
        found = _add(rows, number, HOURS, (amount, 1))
        rows = [list(row) for row in found]
        assert len(found) <= HOURS + 1
        recent = [one for one in history if one[0] >= number - HOURS]
        assert sum(row[2] for row in found) == len(recent)
        assert all(row[1] <= INTEGER_MAX for row in found)
        assert sum(row[1] for row in found) == sum(
            min(sum(paid for at, paid in recent if at == hour), INTEGER_MAX) for hour in {at for at, _ in recent}
        )


def test_what_a_firm_moves_between_its_own_accounts_passes_no_corridor() -> None:
    world = World()
    rules_of_eur: dict[str, Value] = {"source_currency": "EUR", "target_currency": "EUR", "side": "source"}
    world.must("bank", ("settlement.set_corridor", {**rules_of_eur, "version": 1, "from_ms": 0, "payment_max": 1}))
    world.must("shop", ("settlement.open_account", {"id": "shop/second", "currency": "EUR"}))
    world.must("bank", ("settlement.issue", {"id": b"i" * 16, "account": "shop/eur", "amount": 50}))
    move: dict[str, Value] = {"id": b"m" * 16, "debit": "shop/eur", "credit": "shop/second", "amount": 50}
    world.must("shop", ("settlement.transfer", move))
    assert world.get(heads.velocity("shop", "EUR", "EUR")) is None
