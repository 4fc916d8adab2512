"""Payments that look split wait for a review: the patterns at their edges, and what reviewers and others can do."""

import pytest

from contracts import heads
from contracts.results import ResultCode as R
from contracts.settlement.watching import COUNTERPARTIES_MAX
from ledger.codec import Value
from ledger.receipt import Receipt
from tests.support.contract_compliance_cases import DAY_MS, HOUR_MS, rules
from tests.support.contract_payment_cases import READY
from tests.support.contract_situations import in_turn, ran
from tests.support.contracts_world import START_MS, Call, World
from tests.unit.test_contracts_corridors import payment

NEAR: dict[str, object] = {"watched_below": 100, "near_payments_max": 2, "review_hours": 48}
SPLIT: dict[str, object] = {"watched_below": 100, "watched_days": 7, "review_hours": 48}
SPREAD: dict[str, object] = {"counterparties_max": 2, "review_hours": 48}
UETR = "8a562c67-ca16-48ba-b074-{:012x}"


def watched(**said: object) -> World:
    """Return a world in which the issuer of EUR watches payments in EUR."""
    world = World()
    in_turn(READY, ran(("bank", rules("source", 1, 0, source_currency="EUR", **said))))(world)
    return world


def pay(world: World, number: int, amount: int, payee: str = "maker/eur", **more: Value) -> Receipt:
    fields: dict[str, Value] = {"uetr": UETR.format(number), "payer": "shop/eur", "payee": payee, "amount": amount}
    return world.run("shop", ("settlement.pay", {**fields, **more}))


def status(world: World, number: int) -> Value:
    head = world.get(heads.payment(UETR.format(number)))
    assert head is not None
    return head["status"]


def available(world: World, account: str) -> int:
    head = world.get(heads.account(account))
    assert head is not None
    posted, debits, pending = (head[name] for name in ("credits_posted", "debits_posted", "debits_pending"))
    assert isinstance(posted, int)
    assert isinstance(debits, int)
    assert isinstance(pending, int)
    return posted - debits - pending


def review(world: World, number: int, verdict: str = "release", by: str = "bank") -> R:
    receipt = world.run(by, ("trade.review", {"uetr": UETR.format(number), "verdict": verdict}))
    return R(receipt.code)


def statuses(world: World, *amounts: int) -> list[Value]:
    for number, amount in enumerate(amounts, 1):
        assert pay(world, number, amount).code == R.OK.value
    return [status(world, number) for number in range(1, len(amounts) + 1)]


@pytest.mark.parametrize(
    ("said", "amounts", "held"),
    [
        (NEAR, (90, 99, 95), [3]),
        (NEAR, (90, 89, 100, 99), []),
        (NEAR, (90, 99, 10), []),
        (NEAR | {"near_payments_max": 0}, (89, 100, 90), [3]),
        (SPLIT, (40, 59, 1), [3]),
        (SPLIT, (40, 59, 100), []),
        (SPLIT, (99, 1, 1), [2, 3]),
        (SPLIT | {"watched_below": 5, "near_payments_max": 0}, (4, 4), [2]),
    ],
    ids=["near", "not near", "others beside near ones", "none near", "split", "not split", "split on", "small"],
)
def test_patterns(said: dict[str, object], amounts: tuple[int, ...], held: list[int]) -> None:
    found = statuses(watched(**said), *amounts)
    assert [number for number, each in enumerate(found, 1) if each == "held"] == held


def test_near_payments_count_for_24_hours() -> None:
    world = watched(**NEAR)
    assert statuses(world, 95, 95) == ["settled", "settled"]
    world.time_ms = START_MS + DAY_MS
    pay(world, 3, 95)
    assert status(world, 3) == "held"
    world.time_ms = START_MS + DAY_MS + HOUR_MS
    pay(world, 4, 95)
    assert status(world, 4) == "settled"


def test_what_is_split_counts_for_the_days_that_are_watched() -> None:
    world = watched(**SPLIT)
    pay(world, 1, 60)
    world.time_ms = START_MS + 7 * DAY_MS
    pay(world, 2, 60)
    assert status(world, 2) == "settled"
    world.time_ms = START_MS + 13 * DAY_MS
    pay(world, 3, 40)
    assert status(world, 3) == "held"


