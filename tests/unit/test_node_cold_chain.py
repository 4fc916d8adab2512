"""Devices, profiles, cold records, breaches and readings as a node shows them, and as the client gives them typed."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.transaction import Operation
from node.api.cold_chain import EXAMPLES
from tests.support.cold_story import (
    DEVICE,
    FIRST,
    GTIN,
    INNER,
    MINUTE_MS,
    OTHER,
    PACK,
    PROFILE,
    SECOND,
    ColdStory,
    tell,
)
from tests.support.lying_nodes import HONEST, LIAR, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tradelane import Client, ColdLimit, UnavailableError


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("cold")) as node:
        yield node


@pytest.fixture(scope="module")
def story(running: RunningNode) -> ColdStory:
    return tell(running)


@pytest.fixture
def client(running: RunningNode, story: ColdStory) -> Client:
    return LyingNodes(running).client(HONEST)


def test_a_device_under_its_id_its_owner_and_its_key(client: Client, story: ColdStory) -> None:
    found = client.device(DEVICE)
    assert (found.id, found.owner, found.key) == (DEVICE, "brand", story.key.public_key.hex())
    assert (found.last_sequence, found.missing) == (10, 2)
    assert found.last_ms == story.from_ms + 90 * MINUTE_MS
    assert found.watches == ((PACK, story.from_ms),)
    assert found.is_calibrated_at(story.from_ms)
    assert not found.is_calibrated_at(story.from_ms + 10**9)
    assert client.devices() == client.devices(owner="brand") == client.devices(key=found.key) == (found,)
    assert client.devices(owner="carrier") == client.devices(owner="carrier", key=found.key) == ()
    assert client.devices(key="00" * 32) == client.devices(key="no key") == ()


def test_a_profile(client: Client) -> None:
    found = client.cold_profile(PROFILE)
    assert (found.min_milli_celsius, found.max_milli_celsius, found.gap_ms) == (2_000, 8_000, 15 * MINUTE_MS)
    assert found.limits[1] == ColdLimit("consecutive", "below", -500, 60 * MINUTE_MS, "reject")


def test_the_record_of_a_thing_that_was_too_warm(client: Client, story: ColdStory) -> None:
    found = client.cold_record("urn:epc:id:sgtin:9521102.000200.C1")
    assert (found.id, found.product, found.disposition, found.is_rejected) == (PACK, GTIN, "QUARANTINE", False)
    assert (found.out_of_range_ms, found.budget_ms) == (30 * MINUTE_MS, 120 * MINUTE_MS)
    assert (found.min_milli_celsius, found.max_milli_celsius) == (2_000, 8_000)
    assert found.unmonitored_ms == 30 * MINUTE_MS
    assert (found.breaches, found.unacknowledged) == (1, 1)
    (watch,) = found.watches
    assert (watch.device, watch.profile, watch.from_ms, watch.until_ms) == (DEVICE, PROFILE, story.from_ms, None)
    assert (watch.readings, watch.min_milli_celsius, watch.max_milli_celsius) == (8, 4_500, 9_500)
    assert watch.monitored_ms == 60 * MINUTE_MS


def test_a_thing_that_nobody_watched(client: Client) -> None:
    found = client.cold_record(OTHER)
    assert (found.disposition, found.watches, found.out_of_range_ms, found.budget_ms) == (None, (), 0, 120 * MINUTE_MS)
    assert client.cold_breaches(OTHER) == ()
    assert client.cold_readings(OTHER) == ()


def test_what_was_inside_for_a_while_inherits_that_while(client: Client, story: ColdStory) -> None:
    found = client.cold_record(INNER)
    assert (found.disposition, found.watches, found.out_of_range_ms) == (None, (), 0)
    # All of the half hour that was too warm, and of the gap after it what was before it came out.
    assert (found.overall_disposition, found.inherited.breaches) == ("QUARANTINE", 1)
    assert (found.inherited.out_of_range_ms, found.inherited.unmonitored_ms) == (30 * MINUTE_MS, 5 * MINUTE_MS)
    (stay,) = found.inherited.stays
    assert (stay.container, stay.device, stay.profile) == (PACK, DEVICE, PROFILE)
    assert (stay.from_ms, stay.until_ms) == (story.from_ms + 15 * MINUTE_MS, story.from_ms + 55 * MINUTE_MS)
    assert (stay.readings, stay.monitored_ms) == (4, 35 * MINUTE_MS)
    assert (stay.min_milli_celsius, stay.max_milli_celsius) == (5_000, 9_500)
    (breach,) = stay.breaches
    assert (breach.number, breach.limit.threshold_milli_celsius, breach.custodian) == (1, 8_000, "brand")
    assert (breach.from_ms, breach.until_ms) == (story.from_ms + 20 * MINUTE_MS, story.from_ms + 50 * MINUTE_MS)
    assert (client.cold_record(PACK).overall_disposition, client.cold_record(PACK).inherited.stays) == (
        "QUARANTINE",
        (),
    )


def test_a_breach_and_its_acknowledgement(running: RunningNode, client: Client, story: ColdStory) -> None:
    (found,) = client.cold_breaches(PACK)
    assert (found.number, found.limit.timer, found.limit.threshold_milli_celsius) == (1, "consecutive", 8_000)
    assert (found.from_ms, found.until_ms) == (story.from_ms + 20 * MINUTE_MS, story.from_ms + 50 * MINUTE_MS)
    assert (found.first_sequence, found.last_sequence) == (3, 5)
    assert (found.min_milli_celsius, found.max_milli_celsius, found.custodian) == (9_000, 9_500, "brand")
    if found.acknowledged_by is None:
        said: dict[str, Any] = {"thing": PACK, "breach": 1, "comment": "door left open"}
        running.commit("brand", Operation("cold_chain.acknowledge", said))
        (found,) = client.cold_breaches(PACK)
    assert (found.acknowledged_by, found.comment) == ("brand", "door left open")


def test_readings_with_device_calibration_and_place_on_the_ledger(client: Client, story: ColdStory) -> None:
    first, second = client.cold_readings(PACK)
    assert [list(row) for row in first.readings] == story.readings(FIRST)
    assert (first.first_sequence, second.first_sequence) == (1, 9)
    assert [list(row) for row in second.readings] == story.readings(SECOND)
    assert (second.device, second.profile) == (DEVICE, PROFILE)
    assert second.calibrations == ((story.from_ms - 1, story.from_ms + 10**9),)
    receipt = client.transaction(second.transaction).receipt
    assert receipt is not None
    assert receipt.is_success


@pytest.mark.parametrize(
    ("from_minute", "until_minute", "wanted"),
    [
        (None, None, [(1, 6), (9, 2)]),
        (10, 30, [(2, 2)]),
        (10, None, [(2, 5), (9, 2)]),
        (None, 80, [(1, 6)]),
        (81, 91, [(10, 1)]),
        (91, None, []),
        (51, 80, []),
    ],
)
def test_readings_between_two_times(
    client: Client, story: ColdStory, from_minute: int | None, until_minute: int | None, wanted: list[tuple[int, int]]
) -> None:
    ends = [None if minute is None else story.from_ms + minute * MINUTE_MS for minute in (from_minute, until_minute)]
    found = client.cold_readings(PACK, *ends)
    assert [(batch.first_sequence, len(batch.readings)) for batch in found] == wanted


def test_what_a_device_recorded_watched_or_not(running: RunningNode, client: Client, story: ColdStory) -> None:
    first, second = client.device_readings(DEVICE)
    assert [list(row) for row in first.readings] == story.readings(FIRST)
    assert (first.device, first.first_sequence, second.first_sequence) == (DEVICE, 1, 9)
    assert second.transaction == client.cold_readings(PACK)[1].transaction
    minute = [story.from_ms + minute * MINUTE_MS for minute in (80, 90)]
    (one,) = client.device_readings(DEVICE, *minute)
    assert (one.first_sequence, one.readings) == (9, ((minute[0], 5_000),))
    assert client.device_readings(DEVICE, minute[1] + 1) == ()
    page = running.json(f"/v1/devices/{DEVICE}/readings", limit=1)
    assert (len(page["entries"]), page["next_cursor"] is None) == (1, False)
    assert running.get("/v1/devices/none/readings").json()["code"] == "device.unknown"
    assert [one.id for one in client.cold_profiles()] == [PROFILE]


def test_pages_of_readings_join_up(running: RunningNode, client: Client) -> None:
    whole = running.json("/v1/items/cold-chain/readings", id=PACK)
    assert whole["next_cursor"] is None
    found: list[Any] = []
    cursor: dict[str, str] = {}
    for _ in range(10):
        page = running.json("/v1/items/cold-chain/readings", id=PACK, limit=1, **cursor)
        found += page["entries"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == whole["entries"]
    assert running.get("/v1/items/cold-chain/readings", id=PACK, cursor="999").json()["code"] == "query.cursor"


def test_a_page_of_readings_is_bounded(running: RunningNode, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.cold_chain.READINGS_PAGE_MAX", 6)
    page = running.json("/v1/items/cold-chain/readings", id=PACK)
    assert [entry["first_sequence"] for entry in page["entries"]] == [1]
    assert page["next_cursor"] is not None
    assert len(client.cold_readings(PACK)) == 2


def test_what_is_not_there_is_a_problem(running: RunningNode) -> None:
    assert running.get("/v1/devices/none").json()["code"] == "device.unknown"
    assert running.get("/v1/cold-profiles/none").json()["code"] == "cold_profile.unknown"
    for path in ("", "/breaches", "/readings"):
        assert running.get(f"/v1/items/cold-chain{path}", id="urn:thing").json()["code"] == "item.unknown"


def test_the_examples_have_the_fields_of_real_answers(running: RunningNode, client: Client) -> None:
    real = {
        "device": client.device(DEVICE).fields,
        "profile": client.cold_profile(PROFILE).fields,
        "record": {**client.cold_record(PACK).fields, "inherited": client.cold_record(INNER).fields["inherited"]},
        "breach": client.cold_breaches(PACK)[0].fields,
        "batch": running.json("/v1/items/cold-chain/readings", id=PACK)["entries"][0],
        "recorded": running.json(f"/v1/devices/{DEVICE}/readings")["entries"][0],
    }
    assert EXAMPLES.keys() == real.keys()
    for name, example in EXAMPLES.items():
        assert _shape(example) == _shape(real[name]), name


def test_an_answer_of_another_shape_is_no_answer(running: RunningNode, story: ColdStory) -> None:
    def lie(path: str, answer: Any) -> None:
        for entry in answer["entries"]:
            entry["readings"][0][1] = "cold"

    hosts = LyingNodes(running, lie)
    with pytest.raises(UnavailableError, match="readings is not an array of arrays of an integer, an integer"):
        hosts.client(LIAR).cold_readings(PACK)


def _shape(value: Any) -> Any:
    """Return the names of all fields, however deep."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value else None
