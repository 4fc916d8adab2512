"""The MQTT bridge with a real broker: what is not settled is not acknowledged, and nothing is lost or taken twice."""

import gc
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client as MqttClient

from ledger.codec import Value
from ledger.keys import signed_preimage
from ledger.transaction import Operation
from tests.support.cluster import free_base_port, organisation_key, running_cluster
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.shared_data import REPOSITORY
from tradelane import BadRequestError, Client, NotAuthorisedError, TradelaneError, UnavailableError, new_key, save_key
from tradelane.mqtt_bridge import Broker, MqttBridge, read_broker

TOPIC = "trucks/7/senml"
PATIENCE_S = 30.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running_mosquitto(tmp_path) as running:
        yield running


def await_true(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Taker:
    """Settles messages in memory, and fails where a test says so."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.told: list[str] = []
        self.is_down = False
        self.pause = threading.Event()
        self.pause.set()

    def __call__(self, topic: str, payload: bytes, progress: Callable[[], None]) -> None:
        if self.is_down:
            raise UnavailableError("no_node", "no node answers")
        assert topic == TOPIC
        self.taken.append(payload.decode())
        self.pause.wait(PATIENCE_S)
        # A turn reads one packet, and the end of a connection stands behind what was sent on it.
        for _ in range(8):
            progress()


@contextmanager
def bridging(broker: Mosquitto, taker: Taker, address: Broker | None = None) -> Iterator[None]:
    """Run a bridge of one session in a thread until the block ends."""
    stop = threading.Event()
    bridge = MqttBridge(address or read_broker(broker.url), [TOPIC], "bridge", taker, taker.told.append)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            bridge.run(stop.is_set)
        except TradelaneError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        await_true(lambda: any("connected" in text for text in taker.told) or not thread.is_alive())
        yield
    finally:
        stop.set()
        taker.pause.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def test_what_is_not_settled_comes_again(broker: Mosquitto) -> None:
    """No node answers: the message waits, in this process and, after its end, at the broker."""
    down = Taker()
    down.is_down = True
    with bridging(broker, down):
        broker.publish(TOPIC, ["1", "2"])
        await_true(lambda: any("no node answers" in text for text in down.told))
    assert down.taken == []
    up = Taker()
    with bridging(broker, up):
        await_true(lambda: len(up.taken) == 2)
    assert up.taken == ["1", "2"]
    assert any("session kept" in text for text in up.told)
    later = Taker()
    with bridging(broker, later):
        broker.publish(TOPIC, ["3"])
        await_true(lambda: bool(later.taken))
    assert later.taken == ["3"], "what was settled was acknowledged"


def test_a_number_of_the_old_connection_is_never_acknowledged_on_the_new_one(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is killed while a message is being settled; on the new connection its number is another message's."""
    with bridging(broker, Taker()):
        pass
    broker.publish(TOPIC, ["1", "2", "3"])
    broker.save()
    acknowledged: list[int] = []
    ack = MqttClient.ack

    def noted(client: MqttClient, mid: int, qos: int) -> Any:
        acknowledged.append(mid)
        return ack(client, mid, qos)

    monkeypatch.setattr(MqttClient, "ack", noted)
    slow = Taker()
    slow.pause.clear()
    with bridging(broker, slow):
        await_true(lambda: slow.taken == ["1"])
        broker.kill()
        broker.start()
        slow.pause.set()
        await_true(lambda: len(acknowledged) >= 3)
    # The first was settled twice: its acknowledgement would have been that of whatever has its number now.
    assert slow.taken == ["1", "1", "2", "3"]
    assert len(acknowledged) == len(set(acknowledged)) == 3
    nothing = Taker()
    with bridging(broker, nothing):
        broker.publish(TOPIC, ["4"])
        await_true(lambda: bool(nothing.taken))
    assert nothing.taken == ["4"]


def test_who_may_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "nobody").write_text("")
    with running_mosquitto(tmp_path, (f"password_file {tmp_path / 'nobody'}",)) as closed:
        with pytest.raises(NotAuthorisedError, match="does not let us in"), bridging(closed, Taker()):
            pass
        closed.kill()
        until = time.monotonic() + 0.1
        lonely = MqttBridge(read_broker(closed.url), [TOPIC], "x", Taker(), Taker().told.append)
        with pytest.raises(UnavailableError, match="no broker answered"):
            lonely.run(lambda: time.monotonic() > until)


# The library leaves a socket open whose handshake failed; it is collected here, before another test is blamed.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_encrypted_connection_to_whom_an_authority_vouches_for(tmp_path: Path) -> None:
    port = free_base_port(1)
    certificate, key = write_certificate(tmp_path)
    lines = ("allow_anonymous true", f"listener {port} 127.0.0.1", f"certfile {certificate}", f"keyfile {key}")
    with running_mosquitto(tmp_path, lines) as broker:
        url = f"mqtts://127.0.0.1:{port}"
        with pytest.raises(NotAuthorisedError, match="nobody known vouches for"):
            MqttBridge(read_broker(url), [TOPIC], "x", Taker(), Taker().told.append).run()
        gc.collect()
        taker = Taker()
        with bridging(broker, taker, read_broker(url, authorities=certificate)):
            broker.publish(TOPIC, ["1"])
            await_true(lambda: taker.taken == ["1"])
    with pytest.raises(BadRequestError):
        MqttBridge(read_broker(url, authorities=tmp_path / "none"), [TOPIC], "x", taker, taker.told.append)


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://host", "mqtt://", "mqtt://host:99999", "mqtt://u:p@host", "mqtt://h/x"),
        f"mqtt://{'a' * 70}",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadRequestError):
        read_broker(url)


