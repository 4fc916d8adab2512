"""Disks that fail below real nodes: the node stops and says why, the others go on, and a repair brings it back."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.processes import LOG_NAME, NodeProcesses, program, program_environment, tail
from node.setup import Network, NetworkNode
from node.storage.safety_store import SafetyStore
from tests.process.test_cluster import issue, transfer
from tests.support import damage
from tests.support.cluster import running_cluster, wait_same_tip
from tests.support.strace import node_under_strace
from tradelane import Client
from tradelane.results import TransactionStatus

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


def tradelane(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of a node that is stopped."""
    return subprocess.run(
        program(*arguments), capture_output=True, text=True, check=False, timeout=120, env=program_environment()
    )


def pay(network: Network, count: int) -> list[TransactionStatus]:
    with Client(network.nodes[0].api) as client:
        return [transfer(network, client) for _ in range(count)]


def log_events(home: Path, event: str) -> list[dict[str, Any]]:
    """Return what a node logged under a name, in the order in which it did."""
    lines = [json.loads(line) for line in (home / LOG_NAME).read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def assert_refused(network: Network, node: NetworkNode) -> str:
    """Start a node that must not start, and return what it says."""
    started = tradelane("node", "run", "--home", str(network.home(node)))
    assert started.returncode == 1
    assert started.stdout == ""
    return " ".join(started.stderr.split())


@pytest.mark.fault(23, 24, 26)
def test_a_node_with_a_damaged_disk_stays_down_until_it_is_repaired(cluster: NodeProcesses) -> None:
    network, victim = cluster.network, cluster.network.nodes[3]
    home = network.home(victim)
    with Client(network.nodes[0].api) as client:
        issue(network, client, 1_000_000)
    seen = pay(network, 12)
    wait_same_tip(network, seen[-1].height or 0)
    # A restart moves what is in the log into a table.
    cluster.kill(victim.name)
    cluster.start(victim)
    cluster.wait_ready([victim])
    pay(network, 12)
    wait_same_tip(network, 25)
    cluster.kill(victim.name)

    damage.flip_bit_in_table(home / "ledger" / "leveldb")
    damage.flip_bit_in_log(home / "ledger" / "leveldb")
    said = assert_refused(network, victim)
    assert f"the ledger in {home / 'ledger'} is damaged" in said
    assert "cannot read block" in said
    assert f"tradelane node repair --home {home}" in said
    pay(network, 3)

    checked = tradelane("node", "check", "--home", str(home))
    assert checked.returncode == 6
    repaired = tradelane("--json", "node", "repair", "--home", str(home))
    assert repaired.returncode == 0, repaired.stderr
    result = json.loads(repaired.stdout)
    assert result["fetched"]
    assert result["own_blocks"] > 0
    assert tradelane("node", "check", "--home", str(home)).returncode == 0

    cluster.start(victim)
    cluster.wait_ready([victim])
    tip = wait_same_tip(network, 28)
    assert tip.height >= 28
    with Client(victim.api) as client:
        for status in seen:
            assert client.transaction(status.id).receipt == status.receipt
        assert transfer(network, client).height is not None


@pytest.mark.fault(30)
def test_a_write_that_fails_ends_the_node_with_a_message_and_the_others_go_on(cluster: NodeProcesses) -> None:
    network, victim = cluster.network, cluster.network.nodes[3]
    home = network.home(victim)
    cluster.kill(victim.name)
    failing = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=40+")
    with node_under_strace(network, victim, Path("/dev/null"), *failing) as node:
        with Client(network.nodes[0].api) as client:
            issue(network, client, 1_000_000)
        deadline = time.monotonic() + 60
        while node.poll() is None:
            assert time.monotonic() < deadline, tail(home / LOG_NAME)
            pay(network, 1)
    assert node.returncode == 1
    said = (home / LOG_NAME).read_text()
    assert '"kind": "disk"' in said
    assert f"error: writing to {home}" in " ".join(said.split())
    assert "Input/output error" in said
    pay(network, 3)
    # The disk works again: the node starts and has everything.
    cluster.start(victim)
    cluster.wait_ready([victim])
    wait_same_tip(network, 10)


@pytest.mark.fault(34)
def test_a_disk_that_takes_long_to_sync_costs_its_node_its_turns_and_nobody_else_s(cluster: NodeProcesses) -> None:
    network, slow = cluster.network, cluster.network.nodes[3]
    cluster.kill(slow.name)
    delaying = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=300000")
    with node_under_strace(network, slow, Path("/dev/null"), *delaying):
        with Client(network.nodes[0].api) as client:
            issue(network, client, 1_000_000)
        pay(network, 8)
        turns = wait_same_tip(network, 9).height // 4 + 1
        metrics = {node.name: httpx.get(f"{node.api}/metrics", trust_env=False).text for node in network.nodes}
    # A height costs it five syncs. Where it has not caught up when its turn comes, the next one takes over, and that is
    # all: one view change a turn, no height with more, and nobody else is deposed.
    for text in metrics.values():
        assert metric(text, 'tradelane_consensus_reports_total{kind="view_change"}') <= turns
    for line in (network.home(network.nodes[0]) / LOG_NAME).read_text().splitlines():
        event = json.loads(line)
        assert event["event"] != "committed" or event["view"] <= 1
    blocks = metric(metrics[slow.name], "tradelane_commit_seconds_count")
    assert blocks >= 5
    assert metric(metrics[slow.name], "tradelane_commit_seconds_sum") >= 0.3 * blocks, "a slow disk can be seen"


def metric(text: str, name: str) -> float:
    """Return a sample of a metrics page, 0 where it was never counted."""
    return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)), 0.0)


