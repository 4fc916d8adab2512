"""What a shopper and a program get under a Digital Link, on a ledger that holds the whole example shipment."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from ledger.codec import Value
from ledger.genesis import Genesis
from node.config import NodeConfig
from node.scans.log import ScanLog
from node.storage.store import Store
from node.web.pages import build_web_routes
from tests.support.example_ledger import (
    CASE,
    LOIN,
    MINUTE_MS,
    PACK,
    PALLET,
    ExampleLedger,
    create_ledger,
    example_document,
    example_ledger,
    play_shipment,
)
from tests.support.memory_values import MemoryValues

PACK_PATH = PACK.removeprefix("https://id.gs1.org")
HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
JSON = {"accept": "application/json"}
PAGE_BYTES_MAX = 60_000


@dataclass
class FakeNode:
    """What the pages ask of a node, over a real store."""

    config: NodeConfig
    genesis: Genesis
    store: Store
    clock_ms: int
    scans: ScanLog = field(default_factory=lambda: ScanLog(Path("nowhere"), MemoryValues()))

    def now_ms(self) -> int:
        return self.clock_ms


class Client:
    """Asks the pages of a node, each request in an event loop of its own."""

    def __init__(self, node: FakeNode) -> None:
        self._application = Starlette(routes=build_web_routes(node))

    def request(self, method: str, path: str, headers: dict[str, str], params: dict[str, str] | None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url="http://node.test") as client:
                return await client.request(method, path, headers=headers, params=params)

        return asyncio.run(ask())

    def get(self, path: str, headers: dict[str, str] | None = None, **params: str) -> httpx.Response:
        return self.request("GET", path, headers or {}, params or None)


def client_of(ledger: ExampleLedger, clock_ms: int | None = None) -> Client:
    home = ledger.home
    return Client(FakeNode(home.config, home.genesis, home.store, clock_ms or ledger.time_ms + MINUTE_MS))


@pytest.fixture(scope="module")
def shipment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = example_ledger(tmp_path_factory.mktemp("shipment"))
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def client(shipment: ExampleLedger) -> Client:
    return client_of(shipment)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ExampleLedger]:
    ledger = create_ledger(tmp_path)
    yield ledger
    ledger.close()


class _Text(HTMLParser):
    """The words of a page, without style and script."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._skipped += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.words.append(data)


def scripts(response: httpx.Response) -> list[dict[str, str | None]]:
    """Return the attributes of every script in a page."""
    return [attributes for tag, attributes in read(response).tags if tag == "script"]


def read(response: httpx.Response) -> _Text:
    parser = _Text()
    parser.feed(response.text)
    return parser


def text_of(response: httpx.Response) -> str:
    """Return the words of a page, its minus, times and dash signs as they are typed."""
    text = re.sub(r"\s+", " ", " ".join(read(response).words))
    return text.translate({0x2212: "-", 0xD7: "x", 0x2013: "-"})


def facts_of(client: Client, path: str = PACK_PATH) -> Any:
    response = client.get(path, headers=JSON)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_page_tells_the_journey_of_the_pack(client: Client) -> None:
    response = client.get(PACK_PATH, headers=HTML)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    text = text_of(response)
    told = (
        "Record verified",
        "3 of 4 validators vouch for it",
        "Blue Monsoon Yellowfin tuna steaks, frozen, 400 g",
        "Use by 3 May 2028",
        "Keep at -18 °C or colder",
        "Lot TUNA-2611-03",
        "Who has it now Domstadt Markt",
        "4 x Yellowfin tuna loin, frozen",
        "Caught or harvested 1-2 Nov 2026",
        "Raalhu Fisheries handed it to Blue Monsoon Seafood ; both signed.",
        "Made from 4 x Yellowfin tuna loin, frozen",
        "Packed into Case of 4 packs of tuna steaks",
        "Blue Monsoon Seafood handed it to Meridian Reefer ; both signed.",
        "On the way -22.7 to -20.2 °C",
        "Meridian Reefer handed it to Maas Cold Store ; both signed.",
        "Maas Cold Store handed it to Domstadt Markt ; both signed.",
        "Blue Monsoon Seafood passed ownership to Domstadt Markt ; both signed.",
        "Put on the shelf",
        "Temperature -25.3 to -18.9 °C All 8 readings are in the range on the label (-18 °C or colder)",
        "What this server checked 3 of 4 validators signed block 20",
        "All 8 entries of this thing are here, in order.",
        "What this does not prove That this code is on the original pack.",
    )
    places = [text.find(words) for words in told]
    assert [words for words, place in zip(told, places, strict=True) if place < 0] == []
    assert places == sorted(places)
    assert "genuine" not in text.lower()


