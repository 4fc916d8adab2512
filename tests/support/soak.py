"""What a soak does to a cluster of real processes, and the clock that says how long the cluster took to get over it.

Every perturbation is begun, kept up for some seconds and let go. Three times are taken: from its beginning until any
node has a new block; the longest pause between two blocks until all is over; and from its end until the perturbed node
is back at the tip, which means at most one block below the highest node in the same look.
"""

import asyncio
import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import httpx

from ledger.codec import Value
from ledger.transaction import Operation
from ledger.validators import possession_preimage
from node.config import load_config, validator_key_path
from node.home import initialise_home, read_key
from node.setup import NetworkNode
from tests.support.cluster import organisation_key
from tests.support.loops import loop_thread
from tests.support.proxy_cluster import LinkedCluster
from tradelane import Client

LOOK_S: Final = 0.2
# Where a perturbation takes longer than this to get over, the soak stops and says so; what is allowed is less.
PATIENCE_S: Final = 60.0
# A node on an empty disk takes a snapshot where it lacks more blocks than this, and executes them one by one else.
SNAPSHOT_BEHIND_BLOCKS: Final = 200

Act: TypeAlias = Callable[[LinkedCluster, NetworkNode], None]


@dataclass(frozen=True, slots=True)
class Perturbation:
    """Something that is done to one node and undone again."""

    name: str
    begin: Act
    end: Act


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long a cluster took, in seconds, to get over a perturbation of one node."""

    perturbation: str
    node: str
    commit_s: float
    pause_s: float
    back_s: float

    @property
    def worst_s(self) -> float:
        """The longest of the three times."""
        return max(self.commit_s, self.pause_s, self.back_s)

    def __str__(self) -> str:
        return (
            f"{self.perturbation:<16} {self.node:<8} {self.commit_s:>13.1f} {self.pause_s:>17.1f} {self.back_s:>15.1f}"
        )


@dataclass(frozen=True, slots=True)
class Look:
    """The height by name of each node that answered, asked for and seen at two moments (monotonic seconds)."""

    asked_at: float
    seen_at: float
    heights: dict[str, int]

    @property
    def highest(self) -> int:
        """The greatest height, 0 where nobody answered."""
        return max(self.heights.values(), default=0)


class Watch:
    """Looks at the height of every node all the time."""

    def __init__(self, nodes: Sequence[NetworkNode]) -> None:
        self._nodes = nodes
        self._lock = threading.Lock()
        self._looks: list[Look] = []

    def looks(self) -> list[Look]:
        """Return every look so far."""
        with self._lock:
            return list(self._looks)

    @property
    def highest(self) -> int:
        """The greatest height seen so far."""
        return max((look.highest for look in self.looks()), default=0)

    def commit_after(self, moment: float) -> float | None:
        """Return when a block was seen that was not there at a moment, or None."""
        looks = self.looks()
        before = max((look.highest for look in looks if look.seen_at <= moment), default=0)
        return next((look.seen_at for look in looks if look.highest > before), None)

    def longest_pause(self, first: float, last: float) -> float:
        """Return the longest time between two looks that saw a new block, from one moment to another."""
        moments, highest = [first], 0
        for look in self.looks():
            if look.highest > highest and first < look.seen_at <= last:
                moments.append(look.seen_at)
            highest = max(highest, look.highest)
        return max(later - earlier for earlier, later in itertools.pairwise([*moments, last]))

    def back_after(self, moment: float, name: str) -> float | None:
        """Return when a node that was asked after a moment was first seen at the tip, or None."""
        for look in self.looks():
            if look.asked_at > moment and len(look.heights) > 1 and look.heights.get(name, -1) >= look.highest - 1:
                return look.seen_at
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        async with httpx.AsyncClient(trust_env=False, timeout=2 * LOOK_S) as client:
            while not stop.is_set():
                asked_at = time.monotonic()
                answers = await asyncio.gather(*(self._look(client, node) for node in self._nodes))
                heights = {name: height for name, height in answers if height >= 0}
                with self._lock:
                    self._looks.append(Look(asked_at, time.monotonic(), heights))
                await asyncio.sleep(LOOK_S)

    async def _look(self, client: httpx.AsyncClient, node: NetworkNode) -> tuple[str, int]:
        try:
            answer = await client.get(f"{node.api}/v1/status")
            return node.name, int(answer.json()["height"])
        except httpx.TransportError:
            return node.name, -1


@contextmanager
def watching(nodes: Sequence[NetworkNode]) -> Iterator[Watch]:
    """Look at the nodes while the body runs."""
    watch = Watch(nodes)
    with loop_thread("watch") as loop:
        stop = asyncio.Event()
        running = asyncio.run_coroutine_threadsafe(watch.run(stop), loop)
        try:
            yield watch
        finally:
            loop.call_soon_threadsafe(stop.set)
            running.result(10.0)


def perturb(cluster: LinkedCluster, watch: Watch, what: Perturbation, node: NetworkNode, hold_s: float) -> Recovery:
    """Do something to a node, undo it, and wait until the cluster got over it."""
    began = time.monotonic()
    what.begin(cluster, node)
    time.sleep(hold_s)
    what.end(cluster, node)
    ended = time.monotonic()
    commit = _when(lambda: watch.commit_after(began), f"no block after {what.name} of {node.name}")
    back = _when(lambda: watch.back_after(ended, node.name), f"{node.name} is not back after {what.name}")
    pause = watch.longest_pause(began, max(commit, back))
    return Recovery(what.name, node.name, commit - began, pause, back - ended)


HEADING: Final = (
    f"{'perturbation':<16} {'node':<8} {'next block, s':>13} {'longest pause, s':>17} {'node is back, s':>15}"
)


def replace_validator(cluster: LinkedCluster, watch: Watch, leaver: NetworkNode, joiner: NetworkNode) -> Recovery:
    """Put an observer in a validator's place by governance, and wait until it votes and the other does not."""
    network = cluster.network
    began = time.monotonic()
    with Client(*(node.api for node in cluster.nodes)) as client:
        organisations = sorted({member.organisation for member in client.validators().members})
        joining, leaving = (read_key(validator_key_path(network.home(node))) for node in (joiner, leaver))
        proof = joining.sign(
            possession_preimage(bytes.fromhex(network.chain_id), joining.public_key, joiner.organisation)
        )
        change: dict[str, Value] = {
            "add": [[joining.public_key, joiner.organisation, proof]],
            "remove": [leaving.public_key],
        }
        identifier = f"{leaver.name}-{joiner.name}"
        expires_ms = time.time_ns() // 1_000_000 + 3_600_000
        arguments: dict[str, Value] = {
            "id": identifier,
            "action": ["governance.change_validators", change],
            "expires_ms": expires_ms,
        }
        operations = [Operation("governance.propose", arguments)]
        operations += [Operation("governance.approve", {"id": identifier}) for _ in organisations[1:]]
        for organisation, operation in zip(organisations, operations, strict=True):
            status = client.submit([operation], organisation_key(network, organisation), wait_s=20.0)
            assert status.receipt is not None
            if client.proposals("open") == ():
                break
    decided = time.monotonic()

    def in_effect() -> float | None:
        return time.monotonic() if (is_validator(joiner), is_validator(leaver)) == (True, False) else None

    commit = _when(lambda: watch.commit_after(began), f"no block while {joiner.name} replaces {leaver.name}")
    back = _when(in_effect, f"{joiner.name} does not vote in the place of {leaver.name}")
    return Recovery("replaced", joiner.name, commit - began, watch.longest_pause(began, back), back - decided)


