"""Setting up a network: complete homes that open, private secrets, and nothing half made."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.genesis import genesis_from_json
from ledger.key_file import key_from_text
from ledger.proof import trust_from_genesis, trust_from_json
from node.config import load_config
from node.home import open_home
from node.setup import FOUNDERS, Network, SetupError, create_network, load_network
from standards.gs1 import require_gln

NOW_MS = 1_795_000_000_000


def random_bytes(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def network_at(directory: Path, validators: int = 4) -> Network:
    return create_network(directory, now_ms=NOW_MS, random_bytes=random_bytes(), validators=validators)


def test_every_home_opens_on_the_same_chain(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net")
    keys = set()
    for index, node in enumerate(network.nodes):
        home = open_home(network.home(node))
        try:
            assert home.genesis.chain_id.hex() == network.chain_id
            assert home.store.tip.height == 0
            assert home.config.name == f"node-{index + 1}"
            assert home.config.api_port == 7400 + index
            assert home.config.p2p_port == 7500 + index
            assert len(home.config.peers) == 3
            assert home.validator_key.public_key not in {peer.public_key for peer in home.config.peers}
            assert home.genesis.validators.index_of(home.validator_key.public_key) is not None
            assert home.gateway_key is not None
            keys |= {home.validator_key.public_key, home.gateway_key.public_key}
        finally:
            home.close()
    assert len(keys) == 8


def test_observers_are_nodes_like_the_others_but_in_no_validator_set(tmp_path: Path) -> None:
    network = create_network(
        tmp_path / "net", now_ms=NOW_MS, random_bytes=random_bytes(), validators=4, observers=2, base_port=8000
    )
    assert [node.name for node in network.nodes] == [f"node-{number}" for number in range(1, 7)]
    assert [node.organisation for node in network.nodes[4:]] == ["warehouse", "brand"]
    for index, node in enumerate(network.nodes):
        home = open_home(network.home(node))
        try:
            assert len(home.genesis.validators) == 4
            assert len(home.config.peers) == 5, "each knows all others, so that an observer hears the votes"
            is_validator = home.genesis.validators.index_of(home.validator_key.public_key) is not None
            assert is_validator == (index < 4)
            assert (home.config.api_port, home.config.p2p_port) == (8000 + index, 8100 + index)
        finally:
            home.close()


@pytest.mark.parametrize("observers", [-1, 21])
def test_too_many_observers_are_refused(tmp_path: Path, observers: int) -> None:
    with pytest.raises(SetupError, match="observers"):
        create_network(tmp_path / "net", now_ms=NOW_MS, random_bytes=random_bytes(), observers=observers)


def test_five_organisations_have_keys_and_accounts(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net")
    genesis = genesis_from_json((network.home(network.nodes[0]) / "genesis.json").read_text())
    registered = {
        operation.arguments["id"]: operation.arguments["admin_key"]
        for operation in genesis.operations
        if operation.method == "membership.register_organisation"
    }
    accounts = [
        operation.arguments["id"] for operation in genesis.operations if operation.method == "settlement.open_account"
    ]
    assert set(registered) == {"maker", "brand", "carrier", "warehouse", "retailer"}
    assert sorted(accounts, key=str) == ["brand/USD", "carrier/USD", "maker/USD", "retailer/USD", "warehouse/USD"]
    for organisation in network.organisations:
        key = key_from_text(network.key_path(organisation.id).read_text())
        assert registered[organisation.id] == key.public_key


def test_the_founders_have_glns_with_check_digits() -> None:
    for founder in FOUNDERS:
        require_gln(founder.gln)
    assert len({founder.gln for founder in FOUNDERS}) == 5


def test_the_trust_file_names_the_validators(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net")
    genesis = genesis_from_json((network.directory / "node-1" / "genesis.json").read_text())
    assert trust_from_json((network.directory / "trust.json").read_text()) == trust_from_genesis(genesis)


def test_no_secret_can_be_read_by_others(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net")
    secrets = [*network.directory.glob("**/keys/*.json"), *network.directory.glob("**/config.toml")]
    assert len(secrets) == 4 * 3 + 5
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


def test_the_same_chance_makes_the_same_network(tmp_path: Path) -> None:
    first, second = network_at(tmp_path / "one"), network_at(tmp_path / "two")
    assert first.chain_id == second.chain_id
    other = create_network(tmp_path / "three", now_ms=NOW_MS, random_bytes=random_bytes(2))
    assert other.chain_id != first.chain_id


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net", validators=6)
    assert load_network(tmp_path / "net") == network
    assert [node.organisation for node in network.nodes] == [
        "brand",
        "maker",
        "carrier",
        "retailer",
        "warehouse",
        "brand",
    ]


def test_a_single_validator_has_no_peers(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net", validators=1)
    assert load_config(network.home(network.nodes[0])).peers == ()


def test_an_existing_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    with pytest.raises(SetupError, match="exists"):
        network_at(tmp_path / "net")
    assert list((tmp_path / "net").iterdir()) == []


@pytest.mark.parametrize(("validators", "base_port"), [(0, 7400), (21, 7400), (4, 80), (4, 65_500)])
def test_numbers_out_of_range_are_refused(tmp_path: Path, validators: int, base_port: int) -> None:
    with pytest.raises(SetupError):
        create_network(
            tmp_path / "net", now_ms=NOW_MS, random_bytes=random_bytes(), validators=validators, base_port=base_port
        )
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_set_up_leaves_nothing(tmp_path: Path) -> None:
    source = random_bytes()

    def running_out(count: int) -> bytes:
        if count == 24:  # the gateway token of the first home, half-way through
            raise KeyboardInterrupt
        return source(count)

    with pytest.raises(KeyboardInterrupt):
        create_network(tmp_path / "net", now_ms=NOW_MS, random_bytes=running_out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tradelane-network/2"}', '{"format": 1}'])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    network = network_at(tmp_path / "net")
    (network.directory / "network.json").write_text(text)
    with pytest.raises(SetupError):
        load_network(network.directory)


def test_a_missing_description_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="tradelane up"):
        load_network(tmp_path)


def test_the_description_is_json_without_secrets(tmp_path: Path) -> None:
    network = network_at(tmp_path / "net")
    text = (network.directory / "network.json").read_text()
    assert json.loads(text)["chain_id"] == network.chain_id
    for path in network.directory.glob("**/keys/*.json"):
        assert json.loads(path.read_text())["secret"] not in text
