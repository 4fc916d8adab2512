"""Documents of any size onto a real node: cut the same each time, each event once, never half in silence."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from standards.epcis.xml_write import write_document
from tests.support.running_node import RunningNode, running_node
from tradelane import BadRequestError, Client, ConflictError, UnavailableError, cut_document, import_document, importing


class LostLineError(Exception):
    """The person pressed Ctrl-C, or the line went."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("import")) as running:
        yield running


@pytest.fixture
def client(node: RunningNode) -> Iterator[Client]:
    with client_of(node) as made:
        yield made


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PART_EVENTS_MAX", 2)


def client_of(node: RunningNode, *, lose: str = "") -> Client:
    """Return a client of a node; ``lose`` one answer: ``before`` the node has the request, or ``after``."""
    posts: list[httpx.Request] = []

    def ask(request: httpx.Request) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        path = request.url.raw_path.decode()
        answer = node.request(request.method, path, headers=headers, content=request.content)
        # A stream of the node's loop is not one that this thread can read.
        return httpx.Response(answer.status_code, headers={"content-type": "application/json"}, content=answer.content)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            posts.append(request)
            if lose and len(posts) == 2:
                if lose == "after":
                    ask(request)
                raise LostLineError
        return ask(request)

    return Client("http://node.test", transport=httpx.MockTransport(handle))


def document(name: str, count: int = 5) -> dict[str, Any]:
    """Return a document of commissionings of crates."""
    return {
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-04T09:20:00Z",
        "epcisBody": {
            "eventList": [
                {
                    "type": "ObjectEvent",
                    "eventID": f"urn:uuid:{name}-{number}",
                    "action": "ADD",
                    "epcList": [f"urn:crate:{name}:{number}"],
                    "eventTime": "2026-11-04T09:20:00Z",
                    "eventTimeZoneOffset": "+00:00",
                }
                for number in range(count)
            ]
        },
    }


def cut(value: dict[str, Any]) -> importing.CutDocument:
    return cut_document(json.dumps(value).encode())


def history(node: RunningNode, identifier: str) -> list[Any]:
    found: list[Any] = node.json("/v1/items/history", id=identifier)["entries"]
    return found


def test_a_document_comes_in_parts_and_says_so_until_the_last(node: RunningNode, client: Client) -> None:
    one = cut(document("first"))
    assert [len(part) for part in one.parts] == [2, 2, 1]
    heard: list[tuple[int, int]] = []
    key = node.key("maker")
    client.submit(importing._operations(one, 1), key)
    (entry,) = history(node, "urn:crate:first:0")
    assert entry["event"]["document"] == {"document": one.document.hex(), "part": 1, "parts": 3, "captured": 1}
    answered = node.get("/epcis/events", MATCH_epc="urn:crate:first:1")
    partial = f"{one.document.hex()};captured=1;parts=3"
    assert answered.headers["tradelane-partial-documents"] == partial
    assert node.get("/epcis/events/urn:uuid:first-1").headers["tradelane-partial-documents"] == partial
    assert [one.captured for one in client.captures(status="partial")] == [1]

    found = import_document(client, key, one, lambda done, total: heard.append((done, total)))
    assert (found.captured, found.already, found.parts, found.events) == (2, 1, 3, 5)
    assert heard == [(2, 5), (4, 5), (5, 5)]
    (entry,) = history(node, "urn:crate:first:0")
    assert entry["event"]["document"]["captured"] == 3
    answered = node.get("/epcis/events", GE_eventTime="2026-11-04T09:20:00Z")
    assert "tradelane-partial-documents" not in answered.headers
    assert client.captures(status="partial") == ()
    again = import_document(client, key, one)
    assert (again.captured, again.already, again.transactions) == (0, 3, [])


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_second_start_goes_on_where_the_first_stopped(node: RunningNode, client: Client, lost: str) -> None:
    one, key = cut(document(f"stopped-{lost}", 7)), node.key("maker")
    with client_of(node, lose=lost) as cut_off, pytest.raises(LostLineError):
        import_document(cut_off, key, one)
    found = import_document(client, key, one)
    assert (found.captured, found.already) == ((3, 1) if lost == "before" else (2, 2))
    for number in range(7):
        assert len(history(node, f"urn:crate:stopped-{lost}:{number}")) == 1


