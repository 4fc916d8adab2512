"""I13: windows against a plain model: zero-sum, nobody below zero, each obligation once, and each rule is needed.

The model says what netting is without saying how it is done: positions are sums, a payment list is judged by playing
it, and what was deferred has to have stood in the way.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts import heads
from contracts.methods import METHODS
from contracts.results import ResultCode
from contracts.settlement import netting, windows
from contracts.settlement.netting import (
    BILATERAL,
    GROSS,
    MODELS,
    MULTILATERAL,
    NO_FUNDS,
    NO_ROOM,
    NOT_USABLE,
    Obligation,
    Standing,
    plan_netting,
)
from ledger.limits import INTEGER_MAX
from tests.support.contract_netting_cases import carry, owe, settle, window
from tests.support.contracts_world import Call, World
from tests.support.without_rule import take_away

ACCOUNTS = ("a", "b", "c", "d")
ROOM = 10**6
QUEUES = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.integers(1, 50)).filter(lambda x: x[0] != x[1]),
    max_size=9,
).map(lambda rows: [Obligation(bytes([number]), *each) for number, each in enumerate(rows)])
STANDINGS = st.dictionaries(
    st.sampled_from(ACCOUNTS),
    st.builds(Standing, st.none() | st.integers(0, 60), st.just(ROOM) | st.integers(0, 40), st.just(ROOM)),
    min_size=2,
)


def positions(payments: Iterable[tuple[str, str, int]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for debtor, creditor, amount in payments:
        totals[debtor] -= amount
        totals[creditor] += amount
    return Counter({account: total for account, total in totals.items() if total})


@pytest.mark.parametrize("model", sorted(MODELS))
@given(queue=QUEUES, standings=STANDINGS, data=st.data())
def test_a_plan_can_be_played_and_keeps_every_position(
    model: str, queue: list[Obligation], standings: dict[str, Standing], data: st.DataObject
) -> None:
    plan = plan_netting(queue, standings, model)
    rows = {each.identifier: (each.debtor, each.creditor, each.amount) for each in queue}
    assert sorted([*plan.settled, *(identifier for identifier, _ in plan.deferred)]) == sorted(rows)
    assert positions(plan.payments) == positions(rows[identifier] for identifier in plan.settled)
    assert plan.gross_value == sum(rows[identifier][2] for identifier in plan.settled)
    assert plan.net_value == sum(amount for _, _, amount in plan.payments) <= plan.gross_value
    has = {name: standing.funds for name, standing in standings.items()}
    debits: Counter[str] = Counter()
    for debtor, creditor, amount in plan.payments:
        assert amount > 0
        debits[debtor] += amount
        assert debits[debtor] <= standings[debtor].debit_room
        for name, change in ((debtor, -amount), (creditor, amount)):
            funds = has[name]
            if funds is not None:
                assert funds + change >= 0
                has[name] = funds + change
    for identifier, reason in plan.deferred:
        debtor, creditor, _ = rows[identifier]
        assert (reason == NOT_USABLE) == (debtor not in standings or creditor not in standings)
        assert reason != NO_FUNDS or standings[debtor].funds is not None
    assert plan_netting(data.draw(st.permutations(queue)), standings, model) == plan


@given(queue=QUEUES)
def test_where_everybody_can_pay_nothing_is_deferred_and_netting_never_moves_more(queue: list[Obligation]) -> None:
    standings = {name: Standing(None, ROOM, ROOM) for name in ACCOUNTS}
    plans = {model: plan_netting(queue, standings, model) for model in MODELS}
    assert all(plan.deferred == () for plan in plans.values())
    assert plans[MULTILATERAL].net_value <= plans[BILATERAL].net_value <= plans[GROSS].net_value
    assert plans[GROSS].net_value == plans[GROSS].gross_value


def of(*rows: tuple[str, str, int]) -> list[Obligation]:
    return [Obligation(bytes([number]), *each) for number, each in enumerate(rows, 1)]


def funds(**amounts: int) -> dict[str, Standing]:
    return {name: Standing(amount, ROOM, ROOM) for name, amount in amounts.items()}


def test_a_circle_needs_no_money_multilaterally_and_gridlocks_otherwise() -> None:
    circle = of(("a", "b", 5), ("b", "c", 5), ("c", "a", 5))
    plan = plan_netting(circle, funds(a=0, b=0, c=0), MULTILATERAL)
    assert (plan.payments, plan.deferred, plan.gross_value, plan.net_value) == ((), (), 15, 0)
    for model in (GROSS, BILATERAL):
        plan = plan_netting(circle, funds(a=0, b=0, c=0), model)
        assert (plan.payments, len(plan.deferred)) == ((), 3)
    # Five at one place set the whole circle in motion.
    assert plan_netting(circle, funds(a=5, b=0, c=0), GROSS).deferred == ()


def test_the_last_obligation_of_the_lowest_account_that_is_short_is_deferred() -> None:
    queue = of(("b", "c", 5), ("a", "b", 5), ("a", "c", 5), ("b", "a", 1))
    plan = plan_netting(queue, funds(a=5, b=0, c=0), MULTILATERAL)
    # a and b are short, a comes first and loses its third; b is still short by one and loses the fourth.
    assert plan.deferred == ((b"\x03", NO_FUNDS), (b"\x04", NO_FUNDS))
    assert plan.payments == (("a", "c", 5),)


def test_a_total_that_would_run_over_defers_too() -> None:
    standings = {"a": Standing(None, 4, ROOM), "b": Standing(0, ROOM, ROOM)}
    assert plan_netting(of(("a", "b", 5)), standings, MULTILATERAL).deferred == ((b"\x01", NO_ROOM),)
    standings = {"a": Standing(9, ROOM, ROOM), "b": Standing(0, ROOM, 4)}
    assert plan_netting(of(("a", "b", 5)), standings, GROSS).deferred == ((b"\x01", NO_ROOM),)


OWNERS = {"shop/eur": "shop", "maker/eur": "maker", "carrier/eur": "carrier"}


class Windows(RuleBasedStateMachine):
    """Obligations between three accounts through windows that open, close and settle while money comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.number = 0
        self.windows: dict[str, tuple[str, int, bool]] = {}
        self.owed: dict[int, tuple[str, str, int]] = {}
        self.place: dict[int, str | None] = {}
        self.settled: set[int] = set()
        self.balance = dict.fromkeys(OWNERS, 0)
        self.frozen: set[str] = set()

    def name(self) -> int:
        self.number += 1
        return self.number

    def some_window(self, data: st.DataObject) -> str:
        """Return any window, more often one that is open."""
        still_open = [name for name, (_, closes_ms, _) in self.windows.items() if self.world.time_ms < closes_ms]
        return data.draw(st.sampled_from([*self.windows, *still_open * 3]))

    @rule(account=st.sampled_from(sorted(OWNERS)), amount=st.integers(1, 60))
    def issue(self, account: str, amount: int) -> None:
        given_id = self.name().to_bytes(16, "big")
        call: Call = ("settlement.issue", {"id": given_id, "account": account, "amount": amount})
        if self.world.code("bank", call) is ResultCode.OK:
            self.balance[account] += amount
        else:
            assert account in self.frozen

    @rule(account=st.sampled_from(sorted(OWNERS)))
    def freeze_or_thaw(self, account: str) -> None:
        verb = "unfreeze" if account in self.frozen else "freeze"
        self.world.must("bank", (f"settlement.{verb}_account", {"id": account}))
        self.frozen ^= {account}

    @rule(model=st.sampled_from(sorted(MODELS)), life_ms=st.integers(20, 90))
    def open(self, model: str, life_ms: int) -> None:
        name = f"w{self.name()}"
        closes_ms = self.world.time_ms + life_ms
        self.world.must("bank", window(id=name, model=model, closes_ms=closes_ms))
        self.windows[name] = model, closes_ms, False

    @rule(data=st.data(), amounts=st.lists(st.integers(1, 80), min_size=1, max_size=4))
    def promise(self, data: st.DataObject, amounts: list[int]) -> None:
        for amount in amounts if self.windows else ():
            self.promise_one(data, amount)

    def promise_one(self, data: st.DataObject, amount: int) -> None:
        name = self.some_window(data)
        debit, credit = data.draw(st.permutations(sorted(OWNERS)))[:2]
        number = self.name()
        call = owe(number, window=name, debit=debit, credit=credit, amount=amount)
        signer = data.draw(st.sampled_from((OWNERS[debit], OWNERS[debit], OWNERS[credit])))
        code = self.world.code(signer, call)
        if signer != OWNERS[debit]:
            assert code is ResultCode.NOT_ACCOUNT_OWNER
            return
        is_open = self.world.time_ms < self.windows[name][1]
        assert code is (ResultCode.OK if is_open else ResultCode.WINDOW_CLOSED)
        if is_open:
            self.owed[number], self.place[number] = (debit, credit, amount), name
            assert self.world.must(signer, call) == {"exists": True, "status": "waiting"}

    @rule(data=st.data())
    def carry(self, data: st.DataObject) -> None:
        if not self.owed or not self.windows:
            return
        deferred = [number for number, place in self.place.items() if place is None and number not in self.settled]
        number = data.draw(st.sampled_from(sorted(data.draw(st.sampled_from([deferred, self.owed])) or self.owed)))
        name = self.some_window(data)
        code = self.world.code(OWNERS[self.owed[number][0]], carry(number, to=name))
        if number in self.settled or self.place[number] is not None:
            assert code is ResultCode.OBLIGATION_NOT_DEFERRED
        elif self.world.time_ms >= self.windows[name][1]:
            assert code is ResultCode.WINDOW_CLOSED
        else:
            assert code is ResultCode.OK
            self.place[number] = name

    @rule(data=st.data())
    def close_and_settle(self, data: st.DataObject) -> None:
        due = [name for name, (_, _, is_settled) in self.windows.items() if not is_settled]
        if due:
            name = data.draw(st.sampled_from(due))
            self.world.time_ms = max(self.world.time_ms, self.windows[name][1])
            self.settle_one(name)

    @rule(ms=st.integers(1, 9))
    def wait(self, ms: int) -> None:
        self.world.time_ms += ms

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if self.windows:
            self.settle_one(data.draw(st.sampled_from(sorted(self.windows))))

    def settle_one(self, name: str) -> None:
        model, closes_ms, is_settled = self.windows[name]
        receipt = self.world.run("watcher", settle(name))
        code = ResultCode(receipt.code)
        if is_settled:
            assert code is ResultCode.WINDOW_SETTLED
        elif self.world.time_ms < closes_ms:
            assert code is ResultCode.WINDOW_STILL_OPEN
        else:
            assert code is ResultCode.OK, self.world.detail
            self.windows[name] = model, closes_ms, True
            self.discharge(name, receipt.outputs[0])

    def discharge(self, name: str, report: Any) -> None:
        inside = [number for number, place in sorted(self.place.items()) if place == name]
        paid = []
        for number in inside:
            status = (self.world.get(heads.obligation(number.to_bytes(16, "big"))) or {})["status"]
            assert status in ("settled", "deferred")
            debit, credit, _ = self.owed[number]
            if self.frozen & {debit, credit}:
                assert status == "deferred"
            if status == "settled":
                assert number not in self.settled
                self.settled.add(number)
                paid.append(self.owed[number])
            self.place[number] = None
        for account, change in positions(paid).items():
            self.balance[account] += change
        assert (report["settled"], report["deferred"]) == (len(paid), len(inside) - len(paid))
        assert report["gross_value"] == sum(amount for _, _, amount in paid)
        assert report["net_value"] == sum(amount for _, _, amount in report["payments"]) <= report["gross_value"]
        assert not report["deferred"] or self.is_in_the_way(inside, paid)

    def is_in_the_way(self, inside: list[int], paid: list[tuple[str, str, int]]) -> bool:
        """Say whether all of a window could not have been settled by the model: something had to be deferred."""
        rows = [self.owed[number] for number in inside]
        if any(self.frozen & {debit, credit} for debit, credit, _ in rows):
            return True
        before = dict(self.balance)
        for account, change in positions(paid).items():
            before[account] -= change
        outgo = positions(rows)
        return any(before[account] + outgo[account] < 0 for account in OWNERS) or any(
            before[account] < sum(amount for debit, _, amount in rows if debit == account) for account in OWNERS
        )

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        for account, expected in self.balance.items():
            head = self.world.get(heads.account(account))
            assert head is not None
            debited, credited = head["debits_posted"], head["credits_posted"]
            assert isinstance(debited, int)
            assert isinstance(credited, int)
            assert credited - debited == expected >= 0


