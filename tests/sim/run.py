"""Running seeds, one or many."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from consensus.effects import ReportKind
from tests.sim.cluster import Cluster
from tests.sim.invariants import InvariantBrokenError
from tests.sim.scenario import scenario_of

_CHUNK = 25


@dataclass(frozen=True, slots=True)
class Result:
    """One seed: the rule that it broke, or None, and its figures."""

    seed: int
    broken: str | None
    events: int
    recovery_ms: int
    reports: frozenset[ReportKind]


def run_seed(seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset()) -> Result:
    """Run one seed."""
    cluster = Cluster(scenario_of(seed, validator_count, without))
    try:
        outcome = cluster.run()
    except InvariantBrokenError as error:
        return Result(seed, str(error), cluster.events, 0, frozenset(cluster.reports))
    return Result(seed, None, outcome.events, outcome.recovery_ms, outcome.reports)


def run_seeds(seeds: range, validator_count: int | None, without: frozenset[str], jobs: int) -> Iterable[Result]:
    """Run seeds in their order, on several cores."""
    work = partial(run_seed, validator_count=validator_count, without=without)
    if jobs == 1:
        yield from map(work, seeds)
        return
    # Started anew and not forked, which other threads of a test run would make unsafe.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, seeds, chunksize=_CHUNK)
