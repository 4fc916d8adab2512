"""Settlement: what moves, what a retry gets, and what both sides' histories say."""

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.hashing import ZERO_HASH
from ledger.state import Head, HistoryEntry, next_chain
from tests.support.contracts_world import START_MS, Call, World

UETR = "8a562c67-ca16-48ba-b074-65581be6f001"


def issue(amount: int, account: str = "shop/eur", number: int = 1) -> Call:
    return "settlement.issue", {"id": number.to_bytes(16, "big"), "account": account, "amount": amount}


def pay(amount: int, number: int = 100, **more: Value) -> Call:
    fields: dict[str, Value] = {"id": number.to_bytes(16, "big"), "debit": "shop/eur", "credit": "maker/eur"}
    return "settlement.transfer", {**fields, "amount": amount, **more}


def totals(world: World, account: str) -> tuple[Value, Value]:
    head = world.get(heads.account(account))
    assert head is not None
    return head["debits_posted"], head["credits_posted"]


def test_issue_transfer_and_redeem_post_on_both_sides() -> None:
    world = World()
    world.must("bank", issue(1_000))
    world.must("shop", pay(300, reference="invoice 7", uetr=UETR))
    world.must("maker", ("settlement.redeem", {"id": b"r" * 16, "account": "maker/eur", "amount": 120}))

    assert totals(world, "issuer/EUR") == (1_000, 120)
    assert totals(world, "shop/eur") == (300, 1_000)
    assert totals(world, "maker/eur") == (120, 300)
    assert world.get(heads.uetr(UETR)) == {"transfer": (100).to_bytes(16, "big")}


def test_a_currency_brings_its_issuer_account() -> None:
    world = World()
    world.must("bank", ("settlement.define_currency", {"code": "XAU1", "exponent": 0}))
    assert world.get(heads.currency("XAU1")) == {"exponent": 0, "issuer": "bank"}
    assert world.get(heads.account("issuer/XAU1")) == {
        "currency": "XAU1",
        "owner": "bank",
        "guarded": False,
        "debits_posted": 0,
        "credits_posted": 0,
        "debits_pending": 0,
        "credits_pending": 0,
    }


def test_an_issuer_may_overdraw_its_own_unguarded_account() -> None:
    world = World()
    world.must(
        "bank", ("settlement.open_account", {"id": "fees", "currency": "EUR", "guarded": False, "label": "fees"})
    )
    assert world.code("bank", pay(5, debit="fees")) is ResultCode.OK
    assert totals(world, "fees") == (5, 0)


def test_the_same_transfer_again_is_answered_and_does_nothing() -> None:
    world = World()
    world.must("bank", issue(1_000))
    first = world.run("shop", pay(300))
    before = dict(world.committed)
    world.time_ms += 5_000

    answer = world.must("shop", pay(300, currency="EUR"))

    assert answer == {
        "exists": True,
        "kind": "transfer",
        "debit": "shop/eur",
        "credit": "maker/eur",
        "amount": 300,
        "currency": "EUR",
        "transaction": first.transaction_id,
        "operation": 0,
        "time_ms": START_MS,
    }
    assert world.committed == before


def test_a_retry_within_the_same_transaction_counts_once() -> None:
    world = World()
    world.must("bank", issue(1_000))
    world.must("shop", pay(300), pay(300))
    assert totals(world, "shop/eur") == (300, 1_000)


def test_a_transaction_is_all_or_nothing() -> None:
    world = World()
    world.must("bank", issue(100))
    before = dict(world.committed)
    receipt = world.run("shop", pay(60, 1_000), pay(60, 1_001))
    assert (receipt.code, receipt.failed_operation, receipt.outputs) == (ResultCode.INSUFFICIENT_FUNDS, 1, ())
    mark = heads.failed_transfer("shop", (1_001).to_bytes(16, "big"))
    assert world.get(mark) == {
        "code": ResultCode.INSUFFICIENT_FUNDS,
        "transaction": receipt.transaction_id,
        "operation": 1,
        "time_ms": START_MS,
    }
    del world.committed[mark]
    assert world.committed == before


def test_an_id_that_failed_never_pays() -> None:
    world = World()
    assert world.code("shop", pay(60)) is ResultCode.INSUFFICIENT_FUNDS
    world.must("bank", issue(100))
    assert world.code("shop", pay(60)) is ResultCode.TRANSFER_ID_FAILED
    assert "failed with INSUFFICIENT_FUNDS; take a new id" in world.detail
    assert world.code("shop", pay(60, 101)) is ResultCode.OK
    assert totals(world, "shop/eur") == (60, 100)


def test_a_malformed_or_forbidden_try_leaves_an_id_usable() -> None:
    world = World()
    world.must("bank", issue(100))
    assert world.code("shop", pay(-1)) is ResultCode.BAD_ARGUMENTS
    assert world.code("carrier", pay(60)) is ResultCode.NOT_ACCOUNT_OWNER
    assert world.code("carrier", pay(60, debit="nobody")) is ResultCode.UNKNOWN_DEBIT_ACCOUNT
    assert world.code("shop", pay(60)) is ResultCode.OK


def test_a_transfer_is_a_record_of_both_accounts() -> None:
    world = World()
    issued = world.run("bank", issue(1_000))
    paid = world.run("shop", pay(1, 100), pay(2, 101))

    records = [world.record_hash(issued, 0), world.record_hash(paid, 0), world.record_hash(paid, 1)]
    chain = ZERO_HASH
    for count, record in enumerate(records, start=1):
        chain = next_chain(chain, record, count)
    shop: Head | None = world.get(heads.account("shop/eur"))
    assert shop is not None
    assert (shop["count"], shop["chain"]) == (3, chain)
    key = heads.account("maker/eur")
    assert [entry for entry in world.records if entry.key == key] == [
        HistoryEntry(key, 1, 0, 0),
        HistoryEntry(key, 2, 0, 1),
    ]
