"""`tradelane demo`: the whole path on real processes, from keys to a validator that comes back from the dead.

Every figure that it prints comes from the nodes or from files that it made. It ends with ``demo: ok`` and exit code 0,
or says which step failed, shows the ends of the nodes' logs, and keeps the directory.
"""

import json
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, cast

import httpx
import typer
from rich.markup import escape

from cli import story
from cli.output import Output
from cli.processes import NodeProcesses, free_base_port, program, program_environment
from cli.session import JsonOption, open_client, open_session
from cli.tracing import trace_tree
from node.setup import Network, NetworkNode, create_network
from tradelane import Client, TradelaneError, UnavailableError, VerificationError
from tradelane.amounts import format_amount

DEMO_EPILOG: Final = """\b
Examples:
  tradelane demo
  tradelane demo --keep
  tradelane demo trade
"""
_VALIDATORS: Final = 4
_VICTIM: Final = 2
_CATCH_UP_SECONDS_MAX: Final = 30.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Demo:
    """A running demonstration: its network, processes and clock, and what was found so far."""

    output: Output
    directory: Path
    started: float
    step: str = "start"
    steps: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def timed(self, title: str) -> Iterator[Say]:
        """Print a step with how long it took and what came out of it."""
        self.step = title
        before = time.monotonic()
        said: list[str] = []
        yield said.append
        now = time.monotonic()
        self.steps.append({"title": title, "seconds": round(now - before, 3), "results": said})
        clock, taken = f"[dim]{now - self.started:5.1f} s[/]", f"[dim]({now - before:.2f} s)[/]"
        self.output.show(f"{clock}  [bold]{escape(title)}[/]  {taken}")
        for line in said:
            self.output.show(f"         {escape(line)}")


Play = Callable[[Demo, Network, NodeProcesses], None]

app = typer.Typer(invoke_without_command=True, epilog=DEMO_EPILOG)


