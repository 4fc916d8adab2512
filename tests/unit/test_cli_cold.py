"""`tradelane device` and `tradelane cold` against a real node."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from cli.main import run
from ledger.keys import signed_preimage
from ledger.transaction import Operation
from standards.durations import duration_text
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.support.shared_data import REPOSITORY
from tests.unit.test_node_api_problems import document, event
from tradelane import Client, load_key, new_key, record_readings, save_key
from tradelane.recording import Measured, batches

Command = Callable[..., tuple[int, str, str]]
GTIN = "09521102002002"
MINUTE_MS = 60_000


def pack(serial: str) -> str:
    return f"https://id.gs1.org/01/{GTIN}/21/{serial}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("cold")) as node:
        storage: dict[str, Any] = {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "budget_ms": 120 * MINUTE_MS}
        product: dict[str, Any] = {"gtin": GTIN, "name": "Salmon, fresh", "storage": storage}
        node.commit("brand", Operation("provenance.register_product", product))
        made = event("cold-made", action="ADD", epcList=[pack(f"P{number}") for number in range(6)])
        assert node.capture(document(made)).status_code == 200
        yield node


@pytest.fixture
def command(running: RunningNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TRADELANE_NETWORK", str(running.network.directory))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*arguments, "--node", HONEST])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def start_ms(running: RunningNode) -> int:
    """Three hours ago, at the beginning of a minute."""
    return (running.node.now_ms() // MINUTE_MS - 180) * MINUTE_MS


def done(command: Command, *arguments: str) -> Any:
    code, out, err = command(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat()


def new_device(command: Command, directory: Path, name: str, start_ms: int) -> Path:
    key = directory / f"{name}.json"
    life = ("--calibrated-from", iso(start_ms - 1), "--calibrated-until", "2099-01-01")
    done(command, "device", "new", name, "-o", str(key), *life, "--as", "brand")
    return key


def define_profile(command: Command, directory: Path, name: str) -> None:
    """Define the example profile under a name."""
    profile = json.loads((REPOSITORY / "examples" / "fridge-2-8.json").read_text())
    (directory / "profile.json").write_text(json.dumps({**profile, "id": name}))
    done(command, "cold", "profile", str(directory / "profile.json"), "--as", "brand")


def write_csv(file: Path, start_ms: int, values: list[str], step_minutes: int = 10) -> Path:
    """Write a logger's file in a dialect of its own: decimal commas, the zone in the header."""
    lines = ["Serial;42", "Time zone;UTC+02:00", "", "Date;Time;Temp (°C);RH (%)"]
    for index, value in enumerate(values):
        moment = datetime.fromtimestamp(start_ms / 1_000 + (120 + index * step_minutes) * 60, UTC)
        lines.append(f"{moment:%d.%m.%Y;%H:%M:%S};{value.replace('.', ',')};55,0")
    file.write_text("\n".join(lines), encoding="latin-1")
    return file