SCRIPTS = [{"type": "application/json", "id": "trust"}, {"type": "module", "src": "/check.js"}]


def test_the_page_loads_and_runs_nothing_but_the_check(client: Client) -> None:
    response = client.get(PACK_PATH, headers=HTML)
    assert len(response.content) <= PAGE_BYTES_MAX
    page = read(response)
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "form", "object", "embed"})
    assert [attributes for tag, attributes in page.tags if tag == "script"] == SCRIPTS
    assert [
        name for _, attributes in page.tags for name in attributes if name == "style" or name.startswith("on")
    ] == []
    addresses = [
        value or "" for _, attributes in page.tags for name, value in attributes.items() if name in ("href", "src")
    ]
    assert [
        address
        for address in addresses
        if not address.startswith(("/v1/", "/01/", "/00/", "/check.js", "/trace.js", "/verify.js", "?", "#", "data:"))
    ] == []
    [style] = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert response.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'sha256-{digest}'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_a_program_gets_the_same_facts(client: Client) -> None:
    facts = facts_of(client)
    assert facts["id"] == PACK
    assert facts["outcome"] == {"level": "verified", "title": "Record verified", "reasons": [], "notes": []}
    assert facts["numbers"] == {"gtin": "09521102002002", "serial": PACK[-16:], "lot": "TUNA-2611-03", "sscc": None}
    assert facts["holder"]["custodian"] == {"id": "retailer", "name": "Domstadt Markt"}
    assert facts["holder"]["owner"]["id"] == "retailer"
    assert facts["holder"]["place"]["gln"] == "9521105000029"
    chapters = facts["journey"]["chapters"]
    assert [chapter["recorded_by"]["id"] for chapter in chapters] == [
        "maker", "brand", "carrier", "warehouse", "retailer",
    ]  # fmt: skip
    assert [len(chapter["steps"]) for chapter in chapters] == [4, 7, 5, 4, 3]
    handed = [(over["giver"]["id"], over["taker"]["id"], over["kind"]) for c in chapters for over in c["hand_overs"]]
    assert handed == [
        ("maker", "brand", "custody"),
        ("brand", "carrier", "custody"),
        ("carrier", "warehouse", "custody"),
        ("warehouse", "retailer", "custody"),
        ("brand", "retailer", "ownership"),
    ]
    times = [step["at_ms"] for chapter in chapters for step in chapter["steps"]]
    assert times == sorted(times)
    temperature = facts["temperature"]
    assert (temperature["number"], temperature["outside"], temperature["is_within"]) == (8, 0, True)
    assert (temperature["lowest_milli_celsius"], temperature["highest_milli_celsius"]) == (-25_300, -18_900)
    checked = facts["checked"]
    assert (checked["is_verified"], checked["signers"], checked["validators"], checked["height"]) == (True, 3, 4, 20)
    assert (checked["records"], checked["count"]) == (8, 8)
    assert facts["links"]["proof"].startswith("/v1/items/trace/proof?id=https%3A%2F%2Fid.gs1.org")


def test_a_journey_that_is_written_down_afterwards_reads_the_same(client: Client, empty: ExampleLedger) -> None:
    empty.time_ms += 30 * 86_400_000
    play_shipment(empty)
    early, late = (facts_of(of)["journey"]["chapters"] for of in (client, client_of(empty)))
    for chapters in (early, late):
        for row in [
            *(step for c in chapters for step in c["steps"]),
            *(over for c in chapters for over in c["hand_overs"]),
        ]:
            del row["transaction"]
            if "giver" in row:
                del row["at_ms"], row["date"]
    assert late == early


def test_what_it_travelled_in_is_one_step_away(client: Client) -> None:
    page = read(client.get(PACK_PATH, headers=HTML))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert CASE[18:] in links
    assert PALLET[18:] in links
    assert client.get(CASE[18:], headers=HTML).status_code == 200