def is_validator(node: NetworkNode) -> bool:
    """Say whether a node holds itself for a validator of the next block."""
    with Client(node.api) as client:
        return client.status().is_validator


def worst(recoveries: Sequence[Recovery]) -> str:
    """Return a line for each kind of perturbation with the longest times that it took."""
    lines = []
    for kind in dict.fromkeys(row.perturbation for row in recoveries):
        rows = [row for row in recoveries if row.perturbation == kind]
        times = (max(getattr(row, name) for row in rows) for name in ("commit_s", "pause_s", "back_s"))
        lines.append(str(Recovery(kind, f"of {len(rows)}", *times)))
    return "\n".join(lines)


def _when(find: Callable[[], float | None], complaint: str) -> float:
    deadline = time.monotonic() + PATIENCE_S
    while (found := find()) is None:
        assert time.monotonic() < deadline, f"{complaint}: not within {PATIENCE_S:.0f} s"
        time.sleep(LOOK_S)
    return found


def _kill(cluster: LinkedCluster, node: NetworkNode) -> None:
    cluster.processes.kill(node.name)


def _start(cluster: LinkedCluster, node: NetworkNode) -> None:
    cluster.processes.start(node)


def _stop(cluster: LinkedCluster, node: NetworkNode) -> None:
    os.kill(cluster.processes.process_id(node.name), signal.SIGSTOP)


def _continue(cluster: LinkedCluster, node: NetworkNode) -> None:
    os.kill(cluster.processes.process_id(node.name), signal.SIGCONT)


def _cut(cluster: LinkedCluster, node: NetworkNode) -> None:
    for link in cluster.between([node]):
        link.cut()


def _hold(cluster: LinkedCluster, node: NetworkNode) -> None:
    for link in cluster.between([node]):
        link.hold()


def _heal(cluster: LinkedCluster, node: NetworkNode) -> None:
    for link in cluster.between([node]):
        link.heal()


def _start_empty(cluster: LinkedCluster, node: NetworkNode) -> None:
    """Start a node on a new disk: the files that an operator would bring, and neither blocks nor votes."""
    home = cluster.network.home(node)
    config = load_config(home)
    if config.snapshot_behind_blocks != SNAPSHOT_BEHIND_BLOCKS:
        path = home / "config.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(f"snapshot_behind_blocks = {SNAPSHOT_BEHIND_BLOCKS}\n{text}", encoding="utf-8")
    shutil.rmtree(config.ledger_directory)
    shutil.rmtree(config.safety_directory)
    initialise_home(home)
    cluster.processes.start(node)


PERTURBATIONS: Final = (
    Perturbation("killed", _kill, _start),
    Perturbation("stopped", _stop, _continue),
    Perturbation("cut off", _cut, _heal),
    Perturbation("half-open", _hold, _heal),
    Perturbation("empty disk", _kill, _start_empty),
)
