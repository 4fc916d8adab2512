"""The client: what it sends, how it gets over dead nodes and lost answers, and which error stands for what."""

import asyncio
import inspect
from typing import Any

import httpx
import pytest

import tradelane
from ledger.keys import SecretKey
from ledger.transaction import Operation
from tests.support.answering import (
    CHAIN_ID,
    AnsweringNode,
    answer,
    committed_answer,
    committing,
    in_turn,
    problem,
    receipt_answer,
    sent_transaction,
    status_answer,
    unreachable,
)
from tradelane import (
    AsyncClient,
    BadRequestError,
    Client,
    ConflictError,
    NotAuthorisedError,
    NotFinalError,
    NotFoundError,
    TradelaneError,
    UnavailableError,
    VerificationError,
)
from tradelane.route import Route

KEY = SecretKey(bytes(range(32)))
ACCEPT = Operation("custody.accept", {"id": "offer-1"})
NODE = "http://one:1"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0, 0.0, 0.0))


def client_of(node: AnsweringNode, *urls: str, chain_id: str | None = CHAIN_ID) -> Client:
    return Client(*(urls or (NODE,)), chain_id=chain_id, transport=node.transport)


def pending(request: httpx.Request) -> httpx.Response:
    identifier = sent_transaction(request).transaction_id.hex()
    return httpx.Response(202, json={"id": identifier, "state": "pending"})


def test_submit_signs_for_the_chain_and_returns_the_receipt() -> None:
    node = AnsweringNode({"POST /v1/transactions": committing(outputs=[{"moved": 3}])})
    status = client_of(node).submit([ACCEPT], KEY)
    sent = sent_transaction(node.requests[0])
    assert sent.is_authentic()
    assert sent.chain_id.hex() == CHAIN_ID
    assert sent.sender == KEY.public_key
    assert sent.operations == (ACCEPT,)
    assert (status.id, status.state, status.height) == (sent.transaction_id.hex(), "committed", 8)
    assert status.receipt is not None
    assert status.receipt.outputs == [{"moved": 3}]
    assert node.requests[0].headers["prefer"] == "wait=10"
    assert node.requests[0].headers["idempotency-key"] == sent.transaction_id.hex()


def test_the_chain_is_asked_for_once() -> None:
    node = AnsweringNode({"GET /v1/status": answer(status_answer()), "POST /v1/transactions": committing()})
    client = client_of(node, chain_id=None)
    first, second = client.submit([ACCEPT], KEY), client.submit([ACCEPT], KEY)
    assert node.asked == ["GET /v1/status", "POST /v1/transactions", "POST /v1/transactions"]
    assert first.id != second.id


def test_a_lost_answer_is_asked_for_again_with_the_very_same_bytes() -> None:
    node = AnsweringNode(
        {"POST /v1/transactions": in_turn([unreachable, problem(409, "transaction.replayed")])},
    )
    found: list[str] = []

    def status_of(request: httpx.Request) -> httpx.Response:
        found.append(request.url.path.rsplit("/", 1)[1])
        return httpx.Response(200, json=committed_answer(found[-1]))

    transport = httpx.MockTransport(lambda request: node(request) if request.method == "POST" else status_of(request))
    status = Client(NODE, chain_id=CHAIN_ID, transport=transport).submit([ACCEPT], KEY)
    bodies = {request.content for request in node.requests}
    assert len(node.requests) == 2
    assert len(bodies) == 1
    assert found == [sent_transaction(node.requests[0]).transaction_id.hex()]
    assert status.is_final


def test_other_conflicts_are_not_taken_for_success() -> None:
    node = AnsweringNode({"POST /v1/transactions": problem(409, "something.else")})
    with pytest.raises(ConflictError) as caught:
        client_of(node).submit([ACCEPT], KEY)
    assert caught.value.code == "something.else"


