"""Provenance as one machine: two firms pack, hand over, use up, measure and take back, at times in any order.

The model is lists and dictionaries: every word about packing, replayed by time, who has what, what was made of what,
and every reading. After every step the ledger has to say the same: packing, custody and ownership, what breaks which
rule, what a recall reaches, minutes, breaches and budget of a pack that a device watches. ``PROVENANCE_STEPS=20000``
for a longer run.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts import heads
from contracts.provenance import cold_chain, cold_judge, custody, life, links
from contracts.provenance.life import MOVES_MAX
from contracts.provenance.things import Thing, Things
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.state import split_key
from node import closure as closure_module
from node.closure import Selector, closure
from node.links import PACKED, Branch
from node.trace import Direction, trace
from tests.support.cold_model import GAP_MS, Findings, Watch, judged
from tests.support.contract_cold_chain_cases import MINUTE_MS, assign, batch, device, profile
from tests.support.contract_situations import key_call
from tests.support.contracts_world import (
    START_MS,
    Call,
    World,
    add,
    event,
    pack,
    sgtin,
    sscc,
    unpack,
    violations,
)
from tests.support.world_store import WorldStore

STEPS: Final = int(os.environ.get("PROVENANCE_STEPS", "1500"))
STEPS_A_RUN: Final = 40
GTIN: Final = "09506000134352"
BUDGET_MS: Final = 90 * MINUTE_MS
CARTON, PALLET = sscc(1), sscc(2)
WATCHED: Final = sgtin(2)
PACKS: Final = tuple(sgtin(number) for number in range(1, 5))
FIRMS: Final = ("maker", "carrier")
MADE_MS: Final = START_MS - 10_000 * MINUTE_MS
WATCH_MS: Final = START_MS - 9_000 * MINUTE_MS

firms = st.sampled_from(FIRMS)
times = st.integers(1, 8_000).map(lambda minute: MADE_MS + minute * MINUTE_MS)


@dataclass(eq=False)
class Packing:
    """A packing or an unpacking that was captured, and whether it has a say of the child and of the parent."""

    name: str
    time_ms: int
    action: str
    parent: str
    child: str
    by: str
    says_of_child: bool
    says_of_parent: bool


@dataclass
class Offer:
    """An offer that is open."""

    name: str
    kind: str
    by: str
    item: str
    expires_ms: int


@dataclass
class Model:
    """What the ledger should say; ``words`` are the packings that count of each thing, in no order."""

    words: dict[str, list[Packing]] = field(default_factory=dict)
    parent: dict[str, str] = field(default_factory=dict)
    since_ms: dict[str, int] = field(default_factory=dict)
    holder: dict[tuple[str, str], str] = field(default_factory=dict)
    consumed: dict[str, int] = field(default_factory=dict)
    made: list[tuple[int, str, str]] = field(default_factory=list)
    says: Counter[str] = field(default_factory=Counter)
    readings: list[tuple[int, int, int]] = field(default_factory=list)
    acknowledged: int = 0

    @property
    def things(self) -> list[str]:
        """Everything that was commissioned."""
        return sorted({name for _, name in self.holder})

    def is_held(self, name: str, firm: str) -> bool:
        return firm in (self.holder["custody", name], self.holder["ownership", name])

    def above(self, name: str) -> list[str]:
        """Return a thing and what it is in, up to the outermost."""
        chain = [name]
        while chain[-1] in self.parent:
            chain.append(self.parent[chain[-1]])
        return chain

    def inside(self, name: str) -> set[str]:
        """Return what is in a thing, however deep."""
        direct = {child for child, parent in self.parent.items() if parent == name}
        return direct.union(*map(self.inside, direct))

    def wanted(self, name: str, before_ms: int | None = None) -> tuple[str, int] | None:
        """Return what the words of a thing come to, in the order of their times: its container and since when."""
        found = None
        for word in sorted(self.words.get(name, []), key=lambda word: word.time_ms):
            if before_ms is not None and word.time_ms >= before_ms:
                break
            if word.action == "ADD" and (found is None or found[0] != word.parent):
                found = word.parent, word.time_ms
            elif word.action == "DELETE" and found is not None and found[0] == word.parent:
                found = None
        is_over = name in self.consumed and (before_ms is None or self.consumed[name] < before_ms)
        return None if is_over else found

    def settle(self, name: str) -> bool:
        """Put a thing where its words say; return False where that would close a circle, and leave it where it is."""
        wanted = self.wanted(name)
        if wanted is None:
            self.parent.pop(name, None)
            self.since_ms.pop(name, None)
            return True
        if wanted[0] != self.parent.get(name) and name in self.above(wanted[0]):
            return False
        self.parent[name], self.since_ms[name] = wanted
        return True

    def say(self, word: Packing) -> set[str]:
        """Let a packing have its say of its child, and return the rules that this breaks."""
        found = self.wanted(word.child, word.time_ms)
        broken = set()
        if word.action == "ADD" and found is not None:
            broken.add("already_packed")
        elif word.action == "DELETE" and (found is None or found[0] != word.parent):
            broken.add("not_packed" if found is None else "wrong_parent")
        self.words.setdefault(word.child, []).append(word)
        if not self.settle(word.child):
            broken.add("cycle")
            if self.wanted(word.child) == (word.parent, word.time_ms):
                self.words[word.child].remove(word)
        return broken

    def hand_over(self, offer: Offer, to: str) -> None:
        """Move what is offered with what is in it, as far as the offerer holds that."""
        level = [offer.item]
        while level:
            moved = [name for name in level if self.holder[offer.kind, name] == offer.by]
            for name in moved:
                self.holder[offer.kind, name] = to
            level = [child for child, parent in self.parent.items() if parent in moved]

    def recalled(self, name: str) -> set[str]:
        """Return what a recall of a thing reaches: what is in it, and what was made of any of that afterwards."""
        since = dict.fromkeys({name, *self.inside(name)}, 0)
        while True:
            new = {
                made: time_ms
                for time_ms, used, made in self.made
                if used in since and since[used] <= time_ms and since.get(made, time_ms + 1) > time_ms
            }
            if not new:
                return set(since)
            since |= new

    def measured(self) -> Findings:
        """Return what the readings come to."""
        found = Findings()
        judged(Watch(WATCH_MS), self.readings, found)
        return found


class Provenance(RuleBasedStateMachine):
    """Things are in reach of a rule while all that was said of them is kept apart (older words have no say)."""

    traced: Sequence[str] = (CARTON, PACKS[0])

    @initialize()
    def start(self) -> None:
        """Let the maker make everything, with a device that watches a pack."""
        self.ledger, self.model = WorldStore(), Model()
        self.told: list[Packing] = []
        self.offers: list[Offer] = []
        self.times = {MADE_MS}
        self.number, self.now_ms = 0, WATCH_MS
        storage: Value = {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "budget_ms": BUDGET_MS}
        self.must("maker", ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine", "storage": storage}))
        made = (CARTON, PALLET, *PACKS)
        self.must("maker", add(*made, time_ms=MADE_MS, event_id="urn:made"))
        self.model.holder = {(kind, name): "maker" for kind in ("custody", "ownership") for name in made}
        self.model.says.update(made)
        for call in _watching(self.ledger.world):
            self.must("maker", call)

    # What firms do

    @rule(
        signer=firms,
        parents=st.permutations([CARTON, PALLET, PACKS[0]]),
        child=st.sampled_from((CARTON, PALLET, *PACKS)),
        time_ms=times,
        action=st.sampled_from(["ADD", "ADD", "ADD", "DELETE"]),
    )
    def move(self, signer: str, parents: list[str], child: str, time_ms: int, action: str) -> None:
        """Pack a thing or unpack it, at any time, whoever says so."""
        parent = next(name for name in parents if name != child)
        if not self.is_in_reach(parent, child) or self.is_taken(time_ms):
            return
        self.times.add(time_ms)
        model, call = self.model, pack if action == "ADD" else unpack
        name = self.name("event")
        output = self.must(signer, call(parent, child, time_ms=time_ms, event_id=name))
        holds = {one: model.is_held(one, signer) for one in (parent, child)}
        is_over = {one for one in (parent, child) if model.consumed.get(one, time_ms) < time_ms}
        may_change_child = holds[child] or (action == "DELETE" and holds[parent])
        broken = set() if holds[parent] else {(parent, "not_custodian")}
        broken |= {(parent, "consumed")} if holds[parent] and parent in is_over else set()
        word = Packing(name, time_ms, action, parent, child, signer, may_change_child, holds[parent])
        if holds[parent] and not model.settle(parent):
            broken.add((parent, "cycle"))
        if not may_change_child:
            broken.add((child, "not_custodian"))
        elif child in is_over:
            broken.add((child, "consumed"))
        elif action == "DELETE" or (holds[parent] and parent not in is_over):
            broken |= {(child, rule_) for rule_ in model.say(word)}
        elif not model.settle(child):
            broken.add((child, "cycle"))
        model.says.update([parent, child])
        self.told.append(word)
        assert _broken(output) == broken

    @precondition(lambda self: self.told)
    @rule(data=st.data(), signer=firms)
    def declare(self, data: st.DataObject, signer: str) -> None:
        """Say that an event was in error: it is undone if whoever captured it says so."""
        word, model = data.draw(st.sampled_from(self.told)), self.model
        if not self.is_in_reach(word.parent, word.child):
            return
        call = pack if word.action == "ADD" else unpack
        declaration: Value = {"declared_ms": START_MS, "corrective_ids": []}
        wrong = call(word.parent, word.child, time_ms=word.time_ms, event_id=word.name, declaration=declaration)
        output = self.must(signer, wrong)
        if signer != word.by:
            assert _broken(output) == {(word.name, "not_event_capturer")}
            return
        self.told.remove(word)
        if word in model.words.get(word.child, []):
            model.words[word.child].remove(word)
        stuck = {word.parent} if word.says_of_parent and not model.settle(word.parent) else set()
        stuck |= {word.child} if word.says_of_child and not model.settle(word.child) else set()
        assert _broken(output) == {(name, "effect_not_undone") for name in stuck}

    @rule(data=st.data(), kind=st.sampled_from(["custody", "ownership"]), signer=firms, hours=st.integers(1, 5))
    def offer(self, data: st.DataObject, kind: str, signer: str, hours: int) -> None:
        """Offer a thing that one has, which whoever has it not cannot."""
        # Mostly what has contents, which go with it.
        there = [name for name in self.model.things if name not in self.model.consumed]
        item = data.draw(st.sampled_from([*[one for one in there if self.model.inside(one)] * 8, *there]))
        name, expires_ms = self.name("offer"), self.ledger.world.time_ms + hours * 60 * MINUTE_MS
        to = FIRMS[1 - FIRMS.index(signer)]
        receipt = self.ledger.run(
            signer, ("custody.offer", {"id": name, "to": to, "kind": kind, "items": [item], "expires_ms": expires_ms})
        )
        if self.model.holder[kind, item] == signer:
            assert receipt.code == ResultCode.OK
            self.offers.append(Offer(name, kind, signer, item, expires_ms))
        else:
            expected = {"custody": ResultCode.NOT_CUSTODIAN, "ownership": ResultCode.NOT_OWNER}[kind]
            assert receipt.code == expected

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), answer=st.sampled_from(["accept", "accept", "accept", "reject", "cancel"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        """Answer an offer: things move with what is in them, unless the offerer has given them away since."""
        offer = data.draw(st.sampled_from(self.offers))
        to = FIRMS[1 - FIRMS.index(offer.by)]
        more: dict[str, Value] = {"reason": "wet"} if answer == "reject" else {}
        signer = offer.by if answer == "cancel" else to
        code = ResultCode(self.ledger.run(signer, (f"custody.{answer}", {"id": offer.name, **more})).code)
        is_there = self.model.holder[offer.kind, offer.item] == offer.by and offer.item not in self.model.consumed
        if answer == "accept" and not is_there:
            assert code is ResultCode.OFFERER_NO_LONGER_HOLDS
            return
        assert code is ResultCode.OK
        self.offers.remove(offer)
        if answer == "accept":
            self.model.hand_over(offer, to)

    @rule(hours=st.integers(1, 3))
    def wait(self, hours: int) -> None:
        """Let time pass: what nobody answered ends."""
        world = self.ledger.world
        world.time_ms += hours * 60 * MINUTE_MS
        for offer in [one for one in self.offers if one.expires_ms <= world.time_ms]:
            self.offers.remove(offer)
            # The block begins with what has expired.
            answered = ResultCode(self.ledger.run(offer.by, ("custody.cancel", {"id": offer.name})).code)
            assert answered is ResultCode.OFFER_EXPIRED

    @precondition(lambda self: len(self.model.made) < 6)
    @rule(data=st.data(), time_ms=times)
    def use_up(self, data: st.DataObject, time_ms: int) -> None:
        """Make a new pack of one that whoever does it has."""
        packs = [name for name in self.model.things if "/21/" in name and name not in self.model.consumed]
        if not packs:
            return
        used = data.draw(st.sampled_from(packs))
        made_ms = next((at_ms for at_ms, _, made in self.model.made if made == used), MADE_MS)
        if not self.is_in_reach(used) or self.is_taken(time_ms) or time_ms < made_ms:
            return
        self.times.add(time_ms)
        signer, made = self.model.holder["custody", used], sgtin(100 + len(self.model.made))
        call = event("TransformationEvent", inputs=[used], outputs=[made], time_ms=time_ms, event_id=self.name("event"))
        assert _broken(self.must(signer, call)) == set()
        self.model.consumed[used] = time_ms
        self.model.settle(used)
        self.model.made.append((time_ms, used, made))
        self.model.says.update([used, made])
        self.model.holder |= {(kind, made): signer for kind in ("custody", "ownership")}

    @rule(
        lost=st.sampled_from([0, 0, 0, 1]),
        steps=st.lists(
            st.tuples(
                st.sampled_from([MINUTE_MS, 10 * MINUTE_MS, GAP_MS, GAP_MS + 1]),
                st.sampled_from([-501, 2_000, 5_000, 8_001, 9_000]),
            ),
            min_size=1,
            max_size=8,
        ),
    )
    def measure(self, lost: int, steps: list[tuple[int, int]]) -> None:
        """Bring in readings of the device, some of which may have been lost."""
        first = (self.model.readings[-1][0] if self.model.readings else 0) + lost + 1
        rows = []
        for step_ms, value in steps:
            self.now_ms += step_ms
            rows.append((self.now_ms, value))
            self.model.readings.append((first + len(rows) - 1, self.now_ms, value))
        self.must("device", batch(first, *rows))

    @precondition(lambda self: self.model.acknowledged < len(self.model.measured().breaches))
    @rule(signer=firms)
    def acknowledge(self, signer: str) -> None:
        """Acknowledge the oldest breach that is left, which only who has the pack can."""
        call: Call = (
            "cold_chain.acknowledge",
            {"thing": WATCHED, "breach": self.model.acknowledged + 1, "comment": "seen"},
        )
        code = ResultCode(self.ledger.run(signer, call).code)
        is_held = self.model.is_held(WATCHED, signer)
        assert code is (ResultCode.OK if is_held else ResultCode.NOT_CUSTODIAN)
        self.model.acknowledged += is_held

    # What the ledger has to say

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        """Parents, links and counts are the model's, and so is who has what."""
        world, model = self.ledger.world, self.model
        for name in model.things:
            head = world.item(name)
            assert head.get("parent") == model.parent.get(name)
            assert head.get("contents", 0) == sum(parent == name for parent in model.parent.values())
            assert (head["custodian"], head["owner"]) == (
                model.holder["custody", name],
                model.holder["ownership", name],
            )
            assert (head["status"] == "consumed") == (name in model.consumed)
        links = {split_key(key)[1:] for key in world.committed if key.startswith(b"content\0")}
        assert links == {(parent, child) for child, parent in model.parent.items()}
        for child, parent in model.parent.items():
            assert world.get(heads.content(parent, child)) == {"since_ms": model.since_ms[child]}

    @invariant()
    def a_recall_reaches_what_the_model_reaches(self) -> None:
        """Nothing less and nothing more, whatever is called back."""
        for name in (PALLET, CARTON, PACKS[0]):
            found = closure(self.ledger.store, Selector((("item", name),)))
            assert {split_key(key)[1] for key in found.reached} == self.model.recalled(name)
            assert found.marks == {}

    @invariant()
    def a_trace_shows_what_the_model_has(self) -> None:
        """A thing is seen in its container, and a container with what is in it."""
        for name in self.traced:
            root = trace(self.ledger.store, name, Direction.ALL)
            assert root is not None
            shown = {
                branch: {
                    node.identifier
                    for node in root.branches.get(branch, [])
                    if node.relation == PACKED and node.interval is not None and node.interval.until_ms is None
                }
                for branch in (Branch.CONTAINERS, Branch.CONTENTS)
            }
            assert shown[Branch.CONTAINERS] == ({self.model.parent[name]} if name in self.model.parent else set())
            assert shown[Branch.CONTENTS] == {one for one, parent in self.model.parent.items() if parent == name}

    @invariant()
    def the_cold_record_is_the_model_s(self) -> None:
        """Minutes, breaches and what they come to."""
        found, record = self.model.measured(), self.ledger.world.get(heads.cold_record(WATCHED))
        assert record is not None
        unacknowledged = len(found.breaches) - self.model.acknowledged
        assert (record["out_of_range_ms"], record["unmonitored_ms"]) == (found.out_ms, found.unmonitored_ms)
        assert (record["breaches"], record["unacknowledged"]) == (len(found.breaches), unacknowledged)
        if found.is_rejected or found.out_ms > BUDGET_MS:
            expected = "REJECT"
        elif unacknowledged or found.unmonitored_ms:
            expected = "QUARANTINE"
        else:
            expected = "WITHIN_BUDGET" if found.out_ms or found.breaches else "OK"
        assert record["disposition"] == expected

    # Helps

    def must(self, signer: str, call: Call) -> Value:
        """Run what has to succeed."""
        receipt = self.ledger.run(signer, call)
        assert receipt.code == ResultCode.OK, (ResultCode(receipt.code), call)
        return receipt.outputs[-1]

    def name(self, kind: str) -> str:
        """Return a name that was not given yet."""
        self.number += 1
        return f"urn:{kind}:{self.number}"

    def is_in_reach(self, *names: str) -> bool:
        """Say whether all that was said of things is kept apart, with room for one more."""
        return all(self.model.says[name] < MOVES_MAX for name in names)

    def is_taken(self, time_ms: int) -> bool:
        """Say whether something happened at that very time: which of two came first would be up to the ledger."""
        return time_ms in self.times


