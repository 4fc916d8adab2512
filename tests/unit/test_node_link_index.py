"""The index of what leads on: which rows an event makes, and that they are checked, kept and made up for."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from contracts import heads
from ledger.codec import Value
from node.storage.check import check_ledger
from node.storage.database import Database
from node.storage.joining import rows_at
from node.storage.link_index import (
    INSTALLED,
    LINK,
    LOT_MEMBERS,
    USED,
    link_rows,
    lot_number,
    site_prefix,
    term_prefix,
    thing_prefix,
    time_bytes,
    transformation_prefix,
)
from node.storage.rows import LINKS_KEY, Position, position_bytes, row_position
from node.storage.store import Store
from tests.support.contracts_world import lgtin, sgtin
from tests.support.example_ledger import create_ledger, example_ledger
from tests.support.memory_values import MemoryValues

WHERE = position_bytes(Position(7, 1, 2))


def rows(**arguments: Value) -> dict[bytes, bytes]:
    return dict(link_rows(WHERE, arguments))


def test_a_transformation_has_a_row_for_each_input_and_for_its_id() -> None:
    found = rows(
        type="TransformationEvent",
        event_time_ms=5,
        inputs=["a", "b"],
        outputs=[sgtin(1)],
        input_quantities=[["l", "1", None]],
        transformation_id="t",
        read_point="s",
        biz_location="s",
        residue=json.dumps({"event": {"+": {"ilmd": {"https://ref.gs1.org/cbv/lotNumber": "L/7"}}}}).encode(),
    )
    assert found == {
        thing_prefix(heads.item("a")) + WHERE: USED,
        thing_prefix(heads.item("b")) + WHERE: USED,
        thing_prefix(heads.lot("l")) + WHERE: USED,
        transformation_prefix("t") + WHERE: b"t",
        thing_prefix(heads.lot(lgtin("L%2F7"))) + WHERE: LOT_MEMBERS,
        site_prefix("s") + time_bytes(5) + WHERE: b"s",
        term_prefix("read_point", "s") + WHERE: b"v",
        term_prefix("biz_location", "s") + WHERE: b"v",
    }
    assert {row_position(key) for key in found} == {Position(7, 1, 2)}


def test_what_an_event_says_in_terms_has_rows_and_the_five_types_have_none() -> None:
    said: dict[str, Value] = {"biz_step": "packing", "disposition": "in_transit"}
    found = {term_prefix(field, str(value)) + WHERE: b"v" for field, value in said.items()}
    assert rows(type="ObjectEvent", action="OBSERVE", **said) == found
    assert rows(type="urn:x:mine", **said) == {**found, term_prefix("type", "urn:x:mine") + WHERE: b"v"}


def test_an_installing_has_rows_and_a_packing_or_a_declaration_has_none() -> None:
    event: dict[str, Value] = {"type": "AssociationEvent", "action": "ADD", "parent": "p", "children": ["a"]}
    assert rows(**event) == {thing_prefix(heads.item("a")) + WHERE: INSTALLED}
    assert rows(**{**event, "action": "DELETE"}) == {}
    assert rows(**{**event, "type": "AggregationEvent"}) == {}
    assert rows(**event, declaration={"declared_ms": 1}) == {}


@pytest.mark.parametrize(
    "residue",
    [
        b"lotNumber",
        b'["lotNumber"]',
        b'{"event":{"+":{"ilmd":{"a:lotNumber":7}}}}',
        b'{"event":{"+":{"ilmd":{"a:lotNumber":"x\\u0000"}}}}',
        b'{"event":{"+":{"ilmd":{"a:lotNumber":"\\ud800"}}}}',
        b'{"event":{"+":{"ilmd":{"a:lotNumber":"1","b:lotNumber":"2"}}}}',
        b'{"lotNumber":' + b"[" * 100_000,
    ],
)
def test_a_residue_that_says_no_lot_is_passed_over(residue: bytes) -> None:
    assert lot_number({"residue": residue}) is None


def test_times_before_1970_stand_before_the_others() -> None:
    times = [-(1 << 62), -1, 0, 1, 1 << 62]
    assert sorted(map(time_bytes, reversed(times))) == list(map(time_bytes, times))


@pytest.mark.parametrize("gap", [1, 3, 40])
def test_a_join_finds_what_looking_up_finds(gap: int) -> None:
    pairs = {b"l" + b"%05d" % number: b"v" for number in range(0, 2_000, 2)}
    values = MemoryValues({**pairs, b"k": b"", b"m": b""})
    keys = [b"%05d" % number for number in range(0, 2_100, gap)]
    assert [key for key, _, _ in rows_at(values, b"l", keys)] == [key for key in keys if b"l" + key in pairs]
    assert list(rows_at(values, b"l", [])) == []


def test_the_check_finds_a_row_that_is_missing_or_too_many_and_an_old_ledger_gets_its_rows(tmp_path: Path) -> None:
    ledger = example_ledger(tmp_path, validators=1)
    directory, chain_id = ledger.home.config.ledger_directory, ledger.chain.chain_id
    ledger.close()

    def change(changes: dict[bytes, bytes | None]) -> None:
        with closing(Database(directory)) as database:
            database.write(changes)

    def found() -> list[str]:
        with closing(Store.open(directory, chain_id)) as store:
            return check_ledger(store, lambda *_: None)

    def links() -> dict[bytes, bytes]:
        with closing(Database(directory)) as database:
            return dict(database.scan(LINK, b"m"))

    whole = links()
    assert len(whole) > 30
    assert found() == []
    key = next(iter(whole))
    change({key: None})
    assert "an index row (kind l)" in found()[0]
    change({key: whole[key], key + WHERE: b"i"})
    assert found() == [f"there are {len(whole) + 1} rows of kind l, the blocks make {len(whole)}"]
    change({**dict.fromkeys(links()), LINKS_KEY: None})
    assert found() == []
    assert links() == whole


def test_rows_stay_when_a_body_is_given_up(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path, validators=1)
    event: dict[str, Value] = {"type": "ObjectEvent", "action": "ADD", "event_time_ms": 1, "read_point": "urn:s"}
    ledger.call("brand", "provenance.capture", **event, epcs=[sgtin(1)])
    height = ledger.home.store.tip.height
    for _ in range(70):
        ledger.call("brand", "provenance.capture", **{**event, "event_time_ms": ledger.nonces}, epcs=[sgtin(1)])
    store = ledger.home.store
    before = list(store.links(site_prefix("urn:s")))
    assert store.prune(height + 1, heights_max=1_000, transactions_max=1_000)
    assert store.earliest_height > height
    assert list(store.links(site_prefix("urn:s"))) == before
    assert check_ledger(store, lambda *_: None) == []
    ledger.close()
