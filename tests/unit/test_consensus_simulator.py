"""The simulator over a fixed set of seeds, its determinism, and that it finds planted bugs. ``make sim`` runs more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consensus.effects import ReportKind
from tests.sim.mutants import MUTANTS, break_seed, hunt
from tests.sim.run import Result, run_seed
from tests.sim.scenario import FAULTS, LIARS, scenario_of

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(10_000, 10_300)
# The seeds that a hunt over 0:5000 found; a bug may move to another seed when the protocol changes, then hunt anew.
QUICK = [name for name, mutant in MUTANTS.items() if mutant.seeds_max <= 20]
SEED_OF = {
    "prepared certificate dropped in view change": 63,
    "new view's justification unchecked": 125,
    "view changes forgotten on restart": 301,
    "view left only with its exact quorum": 585,
}


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run_seed(seed) for seed in SEEDS]


def test_no_seed_breaks_a_rule(results: list[Result]) -> None:
    assert [(result.seed, result.broken) for result in results if result.broken] == []


def test_clusters_are_well_again_soon_after_the_network_is_healed(results: list[Result]) -> None:
    times_ms = sorted(result.recovery_ms for result in results)
    assert times_ms[len(times_ms) // 2] <= 1_000
    assert times_ms[len(times_ms) * 99 // 100] <= 7_000


def test_the_seeds_take_the_rare_paths(results: list[Result]) -> None:
    seen = set().union(*(result.reports for result in results))
    assert {
        ReportKind.EQUIVOCATION,
        ReportKind.DOUBLE_SIGN_REFUSED,
        ReportKind.PROPOSAL_REFUSED,
        ReportKind.VIEW_CHANGE,
        ReportKind.UNJUSTIFIED_PROPOSAL,
        ReportKind.FUTURE_VIEW,
        ReportKind.STALE_ANSWER,
    } <= seen
    scenarios = [scenario_of(seed) for seed in SEEDS]
    assert {role for scenario in scenarios for role in scenario.liars.values()} == set(LIARS)
    assert {scenario.validator_count for scenario in scenarios} == {1, 4, 5, 6, 7, 10}
    assert all(len(scenario.liars) <= (scenario.validator_count - 1) // 3 for scenario in scenarios)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_can_be_taken_away_and_the_others_stay(fault: str) -> None:
    for seed in range(40):
        with_all, without = scenario_of(seed), scenario_of(seed, without=frozenset({fault}))
        kept = [name for name in with_all.__slots__ if getattr(with_all, name) != getattr(without, name)]
        assert len(kept) <= 1


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
        for hash_seed in ("0", "1")
    }
    assert len(shown) == 1
    lines = shown.pop().splitlines()
    assert len(lines) == 63, "the scenario, a heading, 60 events, the verdict"
    assert "no rule broken" in lines[-1]


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_bug_is_found(name: str) -> None:
    assert hunt(name, range(MUTANTS[name].seeds_max)) is not None


@pytest.mark.parametrize("name", SEED_OF)
def test_a_rare_bug_is_found_where_the_hunt_found_it_and_only_with_the_bug(name: str) -> None:
    seed = SEED_OF[name]
    assert break_seed(seed, None) is None
    assert break_seed(seed, name) is not None
