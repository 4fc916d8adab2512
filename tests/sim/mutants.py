"""Planted bugs, each put in place by replacing a method of the real code, which the simulator must find.

A simulator that finds nothing is worth nothing until it is known what it can find. ``hunt`` runs seeds until one
breaks. The seed that finds each today is kept, so that a test can try them all in seconds; a change to the simulator
moves them, and ``python -m tests.sim --mutants`` finds the new ones.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any, cast
from unittest.mock import patch

import consensus.proposals
import consensus.replica
import consensus.restoring
import consensus.view_change
import node.engine.gate as gate_module
from consensus.authenticate import Authentic, Rejected
from consensus.effects import LOCK_RECORD, Effect, Persist, ReportKind, SafetyRecord
from consensus.height import HeightState
from consensus.learning import Learning
from consensus.messages import Message, PrePrepare, SignedMessage, sign_message, tag_of
from consensus.pen import Pen
from consensus.proposers import ProposerBook
from consensus.replica import Replica
from consensus.votes import Counted, VoteBook
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, assemble_certificate
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.chain import Candidate, Chain
from node.engine.engine import Engine
from node.engine.gathering import Gathering
from node.storage.safety_store import SafetyStore
from tests.sim.cluster import Cluster
from tests.sim.invariants import InvariantBrokenError
from tests.sim.liveness import LIVENESS_SEEDS, liveness_worsened
from tests.sim.machine import Machine
from tests.sim.run import run_seed
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
    real = consensus.restoring.take_up

    def take_up(state: HeightState, records: Iterable[SafetyRecord], own_index: int | None) -> list[SafetyRecord]:
        return real(state, [record for record in records if record.kind not in kinds], own_index)

    return [(consensus.replica, "take_up", take_up)]


def _sent_before_persist() -> list[Patch]:
    def carry_out_all(engine: Engine, effects: Sequence[Effect]) -> None:
        for effect in effects:
            engine._carry_out(effect)
        records = [record for effect in effects for record in getattr(effect, "records", ())]
        if records:
            engine._safety.persist(records, engine._locked_transactions(records))

    return [(Engine, "_carry_out_all", carry_out_all)]


def _records_of_later_heights_dropped() -> list[Patch]:
    real = consensus.restoring.take_up

    def take_up(state: HeightState, records: Iterable[SafetyRecord], own_index: int | None) -> list[SafetyRecord]:
        real(state, records, own_index)
        return []

    return [(consensus.replica, "take_up", take_up)]


def _certificates_unchecked() -> list[Patch]:
    return [(Certificate, "refusal", lambda *_: None)]


def _signatures_unchecked() -> list[Patch]:
    def authenticate(signed: SignedMessage, validators: ValidatorSet, *_: object) -> Authentic | Rejected:
        return Authentic(signed, validators.index_of(signed.sender) or 0, validators)

    return [(gate_module, "authenticate", authenticate)]


def _sync_without_certificate() -> list[Patch]:
    def check_certified(
        chain: Chain, header: Header, _certificate: Certificate, transactions: Sequence[Transaction]
    ) -> Candidate | str:
        return chain.check(header, transactions, None)

    return [(Chain, "check_certified", check_certified)]


def _rule_off(*rules: str) -> list[Patch]:
    """Let blocks that break one of these rules pass."""
    real = Chain._broken_rule

    def broken_rule(chain: Chain, *rest: Any) -> str | None:
        found = real(chain, *rest)
        return None if found in rules else found

    return [(Chain, "_broken_rule", broken_rule)]


def _block_rule_off(rule: str) -> list[Patch]:
    """Let blocks that break this rule pass, though their headers are not those that we would make."""

    def check(
        chain: Chain, header: Header, transactions: Sequence[Transaction], clock_ms: int | None
    ) -> Candidate | str:
        broken = chain._broken_rule(header, transactions, clock_ms)
        if broken not in {None, rule}:
            return str(broken)
        execution, plan = chain._execute(header.height, header.time_ms, transactions)
        return Candidate(header, tuple(transactions), execution, plan)

    return [(Chain, "check", check)]


def _validation_off() -> list[Patch]:
    def check(
        chain: Chain, header: Header, transactions: Sequence[Transaction], _clock_ms: int | None
    ) -> Candidate | str:
        execution, plan = chain._execute(header.height, header.time_ms, transactions)
        return Candidate(header, tuple(transactions), execution, plan)

    return [(Chain, "check", check)]


def _acknowledged_before_commit() -> list[Patch]:
    real = Engine._remember

    def remember(engine: Engine, candidate: Candidate) -> None:
        real(engine, candidate)
        for transaction in candidate.transactions:
            machine = cast("Machine", engine._observer)
            if machine.is_honest and transaction.transaction_id in machine.waiting:
                machine.waiting.discard(transaction.transaction_id)
                world = cast("Cluster", machine.world)
                world.invariants.on_acknowledged(machine, transaction.transaction_id, candidate.header.height)

    return [(Engine, "_remember", remember)]


def _learning_first_removed() -> list[Patch]:
    return [(Learning, "may_vote", lambda *_: True)]


def _skip_rule_wrong() -> list[Patch]:
    """Let each node take its own turns for the failed ones' as well: the order differs between nodes."""

    def proposer_index(book: ProposerBook, view: int) -> int:
        return (
            (book.height + 1 + view) % len(book.validators)
            if book.failed
            else (book.height + view) % len(book.validators)
        )

    return [(ProposerBook, "proposer_index", proposer_index), (ProposerBook, "after", _after_without_clearing)]


