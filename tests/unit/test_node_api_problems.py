"""Every problem code of the API, provoked on a running node: the right status and form, and nothing changed."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import heads
from ledger.keys import SecretKey
from ledger.parameters import Parameters
from ledger.transaction import Operation
from node.api import body
from node.api.problems import KINDS
from node.mempool import MempoolLimits
from node.storage.errors import PrunedError
from tests.support.running_node import RunningNode, running_node

Ask = Callable[[RunningNode], httpx.Response]

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
JSON = {"content-type": "application/json"}
EPCIS_TYPES = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("problems")) as running:
        running.capture(document(event("first")))
        yield running


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{name}",
        "action": "OBSERVE",
        "eventTime": "2026-11-04T09:20:00Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": ["https://id.gs1.org/01/09506000134352/21/7"],
        **changes,
    }


def document(*events: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "@context": [CONTEXT],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-11-04T10:00:00Z",
            "epcisBody": {"eventList": list(events)},
        }
    ).encode()


def product() -> Operation:
    return Operation("provenance.register_product", {"gtin": "09506000134352", "name": "Ahi"})


def get(path: str, **params: str | int) -> Ask:
    return lambda node: node.get(path, **params)


def post(content: bytes, **headers: str) -> Ask:
    sent = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda node: node.request("POST", "/v1/transactions", headers=sent, content=content)


def capture(content: bytes, **headers: str) -> Ask:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda node: node.capture(content, headers=sent)


def submit(**changes: Any) -> Ask:
    return lambda node: node.submit(node.transaction("brand", product(), **changes))


def too_large(node: RunningNode) -> httpx.Response:
    # More than a transaction may be, within what a body may be.
    data = bytes(Parameters().transaction_bytes_max + 1)
    return node.submit(data)


def too_large_in_chunks(node: RunningNode) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield bytes(10_000)

    return node.request("POST", "/v1/transactions", headers=JSON, content=chunks())


def too_slow(node: RunningNode) -> httpx.Response:
    async def nothing() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    limit, body.BODY_S_MAX = body.BODY_S_MAX, 0.05  # type: ignore[misc]
    try:
        return node.request("POST", "/v1/transactions", headers=JSON, content=nothing())
    finally:
        body.BODY_S_MAX = limit  # type: ignore[misc]


def replayed(node: RunningNode) -> httpx.Response:
    transaction = node.transaction("brand", Operation("settlement.open_account", {"id": "again", "currency": "USD"}))
    assert node.submit(transaction).status_code == 200
    node.submit(transaction)
    return node.submit(transaction)


def bad_signature(node: RunningNode) -> httpx.Response:
    encoded = node.transaction("brand", product()).encoded
    return node.submit(encoded[:-1] + bytes([encoded[-1] ^ 1]))


def too_many_operations(node: RunningNode) -> httpx.Response:
    return node.submit(node.transaction("brand", *[product()] * (Parameters().transaction_operations_max + 1)))


def rejected(node: RunningNode) -> httpx.Response:
    # Valid events that together need more work than one transaction may do.
    names = [[f"a:{serial}" for serial in range(start, start + 5_000)] for start in range(0, 30_000, 5_000)]
    return node.capture(document(*[event(f"work-{number}", epcList=epcs) for number, epcs in enumerate(names)]))


# Code -> how to get it on a node that runs. What needs a node of its own stands in the tests below.
PROVOKED: dict[str, Ask] = {
    "route.unknown": get("/v1/nothing"),
    "route.method": lambda node: node.request("DELETE", "/v1/status"),
    "body.too_slow": too_slow,
    "body.too_large": too_large_in_chunks,
    "body.content_encoding": post(b"{}", content_encoding="gzip"),
    "body.media_type": post(b"{}", content_type="text/plain"),
    "body.not_an_object": post(b"[]"),
    "body.missing_field": post(b"{}"),
    "body.unknown_field": post(b'{"transaction":"AA","more":1}'),
    "body.wrong_type": post(b'{"transaction":1}'),
    "body.not_base64url": post(b'{"transaction":"*"}'),
    "batch.malformed": lambda node: node.request(
        "POST", "/v1/transactions/batch", headers={"content-type": "application/msgpack"}, content=b"\xc1"
    ),
    "batch.size": lambda node: node.request(
        "POST",
        "/v1/transactions/batch",
        headers={"content-type": "application/json"},
        content=b'{"transactions":[]}',
    ),
    "json.not_utf8": post(b'{"transaction":"\xff"}'),
    "json.syntax": post(b'{"transaction":'),
    "json.duplicate_key": post(b'{"transaction":"AA","transaction":"AA"}'),
    "json.number": post(b'{"transaction":NaN}'),
    "json.text": post(b'{"transaction":"\\ud800"}'),
    "json.too_deep": post(b'{"transaction":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "query.unknown_parameter": get("/v1/blocks", page=1),
    "query.repeated": get("/v1/blocks?limit=1&limit=2"),
    "query.missing": get("/v1/items"),
    "query.wrong_type": get("/v1/blocks", limit="1.0"),
    "query.not_utf8": get("/v1/items?id=%ff"),
    "query.cursor": get("/v1/accounts", cursor="x"),
    "transaction.unknown": get(f"/v1/transactions/{'0' * 64}"),
    "transaction.id": get("/v1/transactions/xyz"),
    "transaction.idempotency_key": lambda node: node.submit(
        node.transaction("brand", product()), headers={"idempotency-key": "0" * 64}
    ),
    "transaction.malformed": lambda node: node.submit(b"\xc0"),
    "transaction.too_large": too_large,
    "transaction.too_many_operations": too_many_operations,
    "transaction.wrong_chain": submit(chain_id=bytes(32)),
    "transaction.expired": submit(valid_until_ms=1),
    "transaction.validity_too_long": submit(valid_until_ms=1 << 60),
    "transaction.replayed": replayed,
    "transaction.bad_signature": bad_signature,
    "transaction.unknown_key": lambda node: node.submit(node.transaction(SecretKey(bytes(32)), product())),
    "transaction.key_not_allowed": lambda node: node.submit(node.transaction("retailer", product())),
    "block.height": get("/v1/blocks/first"),
    "block.unknown": get("/v1/blocks/1000000"),
    "validators.unknown": get("/v1/validators", height=1_000_000),
    "item.unknown": get("/v1/items", id="https://id.gs1.org/01/09506000134352/21/unknown"),
    "product.unknown": get("/v1/products/09506000134352"),
    "organisation.unknown": get("/v1/organisations/nobody"),
    "payment.unknown": get("/v1/payments/8a562c67-ca16-48ba-b074-65581be6f001"),
    "account.unknown": get("/v1/accounts/nobody%2FUSD/entries"),
    "hold.unknown": get("/v1/holds/" + "0" * 32),
    "offer.unknown": get("/v1/offers/nothing"),
    "recall.closure_gone": get("/v1/closure", target="09506000134352", cursor="AAAAAAAAAAAA"),
    "device.unknown": get("/v1/devices/nothing"),
    "cold_profile.unknown": get("/v1/cold-profiles/nothing"),
    "document.hash": get("/v1/documents/xyz"),
    "document.unknown": get(f"/v1/documents/{'0' * 64}"),
    "obligation.unknown": get("/v1/obligations/" + "0" * 32),
    "window.unknown": get("/v1/windows/USD/1"),
    "recall.unknown": get("/v1/recalls/nothing"),
    "link.malformed": get("/01/09506000134353/21/7", format="json"),
    "link.type_absent": lambda node: node.request(
        "GET", "/01/09506000134352/21/7", params={"linkType": "gs1:none"}, headers={"accept": "application/json"}
    ),
    "label.identifier": get("/v1/label", id="nothing that has a code"),
    "query.keys": get("/v1/proofs", keys="AAAA,A+"),
    "query.transfer_id": get("/v1/transfers/1/proof"),
    "proof.no_such_height": get("/v1/trust/proof", after_height=1_000_000),
    "proof.no_such_record": get("/v1/items/proof", id="https://id.gs1.org/01/09506000134352/21/7", after_count=9),
    "epcis.invalid": capture(document(event("x", bizStep="walking"))),
    "epcis.unauthenticated": capture(document(event("x")), authorization="Bearer wrong"),
    "epcis.duplicate": capture(document(event("first"))),
    "epcis.too_many_events": capture(document(*[event(f"many-{number}") for number in range(1_001)])),
    "epcis.rejected": rejected,
    "epcis.error_behaviour": capture(document(event("x")), gs1_capture_error_behaviour="hope"),
    "epcis.format": lambda node: node.request("GET", "/epcis/events", headers={"gs1-epc-format": "Always"}),
    "epcis.query_parameter": get("/epcis/events", EQ_colour="red"),
    "epcis.not_acceptable": lambda node: node.request("GET", "/epcis/events", headers={"accept": "text/csv"}),
    "epcis.version": lambda node: node.request("GET", "/epcis/events", headers={"gs1-epcis-min": "2.1"}),
    "epcis.unknown_resource": get("/epcis/bizSteps/packing"),
    "epcis.unknown_query": get("/epcis/queries/none"),
    "epcis.unknown_event": get("/epcis/events/urn:uuid:none"),
    "epcis.unknown_capture": get(f"/epcis/capture/{'0' * 64}"),
}
# Those that leave a transaction in a block: a success that is then repeated, and a failure with its receipt.
COMMITTING = {"transaction.replayed", "epcis.rejected"}
ELSEWHERE = {
    "not_yet_at_height",
    "node.busy",
    "node.not_ready",
    "node.internal",
    "node.disk_full",
    "node.disk_damaged",
    "block.pruned",
    "transaction.organisation_suspended",
    "pool.full",
    "pool.sender_quota",
    "epcis.gateway_off",
    "epcis.query_exists",
    "epcis.query_too_large",
    "epcis.stored_limit",
    "epcis.subscription",
    "epcis.token_off",
    "epcis.unknown_subscription",
    "epcis.xml",
    "proof.no_certified_block",
    "proof.busy",
    "proof.history_too_long",
    "proof.bundle_too_large",
    "proof.no_origin",
    "proof.not_an_item",
    "proof.pruned",
    "recall.busy",
}


def check(response: httpx.Response, code: str) -> dict[str, Any]:
    """Check the form of a problem and return it."""
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code, response.text
    kind = KINDS[code]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == problem["status"] == kind.status
    assert problem["title"] == kind.title
    assert problem.get("hint", "") == kind.hint
    assert problem["detail"]
    if response.request.url.path.startswith("/epcis/"):
        expected = "QueryParameterException" if code == "epcis.query_parameter" else EPCIS_TYPES[kind.status]
        expected = {"epcis.rejected": "ValidationException", "epcis.unknown_query": "NoSuchNameException"}.get(
            code, expected
        )
        assert problem["type"] == f"epcisException:{expected}"
    else:
        assert problem["type"] == f"urn:tradelane:problem:{code}"
    for fault in problem.get("errors", []):
        assert fault.keys() == {"path", "rule", "detail"}
    assert ("retry-after" in response.headers) is (kind.status in (429, 503))
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    return problem


def test_every_code_is_provoked() -> None:
    assert PROVOKED.keys() | ELSEWHERE == KINDS.keys()
    assert not PROVOKED.keys() & ELSEWHERE


@pytest.mark.parametrize("code", sorted(PROVOKED))
def test_the_problem(node: RunningNode, code: str) -> None:
    before = (node.height, node.node.store.tip.state_root)
    check(PROVOKED[code](node), code)
    if code not in COMMITTING:
        assert (node.height, node.node.store.tip.state_root) == before
        assert node.json("/v1/status")["pending_transactions"] == 0


def test_a_repetition_brings_the_receipt(node: RunningNode) -> None:
    transaction = node.transaction("brand", Operation("settlement.open_account", {"id": "brand/2", "currency": "USD"}))
    first = node.submit(transaction).json()
    problem = check(node.submit(transaction), "transaction.replayed")
    assert problem["transaction"] == first
    assert first["receipt"]["result"] == "OK"


def test_faults_name_the_field(node: RunningNode) -> None:
    cases = {
        "body.missing_field": "$.transaction",
        "body.unknown_field": "$.more",
        "body.wrong_type": "$.transaction",
        "json.duplicate_key": "$",
        "json.number": "$.transaction",
        "json.text": "$.transaction",
        "query.unknown_parameter": "page",
        "query.wrong_type": "limit",
        "query.missing": "id",
        "epcis.invalid": "$.epcisBody.eventList[0].bizStep",
        "epcis.duplicate": "$.epcisBody.eventList[0]",
        "epcis.query_parameter": "EQ_colour",
    }
    for code, path in cases.items():
        (fault,) = check(PROVOKED[code](node), code)["errors"]
        assert fault["path"] == path, code


def test_json_of_a_document_is_as_strict_as_any(node: RunningNode) -> None:
    good = document(event("strict"))
    cases = {
        "json.not_utf8": good.replace(b"OBSERVE", b"OBSERV\xff"),
        "json.syntax": good[:-1],
        "json.duplicate_key": good.replace(b'"action"', b'"action": "ADD", "action"'),
        "json.number": good.replace(b'"OBSERVE"', b"NaN"),
        "json.text": good.replace(b"OBSERVE", b"\\ud83d"),
        "json.too_deep": good.replace(b'"OBSERVE"', b"[" * 65 + b"]" * 65),
        "body.too_large": good + b" " * (2 * 1024 * 1024),
    }
    for code, data in cases.items():
        check(node.capture(data), code)


def test_not_yet_at_height(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.api.answers._HEIGHT_WAIT_S", 0.05)
    for path in ("/v1/blocks", "/v1/organisations", "/epcis/events", f"/v1/transactions/{'0' * 64}"):
        response = node.get(path, min_height=node.height + 1)
        assert response.json()["code"] == "not_yet_at_height", path
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
    assert node.get("/v1/blocks", min_height=node.height).status_code == 200


def test_a_mistake_of_ours_says_nothing_about_itself(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the secret of the machine room")

    monkeypatch.setattr(node.node, "status", fail)
    with pytest.raises(RuntimeError):
        node.get("/v1/status")
    monkeypatch.setattr(node._client._transport, "raise_app_exceptions", False)
    response = node.get("/v1/status")
    check(response, "node.internal")
    assert "secret" not in response.text


def pruned(_: object, height: int) -> None:
    raise PrunedError(height, height + 1)


def test_proofs_that_cannot_be_given(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = get("/v1/items/proof", id="https://id.gs1.org/01/09506000134352/21/7")
    with monkeypatch.context() as patch:
        patch.setattr("node.proof_parts.RECORDS_MAX", 0)
        check(ask(node), "proof.history_too_long")
    with monkeypatch.context() as patch:
        patch.setattr("node.proof_parts.TRANSACTIONS_BYTES_MAX", 10)
        check(ask(node), "proof.bundle_too_large")
    with monkeypatch.context() as patch:
        patch.setattr("node.proof_parts.TRIES_MAX", 0)
        check(ask(node), "proof.busy")
    with monkeypatch.context() as patch:
        patch.setattr(type(node.node.store), "encoded_block", pruned)
        check(ask(node), "proof.pruned")
    with monkeypatch.context() as patch:
        patch.setattr("contracts.heads.transfer", lambda _: heads.VALIDATORS)
        check(node.get(f"/v1/transfers/{'0' * 32}/proof"), "proof.no_origin")
    lot = "urn:epc:class:lgtin:4012345.012345.998877"
    assert node.capture(document(event("lot", epcList=[], quantityList=[{"epcClass": lot}]))).status_code == 200
    check(node.get("/v1/items/trace/proof", id=lot), "proof.not_an_item")
    assert ask(node).status_code == 200


def test_a_suspended_organisation_is_refused(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        action: Any = ["membership.suspend_organisation", {"id": "maker"}]
        expires_ms = node.node.now_ms() + 60_000
        proposal = Operation("governance.propose", {"id": "out", "action": action, "expires_ms": expires_ms})
        node.commit("brand", proposal)
        check(node.submit(node.transaction("maker", product())), "transaction.organisation_suspended")


def test_a_full_pool_asks_to_come_again(tmp_path: Path) -> None:
    with running_node(tmp_path / "full", limits=MempoolLimits(transactions_max=0)) as node:
        check(node.submit(node.transaction("brand", product())), "pool.full")
        assert node.capture(document(event("x"))).json()["type"] == "epcisException:ImplementationException"
    with running_node(tmp_path / "quota", limits=MempoolLimits(size_bytes_max=600)) as node:
        check(node.submit(node.transaction("brand", product())), "pool.sender_quota")


def test_without_a_token_the_gateway_is_shut(tmp_path: Path) -> None:
    with running_node(tmp_path, is_gateway=False) as node:
        response = node.request("POST", "/epcis/capture", headers=JSON, content=document(event("x")))
        check(response, "epcis.gateway_off")
        assert node.json("/v1/status")["is_gateway"] is False


def test_one_of_four_alone_is_alive_and_not_ready(tmp_path: Path) -> None:
    with running_node(tmp_path, validators=4) as node:
        assert node.get("/healthz").json() == {"status": "alive"}
        problem = check(node.get("/readyz"), "node.not_ready")
        assert problem["detail"] == "1 of 4 validators can be reached, 3 are needed to commit"
        check(node.get("/v1/items/proof", id="x"), "proof.no_certified_block")
        transaction = node.transaction("brand", product())
        identifier = transaction.transaction_id.hex()
        for _ in range(2):  # a retry is the same transaction
            response = node.submit(transaction, wait_s=1)
            assert response.status_code == 202
            assert response.json() == {"id": identifier, "state": "pending"}
            assert response.headers["location"] == f"/v1/transactions/{identifier}"
        assert node.json(f"/v1/transactions/{identifier}", wait="0.1") == {"id": identifier, "state": "pending"}
        assert node.json("/v1/status")["pending_transactions"] == 1
        response = node.capture(document(event("x")), wait_s=None)
        assert response.status_code == 202
        job = node.json(response.headers["location"])
        assert job == response.json()
        assert (job["running"], job["success"]) == (True, False)


def test_the_secret_of_the_gateway_stays_inside(node: RunningNode) -> None:
    for path in ("/v1/status", "/metrics", "/openapi.json", "/v1/genesis"):
        assert node.token not in node.get(path).text


def test_codes_are_stable_words() -> None:
    for code in KINDS:
        assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+|not_yet_at_height", code)


def test_a_transaction_in_any_spelling_of_base64_and_as_bytes(node: RunningNode) -> None:
    operation = Operation("settlement.open_account", {"id": "brand/raw", "currency": "USD"})
    transaction = node.transaction("brand", operation)
    headers = {"content-type": "application/msgpack", "prefer": "respond-async, wait=10"}
    response = node.request("POST", "/v1/transactions", headers=headers, content=transaction.encoded)
    assert response.status_code == 200
    assert response.json()["id"] == transaction.transaction_id.hex()
    padded = json.dumps({"transaction": base64.urlsafe_b64encode(transaction.encoded).decode()}).encode()
    check(post(padded)(node), "transaction.replayed")
