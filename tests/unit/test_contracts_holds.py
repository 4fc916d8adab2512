"""Holds: what is pending, what becomes of it, and what ends at the start of a block."""

from contracts import heads
from contracts.execute import next_deadline_ms
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contract_hold_cases import HELD, TIMEOUT_MS, account, pend, post, void
from tests.support.contract_situations import issue, pay
from tests.support.contracts_world import START_MS, World

NAMES = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")


def totals(world: World, name: str) -> tuple[Value, ...]:
    head = world.get(heads.account(name))
    assert head is not None
    return tuple(head[total] for total in NAMES)


def held(world: World, identifier: bytes = HELD) -> dict[str, Value]:
    head = world.get(heads.held_amount(identifier))
    assert head is not None
    return head


def funded() -> World:
    world = World()
    world.must("bank", issue(1_000))
    return world


def test_a_hold_is_pending_on_both_sides_and_then_posted_in_part() -> None:
    world = funded()
    assert world.must("shop", pend()) == {"expires_ms": START_MS + TIMEOUT_MS}
    assert totals(world, "shop/eur") == (0, 1_000, 100, 0)
    assert totals(world, "maker/eur") == (0, 0, 0, 100)

    assert world.must("shop", post(amount=60)) == {"amount": 60}

    assert totals(world, "shop/eur") == (60, 1_000, 0, 0)
    assert totals(world, "maker/eur") == (0, 60, 0, 0)
    assert [held(world)[name] for name in ("status", "posted_amount", "resolved_by")] == ["posted", 60, b"p" * 16]
    assert next_deadline_ms(world) is None


def test_the_payee_gives_a_hold_up_and_all_of_it_is_free() -> None:
    world = funded()
    world.must("shop", pend(amount=1_000))
    assert world.code("shop", pay(amount=1)) is ResultCode.INSUFFICIENT_FUNDS
    assert world.must("maker", void()) == {"amount": 0}
    assert totals(world, "shop/eur") == (0, 1_000, 0, 0)
    assert totals(world, "maker/eur") == (0, 0, 0, 0)
    assert held(world)["status"] == "voided"


def test_every_step_of_a_hold_is_a_record_of_both_accounts() -> None:
    world = funded()
    world.must("shop", pend())
    world.must("shop", post())
    entries = [(entry.key, entry.count) for entry in world.records]
    shop, maker = heads.account("shop/eur"), heads.account("maker/eur")
    assert [entry for entry in entries if entry[0] in (shop, maker)] == [
        (shop, 1),
        (shop, 2),
        (maker, 1),
        (shop, 3),
        (maker, 2),
    ]


def test_a_block_without_transactions_ends_what_is_over_and_nothing_else() -> None:
    world = funded()
    world.must("shop", pend())
    world.must("shop", pend(id=b"l" * 16, timeout_ms=TIMEOUT_MS + 1))
    records = len(world.records)
    assert next_deadline_ms(world) == START_MS + TIMEOUT_MS

    world.time_ms = START_MS + TIMEOUT_MS - 1
    assert world.execute().changes == {}
    world.time_ms += 1
    world.commit(world.execute())

    assert held(world)["status"] == "expired"
    assert held(world, b"l" * 16)["status"] == "pending"
    assert totals(world, "shop/eur") == (0, 1_000, 100, 0)
    assert totals(world, "maker/eur") == (0, 0, 0, 100)
    assert len(world.records) == records, "what expires has no record"
    assert next_deadline_ms(world) == START_MS + TIMEOUT_MS + 1


def test_money_that_is_free_again_pays_in_the_same_block() -> None:
    world = funded()
    world.must("shop", pend(amount=1_000))
    world.time_ms += TIMEOUT_MS
    assert world.code("shop", pay(amount=1_000)) is ResultCode.OK
    assert totals(world, "shop/eur") == (1_000, 1_000, 0, 0)


def test_what_is_due_at_one_time_ends_together() -> None:
    world = funded()
    for number in (3, 1, 2):
        world.must("shop", pend(id=bytes([number]) * 16, amount=number))
    world.time_ms += TIMEOUT_MS
    world.commit(world.execute())
    assert [held(world, bytes([number]) * 16)["status"] for number in (1, 2, 3)] == ["expired"] * 3
    assert totals(world, "shop/eur") == (0, 1_000, 0, 0)
    head = world.get(heads.account("shop/eur"))
    assert head is not None
    assert head["holds"] == 0


def test_what_expired_stays_expired_although_the_transaction_after_it_fails() -> None:
    world = funded()
    world.must("shop", pend())
    world.time_ms += TIMEOUT_MS
    assert world.code("shop", post()) is ResultCode.HOLD_EXPIRED
    assert held(world)["status"] == "expired"
    assert totals(world, "shop/eur") == (0, 1_000, 0, 0)


def test_a_hold_of_nothing_and_a_hold_of_everything_are_legal() -> None:
    world = funded()
    world.must("shop", pend(amount=0))
    world.must("shop", pend(id=b"l" * 16, amount=1_000))
    assert totals(world, "shop/eur") == (0, 1_000, 1_000, 0)


def test_closing_an_account_leaves_a_hold_that_can_only_end() -> None:
    world = funded()
    world.must("shop", pend())
    world.must("maker", account("close"))
    assert world.code("shop", post()) is ResultCode.CREDIT_ACCOUNT_CLOSED
    assert world.code("shop", pay(id=b"n" * 16, amount=1)) is ResultCode.CREDIT_ACCOUNT_CLOSED
    world.time_ms += TIMEOUT_MS
    world.commit(world.execute())
    assert held(world)["status"] == "expired"
    assert totals(world, "maker/eur") == (0, 0, 0, 0)
