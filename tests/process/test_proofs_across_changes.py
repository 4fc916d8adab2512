"""Real nodes whose validators change: proofs across the change, and light clients on both sides of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.processes import NodeProcesses
from node.setup import ISSUER, TRUST_FILE
from tests.process.test_validator_change import issue, swap, tradelane
from tests.support.cluster import running_cluster, wait_same_tip
from tradelane import Client, VerificationError, load_trust, save_trust, verify_proof

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path, validators=4, observers=1) as processes:
        yield processes


def test_proofs_and_light_clients_cross_a_change_of_the_validators(cluster: NodeProcesses, tmp_path: Path) -> None:
    network = cluster.network
    one, _, _, leaver, joiner = network.nodes
    genesis_trust = load_trust(network.directory / TRUST_FILE)
    account = next(organisation.account for organisation in network.organisations if organisation.id == ISSUER)
    assert account is not None
    issue(network, one)
    with Client(one.api) as client:
        before = verify_proof(client.account_proof(account), genesis_trust)
    light = before.trust
    assert light.height == before.height

    swap(network, leaver, joiner, "swap")
    for _ in range(3):
        issue(network, one)
    wait_same_tip(network)
    with Client(joiner.api) as client:
        bundle: Any = client.account_proof(account)
        tip = client.trust_proof(light.height)
    assert [change["kind"] for change in bundle["validator_changes"]] == ["next"]
    for trust in (genesis_trust, light):
        facts = verify_proof(bundle, trust)
        assert (facts.heads[0].is_complete, facts.heads[0].count) == (True, 4)
        assert facts.trust.validators != genesis_trust.validators
    with pytest.raises(VerificationError) as caught:
        verify_proof({**bundle, "validator_changes": []}, light)
    assert caught.value.code == "other_validators"
    newest = verify_proof(tip, light)
    assert (newest.kind, newest.trust.height) == ("trust", newest.height)

    # The commands do the same, and a trust root from after the change proves what comes then.
    trust_path, bundle_path = tmp_path / "light.json", tmp_path / "bundle.json"
    save_trust(trust_path, light)
    bundle_path.write_text(json.dumps(bundle))
    verified = tradelane(network, "verify", str(bundle_path), "--trust", str(trust_path), "--update-trust")
    assert verified["trust_height"] == load_trust(trust_path).height == facts.height
    last = issue(network, leaver)
    wait_same_tip(network, last.height or 0)
    checked = tradelane(network, "verify", last.id, "--trust", str(trust_path))
    assert (checked["height"], checked["freshness"]["others_compared"]) == (last.height, 4)
    assert checked["freshness"]["doubts"] == []
