"""`tradelane up`: a network of validators on this machine, as real processes, until Ctrl-C."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.console import Group
from rich.markup import escape

from cli.output import Output, table
from cli.processes import NodeProcesses, StopRequest, require_free_ports, stop_signals
from cli.session import DEFAULT_NETWORK, JsonOption, Session, open_session
from cli.story import open_books, play_shipment, star_page
from ledger.errors import LedgerError
from node.config import ConfigError, validator_key_path
from node.setup import Network, NetworkNode, SetupError, api_ports, create_network, load_network, p2p_ports
from node.storage.errors import StorageError
from tradelane import BadRequestError, ConflictError, TradelaneError, UnavailableError
from tradelane.keys import load_public_key

UP_EPILOG: Final = """\b
Examples:
  tradelane up
  tradelane up --shipment
  tradelane up --nodes 7 --directory seven --base-port 8400
  tradelane up --observers 1
"""
_WATCH_S: Final = 0.2


def up(
    context: typer.Context,
    *,
    nodes: Annotated[
        int | None, typer.Option(min=1, max=20, help="Validators of a new network. [default: 4]", show_default=False)
    ] = None,
    observers: Annotated[
        int | None,
        typer.Option(min=0, max=20, help="More nodes of a new network, which follow. [default: 0]", show_default=False),
    ] = None,
    directory: Annotated[
        Path, typer.Option(metavar="DIRECTORY", help="Where the network is, or is created.")
    ] = DEFAULT_NETWORK,
    base_port: Annotated[
        int | None,
        typer.Option(min=1024, max=65_000, help="First API port of a new network. [default: 7400]", show_default=False),
    ] = None,
    shipment: Annotated[
        bool, typer.Option("--shipment", help="Record the example shipment, unless it is recorded already.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run a network of validators on this machine until Ctrl-C.

    The first run creates keys, a genesis document and a home for each node; later runs continue the same ledger.
    Every node is a process with its own store, ports and log. An observer follows and serves; it votes once
    `tradelane validators` has brought it in.
    """
    session = open_session(context, json=json, network=directory)
    with stop_signals() as stop:
        network, is_new = _find_or_create(directory, nodes, observers, base_port)
        with _held(directory):
            _run(session, network, stop, is_new=is_new, has_shipment=shipment)


def _run(session: Session, network: Network, stop: StopRequest, *, is_new: bool, has_shipment: bool) -> None:
    output = session.output
    if not is_new:
        require_free_ports([port for node in network.nodes for port in (_port(node.api), _port(node.p2p))])
    output.note(f"{'created' if is_new else 'found'} {escape(str(network.directory))}, chain {network.chain_id[:16]}")
    processes = NodeProcesses(network)
    started = time.monotonic()
    try:
        processes.start_all()
        processes.wait_ready(network.nodes, stop)
        if not stop:
            with session.client([node.api for node in network.nodes]) as client:
                open_books(client, network)
                if has_shipment:
                    play_shipment(client, network, lambda text: output.note(f"[dim]{escape(text)}[/]"))
                page = star_page(client, network)
                height = client.status().height
            took_s = time.monotonic() - started
            output.note(f"{_ready_text(session, network)} ready at height {height} in {took_s:.1f} s")
            _print_addresses(output, network, page, height)
            _watch(session, processes, stop)
        output.note("stopping")
    finally:
        processes.stop_all()
    output.note("every node is stopped; `tradelane up` continues where it ended")


