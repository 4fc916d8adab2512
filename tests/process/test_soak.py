"""Seven validators under load while one after another is killed, stopped, cut off, or loses its disk.

``TRADELANE_SOAK_MINUTES`` says for how long (default 10). What is asserted: one chain on all disks, every receipt that
was handed out on every disk, and after each perturbation a new block and the node back at the tip within 20 s.
"""

import itertools
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from node.setup import Network, NetworkNode
from node.storage.store import Store
from tests.support.cluster import wait_same_tip
from tests.support.load import issue, streaming
from tests.support.proxy_cluster import linked_cluster
from tests.support.soak import HEADING, PERTURBATIONS, Recovery, perturb, watching, worst
from tradelane.results import TransactionStatus

RECOVERY_S_MAX = 20.0
HOLDS_S = (2.0, 4.0, 8.0)
CALM_S = 1.0


@pytest.mark.soak
def test_seven_validators_get_over_whatever_happens_to_one_of_them(tmp_path: Path) -> None:
    minutes = float(os.environ.get("TRADELANE_SOAK_MINUTES", "10"))
    soak(tmp_path, 7, minutes * 60, HOLDS_S, payments_per_s=10)


@pytest.mark.slow
@pytest.mark.fault(20)
def test_four_validators_get_over_each_thing_once(tmp_path: Path) -> None:
    recoveries = soak(tmp_path, 4, 10, (1.0,), payments_per_s=10)
    assert {row.perturbation for row in recoveries} == {what.name for what in PERTURBATIONS}


def soak(
    directory: Path, validators: int, seconds: float, holds_s: Sequence[float], payments_per_s: float
) -> list[Recovery]:
    """Run a cluster through one perturbation after another for so many seconds, then look at what is left."""
    recoveries: list[Recovery] = []
    with linked_cluster(directory, validators) as cluster:
        network, nodes = cluster.network, cluster.nodes
        issue(network, nodes[0])
        with watching(nodes) as watch, streaming(network, payments_per_s, nodes) as stream:
            until = time.monotonic() + seconds
            # Each goes round at its own pace: in time everything happens to everybody, for a short and a long time.
            rounds = zip(*map(itertools.cycle, (PERTURBATIONS, nodes, holds_s)), strict=False)
            print(f"\n{HEADING}")
            while time.monotonic() < until or len(recoveries) < len(PERTURBATIONS):
                recoveries.append(perturb(cluster, watch, *next(rounds)))
                print(recoveries[-1], flush=True)
                time.sleep(CALM_S)
        cluster.processes.wait_ready(nodes)
        tip = wait_same_tip(network)
        cluster.processes.stop_all()
        print(f"the worst of each kind\n{worst(recoveries)}")
        print(
            f"{tip.height} blocks, {stream.sent} payments sent, {len(stream.receipts)} receipts, {dict(stream.errors)}"
        )
        assert_one_chain(network, tip.height)
        assert_every_receipt_is_on_every_disk(network, nodes, stream.receipts)
        assert len(stream.receipts) >= stream.sent / 2, "most customers are served"
    slow = [row for row in recoveries if row.worst_s > RECOVERY_S_MAX]
    assert slow == []
    return recoveries


def open_store(network: Network, node: NetworkNode) -> Store:
    return Store.open(network.home(node) / "ledger", bytes.fromhex(network.chain_id))


def assert_one_chain(network: Network, height: int) -> None:
    chains = []
    for node in network.nodes:
        with closing(open_store(network, node)) as store:
            headers = [store.header(each) for each in range(height + 1)]
            chains.append([None if header is None else header.hash for header in headers])
    assert None not in chains[0]
    for node, chain in zip(network.nodes, chains, strict=True):
        assert chain == chains[0], f"{node.name} has another chain than {network.nodes[0].name}"


def assert_every_receipt_is_on_every_disk(
    network: Network, nodes: Sequence[NetworkNode], receipts: Sequence[TransactionStatus]
) -> None:
    for node in nodes:
        with closing(open_store(network, node)) as store:
            blocks = {height: store.block(height) for height in {status.height or 0 for status in receipts}}
            for status in receipts:
                block, index = blocks[status.height or 0], status.index
                assert block is not None, f"{node.name} lacks block {status.height}"
                assert index is not None
                assert status.receipt is not None
                assert block.transactions[index].transaction_id.hex() == status.id, node.name
                assert block.receipts[index].code == status.receipt.code, node.name