def _after_without_clearing(book: ProposerBook, header: Header, validators: ValidatorSet) -> ProposerBook:
    """Remember failures for ever while running; a node that starts reads them from the epoch, and has another order."""
    failed = (*book.failed, header.proposer) if book.order()[0] != validators.index_of(header.proposer) else book.failed
    return ProposerBook(header.height + 1, validators, failed)


def _locked_transactions_forgotten() -> list[Patch]:
    return [(Engine, "_locked_transactions", lambda *_: []), (Gathering, "hold", lambda *_: None)]


def _evidence_dropped() -> list[Patch]:
    return [(SafetyStore, "keep_evidence", lambda *_: False)]


def _waits_for_exactly_its_view() -> list[Patch]:
    def is_view_reached(replica: Replica) -> bool:
        return replica._is_view_open() or replica._state.view in replica._state.pre_prepares

    return [(Replica, "_is_view_reached", is_view_reached)]


def _votes_twice() -> list[Patch]:
    """Take a second proposal of a view as well, and sign for a slot as often as asked."""

    def sign(pen: Pen, state: HeightState, message: Message, records: tuple[SafetyRecord, ...]) -> SignedMessage | None:
        signed = sign_message(pen._key, pen._chain_id, message)
        state.sent[tag_of(message), message.view] = signed
        own = SafetyRecord(message.height, message.view, tag_of(message), signed.encoded)
        pen._effects.append(Persist((*records, own)))
        return signed

    real = Replica._on_pre_prepare

    def on_pre_prepare(replica: Replica, signed: SignedMessage, message: PrePrepare) -> None:
        if message.view == replica._state.view:
            replica._state.pre_prepares.pop(message.view, None)
        real(replica, signed, message)

    return [(Pen, "sign", sign), (Replica, "_on_pre_prepare", on_pre_prepare)]


def _parent_unchecked() -> list[Patch]:
    """Look at the parent nowhere: neither in a proposal nor in a block."""

    def broken_pre_prepare(
        sender: bytes, message: PrePrepare, proposers: ProposerBook, tip: Header
    ) -> ReportKind | None:
        found = consensus.proposals.broken_pre_prepare(sender, message, proposers, tip)
        return None if found is ReportKind.WRONG_PARENT else found

    return [(consensus.replica, "broken_pre_prepare", broken_pre_prepare), *_block_rule_off("parent")]


def _nothing_sent_again() -> list[Patch]:
    """Send nothing again, neither after a while nor because a status shows that somebody lacks it.

    Each alone does what the other does, which is why the simulator would not miss one of them.
    """
    return [(Replica, "_retransmit", lambda replica: None), (consensus.replica, "lacking", lambda *_: [])]


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
    """A planted bug: how to plant it, and the first seed that finds it today with the rule that it breaks.

    One that breaks no rule, but makes clusters slower to be well again, ``is_slow``: the fixed seeds of liveness.json
    find it, by the same limit that holds for a change of ours; ``seed`` is how many they are.
    """

    plant: Callable[[], list[Patch]]
    seed: int
    rule: str
    is_slow: bool = False