def test_packs_that_went_elsewhere_are_not_in_the_journey(client: Client) -> None:
    """The case of our pack was one of three on the pallet; what happened to the other two is not our pack's."""
    steps = [step["title"] for chapter in facts_of(client)["journey"]["chapters"] for step in chapter["steps"]]
    assert steps.count("Packed into Case of 4 packs of tuna steaks") == 1
    assert "Packed into a shipping unit …004175" in steps


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "text/html"),
        ("", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/linkset+json", "application/linkset+json"),
        ("application/linkset+json;q=0.3, application/json;q=0.2", "application/linkset+json"),
        ("application/json;q=0, text/html;q=0.1", "text/html"),
        ("image/png", "text/html"),
        ("nonsense;;q=x,/,,", "text/html"),
    ],
)
def test_the_client_says_what_it_wants(client: Client, accept: str, expected: str) -> None:
    response = client.get(PACK_PATH, headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == expected
    assert response.headers["vary"] == "Accept, Accept-Language"


def test_the_query_overrides_what_the_client_accepts(client: Client) -> None:
    as_json = client.get(PACK_PATH, format="json", headers=HTML)
    assert as_json.headers["content-type"] == "application/json"
    as_links = client.get(PACK_PATH, linkType="linkset", headers=HTML)
    assert as_links.headers["content-type"] == "application/linkset+json"


def test_the_linkset_has_every_level(client: Client) -> None:
    response = client.get(PACK_PATH, linkType="linkset")
    item, product = response.json()["linkset"]
    root = "http://127.0.0.1:17400"
    assert (item["anchor"], product["anchor"]) == (root + PACK_PATH, f"{root}/01/09521102002002")
    prefix = "https://ref.gs1.org/voc/"
    assert sorted(item) == ["anchor", *(prefix + name for name in (
        "defaultLink", "epcis", "pip", "traceability", "verificationService",
    )), "itemDescription"]  # fmt: skip
    assert item["itemDescription"] == "Yellowfin tuna steaks, frozen, 400 g"
    assert item[prefix + "defaultLink"] == item[prefix + "pip"]
    for context in (item, product):
        for name, targets in context.items():
            if name not in ("anchor", "itemDescription"):
                assert [sorted(target) for target in targets] == [["href", "hreflang", "title", "type"]]


def test_a_link_type_leads_there_or_is_absent(client: Client) -> None:
    found = client.get(PACK_PATH, linkType="gs1:traceability")
    assert found.status_code == 307
    assert found.headers["location"].startswith("http://127.0.0.1:17400/v1/items/trace?id=https%3A%2F%2Fid.gs1.org")
    absent = client.get(PACK_PATH, linkType="gs1:recallStatus", headers=JSON)
    assert (absent.status_code, absent.json()["code"]) == (404, "link.type_absent")
    assert client.get(PACK_PATH, linkType="gs1:recallStatus", headers=HTML).status_code == 404


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/01/09521102002003/21/ABC", "check digit"),
        ("/01/9521102002003/21/A", "check digit"),
        ("/01/09521102002002/21/", "21"),
        ("/01/09521102002002/21/A/10/B", "order"),
        ("/01/09521102002002/21/" + "A" * 21, "20"),
        ("/00/12345", "18"),
        ("/01/09521102002002/21/%C3%A9", "character"),
        ("/01/09521102002002?17=991399", "date"),
        ("/01/x", "01"),
    ],
)
def test_a_bad_code_is_told_what_is_wrong_with_it(client: Client, path: str, word: str) -> None:
    page = client.get(path, headers=HTML)
    assert page.status_code == 400
    assert "That code cannot be right" in text_of(page)
    problem = client.get(path, headers=JSON)
    assert (problem.status_code, problem.json()["code"]) == (400, "link.malformed")
    assert problem.headers["content-type"] == "application/problem+json"
    assert word in problem.json()["detail"]


def test_an_unknown_piece_of_a_known_product_is_not_found(client: Client) -> None:
    page = client.get("/01/09521102002002/21/INVENTED", headers=HTML)
    assert page.status_code == 404
    text = text_of(page)
    assert "Not found" in text
    assert "There is such a product, Yellowfin tuna steaks, frozen, 400 g, but this ledger has no record" in text
    unknown = client.get("/01/04012345111118/21/1", headers=JSON)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "item.unknown")


def test_a_product_has_a_page_of_its_own(client: Client) -> None:
    page = client.get("/01/9521102002002", headers=HTML)
    assert page.status_code == 200
    assert "A kind of product, not one piece" in text_of(page)
    assert client.get("/01/09521102002002/", headers=JSON).json()["product"]["brand"] == "Blue Monsoon"


