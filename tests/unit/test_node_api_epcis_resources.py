"""The EPCIS resources beside capture and events: what was said is listed once, and leads to who said it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.epcis import document, observation
from tests.support.running_node import RunningNode, running_node

SHOP = "https://id.gs1.org/414/9521102000015"
THING = "https://id.gs1.org/01/09521102002002/21/a"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("resources")) as running:
        events = [
            observation(THING, "ADD", bizStep="commissioning", disposition="active", eventID="urn:e:1"),
            observation(THING, bizStep="packing", bizLocation={"id": SHOP}, eventID="urn:e:2"),
            observation(
                "https://id.gs1.org/01/09521102002002/21/b",
                bizStep="https://ref.gs1.org/cbv/BizStep-packing",
                readPoint={"id": "urn:epc:id:sgln:9521102.00001.0"},
                eventID="urn:e:3",
            ),
            {**observation("urn:other", bizStep="urn:x:step", eventID="urn:e:4"), "type": "urn:x:type"},
        ]
        captured = running.capture(document(*events))
        assert captured.status_code == 200, captured.text
        yield running


def members(node: RunningNode, name: str, **parameters: str | int) -> list[Any]:
    """Return the members of a list, page by page."""
    found: list[Any] = []
    response = node.get(f"/epcis/{name}", **parameters)
    for _ in range(50):
        assert response.status_code == 200, response.text
        assert response.json()["type"] == "Collection"
        found += response.json()["member"]
        link = response.headers.get("link")
        if link is None:
            return found
        address, _, relation = link.partition(">; ")
        assert relation == 'rel="next"'
        response = node.request("GET", address.removeprefix("<"))
    raise AssertionError("the pages never end")


def ids(node: RunningNode, path: str) -> list[str]:
    response = node.request("GET", path)
    assert response.status_code == 200, response.text
    listed = response.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [event["eventID"] for event in listed]


STANDARD = ["AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent"]
LISTS = [
    ("bizSteps", ["commissioning", "packing"]),
    ("dispositions", ["active"]),
    ("bizLocations", [SHOP]),
    ("readPoints", [SHOP]),
    ("epcs", [THING, "https://id.gs1.org/01/09521102002002/21/b"]),
    ("eventTypes", [*STANDARD, "urn:x:type"]),
]


@pytest.mark.parametrize("size", [1, 2, 30])
@pytest.mark.parametrize(("name", "expected"), LISTS)
def test_what_events_said_is_listed_once(node: RunningNode, name: str, expected: list[str], size: int) -> None:
    assert sorted(members(node, name, perPage=size)) == sorted(expected)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("bizSteps/packing", ["urn:e:2", "urn:e:3"]),
        (f"bizSteps/{quote('https://ref.gs1.org/cbv/BizStep-packing', safe='')}", ["urn:e:2", "urn:e:3"]),
        ("dispositions/active", ["urn:e:1"]),
        (f"bizLocations/{quote(SHOP, safe='')}", ["urn:e:2"]),
        ("readPoints/urn:epc:id:sgln:9521102.00001.0", ["urn:e:3"]),
        (f"epcs/{quote(THING, safe='')}", ["urn:e:1", "urn:e:2"]),
        ("eventTypes/ObjectEvent", ["urn:e:1", "urn:e:2", "urn:e:3"]),
        ("eventTypes/urn:x:type", ["urn:e:4"]),
    ],
)
def test_one_leads_to_the_events_that_said_it(node: RunningNode, path: str, expected: list[str]) -> None:
    assert node.json(f"/epcis/{path}")["@set"] == ["events"]
    assert ids(node, f"/epcis/{path}/events") == expected
    assert ids(node, f"/epcis/{path}/events?perPage=1") == expected[:1]
    assert ids(node, f"/epcis/{path}/events?EQ_action=DELETE") == []


@pytest.mark.parametrize(
    "path", ["bizSteps/walking", "bizSteps/packing,commissioning", "epcs/urn:x:*", "readPoints/urn:x", "epcs/urn:none"]
)
def test_what_nobody_said_is_not_there(node: RunningNode, path: str) -> None:
    response = node.get(f"/epcis/{path}")
    assert (response.status_code, response.json()["code"]) == (404, "epcis.unknown_resource")


def test_a_parameter_that_the_address_fixes_is_not_given_again(node: RunningNode) -> None:
    fixed = node.get("/epcis/bizSteps/packing/events", EQ_bizStep="shipping")
    assert (fixed.status_code, fixed.json()["code"]) == (400, "epcis.query_parameter")
    assert "fixed by the address" in fixed.json()["detail"]
    assert node.get("/epcis/bizSteps", EQ_action="ADD").status_code == 400


def test_options_say_what_a_path_takes_and_what_is_spoken(node: RunningNode) -> None:
    for path, methods in (
        ("/epcis/capture", {"GET", "OPTIONS", "POST"}),
        ("/epcis/events", {"GET", "OPTIONS", "POST"}),
        ("/epcis/bizSteps/packing/events", {"GET", "OPTIONS"}),
    ):
        response = node.request("OPTIONS", path)
        assert response.status_code == 204, path
        assert set(response.headers["allow"].split(", ")) == methods
        assert response.headers["gs1-epcis-version"] == "2.0.0"
        assert response.headers["gs1-epcis-capture-limit"] == "1000"
    assert node.request("OPTIONS", "/epcis/nothing").status_code == 404


@pytest.mark.parametrize(
    ("headers", "is_served"),
    [
        ({"gs1-epcis-version": "2.0"}, True),
        ({"gs1-epcis-version": "2.0.0", "gs1-cbv-version": "2.0.0"}, True),
        ({"gs1-epcis-min": "1.2", "gs1-epcis-max": "2.1"}, True),
        ({"gs1-epcis-version": "1.2"}, False),
        ({"gs1-epcis-min": "2.1"}, False),
        ({"gs1-cbv-max": "1.2"}, False),
        ({"gs1-epcis-version": "two"}, False),
    ],
)
def test_another_version_is_refused(node: RunningNode, headers: dict[str, str], is_served: bool) -> None:
    response = node.request("GET", "/epcis/events", headers=headers)
    assert response.status_code == (200 if is_served else 406)
    if not is_served:
        assert response.json()["code"] == "epcis.version"


def test_identifiers_as_urns_where_they_were_captured_as_urns(node: RunningNode) -> None:
    headers = {"gs1-epc-format": "Always_EPC_URN"}
    response = node.request("GET", "/epcis/eventTypes/urn:x:type/events", headers=headers)
    assert response.status_code == 200
    assert response.headers["gs1-epc-format"] == "Always_EPC_URN"
    refused = node.request("GET", "/epcis/bizSteps/packing/events", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (406, "epcis.format")
    assert THING in refused.json()["detail"]


def test_media_types(node: RunningNode) -> None:
    for accept, answered in (
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/ld+json", "application/ld+json"),
        ("text/xml", "application/xml"),
    ):
        response = node.request("GET", "/epcis/dispositions/active/events", headers={"accept": accept})
        assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, answered), accept
    response = node.request("GET", "/epcis/events", headers={"accept": "text/csv"})
    assert (response.status_code, response.json()["type"]) == (406, "epcisException:NotAcceptableException")


def test_an_answer_that_would_be_too_large_is_refused(node: RunningNode) -> None:
    response = node.get("/epcis/events", maxEventCount=3)
    assert (response.status_code, response.json()["code"]) == (413, "epcis.query_too_large")
    assert response.json()["type"] == "epcisException:QueryTooLargeException"


def test_the_caller_s_prefixes_name_extensions(node: RunningNode) -> None:
    event = {**observation("urn:with", eventID="urn:e:5"), "ex:note": "hello"}
    value = document(event).replace(b'jsonld"]', b'jsonld", {"ex": "https://example.org/epcis/"}]')
    assert node.capture(value).status_code == 200
    headers = {"gs1-extensions": "mine=https://example.org/epcis/"}
    asked = {"EQ_mine:note": "hello"}
    found = node.request("GET", "/epcis/events", params=asked, headers=headers)
    assert "urn:e:5" in found.text
    assert "urn:e:5" not in node.request("GET", "/epcis/events", params=asked).text
    wrong = node.request("GET", "/epcis/events", headers={"gs1-extensions": "mine"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (400, "GS1-Extensions")


def send(node: RunningNode, content: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", "authorization": f"Bearer {node.token}", **headers}
    return node.request("POST", "/epcis/events", headers=given, content=content)


def test_one_event_is_captured_and_there_when_the_answer_comes(node: RunningNode) -> None:
    event = {**observation("urn:alone", eventID="urn:e:one/7"), "@context": json.loads(document())["@context"]}
    captured = send(node, json.dumps(event).encode())
    assert (captured.status_code, captured.headers["location"]) == (201, "/epcis/events/urn%3Ae%3Aone%2F7")
    assert captured.json()["success"] is True
    assert node.json(captured.headers["location"])["epcList"] == ["urn:alone"]
    again = send(node, json.dumps(event).encode())
    assert (again.status_code, again.json()["code"]) == (409, "epcis.duplicate")
    two = send(node, document(observation("urn:a"), observation("urn:b")))
    assert (two.status_code, two.json()["code"]) == (413, "epcis.too_many_events")
    assert send(node, json.dumps(event).encode(), authorization="Bearer no").status_code == 401


def test_what_was_captured_is_listed_the_newest_first(node: RunningNode) -> None:
    expected = [
        node.capture(document(observation(f"urn:listed:{number}"), observation("urn:more"))).json()["captureID"]
        for number in range(3)
    ]
    found: list[str] = []
    response = node.get("/epcis/capture", perPage=2)
    while True:
        assert response.status_code == 200, response.text
        assert len(response.json()) <= 2
        found += [job["captureID"] for job in response.json()]
        if "link" not in response.headers:
            break
        response = node.request("GET", response.headers["link"].partition(">")[0].removeprefix("<"))
    assert found[:3] == expected[::-1]
    assert len(found) == len(set(found)) >= 4
    assert node.json(f"/epcis/capture/{found[0]}")["captureID"] == found[0]
    assert node.get("/epcis/capture", perPage=0).status_code == 400


PROCEED = {"gs1-capture-error-behaviour": "proceed"}


def test_what_can_be_had_of_a_document_is_captured_and_the_rest_named(node: RunningNode) -> None:
    taken = observation("urn:taken", eventID="urn:p:taken")
    assert node.capture(document(taken)).status_code == 200
    wrong = observation("urn:p:2", bizStep="walking")
    no_event: Any = 7
    events = [
        observation("urn:p:0", eventID="urn:p:0"),
        taken,
        wrong,
        no_event,
        observation("urn:p:4", eventID="urn:p:4"),
    ]
    for wait_s in (10, None):
        assert node.capture(document(*events), wait_s=wait_s).status_code in (400, 409)
    captured = node.capture(document(*events), headers=PROCEED)
    assert captured.status_code == 200, captured.text
    job = captured.json()
    assert (job["success"], job["isCaptured"], job["captureErrorBehaviour"]) == (False, True, "proceed")
    assert {error["path"]: error["rule"] for error in job["errors"]} == {
        "$.epcisBody.eventList[1]": "EVENT_ALREADY_CAPTURED",
        "$.epcisBody.eventList[2].bizStep": "unknown_term",
        "$.epcisBody.eventList[3]": "wrong_type",
    }
    assert node.json(f"/epcis/capture/{job['captureID']}") == job
    for name in ("urn:p:0", "urn:p:4"):
        assert node.json(f"/epcis/events/{name}")["eventID"] == name
    assert node.get("/v1/items", id="urn:p:2").status_code == 404


def test_a_document_of_which_nothing_can_be_had_is_refused(node: RunningNode) -> None:
    height = node.height
    taken = observation("urn:q:taken", eventID="urn:q:taken")
    assert node.capture(document(taken)).status_code == 200
    for refused, code in (
        (document(observation("urn:q:1", bizStep="walking")), "epcis.invalid"),
        (document(taken, taken), "epcis.duplicate"),
        (document(), "epcis.invalid"),
        (b'{"type": "EPCISDocument"}', "epcis.invalid"),
        (b"[", "json.syntax"),
        (document(*[taken] * 1_001), "epcis.too_many_events"),
    ):
        answer = node.capture(refused, headers=PROCEED)
        assert answer.json()["code"] == code, answer.text
    assert node.height == height + 1


def test_an_event_that_the_ledger_refuses_is_left_out_and_the_others_come(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = observation("urn:r:taken", eventID="urn:r:taken")
    assert node.capture(document(taken)).status_code == 200
    # Somebody captures it between the look at the ledger and the block.
    monkeypatch.setattr("node.api.epcis_capture._duplicate", lambda *_: None)
    answer = node.capture(document(taken, observation("urn:r:1", eventID="urn:r:1")), headers=PROCEED)
    assert answer.status_code == 200, answer.text
    (error,) = answer.json()["errors"]
    assert (error["path"], error["rule"]) == ("$.epcisBody.eventList[0]", "EVENT_ALREADY_CAPTURED")
    assert answer.json()["isCaptured"] is True
    assert node.json("/epcis/events/urn:r:1")["epcList"] == ["urn:r:1"]
    alone = node.capture(document(taken), headers=PROCEED)
    assert (alone.status_code, alone.json()["code"]) == (409, "epcis.duplicate")
