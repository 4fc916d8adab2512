"""A node that gives up old transactions in a running network: it says so, and nobody is worse off for it."""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.processes import NodeProcesses
from ledger.codec import Value
from ledger.transaction import Operation
from node.home import initialise_home
from node.setup import ISSUER, Network, NetworkNode
from node.storage.errors import PrunedError
from node.storage.store import Store
from tests.process.test_cluster import accounts
from tests.support.cluster import organisation_key, running_cluster, wait_same_tip
from tradelane import Client, NotFoundError, TradelaneError
from tradelane.results import TransactionStatus

pytestmark = pytest.mark.slow

RETAINED, PAYMENTS = 4, 14
# Transactions stay as long as they could come again, so these can for a moment alone.
VALID_MS = 4_000


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


def configure(cluster: NodeProcesses, node: NetworkNode, line: str) -> None:
    """Write a line at the top of the configuration of a node that is down."""
    config = cluster.network.home(node) / "config.toml"
    config.write_text(line + "\n" + config.read_text())


def commit(network: Network, client: Client, method: str, arguments: dict[str, Value]) -> TransactionStatus:
    """Have a transaction of the issuer committed that is soon out of date."""
    operation = Operation(method, {"id": secrets.token_bytes(16), **arguments})
    return client.submit([operation], organisation_key(network, ISSUER), valid_for_ms=VALID_MS, wait_s=20)


def pay(network: Network, client: Client) -> TransactionStatus:
    """Send one unit of money from one firm to another."""
    by_id = accounts(network)
    credit = next(account for name, account in by_id.items() if name != ISSUER)
    return commit(network, client, "settlement.transfer", {"debit": by_id[ISSUER], "credit": credit, "amount": 1})


def pay_until_pruned(network: Network, client: Client, node: NetworkNode, below: int) -> list[TransactionStatus]:
    """Let blocks be made until a node has given up those below a height; pruning goes with commits."""
    paid = []
    deadline = time.monotonic() + 20
    with Client(node.api) as pruned:
        while pruned.status().earliest_height < below:
            assert time.monotonic() < deadline, "the node keeps what it should give up"
            paid.append(pay(network, client))
            time.sleep(0.1)
    return paid


def test_two_nodes_prune_while_one_is_away_and_one_starts_anew(cluster: NodeProcesses) -> None:
    network = cluster.network
    whole, pruned, pruned_too, away = network.nodes
    with Client(whole.api) as client:
        first = commit(network, client, "settlement.issue", {"account": accounts(network)[ISSUER], "amount": 1_000})
    for node in (pruned, pruned_too):
        cluster.kill(node.name)
        configure(cluster, node, f"retain_blocks = {RETAINED}")
        cluster.start(node)
        cluster.wait_ready([node])
    with Client(whole.api) as client:
        seen = [first, *(pay(network, client) for _ in range(PAYMENTS))]
        cluster.kill(away.name)
        for node in (pruned, pruned_too):
            seen += pay_until_pruned(network, client, node, PAYMENTS)
    last = seen[-1].height or 0

    # What is gone is named as gone, and what needs the state alone is still proven.
    with Client(pruned.api) as client, Client(whole.api) as keeper:
        kept = f"blocks from {client.status().earliest_height} on"
        for ask in (client.transaction, client.transaction_proof):
            with pytest.raises(NotFoundError, match=kept):
                ask(first.id)
        with pytest.raises(TradelaneError) as caught:
            client.block(first.height or 0)
        assert caught.value.code == "block.pruned"
        assert keeper.transaction(first.id).receipt == first.receipt
        assert client.transaction(seen[-1].id).receipt == seen[-1].receipt
        account = network.organisations[0].account
        assert client.account(account) == keeper.account(account)

    # One that was away takes the blocks from whoever has them.
    cluster.start(away)
    cluster.wait_ready([away])
    wait_same_tip(network, last)
    with Client(away.api) as client:
        assert client.transaction(first.id).receipt == first.receipt

    # One on an empty disk gets the state from any of them, and the old transactions from the one that kept them.
    cluster.kill(away.name)
    home = network.home(away)
    configure(cluster, away, "snapshot_behind_blocks = 5")
    shutil.rmtree(home / "ledger")
    shutil.rmtree(home / "safety")
    initialise_home(home)
    cluster.start(away)
    cluster.wait_ready([away])
    wait_same_tip(network, last)
    with Client(away.api) as client:
        deadline = time.monotonic() + 20
        while client.status().earliest_height > 0:
            assert time.monotonic() < deadline, "the old transactions were not filled back"
            time.sleep(0.1)
        for status in seen:
            assert client.transaction(status.id).receipt == status.receipt

    cluster.stop_all()
    chain_id = bytes.fromhex(network.chain_id)
    with closing(Store.open(network.home(pruned) / "ledger", chain_id)) as store:
        assert PAYMENTS <= store.earliest_height <= store.tip.height - RETAINED + 1
        with pytest.raises(PrunedError):
            store.block(first.height or 0)
        assert store.header(first.height or 0) is not None, "headers and certificates stay"
    with closing(Store.open(network.home(away) / "ledger", chain_id)) as store:
        assert all(store.block(height) is not None for height in range(store.tip.height + 1))