def test_a_recall_of_the_lot_that_the_master_data_say_is_on_the_page_of_its_pieces(empty: ExampleLedger) -> None:
    empty.capture("maker", 1, 4)
    empty.hand_over("maker", "brand", example_document()["epcisBody"]["eventList"][0]["epcList"])
    empty.capture("brand", 5, 8)
    for number, lot in enumerate(("OTHER", "TUNA-2611-03")):
        targets: list[Value] = [["lot", f"https://id.gs1.org/01/09521102002002/10/{lot}"]]
        said = {"id": f"r{number}", "severity": "stop", "reason": "Histamine"}
        empty.call("brand", "provenance.open_recall", targets=targets, **said)
        is_told = "Blue Monsoon Seafood has recalled its whole lot: Histamine." in text_of(
            client_of(empty).get(PACK_PATH, headers=HTML)
        )
        assert is_told is (lot == "TUNA-2611-03")


def test_a_pallet_and_a_consumed_loin_have_pages(client: Client) -> None:
    pallet = facts_of(client, PALLET.removeprefix("https://id.gs1.org"))
    assert (pallet["numbers"]["sscc"], pallet["outcome"]["level"]) == ("395211020000004175", "verified")
    loin = facts_of(client, LOIN.removeprefix("https://id.gs1.org"))
    assert [reason["code"] for reason in loin["outcome"]["reasons"]] == ["consumed", "temperature"]
    case = facts_of(client, CASE.removeprefix("https://id.gs1.org"))
    assert case["journey"]["chapters"][0]["steps"][0]["title"] == "Recorded for the first time"


def test_the_code_is_compared_with_the_record(client: Client) -> None:
    path = f"/01/09521102002002/10/ANOTHER/21/{PACK[-16:]}"
    assert [reason["code"] for reason in facts_of(client, path + "?17=280503")["outcome"]["reasons"]] == ["lot_differs"]
    right = path.replace("ANOTHER", "TUNA-2611-03")
    assert facts_of(client, right + "?17=280503")["outcome"]["level"] == "verified"
    reasons = facts_of(client, right + "?17=300101")["outcome"]["reasons"]
    assert [reason["code"] for reason in reasons] == ["expiry_differs"]


def test_time_passes(shipment: ExampleLedger) -> None:
    after_expiry_ms = 1_841_000_000_000  # 2028-05-03T14:13:20Z
    day_ms = 86_400_000
    assert facts_of(client_of(shipment, after_expiry_ms))["outcome"]["level"] == "verified"
    late = facts_of(client_of(shipment, after_expiry_ms + day_ms))["outcome"]
    assert (late["level"], [reason["code"] for reason in late["reasons"]]) == ("caution", ["expired"])


def test_entries_by_firms_that_do_not_hold_it_are_a_reason_for_caution(empty: ExampleLedger) -> None:
    empty.capture("maker", 1, 4)
    empty.capture("brand", 5, 12)
    page = client_of(empty).get(PACK_PATH, headers=HTML)
    text = text_of(page)
    assert (
        "Caution In what it was made from: A firm recorded something about it that neither held nor owned it." in text
    )
    empty.capture("carrier", 15, 19)
    reasons = [reason["text"] for reason in facts_of(client_of(empty))["outcome"]["reasons"]]
    assert reasons == [
        "While it was packed: A firm recorded something about it that neither held nor owned it.",
        "In what it was made from: A firm recorded something about it that neither held nor owned it.",
    ]


def test_warm_goods_are_a_reason_for_caution(empty: ExampleLedger) -> None:
    document = example_document()
    document["epcisBody"]["eventList"][11]["sensorElementList"][0]["sensorReport"][0]["maxValue"] = -12.5
    empty.capture("maker", 1, 4)
    empty.hand_over("maker", "brand", document["epcisBody"]["eventList"][0]["epcList"])
    empty.capture("brand", 5, 12, document)
    facts = facts_of(client_of(empty))
    assert [reason["code"] for reason in facts["outcome"]["reasons"]] == ["temperature"]
    assert (facts["temperature"]["outside"], facts["temperature"]["is_within"]) == (1, False)
    page = client_of(empty).get(PACK_PATH, headers=HTML)
    assert "1 of 1 readings lies outside the range on the label (-18 °C or colder)" in text_of(page)
    assert page.text.count('class="out"') == 1


