"""The simulator over a fixed set of seeds, its determinism, and that it finds planted bugs. ``make sim`` runs more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.coverage import PATHS
from tests.sim.liveness import LIVENESS_SEEDS, liveness_worsened
from tests.sim.mutants import MUTANTS, break_seed
from tests.sim.run import Kind, Result, run_seed
from tests.sim.scenario import FAULTS, LIARS, Scenario, scenario_of

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "sim" / "corpus"
FIELD_OF = {"cut": "cuts", "clog": "clogs", "delay": "delay_ms_max", "power_cut": "power_cut_ms", "skew": "skew_ms"}


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run_seed(seed) for seed in LIVENESS_SEEDS]


def test_no_seed_breaks_a_rule(results: list[Result]) -> None:
    assert [(result.seed, result.broken) for result in results if result.broken] == []


def test_clusters_are_well_again_soon_after_the_network_is_healed(results: list[Result]) -> None:
    """The figures are kept beside the simulator; a change that makes either worse by a quarter does not pass."""
    assert liveness_worsened(results) is None


def test_the_seeds_take_the_rare_paths(results: list[Result]) -> None:
    taken = set().union(*(result.taken for result in results))
    assert taken >= {
        "report: view_change",
        "report: equivocation",
        "report: learned",
        "report: old_view",
        "committed above view 0",
        "evidence kept",
        "lock taken up",
        "fail stop",
        "crash: crash after",
        "crash: crash before",
        "transaction.expired",
        "transaction.replayed",
        "validators changed",
    }
    assert len(set(PATHS)) == len(PATHS)
    scenarios = [scenario_of(seed) for seed in range(3_000)]
    assert {role for scenario in scenarios for role in scenario.liars.values()} == set(LIARS)
    assert {scenario.validator_count for scenario in scenarios} == {1, 4, 5, 6, 7, 10}
    for scenario in scenarios:
        damaged = {fault.machine for fault in scenario.disk if fault.is_damage}
        assert len(damaged | set(scenario.liars)) <= (scenario.validator_count - 1) // 3


def faults_in(scenario: Scenario) -> set[str]:
    """Return the names of what happens in a run: classes of faults, roles, faults of disks, cuts in one direction."""
    names = {name for name in FAULTS if getattr(scenario, FIELD_OF.get(name, name))}
    disks = {"slow disk" if fault.kind == "slow" else fault.kind for fault in scenario.disk}
    is_one_way = any((target, source) not in cut.links for cut in scenario.cuts for source, target in cut.links)
    cuts = {"one-way cut"} if is_one_way else set()
    return {*names, *scenario.liars.values(), *disks, *cuts}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("twin", marks=pytest.mark.fault(2)),
        pytest.param("equivocator", marks=pytest.mark.fault(1, 2)),
        pytest.param("hider", marks=pytest.mark.fault(7)),
        pytest.param("usurper", marks=pytest.mark.fault(8)),
        pytest.param("forger", marks=pytest.mark.fault(5)),
        pytest.param("selective", marks=pytest.mark.fault(12)),
        pytest.param("corrupter", marks=pytest.mark.fault(4)),
        pytest.param("bad_block", marks=pytest.mark.fault(13)),
        pytest.param("flooder", marks=pytest.mark.fault(9, 10)),
        pytest.param("slow", marks=pytest.mark.fault(12)),
        pytest.param("sync_liar", marks=pytest.mark.fault(15, 16)),
        pytest.param("clock_liar", marks=pytest.mark.fault(71)),
        pytest.param("mute", marks=pytest.mark.fault(12)),
        pytest.param("drop", marks=pytest.mark.fault(36)),
        pytest.param("duplicate", marks=pytest.mark.fault(3, 36)),
        pytest.param("cut", marks=pytest.mark.fault(37)),
        pytest.param("one-way cut", marks=pytest.mark.fault(38)),
        pytest.param("clog", marks=pytest.mark.fault(42)),
        pytest.param("crash", marks=pytest.mark.fault(20)),
        pytest.param("power_cut", marks=pytest.mark.fault(21)),
        pytest.param("rollback", marks=pytest.mark.fault(33)),
        pytest.param("torn", marks=pytest.mark.fault(22)),
        pytest.param("flip_ledger", marks=pytest.mark.fault(23)),
        pytest.param("flip_safety", marks=pytest.mark.fault(23)),
        pytest.param("full", marks=pytest.mark.fault(29)),
        pytest.param("sync_error", marks=pytest.mark.fault(30)),
        pytest.param("sync_error_kept", marks=pytest.mark.fault(30)),
        pytest.param("slow disk", marks=pytest.mark.fault(34)),
        pytest.param("skew", marks=pytest.mark.fault(71)),
    ],
)
def test_clusters_stand_each_fault(name: str, results: list[Result]) -> None:
    """Each of them is in some of the seeds, and none of these breaks a rule."""
    broken = [result.broken for result in results if name in faults_in(scenario_of(result.seed))]
    assert broken, "no seed has it"
    assert set(broken) == {None}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_can_be_taken_away_and_the_others_stay(fault: str) -> None:
    for seed in range(40):
        with_all, without = scenario_of(seed), scenario_of(seed, without=frozenset({fault}))
        kept = [name for name in with_all.__slots__ if getattr(with_all, name) != getattr(without, name)]
        assert set(kept) <= {"without", FIELD_OF.get(fault, fault)}


def test_a_replay_is_the_same_whatever_the_hash_seed_of_the_interpreter() -> None:
    shown = {
        subprocess.run(
            [sys.executable, "-m", "tests.sim", "--seed", "10002"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("0", "1", "random")
    }
    assert len(shown) == 1
    lines = shown.pop().splitlines()
    assert len(lines) == 63, "the faults, a heading, 60 events, the verdict"
    assert "no rule broken" in lines[-1]


# A cluster that has stopped for good is watched until the end of its time, which takes a quarter of a minute.
_LONG = {"proposer ignores prepared", "proposer never rotates", "order of proposers differs"}


@pytest.mark.parametrize("name", [name for name, bug in MUTANTS.items() if not bug.is_slow and name not in _LONG])
def test_a_planted_bug_is_found(name: str) -> None:
    """By the seed that is kept for it; ``make sim-mutants`` looks for it from seed 0 on."""
    mutant = MUTANTS[name]
    broken = break_seed(mutant.seed, name)
    assert broken is not None
    assert broken.split()[0] == mutant.rule


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.json")), ids=lambda path: path.stem)
def test_a_seed_that_once_failed_does_not_fail_again(path: Path) -> None:
    entry = json.loads(path.read_text("utf-8"))
    kind = Kind(is_real=entry.get("real", False), has_contracts=entry.get("contracts", False))
    assert run_seed(entry["seed"], entry["validators"], frozenset(entry["without"]), kind).broken is None
