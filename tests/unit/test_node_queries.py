"""The read side over the example shipment: things, histories, statements, offers, blocks, and pages that join up."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import pytest

from contracts.results import ResultCode
from ledger.receipt import Receipt
from node import money, queries
from node.queries import CursorError, JsonObject, Page, Thing, find_thing
from node.records import Record, Records
from node.setup import FOUNDERS
from node.storage.store import Store
from tests.support.example_ledger import CASE, LOGGER, PACK, PALLET, ExampleLedger, example_ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = example_ledger(tmp_path_factory.mktemp("queries"))
    yield ledger
    ledger.close()


@pytest.fixture
def store(ledger: ExampleLedger) -> Store:
    return ledger.home.store


def rows(page: Page | None) -> list[JsonObject]:
    assert page is not None
    return cast("list[JsonObject]", page.entries)


def all_pages(read: Callable[[str | None], Page | None]) -> list[JsonObject]:
    """Return the entries of all pages; a cursor that does not move on would never end, so the pages are counted."""
    found: list[JsonObject] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = read(cursor)
        found += rows(page)
        assert page is not None
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


def history_from(store: Store, thing: Thing, limit: int, cursor: str | None) -> Page:
    return queries.history_page(store, thing, queries.record_number(cursor), limit)


def entries_from(store: Store, account: str, cursor: str | None) -> Page | None:
    return money.account_entries(store, account, queries.record_number(cursor), 1)


def organisations_from(store: Store, limit: int, cursor: str | None) -> Page:
    return queries.organisations_page(store, cursor, limit)


def records_of(store: Store, identifier: str) -> list[Record]:
    thing = find_thing(store, identifier)
    assert thing is not None
    records = Records(store)
    return [records.get(position) for position in store.history(thing.key)]


@pytest.mark.parametrize(
    "spelling",
    [
        PACK,
        PACK.replace("https://id.gs1.org", "http://shop.example:8080"),
        "urn:epc:id:sgtin:9521102.000200.3pGU9njkd3HUsrnL",
        PACK + "?17=280503",
    ],
)
def test_a_thing_is_found_under_every_spelling(store: Store, spelling: str) -> None:
    thing = find_thing(store, spelling)
    assert thing is not None
    assert (thing.kind, thing.identifier) == ("item", PACK)


@pytest.mark.parametrize("name", ["", "https://id.gs1.org/01/09521102002002/21/none", "nothing\0here", "urn:x:y", "é"])
def test_an_unknown_thing_is_none(store: Store, name: str) -> None:
    assert find_thing(store, name) is None


def test_the_summary_says_who_holds_and_owns_a_thing_now(store: Store) -> None:
    thing = find_thing(store, PACK)
    assert thing is not None
    summary = queries.thing_summary(store, thing)
    assert {name: summary[name] for name in ("id", "kind", "status", "custodian", "owner", "parent", "product")} == {
        "id": PACK,
        "kind": "item",
        "status": "active",
        "custodian": "retailer",
        "owner": "retailer",
        "parent": None,
        "product": "09521102002002",
    }
    assert summary["product_name"] == "Yellowfin tuna steaks, frozen, 400 g"
    assert summary["disposition"] == "sellable_accessible"
    assert summary["height"] == store.tip.height
    assert len(cast(str, summary["chain"])) == 64
    json.dumps(summary)


def test_a_history_joins_up_from_pages_of_any_size_and_ends_at_the_count_of_the_head(store: Store) -> None:
    thing = find_thing(store, CASE)
    assert thing is not None
    whole = rows(queries.history_page(store, thing, 0, 200))
    assert [entry["number"] for entry in whole] == list(range(1, thing.count + 1))
    for limit in (1, 2, thing.count):
        read = partial(history_from, store, thing, limit)
        assert all_pages(read) == whole
    assert queries.history_page(store, thing, thing.count, 10) == Page([], None)
    json.dumps(whole)


def test_a_history_entry_tells_who_said_what_when(store: Store) -> None:
    thing = find_thing(store, PACK)
    assert thing is not None
    first = rows(queries.history_page(store, thing, 0, 1))[0]
    event = cast(JsonObject, first["event"])
    assert (first["organisation"], first["method"], first["violations"]) == ("brand", "provenance.capture", [])
    assert (event["type"], event["biz_step"], event["counts"]) == (
        "TransformationEvent",
        "commissioning",
        {"inputs": 4, "outputs": 12},
    )
    assert (event["is_declaration"], event["is_declared_wrong"]) == (False, False)
    assert first["at_ms"] == event["event_time_ms"]
    height, index = cast(int, first["height"]), cast(int, first["index"])
    block = store.block(height)
    assert block is not None
    assert block.transactions[index].transaction_id.hex() == first["transaction"]
    assert block.header.time_ms == first["time_ms"]


def test_an_acceptance_shows_both_parties(store: Store) -> None:
    accepted = [record for record in records_of(store, PALLET) if record.method == "custody.accept"]
    custody = [cast(JsonObject, record.to_json(PALLET)["custody"]) for record in accepted]
    assert [(row["from"], row["to"], row["act"], row["status"], row["condition"]) for row in custody] == [
        ("brand", "carrier", "accept", "accepted", "cold and intact"),
        ("carrier", "warehouse", "accept", "accepted", "cold and intact"),
    ]


def test_temperatures_are_read_exactly(store: Store) -> None:
    readings = [reading for record in records_of(store, PALLET) for reading in record.readings()]
    assert [(reading.lowest, reading.highest) for reading in readings] == [
        (-25_300, -23_800),
        (-23_600, -21_000),
        (-22_700, -20_200),
        (-21_900, -19_400),
        (-20_600, -20_600),
        (-24_000, -22_900),
    ]
    assert [reading.device for reading in readings].count(LOGGER) == 3


@pytest.mark.parametrize(
    ("report", "milli_celsius"),
    [
        ({"value": "-24.1", "uom": "CEL"}, (-24_100, -24_100)),
        ({"value": "32", "uom": "FAH"}, (0, 0)),
        ({"value": "-0.4", "uom": "FAH"}, (-18_000, -18_000)),
        ({"value": "273.15", "uom": "KEL"}, (0, 0)),
        ({"min": "-21", "max": "-18.75", "mean": "-20", "uom": "CEL"}, (-21_000, -18_750)),
        ({"value": "5"}, None),
        ({"value": "5", "uom": "XXX"}, None),
        ({"uom": "CEL"}, None),
        ({"value": "9" * 400, "uom": "CEL"}, None),
    ],
)
def test_units_of_temperature(store: Store, report: dict[str, str], milli_celsius: tuple[int, int] | None) -> None:
    record = records_of(store, PACK)[0]
    sensors = [{"device": "urn:d:1", "time_ms": 7, "reports": [{"type": "Temperature", **report}]}]
    fields = {name: getattr(record, name) for name in Record.__slots__}
    changed = Record(**{**fields, "arguments": {**record.arguments, "sensors": cast("list[object]", sensors)}})
    found = [(reading.lowest, reading.highest, reading.time_ms, reading.device) for reading in changed.readings()]
    assert found == ([] if milli_celsius is None else [(*milli_celsius, 7, "urn:d:1")])


def test_a_statement_joins_up_and_adds_up(store: Store) -> None:
    for name in ("retailer/USD", "brand/USD", "issuer/USD"):
        account = money.account(store, name)
        assert account is not None
        entries = all_pages(partial(entries_from, store, name))
        totals = {
            side: sum(int(cast(str, row["amount"])) for row in entries if row["side"] == side)
            for side in ("debit", "credit")
        }
        assert (str(totals["debit"]), str(totals["credit"])) == (account["debits_posted"], account["credits_posted"])
        assert [row["number"] for row in entries] == list(range(1, len(entries) + 1))
    paid = rows(money.account_entries(store, "retailer/USD", 1, 10))[0]
    assert (paid["side"], paid["counterparty"], paid["amount"], paid["reference"]) == (
        "debit",
        "brand/USD",
        "125000",
        "PO-26-1187",
    )
    assert money.account_entries(store, "nobody/USD", 0, 10) is None


def test_an_account_knows_its_currency(store: Store) -> None:
    account = money.account(store, "retailer/USD")
    assert account is not None
    assert (account["currency"], account["exponent"], account["issuer"], account["owner"]) == (
        "USD",
        2,
        "warehouse",
        "retailer",
    )
    assert (account["debits_posted"], account["credits_posted"]) == ("125000", "250000")
    assert money.account(store, "retailer") is None


def test_accounts_of_an_owner(store: Store) -> None:
    mine = all_pages(lambda cursor: money.accounts_page(store, "warehouse", cursor, 1))
    assert [row["id"] for row in mine] == ["issuer/USD", "warehouse/USD"]
    everybody = all_pages(lambda cursor: money.accounts_page(store, None, cursor, 2))
    assert [row["id"] for row in everybody] == sorted(["issuer/USD", *(founder.account for founder in FOUNDERS)])


def test_organisations_by_id_in_pages_of_any_size(store: Store) -> None:
    names = sorted(founder.id for founder in FOUNDERS)
    for limit in (1, 3, 200):
        found = all_pages(partial(organisations_from, store, limit))
        assert [row["id"] for row in found] == names
    brand = queries.organisation(store, "brand")
    assert brand is not None
    assert (brand["name"], brand["gln"], brand["status"]) == ("Blue Monsoon Seafood", "9521102000008", "active")
    assert queries.organisation(store, "brand\0") is None


def test_offers_by_side_item_and_status(store: Store) -> None:
    def ids(**filters: str) -> list[tuple[str, str]]:
        found = all_pages(lambda cursor: queries.offers_page(store, cursor, 2, **filters))
        return sorted((cast(str, row["from"]), cast(str, row["to"])) for row in found)

    assert ids(giver="brand") == [("brand", "carrier"), ("brand", "retailer")]
    assert ids(taker="retailer") == [("brand", "retailer"), ("warehouse", "retailer")]
    assert ids(party="carrier") == [("brand", "carrier"), ("carrier", "warehouse")]
    assert ids(item=PALLET) == [("brand", "carrier"), ("carrier", "warehouse")]
    assert len(ids(status="accepted")) == 5
    assert ids(status="open") == []


def test_products(store: Store) -> None:
    product = queries.product(store, "09521102002002")
    assert product is not None
    assert (product["name"], product["owner"], product["owner_name"]) == (
        "Yellowfin tuna steaks, frozen, 400 g",
        "brand",
        "Blue Monsoon Seafood",
    )
    assert product["storage"] == {"min_milli_celsius": -60_000, "max_milli_celsius": -18_000}
    assert queries.product(store, "00000000000000") is None


def test_blocks_newest_first_down_to_the_first(store: Store) -> None:
    tip = store.tip.height
    blocks = all_pages(lambda cursor: queries.blocks_page(store, None if cursor is None else int(cursor), 7))
    assert [row["height"] for row in blocks] == list(range(tip, -1, -1))
    assert queries.blocks_page(store, 0, 5) == Page([], None)
    block = store.block(tip)
    assert block is not None
    shown = queries.block_json(block)
    assert (shown["hash"], shown["results"]) == (store.tip.hash.hex(), ["OK"])
    assert cast(JsonObject, shown["certificate"])["signers"] == [0, 1, 2]


def test_a_committed_transaction_is_shown_with_its_receipt(store: Store) -> None:
    block = store.block(store.tip.height)
    assert block is not None
    transaction = block.transactions[0]
    shown = queries.committed_transaction(store, transaction.transaction_id)
    assert shown is not None
    assert (shown["id"], shown["state"], shown["height"], shown["index"]) == (
        transaction.transaction_id.hex(),
        "committed",
        store.tip.height,
        0,
    )
    assert shown["organisation"] == "retailer"
    receipt = cast(JsonObject, shown["receipt"])
    assert (receipt["code"], receipt["result"], receipt["failed_operation"]) == (0, "OK", None)
    assert "detail" not in receipt
    assert queries.committed_transaction(store, bytes(32)) is None
    json.dumps(shown)


def test_a_failed_receipt_names_its_code() -> None:
    shown = queries.receipt_json(Receipt(bytes(32), ResultCode.NOT_CUSTODIAN.value, 3, ()), "pallet is held by x")
    assert (shown["result"], shown["failed_operation"], shown["is_transient"], shown["detail"]) == (
        "NOT_CUSTODIAN",
        3,
        True,
        "pallet is held by x",
    )
    assert shown["meaning"] == ResultCode.NOT_CUSTODIAN.meaning


@pytest.mark.parametrize("cursor", ["!", "AAA=", "é", "A", "AB", "a b", "\ud800"])
def test_a_cursor_that_was_not_given_out_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(CursorError):
        queries.organisations_page(store, cursor, 5)


def test_a_cursor_of_another_list_is_refused(store: Store) -> None:
    cursor = money.accounts_page(store, None, None, 1).next_cursor
    with pytest.raises(CursorError, match="another list"):
        queries.organisations_page(store, cursor, 5)
    for text in ("-1", "1.0", "x", "²", "1" * 19):
        with pytest.raises(CursorError):
            queries.record_number(text)


def test_a_scan_that_takes_long_stops_early_and_says_where(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SCAN_MAX", 2)
    first = money.accounts_page(store, "retailer", None, 10)
    assert first.entries == []
    assert first.next_cursor is not None
    found = all_pages(lambda cursor: money.accounts_page(store, "retailer", cursor, 10))
    assert [row["id"] for row in found] == ["retailer/USD"]
