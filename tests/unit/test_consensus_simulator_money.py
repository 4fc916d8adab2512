"""Money in the simulator with the real contracts: the rules hold through its faults, and each finds a planted bug."""

import pytest

from tests.sim.cluster import Cluster
from tests.sim.contracts_ledger import ContractsLedger
from tests.sim.money_mutants import MONEY_MUTANTS, break_money
from tests.sim.run import Kind
from tests.sim.setting import setting_of

SEEDS = range(6)


def test_money_is_whole_at_every_height_of_every_node_through_view_changes_and_crashes() -> None:
    """The run itself checks each block of each machine; here, that there was something to check."""
    taken: set[str] = set()
    ways: set[str] = set()
    made = []
    for seed in SEEDS:
        cluster = Cluster(Kind(has_contracts=True).scenario(seed, None, frozenset()), setting_of(contracts=True))
        taken |= cluster.run().taken
        found = {cluster.setting.ledger.exchanges(machine.chain.store) for machine in cluster.machines}
        ledger = cluster.setting.ledger
        assert isinstance(ledger, ContractsLedger)
        ways |= ledger.ways(cluster.machines[0].chain.store)
        made.append(max(len(exchanges) for exchanges in found))
    assert {"crash: crash after", "committed above view 0"} <= taken
    assert ways == {"settled", "held", "cancelled"}, "escrows are open, released and sent back"
    assert min(made) >= 3, "every run has payments between two currencies"


@pytest.mark.parametrize("name", MONEY_MUTANTS)
def test_a_planted_bug_breaks_its_rule(name: str) -> None:
    mutant = MONEY_MUTANTS[name]
    assert break_money(mutant.seed, name) == mutant.rule
    assert break_money(mutant.seed, None) is None
