"""Planted bugs, each put in place by replacing a method of the real code, which the simulator must find.

A simulator that finds nothing is worth nothing until it is known what it can find. ``hunt`` runs seeds until one
breaks; a mutant's ``seeds_max`` says within how many seeds that must be.
"""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

import consensus.proposals
import consensus.replica
import consensus.view_change
from consensus.authenticate import Authentic, Rejected
from consensus.effects import LOCK_RECORD, Effect, Persist, ReportKind
from consensus.events import Event
from consensus.messages import PrePrepare, SignedMessage
from consensus.proposers import ProposerBook
from consensus.replica import Replica
from consensus.votes import Counted, VoteBook
from ledger.certificate import Certificate, VoteKind, assemble_certificate
from ledger.validators import ValidatorSet
from tests.sim import cluster as cluster_module
from tests.sim.cluster import Cluster
from tests.sim.invariants import InvariantBrokenError
from tests.sim.scenario import scenario_of

Patch = tuple[object, str, Any]


def _quorum_f_plus_1() -> list[Patch]:
    return [(ValidatorSet, "quorum", property(lambda validators: validators.faults_tolerated + 1))]


def _duplicate_votes_counted() -> list[Patch]:
    def add(book: VoteBook, kind: VoteKind, view: int, block_hash: bytes, sender: int, signature: bytes) -> Counted:
        slot = book._by_slot.setdefault((kind, view), {})
        slot[sender + 1000 * len(slot)] = (block_hash, signature)
        return Counted.NEW

    def certificate(book: VoteBook, kind: VoteKind, view: int, block_hash: bytes) -> Certificate | None:
        held = book._by_slot.get((kind, view), {})
        votes = [(place % 1000, signature) for place, (voted, signature) in held.items() if voted == block_hash]
        if len(votes) < book.quorum:
            return None
        return assemble_certificate(book.height, view, block_hash, dict(votes))

    return [(VoteBook, "add", add), (VoteBook, "certificate", certificate), *_bounds_off()]


def _digests_mixed() -> list[Patch]:
    def certificate(book: VoteBook, kind: VoteKind, view: int, block_hash: bytes) -> Certificate | None:
        votes = {index: signature for index, (_, signature) in book._by_slot.get((kind, view), {}).items()}
        return None if len(votes) < book.quorum else assemble_certificate(book.height, view, block_hash, votes)

    return [(VoteBook, "certificate", certificate)]


def _votes_across_views() -> list[Patch]:
    real_certificate = VoteBook.certificate

    def add(book: VoteBook, kind: VoteKind, view: int, block_hash: bytes, sender: int, signature: bytes) -> Counted:
        book._by_slot.setdefault((kind, 0), {})[sender] = (block_hash, signature)
        return Counted.NEW

    def certificate(book: VoteBook, kind: VoteKind, view: int, block_hash: bytes) -> Certificate | None:
        found = real_certificate(book, kind, 0, block_hash)
        return None if found is None else replace(found, view=view)

    return [(VoteBook, "add", add), (VoteBook, "certificate", certificate)]


def _prepared_dropped_in_view_change() -> list[Patch]:
    return [
        (consensus.replica, "highest_prepared", lambda changes: None),
        (consensus.proposals, "highest_prepared", lambda changes: None),
    ]


def _proposer_ignores_prepared() -> list[Patch]:
    return [(consensus.replica, "highest_prepared", lambda changes: None)]


def _lock_cleared_on_view_change() -> list[Patch]:
    real = Replica._change_view

    def change_view(replica: Replica, view: int) -> None:
        replica._state.lock = None
        real(replica, view)

    return [(Replica, "_change_view", change_view)]


def _justification_unchecked() -> list[Patch]:
    real = consensus.proposals.broken_pre_prepare

    def broken(sender: bytes, message: PrePrepare, *rest: Any) -> ReportKind | None:
        found = real(sender, message, *rest)
        is_choice = found in {ReportKind.UNJUSTIFIED_PROPOSAL, ReportKind.WRONG_PROPOSER_IN_HEADER}
        return None if is_choice else found

    return [(consensus.replica, "broken_pre_prepare", broken)]


def _records_dropped(*kinds: str) -> list[Patch]:
    real = Replica._restore

    def restore(replica: Replica) -> None:
        replica._records = [record for record in replica._records if record.kind not in kinds]
        real(replica)

    return [(Replica, "_restore", restore)]


def _sent_before_persist() -> list[Patch]:
    real = Replica.step

    def step(replica: Replica, event: Event) -> tuple[Effect, ...]:
        return tuple(sorted(real(replica, event), key=lambda effect: isinstance(effect, Persist)))

    return [(Replica, "step", step)]


def _records_of_later_heights_dropped() -> list[Patch]:
    real = Replica._restore

    def restore(replica: Replica) -> None:
        real(replica)
        replica._records = []

    return [(Replica, "_restore", restore)]


def _certificates_unchecked() -> list[Patch]:
    return [(Certificate, "refusal", lambda *_: None)]