def _settings(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=phases or tuple(Phase),
    )


def test_windows_settle_what_was_promised_once() -> None:
    run_state_machine_as_test(Windows, settings=_settings(40))


def _never_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(netting, "_stuck", lambda payments, standings: {})


def _leaves_a_payment_out(patch: pytest.MonkeyPatch) -> None:
    def all_but_one(obligations: Any) -> Any:
        return original(obligations)[:-1]

    original = netting._net_positions
    patch.setitem(netting._MODELS, MULTILATERAL, all_but_one)


def _uses_frozen(patch: pytest.MonkeyPatch) -> None:
    def standings(context: Any, obligations: Any) -> Any:
        names = {name for one in obligations for name in (one.debtor, one.creditor)}
        return dict.fromkeys(names, Standing(None, INTEGER_MAX, INTEGER_MAX)) | original(context, obligations)

    original = windows._standings
    patch.setattr(windows, "_standings", standings)


def _calls_deferred_what_was_paid(patch: pytest.MonkeyPatch) -> None:
    def discharge(context: Any, entry: Any, obligation: Any, reason: Any) -> None:
        original(context, entry, obligation, "funds" if obligation.amount % 2 else reason)

    original = windows._discharge
    patch.setattr(windows, "_discharge", discharge)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_never_short, id="feasible"),
        pytest.param(_leaves_a_payment_out, id="zero-sum"),
        pytest.param(_uses_frozen, id="usable"),
        pytest.param(_calls_deferred_what_was_paid, id="discharged-once"),
    ],
)
def test_a_run_fails_without_the_rule(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(Windows, settings=_settings(80, Phase.generate))


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (windows.owe, ResultCode.NOT_ACCOUNT_OWNER),
        (windows._enter, ResultCode.WINDOW_CLOSED),
        (windows.carry_obligation, ResultCode.OBLIGATION_NOT_DEFERRED),
        (windows.settle_window, ResultCode.WINDOW_SETTLED),
        (windows.settle_window, ResultCode.WINDOW_STILL_OPEN),
    ],
    ids=lambda value: value.name if isinstance(value, ResultCode) else "",
)
def test_a_run_fails_without_one_check(
    function: Callable[..., Any], code: ResultCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, function, code)
    for name, method in list(METHODS.items()):
        if method.handler is function:
            changed = replace(method, handler=getattr(windows, function.__name__))
            monkeypatch.setitem(METHODS, name, changed)
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(Windows, settings=_settings(80, Phase.generate))
