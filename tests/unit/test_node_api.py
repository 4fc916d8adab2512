"""The API of a running node: what it answers, its headers and pages, and that the client reads all of it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
import pytest

from ledger.codec import Value
from ledger.proof import to_base64url, trust_from_json, verify_bundle
from ledger.state import head_key
from ledger.transaction import Operation
from node.api.app import build_api
from standards.epcis.document import parse_document
from standards.epcis.xml_read import parse_xml_document
from tests.support.running_node import BASE_URL, RunningNode, running_node
from tests.unit.test_node_api_problems import CONTEXT, document, event
from tradelane import AsyncClient
from tradelane.errors import ConflictError, NotAuthorisedError, NotFoundError

T = TypeVar("T")

GTIN = "09506000134352"
CASE = "https://id.gs1.org/00/395060001343500014"
ITEMS = [f"https://id.gs1.org/01/{GTIN}/21/{serial}" for serial in (1, 2, 3)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("api")) as running:
        tell_story(running)
        yield running


def tell_story(node: RunningNode) -> None:
    """Make three things, pack two of them, hand the case over for money."""
    node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Ahi <b>"}))
    commissioned = event("made", action="ADD", bizStep="commissioning", epcList=ITEMS)
    packed = {
        "type": "AggregationEvent",
        "eventID": "urn:uuid:packed",
        "action": "ADD",
        "bizStep": "packing",
        "eventTime": "2026-11-04T10:20:00Z",
        "eventTimeZoneOffset": "+00:00",
        "parentID": CASE,
        "childEPCs": ITEMS[:2],
    }
    assert node.capture(document(commissioned, packed)).status_code == 200
    expires_ms = node.node.now_ms() + 600_000
    offer: Any = {"id": "offer-1", "to": "retailer", "kind": "custody", "items": [CASE], "expires_ms": expires_ms}
    node.commit("brand", Operation("custody.offer", offer))
    node.commit("retailer", Operation("custody.accept", {"id": "offer-1"}))
    money: Any = {"id": bytes(15) + b"\1", "account": "retailer/USD", "amount": 100_000}
    node.commit("warehouse", Operation("settlement.issue", money))
    paid: Any = {
        "id": bytes(15) + b"\2",
        "debit": "retailer/USD",
        "credit": "brand/USD",
        "amount": 1_250,
        "reference": "A",
    }
    node.commit("retailer", Operation("settlement.transfer", {**paid, "reference": "A"}))


def ask(node: RunningNode, question: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """Ask with the client that programs use."""

    async def run() -> T:
        async with AsyncClient(BASE_URL, transport=httpx.ASGITransport(build_api(node.node))) as client:
            return await question(client)

    return node.run(run())


# The client against the real thing


def test_the_client_reads_the_status(node: RunningNode) -> None:
    status = ask(node, lambda client: client.status())
    assert (status.name, status.chain_id, status.height) == ("node-1", node.network.chain_id, node.height)
    assert (status.is_validator, status.is_ready, status.not_ready_reason, status.peers) == (True, True, None, ())
    assert status.state_root == node.node.store.tip.state_root.hex()


def test_the_client_commits_and_learns_what_became_of_it(node: RunningNode) -> None:
    operation = Operation("settlement.open_account", {"id": "maker/2", "currency": "USD"})
    done = ask(node, lambda client: client.submit([operation], node.key("maker")))
    assert done.receipt is not None
    assert (done.state, done.receipt.result, done.height) == ("committed", "OK", node.height)
    assert ask(node, lambda client: client.transaction(done.id)) == done
    with pytest.raises(ConflictError) as failed:
        ask(node, lambda client: client.submit([operation], node.key("maker")))
    assert failed.value.code == "ledger.account_exists"
    with pytest.raises(NotAuthorisedError) as refused:
        ask(
            node,
            lambda client: client.submit(
                [Operation("settlement.issue", {"id": bytes(16), "account": "maker/2", "amount": 1})], node.key("maker")
            ),
        )
    assert refused.value.code == "transaction.key_not_allowed"


def test_the_client_reads_things(node: RunningNode) -> None:
    item = ask(node, lambda client: client.item(f"http://example.com/01/{GTIN}/21/1?17=261231"))
    assert (item.id, item.kind, item.status) == (ITEMS[0], "item", "active")
    assert (item.custodian, item.owner, item.parent, item.product_name) == ("retailer", "brand", CASE, "Ahi <b>")
    history = ask(node, lambda client: client.history(ITEMS[0]))
    assert [(entry.number, entry.method) for entry in history] == [
        (1, "provenance.capture"),
        (2, "provenance.capture"),
        (3, "custody.accept"),
    ]
    assert history[0].event is not None
    assert (history[0].organisation, history[0].event["biz_step"]) == ("brand", "commissioning")
    trace = ask(node, lambda client: client.trace(ITEMS[0], "back"))
    assert [container.id for container in trace.root.containers] == [CASE]
    contents = ask(node, lambda client: client.trace(CASE, "contents"))
    assert [content.id for content in contents.root.contents] == ITEMS[:2]
    offers = ask(node, lambda client: client.offers(party="retailer", status="accepted"))
    assert [(offer.id, offer.offered_by, offer.offered_to, offer.items) for offer in offers] == [
        ("offer-1", "brand", "retailer", (CASE,))
    ]
    with pytest.raises(NotFoundError):
        ask(node, lambda client: client.item(f"https://id.gs1.org/01/{GTIN}/21/9"))


def test_the_client_reads_money(node: RunningNode) -> None:
    account = ask(node, lambda client: client.account("retailer/USD"))
    assert (account.owner, account.currency, account.exponent, account.balance) == ("retailer", "USD", 2, 98_750)
    entries = ask(node, lambda client: client.entries("retailer/USD"))
    assert [(entry.number, entry.kind, entry.posted, entry.counterparty) for entry in entries] == [
        (1, "issue", 100_000, "issuer/USD"),
        (2, "transfer", -1_250, "brand/USD"),
    ]
    assert entries[1].reference == "A"


def test_the_client_reads_blocks_events_and_labels(node: RunningNode) -> None:
    block = ask(node, lambda client: client.block(1))
    assert (block.height, block.results, len(block.transactions)) == (1, ("OK",), 1)
    assert ask(node, lambda client: client.block()).height == node.height
    answer: Any = ask(node, lambda client: client.events(MATCH_anyEPC=CASE))
    (found,) = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert found["eventID"] == "urn:uuid:packed"
    assert ask(node, lambda client: client.label(ITEMS[0])).startswith(b"<svg ")
    assert ask(node, lambda client: client.genesis())["network"] == node.network.name


def test_what_the_client_is_given_proves_itself(node: RunningNode) -> None:
    trust = trust_from_json(node.get("/v1/trust").text)
    assert trust.chain_id.hex() == node.network.chain_id
    for path in (
        f"/v1/items/proof?id={ITEMS[0]}",
        f"/v1/items/proof?id={ITEMS[0]}&after_count=2",
        f"/v1/items/proof?id=https://id.gs1.org/01/{GTIN}/21/none",
        "/v1/accounts/retailer%2FUSD/proof",
        "/v1/accounts/retailer%2FUSD/proof?after_count=2",
        f"/v1/transactions/{node.json('/v1/blocks/1')['transactions'][0]}/proof",
    ):
        response = node.get(path)
        assert response.status_code == 200, response.text
        facts = verify_bundle(response.text, trust)
        assert facts.height <= node.height


def test_organisations_products_and_offers_are_shown_in_plain_words(node: RunningNode) -> None:
    brand = node.json("/v1/organisations/brand")
    assert (brand["name"], brand["roles"], brand["status"]) == ("Blue Monsoon Seafood", ["brand", "packer"], "active")
    assert brand["admin_keys"] == [node.key("brand").public_key.hex()]
    assert brand in node.json("/v1/organisations")["entries"]
    product = node.json(f"/v1/products/{GTIN}")
    assert (product["name"], product["owner"], product["owner_name"]) == ("Ahi <b>", "brand", brand["name"])
    # A GTIN of 13 digits is the same one.
    assert node.json(f"/v1/products/{GTIN[1:]}") == product
    (offer,) = node.json("/v1/offers", item=CASE)["entries"]
    assert offer == node.json("/v1/offers/offer-1")
    assert node.json("/v1/offers", to="carrier")["entries"] == []
    assert {account["owner"] for account in node.json("/v1/accounts", owner="brand")["entries"]} == {"brand"}


def test_recalls_are_found_by_what_they_are_about_and_their_absence_is_proven(node: RunningNode) -> None:
    def recalled(*target: str) -> bool:
        key = head_key("recalled", *target)
        (head,) = verify_bundle(node.get("/v1/proofs", keys=to_base64url(key)).text, trust).heads
        return head.value is not None

    trust = trust_from_json(node.get("/v1/trust").text)
    assert not recalled("product", GTIN)
    targets: list[Value] = [["product", GTIN], ["item", ITEMS[0]]]
    arguments: dict[str, Value] = {"id": "r1", "targets": targets, "severity": "return", "reason": "Mercury"}
    node.commit("brand", Operation("provenance.open_recall", arguments))
    assert recalled("product", GTIN)
    (recall,) = node.json("/v1/recalls", target=GTIN, status="open")["entries"]
    assert recall == node.json("/v1/recalls/r1")
    assert (recall["organisation"], recall["targets"], recall["severity"]) == ("brand", targets, "return")
    # An item in another spelling is the same one, and what is not named is not found.
    assert node.json("/v1/recalls", target=ITEMS[0].replace("id.gs1.org", "example.com"))["entries"] == [recall]
    assert node.json("/v1/recalls", target=ITEMS[1])["entries"] == []
    node.commit("brand", Operation("provenance.close_recall", {"id": "r1", "reason": "over"}))
    assert not recalled("product", GTIN)
    assert node.json("/v1/recalls", status="open")["entries"] == []
    assert node.json("/v1/recalls/r1")["closing_reason"] == "over"


# Headers, heights, pages


def test_every_read_says_as_of_which_block_it_holds(node: RunningNode) -> None:
    transaction = node.json("/v1/blocks/1")["transactions"][0]
    capture = node.json("/v1/blocks/2")["transactions"][0]
    for path in (
        "/v1/status",
        f"/v1/items?id={ITEMS[0]}",
        f"/v1/items/history?id={ITEMS[0]}",
        f"/v1/items/trace?id={ITEMS[0]}",
        f"/v1/items/proof?id={ITEMS[0]}",
        f"/v1/products/{GTIN}",
        "/v1/organisations",
        "/v1/organisations/brand",
        "/v1/accounts",
        "/v1/accounts/brand%2FUSD",
        "/v1/accounts/brand%2FUSD/entries",
        "/v1/offers",
        "/v1/offers/offer-1",
        "/v1/blocks",
        "/v1/blocks/latest",
        "/v1/validators",
        "/v1/proposals",
        "/v1/evidence",
        "/v1/parameters",
        f"/v1/transactions/{transaction}",
        f"/v1/transactions/{transaction}/proof",
        "/epcis/events",
        "/epcis/events/urn:uuid:made",
        f"/epcis/capture/{capture}",
    ):
        response = node.get(path)
        assert response.status_code == 200, (path, response.text)
        assert response.headers["tradelane-height"] == str(node.height), path
        assert response.headers["tradelane-state-root"] == node.node.store.tip.state_root.hex(), path
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_read_after_a_write_waits_for_its_height(node: RunningNode) -> None:
    operation = Operation("settlement.open_account", {"id": "carrier/late", "currency": "USD"})
    height = node.height
    assert node.submit(node.transaction("carrier", operation), wait_s=None).status_code in (200, 202)
    response = node.get("/v1/accounts/carrier%2Flate", min_height=height + 1)
    assert response.status_code == 200
    assert int(response.headers["tradelane-height"]) > height


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/organisations", 2),
        ("/v1/accounts", 1),
        ("/v1/blocks", 3),
        (f"/v1/items/history?id={ITEMS[0]}", 1),
        ("/v1/accounts/retailer%2FUSD/entries", 1),
    ],
)
def test_pages_hold_everything_once(node: RunningNode, path: str, limit: int) -> None:
    joint = "&" if "?" in path else "?"
    everything = node.json(f"{path}{joint}limit=200")
    assert everything["next_cursor"] is None
    found, cursor, pages = [], "", 0
    while True:
        # The newest blocks first: a page goes on where the one before ended, whatever was committed meanwhile.
        name = "before" if path == "/v1/blocks" else "cursor"
        page = node.json(f"{path}{joint}limit={limit}{f'&{name}={cursor}' if cursor else ''}")
        found += page["entries"]
        pages += 1
        assert len(page["entries"]) <= limit
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert found == everything["entries"]
    assert pages >= len(found) / limit > 1


def test_a_failed_transaction_is_an_answer_and_not_a_problem(node: RunningNode) -> None:
    transfer: Any = {"id": bytes(15) + b"\3", "debit": "brand/USD", "credit": "retailer/USD", "amount": 10_000_000}
    response = node.submit(node.transaction("brand", Operation("settlement.transfer", transfer)))
    assert response.status_code == 200
    receipt = response.json()["receipt"]
    assert (receipt["code"], receipt["result"], receipt["is_transient"]) == (322, "INSUFFICIENT_FUNDS", True)
    assert receipt["failed_operation"] == 0
    assert receipt["meaning"]
    assert receipt["detail"]
    assert node.json(f"/v1/transactions/{response.json()['id']}") == response.json()


# EPCIS


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["type"], answer["schemaVersion"]) == ("EPCISQueryDocument", "2.0")
    found: list[dict[str, Any]] = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


def test_a_capture_is_accepted_first_and_found_under_its_location(node: RunningNode) -> None:
    response = node.capture(document(event("later")), wait_s=None)
    assert response.status_code == 202
    assert response.json()["running"] is True
    location = response.headers["location"]
    node.run(node.node.wait_committed(bytes.fromhex(location.removeprefix("/epcis/capture/")), 10))
    job = node.json(location)
    assert job == {
        "captureID": location.removeprefix("/epcis/capture/"),
        "createdAt": job["createdAt"],
        "finishedAt": job["createdAt"],
        "running": False,
        "success": True,
        "isCaptured": True,
        "captureErrorBehaviour": "rollback",
        "errors": [],
        "height": node.height,
    }
    for name, value in {
        "gs1-epcis-version": "2.0.0",
        "gs1-cbv-version": "2.0.0",
        "gs1-epcis-capture-limit": "1000",
        "gs1-epcis-capture-file-size-limit": "2097152",
        "gs1-capture-error-behaviour": "rollback",
    }.items():
        assert response.headers[name] == value
    # A payment is no capture.
    paid = node.json("/v1/accounts/retailer%2FUSD/entries")["entries"][1]["transaction"]
    assert node.get(f"/epcis/capture/{paid}").status_code == 404


@pytest.mark.parametrize("media_type", ["application/xml", "text/xml; charset=utf-8"])
def test_a_document_in_xml_is_captured_like_its_twin_in_json(node: RunningNode, media_type: str) -> None:
    name = f"urn:uuid:xml-{media_type[:4]}"
    data = f"""<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0"
        creationDate="2026-01-01T00:00:00Z"><EPCISBody><EventList><ObjectEvent><eventTime>2026-01-01T00:00:00Z</eventTime>
        <eventTimeZoneOffset>+00:00</eventTimeZoneOffset><eventID>{name}</eventID><epcList/><action>OBSERVE</action>
        <bizStep>urn:epcglobal:cbv:bizstep:inspecting</bizStep></ObjectEvent></EventList></EPCISBody></e:EPCISDocument>"""
    response = node.capture(data.encode(), headers={"content-type": media_type})
    assert response.status_code == 200, response.text
    captured = node.json(f"/epcis/events/{name}")
    assert (captured["type"], captured["epcList"], captured["bizStep"]) == ("ObjectEvent", [], "inspecting")
    again = node.capture(data.encode(), headers={"content-type": media_type})
    assert (again.status_code, again.json()["errors"][0]["path"]) == (409, "$.epcisBody.eventList[0]")


@pytest.mark.parametrize("accept", ["application/xml", "text/xml;q=0.9, */*;q=0.1"])
def test_events_are_given_in_xml_that_says_what_the_json_says(node: RunningNode, accept: str) -> None:
    for path, count in (("/epcis/events?perPage=2", 2), ("/epcis/events/urn:uuid:packed", 1)):
        response = node.request("GET", path, headers={"accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (200, "application/xml")
        given = [each.written for each in parse_xml_document(response.content).events]
        value = node.json(path)
        held = value["epcisBody"]["queryResults"]["resultsBody"]["eventList"] if "epcisBody" in value else [value]
        assert [without_context(each) for each in given] == [without_context(each) for each in held]
        assert len(given) == count


def test_the_client_takes_an_event_out_in_both_forms(node: RunningNode) -> None:
    in_json = ask(node, lambda client: client.event("urn:uuid:packed"))
    in_xml = ask(node, lambda client: client.event("urn:uuid:packed", "xml"))
    (event_of_xml,) = parse_xml_document(in_xml).events
    (event_of_json,) = parse_document(in_json).events
    assert without_context(event_of_xml.written) == without_context(event_of_json.written)
    with pytest.raises(NotFoundError):
        ask(node, lambda client: client.event("urn:uuid:none", "xml"))


def without_context(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != "@context"}


def test_what_xml_cannot_say_is_refused_alone_and_in_json_on_a_page(node: RunningNode) -> None:
    written = event("no-xml", **{"@context": [CONTEXT, {"ext": "https://ext.example/"}], "ext:none": None})
    assert node.capture(document(written)).status_code == 200
    assert node.json("/epcis/events/urn:uuid:no-xml")["ext:none"] is None
    path = "/epcis/events/urn:uuid:no-xml"
    response = node.request("GET", path, headers={"accept": "application/xml"})
    assert (response.status_code, response.json()["code"]) == (406, "epcis.xml")
    assert response.json()["errors"][0]["path"] == "$['ext:none']"
    path = "/epcis/events?EQ_eventID=urn:uuid:no-xml"
    page = parse_xml_document(node.request("GET", path, headers={"accept": "application/xml"}).content)
    (shown,) = page.events
    assert without_context(shown.written) == without_context(node.json("/epcis/events/urn:uuid:no-xml"))


@pytest.mark.parametrize(
    ("data", "rule"),
    [(b"<a", "not_xml"), (b"<!DOCTYPE a><a/>", "xml_doctype"), (b"<ObjectEvent/>", "missing_field")],
)
def test_bad_xml_is_refused_with_its_rule(node: RunningNode, data: bytes, rule: str) -> None:
    response = node.capture(data, headers={"content-type": "application/xml"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["rule"] == rule


def test_one_bad_event_keeps_out_the_whole_document(node: RunningNode) -> None:
    before = node.height
    response = node.capture(document(event("fine"), event("made")))
    assert response.status_code == 409
    assert response.json()["errors"][0]["path"] == "$.epcisBody.eventList[1]"
    assert node.height == before
    assert node.get("/epcis/events/urn:uuid:fine").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"EQ_eventID": "urn:uuid:packed"}, ["packed"]),
        ({"eventType": "AggregationEvent"}, ["packed"]),
        ({"EQ_bizStep": "commissioning,packing"}, ["made", "packed"]),
        ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-packing"}, ["packed"]),
        ({"EQ_action": "ADD", "MATCH_epc": ITEMS[2]}, ["made"]),
        ({"MATCH_anyEPC": ITEMS[0]}, ["made", "packed"]),
        ({"MATCH_anyEPC": "urn:epc:id:sgtin:9506000.013435.1"}, ["made", "packed"]),
        ({"GE_eventTime": "2026-11-04T11:20:00+01:00", "EQ_action": "ADD"}, ["packed"]),
        ({"LT_eventTime": "2026-11-04T10:20:00Z", "EQ_action": "ADD"}, ["made"]),
        ({"EQ_disposition": "in_transit"}, []),
    ],
)
def test_a_query_finds_what_it_names(node: RunningNode, parameters: dict[str, str], expected: list[str]) -> None:
    found = events_of(node.get("/epcis/events", **parameters))
    assert [entry["eventID"] for entry in found] == [f"urn:uuid:{name}" for name in expected]


def test_pages_of_events_follow_the_link(node: RunningNode) -> None:
    everything = events_of(node.get("/epcis/events"))
    assert [entry["eventID"] for entry in everything[:2]] == ["urn:uuid:made", "urn:uuid:packed"]
    response, found = node.get("/epcis/events", perPage=1), []
    while True:
        found += events_of(response)
        if "link" not in response.headers:
            break
        target, _, relation = response.headers["link"].partition("; ")
        assert relation == 'rel="next"'
        response = node.get(target.strip("<>"))
    assert found == everything


def test_an_event_alone_is_a_document_of_its_own(node: RunningNode) -> None:
    response = node.get("/epcis/events/urn:uuid:packed")
    found = response.json()
    record_time = found.pop("recordTime")
    assert found.pop("@context") == [CONTEXT]
    assert found["parentID"] == CASE
    assert record_time == node.json(f"/epcis/capture/{node.json('/v1/blocks/2')['transactions'][0]}")["finishedAt"]
    # The id of most events of the world is a hash with slashes and a question mark.
    name = "ni:///sha-256;87b5f18a69993f0052046d4687dfacdf48f7c988cfabda2819688c86b4066a49?ver=CBV2.0"
    assert node.capture(document({**event("x"), "eventID": name})).status_code == 200
    assert node.get(f"/epcis/events/{name.replace('?', '%3F')}").json()["eventID"] == name


def test_identifiers_come_as_captured_or_as_digital_links(node: RunningNode) -> None:
    urn = "urn:epc:id:sgtin:9506000.013435.77"
    assert node.capture(document(event("urn", epcList=[urn]))).status_code == 200
    path = "/epcis/events?EQ_eventID=urn:uuid:urn"
    assert events_of(node.get(path))[0]["epcList"] == [urn]
    response = node.request("GET", path, headers={"gs1-epc-format": "Always_GS1_Digital_Link"})
    assert events_of(response)[0]["epcList"] == [f"https://id.gs1.org/01/{GTIN}/21/77"]
    assert response.headers["gs1-epc-format"] == "Always_GS1_Digital_Link"


def test_an_error_declaration_stands_beside_its_event(node: RunningNode) -> None:
    declaration = {"declarationTime": "2026-11-05T00:00:00Z", "reason": "incorrect_data"}
    wrong = event("wrong")
    assert node.capture(document(wrong)).status_code == 200
    assert node.capture(document({**wrong, "errorDeclaration": declaration})).status_code == 200
    found = events_of(node.get("/epcis/events", EQ_eventID="urn:uuid:wrong"))
    assert [entry.get("errorDeclaration") for entry in found] == [None, declaration]
    assert node.json("/epcis/events/urn:uuid:wrong")["errorDeclaration"] == declaration
    assert len(events_of(node.get("/epcis/events", EXISTS_errorDeclaration="true"))) == 1


# For operators


def test_health_and_metrics(node: RunningNode) -> None:
    assert node.json("/healthz") == {"status": "alive"}
    assert node.json("/readyz") == {"is_ready": True, "height": node.height}
    assert node.request("HEAD", "/healthz").status_code == 200
    text = node.get("/metrics").text
    assert f"tradelane_height {float(node.height)}" in text
    node.submit(b"junk")
    assert 'tradelane_refused_transactions_total{code="transaction.malformed"} 1.0' in node.get("/metrics").text


def test_openapi_names_every_route_and_loads_nothing(node: RunningNode) -> None:
    schema = node.json("/openapi.json")
    assert {"/v1/transactions", "/v1/items", "/epcis/capture", "/epcis/events/{event_id}"} <= schema["paths"].keys()
    for path in ("/docs", "/redoc"):
        assert node.get(path).json()["code"] == "route.unknown"
    identifiers = [entry["operationId"] for methods in schema["paths"].values() for entry in methods.values()]
    assert len(identifiers) == len(set(identifiers))


def test_long_answers_are_compressed_for_who_asks_and_short_ones_never(node: RunningNode) -> None:
    asked = {"id": CASE}
    plain = node.request("GET", "/v1/items/trace", params=asked, headers={"accept-encoding": "identity"})
    packed = node.request("GET", "/v1/items/trace", params=asked, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) * 0.8
    assert packed.json() == plain.json()
    assert "content-encoding" not in node.request("GET", "/healthz", headers={"accept-encoding": "gzip"}).headers
