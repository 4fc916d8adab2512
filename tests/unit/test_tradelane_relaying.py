"""What a gateway does with SenML messages: each reading once, and a reason for everything else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.device_ledger import DeviceLedger
from tradelane import BadRequestError, UnavailableError
from tradelane.dead_letters import DeadLetters
from tradelane.relaying import Refusal, Relay

START_S = 1_795_000_000


@pytest.fixture
def ledger() -> DeviceLedger:
    return DeviceLedger()


@pytest.fixture
def relay(ledger: DeviceLedger) -> Relay:
    sensors = {"t/front": ledger.add("front"), "t/back": ledger.add("back", calibrated_until_ms=START_S * 1_000 + 500)}
    return Relay(ledger.client, sensors)


def message(*records: dict[str, Any]) -> bytes:
    return json.dumps([{"bn": "t/", "bt": START_S, "bu": "Cel"}, *records]).encode()


def codes(relay: Relay, payload: bytes) -> list[str]:
    return [one.code for one in relay.take(payload).refusals]


def test_each_sensor_has_a_device_of_its_own_and_none_disturbs_another(ledger: DeviceLedger, relay: Relay) -> None:
    """Together their times would not rise, and neither do they in the message."""
    payload = message(
        {"n": "front", "t": 60, "v": 5},
        {"n": "back", "v": -18},
        {"n": "front", "v": 4},
        {"n": "front", "v": 4},
        {"n": "humidity", "u": "%RH", "v": 60},
    )
    settled = relay.take(payload)
    assert (settled.recorded, settled.already, settled.refusals) == (3, 0, [])
    assert ledger.rows("front") == [(1, START_S * 1_000, 4_000), (2, (START_S + 60) * 1_000, 5_000)]
    assert ledger.rows("back") == [(1, START_S * 1_000, -18_000)]
    again = relay.take(payload)
    assert (again.recorded, again.already, again.refusals) == (0, 3, [])


def test_a_large_message_goes_in_batches_and_lets_the_connection_live(ledger: DeviceLedger, relay: Relay) -> None:
    turns: list[int] = []
    records = [{"n": "front", "t": index, "v": 4} for index in range(9_999)]
    settled = relay.take(message(*records), lambda: turns.append(len(ledger.submitted)))
    assert settled.recorded == 9_999
    assert ledger.submitted == [1_000] * 9 + [999]
    assert turns == list(range(1, 10))
    assert codes(relay, message(*records, {"n": "front", "v": 1})) == ["pack_shape"], "a record more than there may be"


def test_a_wrong_unit_is_told_and_what_is_right_is_recorded(ledger: DeviceLedger, relay: Relay) -> None:
    settled = relay.take(message({"n": "front", "v": 4}, {"n": "front", "t": 60, "u": "degF", "v": 41}))
    assert settled.recorded == 1
    assert settled.refusals == [
        Refusal("not_a_temperature", "record 2 of t/front is in 'degF', not in 'Cel' or 'K'"),
    ]
    many = [{"n": "front", "t": index, "u": "degF", "v": 41} for index in range(25)]
    assert relay.take(message(*many)).refusals[-1] == Refusal("not_a_temperature", "and 5 records more")


def test_what_comes_too_late_is_told_from_what_comes_twice(ledger: DeviceLedger, relay: Relay) -> None:
    relay.take(message({"n": "front", "v": 4}, {"n": "front", "t": 60, "v": 5}))
    settled = relay.take(
        message({"n": "front", "v": 4}, {"n": "front", "t": 30, "v": 9}, {"n": "front", "t": 90, "v": 6})
    )
    assert (settled.recorded, settled.already) == (1, 1)
    (refusal,) = settled.refusals
    assert refusal.code == "late"
    assert refusal.text.startswith("1 of t/front from ")
    assert [row[2] for row in ledger.rows("front")] == [4_000, 5_000, 6_000]


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (b"\xff", ["pack_not_text"]),
        (b"no pack", ["pack_not_json"]),
        (b"[" + b" " * 4_194_304 + b"]", ["pack_too_long"]),
        (b'[{"n": "t/front", "u": "Cel", "v": 4}]', ["pack_record"]),
        (message({"n": "front", "v": 4}, {"n": "front", "v": 5}), ["contradiction"]),
        (message({"n": "middle", "v": 4}), ["unknown_sensor"]),
        (message({"n": "humidity", "u": "%RH", "v": 60}), ["no_temperature"]),
        (message({"n": "back", "t": 1, "v": -18}), ["device.not_calibrated"]),
    ],
)
def test_what_can_never_be_recorded_has_a_reason(
    ledger: DeviceLedger, relay: Relay, payload: bytes, wanted: list[str]
) -> None:
    assert codes(relay, payload) == wanted
    assert ledger.submitted == []


def test_what_can_succeed_later_is_raised_and_taken_again(ledger: DeviceLedger, relay: Relay) -> None:
    payload = message({"n": "front", "v": 4}, {"n": "back", "v": -18})
    ledger.faults = ["", "before"]
    with pytest.raises(UnavailableError):
        relay.take(payload)
    assert relay.take(payload).already == 1
    ledger.faults = ["after"]
    later = message({"n": "front", "t": 60, "v": 5})
    with pytest.raises(UnavailableError):
        relay.take(later)
    settled = relay.take(later)
    assert (settled.recorded, settled.already, settled.refusals) == (0, 1, [])
    assert ledger.submitted == [1, 1, 1]


def test_a_wrong_clock_here_is_not_the_fault_of_the_message(ledger: DeviceLedger, relay: Relay) -> None:
    ledger.faults = ["expired"]
    with pytest.raises(BadRequestError, match="has expired"):
        relay.take(message({"n": "front", "v": 4}))
    assert relay.take(message({"n": "front", "v": 4})).recorded == 1


def test_a_node_that_is_behind_makes_nothing_late(
    ledger: DeviceLedger, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lack the readings that it was asked for, or the state of the device; both pass by waiting."""
    payload = message({"n": "front", "v": 4})
    unknown = ledger.devices(key=ledger.device("front").key)
    relay.take(payload)
    with monkeypatch.context() as behind:
        behind.setattr(ledger, "device_readings", lambda name, from_ms, until_ms: ())
        with pytest.raises(UnavailableError, match="is behind"):
            relay.take(payload)
    with monkeypatch.context() as behind:
        behind.setattr(ledger, "devices", lambda owner=None, key=None: unknown)
        behind.setattr(ledger, "device", lambda name: unknown[0])
        with pytest.raises(UnavailableError, match="is behind"):
            relay.take(payload)
        behind.undo()
        behind.setattr(ledger, "devices", lambda owner=None, key=None: unknown)
        assert relay.take(payload).already == 1, "a number that is taken makes it look again"


def test_dead_letters_are_lines_with_their_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "dead.jsonl"
    letters = DeadLetters(file)
    letters.keep(7, "a/\udcff", b"\x00\xff", [Refusal("late", "too late")])
    monkeypatch.setattr("tradelane.dead_letters.PAYLOAD_BYTES_MAX", 3)
    letters.keep(8, "b", b"abcdef", [Refusal("x", "y\nz"), Refusal("u", "v")])
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert first == {"time_ms": 7, "topic": "a/?", "size_bytes": 2, "payload": "AP8=",
                     "reasons": [{"code": "late", "text": "too late"}]}  # fmt: skip
    assert (second["payload"], second["size_bytes"], len(second["reasons"])) == ("YWJj", 6, 2)
    monkeypatch.setattr("tradelane.dead_letters.FILE_BYTES_MAX", file.stat().st_size - 1)
    with pytest.raises(BadRequestError, match="more than"):
        letters.keep(9, "c", b"", [])
    with pytest.raises(BadRequestError, match="No such file"):
        DeadLetters(tmp_path / "none" / "dead").keep(9, "c", b"", [])
