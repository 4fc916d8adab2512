"""Seven validators under load while one after another is killed, stopped, cut off, loses its disk or is replaced.

``TRADELANE_SOAK_MINUTES`` says for how long (default 10). What is asserted: one chain on all disks, every receipt that
was handed out on every disk, and after each perturbation a new block and the node back at the tip within 20 s, with no
longer pause between two blocks.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ledger.certificate import VoteKind
from node.chain import Chain
from node.setup import Network, NetworkNode
from node.storage.store import Store
from tests.support.cluster import wait_same_tip
from tests.support.load import issue, streaming
from tests.support.proxy_cluster import LinkedCluster, linked_cluster
from tests.support.soak import (
    HEADING,
    PERTURBATIONS,
    Recovery,
    Watch,
    perturb,
    replace_validator,
    watching,
    worst,
)
from tradelane import Client, NotFoundError
from tradelane.results import TransactionStatus

RECOVERY_S_MAX = 20.0
PAYMENTS_PER_S = 10.0
CALM_S = 1.0
FILL_BACK_S_MAX = 60.0
BLOCKS_MISSED = 2_000


@pytest.mark.soak
def test_seven_validators_get_over_whatever_happens_to_one_of_them(tmp_path: Path) -> None:
    minutes = float(os.environ.get("TRADELANE_SOAK_MINUTES", "10"))
    recoveries = soak(tmp_path, 7, observers=2, seconds=minutes * 60, holds_s=(2.0, 4.0, 8.0))
    assert sum(row.perturbation == "replaced" for row in recoveries) == 2


@pytest.mark.soak
@pytest.mark.fault(39)
def test_a_node_catches_up_with_thousands_of_blocks_while_the_others_go_on(tmp_path: Path) -> None:
    # One that does not vote, for the turns of one that does would pass in silence and make this take an hour.
    with linked_cluster(tmp_path, observers=1) as cluster:
        network, isolated = cluster.network, cluster.nodes[4]
        issue(network, cluster.nodes[0])
        for link in cluster.between([isolated]):
            link.cut()
        with watching(cluster.nodes) as watch:
            with streaming(network, 50, cluster.nodes[:4]) as stream:
                wait_until(lambda: watch.highest >= BLOCKS_MISSED, 1_800, "blocks enough")
            assert watch.looks()[-1].heights[isolated.name] <= 1
            with streaming(network, PAYMENTS_PER_S, cluster.nodes[:4]) as later:
                healed = time.monotonic()
                cluster.heal()
                wait_until(lambda: watch.back_after(healed, isolated.name) is not None, 600, "the node is back")
                print(f"\n{watch.highest} blocks fetched and executed in {time.monotonic() - healed:.0f} s")
        tip = wait_same_tip(network, BLOCKS_MISSED)
        cluster.processes.stop_all()
        assert_one_certified_chain(network, tip.height)
        assert_every_receipt_is_on_every_disk(network, [*stream.receipts, *later.receipts])


@pytest.mark.slow
@pytest.mark.fault(20)
def test_four_validators_get_over_each_thing_once(tmp_path: Path) -> None:
    recoveries = soak(tmp_path, 4, observers=0, seconds=10, holds_s=(1.0,))
    assert {row.perturbation for row in recoveries} == {what.name for what in PERTURBATIONS}


def soak(
    directory: Path, validators: int, *, observers: int, seconds: float, holds_s: Sequence[float]
) -> list[Recovery]:
    """Run a cluster through one perturbation after another for so many seconds, then look at what is left.

    Meanwhile the observers take the places of the first validators, one by one. Each kind happens once at least.
    """
    with linked_cluster(directory, validators, observers) as cluster:
        network = cluster.network
        issue(network, network.nodes[0])
        with watching(network.nodes) as watch, streaming(network, PAYMENTS_PER_S, network.nodes) as stream:
            recoveries = list(_perturb_all(cluster, watch, validators, seconds, holds_s))
        cluster.processes.wait_ready(network.nodes)
        tip = wait_same_tip(network)
        wait_filled_back(network)
        cluster.processes.stop_all()
        answers = f"{len(stream.receipts)} receipts, {dict(stream.errors)}"
        print(
            f"the worst of each kind\n{worst(recoveries)}\n{tip.height} blocks, {stream.sent} payments sent, {answers}"
        )
        assert_one_certified_chain(network, tip.height)
        assert_every_receipt_is_on_every_disk(network, stream.receipts)
        assert len(stream.receipts) >= stream.sent / 2, "most customers are served"
    assert [str(row) for row in recoveries if row.worst_s > RECOVERY_S_MAX] == []
    return recoveries


def _perturb_all(
    cluster: LinkedCluster, watch: Watch, validators: int, seconds: float, holds_s: Sequence[float]
) -> Iterator[Recovery]:
    voters, waiting = list(cluster.nodes[:validators]), list(cluster.nodes[validators:])
    pauses_s = seconds / (len(waiting) + 1)
    began = time.monotonic()
    replace_at = began + pauses_s
    print(f"\n{HEADING}")
    # Each goes round at its own pace: in time everything happens to everybody, for a short and a long time.
    rounds = zip(*map(itertools.cycle, (PERTURBATIONS, range(validators), holds_s)), strict=False)
    for count in itertools.count():
        if count >= len(PERTURBATIONS) and not waiting and time.monotonic() - began > seconds:
            return
        if waiting and time.monotonic() > replace_at:
            replace_at += pauses_s
            place = len(cluster.nodes) - validators - len(waiting)
            leaver, voters[place] = voters[place], waiting.pop(0)
            recovery = replace_validator(cluster, watch, leaver, voters[place])
        else:
            what, index, hold_s = next(rounds)
            recovery = perturb(cluster, watch, what, voters[index], hold_s)
        print(recovery, flush=True)
        yield recovery
        time.sleep(CALM_S)


def open_store(network: Network, node: NetworkNode) -> Store:
    return Store.open(network.home(node) / "ledger", bytes.fromhex(network.chain_id))


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(1.0)


def wait_filled_back(network: Network) -> None:
    """Wait until every node has all transactions from block 1 on, also one that began with a snapshot."""
    deadline = time.monotonic() + FILL_BACK_S_MAX
    for node in network.nodes:
        while not has_first_block(node):
            assert time.monotonic() < deadline, f"{node.name} does not fill back its history"
            time.sleep(0.2)


def has_first_block(node: NetworkNode) -> bool:
    with Client(node.api) as client:
        try:
            return client.block(1).height == 1
        except NotFoundError:
            return False


def assert_one_certified_chain(network: Network, height: int) -> None:
    """Every disk has the same blocks, and a certificate of each by the validators of its own height."""
    chains: list[list[bytes]] = []
    for node in network.nodes:
        with closing(open_store(network, node)) as store:
            chain = Chain(store)
            hashes = []
            for each in range(1, height + 1):
                header, certificate, members = store.header(each), store.certificate(each), chain.validators_at(each)
                assert header is not None, f"{node.name} lacks block {each}"
                assert certificate is not None
                assert members is not None
                assert certificate.block_hash == header.hash
                # Signatures take time: all of them once, and on every disk those that a view change is behind.
                if node is network.nodes[0] or certificate.view > 0:
                    assert certificate.refusal(VoteKind.COMMIT, members, chain.chain_id) is None
                hashes.append(header.hash)
            chains.append(hashes)
    for node, hashes in zip(network.nodes, chains, strict=True):
        assert hashes == chains[0], f"{node.name} has another chain than {network.nodes[0].name}"


def assert_every_receipt_is_on_every_disk(network: Network, receipts: Sequence[TransactionStatus]) -> None:
    for node in network.nodes:
        with closing(open_store(network, node)) as store:
            blocks = {height: store.block(height) for height in {status.height or 0 for status in receipts}}
            for status in receipts:
                block, index = blocks[status.height or 0], status.index
                assert block is not None, f"{node.name} lacks block {status.height}"
                assert index is not None
                assert status.receipt is not None
                assert block.transactions[index].transaction_id.hex() == status.id, node.name
                assert block.receipts[index].code == status.receipt.code, node.name
