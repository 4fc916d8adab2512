"""What a node says of validators, proposals and evidence, over HTTP and as a change takes effect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.codec import Value, encode
from ledger.evidence import equivocation
from ledger.key_file import key_from_text
from ledger.keys import SecretKey, signed_preimage
from ledger.transaction import Operation
from ledger.validators import possession_preimage
from node.config import validator_key_path
from tests.support.running_node import RunningNode, running_node

JOINER = SecretKey(b"\x05" * 32)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with running_node(tmp_path) as running:
        yield running


def own_key(node: RunningNode) -> SecretKey:
    return key_from_text(validator_key_path(node.network.home(node.network.nodes[0])).read_text(), None)


def propose(node: RunningNode, identifier: str, **change: list[Value]) -> Any:
    action: Value = ["governance.change_validators", dict[str, Value](change)]
    expires_ms = node.node.now_ms() + 60_000
    arguments: dict[str, Value] = {"id": identifier, "action": action, "expires_ms": expires_ms}
    return node.commit("brand", Operation("governance.propose", arguments))


def joiner_row(node: RunningNode) -> Value:
    proof = JOINER.sign(possession_preimage(node.node.chain.chain_id, JOINER.public_key, "maker"))
    return [JOINER.public_key, "maker", proof]


def another_block(node: RunningNode) -> None:
    arguments: dict[str, Value] = {"name": f"Name {node.height}"}
    node.commit("brand", Operation("membership.update_organisation", arguments))


def test_a_change_is_announced_and_an_older_set_stays_readable(node: RunningNode) -> None:
    before = node.json("/v1/validators")
    assert (before["height"], before["quorum"], before["faults_tolerated"], before["change"]) == (1, 1, 0, None)
    assert [entry["organisation_name"] for entry in before["validators"]] == ["Blue Monsoon Seafood"]
    propose(node, "join", add=[joiner_row(node)])
    said = node.json("/v1/validators")
    assert said["height"] == 2
    assert said["hash"] == before["hash"]
    assert said["change"] == {
        "from_height": 3,
        "hash": node.json("/v1/validators", height=3)["hash"],
        "add": [{"public_key": JOINER.public_key.hex(), "organisation": "maker"}],
        "remove": [],
    }
    assert [entry["organisation"] for entry in node.json("/v1/validators", height=1)["validators"]] == ["brand"]
    assert len(node.json("/v1/validators", height=3)["validators"]) == 2


def test_heights_that_nobody_knows_are_a_problem(node: RunningNode) -> None:
    for height in (0, 3):
        response = node.get("/v1/validators", height=height)
        assert response.status_code == 404
        assert response.json()["code"] == "validators.unknown"
        assert "blocks 1 to 2 are known" in response.json()["detail"]


def test_proposals_are_listed_by_status(node: RunningNode) -> None:
    assert node.json("/v1/proposals")["entries"] == []
    propose(node, "done", add=[joiner_row(node)])
    (entry,) = node.json("/v1/proposals", status="executed")["entries"]
    assert (entry["id"], entry["proposer"], entry["method"], entry["approvals"]) == (
        "done",
        "brand",
        "governance.change_validators",
        ["brand"],
    )
    assert entry["arguments"]["add"][0][1] == "maker"
    assert node.json("/v1/proposals", status="open")["entries"] == []


def test_evidence_is_listed_and_counted(node: RunningNode) -> None:
    key = own_key(node)
    another_block(node)
    votes = []
    for block_hash in (b"\x01" * 32, b"\x02" * 32):
        preimage = signed_preimage("commit", node.node.chain.chain_id, encode([1, 7, block_hash]))
        votes.append((block_hash, key.sign(preimage)))
    evidence = equivocation("commit", 1, 7, key.public_key, *votes)
    gateway = node.node.gateway_key
    assert gateway is not None
    node.commit(gateway, Operation("governance.report_equivocation", {"evidence": evidence.to_value()}))
    (entry,) = node.json("/v1/evidence")["entries"]
    assert entry["reported_ms"] == node.json("/v1/blocks/2")["time_ms"]
    assert {name: value for name, value in entry.items() if name != "reported_ms"} == {
        "validator": key.public_key.hex(),
        "organisation": "brand",
        "kind": "commit",
        "height": 1,
        "view": 7,
        "votes": [{"block_hash": block_hash.hex(), "signature": signature.hex()} for block_hash, signature in votes],
        "reporter": "brand",
    }
    assert node.json("/v1/validators")["validators"][0]["double_votes"] == 1
    assert len(node.json("/v1/evidence", validator=key.public_key.hex())["entries"]) == 1
    assert node.json("/v1/evidence", validator="00")["entries"] == []
