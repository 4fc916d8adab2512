"""Stored queries and their subscribers: each event once and in order, over failures, crashes and restarts."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import aiohttp
import httpx
import pytest

from ledger.codec import Value
from ledger.transaction import Operation
from node.api import epcis_queries, epcis_stream
from node.api.app import build_api
from node.event_query import end_of, start_before, token_of
from node.main import _server
from node.storage.errors import DamagedError
from node.storage.store import Store
from node.subscriptions import sender
from node.subscriptions.book import Book, StoredQuery, Subscription
from node.subscriptions.schedule import ScheduleError, read_schedule
from node.subscriptions.sender import BACK_OFF_S, Sender, find_events, signature
from tests.support.epcis import document, observation
from tests.support.example_ledger import create_ledger
from tests.support.running_node import RunningNode, running_node

DESTINATION = "http://127.0.0.1:9/hook"
TOKEN = "a token of sixteen or more"
KEY = ("packed", "s")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("subscriptions")) as running:
        yield running


def packed(node: RunningNode, *names: str, step: str = "packing") -> None:
    """Capture events, each in a document of its own."""
    for name in names:
        event = observation(f"urn:thing:{name}", bizStep=step, eventID=f"urn:event:{name}")
        assert node.capture(document(event)).status_code == 200


class Clock:
    """The ledger as the sender sees it, with a clock that a test sets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.time_ms = 1_795_000_000_000

    def now_ms(self) -> int:
        return self.time_ms

    async def next_block(self, after_height: int, timeout_s: float) -> bool:
        raise AssertionError("a step does not wait")


