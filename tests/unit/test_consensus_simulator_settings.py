"""The simulator with real signatures, real disks and the real contracts: ``make sim KIND="--real --contracts"``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest

from ledger.block import Header
from ledger.codec import decode_own
from ledger.keys import verify
from ledger.state import Head, head_key
from node.storage.database import LEVELDB_NAME, Database
from node.storage.log_check import LogState, log_state
from tests.sim.__main__ import main
from tests.sim.cluster import Cluster, Outcome
from tests.sim.invariants import InvariantBrokenError
from tests.sim.ledger import ACCOUNTS, OPENING_BALANCE
from tests.sim.real_disk import RealPlatter
from tests.sim.run import FAST, Kind, replay, run_seed
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


@pytest.mark.fault(22, 35)
def test_a_crash_in_the_midst_of_a_write_tears_the_log_of_leveldb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 60 has one in either store. What the node then reads is compared with what was durable at the next open."""
    torn: list[tuple[str, LogState]] = []

    def tear(
        platter: RealPlatter, changes: Mapping[bytes, bytes | None], tear: Callable[..., None] = RealPlatter.tear
    ) -> None:
        tear(platter, changes)
        (log,) = (platter.directory / LEVELDB_NAME).glob("*.log")
        torn.append((platter.name, log_state(log)))

    monkeypatch.setattr(RealPlatter, "tear", tear)
    cluster = Cluster(scenario_of(60), setting_of(directory=tmp_path))
    cluster.run()
    cluster.stop()
    assert "crash: crash in the middle" in cluster.taken
    assert torn
    assert {state for _, state in torn} == {LogState.TORN}
    assert {name for name, _ in torn} == {"ledger", "safety"}


def test_the_contracts_move_money() -> None:
    cluster = Cluster(scenario_of(1), setting_of(contracts=True))
    cluster.run()
    balances = cluster.setting.ledger.balances(cluster.machines[0].chain.store)
    assert sum(balances) == ACCOUNTS * OPENING_BALANCE
    assert balances != [OPENING_BALANCE] * ACCOUNTS


def test_holds_expire_in_blocks_with_and_without_transactions() -> None:
    cluster = Cluster(scenario_of(3), setting_of(contracts=True))
    cluster.run()
    store = cluster.machines[0].chain.store
    statuses = [cast("Head", decode_own(head))["status"] for _, head in store.heads(head_key("hold") + b"\0")]
    assert {"posted", "expired"} <= set(statuses)
    counts = [cast("Header", store.header(height)).transaction_count for height in range(1, store.tip.height + 1)]
    assert min(counts) == 0 < max(counts)


@pytest.mark.parametrize("kind", [FAST, REAL, CONTRACTS, BOTH], ids=["fast", "real", "contracts", "both"])
def test_a_failing_seed_is_made_smaller_and_replayed_as_the_kind_that_it_failed_as(
    kind: Kind, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule that breaks here says what the run was made of, so that a run of another kind breaks another one."""

    def broken(cluster: Cluster) -> Outcome:
        platter, ledger = cluster.machines[0].ledger, cluster.setting.ledger
        raise InvariantBrokenError(f"{type(platter).__name__} {type(ledger).__name__}", "on purpose")

    monkeypatch.setattr(Cluster, "run", broken)
    assert main(["--seeds", "3:4", "--jobs", "1", *kind.options.split()]) == 1
    replayed = capsys.readouterr().out.split("replay it: python -m tests.sim ")[1].splitlines()[0]
    assert replayed == f"--seed 3{kind.options}"
    saved = tmp_path / "entry.json"
    assert main([*replayed.split(), "--shrink", "--save", str(saved)]) == 1
    said, header, *_ = capsys.readouterr().out.splitlines()
    entry = json.loads(saved.read_text("utf-8"))
    assert (entry["real"], entry["contracts"]) == (kind.is_real, kind.has_contracts)
    assert entry["broke"].split(":")[0] == (
        ("RealPlatter" if kind.is_real else "Platter") + (" ContractsLedger" if kind.has_contracts else " ToyLedger")
    )
    command = said.split("python -m tests.sim ")[1]
    assert command.endswith(kind.options)
    assert main(command.split()) == 1
    assert capsys.readouterr().out.splitlines()[0] == header
    shown = header.split("without ")[1].split()
    assert shown == sorted({*entry["without"], *(["change"] if kind.has_contracts else [])})
