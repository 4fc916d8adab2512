"""Exchanges against plain arithmetic: I8 to I10 of the design, and that each fails without its rule."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

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


class Exchanges(RuleBasedStateMachine):
    """Payments by three quotes of one provider, right and wrong in every way, while time and blocks go on."""

    QUOTES = (
        {"id": b"1" * 16, "capacity": 500_000},
        {"id": b"2" * 16, "capacity": 900_000, "side": "receive", "nonce": 9, "max_height": 40},
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
        amount=st.integers(100, 300_000),
        side=st.sampled_from((None, None, None, "send", "receive")),
        chain=st.sampled_from((None, None, None, bytes(32))),
        payee=st.sampled_from(("maker/eur", "maker/eur", "maker/eur", "shop/eur")),
    )
    def pay(self, which: int, amount: int, side: str | None, chain: bytes | None, payee: str) -> None:
        said: dict[str, Any] = dict(self.QUOTES[which])
        offered = said.get("side", "send")
        given_quote = quote(**said) if chain is None else quote(chain_id=chain, **said)
        self.number += 1
        uetr = f"8a562c67-ca16-48ba-b074-{self.number:012x}"
        may = (
            chain is None
            and (side or offered) == offered
            and self.world.time_ms < START_MS + LIFE_MS
            and self.world.height + 1 <= said.get("max_height", 1_000)
            and said.get("nonce", 5) >= self.floor
            and self.used[which] + amount <= said.get("capacity", 1_000_000)
        )
        before = {name: self.balance(name) for name in ("shop/hkd", payee)}
        call = exchange(given_quote, amount=amount, side=side or offered, payee=payee, uetr=uetr)
        code = self.world.code("shop", call)
        paid, got = before["shop/hkd"] - self.balance("shop/hkd"), self.balance(payee) - before[payee]
        if code is not ResultCode.OK:
            assert (paid, got) == (0, 0)
            assert not may or code is ResultCode.INSUFFICIENT_FUNDS, (code, self.world.detail)
            return
        assert may
        self.used[which] += amount
        rate = Fraction("7.688592130")
        fee = -(-amount * 35 // 10_000) if which == 2 else 0
        source, target = (amount, int(amount * rate)) if offered == "send" else (paid, amount)
        if offered == "receive":
            assert paid == -(-amount * 10**10 // int(rate * 10**10))
        assert (paid, got) == (source + fee, target)
        self.flows = [self.flows[0] + source, self.flows[1] - target, self.flows[2] + fee]

    @rule(ms=st.sampled_from((1, LIFE_MS // 20)), blocks=st.integers(0, 3))
    def time_goes_on(self, ms: int, blocks: int) -> None:
        self.world.time_ms += ms
        self.world.height += blocks

    @rule(floor=st.integers(1, 9))
    def cancel(self, floor: int) -> None:
        code = self.world.code("bank", ("settlement.cancel_quotes", {"nonce_floor": floor}))
        assert code is (ResultCode.OK if floor > self.floor else ResultCode.NONCE_FLOOR_NOT_RAISED)
        self.floor = max(floor, self.floor)

    @invariant()
    def the_provider_has_every_leg(self) -> None:
        now = [self.balance(name) - self.begin[name] for name in ("bank/hkd", "bank/eur", "bank/fees")]
        assert now == self.flows
        for number, said in enumerate(self.QUOTES):
            head = self.world.get(heads.quote("bank", bytes(said["id"])))  # type: ignore[call-overload]
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


def _no_expiry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quotes, "_check_in_force", lambda context, quote: None)


def _any_signature(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quotes, "verify", lambda key, message, signature: True)


def _no_capacity(patch: pytest.MonkeyPatch) -> None:
    original = quotes.use_quote

    def use(context: Any, signed: Any, *rest: Any) -> Exchange:
        context.state.delete(heads.quote(signed.quote.provider, signed.quote.identifier))
        return original(context, signed, *rest)

    patch.setattr(payments, "use_quote", use)


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
    "take_away",
    [
        pytest.param(_one_leg, id="I8-both-legs"),
        pytest.param(_round_up, id="I9-rounding"),
        pytest.param(_no_expiry, id="I10-in-force"),
        pytest.param(_no_capacity, id="I10-capacity"),
        pytest.param(_any_signature, id="I10-other-chain"),
    ],
)
def test_a_run_fails_without_the_rule(
    take_away: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch)
    with pytest.raises((AssertionError, Rejected)):
        run_state_machine_as_test(Exchanges, settings=_settings(40, Phase.generate))
