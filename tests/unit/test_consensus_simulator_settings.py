"""The simulator with real signatures, real disks and the real contracts: ``make sim KIND="--real --contracts"``."""

from pathlib import Path

import pytest

from ledger.keys import verify
from node.storage.database import Database
from tests.sim.cluster import Cluster
from tests.sim.ledger import ACCOUNTS, OPENING_BALANCE
from tests.sim.real_disk import RealPlatter
from tests.sim.run import Kind, replay, run_seed
from tests.sim.scenario import scenario_of
from tests.sim.setting import setting_of

# Crashes after and before a write, a power cut, lost disks and rotten bytes, liars, an old backup.
SEEDS = range(6)
REAL, CONTRACTS, BOTH = Kind(is_real=True), Kind(has_contracts=True), Kind(is_real=True, has_contracts=True)


@pytest.mark.parametrize("kind", [REAL, CONTRACTS, BOTH], ids=["real", "contracts", "both"])
def test_no_seed_breaks_a_rule(kind: Kind) -> None:
    results = [run_seed(seed, kind=kind) for seed in SEEDS]
    assert [(result.seed, result.broken) for result in results if result.broken] == []
    taken = set().union(*(result.taken for result in results))
    assert {"crash: crash after", "committed above view 0", "evidence kept", "transaction taken"} <= taken


def test_a_replay_is_the_same() -> None:
    assert replay(3, kind=BOTH)[2] == replay(3, kind=BOTH)[2]


def test_the_disks_are_leveldb_and_the_signatures_ed25519(tmp_path: Path) -> None:
    cluster = Cluster(scenario_of(4), setting_of(directory=tmp_path))
    cluster.run()
    cluster.stop()
    for machine in cluster.machines:
        platter = machine.ledger
        assert isinstance(platter, RealPlatter)
        database = Database(platter.directory)
        assert dict(database.scan(b"", b"\xff" * 64)) == platter.pairs
        database.close()
    assert len(list(tmp_path.glob("*/leveldb/CURRENT"))) >= 2 * len(cluster.machines)
    key = cluster.setting.validator_key(0)
    assert verify(key.public_key, b"message", key.sign(b"message"))


def test_the_contracts_move_money() -> None:
    cluster = Cluster(scenario_of(1), setting_of(contracts=True))
    cluster.run()
    balances = cluster.setting.ledger.balances(cluster.machines[0].chain.store)
    assert sum(balances) == ACCOUNTS * OPENING_BALANCE
    assert balances != [OPENING_BALANCE] * ACCOUNTS