def test_two_that_import_the_same_capture_it_once(node: RunningNode, client: Client) -> None:
    one, key = cut(document("race")), node.key("maker")

    def other(done: int, total: int) -> None:
        del total
        if done == 2:
            with client_of(node) as second:
                import_document(second, key, one)

    found = import_document(client, key, one, other)
    assert (found.captured, found.already) == (1, 2)
    assert all(len(history(node, f"urn:crate:race:{number}")) == 1 for number in range(5))


def test_a_node_that_is_behind_is_no_reason_to_go_round_for_ever(
    node: RunningNode, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, key = cut(document("behind")), node.key("maker")
    import_document(client, key, one)
    monkeypatch.setattr(importing, "_captured", lambda *_: 1)
    with pytest.raises(UnavailableError, match="behind"):
        import_document(client, key, one)


def test_another_organisation_may_have_the_same_document(node: RunningNode, client: Client) -> None:
    value = document("shared", 3)
    for event in value["epcisBody"]["eventList"]:
        del event["eventID"]
        event.update(action="OBSERVE")
    one = cut(value)
    import_document(client, node.key("maker"), one)
    with pytest.raises(ConflictError) as caught:
        import_document(client, node.key("carrier"), one)
    assert caught.value.code == "ledger.event_already_captured"


def test_what_stops_a_part_is_named_by_its_path_and_what_is_there_stays(node: RunningNode, client: Client) -> None:
    key = node.key("maker")
    import_document(client, key, cut(document("taken", 1)))
    value = document("stays")
    value["epcisBody"]["eventList"][3]["eventID"] = "urn:uuid:taken-0"
    with pytest.raises(ConflictError) as caught:
        import_document(client, key, cut(value))
    assert caught.value.code == "ledger.event_id_conflict"
    assert caught.value.detail.startswith("$.epcisBody.eventList[3]: ")
    assert caught.value.detail.endswith("of the document's 3 parts 1 are on the ledger and stay")
    assert len(history(node, "urn:crate:stays:1")) == 1
    assert node.get("/v1/items", id="urn:crate:stays:2").status_code == 404


def test_a_document_is_cut_by_events_names_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PART_EVENTS_MAX", 500)
    assert [len(part) for part in cut(document("many", 1_201)).parts] == [500, 500, 201]
    value = document("wide", 4)
    for event in value["epcisBody"]["eventList"]:
        event["epcList"] = [f"urn:c:{number}" for number in range(1_200)]
    assert [len(part) for part in cut(value).parts] == [2, 2]
    value = document("long", 4)
    for event in value["epcisBody"]["eventList"]:
        event["ex:note"] = "x" * 200_000
    value["@context"] = [value["@context"], {"ex": "https://example.org/"}]
    assert [len(part) for part in cut(value).parts] == [2, 2]


def test_what_is_wrong_is_refused_before_anything_is_sent() -> None:
    value = document("wrong")
    value["epcisBody"]["eventList"][4]["action"] = "SEE"
    with pytest.raises(BadRequestError, match=r"\$\.epcisBody\.eventList\[4\]\.action"):
        cut(value)
    with pytest.raises(BadRequestError, match="no events"):
        cut(document("none", 0))
    with pytest.raises(BadRequestError, match="not XML"):
        cut_document(b"  <epcis")


def test_json_and_xml_are_told_by_their_first_character() -> None:
    value = document("twin", 3)
    in_json, in_xml = cut_document(b"\xef\xbb\xbf" + json.dumps(value).encode()), cut_document(write_document(value))
    assert [operation.method for part in in_json.parts for _, operation in part] == ["provenance.capture"] * 3
    assert [[path for path, _ in part] for part in in_xml.parts] == [
        [path for path, _ in part] for part in in_json.parts
    ]
    assert in_xml.document != in_json.document