def test_counterparties_are_counted_once_each_and_for_24_hours() -> None:
    world = watched(**SPREAD)
    for number, payee in enumerate(("maker/eur", "bank/eur", "maker/eur", "bank/eur fees"), 1):
        pay(world, number, 1, payee)
    assert [status(world, number) for number in (1, 2, 3, 4)] == ["settled", "settled", "settled", "held"]
    world.time_ms = START_MS + DAY_MS + HOUR_MS
    pay(world, 5, 1, "bank/eur")
    assert status(world, 5) == "settled"


def test_no_more_is_kept_than_a_limit_can_ask_for() -> None:
    world = watched(counterparties_max=COUNTERPARTIES_MAX, review_hours=1)
    for number in range(COUNTERPARTIES_MAX + 4):
        world.must("maker", ("settlement.open_account", {"id": f"maker/{number}", "currency": "EUR"}))
        assert pay(world, number + 1, 1, f"maker/{number}").code == R.OK.value
        assert status(world, number + 1) == ("settled" if number < COUNTERPARTIES_MAX else "held")
    head = world.get(heads.watch("shop/eur", "EUR", "EUR", "source"))
    assert head is not None
    assert head["hours"] == head["days"] == []
    hour = START_MS // HOUR_MS
    assert head["others"] == [[hour, f"maker/{number}"] for number in range(3, COUNTERPARTIES_MAX + 4)]


def test_either_issuer_watches_its_own_side_and_all_that_ask_have_to_agree() -> None:
    world = World()
    READY(world)
    world.must("bank", rules("target", watched_below=8_000, near_payments_max=0, review_hours=3))
    world.must("other_bank", rules("source", watched_below=1_100, near_payments_max=0, review_hours=2))
    reviewers = []
    for number, amount in enumerate((950, 1_000, 1_035, 1_050), 1):
        world.must("shop", payment(number, amount, world))
        head = world.get(heads.payment(UETR.format(number)))
        assert head is not None
        escrow = head.get("escrow")
        reviewers.append((head["target_amount"], escrow["reviewers"] if isinstance(escrow, dict) else []))
    assert reviewers == [
        (7_304, ["bank"]),
        (7_688, ["bank", "other_bank"]),
        (7_957, ["bank", "other_bank"]),
        (8_073, ["other_bank"]),
    ]
    before = available(world, "maker/eur")
    assert (review(world, 2, by="other_bank"), status(world, 2)) == (R.OK, "held")
    assert review(world, 2, by="other_bank") is R.NOT_REVIEWER
    assert (review(world, 2, by="bank"), status(world, 2)) == (R.OK, "settled")
    assert available(world, "maker/eur") == before + 7_688
    assert (review(world, 3, "return", "other_bank"), status(world, 3)) == (R.OK, "refunded")


def in_review(**said: object) -> World:
    """Return a world in which payment 1 of 99 was settled and payment 2 of 40 waits."""
    world = watched(**{**SPLIT, **said})
    assert statuses(world, 99, 40) == ["settled", "held"]
    return world


def test_a_payment_in_review_holds_the_money_and_does_not_say_why() -> None:
    world = watched(**SPLIT)
    pay(world, 1, 99)
    receipt = pay(world, 2, 40)
    assert list(receipt.outputs) == [{"status": "held", "source_amount": 40, "target_amount": 40}]
    head = world.get(heads.payment(UETR.format(2)))
    assert head is not None
    escrow = head["escrow"]
    assert isinstance(escrow, dict)
    assert escrow["reviewers"] == ["bank"]
    assert escrow["deadline_ms"] == escrow["dispute_deadline_ms"] == START_MS + 48 * HOUR_MS
    assert available(world, "shop/eur") == 1_000 - 99 - 40
    assert available(world, "maker/eur") == 99
    again = pay(world, 2, 40)
    assert list(again.outputs) == [{"exists": True, "status": "held"}]


def test_a_reviewer_releases_a_payment() -> None:
    world = in_review()
    assert review(world, 2) is R.OK
    assert (status(world, 2), available(world, "maker/eur")) == ("settled", 139)
    assert review(world, 2) is R.PAYMENT_ENDED


def test_a_reviewer_sends_a_payment_back() -> None:
    world = in_review()
    assert review(world, 2, "return") is R.OK
    assert (status(world, 2), available(world, "shop/eur")) == ("refunded", 901)