def test_a_pending_transaction_is_waited_for_and_then_not_final() -> None:
    node = AnsweringNode({"POST /v1/transactions": pending})
    asked: list[str] = []

    def still_pending(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("wait", "0"))
        return httpx.Response(200, json={"id": "00", "state": "pending"})

    transport = httpx.MockTransport(
        lambda request: node(request) if request.method == "POST" else still_pending(request)
    )
    with pytest.raises(NotFinalError) as caught:
        Client(NODE, chain_id=CHAIN_ID, transport=transport).submit([ACCEPT], KEY, wait_s=75)
    assert asked == ["30", "15"]
    assert caught.value.transaction_id == sent_transaction(node.requests[0]).transaction_id.hex()
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ("BAD_ARGUMENTS", BadRequestError),
        ("UNKNOWN_KEY", NotAuthorisedError),
        ("ROLE_REQUIRED", NotAuthorisedError),
        ("NOT_CUSTODIAN", NotAuthorisedError),
        ("NOT_RECIPIENT", NotAuthorisedError),
        ("UNKNOWN_OFFER", NotFoundError),
        ("OFFER_CLOSED", ConflictError),
        ("NOT_PACKED", ConflictError),
        ("INSUFFICIENT_FUNDS", ConflictError),
        ("A_CODE_OF_TOMORROW", ConflictError),
    ],
)
def test_a_receipt_without_success_is_an_error(result: str, kind: type[TradelaneError]) -> None:
    node = AnsweringNode(
        {"POST /v1/transactions": committing(code=215, result=result, meaning="It says why.", detail="offer-1 was 'x'")}
    )
    with pytest.raises(kind) as caught:
        client_of(node).submit([ACCEPT], KEY)
    assert type(caught.value) is kind
    assert caught.value.code == f"ledger.{result.lower()}"
    assert caught.value.detail == "It says why. offer-1 was 'x'"


def test_asking_for_a_failed_transaction_is_no_error() -> None:
    failed = committed_answer("ab", code=241, result="UNKNOWN_OFFER", meaning="No.")
    status = client_of(AnsweringNode({"GET /v1/transactions/ab": answer(failed)})).transaction("ab")
    assert status.receipt is not None
    assert not status.receipt.is_success


def test_a_node_that_answers_for_another_transaction_is_caught() -> None:
    node = AnsweringNode({"POST /v1/transactions": answer(committed_answer("00" * 32))})
    with pytest.raises(VerificationError):
        client_of(node).submit([ACCEPT], KEY)


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (400, BadRequestError, 1),
        (401, NotAuthorisedError, 4),
        (403, NotAuthorisedError, 4),
        (404, NotFoundError, 3),
        (409, ConflictError, 5),
        (413, BadRequestError, 1),
        (422, BadRequestError, 1),
        (429, UnavailableError, 8),
        (500, UnavailableError, 8),
        (503, UnavailableError, 8),
    ],
)
def test_problems_become_errors(status: int, kind: type[TradelaneError], exit_code: int) -> None:
    node = AnsweringNode({"GET /v1/items": problem(status, "a.code", "what and why", hint="do this")})
    with pytest.raises(kind) as caught:
        client_of(node).item("urn:x")
    assert (caught.value.code, caught.value.detail, caught.value.hint) == ("a.code", "what and why", "do this")
    assert caught.value.exit_code == exit_code


def test_a_problem_names_the_places() -> None:
    errors = [{"path": "$.epcisBody.eventList[0].bizStep", "rule": "unknown_term", "detail": "no such step"}]
    node = AnsweringNode({"GET /v1/items": problem(400, "epcis.invalid", "The document is refused", errors=errors)})
    with pytest.raises(BadRequestError) as caught:
        client_of(node).item("urn:x")
    assert caught.value.detail == "The document is refused\n  $.epcisBody.eventList[0].bizStep: no such step"


def test_a_stranger_without_problem_details_is_described() -> None:
    node = AnsweringNode({"GET /v1/items": lambda request: httpx.Response(404, text="<html>nginx</html>")})
    with pytest.raises(NotFoundError, match=f"{NODE} answered 404") as caught:
        client_of(node).item("urn:x")
    assert caught.value.code == "http.404"


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"\xff"])
def test_an_answer_that_is_no_object_is_unavailable(content: bytes) -> None:
    node = AnsweringNode({"GET /v1/status": lambda request: httpx.Response(200, content=content)})
    with pytest.raises(UnavailableError):
        client_of(node).status()


@pytest.mark.parametrize(
    ("name", "value"),
    [("height", None), ("height", "x"), ("name", 5), ("is_ready", "yes"), ("peers", [1]), ("view", True)],
)
def test_an_answer_of_another_shape_names_the_field(name: str, value: object) -> None:
    node = AnsweringNode({"GET /v1/status": answer(status_answer(**{name: value}))})
    with pytest.raises(UnavailableError, match=rf"status\.{name}") as caught:
        client_of(node).status()
    assert caught.value.code == "response.shape"


def test_the_next_node_is_asked_and_kept() -> None:
    node = AnsweringNode({"one GET /v1/status": unreachable, "GET /v1/status": answer(status_answer())})
    client = client_of(node, "http://one:1", "http://two:2")
    client.status()
    client.status()
    assert [request.url.host for request in node.requests] == ["one", "two", "two"]


def test_a_node_without_quorum_is_passed_over() -> None:
    busy = problem(503, "not_yet_at_height")
    node = AnsweringNode({"one GET /v1/status": busy, "GET /v1/status": answer(status_answer())})
    assert client_of(node, "http://one:1", "http://two:2").status().name == "node-1"


