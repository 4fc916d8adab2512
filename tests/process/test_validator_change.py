"""Real nodes: an observer takes a validator's place by governance, with the commands that an operator would use."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.processes import NodeProcesses, program, program_environment
from ledger.certificate import VoteKind
from ledger.keys import SecretKey
from ledger.transaction import Operation
from node.chain import Chain
from node.config import load_config
from node.setup import ISSUER, Network, NetworkNode, write_home
from node.storage.store import Store
from tests.support.cluster import free_base_port, organisation_key, running_cluster, wait_same_tip
from tradelane import Client, TradelaneError, TransactionStatus

pytestmark = pytest.mark.slow

PATIENCE_S = 40.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path, validators=4, observers=1) as processes:
        yield processes


def tradelane(network: Network, *arguments: str) -> Any:
    """Run a command as its own process and return the JSON that it prints."""
    ran = subprocess.run(
        program("--json", "--network", str(network.directory), *arguments),
        env=program_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def issue(network: Network, node: NetworkNode, wait_s: float = 20.0) -> TransactionStatus:
    """Commit a block through a node."""
    issuer = next(organisation for organisation in network.organisations if organisation.id == ISSUER)
    operation = Operation(
        "settlement.issue", {"id": secrets.token_bytes(16), "account": issuer.account, "amount": 1_000}
    )
    with Client(node.api) as client:
        return client.submit([operation], organisation_key(network, ISSUER), wait_s=wait_s)


def public_key(node: NetworkNode) -> str:
    with Client(node.api) as client:
        return str(client.status().fields["public_key"])


def is_validator(node: NetworkNode) -> bool:
    with Client(node.api) as client:
        return client.status().is_validator


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.1)


def height_of(node: NetworkNode) -> int:
    with Client(node.api) as client:
        return client.status().height


def swap(network: Network, leaver: NetworkNode, joiner: NetworkNode, identifier: str) -> None:
    """Replace a validator by an observer, as three of the four organisations decide."""
    joining = tradelane(
        network,
        *("validators", "possession", "--home", str(network.home(joiner)), "--organisation", joiner.organisation),
    )
    file = network.directory / f"{identifier}.json"
    file.write_text(json.dumps(joining))
    deciding = {member.organisation for member in members(network)} - {leaver.organisation}
    first, *others = sorted(deciding)
    propose = ("validators", "propose", "--add", str(file), "--remove", public_key(leaver)[:16], "--id", identifier)
    assert tradelane(network, *propose, "--as", first)["is_executed"] is False
    approvals = [
        tradelane(network, "validators", "approve", identifier, "--as", name)["is_executed"] for name in others
    ]
    assert approvals == [False, True]


def members(network: Network) -> tuple[Any, ...]:
    with Client(*(node.api for node in network.nodes)) as client:
        return client.validators().members


def certificates_are_good(network: Network, nodes: tuple[NetworkNode, ...]) -> None:
    """Open every stopped node's store and check each certificate with the validators of its own height."""
    for node in nodes:
        with closing(Store.open(network.home(node) / "ledger", bytes.fromhex(network.chain_id))) as store:
            chain = Chain(store)
            sets = [chain.validators_at(height) for height in range(1, store.tip.height + 1)]
            assert len(set(sets)) == 2
            for height, validators in enumerate(sets, 1):
                certificate = store.certificate(height)
                assert validators is not None
                assert certificate is not None
                assert certificate.refusal(VoteKind.COMMIT, validators, chain.chain_id) is None


def test_an_observer_takes_the_place_of_a_validator(cluster: NodeProcesses) -> None:
    network = cluster.network
    one, two, three, leaver, joiner = network.nodes
    issue(network, joiner)
    wait_same_tip(network, 1)
    assert [is_validator(node) for node in network.nodes] == [True, True, True, True, False]
    leaver_key, joiner_key = public_key(leaver), public_key(joiner)

    swap(network, leaver, joiner, "swap")
    assert {member.public_key for member in members(network)} >= {leaver_key}, "it still signs the next block"
    for _ in range(2):
        issue(network, one)
    wait_same_tip(network)
    assert [is_validator(node) for node in network.nodes] == [True, True, True, False, True]
    assert {member.public_key for member in members(network)} == {
        *(public_key(node) for node in (one, two, three)),
        joiner_key,
    }

    # With one of the old ones gone a quorum needs the new one's vote.
    cluster.kill(one.name)
    agreed = issue(network, two)
    # With the new one gone as well, the one that was removed makes no quorum.
    cluster.kill(joiner.name)
    with pytest.raises(TradelaneError):
        issue(network, two, wait_s=4.0)
    assert {height_of(node) for node in (two, three, leaver)} == {agreed.height}
    cluster.start(one)
    cluster.start(joiner)
    cluster.wait_ready(network.nodes)
    wait_same_tip(network, (agreed.height or 0) + 1, timeout_s=PATIENCE_S)

    cluster.stop_all()
    cluster.start_all()
    cluster.wait_ready(network.nodes)
    after = issue(network, leaver)
    wait_same_tip(network, after.height or 0)
    assert [is_validator(node) for node in network.nodes] == [True, True, True, False, True]
    cluster.stop_all()
    certificates_are_good(network, network.nodes)


def test_an_observer_that_nobody_knows_follows_and_passes_on(cluster: NodeProcesses) -> None:
    network = cluster.network
    base_port = free_base_port(1)
    late = NetworkNode("late", "", "late", f"http://127.0.0.1:{base_port}", f"http://127.0.0.1:{base_port + 100}")
    config = load_config(network.home(network.nodes[4]))
    write_home(
        network.home(late),
        name=late.name,
        genesis=(network.home(network.nodes[0]) / "genesis.json").read_text(),
        validator_key=SecretKey(secrets.token_bytes(32)),
        gateway_key=None,
        api_port=base_port,
        p2p_port=base_port + 100,
        peers=[(peer.public_key, peer.url) for peer in config.peers],
        gateway_token=None,
    )
    for _ in range(3):
        issue(network, network.nodes[0])
    cluster.start(late)
    cluster.wait_ready([late])
    wait_until(lambda: height_of(late) >= 3, "the late one has the blocks from before")
    passed_on = issue(network, late)
    everybody = replace(network, nodes=(*network.nodes, late))
    assert wait_same_tip(everybody, passed_on.height or 0).height == passed_on.height == 4
    assert is_validator(late) is False
