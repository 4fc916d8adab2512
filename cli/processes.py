"""Node processes on this machine: start them, notice when one dies, stop every one that was started here.

Rules: a child gets its own session, so that Ctrl-C reaches this process alone and it stops the children in order. The
child's standard input is a pipe that only this process holds: when this process dies, however it dies, the pipe closes
and the node stops itself (``node run --watch-parent``). Processes are ended by their id, never by name.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import httpx

from node.setup import HOST, Network, NetworkNode, api_ports, p2p_ports
from tradelane import ConflictError, UnavailableError

LOG_NAME: Final = "node.log"
# Ctrl-C, a service manager, a terminal that was closed.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS_MAX: Final = 30.0
_STOP_SECONDS_MAX: Final = 5.0
_PORT_SECONDS_MAX: Final = 3.0
_POLL_S: Final = 0.05
_BASE_PORTS: Final = range(17_400, 32_000, 250)
_TAIL_LINES: Final = 12


@dataclass(slots=True)
class NodeProcess:
    """One node that was started here."""

    node: NetworkNode
    log_path: Path
    process: subprocess.Popen[bytes]

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None


class StopRequest:
    """Whether a signal asked this process to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn the signals that stop into a request that is looked at between steps, so that no child is forgotten."""
    request = StopRequest()

    def asked(signal_number: int, frame: FrameType | None) -> None:
        del frame
        request.signal_number = signal_number

    before = {number: signal.signal(number, asked) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class NodeProcesses:
    """The processes of a network's nodes, by name."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._running: dict[str, NodeProcess] = {}

    def start(self, node: NetworkNode) -> NodeProcess:
        """Start a node; its standard output and error are appended to ``<home>/node.log``."""
        home = self.network.home(node)
        log_path = home / LOG_NAME
        with log_path.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
                program("node", "run", "--home", str(home), "--watch-parent"),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=program_environment(),
            )
        started = NodeProcess(node, log_path, process)
        self._running[node.name] = started
        return started

    def start_all(self) -> None:
        """Start every node of the network."""
        for node in self.network.nodes:
            self.start(node)

    def wait_ready(self, nodes: Iterable[NetworkNode], stop: StopRequest | None = None) -> None:
        """Wait until the nodes say that they are ready.

        Raises
        ------
        UnavailableError
            One died, or is not ready after 30 s; the message holds the end of its log.

        """
        deadline = time.monotonic() + START_SECONDS_MAX
        waiting = list(nodes)
        while waiting and not stop:
            self.require_alive()
            waiting = [node for node in waiting if not is_ready(node)]
            if waiting and time.monotonic() > deadline:
                started = self._running[waiting[0].name]
                raise UnavailableError(
                    "node.not_ready",
                    f"{waiting[0].name} is not ready after {START_SECONDS_MAX:.0f} s; the end of its log:\n"
                    f"{tail(started.log_path)}",
                    f"read {started.log_path}",
                )
            time.sleep(_POLL_S)

    def dead(self) -> list[NodeProcess]:
        """Return the nodes that ended without being asked to."""
        return [started for started in self._running.values() if not started.is_alive]

    def require_alive(self) -> None:
        """Raise UnavailableError if a node ended without being asked to."""
        for started in self.dead():
            raise self.death(started)

    def death(self, started: NodeProcess) -> UnavailableError:
        """Return the error that says how a node ended, with the end of its log."""
        status = started.process.returncode
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return UnavailableError(
            "node.died",
            f"{started.node.name} {how}; the end of its log:\n{tail(started.log_path)}",
            f"read {started.log_path}",
        )

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, name: object) -> bool:
        return name in self._running

    def forget(self, name: str) -> None:
        """Take a node that has ended off the list."""
        started = self._running.pop(name)
        assert not started.is_alive, "only a node that has ended is forgotten"
        _close_input(started)

    def kill(self, name: str) -> None:
        """End one node with SIGKILL, as a power cut would, and forget it."""
        started = self._running[name]
        started.process.kill()
        started.process.wait()
        self.forget(name)

    def process_id(self, name: str) -> int:
        """Return the process id of a running node."""
        return self._running[name].process.pid

    def log_tails(self) -> list[tuple[str, str]]:
        """Return (node name, end of its log) of every node of the network."""
        return [(node.name, tail(self.network.home(node) / LOG_NAME)) for node in self.network.nodes]

    def stop_all(self) -> None:
        """Ask every node to stop, and end those that have not after 5 s."""
        for started in self._running.values():
            if started.is_alive:
                started.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS_MAX
        for started in self._running.values():
            try:
                started.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                started.process.kill()
                started.process.wait()
            _close_input(started)
        self._running.clear()


def is_ready(node: NetworkNode) -> bool:
    """Say whether a node answers that it is ready."""
    try:
        return httpx.get(f"{node.api}/readyz", timeout=2.0, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def is_port_free(port: int) -> bool:
    """Say whether a port can be listened on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_base_port(validators: int) -> int:
    """Return a base port whose ports are all free, below the range from which outgoing connections take theirs.

    Raises
    ------
    UnavailableError
        There is none.

    """
    for base in _BASE_PORTS:
        if all(is_port_free(port) for port in (*api_ports(base, validators), *p2p_ports(base, validators))):
            return base
    raise UnavailableError(
        "ports.none_free",
        f"no free ports between {_BASE_PORTS.start} and {_BASE_PORTS.stop}",
        "stop what listens there",
    )


def require_free_ports(ports: Sequence[int]) -> None:
    """Raise ConflictError that names the ports which something else listens on.

    Nodes whose parent was killed need a moment to notice, so a port gets one.
    """
    deadline = time.monotonic() + _PORT_SECONDS_MAX
    while taken := [port for port in ports if not is_port_free(port)]:
        if time.monotonic() < deadline:
            time.sleep(_POLL_S)
            continue
        raise ConflictError(
            "ports.taken",
            f"something listens on port {', '.join(map(str, taken))} of {HOST} already",
            "stop it (is another `tradelane up` running?), or choose others with --base-port and a new --directory",
        )


def tail(path: Path) -> str:
    """Return the last lines of a log."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-_TAIL_LINES:])


def _close_input(started: NodeProcess) -> None:
    if started.process.stdin is not None:
        started.process.stdin.close()


def program(*arguments: str) -> list[str]:
    """Return the command that runs this very program; ``-P`` keeps the working directory out of its imports."""
    return [sys.executable, "-P", "-m", "cli.main", *arguments]


def program_environment() -> dict[str, str]:
    """Return our environment with the place that this program was imported from."""
    place = str(Path(__file__).resolve().parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": place if not inherited else f"{place}{os.pathsep}{inherited}"}
