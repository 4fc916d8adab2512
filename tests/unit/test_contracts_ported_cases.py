"""Negative cases of an older payment system with a bank between two currencies, one for one, on this ledger.

There the two legs of an exchange are transfers of their own, in hubs of their own, and the cases are about what happens
when one of them fails, comes late, twice or with the wrong secret. Here they are one operation. So each case ends in
the same way: every position, of payer, payee and provider in both currencies, is what it was, or all have moved.

Named after settlement.md, appendix B. Its last two rows, a post beside an expiry and an account that is closed under a
hold, are in tests/unit/test_contracts_holds.py.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import cast

import pytest

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value, decode
from tests.support.contract_netting_cases import CLOSES_MS, owe, settle, window
from tests.support.contracts_world import Call, World
from tests.support.trade_world import (
    ACCOUNTS,
    DEADLINE_MS,
    DISPUTE_DEADLINE_MS,
    FUNDS,
    PAYEE,
    PAYER,
    QUOTE,
    arrival,
    balance,
    call,
    opened,
    payment,
    pending,
    trade_world,
    uetr,
)

SECRET = b"what the payee's bank reveals"
LOCK: Value = {"kind": "preimage", "sha256": sha256(SECRET).digest()}

Positions = tuple[dict[str, int], dict[str, tuple[int, int]]]


@pytest.fixture
def world() -> World:
    return trade_world()


def positions(world: World) -> Positions:
    """Return what every account has, and what is held of it."""
    return {account: balance(world, account) for account in ACCOUNTS}, pending(world)


def paid(number: int = 1, **more: object) -> Call:
    """Return a payment at once by the quote."""
    fields: dict[str, object] = {"uetr": uetr(number), "payer": PAYER, "payee": PAYEE, "amount": 1_000, "quote": QUOTE}
    return "settlement.pay", cast("dict[str, Value]", {**fields, **more})


def assert_refused(world: World, signer: str, operation: Call, code: ResultCode) -> None:
    """Try what must be refused, in one operation, with no position moved and no head of the payment made."""
    before = positions(world)
    assert world.code(signer, operation) is code
    assert positions(world) == before


def test_timeout_tc1_an_exchange_that_expires_before_it_is_carried_out(world: World) -> None:
    world.time_ms = DISPUTE_DEADLINE_MS
    assert_refused(world, "shop", paid(), ResultCode.QUOTE_EXPIRED)
    assert world.get(heads.payment(uetr(1))) is None


def test_timeout_tc2_the_exchange_is_reserved_and_its_transfer_expires(world: World) -> None:
    before = positions(world)
    world.must("shop", opened(1, arrival()))
    assert pending(world) == {PAYER: (1_000, 0), "lp/eur": (0, 1_000), "lp/hkd": (8_501, 0), PAYEE: (0, 8_501)}
    world.time_ms = DEADLINE_MS
    world.must("watcher", call("poke"))
    assert payment(world)["status"] == "expired"
    assert positions(world) == before


def test_timeout_tc3_no_exchange_is_carried_out_without_its_transfer(world: World) -> None:
    """The legs are one operation: the ways to move one of them alone do not reach over currencies."""
    alone: dict[str, Value] = {"id": b"x" * 16, "debit": PAYER, "credit": PAYEE, "amount": 1_000}
    differ = ResultCode.ACCOUNT_CURRENCIES_DIFFER
    assert_refused(world, "shop", ("settlement.transfer", alone), differ)
    assert_refused(world, "shop", ("settlement.pend", {**alone, "timeout_ms": 1}), differ)
    assert_refused(world, "shop", paid(quote=QUOTE, payee="lp/eur"), ResultCode.QUOTE_NOT_NEEDED)


def test_provider_error_tc1_it_takes_its_quotes_back(world: World) -> None:
    world.must("other_bank", ("settlement.cancel_quotes", {"nonce_floor": 6}))
    assert_refused(world, "shop", paid(), ResultCode.QUOTE_CANCELLED)
    assert_refused(world, "shop", opened(1, arrival()), ResultCode.QUOTE_CANCELLED)


def test_provider_error_tc2_it_cannot_pay(world: World) -> None:
    world.must("bank", ("settlement.issue", {"id": b"m" * 16, "account": PAYER, "amount": FUNDS}))
    assert_refused(world, "shop", paid(amount=2 * FUNDS), ResultCode.INSUFFICIENT_FUNDS)
    assert "lp/hkd" in world.detail


def test_provider_error_tc3_the_exchange_is_good_and_the_transfer_fails(world: World) -> None:
    world.must("other_bank", ("settlement.freeze_account", {"id": PAYEE}))
    assert_refused(world, "shop", paid(), ResultCode.CREDIT_ACCOUNT_FROZEN)
    assert_refused(world, "shop", opened(1, arrival()), ResultCode.CREDIT_ACCOUNT_FROZEN)


def test_invalid_fulfilment_leaves_it_held_and_a_secret_counts_for_one_payment(world: World) -> None:
    before = positions(world)
    world.must("shop", opened(1, LOCK))
    assert_refused(world, "maker", call("present", preimages=[b"a guess"]), ResultCode.EVIDENCE_FITS_NOTHING)
    world.must("maker", call("cancel"))
    assert positions(world) == before
    # The secret comes after the end: nothing moves, and the reference is used up.
    assert_refused(world, "maker", call("present", preimages=[SECRET]), ResultCode.PAYMENT_ENDED)
    assert_refused(world, "shop", opened(1, LOCK, amount=2_000), ResultCode.UETR_EXISTS)


@pytest.mark.parametrize("make", [paid, lambda number, **more: opened(number, LOCK, **more)], ids=["paid", "held"])
def test_duplicates_have_one_effect(world: World, make: Callable[..., Call]) -> None:
    first = make(1)
    world.must("shop", first)
    after = positions(world)
    answer = cast("dict[str, Value]", world.must("shop", first))
    assert answer["exists"] is True
    assert positions(world) == after
    assert_refused(world, "shop", make(1, amount=999), ResultCode.UETR_EXISTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"uetr": "8A562C67-CA16-48BA-B074-65581BE6F001"},
        {"uetr": "1"},
        {"amount": "1000"},
        {"amount": -1},
        {"payee": ""},
        {"condition": [{"kind": "preimage", "sha256": b"short"}]},
        {"condition": []},
    ],
    ids=str,
)
def test_schema_validation_refuses_the_form(world: World, changes: dict[str, Value]) -> None:
    assert_refused(world, "shop", opened(1, LOCK, **changes), ResultCode.BAD_ARGUMENTS)


def test_a_terminal_state_is_never_touched(world: World) -> None:
    world.must("shop", opened(1, LOCK))
    world.must("maker", call("present", preimages=[SECRET]))
    assert payment(world)["status"] == "settled"
    for signer, operation in (
        ("maker", call("present", preimages=[SECRET])),
        ("maker", call("cancel")),
        ("shop", call("dispute", reason="wet")),
        ("watcher", call("poke")),
    ):
        assert_refused(world, signer, operation, ResultCode.PAYMENT_ENDED)
    world.time_ms = 10 * DISPUTE_DEADLINE_MS
    assert_refused(world, "watcher", call("poke"), ResultCode.PAYMENT_ENDED)
    assert payment(world)["status"] == "settled"


def totals(world: World, currency: str) -> tuple[int, int]:
    """Return what all accounts of a currency, its issuer's among them, have posted and pending together."""
    posted = pending_ = 0
    for _, encoded in world.heads(heads.account("")):
        head = cast("dict[str, int]", decode(encoded))
        if cast("object", head["currency"]) == currency:
            posted += head["credits_posted"] - head["debits_posted"]
            pending_ += head["credits_pending"] - head["debits_pending"]
    return posted, pending_