def test_from_a_new_device_to_an_acknowledged_breach(command: Command, tmp_path: Path, start_ms: int) -> None:
    key = new_device(command, tmp_path, "logger-7", start_ms)
    assert oct(key.stat().st_mode & 0o777) == "0o600"
    define_profile(command, tmp_path, "mine")
    done(command, "cold", "assign", "urn:epc:id:sgtin:9521102.000200.P0", "--device", "logger-7",
         "--profile", "mine", "--from", iso(start_ms), "--as", "brand")  # fmt: skip

    values = ["5.0", "5.25", "9.0", "9.5", "9.2", "5.0", "ERR", "5.0"]
    file = write_csv(tmp_path / "log.csv", start_ms, values)
    seen = done(command, "cold", "record", str(file), "--check")
    assert (seen["readings"], seen["unmeasured"], seen["max_milli_celsius"]) == (7, 1, 9_500)
    assert (seen["first_ms"], seen["last_ms"]) == (start_ms, start_ms + 70 * MINUTE_MS)
    first = done(command, "cold", "record", str(file), "--key", str(key))
    assert (first["recorded"], first["already"], first["unmeasured"], first["late"]) == (7, 0, 1, [])
    assert len(first["transactions"]) == 2, "what was not measured lies between two batches"
    again = done(command, "cold", "record", str(file), "--key", str(key))
    assert (again["recorded"], again["already"], again["transactions"]) == (0, 7, [])

    shown = done(command, "device", "show", "logger-7")
    assert (shown["last_sequence"], shown["missing"]) == (8, 1)
    record = done(command, "cold", "status", pack("P0"))
    assert (record["disposition"], record["out_of_range_ms"]) == ("QUARANTINE", 30 * MINUTE_MS)
    assert record["unmonitored_ms"] == 20 * MINUTE_MS, "nobody knows how warm it was where the sensor failed"
    (breach,) = record["breaches_found"]
    assert (breach["max_milli_celsius"], breach["acknowledged_by"]) == (9_500, None)
    told = done(command, "cold", "acknowledge", pack("P0"), "1", "--comment", "door open", "--as", "brand")
    assert told["outputs"] == [{"disposition": "QUARANTINE"}]
    code, out, _ = command("cold", "status", pack("P0"))
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    for words in ("QUARANTINE GTIN 09521102002002 serial P0", "30 min, of a budget of 2 h", "door open", "in a row"):
        assert words in " ".join(out.split()), words


def test_the_curve_of_a_thing(command: Command, running: RunningNode, tmp_path: Path, start_ms: int) -> None:
    """Two hours within the range, a stretch that is too warm, forty minutes without a reading, and back."""
    key = new_device(command, tmp_path, "curve", start_ms)
    define_profile(command, tmp_path, "curve")
    watched = ("--device", "curve", "--profile", "curve", "--from", iso(start_ms), "--as", "brand")
    done(command, "cold", "assign", pack("P3"), *watched)
    code, out, _ = command("cold", "report", pack("P3"))
    assert (code, out.splitlines()[-1]) == (0, "no readings in this time")
    code, _, err = command("cold", "report", pack("P3"), "--svg", str(tmp_path / "none.svg"), "--json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "report.empty")

    values = [(minute, "5") for minute in range(0, 100, 5)] + [(minute, "9.5") for minute in range(100, 140, 5)]
    values += [(180, "1.5"), (175, "4")]
    rows = [f"{iso(start_ms + minute * MINUTE_MS)},{value}" for minute, value in sorted(values)]
    (tmp_path / "log.csv").write_text("\n".join(["timestamp,temp_c", *rows]))
    done(command, "cold", "record", str(tmp_path / "log.csv"), "--key", str(key))

    svg = tmp_path / "curve.svg"
    code, out, err = command("cold", "report", pack("P3"), "--svg", str(svg))
    assert code == 0, err
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines), max(lines, key=len)
    chart = [line for line in lines if "┤" in line]
    assert (len(chart), chart[0][:9], chart[-1][:9]) == (14, "   10.5 ┤", "    0.5 ┤")
    assert [line[:9].split()[0] for line in chart if line[:7].strip()] == ["10.5", "8.0", "2.0", "0.5"]
    assert "#" in chart[1][9:], "too warm at the row below the top"
    assert "#" in chart[-2][9:] + chart[-1][9:], "too cold at the bottom"
    assert all("░" in line for line in chart)
    assert sum("•" in line for line in chart) == 2, "at five degrees, and at four"
    under = lines[lines.index(chart[-1]) + 1]
    assert "!" in under
    assert "░" in under
    assert out.count("┄ label 2 to 8 °C  ░ not monitored  ! breach") == 1
    assert "30, 1.5 to 9.5 °C, 9 outside" in out
    assert "gaps          1, 40 min" in out
    assert "above 8 °C for 30 min in a row: quarantine" in out
    assert svg.read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    drawn = ElementTree.fromstring(svg.read_text())
    classes = [one.get("class") for one in drawn.iter()]
    assert [classes.count(kind) for kind in ("in", "out", "gap", "breach", "band")] == [21, 9, 1, 1, 1]

    found = done(command, "cold", "report", pack("P3"))
    assert (len(found["readings"]), found["outside"]) == (30, 9)
    assert found["gaps"] == [[start_ms + 135 * MINUTE_MS, start_ms + 175 * MINUTE_MS]]
    assert found["record"]["unmonitored_ms"] == 40 * MINUTE_MS, "the ledger sees the gap that is drawn"
    assert found["mean_kinetic"]["monitored_ms"] == 140 * MINUTE_MS
    assert 5 < found["mean_kinetic"]["celsius"] < 9.5
    window = ("--from", iso(start_ms + 20 * MINUTE_MS), "--to", iso(start_ms + 30 * MINUTE_MS))
    assert len(done(command, "cold", "report", pack("P3"), *window)["readings"]) == 2
    assert command("cold", "report", pack("P3"), "--from", "yesterday")[0] == 1
    assert command("cold", "report", pack("P9"))[0] == 3


