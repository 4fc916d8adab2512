"""The resolver: what a code leads to once the product's owner has published links, by type, language and media type."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts.identity.codes import inner_code_commitment
from ledger.codec import Value
from node.web.accept import read_weights
from node.web.choosing import choose
from node.web.linkset import levels_of
from standards.digital_link import parse
from tests.support.example_ledger import ExampleLedger, create_ledger
from tests.support.shared_data import shared_data
from tests.unit.test_node_web_pages import HTML, JSON, Client, client_of

GTIN = "09521102002002"
PRODUCT = f"https://id.gs1.org/01/{GTIN}"
PATH = f"/01/{GTIN}"
ROOT = "http://127.0.0.1:17400"
VOCABULARY = "https://ref.gs1.org/voc/"


def link(kind: str, address: str, **more: Value) -> dict[str, Value]:
    return {"type": kind, "href": f"https://brand.example{address}", "title": address, **more}


LINKS: list[Value] = [
    link("pip", "/en", language="en", media_type="text/html", default=True),
    link("pip", "/de", language="de", media_type="text/html", default=True),
    link("pip", "/pt", language="pt-BR", media_type="text/html"),
    link("safetyInfo", "/safety?v=2#top", media_type="application/pdf"),
    link("safetyInfo", "/safety.html", media_type="text/html"),
    link("epil", "/leaflet", language="de"),
    link("epil", "/any"),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    made = create_ledger(tmp_path_factory.mktemp("links"))
    made.capture("maker", 1, 4)
    made.call("brand", "identity.publish_links", id=PRODUCT, links=LINKS)
    made.call("brand", "identity.publish_links", id=f"{PRODUCT}/10/L7", links=[link("safetyInfo", "/lot-7")])
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(ledger: ExampleLedger) -> Client:
    return client_of(ledger)


def led(client: Client, path: str = PATH, *, languages: str = "", accept: str = "text/html", **query: str) -> str:
    """Return where a browser is led, or nothing where it gets our page."""
    response = client.get(path, headers={"accept": accept, "accept-language": languages}, **query)
    assert response.status_code in (200, 307), response.text
    assert response.headers["vary"] == "Accept, Accept-Language"
    assert f"{ROOT}{path}?linkType=linkset" in response.headers["link"]
    location: str = response.headers.get("location", "")
    return location.removeprefix("https://brand.example")


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        ("", "/en"),
        ("de", "/de"),
        ("de-CH, en;q=0.5", "/de"),
        ("fr, de;q=0.2, en;q=0.1", "/de"),
        ("en;q=0.2, de;q=0.2", "/en"),
        ("fr", "/en"),
        ("*", "/en"),
        ("de;q=0, *", "/en"),
        (";;q=x,,", "/en"),
    ],
)
def test_a_browser_is_led_to_the_default_link_in_its_language(client: Client, languages: str, expected: str) -> None:
    assert led(client, languages=languages) == expected
    assert led(client, languages=languages, linkType="gs1:defaultLink") == expected
    assert led(client, languages=languages, linkType="all") == expected


def test_a_type_is_found_by_language_and_media_type(client: Client) -> None:
    assert led(client, linkType="gs1:pip", languages="pt") == "/pt"
    assert led(client, linkType=VOCABULARY + "pip", languages="pt-PT, de;q=0.5") == "/pt"
    assert led(client, linkType="gs1:safetyInfo") == "/safety.html"
    assert led(client, linkType="gs1:safetyInfo", accept="application/pdf") == "/safety?v=2#top"
    assert led(client, linkType="gs1:epil", languages="de") == "/leaflet"
    assert led(client, linkType="gs1:epil", languages="fr") == "/any"


def test_the_query_goes_along_and_our_parameters_stay(client: Client) -> None:
    query = {"15": "271231", "campaign": "a b"}
    assert led(client, linkType="gs1:epil", **query) == "/any?15=271231&campaign=a+b"
    assert led(client, linkType="gs1:safetyInfo", accept="application/pdf", **query) == (
        "/safety?v=2&15=271231&campaign=a+b#top"
    )


def test_a_lot_has_its_own_links_before_those_of_its_product(client: Client, ledger: ExampleLedger) -> None:
    # The code on a pack names its lot beside its serial; nobody recorded this pack.
    packed = parse(f"{PRODUCT}/10/L7/21/none")
    levels = levels_of(ledger.home.store, packed, ROOT, {}, {})
    assert [level.anchor for level in levels] == [f"{ROOT}{PATH}/10/L7", ROOT + PATH]
    assert [(found.title if found else None) for found in (
        choose(levels, "safetyInfo", [], []), choose(levels, "epil", [], []), choose(levels, "quickStart", [], []),
    )] == ["/lot-7", "/any", None]  # fmt: skip
    response = client.get(f"{PATH}/10/L7/21/none", headers=JSON, linkType="linkset")
    assert (response.status_code, response.json()["code"]) == (404, "item.unknown")


def test_programs_and_whoever_asks_for_the_page_stay_here(client: Client) -> None:
    assert client.get(PATH, headers=JSON).json()["product"]["gtin"] == GTIN
    assert led(client, format="page") == ""
    assert client.get(PATH, headers=HTML, linkType="gs1:recallStatus").status_code == 404


def linkset_of(client: Client, path: str) -> Any:
    return client.get(path, headers={"accept": "application/linkset+json"}).json()


def test_the_linkset_says_all_that_was_published_in_the_form_of_gs1(client: Client) -> None:
    found = linkset_of(client, PATH)
    jsonschema.validate(found, schema())
    (level,) = found["linkset"]
    english, german = level[VOCABULARY + "defaultLinkMulti"]
    assert level[VOCABULARY + "defaultLink"] == [english]
    assert english == {
        "href": "https://brand.example/en",
        "title": "/en",
        "type": "text/html",
        "hreflang": ["en"],
    }
    assert german["hreflang"] == ["de"]
    assert [target["href"] for target in level[VOCABULARY + "pip"]] == [
        "https://brand.example/en",
        "https://brand.example/de",
        "https://brand.example/pt",
        f"{ROOT}{PATH}?format=page",
    ]
    assert level[VOCABULARY + "epil"][1] == {"href": "https://brand.example/any", "title": "/any"}


def schema() -> Any:
    return json.loads(shared_data("epcis/gs1+linkset/gs1-linkset-schema.json").read_bytes())


def test_the_schema_can_fail() -> None:
    examples = {
        name: json.loads(shared_data(f"epcis/gs1+linkset/{name}-gs1-example.json").read_bytes())
        for name in ("valid", "invalid")
    }
    jsonschema.validate(examples["valid"], schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(examples["invalid"], schema())


def test_a_piece_on_record_is_shown_here_until_a_link_is_published_for_just_it(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path)
    try:
        client = client_of(ledger)
        ledger.capture("maker", 1, 4)
        maker_link: list[Value] = [link("pip", "/loin", default=True)]
        loin_gtin = "https://id.gs1.org/01/09521101001006"
        loin = f"{loin_gtin}/21/nEarsLHcCz6sN2bj"
        path = loin.removeprefix("https://id.gs1.org")
        ledger.call("maker", "identity.publish_links", id=loin_gtin, links=[*maker_link, link("epil", "/leaflet")])
        assert led(client, path) == ""
        # What the product has and the piece has not is inherited.
        assert led(client, path, linkType="epil") == "/leaflet"
        assert [level["anchor"] for level in linkset_of(client, path)["linkset"]] == [
            ROOT + path,
            f"{ROOT}/01/09521101001006",
        ]

        ledger.call("maker", "identity.publish_links", id=loin, links=maker_link)
        assert led(client, path) == "/loin"
        assert led(client, path, format="page") == ""

        # Nobody is led past a recall.
        recall: dict[str, Value] = {"id": "r", "targets": [["item", loin]], "severity": "stop", "reason": "histamine"}
        ledger.call("maker", "provenance.open_recall", **recall)
        assert led(client, path) == ""
        assert "recall" in client.get(path, headers=HTML).text.lower()

        ledger.call("maker", "identity.publish_links", id=loin, links=[])
        (level, _) = linkset_of(client, path)["linkset"]
        assert level[VOCABULARY + "defaultLink"][0]["href"] == ROOT + path
    finally:
        ledger.close()


def test_weights_are_read_leniently() -> None:
    assert read_weights(["de-CH, en;q=0.5", "*;q=0", "fr;q=7"]) == [
        ("de-ch", 1.0),
        ("en", 0.5),
        ("*", 0.0),
        ("fr", 0.0),
    ]


def test_the_page_tells_whether_the_code_inside_was_used(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path)
    try:
        client = client_of(ledger)
        ledger.capture("maker", 1, 4)
        loin = "https://id.gs1.org/01/09521101001006/21/nEarsLHcCz6sN2bj"
        path = loin.removeprefix("https://id.gs1.org")

        def told() -> list[str]:
            notes = client.get(path, headers=JSON).json()["outcome"]["notes"]
            return [note["code"] for note in notes]

        assert told() == []
        ledger.call("maker", "identity.commit_codes", codes=[[loin, inner_code_commitment(loin, b"0123456789")]])
        assert told() == ["inner_code"]
        ledger.call("brand", "identity.reveal_code", id=loin, code=b"0123456789")
        assert told() == ["inner_code_used"]
        response = client.get(path, headers=HTML)
        assert "The code hidden inside was used on 2026-11-0" in response.text
        assert "may be a copy" in response.text
    finally:
        ledger.close()
