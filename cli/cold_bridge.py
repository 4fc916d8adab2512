"""`tradelane cold bridge`: the readings that loggers send to an MQTT broker, brought to the ledger."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import time_text
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
      --broker mqtt://gateway@broker.local --device-key urn:dev:mac:42=l7.json
"""


def bridge(
    context: typer.Context,
    *,
    broker: Annotated[str, typer.Option(metavar="URL", help="mqtt://[USER@]HOST[:PORT].", show_default=False)],
    topic: Annotated[list[str], typer.Option(metavar="TOPIC", help="May be given more than once.", show_default=False)],
    device_key: Annotated[
        list[str],
        typer.Option(metavar="SENSOR=FILE", help="SenML name, and the key of its device.", show_default=False),
    ],
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
    output = session.output
    where = read_broker(broker, os.environ.get("TRADELANE_MQTT_PASSWORD"))
    sensors = _sensors(device_key)
    name = client_id or f"bridge-{next(iter(sensors.values())).public_key.hex()[:16]}"
    letters = DeadLetters(dead_letters)
    counts = {"messages": 0, "recorded": 0, "already": 0, "dead_letters": 0}
    last_s = time.monotonic()

    def settle(came_from: str, payload: bytes, progress: Callable[[], None]) -> None:
        nonlocal last_s
        settled = relay.take(payload, progress)
        if settled.refusals:
            letters.keep(_now_ms(), came_from, payload, settled.refusals)
            first = settled.refusals[0]
            more = f" and {len(settled.refusals) - 1} more" if len(settled.refusals) > 1 else ""
            output.note(f"[yellow]dead letter:[/] {escape(came_from)}: {escape(first.text)} ({first.code}){more}")
            counts["dead_letters"] += 1
        counts["messages"] += 1
        counts["recorded"] += settled.recorded
        counts["already"] += settled.already
        last_s = time.monotonic()

    def is_stopping() -> bool:
        return idle is not None and time.monotonic() - last_s > idle

    with session.client() as client:
        for sensor, key in sensors.items():
            output.note(f"{escape(sensor)} is measured by {escape(device_of(client, key).id)}")
        relay = Relay(client, sensors, wait)
        working = MqttBridge(
            where, topic, name, settle, lambda text: output.note(f"{time_text(_now_ms())} {escape(text)}")
        )
        try:
            working.run(is_stopping)
        finally:
            said = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in counts.items())
            output.result(counts, said)


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
