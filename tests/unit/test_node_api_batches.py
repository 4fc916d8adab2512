"""``POST /v1/transactions/batch``: each transaction is taken or refused by itself, and the answers keep the order."""

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger.codec import encode
from ledger.keys import SecretKey
from ledger.transaction import Operation, Transaction
from node.api.batches import TRANSACTIONS_MAX
from node.mempool import MempoolLimits
from tests.support.running_node import RunningNode, running_node

JSON = "application/json"
RAW = "application/msgpack"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running


def account(node: RunningNode, *, signer: SecretKey | str = "brand", **changes: Any) -> Transaction:
    """Return the opening of an account of a name that nobody has."""
    fields: Any = {"id": f"brand/{secrets.token_hex(4)}", "currency": "USD"}
    return node.transaction(signer, Operation("settlement.open_account", fields), **changes)


def send(
    node: RunningNode, batch: Sequence[bytes], *, media_type: str = RAW, wait_s: int | None = 10
) -> tuple[list[Any], Any]:
    if media_type == RAW:
        content = encode(list(batch))
    else:
        texts = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in batch]
        content = json.dumps({"transactions": texts}).encode()
    headers = {"content-type": media_type} | ({} if wait_s is None else {"prefer": f"wait={wait_s}"})
    response = node.request("POST", "/v1/transactions/batch", headers=headers, content=content)
    assert response.status_code == 200, response.text
    return response.json()["transactions"], response.headers


@pytest.mark.parametrize("media_type", [JSON, RAW])
def test_every_transaction_is_answered_in_its_place(node: RunningNode, media_type: str) -> None:
    good = [account(node) for _ in range(9)]
    twice = node.transaction("brand", *good[0].operations)
    stranger = account(node, signer=SecretKey(secrets.token_bytes(32)))
    late = account(node, valid_until_ms=1)
    unsigned = encode([good[8].body, bytes(64)])
    batch = [*(each.encoded for each in good[:8]), b"junk", twice.encoded, stranger.encoded, late.encoded, unsigned]
    answers, headers = send(node, batch, media_type=media_type)
    assert [answer["state"] for answer in answers] == ["committed"] * 8 + ["refused", "committed"] + ["refused"] * 3
    assert [answer["id"] for answer in answers[:8]] == [each.transaction_id.hex() for each in good[:8]]
    assert [answer["receipt"]["result"] for answer in answers[:8]] == ["OK"] * 8
    assert answers[9]["receipt"]["result"] == "ACCOUNT_EXISTS"
    assert "detail" in answers[9]["receipt"]
    refused = [answers[index] for index in (8, 10, 11, 12)]
    assert [each["problem"]["code"] for each in refused] == [
        "transaction.malformed",
        "transaction.unknown_key",
        "transaction.expired",
        "transaction.bad_signature",
    ]
    assert [each["id"] for each in refused] == [
        None,
        stranger.transaction_id.hex(),
        late.transaction_id.hex(),
        good[8].transaction_id.hex(),
    ]
    assert "retry-after" not in headers
    shown = node.json(f"/v1/transactions/{answers[0]['id']}")
    assert {name: shown[name] for name in answers[0]} == answers[0], "it is what the transaction's own address says"


def test_what_is_sent_again_is_answered_with_its_receipt(node: RunningNode) -> None:
    batch = [account(node).encoded for _ in range(3)]
    first, _ = send(node, [batch[0], *batch])
    assert first[0] == first[1]
    again, headers = send(node, batch)
    assert again == first[1:]
    assert int(headers["tradelane-height"]) >= max(answer["height"] for answer in first)


def test_without_waiting_they_are_pending_and_found_later(node: RunningNode) -> None:
    made = account(node)
    answers, _ = send(node, [made.encoded], wait_s=None)
    assert answers[0]["state"] in ("pending", "committed")
    found = node.json(f"/v1/transactions/{made.transaction_id.hex()}", wait=10)
    assert found["receipt"]["result"] == "OK"


def test_a_batch_has_at_most_so_many(node: RunningNode) -> None:
    for count in (0, TRANSACTIONS_MAX + 1):
        content = encode([b""] * count)
        headers = {"content-type": RAW}
        response = node.request("POST", "/v1/transactions/batch", headers=headers, content=content)
        assert (response.status_code, response.json()["code"]) == (413, "batch.size")


def test_a_text_in_a_list_that_is_none_is_named(node: RunningNode) -> None:
    headers = {"content-type": JSON}
    for content, path in (
        (b'{"transactions":["AA","*"]}', "$.transactions[1]"),
        (b'{"transactions":[1]}', "$.transactions[0]"),
        (b'{"transactions":{}}', "$.transactions"),
    ):
        response = node.request("POST", "/v1/transactions/batch", headers=headers, content=content)
        assert response.status_code == 400
        assert response.json()["errors"][0]["path"] == path


def test_where_there_is_no_room_it_says_when_to_try_again(tmp_path: Path) -> None:
    with running_node(tmp_path, validators=4, limits=MempoolLimits(transactions_max=2)) as node:
        batch = [account(node).encoded for _ in range(6)]
        answers, headers = send(node, batch, wait_s=None)
        assert [answer["state"] for answer in answers] == ["pending"] * 2 + ["refused"] * 4
        assert {answer["problem"]["code"] for answer in answers[2:]} == {"pool.full"}
        assert headers["retry-after"] == "1"
        assert node.node.status().pending_transactions == 2