def test_two_currencies_with_two_models_settle_alone_in_one_window(world: World) -> None:
    """The issuers' side of each currency sums to zero when it is made, promised, closed and settled."""

    def assert_balanced() -> None:
        assert (totals(world, "EUR"), totals(world, "HKD")) == ((0, 0), (0, 0))

    world.must("other_bank", ("settlement.transfer", {**moving(1, "lp/hkd", PAYEE), "amount": 400}))
    world.must("bank", window(id="mixed"))
    world.must("other_bank", window(id="mixed", currency="HKD", model="gross"))
    assert_balanced()
    before = positions(world)
    for signer, number, debit, credit, amount in (
        ("shop", 1, PAYER, "maker/eur", 500),
        ("maker", 2, "maker/eur", PAYER, 300),
        ("maker", 3, PAYEE, "lp/hkd", 400),
        ("maker", 4, PAYEE, "lp/hkd", 1),
    ):
        world.must(signer, owe(number, window="mixed", debit=debit, credit=credit, amount=amount))
    assert positions(world) == before, "a promise moves nothing"
    assert_balanced()
    world.time_ms = CLOSES_MS
    assert_refused(world, "shop", owe(5, window="mixed"), ResultCode.WINDOW_CLOSED)
    output = cast("dict[str, Value]", world.must("watcher", settle("mixed")))
    assert (output["gross_value"], output["net_value"], output["payments"]) == (800, 200, [[PAYER, "maker/eur", 200]])
    assert balance(world, PAYEE) == before[0][PAYEE], "the other currency has not settled yet"
    assert_balanced()
    output = cast("dict[str, Value]", world.must("watcher", settle("mixed", "HKD")))
    # Gross and with 400 in all: the second promise waits.
    assert (output["gross_value"], output["net_value"], output["deferred"]) == (400, 400, 1)
    now = positions(world)[0]
    assert {name: now[name] - before[0][name] for name in now if now[name] != before[0][name]} == {
        PAYER: -200,
        "maker/eur": 200,
        PAYEE: -400,
        "lp/hkd": 400,
    }
    assert_balanced()


def moving(number: int, debit: str, credit: str) -> dict[str, Value]:
    """Return the arguments of a transfer without its amount."""
    return {"id": number.to_bytes(16, "big"), "debit": debit, "credit": credit}
