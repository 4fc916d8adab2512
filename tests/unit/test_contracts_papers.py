"""Papers: what holders and issuers say of one hash, what customs decide, and what a leg of transport gave off."""

from typing import cast

import pytest

from contracts import heads
from contracts.provenance.emissions import dealt_out
from contracts.results import ResultCode
from ledger.state import Head
from tests.support.contract_paper_cases import (
    BORDER,
    HASH,
    REGISTER,
    WITHDRAW,
    decision,
    declaration,
    document,
    emissions,
    revoke,
)
from tests.support.contract_situations import GTIN
from tests.support.contracts_world import START_MS, World, add, sgtin


@pytest.fixture
def world() -> World:
    made = World()
    made.must("maker", REGISTER)
    return made


def statements(world: World) -> dict[str, Head]:
    head = world.get(heads.document(HASH))
    return {} if head is None else cast("dict[str, Head]", head["statements"])


def test_holder_and_issuer_speak_of_one_paper_and_each_takes_back_its_own_word(world: World) -> None:
    world.must("maker", document("anchor", title="Organic", issuer="Watcher Ltd", valid_until_ms=START_MS + 1))
    world.must("watcher", document("issue", reference="CH-1"))
    said = statements(world)
    assert said["maker"] == {
        "level": "evidenced",
        "kind": "certificate",
        "title": "Organic",
        "issuer": "Watcher Ltd",
        "valid_until_ms": START_MS + 1,
        "subjects": [["product", GTIN]],
        "status": "standing",
        "said_ms": START_MS,
    }
    assert (said["watcher"]["level"], said["watcher"]["reference"]) == ("verified", "CH-1")
    assert world.get(heads.documented("product", GTIN)) == {"papers": [HASH]}

    world.must("watcher", revoke(reason="fraud"))
    said = statements(world)
    assert said["watcher"]["status"] == "revoked"
    assert (said["watcher"]["revocation_reason"], said["watcher"]["revoked_ms"]) == ("fraud", START_MS)
    assert said["maker"]["status"] == "standing"
    # For good: a word that was taken back is not given again for the same paper.
    assert world.code("watcher", document("issue")) is ResultCode.DOCUMENT_KNOWN
    head = world.get(heads.document(HASH))
    assert head is not None
    assert head["count"] == 3


def test_nobody_certifies_what_it_holds_itself(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    assert world.code("watcher", document("issue", [("item", sgtin(1))])) is ResultCode.OK
    other = document("anchor", [("item", sgtin(1))], b"e" * 32)
    assert world.code("shop", other) is ResultCode.NOT_SUBJECT_HOLDER
    assert world.code("maker", other) is ResultCode.OK


def test_a_document_that_is_refused_leaves_nothing(world: World) -> None:
    before = dict(world.committed)
    refused = document("anchor", [("product", GTIN), ("product", "00000000000000")])
    assert world.code("maker", refused) is ResultCode.UNKNOWN_PRODUCT
    assert world.committed == before


def test_a_leg_s_grams_are_exact_and_its_goods_add_up_to_it() -> None:
    # 25 t over 1,000 km at 62 g a tonne-kilometre are 1.55 t of CO2e; a hub knows no distance.
    assert dealt_out([25_000_000], 1_000_000, 62_000, is_hub=False) == [1_550_000]
    assert dealt_out([1_000_000], 0, 1_200_000, is_hub=True) == [1_200]
    # Three thirds of a gram and a half: each alone rounds to nothing, the whole is one gram.
    assert dealt_out([1, 1, 1], 1_000, 10**9 // 3, is_hub=False) == [0, 1, 0]
    # At the limits of all arguments nothing overflows what a head can hold.
    assert sum(dealt_out([10**12] * 100, 10**8, 10**8, is_hub=False)) == 10**18


def test_customs_decide_and_the_declaration_tells_who_did(world: World) -> None:
    BORDER(world)
    world.must("maker", declaration())
    world.must("border", decision("held", comment="papers are missing"))
    world.must("border", decision())
    made = world.get(heads.customs_declaration("c"))
    assert made is not None
    assert (made["status"], made["decided_by"], made["decided_ms"]) == ("released", "border", START_MS)
    assert "comment" not in made
    assert made["count"] == 3
    assert world.get(heads.declared("product", GTIN)) == {"papers": ["c"]}


def test_emissions_stand_under_their_goods_and_are_taken_back_with_a_reason(world: World) -> None:
    world.must("maker", add(sgtin(1)))
    world.must("maker", emissions([(sgtin(1), 2_000)]))
    made = world.get(heads.emission("leg"))
    assert made is not None
    assert (made["grams"], made["goods"]) == (12, [["item", sgtin(1), 2_000, 12]])
    assert world.get(heads.emitted("item", sgtin(1))) == {"papers": ["leg"]}
    world.must("maker", WITHDRAW)
    made = world.get(heads.emission("leg"))
    assert made is not None
    assert (made["status"], made["reason"]) == ("withdrawn", "another lorry")
