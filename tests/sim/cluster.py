"""The cluster: carries out the effects of real replicas as a node would, and lets the scenario's faults happen.

It differs from ``node/runtime.py`` where that talks to disks and peers; the order of effects is the same.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from consensus.authenticate import Authentic, authenticate
from consensus.config import ConsensusConfig
from consensus.effects import (
    Broadcast,
    CheckProposal,
    CommitBlock,
    CompareTip,
    Effect,
    FetchBlocks,
    KeepEvidence,
    Persist,
    ProposeBlock,
    Report,
    ReportKind,
    Send,
)
from consensus.events import (
    BlockCommitted,
    BlockProposed,
    Event,
    MessageReceived,
    ProposalChecked,
    Tick,
    WorkAvailable,
)
from consensus.messages import Proposal, SignedMessage, decode_message
from consensus.proposers import ProposerBook, epoch_start, proposer_book
from consensus.replica import Replica
from ledger.block import Header
from ledger.certificate import Certificate
from ledger.errors import LedgerError
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet
from tests.sim.disk import Disk
from tests.sim.invariants import InvariantBrokenError, Invariants, StubKey, stub_verify
from tests.sim.network import Clock, Network
from tests.sim.roles import ROLES, Liar
from tests.sim.scenario import Scenario, chance
from tests.sim.toy import CHAIN_ID, check_block, genesis, make_block

TICK_MS = 100
BLOCKS_AFTER_HEALING = 5
RECOVERY_MS_MAX = 90_000
_EVENTS_SHOWN = 60
_KEYS = tuple(sorted(SecretKey(tagged_hash("simulated key", bytes([number]))).public_key for number in range(16)))


@dataclass(frozen=True, slots=True)
class Boot:
    """A machine starts."""


@dataclass(frozen=True, slots=True)
class TickNow:
    """A machine's clock ticks."""


@dataclass(frozen=True, slots=True)
class PowerCut:
    """Every machine stops at once."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes reach a machine."""

    source: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer of a peer: certified blocks, none where it has none or cannot be reached; then the next is asked."""

    effect: FetchBlocks
    peers: tuple[int, ...]


What: TypeAlias = Boot | TickNow | PowerCut | Arrival | Fetched | Event


@dataclass(slots=True)
class Machine:
    """One machine: its role, its disk, its chain, and the replica that runs now."""

    number: int
    index: int
    key: StubKey
    role: str
    disk: Disk = field(default_factory=Disk)
    chain: list[Header] = field(default_factory=lambda: [genesis()])
    blocks: dict[int, tuple[Proposal, Certificate]] = field(default_factory=dict)
    replica: Replica | None = None
    liar: Liar | None = None
    starts: int = 0
    has_work: bool = False
    is_fetching: bool = False

    @property
    def is_honest(self) -> bool:
        """Whether the rules hold for it."""
        return self.role == "honest"

    @property
    def tip(self) -> Header:
        """The block that it has last."""
        return self.chain[-1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run without a broken rule: how many events it took, and how long after healing all were well again."""

    events: int
    recovery_ms: int
    height: int
    reports: frozenset[ReportKind]


