"""Four real processes: killed one by one and all at once, they lose nothing that they ever said was committed."""

import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.processes import NodeProcesses
from ledger.codec import Value
from ledger.transaction import Operation
from node.setup import ISSUER, Network, NetworkNode
from node.storage.store import Store
from tests.support.cluster import organisation_key, running_cluster, statuses, wait_same_tip
from tradelane import Client, TradelaneError
from tradelane.results import TransactionStatus

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


def accounts(network: Network) -> dict[str, str]:
    return {organisation.id: organisation.account for organisation in network.organisations}


def issue(network: Network, client: Client, amount: int) -> TransactionStatus:
    issuer = next(organisation for organisation in network.organisations if "issuer" in organisation.roles)
    assert issuer.id == ISSUER
    arguments: dict[str, Value] = {"id": secrets.token_bytes(16), "account": issuer.account, "amount": amount}
    return client.submit([Operation("settlement.issue", arguments)], organisation_key(network, ISSUER))


def transfer(network: Network, client: Client, wait_s: float = 20.0) -> TransactionStatus:
    by_id = accounts(network)
    credit = next(account for identifier, account in by_id.items() if identifier != ISSUER)
    arguments: dict[str, Value] = {"id": secrets.token_bytes(16), "debit": by_id[ISSUER], "credit": credit, "amount": 1}
    operation = Operation("settlement.transfer", arguments)
    return client.submit([operation], organisation_key(network, ISSUER), wait_s=wait_s)


def test_any_one_of_four_can_be_killed(cluster: NodeProcesses) -> None:
    network = cluster.network
    seen: list[TransactionStatus] = []
    with Client(network.nodes[0].api) as client:
        seen.append(issue(network, client, 1_000_000))
    for victim in network.nodes:
        others = [node for node in network.nodes if node is not victim]
        cluster.kill(victim.name)
        with Client(others[0].api) as client:
            seen += [transfer(network, client) for _ in range(4)]
        cluster.start(victim)
        cluster.wait_ready([victim])
        wait_same_tip(network, max(status.height or 0 for status in seen))
    assert_every_receipt_is_everywhere(network, seen)
    assert all(status.receipt is not None and status.receipt.result == "OK" for status in seen)


def test_all_four_killed_during_load_lose_no_receipt(cluster: NodeProcesses) -> None:
    network = cluster.network
    chance = random.Random(20_261_123)
    with Client(network.nodes[0].api) as client:
        seen = [issue(network, client, 1_000_000)]
    for _ in range(3):
        lock, stop = threading.Lock(), threading.Event()
        loaders = [
            threading.Thread(target=load, args=(network, node, seen, lock, stop))
            for node in network.nodes
            for _ in "ab"
        ]
        for loader in loaders:
            loader.start()
        time.sleep(0.5 + 2 * chance.random())
        for node in network.nodes:
            cluster.kill(node.name)
        stop.set()
        for loader in loaders:
            loader.join()
        cluster.start_all()
        cluster.wait_ready(network.nodes)
        wait_same_tip(network, max(status.height or 0 for status in seen))
        assert_every_receipt_is_everywhere(network, seen[-50:])
    assert len(seen) > 30, "the load was no load"
    cluster.stop_all()
    assert_every_receipt_is_on_every_disk(network, seen)


def test_two_of_four_are_no_quorum_and_say_so(cluster: NodeProcesses) -> None:
    network = cluster.network
    with Client(network.nodes[0].api) as client:
        before = issue(network, client, 100)
    cluster.kill(network.nodes[2].name)
    cluster.kill(network.nodes[3].name)
    with Client(network.nodes[0].api) as client:
        with pytest.raises(TradelaneError):
            transfer(network, client, wait_s=3.0)
        deadline = time.monotonic() + 15
        while client.status().is_ready:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        reason = client.status().not_ready_reason or ""
        assert "2 of 4 validators can be reached" in reason
        assert client.status().height == before.height
    cluster.start(network.nodes[2])
    cluster.wait_ready([network.nodes[0], network.nodes[2]])
    with Client(network.nodes[1].api) as client:
        assert transfer(network, client).height is not None
    cluster.start(network.nodes[3])
    wait_same_tip(network, 1)


def test_a_payment_taken_while_the_others_were_away_is_passed_on_when_they_are_back(cluster: NodeProcesses) -> None:
    network = cluster.network
    with Client(network.nodes[0].api) as client:
        issue(network, client, 100)
        wait_same_tip(network, 1)
        for node in network.nodes[1:]:
            cluster.kill(node.name)
        with pytest.raises(TradelaneError):
            transfer(network, client, wait_s=1.0)
        assert client.status().pending_transactions == 1
        for node in network.nodes[1:]:
            cluster.start(node)
        # Every node has the payment in its block, so it was passed on; its deadline is a minute away.
        assert wait_same_tip(network, 2, timeout_s=40.0).height == 2


def load(
    network: Network, node: NetworkNode, seen: list[TransactionStatus], lock: threading.Lock, stop: threading.Event
) -> None:
    """Pay through one node until it is gone, keeping every receipt that it hands out."""
    with Client(node.api) as client:
        while not stop.is_set():
            try:
                status = transfer(network, client, wait_s=5.0)
            except TradelaneError:
                return
            with lock:
                seen.append(status)


def assert_every_receipt_is_everywhere(network: Network, seen: list[TransactionStatus]) -> None:
    assert len({answer.chain_id for answer in statuses(network)}) == 1
    for node in network.nodes:
        with Client(node.api) as client:
            for status in seen:
                again = client.transaction(status.id)
                assert (again.state, again.height, again.index) == ("committed", status.height, status.index)
                assert again.receipt is not None
                assert status.receipt is not None
                assert (again.receipt.code, again.receipt.outputs) == (status.receipt.code, status.receipt.outputs)


def assert_every_receipt_is_on_every_disk(network: Network, seen: list[TransactionStatus]) -> None:
    for node in network.nodes:
        with closing(Store.open(network.home(node) / "ledger", bytes.fromhex(network.chain_id))) as store:
            blocks = {height: store.block(height) for height in {status.height or 0 for status in seen}}
            for status in seen:
                block, index = blocks[status.height or 0], status.index
                assert block is not None
                assert index is not None
                assert block.transactions[index].transaction_id.hex() == status.id
                assert status.receipt is not None
                assert block.receipts[index].code == status.receipt.code
