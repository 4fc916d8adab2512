"""Recalls: what stands where, for whom, and that it can be proven that none does."""

from typing import cast

import pytest

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contract_recall_cases import opened, recall
from tests.support.contract_situations import GTIN
from tests.support.contracts_world import START_MS, World, genesis, key_of, lgtin, sgtin

PRODUCT: Value = {"gtin": GTIN, "name": "Vaccine"}


@pytest.fixture
def world() -> World:
    border: dict[str, Value] = {
        "id": "border",
        "name": "Border",
        "roles": ["customs"],
        "admin_key": key_of("border").public_key,
    }
    made = World(genesis(("membership.register_organisation", border)))
    made.must("maker", ("provenance.register_product", cast("dict[str, Value]", PRODUCT)))
    return made


def standing(world: World, kind: str, identifier: str) -> Value:
    head = world.get(heads.recalled(kind, identifier))
    return None if head is None else head["recalls"]


def test_a_recall_stands_under_each_of_its_targets_until_it_is_closed(world: World) -> None:
    targets = [("product", GTIN), ("lot", lgtin("A")), ("item", sgtin(1))]
    world.must("maker", opened(targets=targets, texts={"en": "Bring it back.", "de": "Bitte zurückbringen."}))
    assert [standing(world, *target) for target in targets] == [["r"], ["r"], ["r"]]
    assert standing(world, "lot", lgtin("B")) is None
    made = world.get(heads.recall("r"))
    assert made is not None
    assert (made["organisation"], made["status"], made["opened_ms"], made["count"]) == ("maker", "open", START_MS, 1)

    world.must("maker", recall("update", severity="check", reason="one batch of three"))
    world.must("maker", recall("close", reason="all are back"))
    assert [standing(world, *target) for target in targets] == [None, None, None]
    made = world.get(heads.recall("r"))
    assert made is not None
    assert (made["status"], made["severity"], made["reason"]) == ("closed", "check", "one batch of three")
    assert (made["closing_reason"], made["closed_ms"], made["count"]) == ("all are back", START_MS, 3)
    assert made["texts"] == {"en": "Bring it back.", "de": "Bitte zurückbringen."}


def test_of_two_recalls_of_a_lot_the_other_stays(world: World) -> None:
    world.must("maker", opened("one"))
    world.must("border", opened("two"))
    assert standing(world, "lot", lgtin("A")) == ["one", "two"]
    world.must("maker", recall("close", "one", reason="over"))
    assert standing(world, "lot", lgtin("A")) == ["two"]


def test_an_authority_recalls_what_another_firm_made_and_nobody_else_ends_it(world: World) -> None:
    world.must("border", opened())
    assert world.code("maker", recall("close", reason="we think not")) is ResultCode.NOT_RECALLER
    assert world.code("border", opened("other", [("product", "00000000000000")])) is ResultCode.UNKNOWN_PRODUCT


def test_a_recall_that_is_refused_leaves_nothing(world: World) -> None:
    before = dict(world.committed)
    unknown = [("lot", lgtin("A")), ("lot", "https://id.gs1.org/01/09521102002002/10/A")]
    assert world.code("maker", opened(targets=unknown)) is ResultCode.UNKNOWN_PRODUCT
    assert world.committed == before