def _broken(output: Value) -> set[tuple[str, str]]:
    return {cast("tuple[str, str]", tuple(cast("list[str]", one))) for one in violations(output)}


def _watching(world: World) -> list[Call]:
    add_key = key_call("device", "device", world.proof("device", "maker"), methods=["cold_chain.record_batch"])
    return [add_key, device(), profile(), assign(WATCHED, WATCH_MS)]


Provenance.TestCase.settings = settings(
    max_examples=max(1, STEPS // STEPS_A_RUN), stateful_step_count=STEPS_A_RUN, deadline=None
)
TestProvenance = Provenance.TestCase


def _nothing(*_: object, **__: object) -> None:
    """Do nothing in the place of a rule."""


def _no_refusal(ancestors: list[Thing], item: Thing) -> None:
    """Let everything be packed into everything."""


def _latest_word(state: life.State, move: life.Move) -> tuple[str | None, int | None]:
    """Let whatever is said of packing hold from the last word on, and an unpacking take out of anything."""
    if move.packing is None:
        return state.parent, state.parent_ms
    return (move.packing[1:], move.time_ms) if move.packing[0] == "+" else (None, None)


_PLANTED: Final[dict[str, tuple[object, str, object]]] = {
    "a thing can be inside of itself": (links, "_refusal", _no_refusal),
    "an unpacking takes out of whatever a thing is in": (life, "_packed", _latest_word),
    "a declaration takes nothing back": (life, "remove", lambda *_, **__: None),
    "contents do not go with what is handed over": (custody, "linked", lambda *_: []),
    "an offer never ends": (custody, "end_offer", _nothing),
    "a run goes on over a gap": (cold_judge, "_end_runs", _nothing),
    "a budget covers everything": (
        cold_chain,
        "worst_disposition",
        lambda **found: cold_judge.worst_disposition(**{**found, "budget_ms": 1 << 40}),
    ),
    "an acknowledgement makes a thing fit for use": (
        cold_chain,
        "worst_disposition",
        lambda **found: "OK" if not found["unacknowledged"] else cold_judge.worst_disposition(**found),
    ),
    "whoever likes can pack": (Things, "is_held", lambda *_: True),
    "a recall stops at the container": (closure_module._Run, "_linked", lambda *_: []),
    "a recall stops at what was used up": (closure_module._Run, "_products", lambda *_: []),
}


class Untraced(Provenance):
    """The same without traces, which take longer than all the rest and see none of the planted bugs."""

    traced = ()


@pytest.mark.parametrize("name", _PLANTED)
def test_a_rule_that_is_gone_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted bug is found by the machine, within the steps of a run of the suite."""
    owner, attribute, other = _PLANTED[name]
    monkeypatch.setattr(owner, attribute, other)
    few = settings(
        max_examples=2_000,
        stateful_step_count=STEPS_A_RUN,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Untraced, settings=few)
