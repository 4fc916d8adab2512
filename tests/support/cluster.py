"""A network of real processes on loopback for tests: own ports, own directory, every process ended by its id."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.processes import NodeProcesses, is_port_free
from ledger.key_file import key_from_text
from ledger.keys import SecretKey
from node.setup import Network, api_ports, create_network, p2p_ports
from tradelane import Client, TradelaneError
from tradelane.results import NodeStatus


def free_base_port(nodes: int) -> int:
    """Return a base port whose ports are all free now, below those that systems give to outgoing connections."""
    for base_port in range(10_000 + secrets.randbelow(20_000), 32_000, 250):
        if all(map(is_port_free, [*api_ports(base_port, nodes), *p2p_ports(base_port, nodes)])):
            return base_port
    raise AssertionError("no free ports on this machine")


@contextmanager
def running_cluster(directory: Path, validators: int = 4, observers: int = 0) -> Iterator[NodeProcesses]:
    """Run a fresh network below a directory and stop every process at the end; the observers are the last nodes."""
    network = create_network(
        directory / "network",
        now_ms=time.time_ns() // 1_000_000,
        random_bytes=secrets.token_bytes,
        validators=validators,
        observers=observers,
        base_port=free_base_port(validators + observers),
    )
    processes = NodeProcesses(network)
    try:
        processes.start_all()
        processes.wait_ready(network.nodes)
        yield processes
    finally:
        processes.stop_all()


def organisation_key(network: Network, organisation: str) -> SecretKey:
    """Return the admin key of a founder."""
    return key_from_text(network.key_path(organisation).read_text())


def statuses(network: Network) -> list[NodeStatus]:
    """Ask every node what it says of itself."""
    answers = []
    for node in network.nodes:
        with Client(node.api) as client:
            answers.append(client.status())
    return answers


def wait_same_tip(network: Network, height_min: int = 0, timeout_s: float = 30.0) -> NodeStatus:
    """Wait until all nodes stand on one block at or above a height and return what the first says."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answers = statuses(network)
        except TradelaneError:
            answers = []
        tips = {(answer.height, answer.tip_hash, answer.state_root) for answer in answers}
        if len(tips) == 1 and answers[0].height >= height_min:
            return answers[0]
        assert time.monotonic() < deadline, f"the nodes stand on {sorted(tips)} after {timeout_s} s"
        time.sleep(0.1)