@pytest.mark.parametrize("topic", ["", "a/#/b", "a#", "a/b+", "a\0b", "a" * 1_001])
def test_a_topic_that_is_none(topic: str) -> None:
    with pytest.raises(BadRequestError):
        MqttBridge(Broker("h", 1), ["a/+/#", topic], "x", Taker(), Taker().told.append)


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_session_without_a_name(name: str) -> None:
    with pytest.raises(BadRequestError):
        MqttBridge(Broker("h", 1), [TOPIC], name, Taker(), Taker().told.append)


def test_an_address_with_a_user() -> None:
    found = read_broker("mqtt://gate%20way@broker.local:1884", "secret")
    assert found == Broker("broker.local", 1884, "gate way", "secret")
    assert "secret" not in repr(found)


def test_killed_bridges_and_brokers_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """Packs of two sensors for a real node; the bridge is killed, and the broker, which then knows less than before."""
    (tmp_path / "broker").mkdir()
    with running_cluster(tmp_path, validators=1) as cluster, running_mosquitto(tmp_path / "broker") as broker:
        network, api = cluster.network, cluster.network.nodes[0].api
        start_ms = time.time_ns() // 1_000_000 - 3_600_000
        start_s = start_ms // 1_000
        with Client(api) as client:
            register(client, network, tmp_path, ("front", "back"), start_ms)
        packs = [json.dumps(pack(start_s, number)) for number in range(16)]
        command = [
            sys.executable, "-m", "cli.main", "cold", "bridge", "--broker", broker.url, "--topic", "trucks/#",
            "--device-key", f"t/front={tmp_path / 'front.json'}", "--device-key", f"t/back={tmp_path / 'back.json'}",
            "--dead-letters", str(tmp_path / "dead.jsonl"), "--client-id", "bridge", "--node", api, "--json",
        ]  # fmt: skip
        broker.open_session("bridge", "trucks/#")
        broker.publish(TOPIC, packs[:12])
        broker.save()
        with Client(api) as client, bridges_of(command) as bridges:
            bridges.start()
            await_true(lambda: readings_of(client, "back") >= 4)
            bridges.kill()
            # It knows again what it knew before the bridge acknowledged anything, and gives all of it once more.
            broker.kill()
            broker.start()
            bridges.start()
            await_true(lambda: readings_of(client, "back") == 12)
            broker.publish(TOPIC, [*packs[12:], '[{"n": "t/front", "u": "degF", "v": 41, "t": 1.7e9}]', "no pack"])
            await_true(
                lambda: (tmp_path / "dead.jsonl").exists() and b"pack_not" in (tmp_path / "dead.jsonl").read_bytes()
            )
            code, counts = bridges.interrupt()
            # What the broker had forgotten to be acknowledged came again, and was found on the ledger.
            assert (code, counts["messages"], counts["recorded"] + counts["already"]) == (130, 18, 32)
            assert counts["already"] >= 4 * 2
            for sensor, offset in (("front", 4_000), ("back", -18_000)):
                rows = [row for batch in client.device_readings(sensor) for row in batch.readings]
                assert rows == [((start_s + number) * 1_000, offset + number) for number in range(16)], sensor
        letters = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
        codes = [[reason["code"] for reason in letter["reasons"]] for letter in letters]
        # A letter may be there twice, where the bridge was killed before it acknowledged it.
        assert [code for index, code in enumerate(codes) if code not in codes[:index]] == [
            ["not_a_temperature"],
            ["pack_not_json"],
        ]
        assert "degF" in letters[0]["reasons"][0]["text"]


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = directory / "certificate.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


class Bridges:
    """Processes of the command, one at a time."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=REPOSITORY, stdout=subprocess.PIPE)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def interrupt(self) -> tuple[int, dict[str, int]]:
        """Press Ctrl-C; return the exit code and what was counted."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        out, _ = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, json.loads(out)


@contextmanager
def bridges_of(command: list[str]) -> Iterator[Bridges]:
    bridges = Bridges(command)
    try:
        yield bridges
    finally:
        bridges.kill()


def pack(start_s: int, number: int) -> list[dict[str, Any]]:
    return [
        {"bn": "t/", "bt": start_s + number, "bu": "Cel", "n": "front", "v": 4 + number / 1_000},
        {"n": "back", "v": -18 + number / 1_000},
        {"n": "humidity", "u": "%RH", "v": 60},
    ]


def readings_of(client: Client, device: str) -> int:
    found = client.device(device)
    return found.last_sequence - found.missing


def register(client: Client, network: Any, directory: Path, names: tuple[str, ...], start_ms: int) -> None:
    operations = []
    for name in names:
        key = new_key()
        save_key(directory / f"{name}.json", key)
        message = signed_preimage("possession", bytes.fromhex(client.chain_id()), b"brand")
        added: dict[str, Value] = {"key": key.public_key, "purpose": "device", "proof": key.sign(message)}
        added["methods"] = ["cold_chain.record_batch"]
        life: dict[str, Value] = {"calibrated_from_ms": start_ms - 10_000, "calibrated_until_ms": start_ms + 10**9}
        operations.append(Operation("membership.add_key", added))
        registered: dict[str, Value] = {"id": name, "key": key.public_key, **life}
        operations.append(Operation("cold_chain.register_device", registered))
    client.submit(operations, organisation_key(network, "brand"))
