"""`tradelane cold bridge`: the readings that loggers send to an MQTT broker, brought to the ledger."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.output import Output
from cli.session import JsonOption, NetworkOption, NodeOption, WaitOption, open_key, open_session
from tradelane import BadRequestError, SecretKey
from tradelane.dead_letters import DeadLetters
from tradelane.mqtt_bridge import MqttBridge, read_broker
from tradelane.recording import device_of
from tradelane.relaying import Relay

BRIDGE_EPILOG: Final = """\b
Examples:
  tradelane cold bridge --broker mqtt://localhost:1883 --topic 'trucks/#' \\
      --device-key truck-7/front=front.json --device-key truck-7/back=back.json
  TRADELANE_MQTT_PASSWORD=... tradelane cold bridge --topic 'v1/brand/#' \\
      --broker mqtts://gateway@broker.local --device-key urn:dev:mac:42=l7.json
"""


def bridge(
    context: typer.Context,
    *,
    broker: Annotated[
        str, typer.Option(metavar="URL", help="mqtt://[USER@]HOST[:PORT], or mqtts://.", show_default=False)
    ],
    topic: Annotated[list[str], typer.Option(metavar="TOPIC", help="May be given more than once.", show_default=False)],
    device_key: Annotated[
        list[str],
        typer.Option(metavar="SENSOR=FILE", help="SenML name, and the key of its device.", show_default=False),
    ],
    authorities: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Who vouches for an mqtts:// broker; else the system's.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the session; else from the first key.")
    ] = None,
    dead_letters: Annotated[Path, typer.Option(metavar="FILE", help="Where messages go that cannot be used.")] = Path(
        "dead-letters.jsonl"
    ),
    idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.1, help="Stop when nothing has come for so long.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Record what loggers publish as SenML, until Ctrl-C.

    A message is acknowledged once its readings are on the ledger; what is wrong goes to a file with the reason and is
    acknowledged then. It may be killed at any time: the broker keeps what is not acknowledged, and what comes twice is
    recorded once. Publish with QoS 1.
    """
    session = open_session(context, json=json, node=node, network=network)
    where = read_broker(broker, os.environ.get("TRADELANE_MQTT_PASSWORD"), authorities)
    sensors = _sensors(device_key)
    name = client_id or f"bridge-{next(iter(sensors.values())).public_key.hex()[:16]}"
    with session.client() as client:
        for sensor, key in sensors.items():
            session.output.note(f"{escape(sensor)} is measured by {escape(device_of(client, key).id)}")
        work = _Work(Relay(client, sensors, wait), DeadLetters(dead_letters), session.output, idle)
        try:
            MqttBridge(where, topic, name, work.settle, work.tell).run(work.is_idle)
        finally:
            counts = work.counts
            said = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in counts.items())
            session.output.result(counts, said)


class _Work:
    """What becomes of the messages, counted, and told to people where it goes wrong."""

    def __init__(self, relay: Relay, letters: DeadLetters, output: Output, idle_s: float | None) -> None:
        self.counts = dict.fromkeys(("messages", "recorded", "already", "dead_letters"), 0)
        self._relay, self._letters, self._output, self._idle_s = relay, letters, output, idle_s
        self._last_s = time.monotonic()

    def settle(self, topic: str, payload: bytes, progress: Callable[[], None]) -> None:
        settled = self._relay.take(payload, progress)
        self.counts["messages"] += 1
        self.counts["recorded"] += settled.recorded
        self.counts["already"] += settled.already
        self.counts["dead_letters"] += bool(settled.refusals)
        self._last_s = time.monotonic()
        if settled.refusals:
            self._letters.keep(_now_ms(), topic, payload, settled.refusals)
            first, *others = settled.refusals
            more = f" and {len(others)} more" if others else ""
            text = f"{escape(topic)}: {escape(first.text)} ({escape(first.code)}){more}"
            self._output.note(f"[yellow]dead letter:[/] {text}")

    def tell(self, text: str) -> None:
        self._output.note(f"{time_text(_now_ms())} {escape(text)}")

    def is_idle(self) -> bool:
        return self._idle_s is not None and time.monotonic() - self._last_s > self._idle_s


def _sensors(given: list[str]) -> dict[str, SecretKey]:
    """Return the keys by the names of their sensors: each sensor has a device of its own."""
    found: dict[str, SecretKey] = {}
    for text in given:
        sensor, sign, file = text.partition("=")
        if not sign or not sensor or not file:
            raise BadRequestError("bridge.device_key", f"{text[:100]!r} is not SENSOR=FILE", "name the SenML sensor")
        key = open_key(Path(file))
        if sensor in found or key.public_key in {one.public_key for one in found.values()}:
            raise BadRequestError(
                "bridge.device_key", f"{sensor} or its key is named twice", "each sensor has a device of its own"
            )
        found[sensor] = key
    return found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