@pytest.mark.fault(33)
def test_an_old_backup_of_a_whole_home_follows_first_and_never_votes_twice(cluster: NodeProcesses) -> None:
    network, restored = cluster.network, cluster.network.nodes[3]
    home = network.home(restored)
    with Client(network.nodes[0].api) as client:
        issue(network, client, 1_000_000)
    pay(network, 3)
    wait_same_tip(network, 4)
    cluster.kill(restored.name)
    backup = shutil.copytree(home, home.with_name("backup"))
    votings = len(log_events(backup, "may_vote"))
    cluster.start(restored)
    cluster.wait_ready([restored])
    pay(network, 8)
    wait_same_tip(network, 12)
    cluster.kill(restored.name)
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    cluster.start(restored)
    cluster.wait_ready([restored])
    # It listens for a time before it may know enough, and blocks come faster than that.
    deadline = time.monotonic() + 30
    while len(voting := log_events(home, "may_vote")) == votings:
        pay(network, 1)
        assert time.monotonic() < deadline, "it never votes again"
    # Everyone proposes in that many blocks.
    pay(network, 12)
    wait_same_tip(network, 24)
    for node in network.nodes:
        with Client(node.api) as client:
            assert client.evidence() == ()
    assert log_events(home, "follows_first")[-1]["reason"] == "copied"
    assert voting[-1]["height"] > 13
    # It learnt, and votes again at heights where it had not voted before.
    cluster.stop_all()
    with closing(SafetyStore.open(home / "safety")) as safety:
        assert not safety.is_new
        assert safety.last_vote is not None
        assert safety.last_vote[0] > 13


@pytest.mark.fault(31, 32)
def test_a_second_process_on_a_home_is_refused_and_the_first_goes_on(cluster: NodeProcesses) -> None:
    network = cluster.network
    home = network.home(network.nodes[0])
    for arguments in (("run",), ("check",), ("repair",)):
        second = tradelane("node", *arguments, "--home", str(home))
        assert second.returncode in {1, 5}
        assert "is in use by another node" in " ".join(second.stderr.split())
    with Client(network.nodes[0].api) as client:
        assert issue(network, client, 100).height == 1