def test_a_sale_is_a_note_and_a_recall_a_warning(empty: ExampleLedger) -> None:
    sale = example_document("retail-sale.json")
    empty.capture("maker", 1, 4)
    empty.hand_over("maker", "brand", example_document()["epcisBody"]["eventList"][0]["epcList"])
    empty.capture("brand", 5, 8)
    empty.capture("brand", 1, 1, sale)
    sold = facts_of(client_of(empty))["outcome"]
    assert (sold["level"], [note["code"] for note in sold["notes"]]) == ("verified", ["sold"])
    event = sale["epcisBody"]["eventList"][0]
    event |= {"eventID": "urn:uuid:0c1f7d24-2f43-4a5f-8ee1-1f1a7f2c0001", "eventTime": "2026-11-13T10:00:00+01:00"}
    event |= {"bizStep": "holding", "disposition": "recalled"}
    empty.capture("brand", 1, 1, sale)
    page = client_of(empty).get(PACK_PATH, headers=HTML)
    assert "Caution It has been recalled. Do not use it; ask the shop or the maker." in text_of(page)


def test_an_entry_that_its_firm_takes_back_is_struck_through(empty: ExampleLedger) -> None:
    document = example_document()
    empty.capture("maker", 1, 4)
    wrong = document["epcisBody"]["eventList"][1]
    wrong["errorDeclaration"] = {"declarationTime": "2026-11-02T12:00:00+05:00", "reason": "incorrect_data"}
    empty.capture("maker", 2, 2, document)
    path = LOIN.removeprefix("https://id.gs1.org")
    facts = facts_of(client_of(empty), path)
    assert [reason["code"] for reason in facts["outcome"]["reasons"]] == ["declared_wrong"]
    assert facts["temperature"]["number"] == 1
    page = client_of(empty).get(path, headers=HTML)
    assert '<span class="struck">Inspected</span>' in page.text


def test_names_that_try_to_be_markup_are_text(empty: ExampleLedger) -> None:
    evil = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    empty.call("brand", "provenance.update_product", gtin="09521102002002", name=evil, brand=evil, description=evil)
    document = example_document()
    event = document["epcisBody"]["eventList"][5]
    event["ilmd"]["cbvmda:vesselName"] = evil
    event["readPoint"]["example:name"] = evil
    event["bizLocation"]["example:name"] = evil
    document["@context"] = [*document["@context"], {"example": "https://example.org/"}]
    empty.capture("maker", 1, 4)
    empty.capture("brand", 5, 8, document)
    client = client_of(empty)
    for path in (PACK_PATH, "/01/09521102002002", "/01/09521102002002/21/INVENTED"):
        page = read(client.get(path, headers=HTML))
        assert "img" not in {tag for tag, _ in page.tags}
        assert [attributes for tag, attributes in page.tags if tag == "script"] in ([], SCRIPTS)
    assert evil[:60] in json.dumps(facts_of(client), ensure_ascii=False).replace('\\"', '"')


def test_a_place_with_a_recorded_name_is_called_by_it(empty: ExampleLedger) -> None:
    document = example_document()
    event = document["epcisBody"]["eventList"][0]
    for location in ("readPoint", "bizLocation"):
        event[location]["example:name"] = "Fish landing, Malé"
    document["@context"] = [*document["@context"], {"example": "https://example.org/"}]
    empty.capture("maker", 1, 4, document)
    page = client_of(empty).get(LOIN.removeprefix("https://id.gs1.org"), headers=HTML)
    assert "Recorded for the first time" in text_of(page)
    assert "06:40 · Fish landing, Malé" in text_of(page)


def test_a_network_of_one_says_that_it_tolerates_nothing(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path, validators=1)
    try:
        ledger.capture("maker", 1, 4)
        text = text_of(client_of(ledger).get(LOIN.removeprefix("https://id.gs1.org"), headers=HTML))
        assert "1 of 1 validators signed block 4" in text
        assert "1 is needed. With so few, each must be honest." in text
    finally:
        ledger.close()


def test_a_node_that_trusts_other_validators_says_so(shipment: ExampleLedger, tmp_path: Path) -> None:
    other = create_ledger(tmp_path, validators=7)
    try:
        node = FakeNode(shipment.home.config, other.home.genesis, shipment.home.store, shipment.time_ms)
        client = Client(node)
        facts = client.get(PACK_PATH, headers=JSON).json()
        assert (facts["outcome"]["level"], facts["checked"]["refusal"]) == ("unverified", "other_chain")
        text = text_of(client.get(PACK_PATH, headers=HTML))
        assert "Not verified This node's own check of the record failed (other_chain)." in text
    finally:
        other.close()