class Subscriber:
    """Takes deliveries, or refuses them for as long as it is told to; keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, dict[str, str]]] = []
        self.tried: list[tuple[bytes, dict[str, str]]] = []
        self.refusals = 0
        self.is_crashing = False

    async def post(self, destination: str, body: bytes, headers: dict[str, str]) -> str | None:
        assert destination == DESTINATION
        self.tried.append((body, headers))
        if self.refusals:
            self.refusals -= 1
            return "answered 503"
        self.taken.append((body, headers))
        if self.is_crashing:
            raise RuntimeError("the node is killed before it notes that this was taken")
        return None

    @property
    def events(self) -> list[str]:
        return [event for body, _ in self.taken for event in events_of(body)]


def events_of(body: bytes) -> list[str]:
    listed = json.loads(body)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [event["eventID"] for event in listed]


def book_with(directory: Path, node: RunningNode, **changes: Any) -> Book:
    """Return a book with one query and one subscription, from now on."""
    book = Book(directory)
    book.put(StoredQuery("packed", {"EQ_bizStep": "packing"}, {}, 0))
    done = token_of(end_of(node.node.store.tip.height))
    one = Subscription("s", DESTINATION, TOKEN, report_if_empty=False, schedule=None, created_ms=0, done=done)
    book.put_subscription("packed", replace(one, **changes))
    return book


def step(made: Sender, subscriber: Subscriber) -> float | None:
    return asyncio.run(made.step(KEY, subscriber.post))


def test_events_come_once_and_in_order_and_nothing_comes_before_the_subscription(
    node: RunningNode, tmp_path: Path
) -> None:
    packed(node, "before")
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    made = Sender(Clock(node.node.store), book)
    assert step(made, subscriber) is None
    packed(node, "a1", "a2")
    packed(node, "other", step="shipping")
    assert step(made, subscriber) == 0
    assert step(made, subscriber) is None
    packed(node, "a3")
    assert (step(made, subscriber), step(made, subscriber)) == (0, None)
    assert subscriber.events == ["urn:event:a1", "urn:event:a2", "urn:event:a3"]
    body, headers = subscriber.taken[0]
    results = json.loads(body)["epcisBody"]["queryResults"]
    assert (results["queryName"], results["subscriptionID"]) == ("packed", "s")
    assert headers["GS1-Signature"] == signature(TOKEN, body)
    kept = book.subscription(*KEY)
    assert kept is not None
    assert (kept.delivered, kept.sending, kept.failures) == (3, None, 0)


def test_what_is_refused_comes_again_as_it_was_later_and_later(node: RunningNode, tmp_path: Path) -> None:
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    made = Sender(Clock(node.node.store), book)
    packed(node, "b1")
    subscriber.refusals = 12
    pauses = [step(made, subscriber)]
    packed(node, "b2")
    pauses += [step(made, subscriber) for _ in range(11)]
    assert pauses == [*BACK_OFF_S, 300.0, 300.0, 300.0]
    kept = book.subscription(*KEY)
    assert kept is not None
    assert (kept.failures, kept.last_failure) == (12, "answered 503")
    assert (step(made, subscriber), step(made, subscriber), step(made, subscriber)) == (0, 0, None)
    assert len(set(map(repr, subscriber.tried[:13]))) == 1
    assert [events_of(body) for body, _ in subscriber.taken] == [["urn:event:b1"], ["urn:event:b2"]]


def test_a_restart_loses_nothing_and_a_crash_repeats_the_same_delivery(node: RunningNode, tmp_path: Path) -> None:
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    packed(node, "c1")
    assert step(Sender(Clock(node.node.store), book), subscriber) == 0
    packed(node, "c2")
    subscriber.is_crashing = True
    with pytest.raises(RuntimeError, match="killed"):
        step(Sender(Clock(node.node.store), Book(tmp_path / "q")), subscriber)
    packed(node, "c3")
    subscriber.is_crashing = False
    made = Sender(Clock(node.node.store), Book(tmp_path / "q"))
    assert (step(made, subscriber), step(made, subscriber), step(made, subscriber)) == (0, 0, None)
    once = {headers["Tradelane-Delivery"]: body for body, headers in subscriber.taken}
    assert len(subscriber.taken) == 4
    assert [events_of(body) for body in once.values()] == [["urn:event:c1"], ["urn:event:c2"], ["urn:event:c3"]]
    assert subscriber.taken[1] == subscriber.taken[2]


def test_many_events_come_in_several_deliveries(
    node: RunningNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "EVENTS_MAX", 2)
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    names = [f"d{number}" for number in range(5)]
    packed(node, *names)
    made = Sender(Clock(node.node.store), book)
    while step(made, subscriber) is not None:
        assert len(subscriber.taken) < 9
    assert [len(events_of(body)) for body, _ in subscriber.taken] == [2, 2, 1]
    assert subscriber.events == [f"urn:event:{name}" for name in names]


def test_what_was_found_after_a_long_look_is_found_again_when_it_is_refused(
    node: RunningNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An action has no index, so every event is looked at.
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    book.put(replace(book.queries()[0], parameters={"EQ_action": "DELETE"}))
    packed(node, *(f"j{number}" for number in range(7)))
    gone = observation("urn:thing:j0", "DELETE", eventID="urn:event:gone")
    assert node.capture(document(gone)).status_code == 200
    monkeypatch.setattr("node.event_query.SCAN_MAX", 2)
    made = Sender(Clock(node.node.store), book)
    subscriber.refusals = 4
    pauses = [step(made, subscriber) for _ in range(6)]
    assert pauses[-1] in BACK_OFF_S
    again = Sender(Clock(node.node.store), Book(tmp_path / "q"))
    while step(again, subscriber) is not None:
        assert len(subscriber.tried) < 9
    assert subscriber.events == ["urn:event:gone"]
    assert all(events_of(body) == ["urn:event:gone"] for body, _ in subscriber.tried)


def test_blocks_that_were_given_up_are_passed_over(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path / "ledger", validators=1)
    event: dict[str, Value] = {"type": "ObjectEvent", "action": "OBSERVE", "biz_step": "packing", "event_time_ms": 1}
    for number in range(80):
        ledger.call("brand", "provenance.capture", **event, event_id=f"urn:{number}", epcs=["urn:x"])
    store = ledger.home.store
    query = StoredQuery("x", {"MATCH_epc": "urn:x"}, {}, 0)
    start = token_of(start_before(store, 0))
    assert len(find_events(store, query, start).records) == 80
    assert store.prune(store.tip.height - 5, heights_max=1_000, transactions_max=1_000)
    left = find_events(store, query, start).records
    assert 0 < len(left) < 80
    assert left[-1].arguments["event_id"] == "urn:79"
    ledger.close()


def test_a_schedule_sends_all_that_it_finds_in_one_go(
    node: RunningNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "EVENTS_MAX", 2)
    clock, subscriber = Clock(node.node.store), Subscriber()
    book = book_with(tmp_path / "q", node, schedule={"minute": "0,30"}, created_ms=clock.time_ms)
    packed(node, *(f"k{number}" for number in range(5)))
    clock.time_ms += 30 * 60_000
    made = Sender(clock, book)
    for _ in range(9):
        if step(made, subscriber) == 30:
            break
    assert subscriber.events == [f"urn:event:k{number}" for number in range(5)]


def test_a_delivery_says_that_more_of_its_document_is_to_come(node: RunningNode, tmp_path: Path) -> None:
    book, subscriber = book_with(tmp_path / "q", node), Subscriber()
    event: dict[str, Value] = {"type": "ObjectEvent", "action": "OBSERVE", "event_time_ms": 1, "offset_minutes": 0}
    event["biz_step"] = "packing"
    part: dict[str, Value] = {"document": b"d" * 32, "part": 1, "parts": 2, "events": 2}
    captured = Operation("provenance.capture", {**event, "event_id": "urn:event:l1", "epcs": ["urn:thing:l1"]})
    node.commit("maker", Operation("provenance.capture_part", part), captured)
    assert step(Sender(Clock(node.node.store), book), subscriber) == 0
    assert subscriber.events == ["urn:event:l1"]
    assert subscriber.taken[0][1]["Tradelane-Partial-Documents"] == f"{'64' * 32};captured=1;parts=2"


def test_a_schedule_is_kept_and_may_say_that_there_is_nothing(node: RunningNode, tmp_path: Path) -> None:
    clock, subscriber = Clock(node.node.store), Subscriber()
    book = book_with(tmp_path / "q", node, schedule={"minute": "0,30"}, report_if_empty=True, created_ms=clock.time_ms)
    made = Sender(clock, book)
    packed(node, "e1")
    assert step(made, subscriber) == 30
    assert subscriber.tried == []
    due_ms = read_schedule({"minute": "0,30"}).next_ms(clock.time_ms)
    assert due_ms is not None
    clock.time_ms = due_ms
    assert step(made, subscriber) == 0
    assert step(made, subscriber) == 30
    clock.time_ms += 30 * 60_000
    assert step(made, subscriber) == 0
    assert [events_of(body) for body, _ in subscriber.taken] == [["urn:event:e1"], []]


def test_the_past_can_be_asked_for(node: RunningNode) -> None:
    packed(node, "f1", "f2")
    store = node.node.store
    for height in range(1, store.tip.height + 1):
        header = store.header(height)
        assert header is not None
        found = start_before(store, header.time_ms)
        assert found.height < height
        after = store.header(found.height + 1)
        assert after is not None
        assert after.time_ms >= header.time_ms
    assert start_before(store, None) == end_of(store.tip.height)
    assert start_before(store, 0).height == 0


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"second": "5"}, "2026-11-24T10:15:05"),
        ({"minute": "15"}, "2026-11-24T11:15:00"),
        ({"minute": "[16-20]"}, "2026-11-24T10:16:00"),
        ({"hour": "9", "minute": "0"}, "2026-11-25T09:00:00"),
        ({"dayOfWeek": "1", "hour": "0", "minute": "0"}, "2026-11-30T00:00:00"),
        ({"dayOfMonth": "29", "month": "2", "hour": "0", "minute": "0"}, "2028-02-29T00:00:00"),
        ({"month": "12", "second": "0,30"}, "2026-12-01T00:00:00"),
    ],
)
def test_a_schedule_comes_when_it_says(fields: dict[str, str], expected: str) -> None:
    assert read_schedule(fields).next_ms(utc("2026-11-24T10:15:00")) == utc(expected)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"minutes": "1"},
        {"minute": ""},
        {"minute": "60"},
        {"minute": "5-9"},
        {"minute": "[9-5]"},
        {"dayOfWeek": "0"},
        {"dayOfMonth": "31", "month": "2"},
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ScheduleError):
        read_schedule(fields)


def test_the_book_is_read_again_as_it_was_and_what_is_damaged_is_named(node: RunningNode, tmp_path: Path) -> None:
    book = book_with(tmp_path / "q", node)
    book.put(StoredQuery("../../x y", {"MATCH_epc": "ü"}, {"ex": "urn:x:"}, 7))
    again = Book(tmp_path / "q")
    assert again.queries() == book.queries()
    assert list(tmp_path.iterdir()) == [tmp_path / "q"]
    again.remove("../../x y")
    assert [query.name for query in Book(tmp_path / "q").queries()] == ["packed"]
    (path,) = (tmp_path / "q").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(path.read_text()[:-9])
    with pytest.raises(DamagedError, match=path.name):
        Book(tmp_path / "q")


# Over HTTP


def call(node: RunningNode, method: str, path: str, body: object = None, *, token: bool = True) -> httpx.Response:
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {node.token}"
    content = None if body is None else json.dumps(body).encode()
    return node.request(method, f"/epcis/queries{path}", headers=headers, content=content)


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted to it; the first is answered with 500."""

    kept: list[tuple[bytes, dict[str, str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.kept.append((body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(500 if len(self.kept) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_subscriber_is_told_by_the_running_node(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "BACK_OFF_S", (0.01,))
    kept: list[tuple[bytes, dict[str, str]]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHook", (Hook,), {"kept": kept}))
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        stored = call(node, "POST", "", {"name": "told", "query": {"EQ_bizStep": ["packing"], "EQ_action": "OBSERVE"}})
        assert (stored.status_code, stored.headers["location"]) == (201, "/epcis/queries/told")
        asked = {"dest": f"http://127.0.0.1:{server.server_port}/", "signatureToken": TOKEN, "stream": True}
        subscribed = call(node, "POST", "/told/subscriptions", asked)
        assert subscribed.status_code == 201, subscribed.text
        packed(node, "g1")
        for _ in range(500):
            told = call(node, "GET", f"/told/subscriptions/{subscribed.json()['subscriptionID']}").json()
            if told["eventsDelivered"]:
                break
            asyncio.run(asyncio.sleep(0.01))
        assert (told["eventsDelivered"], told["failures"], told["isSigned"]) == (1, 0, True)
        assert TOKEN not in json.dumps(told)
        assert [events_of(body) for body, _ in kept] == [["urn:event:g1"]] * 2
        assert kept[1][1]["gs1-signature"] == signature(TOKEN, kept[1][0])
        assert call(node, "DELETE", f"/told/subscriptions/{told['subscriptionID']}").status_code == 204
        assert call(node, "GET", "/told/subscriptions").json() == []
    finally:
        server.shutdown()
        server.server_close()


def test_a_stored_query_is_asked_and_deleted(node: RunningNode) -> None:
    packed(node, "h1")
    body = {
        "name": "by id",
        "query": {"EQ_eventID": ["urn:event:h1", "urn:event:none"], "GE_eventTime": "2025-01-01T00:00:00Z"},
    }
    assert call(node, "POST", "", body).headers["location"] == "/epcis/queries/by%20id"
    found = node.request("GET", "/epcis/queries/by%20id/events?perPage=5")
    assert events_of(found.content) == ["urn:event:h1"]
    assert found.json()["epcisBody"]["queryResults"]["queryName"] == "by id"
    assert node.json("/epcis/queries/by%20id")["query"]["EQ_eventID"] == "urn:event:h1,urn:event:none"
    assert "by id" in [query["name"] for query in node.json("/epcis/queries")]
    assert node.request("GET", "/epcis/queries/by%20id/events?EQ_eventID=x").status_code == 400
    assert call(node, "POST", "", body).json()["code"] == "epcis.query_exists"
    assert call(node, "DELETE", "/by%20id").status_code == 204
    assert node.get("/epcis/queries/by%20id").json()["code"] == "epcis.unknown_query"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x"}, "body.missing_field"),
        ({"name": "", "query": {}}, "body.wrong_type"),
        ({"name": "x", "query": []}, "body.wrong_type"),
        ({"name": "x", "query": {"EQ_bizStep": []}}, "body.wrong_type"),
        ({"name": "x", "query": {"EQ_bizStep": [None]}}, "body.wrong_type"),
        ({"name": "x", "query": {"EQ_colour": "red"}}, "epcis.query_parameter"),
        ({"name": "x", "query": {}, "more": 1}, "body.unknown_field"),
        ({"name": "SimpleEventQuery", "query": {}}, "epcis.query_exists"),
    ],
)
def test_a_query_that_cannot_be_stored_says_why(node: RunningNode, body: object, code: str) -> None:
    assert call(node, "POST", "", body).json()["code"] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"stream": True}, "body.missing_field"),
        ({"dest": "ftp://x/", "stream": True}, "body.wrong_type"),
        ({"dest": "http://a:b@x/", "stream": True}, "body.wrong_type"),
        ({"dest": "http://[x/", "stream": True}, "body.wrong_type"),
        ({"dest": "http://x/"}, "epcis.subscription"),
        ({"dest": "http://x/", "stream": True, "schedule": {"minute": "1"}}, "epcis.subscription"),
        ({"dest": "http://x/", "schedule": {"minute": "99"}}, "epcis.subscription"),
        ({"dest": "http://x/", "schedule": {"minute": 1}}, "body.wrong_type"),
        ({"dest": "http://x/", "stream": "yes"}, "body.wrong_type"),
        ({"dest": "http://x/", "stream": True, "signatureToken": "short"}, "body.wrong_type"),
        ({"dest": "http://x/", "stream": True, "initialRecordTime": "now"}, "body.wrong_type"),
    ],
)
def test_a_subscription_that_cannot_be_made_says_why(node: RunningNode, body: object, code: str) -> None:
    call(node, "POST", "", {"name": "kept", "query": {}})
    assert call(node, "POST", "/kept/subscriptions", body).json()["code"] == code


def test_what_cannot_be_subscribed_to_or_is_not_there_or_not_allowed(node: RunningNode) -> None:
    call(node, "POST", "", {"name": "ordered", "query": {"orderBy": "eventTime"}})
    asked = {"dest": "http://x/", "stream": True}
    assert call(node, "POST", "/ordered/subscriptions", asked).json()["code"] == "epcis.subscription"
    assert call(node, "GET", "/ordered/subscriptions/no").json()["code"] == "epcis.unknown_subscription"
    assert call(node, "POST", "/none/subscriptions", asked).json()["code"] == "epcis.unknown_query"
    for method, path, body in (
        ("POST", "", {"name": "x", "query": {}}),
        ("DELETE", "/ordered", None),
        ("POST", "/ordered/subscriptions", asked),
        ("GET", "/ordered/subscriptions", None),
        ("DELETE", "/ordered/subscriptions/no", None),
    ):
        assert call(node, method, path, body, token=False).json()["code"] == "epcis.unauthenticated"


def test_there_is_an_end_to_what_is_stored(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    call(node, "POST", "", {"name": "last", "query": {}})
    monkeypatch.setattr(epcis_queries, "QUERIES_MAX", 1)
    monkeypatch.setattr(epcis_queries, "SUBSCRIPTIONS_MAX", 0)
    for path, body in (
        ("", {"name": "more", "query": {}}),
        ("/last/subscriptions", {"dest": "http://x/", "stream": True}),
    ):
        refused = call(node, "POST", path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "epcis.stored_limit")


def test_a_node_without_a_token_stores_nothing(tmp_path: Path) -> None:
    with running_node(tmp_path, is_gateway=False) as closed:
        refused = closed.request("POST", "/epcis/queries", content=b"{}", headers={"content-type": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (403, "epcis.token_off")
        assert closed.json("/epcis/queries") == []


# Over a WebSocket


@contextlib.contextmanager
def served(node: RunningNode) -> Iterator[str]:
    """Serve a node's API on a socket of loopback as the process does, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = _server(build_api(node.node), None, has_streams=True)
        task = node.run(_started(server.serve(sockets=[bound])))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            node.run(_ended(task))


async def _started(serving: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.create_task(serving)


async def _ended(task: "asyncio.Task[None]") -> None:
    await task


async def messages(address: str, count: int, *, between: Callable[[], None] | None = None) -> list[bytes]:
    """Return so many messages of a stream; ``between`` is done once the stream is open."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as stream:
        if between is not None:
            await asyncio.to_thread(between)
        return [(await stream.receive_str(timeout=10)).encode() for _ in range(count)]


def test_a_stream_tells_at_once_and_goes_on_from_its_token(node: RunningNode) -> None:
    call(node, "POST", "", {"name": "streamed", "query": {"EQ_bizStep": "packing"}})
    with served(node) as base:
        address = f"{base}/epcis/queries/streamed/events?stream=true"

        def three() -> None:
            packed(node, "i1")
            time.sleep(0.1)
            packed(node, "i2", "i3")

        first, second = asyncio.run(messages(address, 2, between=three))
        told = [*events_of(first), *events_of(second)]
        assert told[0] == "urn:event:i1"
        token = json.loads(first)["urn:tradelane:nextPageToken"]
        again = asyncio.run(messages(f"{address}&nextPageToken={token}", 1))
        assert events_of(again[0])[0] == events_of(second)[0]
        since = "&initialRecordTime=2020-01-01T00:00:00Z"
        (past,) = asyncio.run(messages(address + since, 1))
        assert "urn:event:before" in events_of(past)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("streamed/events?stream=true&EQ_action=ADD", 400, "epcis.query_parameter"),
        ("streamed/events?stream=true&nextPageToken=x", 400, "epcis.query_parameter"),
        ("streamed/events?stream=true&initialRecordTime=now", 400, "epcis.query_parameter"),
        ("streamed/events?stream=yes", 400, "epcis.query_parameter"),
        ("none/events?stream=true", 404, "epcis.unknown_query"),
        ("sorted/events?stream=true", 400, "epcis.subscription"),
    ],
)
def test_a_stream_that_cannot_be_opened_says_why(node: RunningNode, query: str, status: int, code: str) -> None:
    call(node, "POST", "", {"name": "streamed", "query": {"EQ_bizStep": "packing"}})
    call(node, "POST", "", {"name": "sorted", "query": {"orderBy": "eventTime"}})

    async def refused(address: str) -> tuple[int, str]:
        headers = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
            return answer.status, (await answer.json(content_type=None))["code"]

    with served(node) as base:
        assert asyncio.run(refused(f"{base}/epcis/queries/{query}")) == (status, code)


def test_there_is_an_end_to_streams_and_one_that_is_gone_makes_room(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(node, "POST", "", {"name": "streamed", "query": {"EQ_bizStep": "packing"}})
    monkeypatch.setattr(epcis_stream, "STREAMS_MAX", 1)

    async def open_two(address: str) -> int:
        async with aiohttp.ClientSession() as session, session.ws_connect(address):
            try:
                async with session.ws_connect(address):
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    with served(node) as base:
        address = f"{base}/epcis/queries/streamed/events?stream=true"
        assert asyncio.run(open_two(address)) == 403
        since = f"{address}&initialRecordTime=2020-01-01T00:00:00Z"
        for _ in range(100):
            with contextlib.suppress(aiohttp.WSServerHandshakeError):
                assert asyncio.run(messages(since, 1))
                return
            asyncio.run(asyncio.sleep(0.02))
        raise AssertionError("the first stream still holds its place")
