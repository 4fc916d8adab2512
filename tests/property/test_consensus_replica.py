"""Whatever three lying peers say, in whatever order, a replica neither raises nor breaks its own rules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.effects import Broadcast, CheckProposal, CommitBlock, Effect, Persist, ProposeBlock, Send
from consensus.events import BlockProposed, Event
from consensus.messages import Commit, Message, Prepare, PrePrepare, Status, ViewChange, decode_message
from ledger.certificate import Certificate
from tests.sim.invariants import Invariants
from tests.sim.setting import setting_of
from tests.support.replicas import CONFIG, KEYS, Bench
from tests.support.toy_chain import CHAIN_ID

PEERS = st.integers(1, 3)
VIEWS = st.integers(0, 4)
BLOCKS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("propose"), PEERS, VIEWS, BLOCKS, st.lists(st.tuples(VIEWS, BLOCKS) | st.none(), max_size=4)),
    st.tuples(st.sampled_from(["prepare", "commit"]), PEERS, VIEWS, BLOCKS, st.integers(1, 2)),
    st.tuples(st.just("view-change"), PEERS, VIEWS, BLOCKS, st.none() | VIEWS),
    st.tuples(st.just("status"), PEERS, VIEWS, BLOCKS, st.integers(1, 4)),
    st.tuples(st.just("time"), PEERS, VIEWS, BLOCKS, st.integers(1, 40)),
    st.tuples(st.sampled_from(["restart", "work", "answer", "refuse", "agree"]), PEERS, VIEWS, BLOCKS, st.none()),
)


class Watched(Bench):
    """A bench that checks what the replica sends, and keeps what it asks for until a step answers."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Invariants(CHAIN_ID, self.validators, setting_of())
        self.asked: list[Effect] = []
        self.blocks = [self.block(view, "block", view) for view in range(3)]

    def feed(self, event: Event) -> list[Effect]:
        """Step, and carry out the effects one by one."""
        effects = list(self.replica.step(event))
        for effect in effects:
            self._watch(effect)
        self.rules.check_bounds(self.index, self.replica, CONFIG.future_messages_max)
        return effects

    def _watch(self, effect: Effect) -> None:
        match effect:
            case Persist():
                self.disk.persist(effect.records)
            case Broadcast() | Send():
                signed = decode_message(effect.data)
                if signed.sender == KEYS[self.index].public_key:
                    self.rules.on_send(self.index, self.disk, signed)
            case CheckProposal() | ProposeBlock():
                self.asked.append(effect)
            case CommitBlock():
                self.rules.check_certificate(self.index, effect.proposal.header, effect.certificate)
            case _:
                pass

    def agree(self, view: int, block: int) -> None:
        """Let all peers propose and prepare a block in a view, as honest ones would."""
        changes = [self.view_change(sender, view) for sender in (1, 2, 3)] if view else []
        proposal = self.block(view, "agreed", block)
        if self.proposer(view) != self.index:
            self.propose(proposal, view, changes)
        self.answer(refuse=False)
        for peer in (1, 2, 3):
            self.prepare(peer, proposal, view)

    def answer(self, *, refuse: bool) -> None:
        asked, self.asked = self.asked, []
        for effect in asked:
            if isinstance(effect, CheckProposal):
                self.accept(effect.proposal, effect.view, "state_root" if refuse else None)
            elif isinstance(effect, ProposeBlock):
                block = None if refuse else self.block(effect.view, "own")
                self.feed(BlockProposed(effect.height, effect.view, block))

    def message(self, kind: str, view: int, block: int, extra: object) -> Message | None:
        """Return a message that passes the signature gate, or None where none such can be made."""
        proposal = self.blocks[block]
        match kind:
            case "prepare" | "commit":
                assert isinstance(extra, int)
                vote = Prepare if kind == "prepare" else Commit
                return vote(extra, view, proposal.header.hash)
            case "status":
                assert isinstance(extra, int)
                return Status(extra, view, proposal.header.hash)
            case "view-change" if view > 0:
                if not isinstance(extra, int) or extra >= view:
                    return ViewChange(1, view, None, None)
                shown = proposal if block else None
                return ViewChange(1, view, self.certificate(proposal, extra), shown)
            case "propose":
                assert isinstance(extra, list)
                if view == 0:
                    return PrePrepare(1, 0, proposal, ())
                entries = (extra + [None] * 3)[:4] if len(extra) > 3 else (extra + [None] * 3)[:3]
                changes = tuple(
                    self.view_change(sender, view, self._shown(entry, view)) for sender, entry in enumerate(entries)
                )
                return PrePrepare(1, view, proposal, changes)
        return None

    def _shown(self, entry: tuple[int, int] | None, view: int) -> Certificate | None:
        if entry is None or entry[0] >= view:
            return None
        return self.certificate(self.blocks[entry[1]], entry[0])


@settings(max_examples=400)
@given(st.lists(STEPS, min_size=3, max_size=40))
def test_no_peer_makes_a_replica_raise_or_break_its_rules(steps: list[tuple[str, int, int, int, object]]) -> None:
    bench = Watched()
    for kind, peer, view, block, extra in steps:
        match kind:
            case "time":
                assert isinstance(extra, int)
                bench.tick(extra * 100)
            case "restart":
                bench.asked.clear()
                bench.restart()
            case "work":
                bench.work(is_waiting=bool(view))
            case "agree":
                bench.agree(view, block)
            case "answer" | "refuse":
                bench.answer(refuse=kind == "refuse")
            case _:
                message = bench.message(kind, view, block, extra)
                if message is not None:
                    bench.say(peer, message)
