"""The routes of proof bundles on a real node: what they give is verified with the trust root of its genesis."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts import heads
from ledger.proof import Facts, to_base64url, trust_from_genesis, verify_bundle
from ledger.transaction import Operation
from tests.support.epcis import document
from tests.support.running_node import RunningNode, running_node

PACK = "https://id.gs1.org/01/09506000134352/21/77"
CASE, PALLET = "https://id.gs1.org/00/095060001343520001", "https://id.gs1.org/00/095060001343520018"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("proofs")
    with running_node(directory) as running:
        yield running


def facts_of(node: RunningNode, path: str, **params: str | int) -> Facts:
    """Ask for a bundle and verify it."""
    return verify_bundle(node.json(path, **params), trust_from_genesis(node.node.genesis))


def packing(action: str, parent: str, child: str, time: str) -> dict[str, Any]:
    """Return an aggregation event."""
    return {
        "type": "AggregationEvent",
        "action": action,
        "parentID": parent,
        "childEPCs": [child],
        "eventTime": f"2025-05-01T{time}:00Z",
        "eventTimeZoneOffset": "+00:00",
    }


def test_a_trace_shows_the_containers_for_their_time(node: RunningNode) -> None:
    events = (
        packing("ADD", CASE, PACK, "10:00"),
        packing("ADD", PALLET, CASE, "11:00"),
        packing("DELETE", PALLET, CASE, "12:00"),
    )
    assert node.capture(document(*events)).status_code == 200
    facts = facts_of(node, "/v1/items/trace/proof", id=PACK)
    assert [head.is_complete for head in facts.heads] == [True] * 3
    hour_ms = 3_600_000
    (in_pallet, in_case) = facts.stays
    assert (in_case.item, in_case.container, in_case.until_ms) == (PACK, CASE, None)
    assert (in_pallet.item, in_pallet.container) == (CASE, PALLET)
    assert (in_pallet.since_ms, in_pallet.until_ms) == (in_case.since_ms + hour_ms, in_case.since_ms + 2 * hour_ms)


def test_a_trace_of_nothing_proves_its_absence(node: RunningNode) -> None:
    facts = facts_of(node, "/v1/items/trace/proof", id=PACK + "8")
    assert [(head.key, head.value) for head in facts.heads] == [(heads.item(PACK + "8"), None)]


def test_a_payment_is_proven_with_its_transaction_and_absent_before(node: RunningNode) -> None:
    transfer_id = bytes(range(1, 17))
    path = f"/v1/transfers/{transfer_id.hex()}/proof"
    node.commit("brand", Operation("settlement.open_account", {"id": "till", "currency": "USD"}))
    absent = facts_of(node, path)
    assert [(head.value, head.key) for head in absent.heads] == [(None, heads.transfer(transfer_id))]
    issue: Any = {"id": transfer_id, "account": "till", "amount": 500}
    node.commit("warehouse", Operation("settlement.issue", issue))
    facts = facts_of(node, path)
    (head,) = facts.heads
    assert head.value is not None
    assert (head.value["amount"], head.value["credit"]) == (500, "till")
    assert facts.origin is not None
    assert facts.origin.operations[0].arguments == issue
    assert facts.height > absent.height


def test_several_entries_and_absences_as_of_one_block(node: RunningNode) -> None:
    keys = [heads.item(CASE), heads.item("urn:none"), heads.VALIDATORS]
    asked = ",".join(to_base64url(key) for key in keys)
    facts = facts_of(node, "/v1/proofs", keys=asked)
    assert [(head.key, head.value is not None, head.is_complete) for head in facts.heads] == [
        (heads.item(CASE), True, True),
        (heads.item("urn:none"), False, False),
        (heads.VALIDATORS, True, True),
    ]
    (tail,) = facts_of(node, "/v1/proofs", keys=to_base64url(heads.item(CASE)) + ".2").heads
    assert (tail.count, len(tail.records)) == (3, 1)
    refused = node.get("/v1/proofs", keys=to_base64url(heads.item(CASE)) + ".x")
    assert refused.json()["code"] == "query.keys"
    many = ",".join(to_base64url(b"k%d" % number) for number in range(101))
    assert node.get("/v1/proofs", keys=many).json()["code"] == "query.keys"


def test_a_statement_between_two_heights(node: RunningNode) -> None:
    node.commit("brand", Operation("settlement.open_account", {"id": "purse", "currency": "USD"}))
    heights = []
    for number in range(4):
        issue: Any = {"id": bytes([200 + number]) * 16, "account": "purse", "amount": 1 + number}
        heights.append(node.commit("warehouse", Operation("settlement.issue", issue))["height"])
    for after, last, expected in ((0, 3, [1, 2, 3]), (1, 2, [2]), (3, 3, [])):
        (head,) = facts_of(node, "/v1/accounts/purse/proof", after_height=heights[after]).heads
        between = head.records_between(heights[after], heights[last])
        assert between is not None
        assert [record.height for record in between] == [heights[number] for number in expected]
    (whole,) = facts_of(node, "/v1/accounts/purse/proof", after_height=0).heads
    assert (whole.count, whole.is_complete) == (4, True)


def test_a_light_client_keeps_the_newest_block(node: RunningNode) -> None:
    facts = facts_of(node, "/v1/trust/proof")
    assert (facts.kind, facts.height, facts.trust.height) == ("trust", node.height, node.height)
    assert facts.trust.block_hash == node.node.store.tip.hash
    later = verify_bundle(node.json("/v1/trust/proof", after_height=facts.height), facts.trust)
    assert later.trust.validators == facts.trust.validators
