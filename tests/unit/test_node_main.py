"""A node process whose server ends: nobody can reach it any more, so it stops, says why, and ends with exit code 1."""

import json
from pathlib import Path
from secrets import token_bytes

import pytest
import uvicorn

from node.engine.ports import ForkError
from node.setup import create_network
from tests.support.cluster import free_base_port
from tests.support.command_line import CommandLine

# The listener for peers is started first.
SERVERS = ["peers", "HTTP API"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of the only node of a network, on ports that are free."""
    network = create_network(
        tmp_path / "network",
        now_ms=1_790_000_000_000,
        random_bytes=token_bytes,
        validators=1,
        base_port=free_base_port(1),
    )
    return network.home(network.nodes[0])


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("error", [None, RuntimeError("the loop is gone")], ids=["ends", "fails"])
def test_a_node_whose_server_ends_stops_and_says_so(
    server: str, error: Exception | None, home: Path, tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[uvicorn.Server] = []

    go_on = uvicorn.Server.main_loop

    async def main_loop(running: uvicorn.Server) -> None:
        started.append(running)
        if started[SERVERS.index(server) :] != [running]:
            await go_on(running)
        elif error is not None:
            raise error

    monkeypatch.setattr(uvicorn.Server, "main_loop", main_loop)
    outcome = tradelane("node", "run", "--home", str(home))
    said = f"the server for the {server} " + ("ended by itself" if error is None else f"failed: {error}")
    events = [json.loads(line) for line in outcome.err.splitlines() if line.startswith("{")]
    assert [(event["kind"], event["error"]) for event in events if event["event"] == "stopping"] == [("server", said)]
    assert events[-1]["event"] == "stopped"
    assert outcome.code == 1
    assert said in outcome.err.splitlines()[-2]
    assert outcome.err.splitlines()[-1].endswith("start the node again; its log says what ended the server")


def test_a_fork_ends_the_command_with_what_to_do(
    home: Path, tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forked(*_: object, **__: object) -> None:
        raise ForkError("two certified blocks at height 7")

    monkeypatch.setattr("node.main.run_node_process", forked)
    outcome = tradelane("node", "run", "--home", str(home))
    assert outcome.code == 1
    assert outcome.err.splitlines()[-2] == "error: two certified blocks at height 7 (node.fork)"
    assert outcome.err.splitlines()[-1].endswith("keep the home as it is, and talk to the other operators")
