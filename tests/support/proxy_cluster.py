"""A cluster of real processes whose every peer connection passes a link that a test can cut, hold or slow."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.processes import NodeProcesses
from node.setup import Network, NetworkNode, RandomBytes, create_network
from tests.support.cluster import free_base_port
from tests.support.proxy import Link, running_links


@dataclass(frozen=True, slots=True)
class LinkedCluster:
    """Processes by name, and the link from each node to each other, by (source, target)."""

    processes: NodeProcesses
    links: dict[tuple[str, str], Link]

    @property
    def network(self) -> Network:
        """What is where."""
        return self.processes.network

    @property
    def nodes(self) -> tuple[NetworkNode, ...]:
        """The nodes in their order."""
        return self.network.nodes

    def to(self, node: NetworkNode) -> list[Link]:
        """Return the links on which others call a node."""
        return [link for (_, target), link in self.links.items() if target == node.name]

    def from_(self, node: NetworkNode) -> list[Link]:
        """Return the links on which a node calls others."""
        return [link for (source, _), link in self.links.items() if source == node.name]

    def between(self, one_side: Iterable[NetworkNode]) -> list[Link]:
        """Return the links, of both directions, between these nodes and all the others."""
        names = {node.name for node in one_side}
        return [link for (source, target), link in self.links.items() if (source in names) != (target in names)]

    def heal(self) -> None:
        """Let everything through again."""
        for link in self.links.values():
            link.heal()


@contextmanager
def linked_cluster(
    directory: Path, validators: int = 4, observers: int = 0, random_bytes: RandomBytes = secrets.token_bytes
) -> Iterator[LinkedCluster]:
    """Run a fresh network below a directory, its nodes joined by links, and stop everything at the end."""
    network = create_network(
        directory / "network",
        now_ms=time.time_ns() // 1_000_000,
        random_bytes=random_bytes,
        validators=validators,
        observers=observers,
        base_port=free_base_port(validators + observers),
    )
    pairs = [(source, target) for source in network.nodes for target in network.nodes if source is not target]
    with running_links([port_of(target.p2p) for _, target in pairs]) as running:
        links = {(source.name, target.name): link for (source, target), link in zip(pairs, running, strict=True)}
        for source, target in pairs:
            lead_through(network, source, target, links[source.name, target.name])
        processes = NodeProcesses(network)
        try:
            processes.start_all()
            processes.wait_ready(network.nodes)
            yield LinkedCluster(processes, links)
        finally:
            processes.stop_all()


def lead_through(network: Network, source: NetworkNode, target: NetworkNode, link: Link) -> None:
    """Let a node that does not run yet call another through a link."""
    config = network.home(source) / "config.toml"
    text = config.read_text(encoding="utf-8")
    direct = f'url = "{target.p2p}"'
    assert text.count(direct) == 1, "each peer stands in the configuration once"
    config.write_text(text.replace(direct, f'url = "http://127.0.0.1:{link.port}"'), encoding="utf-8")


def port_of(url: str) -> int:
    """Return the port of a URL of this machine."""
    return int(url.rpartition(":")[2])