def test_what_comes_too_late_is_told_from_what_is_there(command: Command, tmp_path: Path, start_ms: int) -> None:
    key = new_device(command, tmp_path, "logger-late", start_ms)
    done(command, "cold", "record", str(write_csv(tmp_path / "a.csv", start_ms, ["5", "6", "7"])), "--key", str(key))
    # The same times, one value changed, one time between two that are there, and a new one.
    text = "\n".join(
        ["timestamp,temp_c", *(f"{iso(start_ms + minute * MINUTE_MS)},{value}" for minute, value in
                               [(0, 5), (5, 5.5), (10, 6.5), (20, 7), (30, 8)])]
    )  # fmt: skip
    (tmp_path / "b.csv").write_text(text)
    code, out, _ = command("cold", "record", str(tmp_path / "b.csv"), "--key", str(key), "--json")
    found = json.loads(out)
    assert (code, found["recorded"], found["already"]) == (5, 1, 2)
    assert found["late"] == [[start_ms + 5 * MINUTE_MS, 5_500], [start_ms + 10 * MINUTE_MS, 6_500]]
    code, out, _ = command("cold", "record", str(tmp_path / "b.csv"), "--key", str(key))
    assert code == 5
    assert "2 of" in out
    assert "are not recorded" in out


def test_senml_of_one_sensor(command: Command, tmp_path: Path, start_ms: int) -> None:
    key = new_device(command, tmp_path, "front", start_ms)
    base = f'"bn": "truck/", "bt": {start_ms // 1_000}'
    both = (
        f'[{{{base}, "bu": "Cel", "n": "front", "v": 4}}, {{"n": "back", "v": 5}}, {{"n": "rh", "u": "%RH", "v": 40}}]'
    )
    (tmp_path / "pack.json").write_text(both)
    code, _, err = command("cold", "record", str(tmp_path / "pack.json"), "--key", str(key))
    assert (code, "truck/back, truck/front" in err) == (1, True)
    found = done(command, "cold", "record", str(tmp_path / "pack.json"), "--sensor", "truck/front", "--key", str(key))
    assert (found["device"], found["recorded"]) == ("front", 1)
    assert found["left_out"] == ["record 2 of truck/rh is in '%RH', not in 'Cel' or 'K'"]
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + both.encode())
    again = done(command, "cold", "record", str(tmp_path / "marked.json"), "--sensor", "truck/front", "--key", str(key))
    assert again["already"] == 1
    (tmp_path / "odd.json").write_bytes(b'[{"n": "\xff"}]')
    code, _, err = command("cold", "record", str(tmp_path / "odd.json"), "--key", str(key), "--json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "readings.pack_not_text")
    (tmp_path / "relative.json").write_text('[{"n": "a", "u": "Cel", "v": 4, "t": -5}]')
    code, _, err = command("cold", "record", str(tmp_path / "relative.json"), "--key", str(key))
    assert (code, "counts from its arrival" in " ".join(err.split())) == (1, True)


def test_many_readings_go_in_batches_and_on_after_a_lost_answer(
    command: Command, running: RunningNode, tmp_path: Path, start_ms: int
) -> None:
    """The answer of the second batch is lost, so that it is there although nobody was told."""
    key = load_key(new_device(command, tmp_path, "busy", start_ms))
    measured: list[Measured] = [(start_ms + second * 1_000, 4_000 + second) for second in range(2_500)]
    hosts = LyingNodes(running)
    posts = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal posts
        response = hosts._answer(request)
        posts += request.method == "POST"
        if request.method == "POST" and posts == 2:
            raise httpx.ReadTimeout("the answer is lost", request=request)
        return response

    with Client(HONEST, transport=httpx.MockTransport(answer)) as client:
        seen: list[int] = []
        found = record_readings(client, key, measured, lambda done, total: seen.append(done))
        assert (found.recorded, found.already, found.late) == (2_500, 0, [])
        assert seen == [0, 1_000, 2_000]
        # Another gateway with the same key was faster: the numbers are taken, and the readings are there.
        (device,) = client.devices(key=key.public_key.hex())
        stale = replace(device, last_sequence=1_000, last_ms=measured[999][0])
        client.devices = lambda owner=None, key=None: (stale,)  # type: ignore[method-assign]
        again = record_readings(client, key, measured)
        assert (again.recorded, again.already, again.late) == (0, 2_500, [])
        assert [len(batch.readings) for batch in client.device_readings("busy")] == [1_000, 1_000, 500]


def test_a_number_is_left_out_for_each_moment_without_a_reading() -> None:
    measured: list[Measured] = [(1, None), (2, 5), (3, None), (4, None), (5, 6), (6, 7), (7, None)]
    assert [(one.first_sequence, one.readings) for one in batches(measured, 10)] == [
        (11, ((2, 5),)),
        (14, ((5, 6), (6, 7))),
    ]
    assert list(batches([(1, None)], 1)) == []


def test_devices_that_may_not(command: Command, running: RunningNode, tmp_path: Path, start_ms: int) -> None:
    key = new_device(command, tmp_path, "old", start_ms)
    file = write_csv(tmp_path / "log.csv", start_ms - 60 * MINUTE_MS, ["5"])
    code, _, err = command("cold", "record", str(file), "--key", str(key), "--json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "device.not_calibrated")
    life = ("--calibrated-from", iso(start_ms - 120 * MINUTE_MS), "--calibrated-until", iso(start_ms))
    done(command, "device", "calibrate", "old", *life, "--certificate", str(file), "--as", "brand")
    assert done(command, "cold", "record", str(file), "--key", str(key))["recorded"] == 1
    shown = command("device", "show", "old")[1]
    assert "calibrated" in shown
    assert "certificate" in shown
    done(command, "device", "revoke", "old", "--as", "brand")
    code, _, err = command("cold", "record", str(file), "--key", str(key), "--json")
    assert (code, json.loads(err)["error"]["code"]) == (4, "device.revoked")
    code, _, err = command("cold", "record", str(file), "--as", "brand", "--json")
    assert (code, json.loads(err)["error"]["code"]) == (3, "device.key_unknown")
    listed = {one["id"]: one for one in done(command, "device", "list", "--of", "brand")}
    assert listed["old"]["revoked_ms"] is not None
    assert done(command, "device", "list", "--of", "carrier") == []

    # A key that is the organisation's already is not added again; a device with it can be registered once.
    made = tmp_path / "own.json"
    save_key(made, new_key())
    named = ("--device-key", str(made), "--calibrated-until", "2099-01-01", "--as", "brand")
    done(command, "device", "register", "own", *named)
    code, _, err = command("device", "register", "own-2", *named, "--json")
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.device_exists")
    code, _, err = command("device", "new", "x", "-o", str(made), "--calibrated-until", "2099-01-01", "--as", "brand")
    assert (code, "never overwritten" in err) == (5, True)


def test_an_operator_registers_a_device_whose_key_an_admin_has_added(
    command: Command, running: RunningNode, tmp_path: Path
) -> None:
    operator, device = tmp_path / "operator.json", tmp_path / "device.json"
    keys = {file: new_key() for file in (operator, device)}
    added = []
    for file, key in keys.items():
        save_key(file, key)
        proof = key.sign(signed_preimage("possession", running.node.chain.chain_id, b"brand"))
        purpose = "operator" if file == operator else "device"
        limits: dict[str, Any] = {} if file == operator else {"methods": ["cold_chain.record_batch"]}
        fields: dict[str, Any] = {"key": key.public_key, "purpose": purpose, "proof": proof, **limits}
        added.append(Operation("membership.add_key", fields))
    running.commit("brand", added[0])
    until = ("--calibrated-until", "2099-01-01")
    asked = ["device", "register", "by-operator", "--device-key", str(device), *until, "--of", "brand"]
    asked += ["--key", str(operator)]
    code, _, err = command(*asked, "--json")
    assert (code, json.loads(err)["error"]["code"]) == (4, "transaction.key_not_allowed")
    running.commit("brand", added[1])
    assert done(command, *asked)["organisation"] == "brand"
    made = ("device", "new", "by-operator", "-o", str(tmp_path / "again.json"), *until, "--as", "brand")
    code, _, err = command(*made)
    assert code == 5
    assert "tradelane device register --device-key takes it" in " ".join(err.split())


def test_a_watch_that_ends(command: Command, tmp_path: Path, start_ms: int) -> None:
    new_device(command, tmp_path, "short", start_ms)
    define_profile(command, tmp_path, "short")
    watched = ("--device", "short", "--profile", "short", "--as", "brand")
    done(command, "cold", "assign", pack("P1"), "--from", iso(start_ms), *watched)
    ended = done(command, "cold", "release", pack("P1"), "--device", "short", "--as", "brand")
    assert ended["until_ms"] > start_ms
    code, _, err = command("cold", "release", pack("P1"), "--device", "short", "--as", "brand")
    assert code != 0, err
    code, out, _ = command("cold", "status", pack("P2"))
    assert (code, out) == (0, "no device ever watched GTIN 09521102002002 serial P2\n")
    assert "short" in [one["id"] for one in done(command, "cold", "profiles")]
    assert "above 8 °C for 30 min in a row: quarantine" in " ".join(command("cold", "profiles")[1].split())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1}', "[" * 60_000, '{"id": "x", "limits": [1]}'])
def test_a_file_that_is_no_profile(command: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "profile.json").write_text(text)
    code, _, err = command("cold", "profile", str(tmp_path / "profile.json"), "--as", "brand", "--json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "profile.file")


def test_a_bridge_wants_a_device_for_each_sensor(command: Command, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    save_key(key, new_key())
    for given, wanted in (
        ([str(key)], "bridge.device_key"),
        ([f"={key}"], "bridge.device_key"),
        ([f"a={key}", f"b={key}"], "bridge.device_key"),
        ([f"a={tmp_path / 'none'}"], "key_file.missing"),
        ([f"a={key}"], "device.key_unknown"),
    ):
        keys = [word for text in given for word in ("--device-key", text)]
        code, _, err = command("cold", "bridge", "--broker", "mqtt://127.0.0.1:1", "--topic", "t", *keys, "--json")
        assert (code in (1, 3), json.loads(err.splitlines()[-1])["error"]["code"]) == (True, wanted)


def test_a_span_of_nothing_is_said() -> None:
    assert duration_text(0) == "0 s"
    assert duration_text(61_000) == "1 min"
