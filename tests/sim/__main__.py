"""``python -m tests.sim``: run seeds, replay one, or look for planted bugs."""

import argparse
import hashlib
import os
import sys
import time
from collections import Counter

from consensus.effects import Report, ReportKind
from consensus.events import BlockCommitted, BlockProposed, MessageReceived, ProposalChecked, WorkAvailable
from consensus.messages import PrePrepare, Status, ViewChange, tag_of
from tests.sim.cluster import Cluster
from tests.sim.invariants import InvariantBrokenError
from tests.sim.run import run_seeds
from tests.sim.scenario import FAULTS, scenario_of


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 0 where no rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", metavar="A:B", help="run the seeds from A up to B")
    parser.add_argument("--seed", type=int, help="replay one seed and print its last events")
    parser.add_argument("--mutants", action="store_true", help="look for each planted bug within --seeds (0:5000)")
    parser.add_argument("--validators", type=int, help="how many validators; the seed chooses by default")
    parser.add_argument("--without", nargs="*", default=[], choices=FAULTS, help="faults to take away")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    chosen = parser.parse_args(arguments)
    without = frozenset(chosen.without)
    if chosen.seed is not None:
        return _replay(chosen.seed, chosen.validators, without)
    first, last = (int(part) for part in (chosen.seeds or ("0:5000" if chosen.mutants else "0:2500")).split(":"))
    if chosen.mutants:
        from tests.sim.mutants import hunt_all

        return hunt_all(range(first, last), chosen.jobs)
    return _run(range(first, last), chosen.validators, without, chosen.jobs)


def _run(seeds: range, validator_count: int | None, without: frozenset[str], jobs: int) -> int:
    started = time.perf_counter()
    events, recoveries, failed = 0, [], 0
    seen: Counter[ReportKind] = Counter()
    for result in run_seeds(seeds, validator_count, without, jobs):
        events += result.events
        seen.update(result.reports)
        if result.broken is None:
            recoveries.append(result.recovery_ms)
        else:
            failed += 1
            print(f"seed {result.seed} broke {result.broken}")
            print(f"  replay it: {replay_command(result.seed, validator_count, without)}")
    seconds = time.perf_counter() - started
    recoveries.sort()
    print(f"{len(seeds)} seeds, {failed} broken; {events} events in {seconds:.1f} s: {events / seconds:,.0f} a second")
    if recoveries:
        p50, p99 = (recoveries[len(recoveries) * share // 100] for share in (50, 99))
        print(f"well again after healing: p50 {p50} ms, p99 {p99} ms, max {recoveries[-1]} ms")
    print("seeds in which it was reported: " + ", ".join(f"{kind.value} {seen[kind]}" for kind in ReportKind))
    return 1 if failed else 0


def replay_command(seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset()) -> str:
    """Return the command that runs this seed again and shows its end."""
    command = f"python -m tests.sim --seed {seed}"
    if validator_count is not None:
        command += f" --validators {validator_count}"
    return command + (f" --without {' '.join(sorted(without))}" if without else "")


def _replay(seed: int, validator_count: int | None, without: frozenset[str]) -> int:
    scenario = scenario_of(seed, validator_count, without)
    cluster = Cluster(scenario)
    print(scenario)
    broken = None
    try:
        outcome = cluster.run()
        verdict = f"no rule broken; well again {outcome.recovery_ms} ms after healing, height {outcome.height}"
    except InvariantBrokenError as error:
        broken = error
        verdict = f"broke {error}"
    digest = hashlib.sha256()
    print(f"{'ms':>7}  node  what")
    for time_ms, node, what in cluster.log:
        line = f"{time_ms:>7}  {node:>4}  {describe(what)}"
        digest.update(line.encode())
        print(line)
    print(f"{cluster.events} events, log {digest.hexdigest()[:16]}; {verdict}")
    return 0 if broken is None else 1


def describe(what: object) -> str:
    """Return an event in one line."""
    match what:
        case MessageReceived():
            message, sender = what.authentic.message, what.authentic.sender_index
            text = f"{tag_of(message)} {message.height}/{message.view} of {sender}"
            match message:
                case PrePrepare():
                    return f"{text} {message.proposal.header.hash.hex()[:8]} with {len(message.view_changes)} changes"
                case ViewChange():
                    prepared = message.prepared
                    shown = "none" if prepared is None else f"{prepared.block_hash.hex()[:8]} of {prepared.view}"
                    return f"{text} prepared {shown}"
                case Status():
                    return text
                case _:
                    return f"{text} {message.block_hash.hex()[:8]}"
        case BlockCommitted():
            return f"committed {what.header.height} {what.header.hash.hex()[:8]}"
        case BlockProposed():
            block = "nothing" if what.proposal is None else what.proposal.header.hash.hex()[:8]
            return f"made {block} for {what.height}/{what.view}"
        case ProposalChecked():
            return f"checked {what.block_hash.hex()[:8]} for {what.height}/{what.view}: {what.refusal or 'stands'}"
        case WorkAvailable():
            return "work waits" if what.is_waiting else "no work waits"
        case Report():
            return f"report {what.kind.value}: {what.detail}"
        case _:
            return str(what)


if __name__ == "__main__":
    sys.exit(main())
