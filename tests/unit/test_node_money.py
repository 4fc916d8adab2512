"""The read side of money: every kind of entry, and that what was posted adds up to what the account has."""

from typing import cast

import pytest

from node import money, netting
from node.queries import JsonObject
from tests.support.contract_hold_cases import HELD, TIMEOUT_MS, account, pend, post, void
from tests.support.contract_netting_cases import CLOSES_MS, owe, settle, window
from tests.support.contract_payment_cases import within
from tests.support.contract_situations import issue, pay, redeem
from tests.support.contracts_world import START_MS, Call, add
from tests.support.trade_world import GOODS, PAYEE, PAYER, arrival, arrived, call, offer, opened, uetr
from tests.support.world_store import WorldStore


def entries(ledger: WorldStore, name: str) -> list[JsonObject]:
    page = money.account_entries(ledger.store, name, 0, 100)
    assert page is not None
    return cast("list[JsonObject]", page.entries)


def moved(ledger: WorldStore, name: str) -> list[tuple[object, object, object]]:
    return [(entry["kind"], entry["posted"], entry["pending"]) for entry in entries(ledger, name)]


def shown(ledger: WorldStore, name: str) -> JsonObject:
    found = money.account(ledger.store, name)
    assert found is not None
    return found


@pytest.fixture
def ledger() -> WorldStore:
    """Return a ledger on which everything happened that can happen to two accounts."""
    ledger = WorldStore()
    for signer, operation in (
        ("bank", issue(1_000)),
        ("shop", pay()),
        ("shop", pend(amount=300)),
        ("shop", post(amount=120)),
        ("shop", pend(id=b"k" * 16, amount=50)),
        ("maker", void(pending_id=b"k" * 16)),
        ("shop", pend(id=b"l" * 16, amount=70)),
        ("shop", redeem(amount=5)),
        ("bank", account("freeze")),
        ("bank", account("unfreeze")),
    ):
        assert ledger.run(signer, operation).code == 0
    return ledger


def test_every_kind_of_entry_says_what_it_changed(ledger: WorldStore) -> None:
    assert moved(ledger, "shop/eur") == [
        ("issue", "1000", "0"),
        ("transfer", "-100", "0"),
        ("pend", "0", "-300"),
        ("post", "-120", "300"),
        ("pend", "0", "-50"),
        ("void", "0", "50"),
        ("pend", "0", "-70"),
        ("redeem", "-5", "0"),
    ]
    assert moved(ledger, "maker/eur") == [
        ("transfer", "100", "0"),
        ("pend", "0", "300"),
        ("post", "120", "-300"),
        ("pend", "0", "50"),
        ("void", "0", "-50"),
        ("pend", "0", "70"),
        ("freeze", "0", "0"),
        ("unfreeze", "0", "0"),
    ]
    posting = entries(ledger, "maker/eur")[2]
    assert (posting["hold"], posting["counterparty"], posting["amount"]) == (HELD.hex(), "shop/eur", "120")
    freezing = entries(ledger, "maker/eur")[6]
    assert (freezing["transfer"], freezing["counterparty"], freezing["side"]) == (None, None, None)


@pytest.mark.parametrize("name", ["shop/eur", "maker/eur", "issuer/EUR"])
def test_what_was_posted_adds_up_to_what_the_account_has(ledger: WorldStore, name: str) -> None:
    total = sum(int(cast(str, entry["posted"])) for entry in entries(ledger, name))
    assert str(total) == shown(ledger, name)["posted"]


def test_an_account_says_what_is_held_and_what_it_can_pay(ledger: WorldStore) -> None:
    shop, maker = shown(ledger, "shop/eur"), shown(ledger, "maker/eur")
    names = ("posted", "held", "incoming", "available", "status", "debits_pending", "holds")
    assert [shop[name] for name in names] == ["775", "70", "0", "705", "open", "70", 1]
    assert [maker[name] for name in names[:5]] == ["220", "0", "70", "220", "open"]
    assert ledger.run("bank", account("freeze")).code == 0
    assert shown(ledger, "maker/eur")["status"] == "frozen"
    assert "frozen" not in shown(ledger, "maker/eur")


def test_holds_are_listed_for_both_sides_and_by_status(ledger: WorldStore) -> None:
    for name in ("shop/eur", "maker/eur"):
        page = money.account_holds(ledger.store, name, None, 10)
        assert page is not None
        found = cast("list[JsonObject]", page.entries)
        assert [(hold["amount"], hold["status"]) for hold in found] == [
            ("300", "posted"),
            ("50", "voided"),
            ("70", "pending"),
        ]
        assert (found[0]["posted_amount"], found[0]["resolved_by"]) == ("120", (b"p" * 16).hex())
    assert money.hold(ledger.store, HELD) == found[0]
    page = money.account_holds(ledger.store, "shop/eur", None, 10, status="pending")
    assert page is not None
    assert [cast(JsonObject, hold)["id"] for hold in page.entries] == [(b"l" * 16).hex()]
    page = money.account_holds(ledger.store, "carrier/eur", None, 10)
    assert page is not None
    assert page.entries == []
    assert money.account_holds(ledger.store, "nobody", None, 10) is None
    assert money.hold(ledger.store, b"n" * 16) is None


