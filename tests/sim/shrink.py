"""Making a failing run smaller: faults are taken away as long as the same rule breaks (Zeller's ddmin).

Chance is a hash and no stream, so what is left behaves as before. First whole classes of faults and the liars go, then
single cuts, clogs, disk faults and crashes in ever smaller heaps, then validators.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.sim.run import Kind, Result, run_seed
from tests.sim.scenario import FAULTS

_RUNS_MAX = 200
_SIZES = (1, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A smaller run that breaks the same rule; ``runs`` is how many were tried."""

    seed: int
    validator_count: int | None
    without: frozenset[str]
    broken: str
    runs: int


def shrink(seed: int, validator_count: int | None, without: frozenset[str], kind: Kind) -> Shrunk | None:
    """Return the smallest run of this kind that is found to break the rule that the whole one breaks.

    None where that breaks none.
    """
    return _Shrinking(seed, validator_count, without, kind).run()


class _Shrinking:
    def __init__(self, seed: int, validator_count: int | None, without: frozenset[str], kind: Kind) -> None:
        self._seed = seed
        self._kind = kind
        self._count = validator_count
        self._without = without
        self._runs = 0
        self._last: Result | None = None
        self._rule = ""

    def run(self) -> Shrunk | None:
        first = run_seed(self._seed, self._count, self._without, self._kind)
        if first.broken is None:
            return None
        self._last, self._rule = first, _rule(first)
        scenario = self._kind.scenario(self._seed, self._count, self._without)
        self._try_each(["liars", *[f"liar.{index}" for index in scenario.liars], *FAULTS])
        for size in _SIZES:
            if size < scenario.validator_count and self._breaks(size, self._without):
                self._count = size
                break
        named = [f"{name}.{place}" for name in ("cut", "clog", "disk") for place in range(4)]
        self._halve(named + [atom for atom in self._last.atoms if atom not in self._without])
        assert self._last.broken is not None
        return Shrunk(self._seed, self._count, self._without, self._last.broken, self._runs)

    def _try_each(self, atoms: Sequence[str]) -> None:
        for atom in atoms:
            if atom not in self._without and self._breaks(self._count, self._without | {atom}):
                self._without |= {atom}

    def _halve(self, atoms: Sequence[str]) -> None:
        """Take away heaps of atoms, all at first, then halves of what could not go."""
        if not atoms or self._runs >= _RUNS_MAX:
            return
        if self._breaks(self._count, self._without | set(atoms)):
            self._without |= set(atoms)
        elif len(atoms) > 1:
            middle = len(atoms) // 2
            self._halve(atoms[:middle])
            self._halve(atoms[middle:])

    def _breaks(self, count: int | None, without: frozenset[str]) -> bool:
        if self._runs >= _RUNS_MAX:
            return False
        self._runs += 1
        result = run_seed(self._seed, count, without, self._kind)
        if result.broken is None or _rule(result) != self._rule:
            return False
        self._last = result
        return True


def _rule(result: Result) -> str:
    assert result.broken is not None
    return result.broken.split(":", 1)[0]