@app.callback()
def demo(
    context: typer.Context,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the directory with stores, keys, logs and bundle.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show and check everything on four real validators.

    It makes a network in a temporary directory, records a shipment of five firms, hands it over, pays for it, traces
    it, proves it offline, kills a validator, goes on with three, and waits until the killed one has caught up.
    """
    if context.invoked_subcommand is None:
        run_demo(open_session(context, json=json).output, keep=keep, play=_play)


def run_demo(output: Output, *, keep: bool, play: Play) -> None:
    """Play something on a new network of real processes, and tell how it ended."""
    directory = Path(tempfile.mkdtemp(prefix="tradelane-demo-"))
    running = Demo(output, directory, time.monotonic())
    processes: NodeProcesses | None = None
    try:
        with _terminated_as_interrupt():
            with running.timed(f"create {_VALIDATORS} validators, their keys and a genesis") as say:
                network = _create(directory, say)
            processes = NodeProcesses(network)
            play(running, network, processes)
        seconds = time.monotonic() - running.started
    except BaseException as error:
        output.note(f"[bold red]demo: failed[/] at: {escape(running.step)}")
        # What a node died of is in the error already.
        tells_itself = isinstance(error, TradelaneError) and error.code.startswith("node.")
        for name, end in () if processes is None or tells_itself else processes.log_tails():
            output.note(f"[dim]--- {name}[/]\n{escape(end)}")
        output.note(f"everything is kept in {escape(str(directory))}")
        if isinstance(error, TradelaneError):
            # Whatever it was, to a script it is the demonstration that failed.
            raise DemoFailedError(error.code, error.detail, error.hint) from error
        raise
    finally:
        if processes is not None:
            processes.stop_all()
    if keep:
        output.note(f"everything is kept in {escape(str(directory))}")
    else:
        shutil.rmtree(directory)
    output.result(
        {"steps": running.steps, "seconds": round(seconds, 3), "result": "ok"}, f"{seconds:.1f} s in all", "demo: ok"
    )


class DemoFailedError(TradelaneError):
    """A step of the demonstration failed; exit code 1."""


def _create(directory: Path, say: Say) -> Network:
    network = create_network(
        directory / "network",
        now_ms=time.time_ns() // 1_000_000,
        random_bytes=secrets.token_bytes,
        validators=_VALIDATORS,
        base_port=free_base_port(_VALIDATORS),
    )
    say(f"{network.directory}, chain {network.chain_id[:16]}")
    return network


def start_network(running: Demo, network: Network, processes: NodeProcesses) -> None:
    """Start every node and wait until all of them answer."""
    with running.timed("start four validator processes") as say:
        processes.start_all()
        processes.wait_ready(network.nodes)
        for node in network.nodes:
            say(f"{node.name}  process {processes.process_id(node.name)}  {node.api}  run by {node.organisation}")


def run_story(
    output: Output, *, keep: bool, tell: Callable[[Demo, Network, Client], None], nodes: int = _VALIDATORS
) -> None:
    """Play a story on a new network, through a client of so many of its nodes."""

    def play(running: Demo, network: Network, processes: NodeProcesses) -> None:
        start_network(running, network, processes)
        with open_client(tuple(node.api for node in network.nodes[:nodes])) as client:
            tell(running, network, client)

    run_demo(output, keep=keep, play=play)


def require(code: str, holds: bool, otherwise: str) -> None:  # noqa: FBT001 (a condition)
    """Go on where something holds that a story claims; raises VerificationError that says what was found otherwise."""
    if not holds:
        raise VerificationError(code, otherwise)


def _play(running: Demo, network: Network, processes: NodeProcesses) -> None:
    start_network(running, network, processes)
    apis = tuple(node.api for node in network.nodes)
    with open_client(apis) as client:
        _prepare(running, network, client)
        _ship(running, network, client)
        _settle(running, network, client)
        _show(running, network, client)
    _prove(running, network, apis)
    _survive(running, network, processes, apis)


def _prepare(running: Demo, network: Network, client: Client) -> None:
    with running.timed("five organisations, a currency, three products") as say:
        for method, arguments in cast("Any", client.genesis()["operations"]):
            if method == "membership.register_organisation":
                say(f"{arguments['name']} ({arguments['id']}, GLN {arguments['gln']})")
        story.open_books(client, network)
        for name in story.register_products(client, network):
            say(f"product: {name}")


def _ship(running: Demo, network: Network, client: Client) -> None:
    document = story.shipment_document()
    count = len(document["epcisBody"]["eventList"])
    with running.timed(f"capture an EPCIS 2.0 document of {count} events, hand the goods over") as say:
        for chapter in story.chapters(document):
            status = story.capture_chapter(client, network, document, chapter)
            if broken := story.broken_rules(status):
                raise VerificationError("demo.rules", f"the shipment breaks rules: {', '.join(broken)}")
            say(f"block {status.height}: {chapter.who} captured events {chapter.first} to {chapter.last}")
            if chapter.gives:
                _, accepted = story.hand_over(client, network, chapter.who, chapter.to, chapter.gives)
                say(f"block {accepted.height}: {chapter.to} accepted custody from {chapter.who}")
    with running.timed("read the events back from another node") as say:
        with open_client((network.nodes[-1].api,)) as other:
            found = cast("Any", other.events()["epcisBody"])["queryResults"]["resultsBody"]["eventList"]
        if len(found) != count:
            raise VerificationError("demo.events", f"{len(found)} events came back, {count} were captured")
        say(f"{len(found)} events from {network.nodes[-1].name}")


def _settle(running: Demo, network: Network, client: Client) -> None:
    with running.timed("pay for the goods") as say:
        status = story.pay(client, network)
        say(f"block {status.height}: retailer paid brand {story.PRICE} {network.currency}")
        for account in (client.account(f"{who}/{network.currency}") for who in ("retailer", "brand")):
            say(f"{account.id}: {format_amount(account.balance, account.exponent)} {account.currency}")
        sold = story.sold_things(story.shipment_document())
        story.hand_over(client, network, "brand", "retailer", sold, "ownership")
        item = client.item(story.PACK)
        say(f"the pack is held by {item.custodian} and owned by {item.owner}")


def _show(running: Demo, network: Network, client: Client) -> None:
    with running.timed("trace one pack back to the landed fish") as say:
        trace = client.trace(story.PACK)
        say(f"{trace.root.event_count} events as of block {trace.height}")
    running.output.show(trace_tree(trace))
    with running.timed("fetch the consumer page") as say:
        page = story.page_of(network.nodes[0].api, story.PACK)
        answer = httpx.get(page, headers={"accept": "text/html"}, timeout=10, trust_env=False)
        height = client.status().height
        name = story.product_names(story.shipment_document())[story.PACK_GTIN]
        for wanted in (name, str(height)):
            if answer.status_code != 200 or wanted not in answer.text:
                raise VerificationError("demo.page", f"{page} answered {answer.status_code} without {wanted!r}")
        say(f"{page}")
        say(f"{len(answer.content)} bytes, it names {name!r} and height {height}")


def _prove(running: Demo, network: Network, apis: tuple[str, ...]) -> None:
    with running.timed("save a proof bundle and check it offline, in a process of its own") as say:
        bundle, trust = running.directory / "bundle.json", network.directory / "trust.json"
        with open_client(apis) as client:
            bundle.write_text(json.dumps(client.item_proof(story.PACK)), encoding="utf-8")
        command = program("verify", str(bundle), "--trust", str(trust), "--json")
        checked = subprocess.run(command, env=program_environment(), capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if checked.returncode != 0:
            raise VerificationError("demo.verify", f"verify ended with {checked.returncode}: {checked.stderr}")
        facts = json.loads(checked.stdout)
        say(f"{bundle.stat().st_size} bytes; tradelane verify: {len(facts['steps'])} checks passed")
        for head in facts["heads"]:
            say(f"{head['count']} records, complete: {head['is_complete']}, as of block {facts['height']}")


def _survive(running: Demo, network: Network, processes: NodeProcesses, apis: tuple[str, ...]) -> None:
    victim = network.nodes[_VICTIM]
    survivors = tuple(api for api in apis if api != victim.api)
    with running.timed(f"kill {victim.name} with SIGKILL") as say:
        say(f"process {processes.process_id(victim.name)} is gone")
        processes.kill(victim.name)
    with running.timed("capture a further event with three validators") as say, open_client(survivors) as client:
        status = client.capture(story.example(story.SALE), story.key_of(network, "retailer"), wait_s=30)
        say(f"block {status.height}: the pack is sold")
    with running.timed(f"start {victim.name} again and wait until it has caught up") as say:
        processes.start(victim)
        processes.wait_ready([victim])
        heights = _wait_equal(network.nodes, processes)
        for name, height, state_root in heights:
            say(f"{name}  height {height}  state root {state_root[:32]}")


def _wait_equal(nodes: tuple[NetworkNode, ...], processes: NodeProcesses) -> list[tuple[str, int, str]]:
    """Wait until every node is at the same height with the same state root; raises UnavailableError."""
    deadline = time.monotonic() + _CATCH_UP_SECONDS_MAX
    while True:
        processes.require_alive()
        found = []
        for node in nodes:
            with open_client((node.api,)) as client:
                status = client.status()
            found.append((node.name, status.height, status.state_root))
        if len({(height, state_root) for _, height, state_root in found}) == 1:
            return found
        if time.monotonic() > deadline:
            detail = f"the nodes do not agree after {_CATCH_UP_SECONDS_MAX:.0f} s: {found}"
            raise UnavailableError("demo.catch_up", detail)
        time.sleep(0.1)


@contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demonstration as Ctrl-C does, so that its nodes are stopped."""

    def interrupt(signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
