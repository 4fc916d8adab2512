"""Payments in one and two currencies: every leg or none, what the payer is told, and what an auditor finds."""

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contract_payment_cases import ANOTHER, READY, exchange, quote, reference, within
from tests.support.contract_situations import UETR
from tests.support.contracts_world import START_MS, World

ACCOUNTS = ("shop/hkd", "bank/hkd", "bank/fees", "bank/eur", "bank/eur fees", "maker/eur")


def ready() -> World:
    world = World()
    READY(world)
    return world


def balances(world: World) -> dict[str, int]:
    found = {}
    for name in ACCOUNTS:
        head = world.get(heads.account(name))
        assert head is not None
        assert (head["debits_pending"], head["credits_pending"]) == (0, 0)
        credited, debited = head["credits_posted"], head["debits_posted"]
        assert isinstance(credited, int)
        assert isinstance(debited, int)
        found[name] = credited - debited
    return found


def moved(world: World, before: dict[str, int]) -> dict[str, int]:
    return {name: now - before[name] for name, now in balances(world).items() if now != before[name]}


def payment(world: World, uetr: str = UETR) -> dict[str, Value]:
    head = world.get(heads.payment(uetr))
    assert head is not None
    return head


def test_both_legs_post_in_one_operation() -> None:
    world = ready()
    before = balances(world)
    output = world.must("shop", exchange(end_to_end="PO-26-1187", purpose="GDDS"))
    assert moved(world, before) == {
        "shop/hkd": -200_000,
        "bank/hkd": 200_000,
        "bank/eur": -1_537_718,
        "maker/eur": 1_537_718,
    }
    assert output == {
        "status": "settled",
        "source_amount": 200_000,
        "target_amount": 1_537_718,
        "quote": b"q" * 16,
        "provider": "bank",
        "rate": "7.68859213",
        "residue": [426_000_000_000, 1_000_000_000_000],
    }
    head = payment(world)
    assert head["legs"] == [["shop/hkd", "bank/hkd", 200_000], ["bank/eur", "maker/eur", 1_537_718]]
    assert (head["status"], head["settled_ms"], head["end_to_end"], head["count"]) == (
        "settled",
        START_MS,
        "PO-26-1187",
        1,
    )


def test_a_fee_of_the_payer_is_a_leg_beside_the_principal() -> None:
    world = ready()
    before = balances(world)
    world.must("shop", exchange(quote(fee_basis_points=35, fee_bearer="payer", fee_account="bank/fees")))
    assert moved(world, before) == {
        "shop/hkd": -200_700,
        "bank/hkd": 200_000,
        "bank/fees": 700,
        "bank/eur": -1_537_718,
        "maker/eur": 1_537_718,
    }
    assert (payment(world)["fee"], payment(world)["fee_bearer"]) == (700, "payer")


def test_a_fee_of_the_payee_is_taken_from_what_arrives() -> None:
    world = ready()
    before = balances(world)
    world.must("shop", exchange(quote(fee_fixed=18, fee_bearer="payee", fee_account="bank/eur fees")))
    assert moved(world, before) == {
        "shop/hkd": -200_000,
        "bank/hkd": 200_000,
        "bank/eur": -1_537_718,
        "maker/eur": 1_537_700,
        "bank/eur fees": 18,
    }


def test_a_fixed_amount_arrives() -> None:
    world = ready()
    before = balances(world)
    world.must("shop", exchange(quote(side="receive"), side="receive", amount=1_000_000))
    assert moved(world, before) == {
        "shop/hkd": -130_063,
        "bank/hkd": 130_063,
        "bank/eur": -1_000_000,
        "maker/eur": 1_000_000,
    }


def test_nothing_moves_where_one_leg_cannot() -> None:
    world = ready()
    world.must("bank", ("settlement.redeem", {"id": b"r" * 16, "account": "bank/eur", "amount": 9_000_000}))
    before, committed = balances(world), dict(world.committed)
    assert world.code("shop", exchange()) is ResultCode.INSUFFICIENT_FUNDS
    assert moved(world, before) == {}
    assert world.committed == committed, "the quote is as unused as before"


def test_a_retry_pays_once_and_the_quote_is_used_once() -> None:
    world = ready()
    world.must("shop", exchange())
    before = balances(world)
    assert world.must("shop", exchange()) == {"exists": True, "status": "settled"}
    assert moved(world, before) == {}
    assert world.get(heads.quote("bank", b"q" * 16)) == {"used": 200_000}
    assert world.code("shop", exchange(amount=200_001)) is ResultCode.UETR_EXISTS


def test_two_payments_of_one_transaction_share_a_quote_up_to_its_capacity() -> None:
    world = ready()
    world.must("shop", exchange(amount=400_000), exchange(amount=600_000, uetr=ANOTHER))
    assert world.get(heads.quote("bank", b"q" * 16)) == {"used": 1_000_000}


def test_the_price_is_told_beside_the_reference_rate() -> None:
    world = ready()
    world.must("bank", reference())
    output = world.must("shop", exchange(quote(fee_basis_points=35, fee_bearer="payer", fee_account="bank/fees")))
    assert isinstance(output, dict)
    # 200,700 at 7.7 is worth 1,545,390; 1,537,718 arrived: 7,672 less, 4,964 millionths of it.
    assert (output["reference_rate"], output["reference_ms"], output["cost_ppm"]) == ("7.7", START_MS, 4_964)


def test_a_refund_is_a_payment_of_its_own_and_counted_on_the_first() -> None:
    world = ready()
    world.must("shop", within(uetr=UETR))
    back = {"payer": "maker/eur", "payee": "shop/eur", "refunds": UETR}
    world.must("maker", within(**back, amount=60))
    assert payment(world)["refunded"] == 60
    assert payment(world)["count"] == 2
    assert payment(world, ANOTHER)["refunds"] == UETR
    third = "8a562c67-ca16-48ba-b074-65581be6f003"
    assert world.code("maker", within(**back, amount=41, uetr=third)) is ResultCode.REFUND_TOO_LARGE
    assert world.code("maker", within(**back, amount=40, uetr=third)) is ResultCode.OK


def test_of_a_payment_whose_payee_bore_the_fee_goes_back_what_arrived() -> None:
    world = ready()
    world.must("shop", exchange(quote(fee_fixed=1_000, fee_bearer="payee", fee_account="bank/eur fees")))
    arrived = balances(world)["maker/eur"]
    assert arrived == 1_537_718 - 1_000
    back = quote(
        id=b"r" * 16,
        source_account="bank/eur",
        source_currency="EUR",
        target_account="bank/hkd",
        target_currency="HKD",
        rate="0.13",
        capacity=10**9,
        maximum=10**9,
    )
    refund = {"uetr": ANOTHER, "payer": "maker/eur", "payee": "shop/hkd", "refunds": UETR}
    assert world.code("maker", exchange(back, **refund, amount=arrived + 1)) is ResultCode.REFUND_TOO_LARGE
    assert world.code("maker", exchange(back, **refund, amount=arrived)) is ResultCode.OK


def test_an_auditor_finds_the_payment_and_every_account_in_the_same_operation() -> None:
    world = ready()
    first = len(world.records)
    world.must("shop", exchange())
    keys = {entry.key for entry in world.records[first:]}
    names = ("shop/hkd", "bank/hkd", "bank/eur", "maker/eur")
    assert keys == {heads.payment(UETR), *(heads.account(name) for name in names)}
    assert {(entry.transaction_index, entry.operation_index) for entry in world.records[first:]} == {(0, 0)}
