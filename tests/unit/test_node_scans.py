"""Scans of codes: what is kept, what is forgotten, what is odd about them, over HTTP, on the page and from the CLI."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo import Demo
from cli.demo_handbag import tell
from cli.handbag_story import BAG, MADE_UP, Handbag
from cli.output import Output
from cli.scan import scans_text
from node.api.scans import EXAMPLES
from node.scans.alerts import Alert, alerts_of
from node.scans.log import KEPT_MS, OF_A_THING_MAX, Scan, ScanLog
from node.spots import Spot, distance_km
from node.storage.errors import StorageError
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.memory_values import MemoryValues
from tests.support.running_node import RunningNode, running_node

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