def test_the_resolver_describes_itself(client: Client) -> None:
    answer = client.get("/.well-known/gs1resolver").json()
    assert answer["resolverRoot"] == "http://127.0.0.1:17400"
    assert {"00", "01", "8004"} <= set(answer["supportedPrimaryKeys"])


def test_programs_of_other_sites_may_read_the_facts(client: Client) -> None:
    assert client.get(PACK_PATH, headers=JSON).headers["access-control-allow-origin"] == "*"


def test_a_head_request_has_the_headers_of_the_page(client: Client) -> None:
    assert client.request("HEAD", PACK_PATH, HTML, None).status_code == 200


def test_a_long_history_makes_a_page_of_bounded_size(empty: ExampleLedger) -> None:
    document = example_document()
    empty.capture("maker", 1, 4)
    empty.call("maker", "provenance.update_product", gtin="09521101001006", name="Tuna " * 40)
    seen = document["epcisBody"]["eventList"][1]
    place = {"id": seen["readPoint"]["id"], "example:name": "A very long name of a place " * 10}
    document["@context"] = [*document["@context"], {"example": "https://example.org/"}]
    events = [
        {
            **seen,
            "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
            "eventTime": f"2026-11-{3 + number // 60:02d}T10:{number % 60:02d}:00Z",
            "readPoint": place,
            "bizLocation": place,
        }
        for number in range(400)
    ]
    for start in range(0, 400, 80):
        document["epcisBody"]["eventList"] = events[start : start + 80]
        empty.capture("maker", 1, 80, document)
    path = LOIN.removeprefix("https://id.gs1.org")
    facts = facts_of(client_of(empty), path)
    assert facts["checked"]["count"] == 404
    assert [note["code"] for note in facts["outcome"]["notes"]] == ["limit"]
    shown = sum(len(chapter["steps"]) for chapter in facts["journey"]["chapters"])
    assert (shown, facts["journey"]["omitted"]) == (60, 240)
    page = client_of(empty).get(path, headers=HTML)
    assert len(page.content) <= PAGE_BYTES_MAX
    assert "240 earlier entries are on the ledger and not shown here." in text_of(page)
    assert "its 404 records were not read one by one for this page" in text_of(page)


def test_a_thing_that_is_gone_or_sold_had_its_holder_last(client: Client) -> None:
    assert "Who had it last Blue Monsoon Seafood" in text_of(client.get(LOIN[18:], headers=HTML))


def test_a_recall_turns_the_page_red_at_once_and_its_end_turns_it_back(empty: ExampleLedger) -> None:
    empty.capture("maker", 1, 4)
    empty.hand_over("maker", "brand", example_document()["epcisBody"]["eventList"][0]["epcList"])
    empty.capture("brand", 5, 8)
    before = facts_of(client_of(empty))["outcome"]["level"]
    gtin = "09521102002002"
    targets: list[Value] = [["product", gtin]]
    empty.call("brand", "provenance.open_recall", id="r1", targets=targets, severity="stop", reason="Histamine found")
    outcome = facts_of(client_of(empty))["outcome"]
    assert (outcome["level"], outcome["title"], outcome["reasons"][0]["code"]) == ("stop", "Recalled", "recalled")
    page = client_of(empty).get(PACK_PATH, headers=HTML)
    assert '<section class="outcome stop"' in page.text
    said = "Recalled Blue Monsoon Seafood has recalled the product: Histamine found. Do not use it."
    assert said in text_of(page)

    # The words of whoever recalls, of the piece itself before those of its product.
    own: list[Value] = [["item", PACK]]
    texts: Value = {"en": "Bring it to the shop. <b>"}
    empty.call("brand", "provenance.open_recall", id="r2", targets=own, severity="check", reason="Label", texts=texts)
    page = client_of(empty).get(PACK_PATH, headers=HTML)
    assert "Blue Monsoon Seafood has recalled this very piece: Label. Bring it to the shop. <b>" in text_of(page)
    assert "shop. <b>" not in page.text, "words of others are text and no markup"

    for name in ("r1", "r2"):
        empty.call("brand", "provenance.close_recall", id=name, reason="over")
    assert facts_of(client_of(empty))["outcome"]["level"] == before
