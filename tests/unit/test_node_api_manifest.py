"""Every EPCIS 2.0 JSON document of the shared test data through a running node, over HTTP.

Some documents share an event with another one: the ledger takes each event once, so the second is refused by name and
then captured by a node of its own.
"""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.json_text import dumps, loads, same
from standards.epcis.operations import events_to_operations
from tests.golden.test_standards_epcis_manifest import OPENEPCIS, REFUSED, manifest, without_record_time
from tests.support.running_node import RunningNode, running_node
from tests.support.shared_data import shared_data


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("manifest")) as running:
        yield running


def documents(*verdicts: str) -> list[tuple[str, bytes]]:
    rows = [row["path"] for row in manifest() if row["gs1_json_schema"] in verdicts]
    return [(path, shared_data(f"epcis/{path}").read_bytes()) for path in rows]


def test_every_valid_document_comes_back_equal(tmp_path: Path) -> None:
    document_count = event_count = 0
    nodes: list[RunningNode] = []
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def new_node() -> RunningNode:
            return stack.enter_context(running_node(tmp_path / str(next(numbers))))

        for path, data in documents("valid", ""):
            document = parse_document(data)
            # Each event is taken once, so a document goes to the first node that has none of its events.
            if not any(capture_equal(node, document, data, path) for node in nodes):
                nodes.append(new_node())
                assert capture_equal(nodes[-1], document, data, path)
            event_count += len(document.events)
            document_count += 1
    assert (document_count, event_count) == (74, 1060)
    # No event stands in more of the documents than that.
    assert len(nodes) == 4


def capture_equal(node: RunningNode, document: EpcisDocument, data: bytes, path: str) -> bool:
    """Capture a document and compare what comes back; False where the node rightly refuses it as a duplicate."""
    response = node.capture(data)
    if response.status_code != 200:
        check_duplicate(node, document, response.json(), path)
        return False
    check_events(node, document, response.json(), path)
    return True


def check_events(node: RunningNode, document: EpcisDocument, job: dict[str, Any], path: str) -> None:
    """Compare what a node gives back of a capture with the document, event by event and as a whole."""
    answers = list(pages(node, GE_recordTime=job["createdAt"]))
    events = [event for answer in answers for event in answer.events]
    assert len(events) == len(document.events), path
    for captured, event in zip(document.events, events, strict=True):
        assert event.written["recordTime"] == job["createdAt"]
        assert same(without_record_time(dict(event.written)), without_record_time(dict(captured.written))), path
    # Contexts and extensions included: capturing the answer would capture the same.
    again = [operation for answer in answers for operation in events_to_operations(answer)]
    assert again == events_to_operations(document), path


def check_duplicate(node: RunningNode, document: EpcisDocument, problem: dict[str, Any], path: str) -> None:
    """Check that a refusal names an event that is there."""
    assert problem["code"] == "epcis.duplicate", path
    (error,) = problem["errors"]
    (event,) = (captured for captured in document.events if captured.path == error["path"])
    assert error["rule"] in ("EVENT_ALREADY_CAPTURED", "EVENT_ID_CONFLICT")
    if "eventID" in event.written:
        found = [known for answer in pages(node) for known in answer.events]
        ids = [known.written.get("eventID") for known in found]
        assert event.written["eventID"] in ids or error["rule"] == "EVENT_ID_CONFLICT", path


def pages(node: RunningNode, **parameters: str) -> Iterator[EpcisDocument]:
    """Follow a query to its end."""
    target, given = "/epcis/events", {"perPage": "200", **parameters}
    while True:
        response = node.request("GET", target, params=given)
        assert response.status_code == 200, response.text
        answer = parse_document(response.content)
        assert answer.kind == "EPCISQueryDocument"
        yield answer
        if "link" not in response.headers:
            return
        address = urlsplit(response.headers["link"].partition(">")[0].removeprefix("<"))
        target, given = address.path, dict(parse_qsl(address.query))


def test_every_other_document_is_refused_with_path_and_rule_and_leaves_no_trace(node: RunningNode) -> None:
    before = (node.height, node.node.store.tip.state_root, len(list(node.node.store.events())))
    verdicts = {}
    for path, data in documents("INVALID", "format-only"):
        response = node.capture(data)
        assert response.status_code == 400, path
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert (problem["type"], problem["code"]) == ("epcisException:ValidationException", "epcis.invalid")
        (error,) = problem["errors"]
        assert error["detail"]
        verdicts[path.removeprefix(OPENEPCIS)] = (error["path"], error["rule"])
    assert verdicts == REFUSED
    assert (node.height, node.node.store.tip.state_root, len(list(node.node.store.events()))) == before


def test_numbers_and_order_survive(node: RunningNode) -> None:
    """Two spellings of a number are two texts: 1.50 stays 1.50."""
    context = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
    event_id = "urn:uuid:5d3f0e0e-0000-4000-8000-00000000000a"
    event = {
        "@context": [context, {"ext": "https://example.com/ext/"}],
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": "2026-11-04T09:20:00.1234567Z",
        "eventTimeZoneOffset": "+05:30",
        "eventID": event_id,
        "quantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/A", "quantity": 1, "uom": "KGM"}],
    }
    data = dumps(event).replace(b'"quantity":1,', b'"quantity":1.50,')
    assert node.capture(data).status_code == 200
    response = node.get("/epcis/events", EQ_eventID=event_id)
    assert b'"quantity":1.50,' in response.content
    alone = node.get(f"/epcis/events/{event_id}")
    found = loads(alone.content)
    assert isinstance(found, dict)
    assert same({**found, "recordTime": 0}, {**loads(data), "recordTime": 0})  # type: ignore[dict-item]
