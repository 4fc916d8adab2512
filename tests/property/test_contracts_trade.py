"""Escrow against a plain model: I11 (what is held is open, and all of it ends) and I12 (no release without cause).

What each payment has released and given back must be the model's after every step, so that no release can come but by
the events, readings and words that the model has seen. Each rule is taken out once, and the machine must notice.
"""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from contracts.results import ResultCode
from contracts.trade import evidence, release, waiting
from contracts.trade.condition import Judgement
from tests.support.contract_cold_chain_cases import batch
from tests.support.contracts_world import START_MS, World
from tests.support.trade_model import MINUTE_MS, Model, Payment, leaves
from tests.support.trade_world import (
    FUNDS,
    GOODS,
    PAYEE,
    PAYER,
    arrived,
    balance,
    call,
    opened,
    payment,
    pending,
    terms,
)
from tests.support.trade_world import trade_world as new_world

ONE, BOTH = (GOODS[0],), GOODS
ARRIVAL = ("event", ONE, "arriving", "carrier", 1, False)
ALL_ARRIVE = ("event", BOTH, "arriving", "carrier", 1, False)
INSPECTED = ("event", ONE, "inspecting", None, 2, False)
FROZEN = ("event", ONE, "arriving", "carrier", 1, True)
SEEN = ("event", ONE, "inspecting", None, 1, False)
AGREED = ("signed", ("maker", "shop"), 2)
SIGNED = ("signed", ("shop",), 1)
numbers = st.integers(1, 5)


def conditions(now_ms: int) -> list[list[tuple[Any, ...]]]:
    """Return conditions by their milestones."""
    soon = ("time", now_ms + 20 * MINUTE_MS)
    return [
        [ARRIVAL],
        [FROZEN],
        [("of", 1, (ALL_ARRIVE, soon))],
        [("of", 2, (FROZEN, SIGNED))],
        [("of", 1, (("of", 2, (INSPECTED, SIGNED)), AGREED))],
        [ARRIVAL, INSPECTED, AGREED],
        [FROZEN, SEEN],
        [soon, ("of", 2, (FROZEN, INSPECTED))],
    ]


def flat(nodes: list[dict[str, Any]], tree: tuple[Any, ...]) -> int:
    """Add the nodes of a condition of the model; return the place of its root."""
    if tree[0] == "event":
        _, things, step, role, attestors, is_cold = tree
        node = {"kind": "event", "things": list(things), "step": step, "attestors": attestors}
        node |= {"roles": [role]} if role else {}
        node |= {"cold_chain": "unbroken"} if is_cold else {}
    elif tree[0] == "time":
        node = {"kind": "time", "after_ms": tree[1]}
    elif tree[0] == "signed":
        node = {"kind": "signatures", "organisations": list(tree[1]), "count": tree[2]}
    else:
        node = {"kind": "threshold", "count": tree[1], "of": [flat(nodes, branch) for branch in tree[2]]}
    nodes.append(node)
    return len(nodes) - 1


def signers(tree: tuple[Any, ...]) -> set[str]:
    """Return whose word a condition asks for."""
    if tree[0] == "of":
        return {who for branch in tree[2] for who in signers(branch)}
    return set(tree[1]) if tree[0] == "signed" else set()