def test_what_expired_has_no_entry_and_is_available_again(ledger: WorldStore) -> None:
    before = len(entries(ledger, "shop/eur"))
    ledger.world.time_ms += TIMEOUT_MS
    assert ledger.run("shop", pay(id=b"z" * 16, amount=1)).code == 0
    assert len(entries(ledger, "shop/eur")) == before + 1
    assert (shown(ledger, "shop/eur")["held"], shown(ledger, "shop/eur")["available"]) == ("0", "774")
    hold = money.hold(ledger.store, b"l" * 16)
    assert hold is not None
    assert hold["status"] == "expired"


def test_a_payment_is_an_entry_of_the_accounts_of_its_legs(ledger: WorldStore) -> None:
    assert ledger.run("shop", within(amount=30)).code == 0
    last = entries(ledger, "maker/eur")[-1]
    assert [last[name] for name in ("kind", "posted", "amount", "side", "counterparty")] == [
        "pay",
        "30",
        "30",
        "credit",
        "shop/eur",
    ]
    assert entries(ledger, "shop/eur")[-1]["posted"] == "-30"
    for name in ("shop/eur", "maker/eur"):
        total = sum(int(cast(str, entry["posted"])) for entry in entries(ledger, name))
        assert str(total) == shown(ledger, name)["posted"]


def test_an_escrow_is_an_entry_when_it_is_opened_released_and_sent_back() -> None:
    ledger = WorldStore()
    steps: tuple[tuple[str, Call], ...] = (
        ("other_bank", ("settlement.open_account", {"id": "lp/eur", "currency": "EUR"})),
        ("other_bank", ("settlement.open_account", {"id": "lp/hkd", "currency": "HKD"})),
        ("maker", ("settlement.open_account", {"id": PAYEE, "currency": "HKD"})),
        ("bank", ("settlement.issue", {"id": b"e" * 16, "account": PAYER, "amount": 10_000})),
        ("other_bank", ("settlement.issue", {"id": b"h" * 16, "account": "lp/hkd", "amount": 100_000})),
        ("maker", add(*GOODS)),
        ("maker", ("custody.offer", offer("to-carrier", "carrier", START_MS + 1))),
        ("carrier", ("custody.accept", {"id": "to-carrier"})),
        ("shop", opened(1, arrival())),
        ("shop", opened(2, arrival(), amount=500)),
        ("maker", call("cancel", 2)),
        ("carrier", arrived(ledger.world, *GOODS)),
    )
    for signer, operation in steps:
        assert ledger.run(signer, operation).code == 0, operation
    assert moved(ledger, PAYER) == [
        ("issue", "10000", "0"),
        ("escrow", "0", "-1000"),
        ("escrow", "0", "-500"),
        ("escrow", "0", "500"),
        ("escrow", "-1000", "1000"),
    ]
    assert moved(ledger, PAYEE)[-1] == ("escrow", "8501", "-8501")
    released = entries(ledger, PAYEE)[-1]
    assert (released["uetr"], released["counterparty"], released["amount"]) == (uetr(1), "lp/hkd", "8501")
    for name in (PAYER, PAYEE, "lp/eur", "lp/hkd"):
        for total in ("posted", "pending"):
            changes = sum(int(cast(str, entry[total])) for entry in entries(ledger, name))
            assert changes == (int(cast(str, shown(ledger, name)["posted"])) if total == "posted" else 0)


def test_a_window_is_shown_with_its_obligations_and_is_one_entry_of_each_account() -> None:
    ledger = WorldStore()
    for signer, operation in (
        ("bank", issue(1_000)),
        ("bank", window()),
        ("shop", owe(1)),
        ("maker", owe(2, debit="maker/eur", credit="carrier/eur", amount=60)),
        ("carrier", owe(3, debit="carrier/eur", credit="shop/eur", amount=70)),
    ):
        assert ledger.run(signer, operation).code == 0
    assert window_of(ledger)["status"] == "open"
    ledger.world.time_ms = CLOSES_MS
    assert ledger.run("bank", account("freeze")).code == 0
    assert ledger.run("bank", account("unfreeze")).code == 0
    assert window_of(ledger)["status"] == "closed"
    assert netting.windows_page(ledger.store, "EUR", frozenset({"settled"}), None, 10).entries == []
    assert ledger.run("watcher", settle()).code == 0

    found = window_of(ledger)
    names = ("status", "settled", "deferred", "gross_value", "net_value", "saving_ppm", "exponent")
    assert [found[name] for name in names] == ["settled", 2, 1, "160", "100", 375_000, 2]
    listed = cast("list[JsonObject]", found["listed"])
    assert [(each["amount"], each["outcome"], each["status"]) for each in listed] == [
        ("100", "settled", "settled"),
        ("60", "settled", "settled"),
        ("70", "funds", "deferred"),
    ]
    (only,) = netting.windows_page(ledger.store, "EUR", frozenset({"settled"}), None, 10).entries
    assert cast(JsonObject, only)["id"] == "noon"
    assert netting.windows_page(ledger.store, "HKD", None, None, 10).entries == []
    assert netting.window(ledger.store, "HKD", "noon") is None
    assert netting.obligation(ledger.store, b"n" * 16) is None
    last = entries(ledger, "shop/eur")[-1]
    assert (last["kind"], last["posted"], last["reference"]) == ("net", "-100", "window noon")
    for name in ("shop/eur", "maker/eur", "carrier/eur"):
        total = sum(int(cast(str, entry["posted"])) for entry in entries(ledger, name))
        assert str(total) == shown(ledger, name)["posted"]


def window_of(ledger: WorldStore) -> JsonObject:
    found = netting.window(ledger.store, "EUR", "noon")
    assert found is not None
    return found
