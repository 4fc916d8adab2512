"""Exchanges against plain arithmetic: I8 to I10 of the design, and that each fails without its rule."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts import heads
from contracts.results import Rejected, ResultCode
from contracts.settlement import payments, quotes, rates
from contracts.settlement.posting import Leg
from contracts.settlement.rates import Exchange, fixed_receive, fixed_send
from tests.support.contract_payment_cases import LIFE_MS, READY, exchange, quote
from tests.support.contracts_world import START_MS, World
from tests.support.without_rule import take_away

amounts = st.integers(1, 10**18 - 1)
scaled_rates = st.one_of(st.integers(1, 10**11 - 1), st.integers(1, 10**10).map(lambda number: number * 10**10))
exponents = st.integers(0, 8)


@given(amount=amounts, rate=scaled_rates, source=exponents, target=exponents)
def test_rounding_is_for_the_provider_and_below_one_unit(amount: int, rate: int, source: int, target: int) -> None:
    exact = Fraction(rate, 10**10) * Fraction(10) ** (target - source)
    try:
        sent = fixed_send(amount, rate, source, target)
    except Rejected:
        assert amount * exact < 1
    else:
        assert 0 <= amount * exact - sent.target_amount < 1
    received = fixed_receive(amount, rate, source, target)
    assert 0 <= received.source_amount - amount / exact < 1
    assert fixed_send(received.source_amount, rate, source, target).target_amount >= amount
    if amount * exact >= 1:
        back = fixed_receive(sent.target_amount, rate, source, target)
        assert back.source_amount <= amount, "there and back never gains, and never costs more than was sent"


@given(parts=st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(any), amount=st.integers(0, 10**6))
def test_a_split_is_whole_and_fair(parts: list[int], amount: int) -> None:
    shares = rates.split(amount, parts)
    assert sum(shares) == amount
    assert all(abs(share - Fraction(amount * part, sum(parts))) < 2 for share, part in zip(shares, parts, strict=True))


TWISTS: dict[str, dict[str, Any]] = {
    "another's key": {"signer": "carrier"},
    "other chain": {"chain_id": bytes(32)},
    "early": {},
    "for another": {"beneficiary": "carrier"},
    "for the payer": {"beneficiary": "shop"},
    "other way": {
        "source_account": "bank/eur",
        "source_currency": "EUR",
        "target_account": "bank/hkd",
        "target_currency": "HKD",
    },
    "payer's account": {"source_account": "shop/hkd"},
}
"""What may be wrong with a quote, or not, and what it then says otherwise."""


class Exchanges(RuleBasedStateMachine):
    """Payments by three quotes of one provider, right and wrong in every way, while time and blocks go on."""

    QUOTES: ClassVar[tuple[dict[str, Any], ...]] = (
        {"id": b"1" * 16, "capacity": 200_000, "maximum": 150_000},
        {"id": b"2" * 16, "capacity": 900_000, "side": "receive", "nonce": 9, "max_height": 25},
        {"id": b"3" * 16, "fee_basis_points": 35, "fee_bearer": "payer", "fee_account": "bank/fees"},
    )

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        READY(self.world)
        self.number = 0
        self.floor = 0
        self.used = [0, 0, 0]
        self.begin = {name: self.balance(name) for name in ("bank/hkd", "bank/eur", "bank/fees")}
        self.flows = [0, 0, 0]

    def balance(self, name: str) -> int:
        head = self.world.get(heads.account(name))
        assert head is not None
        debited, credited = head["debits_posted"], head["credits_posted"]
        assert isinstance(debited, int)
        assert isinstance(credited, int)
        return credited - debited

    @rule(
        which=st.integers(0, 2),
        amount=st.one_of(st.integers(70_000, 300_000), st.integers(90, 110)),
        side=st.sampled_from((None, None, None, "send", "receive")),
        twist=st.sampled_from(("", "", "", *TWISTS)),
        payee=st.sampled_from(("maker/eur", "maker/eur", "maker/eur", "shop/eur")),
    )
    def pay(self, which: int, amount: int, side: str | None, twist: str, payee: str) -> None:
        said = {**self.QUOTES[which], **TWISTS.get(twist, {})}
        if twist == "early":
            said["not_before_ms"] = self.world.time_ms + 1
        offered = said.get("side", "send")
        self.number += 1
        uetr = f"8a562c67-ca16-48ba-b074-{self.number:012x}"
        refusals = (
            (twist == "another's key", ResultCode.UNKNOWN_PROVIDER),
            (twist == "other chain", ResultCode.QUOTE_SIGNATURE_WRONG),
            (twist == "early", ResultCode.QUOTE_NOT_YET_VALID),
            (self.world.time_ms >= START_MS + LIFE_MS, ResultCode.QUOTE_EXPIRED),
            (self.world.height + 1 > said.get("max_height", 1_000), ResultCode.QUOTE_HEIGHT_PASSED),
            (said.get("nonce", 5) < self.floor, ResultCode.QUOTE_CANCELLED),
            (twist == "for another", ResultCode.QUOTE_FOR_ANOTHER),
            (twist == "other way", ResultCode.QUOTE_PAIR_DIFFERS),
            (side not in (None, offered), ResultCode.QUOTE_SIDE_DIFFERS),
            (twist == "payer's account", ResultCode.QUOTE_ACCOUNT_WRONG),
            (not 100 <= amount <= said.get("maximum", 1_000_000), ResultCode.QUOTE_AMOUNT_OUT_OF_RANGE),
            (self.used[which] + amount > said.get("capacity", 1_000_000), ResultCode.QUOTE_EXHAUSTED),
        )
        expected = next((code for is_wrong, code in refusals if is_wrong), ResultCode.OK)
        given_quote = quote(**said)
        before = {name: self.balance(name) for name in ("shop/hkd", payee)}
        call = exchange(given_quote, amount=amount, side=side or offered, payee=payee, uetr=uetr)
        code = self.world.code("shop", call)
        paid, got = before["shop/hkd"] - self.balance("shop/hkd"), self.balance(payee) - before[payee]
        if code is not ResultCode.OK:
            assert (paid, got) == (0, 0)
            has_funds = before["shop/hkd"] >= (2 * amount if offered == "send" else amount)
            assert code is expected or (code is ResultCode.INSUFFICIENT_FUNDS and not has_funds), self.world.detail
            return
        assert expected is ResultCode.OK
        self.used[which] += amount
        rate = Fraction("7.688592130")
        fee = -(-amount * 35 // 10_000) if which == 2 else 0
        source, target = (amount, int(amount * rate)) if offered == "send" else (paid, amount)
        if offered == "receive":
            assert paid == -(-amount * 10**10 // int(rate * 10**10))
        assert (paid, got) == (source + fee, target)
        self.flows = [self.flows[0] + source, self.flows[1] - target, self.flows[2] + fee]

    @rule(which=st.integers(0, 2), amount=st.integers(70_000, 150_000))
    def pay_as_quoted(self, which: int, amount: int) -> None:
        self.pay(which, amount, side=None, twist="", payee="maker/eur")

    @rule(ms=st.sampled_from((1, LIFE_MS // 2)), blocks=st.integers(0, 3))
    def time_goes_on(self, ms: int, blocks: int) -> None:
        self.world.time_ms += ms
        self.world.height += blocks

    @rule(floor=st.sampled_from((1, 2, 3, 4, 6, 10)))
    def cancel(self, floor: int) -> None:
        code = self.world.code("bank", ("settlement.cancel_quotes", {"nonce_floor": floor}))
        assert code is (ResultCode.OK if floor > self.floor else ResultCode.NONCE_FLOOR_NOT_RAISED)
        self.floor = max(floor, self.floor)

    @invariant()
    def the_provider_has_every_leg(self) -> None:
        now = [self.balance(name) - self.begin[name] for name in ("bank/hkd", "bank/eur", "bank/fees")]
        assert now == self.flows
        for number, said in enumerate(self.QUOTES):
            head = self.world.get(heads.quote("bank", said["id"]))
            assert (head or {"used": 0})["used"] == self.used[number]


def _settings(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=phases or tuple(Phase),
    )


def test_exchanges_do_what_was_quoted_and_nothing_else() -> None:
    run_state_machine_as_test(Exchanges, settings=_settings(40))


def _round_up(patch: pytest.MonkeyPatch) -> None:
    def send(amount: int, rate: int, source: int, target: int) -> Exchange:
        exact = fixed_send(amount, rate, source, target)
        return Exchange(amount, exact.target_amount + bool(exact.residue_numerator), 0, 1)

    patch.setattr(quotes, "fixed_send", send)


def _one_leg(patch: pytest.MonkeyPatch) -> None:
    def legs(*arguments: Any) -> tuple[tuple[Leg, ...], int, int]:
        made, paid, received = original(*arguments)
        return made[:1], paid, received

    original = payments._exchange_legs
    patch.setattr(payments, "_exchange_legs", legs)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_one_leg, id="I8-both-legs"),
        pytest.param(_round_up, id="I9-rounding"),
    ],
)
def test_a_run_fails_without_the_rule(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    with pytest.raises((AssertionError, Rejected)):
        run_state_machine_as_test(Exchanges, settings=_settings(40, Phase.generate))


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (quotes._check_signed, ResultCode.UNKNOWN_PROVIDER),
        (quotes._check_signed, ResultCode.QUOTE_SIGNATURE_WRONG),
        (quotes._check_in_force, ResultCode.QUOTE_NOT_YET_VALID),
        (quotes._check_in_force, ResultCode.QUOTE_EXPIRED),
        (quotes._check_in_force, ResultCode.QUOTE_HEIGHT_PASSED),
        (quotes._check_in_force, ResultCode.QUOTE_CANCELLED),
        (quotes.use_quote, ResultCode.QUOTE_FOR_ANOTHER),
        (quotes.use_quote, ResultCode.QUOTE_PAIR_DIFFERS),
        (quotes.use_quote, ResultCode.QUOTE_SIDE_DIFFERS),
        (quotes._check_account, ResultCode.QUOTE_ACCOUNT_WRONG),
        (quotes.use_quote, ResultCode.QUOTE_EXHAUSTED),
    ],
    ids=lambda value: f"I10-{value.name}" if isinstance(value, ResultCode) else "",
)
def test_a_run_fails_without_one_check(
    function: Callable[..., Any], code: ResultCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, function, code, payments)
    with pytest.raises((AssertionError, Rejected)):
        run_state_machine_as_test(Exchanges, settings=_settings(80, Phase.generate))
