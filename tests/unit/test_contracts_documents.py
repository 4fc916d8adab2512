"""Documents: what holders and issuers say of one hash, side by side, and what is left of it after a revocation."""

from typing import cast

import pytest

from contracts import heads
from contracts.results import ResultCode
from ledger.state import Head
from tests.support.contract_paper_cases import HASH, REGISTER, document, revoke
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
