"""A node whose disk is new takes the state of its peers, checked against their certificates, and goes on from there."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.processes import LOG_NAME, NodeProcesses
from node.home import initialise_home
from node.storage.store import Store
from tests.process.test_cluster import issue, transfer
from tests.support.cluster import running_cluster, wait_same_tip
from tradelane import Client

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


def test_a_node_on_a_new_disk_fetches_a_snapshot(cluster: NodeProcesses) -> None:
    network = cluster.network
    newcomer = network.nodes[3]
    home = network.home(newcomer)
    log = home / LOG_NAME
    cluster.kill(newcomer.name)
    config = home / "config.toml"
    config.write_text("snapshot_behind_blocks = 5\n" + config.read_text())
    with Client(network.nodes[0].api) as client:
        seen = [issue(network, client, 1_000_000), *(transfer(network, client) for _ in range(12))]
    shutil.rmtree(home / "ledger")
    shutil.rmtree(home / "safety")
    initialise_home(home)
    cluster.start(newcomer)
    cluster.wait_ready([newcomer])
    tip = wait_same_tip(network, seen[-1].height or 0)
    assert "the state of block" in log.read_text()
    with Client(newcomer.api) as client:
        after = transfer(network, client)
        for status in [*seen, after]:
            assert client.transaction(status.id).receipt == status.receipt
    cluster.kill(newcomer.name)
    with closing(Store.open(home / "ledger", bytes.fromhex(network.chain_id))) as store:
        assert store.earliest_height == 0
        assert store.tip.height > tip.height
        assert all(store.block(height) is not None for height in range(store.tip.height + 1))
    assert (home / "ledger.replaced").is_dir(), "what stood there before is kept"
