"""Scans of codes: what is kept, what is forgotten, what is odd about them, over HTTP, on the page and from the CLI."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.demo import Demo
from cli.demo_handbag import tell
from cli.handbag_story import BAG, MADE_UP, Handbag
from cli.main import app
from cli.output import Output
from cli.scan import SCAN_EPILOG, count_text, odd_text, scans_text
from contracts.identity.scans import hour_of
from ledger.authenticated_map import value_hash, verify
from ledger.codec import encode
from ledger.proof import to_base64url
from node.admission import Refusal, RefusalKind
from node.api.scans import EXAMPLES
from node.own_transactions import OwnTransactions
from node.scans.alerts import Alert, alerts_of
from node.scans.anchoring import CountMap, ScanAnchor
from node.scans.log import KEPT_MS, OF_A_THING_MAX, Count, Scan, ScanLog
from node.spots import Spot, distance_km
from node.storage.errors import StorageError
from tests.support.contracts_world import START_MS, key_of
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.memory_values import MemoryValues
from tests.support.running_node import RunningNode, running_node
from tests.support.validator_chain import ValidatorChain
from tradelane import BadRequestError, Client, UnavailableError, VerificationError
from tradelane.fields import Fields
from tradelane.scans import read_count
from tradelane.transport import Json, JsonObject

MILAN, SHANGHAI, TURIN = Spot(455, 92), Spot(312, 1215), Spot(451, 77)
HOUR_MS = 3_600_000
T = 1_795_300_000_000
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("scans")) as node:
        yield node


def test_scans_are_there_after_a_restart_each_under_its_code(tmp_path: Path) -> None:
    log = ScanLog(tmp_path / "scans")
    assert log.of("a") == ()
    assert not (tmp_path / "scans").exists()
    scans = (Scan(T, MILAN), Scan(T + 1, None), Scan(T + 1, SHANGHAI))
    for scan in scans:
        log.add("a", scan)
    log.add("a/b", Scan(T, None))
    log.close()
    assert ScanLog(tmp_path / "scans").of("a") == scans


def test_what_is_old_or_too_much_is_forgotten() -> None:
    values = MemoryValues()
    log = ScanLog(Path("nowhere"), values, scans_max=3)
    for hour in range(5):
        log.add("a", Scan(T + hour * HOUR_MS, None))
    assert [scan.at_ms for scan in log.of("a")] == [T + hour * HOUR_MS for hour in (2, 3, 4)]
    log.add("b", Scan(T + KEPT_MS + 3 * HOUR_MS + 1, None))
    assert [scan.at_ms for scan in log.of("a")] == [T + 4 * HOUR_MS]
    # Two scans, with a row by code and one by time each, and the numbers.
    assert len(list(values.scan(b"", b"\xff"))) == 5


def test_no_more_than_the_newest_are_told() -> None:
    log = ScanLog(Path("nowhere"), MemoryValues())
    for number in range(OF_A_THING_MAX + 2):
        log.add("a", Scan(T + number, None))
    found = log.of("a")
    assert (len(found), found[0].at_ms, found[-1].at_ms) == (OF_A_THING_MAX, T + 2, T + OF_A_THING_MAX + 1)


def test_a_page_does_without_scans_where_their_store_is_damaged(tmp_path: Path) -> None:
    log = ScanLog(tmp_path)
    (tmp_path / "leveldb").mkdir()
    (tmp_path / "leveldb" / "CURRENT").write_text("nonsense")
    with pytest.raises(StorageError):
        log.of("a")
    assert log.if_readable("a") == ()


def test_distances_are_those_of_the_map() -> None:
    assert round(distance_km(MILAN, SHANGHAI)) == 9_100
    assert round(distance_km(MILAN, TURIN)) == 125
    assert distance_km(MILAN, MILAN) == 0


def codes(found: tuple[Alert, ...]) -> list[tuple[str, int | None]]:
    return [(one.code, one.at_ms) for one in found]


def test_nobody_travels_faster_than_an_aeroplane() -> None:
    def after(hours: float, spot: Spot) -> list[tuple[str, int | None]]:
        scans = [Scan(T, MILAN), Scan(T + 1, None), Scan(T + round(hours * HOUR_MS), spot)]
        return codes(alerts_of(scans, "active"))[:1]

    assert after(9.9, SHANGHAI) == [("impossible_travel", T + round(9.9 * HOUR_MS))]
    assert ("impossible_travel", T + 11 * HOUR_MS) not in after(11, SHANGHAI)
    # Both places are known to a tenth of a degree, so that neighbours are never far apart.
    assert ("impossible_travel", T) not in codes(alerts_of([Scan(T, MILAN), Scan(T, Spot(460, 92))], "active"))
    assert codes(alerts_of([Scan(T, MILAN), Scan(T, TURIN)], "active")) == [("impossible_travel", T)]


def test_many_scans_in_a_short_time_are_told() -> None:
    def of(hours: list[int]) -> list[tuple[str, int | None]]:
        return codes(alerts_of([Scan(T + hour * HOUR_MS, None) for hour in hours], "sold"))

    assert of([0, 24]) == []
    assert of([0, 12, 25]) == []
    assert of([0, 12, 24]) == [("many_scans", T + 24 * HOUR_MS)]
    assert of([18 * number for number in range(9)]) == []
    assert of([18 * number for number in range(10)]) == [("many_scans", T + 162 * HOUR_MS)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(None, ["unknown_serial"]), ("destroyed", ["not_in_trade"]), ("sold", []), ("active", [])],
)
def test_what_the_ledger_says_of_a_thing_counts(status: str | None, expected: list[str]) -> None:
    assert [one.code for one in alerts_of([Scan(T, MILAN)], status)] == expected


def test_a_copied_handbag_is_found_by_double_scans(running: RunningNode, tmp_path: Path) -> None:
    client = LyingNodes(running).client(HONEST)
    before = running.get(BAG.removeprefix("https://id.gs1.org")).status_code
    story = Handbag(running.network, client)
    tell(Demo(Output(is_json=True), tmp_path, time.monotonic()), story, "http://node")
    assert before == 404
    found = client.scans("urn:epc:id:sgtin:9506000.013439.M4hQ7vXc2LpZ")
    assert (found.id, found.status, found.count) == (BAG, "sold", 2)
    assert [one.place for one in found.scans] == ["geo:45.5,9.2", "geo:31.2,121.5"]
    assert client.scans(MADE_UP).status is None
    page = running.get(BAG.removeprefix("https://id.gs1.org"), format="json").json()
    assert page["outcome"]["title"] == "Caution"
    assert [one["code"] for one in page["outcome"]["reasons"]] == ["impossible_travel"]
    assert "scanned" in [one["code"] for one in page["outcome"]["notes"]]
    text = running.get(BAG.removeprefix("https://id.gs1.org")).text
    assert "one of the two may be a copy" in text
    assert EXAMPLES["scans"].keys() == found.fields.keys()
    shown = scans_text(found)
    assert str(shown[0]).endswith("sold, scanned 2 times")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "body.missing_field"),
        ({"id": BAG, "at_ms": 1}, "body.unknown_field"),
        ({"id": ""}, "body.wrong_type"),
        ({"id": "x" * 501}, "body.wrong_type"),
        ({"id": 7}, "body.wrong_type"),
        ({"id": BAG, "place": "Milan"}, "body.wrong_type"),
        ({"id": BAG, "place": "geo:91,0"}, "body.wrong_type"),
    ],
)
def test_what_is_no_scan_is_refused_and_not_kept(running: RunningNode, body: dict[str, object], code: str) -> None:
    count = running.json("/v1/scans", id=BAG)["count"]
    refused = running.request("POST", "/v1/scans", headers=JSON, content=json.dumps(body).encode())
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert running.json("/v1/scans", id=BAG)["count"] == count


def test_what_is_counted_in_an_hour_is_what_was_scanned_in_it() -> None:
    log = ScanLog(Path("nowhere"), MemoryValues())
    start = hour_of(T)
    for at_ms, name in ((start - 1, "a"), (start, "a"), (start + 5, "b"), (start + HOUR_MS - 1, "a")):
        log.add(name, Scan(at_ms, None))
    assert log.counts(start) == {"a": Count(2, start, start + HOUR_MS - 1), "b": Count(1, start + 5, start + 5)}
    assert log.counts(start + HOUR_MS) == {}
    assert log.hour_with_scans(0, start) == start - HOUR_MS
    assert log.hour_with_scans(start + 1, start + HOUR_MS) == start
    assert log.hour_with_scans(start + HOUR_MS, start + 9 * HOUR_MS) is None


def test_each_code_stands_once_under_its_newest_scan_wherever_a_page_ends() -> None:
    log = ScanLog(Path("nowhere"), MemoryValues())
    for number, name in enumerate("abacb"):
        log.add(name, Scan(T + number, None))
    for scans_max in (1, 2, 4, 5, 9):
        found: list[str] = []
        before = None
        while True:
            latest, before = log.latest(before, scans_max)
            found += [one.identifier for one in latest]
            if before is None:
                break
        assert found == ["b", "c", "a"]
    assert ScanLog(Path("nowhere")).latest(None, 9) == ([], None)


@given(scans=st.dictionaries(st.text("abc/", min_size=1, max_size=4), st.integers(1, 9), max_size=40))
def test_a_path_shows_each_count_and_that_others_are_not_there(scans: dict[str, int]) -> None:
    counts = {name: Count(number, T, T + number) for name, number in scans.items()}
    made = CountMap(counts)
    for name in (*counts, "x"):
        shown = verify(made.root, name.encode(), made.path(name))
        one = counts.get(name)
        assert shown == (None if one is None else value_hash(encode([one.scans, one.first_ms, one.last_ms])))


def test_an_hour_is_anchored_once_it_is_over_and_a_changed_log_is_found(running: RunningNode) -> None:
    node, client = running.node, LyingNodes(running).client(HONEST)
    start = hour_of(node.now_ms()) - 5 * HOUR_MS
    moments = (start + 1, start + 2, start + 2 * HOUR_MS)
    for at_ms in moments:
        node.scans.add(BAG, Scan(at_ms, None))
    clock = start + HOUR_MS + 59_999
    own = OwnTransactions(node.chain, node.gateway_key, node.submit, lambda: clock)
    anchor = ScanAnchor(node.store, node.scans, own)

    def anchored(until_ms: int) -> list[int | None]:
        nonlocal clock
        clock = until_ms
        height = running.height
        running.run(anchor.anchor())
        running.run(node.next_block(height, 5 if node.status().pending_transactions else 0))
        counts = [client.scan_count(BAG, at_ms).anchor for at_ms in moments[1:]]
        return [None if one is None else one.scans for one in counts]

    # A minute after the hour, by the node's clock; the validity of what it signs is by the ledger's.
    assert anchored(start + HOUR_MS + 59_999) == [None, None]
    assert anchored(start + HOUR_MS + 60_000) == [2, None]
    assert anchored(start + 3 * HOUR_MS + 60_000) == [2, 1]
    assert anchored(start + 3 * HOUR_MS + 60_000) == [2, 1]
    found = client.scan_count(BAG, start + 7)
    assert (found.count, found.first_ms, found.last_ms) == (2, start + 1, start + 2)
    assert EXAMPLES["counts"].keys() == found.fields.keys()
    assert "as anchored" in str(count_text(found)[1])
    other = client.scan_count(MADE_UP, start)
    assert (other.count, other.anchor is None) == (0, False)
    assert "Nothing of that hour" in str(count_text(client.scan_count(BAG, start - HOUR_MS))[1])
    node.scans.add(BAG, Scan(start + 3, None))
    with pytest.raises(VerificationError, match="lost or changed scans"):
        client.scan_count(BAG, start)


def test_a_node_without_a_key_or_scans_anchors_nothing(running: RunningNode) -> None:
    node = running.node
    later = node.now_ms() + 100 * 24 * HOUR_MS
    log = ScanLog(Path("nowhere"), MemoryValues())
    log.add(BAG, Scan(T, None))
    for key, scans in ((None, log), (node.gateway_key, ScanLog(Path("nowhere"), MemoryValues()))):
        own = OwnTransactions(node.chain, key, node.submit, lambda: later)
        running.run(ScanAnchor(node.store, scans, own).anchor())
        assert node.status().pending_transactions == 0


def test_an_hour_that_does_not_get_onto_the_ledger_is_handed_in_with_growing_pauses() -> None:
    world = ValidatorChain()
    world.grow(world.nothing())
    log = ScanLog(Path("nowhere"), MemoryValues())
    sent: list[bytes] = []
    now_ms = hour_of(START_MS) + 9 * HOUR_MS
    for hour in (1, 2):
        log.add(BAG, Scan(now_ms - hour * HOUR_MS, None))

    async def refuse(encoded: bytes) -> Refusal:
        sent.append(encoded)
        return Refusal(RefusalKind.BUSY, "pool.full", "")

    own = OwnTransactions(world.chain, key_of("maker"), refuse, lambda: now_ms + 60_000 + passed_ms)
    passed_ms = 0
    anchor = ScanAnchor(world.chain.store, log, own)
    handed_in = []
    for passed_ms in (0, 59_999, 60_000, 179_999, 180_000, 419_999):  # noqa: B007 (the clock reads it)
        asyncio.run(anchor.anchor())
        handed_in.append(len(sent))
    assert handed_in == [1, 1, 2, 2, 3, 3]


def test_a_count_that_is_not_what_was_anchored_is_refused() -> None:
    made = CountMap({BAG: Count(2, T, T + 1)})
    answer: JsonObject = {
        **EXAMPLES["counts"],
        "id": BAG,
        "count": 2,
        "first_ms": T,
        "last_ms": T + 1,
        "path": list[Json]([to_base64url(node) for node in made.path(BAG)]),
        "anchor": {"organisation": "maker", "root": made.root.hex(), "codes": 1, "scans": 2, "anchored_ms": T},
    }
    assert read_count(Fields(answer, "count")).count == 2
    wrong: tuple[JsonObject, ...] = ({"count": 1}, {"count": 0}, {"last_ms": T + 2}, {"path": []}, {"path": ["!"]})
    for changes in wrong:
        with pytest.raises(VerificationError):
            read_count(Fields({**answer, **changes}, "count"))


def test_a_count_of_another_code_or_hour_than_was_asked_is_refused() -> None:
    answer = {**EXAMPLES["counts"], "id": BAG, "hour_ms": hour_of(T), "anchor": None}
    client = Client("http://node", transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)))
    assert client.scan_count(BAG, T).count == 1
    for name, at_ms in ((MADE_UP, T), (BAG, T + HOUR_MS)):
        with pytest.raises(VerificationError, match="another code or hour"):
            client.scan_count(name, at_ms)


def test_odd_codes_are_listed_the_one_scanned_last_first(running: RunningNode) -> None:
    client = LyingNodes(running).client(HONEST)
    for name in ("https://id.gs1.org/01/09506000134390/21/odd1", "https://id.gs1.org/01/09506000134390/21/odd2"):
        client.record_scan(name)
    found = client.odd_scans()
    assert [one.id[-4:] for one in found[:2]] == ["odd2", "odd1"]
    assert [one.code for one in found[0].alerts] == ["unknown_serial"]
    first = running.json("/v1/scans/alerts", limit=1)
    assert EXAMPLES["alerts"].keys() == first.keys()
    assert EXAMPLES["alerts"]["entries"][0].keys() == first["entries"][0].keys()  # type: ignore[index, union-attr]
    assert len(first["entries"]) == 1
    assert running.json("/v1/scans/alerts", limit=1, cursor=first["next_cursor"])["entries"][0]["id"][-4:] == "odd1"
    assert "odd2" in str(odd_text(found)[0])
    assert odd_text(()) == ["No scans that this node was told of are odd."]


@pytest.mark.parametrize(
    "options", [[], [BAG, "--alerts"], [BAG, "--look", "--hour", "2026-11-24"], ["--alerts", "--look"]]
)
def test_options_that_do_not_go_together_are_refused(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["scan", *options])
    assert isinstance(result.exception, BadRequestError)


def test_the_hour_in_the_help_is_one_that_is_read() -> None:
    (hour,) = re.findall(r"--hour (\S+)", SCAN_EPILOG)
    # Nobody listens there: the question was understood and not answered.
    result = CliRunner().invoke(app, ["scan", BAG, "--hour", hour, "--node", "http://127.0.0.1:1"])
    assert isinstance(result.exception, UnavailableError)
    wrong = CliRunner().invoke(app, ["scan", BAG, "--hour", "tomorrow", "--node", "http://127.0.0.1:1"])
    assert isinstance(wrong.exception, BadRequestError)