MUTANTS: dict[str, Mutant] = {
    "quorum f+1": Mutant(_quorum_f_plus_1, 0, "certificate"),
    "duplicate votes counted": Mutant(_duplicate_votes_counted, 0, "assertion"),
    "digests mixed": Mutant(_digests_mixed, 2, "certificate"),
    "votes accepted across views": Mutant(_votes_across_views, 0, "certificate"),
    "prepared certificate dropped in view change": Mutant(_prepared_dropped_in_view_change, 122, "agreement"),
    "proposer ignores prepared": Mutant(_proposer_ignores_prepared, 4, "liveness"),
    "lock cleared on view change": Mutant(_lock_cleared_on_view_change, 0, "lock_shown"),
    "new view's justification unchecked": Mutant(_justification_unchecked, 1223, "agreement"),
    "votes twice in a slot": Mutant(_votes_twice, 2, "one_value_a_slot"),
    "votes forgotten on restart": Mutant(
        partial(_records_dropped, "pre-prepare", "prepare", "commit"), 2, "false_alarm"
    ),
    "view changes forgotten on restart": Mutant(partial(_records_dropped, "view-change"), 41, "one_value_a_slot"),
    "lock forgotten on restart": Mutant(partial(_records_dropped, LOCK_RECORD), 4, "lock_shown"),
    "everything forgotten on restart": Mutant(
        partial(_records_dropped, "pre-prepare", "prepare", "commit", "view-change", LOCK_RECORD), 2, "false_alarm"
    ),
    "votes of later heights forgotten": Mutant(_records_of_later_heights_dropped, 19, "one_value_a_slot"),
    "message sent before persist": Mutant(_sent_before_persist, 0, "durable_first"),
    "certificate signatures unchecked": Mutant(_certificates_unchecked, 25, "certificate"),
    "message signatures unchecked": Mutant(_signatures_unchecked, 11, "certificate"),
    "sync without certificate": Mutant(_sync_without_certificate, 54, "assertion"),
    "block validation off": Mutant(_validation_off, 24, "validity"),
    "parent hash unchecked": Mutant(_parent_unchecked, 97, "assertion"),
    "replay unchecked": Mutant(partial(_rule_off, "transaction.replayed"), 445, "replay"),
    "next validators unchecked": Mutant(partial(_block_rule_off, "next_validators_hash"), 50, "validators"),
    "acknowledged before commit": Mutant(_acknowledged_before_commit, 0, "acknowledged"),
    "learning first removed": Mutant(_learning_first_removed, 14, "lock_shown"),
    "order of proposers differs": Mutant(_skip_rule_wrong, 681, "liveness"),
    "locked transactions forgotten": Mutant(_locked_transactions_forgotten, 3, "endless"),
    "evidence dropped": Mutant(_evidence_dropped, 2, "evidence"),
    "view left only with its exact quorum": Mutant(_waits_for_exactly_its_view, 1149, "liveness"),
    "nothing sent again": Mutant(_nothing_sent_again, 1, "liveness"),
    "no join on f+1": Mutant(_no_join_on_f_plus_1, 150, "liveness", is_slow=True),
    "proposer never rotates": Mutant(_proposer_never_rotates, 4, "liveness"),
    "votes of any future view kept": Mutant(_future_unbounded, 4, "bounds"),
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
    if MUTANTS[name].is_slow:
        return _slower(name)
    for seed in seeds:
        broken = break_seed(seed, name, agreement_alone=agreement_alone)
        if broken is not None:
            return seed, broken
    return None


def _slower(name: str) -> tuple[int, str] | None:
    """Return after how many seeds a planted bug makes recovery so slow that no change of ours would pass, or None."""
    with planted(name):
        worse = liveness_worsened([run_seed(seed) for seed in LIVENESS_SEEDS])
    return None if worse is None else (len(LIVENESS_SEEDS), worse)


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