class Trade(RuleBasedStateMachine):
    """A shop pays a maker by a provider's quote; a carrier and the maker may attest, the shop may not."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World = new_world()
        self.model = Model()
        self.count = 0

    @property
    def now_ms(self) -> int:
        """The block's time."""
        return self.world.time_ms

    def judge(self, *touched: str) -> None:
        """Let the model judge what waits for things."""
        for number, one in self.model.payments.items():
            things = {thing for row in one.milestones for leaf in leaves(row[0]) for thing in leaf[1]}
            if one.left and things & set(touched):
                self.model.judge(number, self.now_ms, START_MS)

    def asked(self, signer: str, verb: str, number: int, **more: object) -> ResultCode:
        """Send an operation on a payment."""
        return self.world.code(signer, call(verb, number, **more))

    @initialize(kinds=st.lists(st.integers(0, 7), min_size=3, max_size=3))
    def begin(self, kinds: list[int]) -> None:
        """Let three payments be open from the beginning."""
        for number, kind in enumerate(kinds, 1):
            self.open_one(number, kind, 100 + 100 * number, 60, 50, "release" if number == 1 else "refund")

    @rule(
        number=numbers,
        kind=st.integers(0, 7),
        amount=st.integers(3, 700),
        life=st.integers(30, 120),
        longer=st.sampled_from([0, 50]),
        default=st.sampled_from(["refund", "release"]),
    )
    def open(self, number: int, kind: int, amount: int, life: int, longer: int, default: str) -> None:
        if number not in self.model.payments:
            self.open_one(number, kind, amount, life, longer, default)

    def open_one(self, number: int, kind: int, amount: int, life: int, longer: int, default: str) -> None:
        """Open a payment, unless its condition is decided already."""
        trees = conditions(self.now_ms)[kind]
        shares = [amount // len(trees)] * (len(trees) - 1)
        shares.append(amount - sum(shares))
        deadline_ms = self.now_ms + life * MINUTE_MS
        made = Payment(
            amount,
            amount * 8_501 // 1_000,
            [[tree, share, "open"] for tree, share in zip(trees, shares, strict=True)],
            deadline_ms,
            deadline_ms + longer * MINUTE_MS,
            default,
        )
        nodes: list[dict[str, Any]] = []
        places = [flat(nodes, tree) for tree in trees]
        fields = {
            "condition": nodes,
            "milestones": [list(row) for row in zip(places, shares, strict=True)],
            "amount": amount,
            "deadline_ms": made.deadline_ms,
            "dispute_deadline_ms": made.dispute_ms,
            "default": default,
        }
        is_decided = any(self.model.stands(made, tree, self.now_ms, START_MS) is not False for tree in trees)
        code = self.world.code("shop", opened(number, **fields))
        assert code is (ResultCode.CONDITION_DECIDED if is_decided else ResultCode.OK), self.world.detail
        if not is_decided:
            self.model.payments[number] = made

    @rule(
        events=st.lists(
            st.tuples(
                st.sampled_from([ONE, BOTH, (GOODS[1],)]),
                st.sampled_from(["arriving", "arriving", "inspecting"]),
                st.sampled_from(["carrier", "carrier", "maker", "shop"]),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def capture(self, events: list[tuple[tuple[str, ...], str, str]]) -> None:
        for things, step, who in events:
            self.capture_one(things, step, who)

    def capture_one(self, things: tuple[str, ...], step: str, who: str) -> None:
        """Capture one event."""
        self.count += 1
        self.world.must(who, arrived(self.world, *things, step=step, event_id=f"event {self.count}"))
        for one in self.model.payments.values():
            if who != "shop" and one.status == "held" and self.now_ms < one.deadline_ms:
                one.seen += [(thing, step, who, self.now_ms) for thing in things]
        self.judge(*things)

    @rule(is_warm=st.booleans())
    def measure(self, is_warm: bool) -> None:
        self.world.time_ms += 10 * MINUTE_MS
        self.model.readings.append((self.now_ms, is_warm))
        reading = self.now_ms, 9_000 if is_warm else 5_000
        self.world.must("logger", batch(len(self.model.readings), reading, name="logger"))
        self.judge(*BOTH)

    @rule(minutes=st.sampled_from([1, 7, 30]))
    def wait(self, minutes: int) -> None:
        self.world.time_ms += minutes * MINUTE_MS

    @rule(number=numbers, who=st.sampled_from(["shop", "maker", "carrier"]))
    def agree(self, number: int, who: str) -> None:
        one = self.model.payments.get(number)
        if one is None:
            return
        code = self.asked(who, "present", number, agree=True)
        wanted = who in {name for row in one.milestones for name in signers(row[0])} - one.signed
        if one.status not in ("held", "disputed"):
            assert code is ResultCode.PAYMENT_ENDED
        elif one.status == "disputed":
            assert code is ResultCode.PAYMENT_DISPUTED
        elif self.now_ms >= one.deadline_ms:
            assert code is ResultCode.DEADLINE_PASSED
        else:
            assert code is (ResultCode.OK if wanted else ResultCode.EVIDENCE_FITS_NOTHING)
            if wanted:
                one.signed.add(who)
                self.model.judge(number, self.now_ms, START_MS)

    @rule(number=numbers, who=st.sampled_from(["shop", "maker"]))
    def dispute(self, number: int, who: str) -> None:
        one = self.model.payments.get(number)
        if one is None or self.count % 2:
            return
        may = one.status == "held" and self.now_ms < one.deadline_ms
        assert (self.asked(who, "dispute", number, reason="?") is ResultCode.OK) == may
        if may:
            self.model.judge(number, self.now_ms, START_MS)
            one.status = "disputed" if one.status == "held" else one.status

    @rule(number=numbers, split=st.integers(0, 400))
    def resolve(self, number: int, split: int) -> None:
        one = self.model.payments.get(number)
        if one is None:
            return
        may = one.status == "disputed" and self.now_ms < one.dispute_ms and split <= one.left
        for who in ("shop", "maker"):
            assert (self.asked(who, "resolve", number, split=split) is ResultCode.OK) == may
        if may:
            one.released += split
            one.returned += one.left
            one.status = "resolved"

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        one = self.model.payments.get(number)
        if one is None or self.count % 3:
            return
        may = one.status in ("held", "disputed")
        assert (self.asked("maker", "cancel", number) is ResultCode.OK) == may
        if may:
            one.returned += one.left
            one.status = "cancelled"

    @rule(number=numbers)
    def poke(self, number: int) -> None:
        one = self.model.payments.get(number)
        if one is None:
            return
        before = one.status, one.released, one.returned
        was_over = one.status not in ("held", "disputed")
        self.model.judge(number, self.now_ms, START_MS)
        after = one.status, one.released, one.returned
        code = self.asked("watcher", "poke", number)
        if was_over:
            assert code is ResultCode.PAYMENT_ENDED
        elif before != after:
            assert code is ResultCode.OK

    @invariant()
    def holds_and_balances_are_the_model_s(self) -> None:
        """I11 and I12: what was released, given back and is still held is what the model says, leg by leg."""
        payments = self.model.payments
        for number, one in payments.items():
            found = terms(self.world, number)
            assert (payment(self.world, number)["status"], found["released"], found["returned"]) == (
                one.status,
                one.released,
                one.returned,
            )
            assert one.released + one.returned <= one.source
            source, target = one.posted()
            assert source * one.target >= target * one.source, "whoever changes the money is out of pocket"
        source, target = (sum(one.posted()[leg] for one in payments.values()) for leg in (0, 1))
        assert (balance(self.world, PAYER), balance(self.world, "lp/eur")) == (FUNDS - source, source)
        assert (balance(self.world, PAYEE), balance(self.world, "lp/hkd")) == (target, 10 * FUNDS - target)
        held_source, held_target = (sum(one.held()[leg] for one in payments.values()) for leg in (0, 1))
        expected = {PAYER: (held_source, 0), "lp/eur": (0, held_source)}
        expected |= {"lp/hkd": (held_target, 0), PAYEE: (0, held_target)}
        assert pending(self.world) == {account: sums for account, sums in expected.items() if any(sums)}

    def teardown(self) -> None:
        """I11: when all deadlines have passed, one poke ends each payment, and nothing is held any more."""
        if not self.model.payments:
            return
        self.world.time_ms = max(one.dispute_ms for one in self.model.payments.values())
        for number in self.model.payments:
            assert self.asked("watcher", "poke", number) in (ResultCode.OK, ResultCode.PAYMENT_ENDED)
            self.model.judge(number, self.now_ms, START_MS)
            assert payment(self.world, number)["status"] not in ("held", "disputed")
        assert pending(self.world) == {}
        self.holds_and_balances_are_the_model_s()


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=60, stateful_step_count=30)


def yes(*_: object, **__: object) -> bool:
    return True


def part_rounded_up(amount: int, share: int, whole: int, *, up: bool) -> int:
    del up
    return -(-amount * share // whole)


def met(*_: object) -> Callable[..., Judgement]:
    return lambda *_: Judgement.MET


def nothing(*_: object, **__: object) -> None:
    return None


@pytest.mark.parametrize(
    ("room", "rule_", "without"),
    [
        (evidence, "may_show", yes),
        (evidence, "_is_in_order", yes),
        (release, "cold_verdict", met),
        (release, "part", part_rounded_up),
        (release, "release_held", nothing),
        (release, "_end_by_default", nothing),
        (release, "nothing_new", met()),
        (waiting, "HELD", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_machine_notices_when_a_rule_is_gone(
    monkeypatch: pytest.MonkeyPatch, room: Any, rule_: str, without: Any
) -> None:
    monkeypatch.setattr(room, rule_, without)
    searching = settings(
        max_examples=600,
        phases=[Phase.generate],
        stateful_step_count=30,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever it notices first)
        run_state_machine_as_test(cast(Any, Trade), settings=searching)
