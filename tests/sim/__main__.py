"""``python -m tests.sim``: run seeds, replay one, make a failing one smaller, or look for planted bugs."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.sim.coverage import PATHS
from tests.sim.run import FAST, Kind, replay, run_seeds
from tests.sim.shrink import shrink

_PROGRESS_SEEDS = 1_000


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 0 where no rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", metavar="A:B", help="run the seeds from A up to B")
    parser.add_argument("--seed", type=int, help="replay one seed and print its last events")
    parser.add_argument("--shrink", action="store_true", help="with --seed: take away what the failure does not need")
    parser.add_argument("--save", type=Path, help="with --shrink: write the smaller run to this file of the corpus")
    parser.add_argument("--mutants", action="store_true", help="look for each planted bug within --seeds (0:5000)")
    parser.add_argument("--validators", type=int, help="how many validators; the seed chooses by default")
    parser.add_argument("--without", nargs="*", default=[], help="faults to take away: classes or single ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--real", action="store_true", help="with Ed25519 signatures and LevelDB")
    parser.add_argument("--contracts", action="store_true", help="with the real contracts; validators stay the same")
    chosen = parser.parse_args(arguments)
    kind = Kind(is_real=chosen.real, has_contracts=chosen.contracts)
    without = frozenset(chosen.without)
    if chosen.seed is not None:
        if chosen.shrink:
            return _shrink(chosen.seed, chosen.validators, without, kind, chosen.save)
        return _replay(chosen.seed, chosen.validators, without, kind)
    first, last = (int(part) for part in (chosen.seeds or ("0:5000" if chosen.mutants else "0:2500")).split(":"))
    if chosen.mutants:
        from tests.sim.mutants import hunt_all

        return hunt_all(range(first, last), chosen.jobs)
    return _run(range(first, last), chosen.validators, without, chosen.jobs, kind)


def _run(seeds: range, validator_count: int | None, without: frozenset[str], jobs: int, kind: Kind) -> int:
    started = time.perf_counter()
    events, failed = 0, 0
    recoveries: Counter[int] = Counter()
    taken: Counter[str] = Counter()
    for done, result in enumerate(run_seeds(seeds, validator_count, without, jobs, kind), 1):
        events += result.events
        taken.update(result.taken)
        if result.broken is None:
            recoveries[result.recovery_ms] += 1
        else:
            failed += 1
            print(f"seed {result.seed} broke {result.broken}")
            print(f"  replay it: {replay_command(result.seed, validator_count, without, kind)}", flush=True)
        if done % _PROGRESS_SEEDS == 0 and done < len(seeds):
            seconds = time.perf_counter() - started
            print(f"{done} of {len(seeds)} seeds, {failed} broken, {seconds:.0f} s", flush=True)
    seconds = time.perf_counter() - started
    print(f"{len(seeds)} seeds, {failed} broken; {events} events in {seconds:.1f} s: {events / seconds:,.0f} a second")
    if recoveries:
        p50, p99, longest = (quantile(recoveries, share) for share in (0.50, 0.99, 1.0))
        print(f"well again after healing: p50 {p50} ms, p99 {p99} ms, max {longest} ms")
    print("seeds that took a path: " + ", ".join(f"{path} {count}" for path, count in sorted(taken.items())))
    never = [path for path in PATHS if not taken[path]]
    if never:
        print("no seed ever took: " + ", ".join(never))
    return 1 if failed else 0


def quantile(counts: Counter[int], share: float) -> int:
    """Return the value that this share of all does not exceed."""
    rest = share * counts.total()
    for value in sorted(counts):
        rest -= counts[value]
        if rest <= 0:
            return value
    return max(counts)


def replay_command(
    seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset(), kind: Kind = FAST
) -> str:
    """Return the command that runs this seed again and shows its end."""
    command = f"python -m tests.sim --seed {seed}"
    if validator_count is not None:
        command += f" --validators {validator_count}"
    return command + (f" --without {' '.join(sorted(without))}" if without else "") + kind.options


def _replay(seed: int, validator_count: int | None, without: frozenset[str], kind: Kind) -> int:
    scenario = kind.scenario(seed, validator_count, without)
    result, lines, digest = replay(seed, validator_count, without, kind)
    faults = {name: getattr(scenario, name) for name in scenario.__slots__ if name != "cuts"}
    faults["without"] = " ".join(sorted(scenario.without))
    print(", ".join(f"{name} {value}" for name, value in faults.items() if value))
    print(f"{'ms':>7}  node  what")
    print("\n".join(lines))
    verdict = result.broken and f"broke {result.broken}"
    verdict = verdict or f"no rule broken; well again {result.recovery_ms} ms after healing"
    print(f"{result.events} events, log {digest[:16]}; {verdict}")
    return 0 if result.broken is None else 1


def _shrink(seed: int, validator_count: int | None, without: frozenset[str], kind: Kind, save: Path | None) -> int:
    smaller = shrink(seed, validator_count, without, kind)
    if smaller is None:
        print(f"seed {seed} breaks no rule")
        return 0
    print(f"after {smaller.runs} runs: {replay_command(seed, smaller.validator_count, smaller.without, kind)}")
    if save is not None:
        entry = {
            "seed": seed,
            "validators": smaller.validator_count,
            "without": sorted(smaller.without),
            "real": kind.is_real,
            "contracts": kind.has_contracts,
            "broke": smaller.broken,
        }
        save.write_text(json.dumps(entry, indent=2) + "\n")
    return _replay(seed, smaller.validator_count, smaller.without, kind)


if __name__ == "__main__":
    sys.exit(main())