class Cluster:
    """One run of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._config = ConsensusConfig(
            view_timeout_ms=scenario.view_timeout_ms,
            retransmit_interval_ms=scenario.view_timeout_ms // 2,
            status_interval_ms=scenario.view_timeout_ms // 2,
            fetch_interval_ms=scenario.view_timeout_ms // 4,
        )
        keys = [StubKey(key) for key in _KEYS[: scenario.validator_count]]
        self.validators = ValidatorSet(
            Validator(key.public_key, f"organisation {index}") for index, key in enumerate(keys)
        )
        self.invariants = Invariants(CHAIN_ID, self.validators)
        self.clock: Clock[tuple[int, int, What]] = Clock()
        self.network = Network(scenario)
        self.machines = [
            Machine(index, index, key, scenario.liars.get(index, "honest")) for index, key in enumerate(keys)
        ]
        for index, role in scenario.liars.items():
            if role == "twin":
                self.machines.append(Machine(len(self.machines), index, keys[index], role))
        self._read: dict[bytes, Authentic | None] = {}
        self.log: deque[tuple[int, int, object]] = deque(maxlen=_EVENTS_SHOWN)
        self.reports: set[ReportKind] = set()
        self.events = 0
        self._height_at_healing: int | None = None

    def run(self) -> Outcome:
        """Run until all honest machines are well after healing; raises InvariantBrokenError."""
        for machine in self.machines:
            self.clock.at(0, (machine.number, 0, Boot()))
        if self.scenario.power_cut_ms is not None:
            self.clock.at(self.scenario.power_cut_ms, (0, 0, PowerCut()))
        while True:
            number, starts, what = self.clock.next()
            self.events += 1
            machine = self.machines[number]
            if isinstance(what, PowerCut):
                for each in self.machines:
                    self._crash(each, 1 + int(self._chance("power back", each.number) * 500))
            elif isinstance(what, Boot):
                if machine.replica is None:
                    self._boot(machine)
            elif machine.replica is not None and (isinstance(what, Arrival) or starts == machine.starts):
                self._happen(machine, what)
            recovery_ms = self._recovery_ms()
            if recovery_ms is not None:
                height = max(machine.tip.height for machine in self.machines)
                return Outcome(self.events, recovery_ms, height, frozenset(self.reports))

    def _chance(self, *ids: object) -> float:
        return chance(self.scenario.seed, *ids)

    @property
    def _is_healed(self) -> bool:
        return self.clock.now_ms >= self.scenario.gst_ms

    def _recovery_ms(self) -> int | None:
        """Return how long it took until every honest machine had new blocks, or None as long as one has not."""
        if not self._is_healed:
            return None
        honest = [machine.tip.height for machine in self.machines if machine.is_honest]
        if self._height_at_healing is None:
            self._height_at_healing = max(honest)
        if min(honest) >= self._height_at_healing + BLOCKS_AFTER_HEALING:
            return self.clock.now_ms - self.scenario.gst_ms
        if self.clock.now_ms > self.scenario.gst_ms + RECOVERY_MS_MAX:
            states = [
                (each.number, each.replica.height, each.replica.view, each.replica.phase.value)
                for each in self.machines
                if each.replica is not None and each.is_honest
            ]
            raise InvariantBrokenError("liveness", f"{RECOVERY_MS_MAX} ms after healing: {states}")
        return None

    # Machines

    def _boot(self, machine: Machine) -> None:
        machine.starts += 1
        machine.is_fetching = machine.has_work = False
        self._roll_back(machine)
        machine.replica = Replica(
            config=self._config,
            chain_id=CHAIN_ID,
            key=machine.key,
            proposers=self._proposers(machine),
            tip=machine.tip,
            records=machine.disk.records_above(machine.tip.height),
            now_ms=self.clock.now_ms,
            is_store_new=False,
        )
        machine.liar = Liar(
            self.scenario.seed, machine.number, machine.key, self.validators, machine.replica, machine.tip
        )
        phase_ms = int(self._chance("tick", machine.number, machine.starts) * TICK_MS)
        self.clock.after(phase_ms, (machine.number, machine.starts, TickNow()))
        self.log.append((self.clock.now_ms, machine.number, "start"))

    def _proposers(self, machine: Machine) -> ProposerBook:
        height = machine.tip.height + 1
        return proposer_book(height, self.validators, machine.chain[max(1, epoch_start(height)) :])

    def _roll_back(self, machine: Machine) -> None:
        """Put an old backup of the chain back, as an operator may do; the safety store is never part of one."""
        is_backup = self._chance("backup", machine.number, machine.starts) < self.scenario.rollback
        if is_backup and not self._is_healed and machine.is_honest and len(machine.chain) > 1:
            kept = 1 + int(self._chance("kept", machine.number, machine.starts) * (len(machine.chain) - 1))
            for header in machine.chain[kept:]:
                del machine.blocks[header.height]
            del machine.chain[kept:]
            self.log.append((self.clock.now_ms, machine.number, f"old backup up to {kept - 1}"))

    def _crash(self, machine: Machine, down_ms: int) -> None:
        machine.replica = None
        self.log.append((self.clock.now_ms, machine.number, f"crash for {down_ms} ms"))
        self.clock.after(down_ms, (machine.number, 0, Boot()))

    def _happen(self, machine: Machine, what: What) -> None:
        match what:
            case TickNow():
                self.clock.after(TICK_MS, (machine.number, machine.starts, TickNow()))
                self._change_work(machine)
                self._feed(machine, Tick(self.clock.now_ms))
            case Arrival():
                self._arrive(machine, what)
            case Fetched():
                self._take_fetched(machine, what)
            case Boot() | PowerCut():
                raise AssertionError("handled by the loop")
            case _:
                self._feed(machine, what)

    def _change_work(self, machine: Machine) -> None:
        has_work = self._is_healed or (
            self._chance("idle", machine.number, self.clock.now_ms // 1500) >= self.scenario.idle
        )
        if has_work != machine.has_work:
            machine.has_work = has_work
            self._feed(machine, WorkAvailable(has_work))

    def _arrive(self, machine: Machine, arrival: Arrival) -> None:
        authentic = self._authentic(arrival.data)
        is_twins = (
            machine.role == "twin" and authentic is not None and authentic.signed.sender == machine.key.public_key
        )
        if authentic is not None and not is_twins:
            self._feed(machine, MessageReceived(authentic))

    def _authentic(self, data: bytes) -> Authentic | None:
        if data not in self._read:
            try:
                verdict = authenticate(decode_message(data), self.validators, CHAIN_ID, stub_verify)
            except LedgerError:
                verdict = None
            self._read[data] = verdict if isinstance(verdict, Authentic) else None
        return self._read[data]

    # Events and effects

    def _feed(self, machine: Machine, event: Event) -> None:
        events: deque[Event] = deque([event])
        while events and machine.replica is not None:
            event = events.popleft()
            if not isinstance(event, Tick):
                self.log.append((self.clock.now_ms, machine.number, event))
            for effect in machine.replica.step(event):
                if not self._carry_out(machine, effect, events):
                    return
            if self.events % 16 == 0 and machine.is_honest:
                self.invariants.check_bounds(machine.number, machine.replica, self._config.future_messages_max)

    def _carry_out(self, machine: Machine, effect: Effect, events: deque[Event]) -> bool:
        """Do what the replica wants; return False where the machine crashed while at it."""
        match effect:
            case Persist():
                return self._persist(machine, effect)
            case Broadcast():
                self._send(machine, effect.data, [each for each in self.machines if each.index != machine.index])
            case Send():
                index = self.validators.index_of(effect.to)
                self._send(machine, effect.data, [each for each in self.machines if each.index == index])
            case ProposeBlock():
                self._propose(machine, effect)
            case CheckProposal():
                refusal = check_block(machine.tip, effect.proposal)
                answer = ProposalChecked(effect.height, effect.view, effect.proposal.header.hash, refusal)
                self._later(machine, answer, "check", effect.height, effect.view)
            case CommitBlock():
                self._store(machine, effect.proposal, effect.certificate, events)
            case FetchBlocks():
                self._fetch(machine, effect)
            case KeepEvidence() | CompareTip():
                pass
            case Report():
                self._note(machine, effect)
            case _:
                assert_never(effect)
        return True

    def _persist(self, machine: Machine, effect: Persist) -> bool:
        """Make records durable, unless the power fails before; it may fail right after as well."""
        record = effect.records[-1]
        ids = (machine.number, record.height, record.view, record.kind, machine.starts)
        lot = self._chance("crash", *ids) if not self._is_healed and machine.is_honest else 1.0
        if lot >= self.scenario.crash / 4:
            machine.disk.persist(effect.records)
            if lot >= self.scenario.crash:
                return True
        self._crash(machine, 1 + int(self._chance("down", *ids) ** 3 * 2500))
        return False

    def _send(self, machine: Machine, data: bytes, targets: list[Machine]) -> None:
        signed = self._signed(data)
        if machine.is_honest and signed.sender == machine.key.public_key:
            self.invariants.on_send(machine.number, machine.disk, signed)
        role = ROLES[machine.role]
        for target in targets:
            if machine.is_honest:
                self._transmit(machine, target, data)
            else:
                assert machine.liar is not None
                machine.liar.tip = machine.tip
                for lie in role(machine.liar, signed, target.number):
                    self._transmit(machine, target, lie)

    def _signed(self, data: bytes) -> SignedMessage:
        authentic = self._authentic(data)
        return decode_message(data) if authentic is None else authentic.signed

    def _transmit(self, source: Machine, target: Machine, data: bytes) -> None:
        authentic = self._authentic(data)
        if authentic is None:
            return
        for time_ms in self.network.arrivals_ms(self.clock.now_ms, source.number, target.number, authentic.message):
            self.clock.at(time_ms, (target.number, target.starts, Arrival(source.number, data)))

    def _propose(self, machine: Machine, effect: ProposeBlock) -> None:
        block = None
        if machine.has_work:
            what = (machine.number, machine.starts, effect.view)
            block = make_block(machine.tip, machine.key.public_key, self.validators, *what)
        self._later(machine, BlockProposed(effect.height, effect.view, block), "make", effect.height, effect.view)

    def _later(self, machine: Machine, event: Event, *ids: object) -> None:
        delay_ms = int(self._chance(*ids, machine.number) * 30)
        self.clock.after(delay_ms, (machine.number, machine.starts, event))

    def _store(
        self, machine: Machine, proposal: Proposal, certificate: Certificate, events: deque[Event]
    ) -> None:  # fmt: skip
        if machine.is_honest:
            self.invariants.on_commit(machine.number, machine.tip, proposal, certificate)
        machine.chain.append(proposal.header)
        machine.blocks[proposal.header.height] = (proposal, certificate)
        events.append(BlockCommitted(proposal.header, self.validators))
        events.append(WorkAvailable(machine.has_work))

    # Catching up

    def _fetch(self, machine: Machine, effect: FetchBlocks) -> None:
        if machine.is_fetching:
            return
        machine.is_fetching = True
        index = self.validators.index_of(effect.peer)
        others = sorted(
            (each for each in self.machines if each.index != machine.index), key=lambda each: each.index != index
        )
        fetched = Fetched(effect, tuple(each.number for each in others))
        self.clock.after(5 + self.scenario.delay_ms_max // 4, (machine.number, machine.starts, fetched))

    def _take_fetched(self, machine: Machine, fetched: Fetched) -> None:
        """Store what the first peer answered; ask the next where that was nothing or too little."""
        peer = self.machines[fetched.peers[0]]
        if peer.replica is not None and peer.is_honest and self._can_fetch(machine, peer):
            while machine.replica is not None and machine.tip.height < min(fetched.effect.to_height, peer.tip.height):
                events: deque[Event] = deque()
                self._store(machine, *peer.blocks[machine.tip.height + 1], events)
                for event in events:
                    self._feed(machine, event)
        rest = fetched.peers[1:]
        if machine.replica is not None and rest and machine.tip.height < fetched.effect.to_height:
            self.clock.after(5, (machine.number, machine.starts, Fetched(fetched.effect, rest)))
        else:
            machine.is_fetching = False

    def _can_fetch(self, machine: Machine, peer: Machine) -> bool:
        if self._is_healed:
            return True
        now_ms, ids = self.clock.now_ms, (machine.number, peer.number, self.clock.now_ms // 1000)
        is_open = self.network.is_link_open(now_ms, machine.number, peer.number) and self.network.is_link_open(
            now_ms, peer.number, machine.number
        )
        return is_open and self._chance("fetch", *ids) >= self.scenario.fetch_cut

    def _note(self, machine: Machine, report: Report) -> None:
        self.reports.add(report.kind)
        self.log.append((self.clock.now_ms, machine.number, report))
        if machine.is_honest and report.kind in {ReportKind.OWN_KEY_ELSEWHERE, ReportKind.DECIDED_BLOCK_REFUSED}:
            raise InvariantBrokenError("false_alarm", f"node {machine.number}: {report.kind.value}, {report.detail}")