def _signatures_unchecked() -> list[Patch]:
    def authenticate(signed: SignedMessage, validators: ValidatorSet, *_: object) -> Authentic | Rejected:
        return Authentic(signed, validators.index_of(signed.sender) or 0)

    return [(cluster_module, "authenticate", authenticate)]


def _waits_for_exactly_its_view() -> list[Patch]:
    def is_view_reached(replica: Replica) -> bool:
        return replica._is_view_open() or replica._state.view in replica._state.pre_prepares

    return [(Replica, "_is_view_reached", is_view_reached)]


def _no_retransmission() -> list[Patch]:
    return [(Replica, "_retransmit", lambda replica: None)]


def _no_join_on_f_plus_1() -> list[Patch]:
    return [(consensus.view_change.ViewChangeBook, "view_to_join", lambda *_: None)]


def _proposer_never_rotates() -> list[Patch]:
    return [(ProposerBook, "proposer_index", lambda book, view: 0)]


def _future_unbounded() -> list[Patch]:
    return [(consensus.replica, "VIEWS_AHEAD_MAX", 1 << 40)]


def _bounds_off() -> list[Patch]:
    """Leave the bounds out of sight, so that a mutant is found by what it does to votes."""
    from tests.sim.invariants import Invariants

    return [(Invariants, "check_bounds", lambda *_: None)]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug: how to plant it, and within how many seeds it must be found."""

    plant: Callable[[], list[Patch]]
    seeds_max: int


MUTANTS: dict[str, Mutant] = {
    "quorum f+1": Mutant(_quorum_f_plus_1, 20),
    "duplicate votes counted": Mutant(_duplicate_votes_counted, 20),
    "digests mixed": Mutant(_digests_mixed, 50),
    "votes accepted across views": Mutant(_votes_across_views, 20),
    "prepared certificate dropped in view change": Mutant(_prepared_dropped_in_view_change, 5000),
    "proposer ignores prepared": Mutant(_proposer_ignores_prepared, 5000),
    "lock cleared on view change": Mutant(_lock_cleared_on_view_change, 50),
    "new view's justification unchecked": Mutant(_justification_unchecked, 5000),
    "votes forgotten on restart": Mutant(partial(_records_dropped, "pre-prepare", "prepare", "commit"), 200),
    "view changes forgotten on restart": Mutant(partial(_records_dropped, "view-change"), 1000),
    "lock forgotten on restart": Mutant(partial(_records_dropped, LOCK_RECORD), 200),
    "everything forgotten on restart": Mutant(
        partial(_records_dropped, "pre-prepare", "prepare", "commit", "view-change", LOCK_RECORD), 50
    ),
    "votes of later heights forgotten": Mutant(_records_of_later_heights_dropped, 500),
    "message sent before persist": Mutant(_sent_before_persist, 5),
    "certificate signatures unchecked": Mutant(_certificates_unchecked, 5000),
    "message signatures unchecked": Mutant(_signatures_unchecked, 50),
    "view left only with its exact quorum": Mutant(_waits_for_exactly_its_view, 5000),
    "no retransmission": Mutant(_no_retransmission, 200),
    "no join on f+1": Mutant(_no_join_on_f_plus_1, 5000),
    "proposer never rotates": Mutant(_proposer_never_rotates, 200),
    "votes of any future view kept": Mutant(_future_unbounded, 200),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant a bug for a while."""
    with ExitStack() as stack:
        for owner, attribute, replacement in MUTANTS[name].plant():
            stack.enter_context(patch.object(owner, attribute, replacement))
        yield


def break_seed(seed: int, name: str | None, *, agreement_alone: bool = False) -> str | None:
    """Run one seed with a bug planted and return the rule that it broke, or None.

    ``agreement_alone`` leaves out the rules about single nodes, to see whether the bug also forks the chain.
    """
    with planted(name) if name else ExitStack():
        cluster = Cluster(scenario_of(seed))
        if agreement_alone:
            cluster.invariants.on_send = lambda *_: None  # type: ignore[method-assign]
        try:
            cluster.run()
        except InvariantBrokenError as error:
            return error.name
        except AssertionError as error:
            return f"assertion ({error})"
    return None


def hunt(name: str, seeds: range, *, agreement_alone: bool = False) -> tuple[int, str] | None:
    """Return the first seed that finds a planted bug and the rule that it broke, or None."""
    for seed in seeds:
        broken = break_seed(seed, name, agreement_alone=agreement_alone)
        if broken is not None:
            return seed, broken
    return None


def hunt_all(seeds: range, jobs: int) -> int:
    """Look for every planted bug, print a table; return 0 where all were found."""
    started = time.perf_counter()
    missed = 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        hunts = {name: pool.submit(hunt, name, seeds) for name in MUTANTS}
        print(f"{'planted bug':<46} {'seed':>6}  rule that it broke")
        for name, future in hunts.items():
            found = future.result()
            missed += found is None
            seed, rule = ("-", f"not found in {len(seeds)} seeds") if found is None else (str(found[0]), found[1])
            print(f"{name:<46} {seed:>6}  {rule}")
            sys.stdout.flush()
    print(f"{len(MUTANTS) - missed} of {len(MUTANTS)} found in {time.perf_counter() - started:.0f} s")
    return 1 if missed else 0
