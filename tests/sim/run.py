"""Running seeds, one or many."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.sim.cluster import Cluster
from tests.sim.describe import describe
from tests.sim.invariants import InvariantBrokenError
from tests.sim.scenario import Scenario, scenario_of
from tests.sim.setting import setting_of

_CHUNK = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """How real a run is: ``is_real`` with Ed25519 and LevelDB, ``has_contracts`` with the real contracts."""

    is_real: bool = False
    has_contracts: bool = False

    @property
    def options(self) -> str:
        """What the command line calls it."""
        return " --real" * self.is_real + " --contracts" * self.has_contracts

    def scenario(self, seed: int, validator_count: int | None, without: frozenset[str]) -> Scenario:
        """Return what a seed means in a run of this kind."""
        # Governance needs the votes of organisations for a change; the small ledger changes its validators in one step.
        cannot_have = frozenset({"change"}) if self.has_contracts else frozenset[str]()
        return scenario_of(seed, validator_count, without | cannot_have)


FAST: Final = Kind()


@dataclass(frozen=True, slots=True)
class Result:
    """One seed: the rule that it broke, or None, and its figures; ``taken`` names the rare paths that it took."""

    seed: int
    broken: str | None
    events: int
    recovery_ms: int
    taken: frozenset[str]
    atoms: tuple[str, ...] = ()


def run_seed(
    seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset(), kind: Kind = FAST
) -> Result:
    """Run one seed."""
    with _cluster(seed, validator_count, without, kind) as cluster:
        return _result(cluster, seed)


def replay(
    seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset(), kind: Kind = FAST
) -> tuple[Result, list[str], str]:
    """Run one seed again; return its last events as lines, and the hash of all of them."""
    with _cluster(seed, validator_count, without, kind) as cluster:
        shown = cluster.log.maxlen
        assert shown is not None
        cluster.log = deque()
        result = _result(cluster, seed)
    lines = [f"{time_ms:>7}  {node:>4}  {describe(what)}" for time_ms, node, what in cluster.log]
    return result, lines[-shown:], hashlib.sha256("\n".join(lines).encode()).hexdigest()


@contextmanager
def _cluster(seed: int, validator_count: int | None, without: frozenset[str], kind: Kind) -> Iterator[Cluster]:
    """Build the cluster of a seed, and take it down afterwards with whatever it has on real disks."""
    with ExitStack() as stack:
        directory = None
        if kind.is_real:
            # In memory where that is possible: the code under test is the same, and a sync costs nothing.
            memory = Path("/dev/shm")
            parent = memory if memory.is_dir() else None
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="tradelane-sim-", dir=parent)))
        setting = setting_of(contracts=kind.has_contracts, directory=directory)
        cluster = Cluster(kind.scenario(seed, validator_count, without), setting)
        stack.callback(cluster.stop)
        yield cluster


def _result(cluster: Cluster, seed: int) -> Result:
    try:
        outcome = cluster.run()
    except InvariantBrokenError as error:
        return Result(seed, str(error), cluster.events, 0, frozenset(cluster.taken), tuple(cluster.atoms))
    except Exception as error:  # noqa: BLE001 - a fault of the simulation itself; the other seeds are still to be run
        broken = f"simulation: {type(error).__name__}: {error}"
        return Result(seed, broken, cluster.events, 0, frozenset(cluster.taken), tuple(cluster.atoms))
    return Result(seed, None, outcome.events, outcome.recovery_ms, outcome.taken)


def run_seeds(
    seeds: range, validator_count: int | None, without: frozenset[str], jobs: int, kind: Kind = FAST
) -> Iterable[Result]:
    """Run seeds in their order, on several cores; few results are in memory at a time."""
    work = partial(run_seed, validator_count=validator_count, without=without, kind=kind)
    if jobs == 1:
        yield from map(work, seeds)
        return
    # Started anew and not forked, which other threads of a test run would make unsafe.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for part in _parts(seeds, 1_000):
            yield from pool.map(work, part, chunksize=_CHUNK)


def _parts(seeds: range, size: int) -> Iterator[range]:
    for first in range(seeds.start, seeds.stop, size):
        yield range(first, min(first + size, seeds.stop))