def test_no_node_at_all_says_which_were_tried() -> None:
    node = AnsweringNode({"GET /v1/status": unreachable})
    with pytest.raises(UnavailableError, match=r"http://one:1: connection refused; http://two:2: connection refused"):
        client_of(node, "http://one:1", "http://two:2").status()
    assert len(node.requests) == 6


def test_lists_are_read_to_the_last_page() -> None:
    def page(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        offer = {"id": f"offer-{cursor}", "kind": "custody", "from": "a", "to": "b", "items": ["urn:x"]}
        entry = {**offer, "status": "open", "expires_ms": 5}
        following = {None: "1", "1": "2", "2": None}[cursor]
        return httpx.Response(200, json={"entries": [entry], "next_cursor": following})

    found = client_of(AnsweringNode({"GET /v1/offers": page})).offers(party="a")
    assert [offer.id for offer in found] == ["offer-None", "offer-1", "offer-2"]
    assert (found[0].offered_by, found[0].offered_to, found[0].items) == ("a", "b", ("urn:x",))


def test_a_node_that_repeats_a_page_for_ever_is_left() -> None:
    node = AnsweringNode({"GET /v1/offers": answer({"entries": [], "next_cursor": "same"})})
    with pytest.raises(UnavailableError, match="again and again"):
        client_of(node).offers()


def test_identifiers_are_escaped_in_paths() -> None:
    account = {"id": "a/b ?", "owner": "o", "currency": "USD", "exponent": 2, "status": "open", "height": 1}
    totals = {"debits_posted": "5", "credits_posted": "9", "debits_pending": "1", "credits_pending": "0"}
    node = AnsweringNode({"GET /v1/accounts/a/b ?": answer({**account, **totals})})
    found = client_of(node).account("a/b ?")
    assert node.requests[0].url.raw_path == b"/v1/accounts/a%2Fb%20%3F"
    assert found.balance == 3


def test_a_document_that_is_none_is_refused_before_anything_is_sent() -> None:
    node = AnsweringNode({})
    with pytest.raises(BadRequestError, match=r"\$") as caught:
        client_of(node).capture(b'{"type": "EPCISDocument"}', KEY)
    assert caught.value.code.startswith("epcis.")
    assert node.requests == []


def test_arguments_without_a_canonical_form_are_refused() -> None:
    with pytest.raises(BadRequestError) as caught:
        client_of(AnsweringNode({})).submit([Operation("a.b", {"number": 1 << 70})], KEY)
    assert caught.value.code == "transaction.integer_range"


@pytest.mark.parametrize("nodes", [(), ("127.0.0.1:7400",), ("ftp://host",), ("http://",)])
def test_what_is_no_address_is_refused(nodes: tuple[str, ...]) -> None:
    with pytest.raises(BadRequestError):
        Route(nodes)


def test_both_clients_say_the_same() -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {
            name: inspect.signature(member)
            for name, member in vars(kind).items()
            if not name.startswith("_") and inspect.isfunction(member)
        }

    assert methods(Client) == methods(AsyncClient)


def test_the_async_client_submits_as_the_other_does() -> None:
    node = AnsweringNode(
        {
            "one POST /v1/transactions": unreachable,
            "POST /v1/transactions": committing(),
            "GET /v1/status": answer(status_answer()),
        }
    )

    async def run() -> str:
        transport = httpx.MockTransport(node)
        async with AsyncClient("http://one:1", "http://two:2", chain_id=CHAIN_ID, transport=transport) as client:
            assert (await client.status()).height == 7
            return (await client.submit([ACCEPT], KEY)).id

    identifier = asyncio.run(run())
    assert identifier == sent_transaction(node.requests[-1]).transaction_id.hex()


def test_the_receipt_says_whether_it_was_a_success() -> None:
    answered = {"id": "00", "state": "committed", "height": 1, "index": 0, "receipt": receipt_answer()}
    status = client_of(AnsweringNode({"GET /v1/transactions/00": answer(answered)})).transaction("00")
    assert status.receipt is not None
    assert status.receipt.is_success


def test_the_public_names_are_sorted_and_there() -> None:
    assert tradelane.__all__ == sorted(tradelane.__all__)
    assert all(hasattr(tradelane, name) for name in tradelane.__all__)


def test_the_error_table_is_the_truth() -> None:
    document = inspect.getdoc(tradelane.errors) or ""
    listed = {
        words[1]: int(words[2])
        for line in document.splitlines()
        if (words := line.split()) and words[0] in {"├──", "└──"}
    }
    kinds = {
        kind.__name__: kind.exit_code
        for kind in TradelaneError.__subclasses__()
        if kind.__module__ == "tradelane.errors"
    }
    assert listed == kinds