def _watch(session: Session, processes: NodeProcesses, stop: StopRequest) -> None:
    """Wait until asked to stop and tell at once of a node that dies; the others go on without it.

    Raises
    ------
    UnavailableError
        The last one has died.

    """
    network = processes.network
    keys = {node.name: load_public_key(validator_key_path(network.home(node))).hex() for node in network.nodes}
    while not stop:
        dead = processes.dead()
        for died in dead:
            processes.forget(died.node.name)
            session.output.error(processes.death(died))
        if dead:
            alive = [node for node in network.nodes if node.name in processes]
            if not alive:
                raise UnavailableError("network.died", "no node is left", "read the logs, then `tradelane up` again")
            word = "go on" if _can_agree(session, alive, keys) else "wait, for they are too few to agree"
            session.output.note(f"nodes left: {len(alive)}; they {word}; `tradelane up` brings all back after Ctrl-C")
        time.sleep(_WATCH_S)


def _can_agree(session: Session, alive: Sequence[NetworkNode], keys: dict[str, str]) -> bool:
    """Say whether these nodes hold a quorum of the validators as they are now."""
    try:
        with session.client([node.api for node in alive]) as client:
            validators = client.validators()
    except TradelaneError:
        return False
    voting = {member.public_key for member in validators.members}
    return sum(keys[node.name] in voting for node in alive) >= validators.quorum


def _ready_text(session: Session, network: Network) -> str:
    with session.client([node.api for node in network.nodes]) as client:
        count = len(client.validators().members)
    others = len(network.nodes) - count
    following = f"{others} observer{'' if others == 1 else 's'} and " if others > 0 else ""
    return f"{following}{count} validators"


def _print_addresses(output: Output, network: Network, page: str | None, height: int) -> None:
    rows = table("node", "run by", "API", "token for /epcis/capture")
    for node in network.nodes:
        rows.add_row(node.name, node.organisation, node.api, f"{network.home(node) / 'config.toml'}")
    first = network.nodes[0].api
    hint = ["", f"API            {first}/openapi.json"]
    hint.append(f"product page   {page}" if page else "product page   none yet: tradelane up --shipment")
    hint += [f"keys           {network.directory / 'keys'}/*.json", "stop           Ctrl-C"]
    value = {"directory": str(network.directory), "chain_id": network.chain_id, "height": height, "page": page}
    value["nodes"] = [{"name": node.name, "organisation": node.organisation, "api": node.api} for node in network.nodes]
    output.result(value, Group(rows, *(escape(line) for line in hint)))


def _find_or_create(
    directory: Path, nodes: int | None, observers: int | None, base_port: int | None
) -> tuple[Network, bool]:
    count = (nodes or 4) + (observers or 0)
    try:
        if directory.exists():
            network = load_network(directory)
            if (nodes is not None or observers is not None) and count != len(network.nodes):
                raise ConflictError(
                    "network.exists",
                    f"{directory} holds a network of {len(network.nodes)}, not of {count}",
                    "leave --nodes and --observers out to use it, or choose another --directory",
                )
            if base_port is not None and base_port != _port(network.nodes[0].api):
                raise ConflictError(
                    "network.exists",
                    f"{directory} holds a network on port {_port(network.nodes[0].api)}, not {base_port}",
                    "leave --base-port out to use it, or choose another --directory",
                )
            return network, False
        first_port = base_port or 7400
        # Before anything is made: a network keeps its ports for life.
        require_free_ports([*api_ports(first_port, count), *p2p_ports(first_port, count)])
        network = create_network(
            directory,
            now_ms=time.time_ns() // 1_000_000,
            random_bytes=secrets.token_bytes,
            validators=nodes or 4,
            observers=observers or 0,
            base_port=first_port,
        )
    except (SetupError, ConfigError, LedgerError, StorageError) as error:
        raise BadRequestError("network.setup", str(error), "choose another --directory") from error
    return network, True


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold the directory, so that a second `up` is told so instead of fighting over stores and ports."""
    descriptor = os.open(directory / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                "network.running",
                f"another `tradelane up` runs the network in {directory}",
                "use it (`tradelane status`), or stop it with Ctrl-C there",
            ) from error
        yield
    finally:
        os.close(descriptor)


def _port(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise BadRequestError("network.damaged", f"{url} in network.json has no port", "restore the file")
    return port
