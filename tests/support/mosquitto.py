"""A real MQTT broker on a free port of loopback, with a session store, that a test may kill and start again."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.cluster import free_base_port

HOST = "127.0.0.1"
_PATIENCE_S = 20.0


class Mosquitto:
    """The broker; what it knew when it saved last is what it knows after a kill."""

    def __init__(self, program: str, directory: Path, lines: Sequence[str] = ()) -> None:
        self._program, self._directory = program, directory
        self.port = free_base_port(1)
        self._store = directory / "mosquitto.db"
        self._config = directory / "mosquitto.conf"
        common = (
            f"listener {self.port} {HOST}",
            f"user {getpass.getuser()}",
            "persistence true",
            f"persistence_location {directory}/",
            f"log_dest file {directory / 'mosquitto.log'}",
            "max_queued_messages 10000",
        )
        self._config.write_text("\n".join((*common, *(lines or ("allow_anonymous true",)))) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for a bridge."""
        return f"mqtt://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert self._process is None
        self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            assert self._process.poll() is None, (self._directory / "mosquitto.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def save(self) -> None:
        """Let it write its sessions to disk, and wait until they are there."""
        assert self._process is not None
        before = self._store.stat().st_mtime_ns if self._store.exists() else 0
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + _PATIENCE_S
        # It writes beside the file and renames, so a new file is a whole one; the signal wakes it with the next packet.
        while not self._store.exists() or self._store.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            with socket.socket() as probe:
                probe.connect_ex((HOST, self.port))
            time.sleep(0.02)

    def kill(self) -> None:
        """End it without a warning; nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def open_session(self, client_id: str, topic: str) -> None:
        """Subscribe once under a name, so that the broker keeps for it what is published from now on."""
        client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
        subscribed: list[int] = []
        client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        client.on_subscribe = lambda client, userdata, mid, *_: subscribed.append(mid)
        client.connect(HOST, self.port)
        deadline = time.monotonic() + _PATIENCE_S
        while not subscribed:
            assert time.monotonic() < deadline
            client.loop(0.1)
        client.disconnect()

    def publish(self, topic: str, payloads: Sequence[str], qos: int = 1) -> None:
        """Publish messages and wait until the broker has them."""
        messages = [{"topic": topic, "payload": payload, "qos": qos} for payload in payloads]
        publish.multiple(messages, hostname=HOST, port=self.port)  # type: ignore[arg-type]


@contextlib.contextmanager
def running_mosquitto(directory: Path, lines: Sequence[str] = ()) -> Iterator[Mosquitto]:
    """Run a broker and kill it at the end; skips the test where there is none, which fails it with ``CI``."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        message = "mosquitto is not installed; this test starts a real MQTT broker"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    broker = Mosquitto(program, directory, lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