def test_a_review_that_nobody_makes_ends_with_the_deadline() -> None:
    world = in_review()
    poke: Call = "trade.poke", {"uetr": UETR.format(2)}
    assert world.run("shop", poke).code == R.OK.value
    assert status(world, 2) == "held", "nothing is due but what the review holds back"
    world.time_ms = START_MS + 48 * HOUR_MS
    assert review(world, 2) is R.DEADLINE_PASSED
    assert world.run("shop", poke).code == R.OK.value
    assert (status(world, 2), available(world, "shop/eur")) == ("expired", 901)


def test_payer_and_payee_cannot_go_around_a_review_by_a_dispute() -> None:
    world = in_review()
    uetr: dict[str, Value] = {"uetr": UETR.format(2)}
    world.must("shop", ("trade.dispute", {**uetr, "reason": "none"}))
    world.must("shop", ("trade.resolve", {**uetr, "split": 40}))
    assert R(world.run("maker", ("trade.resolve", {**uetr, "split": 40})).code) is R.PAYMENT_IN_REVIEW
    assert review(world, 2) is R.OK
    assert status(world, 2) == "disputed"
    world.must("maker", ("trade.resolve", {**uetr, "split": 40}))
    assert (status(world, 2), available(world, "maker/eur")) == ("resolved", 139)


def test_a_payee_may_give_a_payment_in_review_up() -> None:
    world = in_review()
    world.must("maker", ("trade.cancel", {"uetr": UETR.format(2)}))
    assert (status(world, 2), available(world, "shop/eur")) == ("cancelled", 901)


def test_a_refund_is_counted_but_not_reviewed() -> None:
    world = watched(**SPLIT)
    assert statuses(world, 500) == ["settled"]
    for number, amount in ((2, 90), (3, 90)):
        fields: dict[str, Value] = {"uetr": UETR.format(number), "payer": "maker/eur", "payee": "shop/eur"}
        fields |= {"amount": amount, "refunds": UETR.format(1)}
        world.must("maker", ("settlement.pay", fields))
        assert status(world, number) == "settled"


def test_an_escrow_in_review_is_released_by_its_condition_once_it_is_reviewed() -> None:
    world = watched(**SPLIT)
    pay(world, 1, 99)
    agreed: dict[str, Value] = {"kind": "signatures", "organisations": ["carrier"], "count": 1}
    fields: dict[str, Value] = {"uetr": UETR.format(2), "payer": "shop/eur", "payee": "maker/eur", "amount": 40}
    times: dict[str, Value] = {"deadline_ms": START_MS + DAY_MS, "dispute_deadline_ms": START_MS + 2 * DAY_MS}
    world.must("shop", ("trade.open", {**fields, **times, "condition": [agreed], "default": "release"}))
    world.must("carrier", ("trade.present", {"uetr": UETR.format(2), "agree": True}))
    head = world.get(heads.payment(UETR.format(2)))
    assert head is not None
    escrow = head["escrow"]
    assert isinstance(escrow, dict)
    assert (head["status"], escrow["mark"]) == ("held", "payment_in_review")
    assert review(world, 2) is R.OK
    assert (status(world, 2), available(world, "maker/eur")) == ("settled", 139)


def test_a_dispute_that_would_end_in_the_payees_favour_sends_back_what_nobody_reviewed() -> None:
    world = watched(**SPLIT)
    pay(world, 1, 99)
    agreed: dict[str, Value] = {"kind": "signatures", "organisations": ["carrier"], "count": 1}
    fields: dict[str, Value] = {"uetr": UETR.format(2), "payer": "shop/eur", "payee": "maker/eur", "amount": 40}
    times: dict[str, Value] = {"deadline_ms": START_MS + DAY_MS, "dispute_deadline_ms": START_MS + 2 * DAY_MS}
    world.must("shop", ("trade.open", {**fields, **times, "condition": [agreed], "default": "release"}))
    world.must("shop", ("trade.dispute", {"uetr": UETR.format(2), "reason": "late"}))
    world.time_ms = START_MS + 2 * DAY_MS
    world.must("maker", ("trade.poke", {"uetr": UETR.format(2)}))
    assert (status(world, 2), available(world, "shop/eur")) == ("resolved", 901)
