"""`tradelane demo` and `tradelane up` as people start them: real processes that end when they should and not before."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.processes import program, program_environment
from node.setup import Network, load_network
from tests.support.cluster import free_base_port
from tradelane import Client, TradelaneError

pytestmark = pytest.mark.slow

_PATIENCE_S = 60.0


@contextmanager
def running_up(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `tradelane up` in a directory and make sure that it is gone at the end."""
    with (directory / "out").open("ab") as out, (directory / "err").open("ab") as err:
        process = subprocess.Popen(
            program("up", *arguments), cwd=directory, stdout=out, stderr=err, env=program_environment()
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(_PATIENCE_S)


def start(directory: Path) -> Any:
    """Return a running network of four in a directory, on ports that are free."""
    return running_up(directory, "--base-port", str(free_base_port(4)))


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.1)


def wait_ready(directory: Path, process: subprocess.Popen[bytes], times: int = 1) -> Network:
    def is_ready() -> bool:
        text = (directory / "err").read_text()
        assert process.poll() is None, text
        return text.count("validators ready at height") == times

    wait_until("ready", is_ready)
    return load_network(directory / ".tradelane")


def tips(network: Network) -> list[tuple[int, str]]:
    found = []
    for node in network.nodes:
        with Client(node.api) as client:
            status = client.status()
            found.append((status.height, status.tip_hash))
    return found


def is_answering(network: Network) -> list[bool]:
    found = []
    for node in network.nodes:
        try:
            with Client(node.api) as client:
                client.status()
            found.append(True)
        except TradelaneError:
            found.append(False)
    return found


def node_process_ids(process: subprocess.Popen[bytes]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("this kernel does not list the children of a process")
    return [int(word) for word in children.read_text().split()]


def run_command(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program(*arguments),
        cwd=directory,
        capture_output=True,
        text=True,
        env=program_environment(),
        timeout=60,
        check=False,
    )


def test_the_demo_ends_well_in_under_a_minute(tmp_path: Path) -> None:
    started = time.monotonic()
    environment = {**program_environment(), "TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        program("demo", "--json"), capture_output=True, text=True, timeout=180, check=False, env=environment
    )
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - started < 60
    value = json.loads(ended.stdout)
    assert value["result"] == "ok"
    said = "\n".join(line for step in value["steps"] for line in step["results"])
    assert "27 events" in said
    assert said.count("accepted custody from") == 4
    assert "retailer paid brand 1250.00 USD" in said
    assert "complete: True" in said
    agreed = {line.split("  ", 1)[1] for line in value["steps"][-1]["results"]}
    assert len(value["steps"][-1]["results"]) == 4
    assert len(agreed) == 1
    processes = [int(line.split()[2]) for line in value["steps"][1]["results"]]
    for process_id in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_delivery_pays_and_a_thaw_sends_the_money_back(tmp_path: Path) -> None:
    environment = {**program_environment(), "TMPDIR": str(tmp_path)}
    command = program("demo", "trade", "--json", "--proofs", str(tmp_path / "proofs"))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    said = [line for step in json.loads(ended.stdout)["steps"] for line in step["results"]]
    assert any("the delivery and both legs, final" in line for line in said)
    assert said[-2].endswith("settled, complete: True, by trade.open, provenance.capture")
    assert said[-1].endswith("refunded, complete: True, by trade.open, cold_chain.record_batch")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["proofs"]
    bundle = json.loads((tmp_path / "proofs" / "settled.json").read_text())
    assert len(json.dumps(bundle)) < 8_000
    forged = json.dumps(bundle).replace(bundle["header"], bundle["header"][:-4] + "AAAA")
    (tmp_path / "forged.json").write_text(forged)
    refused = run_command(tmp_path, "verify", "forged.json", "--trust", "proofs/trust.json")
    assert refused.returncode == 6


def test_up_goes_on_without_one_node_and_stops_all_others(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        network = wait_ready(tmp_path, process)
        children = node_process_ids(process)
        assert len(children) == 4

        second = run_command(tmp_path, "up", "--json")
        assert second.returncode == 5
        assert json.loads(second.stderr.splitlines()[-1])["error"]["code"] == "network.running"
        port = network.nodes[0].api.rsplit(":", 1)[1]
        elsewhere = run_command(tmp_path, "up", "--json", "--directory", "other", "--base-port", port)
        assert elsewhere.returncode == 5
        assert json.loads(elsewhere.stderr.splitlines()[-1])["error"]["code"] == "ports.taken"
        assert not (tmp_path / "other").exists()
        assert is_answering(network) == [True] * 4

        os.kill(children[-1], signal.SIGKILL)
        wait_until("the report", lambda: "nodes left: 3; they go on" in (tmp_path / "err").read_text())
        assert "was ended by signal 9" in (tmp_path / "err").read_text()
        payment = ("pay", "1.00", "USD", "--from", "retailer/USD", "--to", "brand/USD", "--as", "retailer")
        paid = run_command(tmp_path, *payment, "--wait", "30")
        assert paid.returncode == 0, paid.stderr
        assert is_answering(network).count(True) == 3
        assert process.poll() is None

        process.send_signal(signal.SIGINT)
        assert process.wait(_PATIENCE_S) == 0
        for child in children:
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
    assert (tmp_path / "err").read_text().splitlines()[-1].startswith("every node is stopped")


def test_up_knows_that_an_observer_is_no_help_in_agreeing(tmp_path: Path) -> None:
    with running_up(tmp_path, "--nodes", "2", "--observers", "1", "--base-port", str(free_base_port(3))) as process:
        network = wait_ready(tmp_path, process)
        assert "1 observer and 2 validators ready" in (tmp_path / "err").read_text()
        assert [node.organisation for node in network.nodes] == ["brand", "maker", "carrier"]
        observer, validator = node_process_ids(process)[::-1][:2]
        os.kill(validator, signal.SIGKILL)
        wait_until("the report", lambda: "nodes left: 2; they wait" in (tmp_path / "err").read_text())
        os.kill(observer, signal.SIGKILL)
        wait_until("the report", lambda: "nodes left: 1; they wait" in (tmp_path / "err").read_text())


def test_up_again_goes_on_at_the_same_tip_after_everything_was_killed(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        network = wait_ready(tmp_path, process)
        shown = json.loads(run_command(tmp_path, "balance", "retailer/USD", "--json").stdout)
        assert shown["balance"] == "50000.00"
        before = tips(network)
        assert len(set(before)) == 1
        for child in node_process_ids(process):
            os.kill(child, signal.SIGKILL)
        assert process.wait(_PATIENCE_S) == 8
    with running_up(tmp_path) as process:
        network = wait_ready(tmp_path, process, times=2)
        assert tips(network) == before
        # And nobody is left behind when `up` itself has no time to say goodbye.
        process.kill()
        process.wait(_PATIENCE_S)
        wait_until("the nodes to stop", lambda: is_answering(network) == [False] * 4)
