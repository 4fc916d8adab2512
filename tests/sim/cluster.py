"""The cluster: real nodes on one virtual clock and network, while the scenario's faults happen to them."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consensus.authenticate import Authentic
from consensus.config import ConsensusConfig
from consensus.effects import Report, ReportKind
from consensus.messages import Message, SignedMessage, Signer, decode_message
from ledger.certificate import Certificate
from ledger.errors import LedgerError
from ledger.validators import Validator, ValidatorSet
from node.chain import Candidate
from node.engine.gate import ValidatorsOf, open_gate
from node.engine.ports import ForkError, Question
from node.storage.errors import DamagedError, StorageError
from tests.sim.clients import Clients
from tests.sim.events import (
    Answered,
    Arrival,
    Asked,
    Boot,
    ClientActs,
    DiskFails,
    Gossip,
    PowerCut,
    TickNow,
    What,
)
from tests.sim.invariants import InvariantBrokenError, Invariants
from tests.sim.machine import Machine
from tests.sim.network import Clock, Network
from tests.sim.roles import ANSWERS, ROLES, SLOW, Liar
from tests.sim.scenario import DiskFault, Scenario, chance
from tests.sim.setting import Setting, setting_of
from tests.sim.virtual_disk import PowerFailure, WriteFate

TICK_MS = 100
BLOCKS_AFTER_HEALING = 5
RECOVERY_MS_MAX = 90_000
STEPS_AT_ONCE_MAX = 20_000
_EVENTS_SHOWN = 60
_ANSWER_MS_MAX = 900
_NOT_AVAILABLE = "transactions_not_available"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run without a broken rule: how many events it took, and how long after healing all were well again."""

    events: int
    recovery_ms: int
    height: int
    taken: frozenset[str]


class Cluster:
    """One run of one scenario; it is the ``World`` of its machines."""

    def __init__(self, scenario: Scenario, setting: Setting | None = None) -> None:
        self.scenario = scenario
        self.setting = setting or setting_of()
        timeout_ms = scenario.view_timeout_ms
        self._config = ConsensusConfig(
            view_timeout_ms=timeout_ms,
            retransmit_interval_ms=timeout_ms // 2,
            status_interval_ms=timeout_ms // 2,
            fetch_interval_ms=timeout_ms // 4,
        )
        count = scenario.validator_count
        keys = [self.setting.validator_key(number) for number in range(count)]
        self.validators = ValidatorSet(
            Validator(key.public_key, f"organisation {index}") for index, key in enumerate(keys)
        )
        self.genesis = self.setting.ledger.genesis_block(self.validators, self.setting.client_key.public_key)
        chain_id = self.genesis.block.header.chain_id
        self.invariants = Invariants(chain_id, self.validators, self.setting)
        self.clock: Clock[tuple[int, int, What]] = Clock()
        self.network = Network(scenario)
        self.machines = [
            self._machine(index, key, scenario.liars.get(index, "honest")) for index, key in enumerate(keys)
        ]
        if scenario.change:
            # A key that may come in for one of the validators while the run goes on.
            self.machines.append(self._machine(count, self.setting.validator_key(count)))
        for index, role in scenario.liars.items():
            if role == "twin":
                self.machines.append(self._machine(len(self.machines), keys[index], role))
        self.liars = [
            Liar(scenario.seed, machine, self.clock) if not machine.is_honest else None for machine in self.machines
        ]
        self.clients = Clients(scenario, chain_id, self.validators, self.machines, self.setting)
        self._open_gate = open_gate(chain_id, self.setting.verify)
        self._read: dict[bytes, SignedMessage | None] = {}
        self._admitted: dict[tuple[bytes, bytes], Authentic | str] = {}
        self._questions: dict[int, tuple[int, int, bytes, Question]] = {}
        self._question_count = 0
        self._persisted: Counter[int] = Counter()
        self._steps = ((-1, -1), 0)
        self._damaged = {fault.machine for fault in scenario.disk if fault.is_damage}
        self._spent: set[DiskFault] = set()
        self.log: deque[tuple[int, int, object]] = deque(maxlen=_EVENTS_SHOWN)
        self.taken: set[str] = set()
        self.atoms: list[str] = []
        self.events = 0
        self._height_at_healing: int | None = None

    def _machine(self, number: int, key: Signer, role: str = "honest") -> Machine:
        scenario = self.scenario
        skew_ms, creep = int((self._chance("skew", number) - 0.5) * scenario.skew_ms), 0.0
        if role == "clock_liar":
            kind = int(self._chance("clock", number) * 3)
            skew_ms, creep = ((3_600_000, 0.0), (-3_600_000, 0.0), (0, 0.7))[kind]
        return Machine(self, number, key, role, self.genesis, self.setting, skew_ms, creep)

    def stop(self) -> None:
        """Stop all machines and leave their disks."""
        for machine in self.machines:
            machine.stop()

    def run(self) -> Outcome:
        """Run until all honest machines are well after healing; raises InvariantBrokenError."""
        for machine in self.machines:
            self.clock.at(0, (machine.number, 0, Boot()))
        if self.scenario.power_cut_ms is not None:
            self.clock.at(self.scenario.power_cut_ms, (0, 0, PowerCut()))
        for fault in self.scenario.disk:
            self.clock.at(fault.at_ms, (fault.machine, 0, DiskFails(fault)))
        self.clients.begin(self.clock)
        while True:
            number, starts, what = self.clock.next()
            self.events += 1
            machine = self.machines[number]
            if machine.busy_until_ms > self.clock.now_ms and machine.is_up:
                self.clock.at(machine.busy_until_ms, (number, starts, what))
                continue
            try:
                self._happen(machine, starts, what)
            except AssertionError as error:
                raise InvariantBrokenError("assertion", f"node {number}: {error}") from error
            recovery_ms = self._recovery_ms()
            if recovery_ms is not None:
                self._check_disks()
                if self.invariants.evidence_seen:
                    self.taken.add("evidence kept")
                height = max(machine.tip.height for machine in self.machines if machine.is_up)
                return Outcome(self.events, recovery_ms, height, frozenset(self.taken))

    def now_ms(self) -> int:
        """Return the time of the run."""
        return self.clock.now_ms

    def _chance(self, *ids: object) -> float:
        return chance(self.scenario.seed, *ids)

    def _is_dealt(self, atom: str) -> bool:
        """Let a fault happen unless it was taken away, and note that it did."""
        if atom in self.scenario.without:
            return False
        self.atoms.append(atom)
        return True

    @property
    def _is_healed(self) -> bool:
        return self.clock.now_ms >= self.scenario.gst_ms

    def _note(self, machine: Machine, what: object) -> None:
        self.log.append((self.clock.now_ms, machine.number, what))

    def _recovery_ms(self) -> int | None:
        """Return how long it took until every honest machine had new blocks, or None as long as one has not."""
        if not self._is_healed:
            return None
        honest = [machine for machine in self.machines if machine.is_honest]
        heights = [machine.tip.height if machine.is_up else -1 for machine in honest]
        if self._height_at_healing is None:
            self._height_at_healing = max(self.invariants.decided, default=0)
        if min(heights) >= self._height_at_healing + BLOCKS_AFTER_HEALING:
            return self.clock.now_ms - self.scenario.gst_ms
        if self.clock.now_ms > self.scenario.gst_ms + RECOVERY_MS_MAX:
            states = [
                (each.number, each.replica.height, each.replica.view, each.replica.phase.value, len(each.pool))
                for each in honest
                if each.is_up
            ]
            raise InvariantBrokenError("liveness", f"{RECOVERY_MS_MAX} ms after healing: {states}")
        return None

    def _check_disks(self) -> None:
        for machine in self.machines:
            if machine.is_honest and machine.is_up:
                self.invariants.check_disk(machine)
        self.invariants.check_acknowledged([each for each in self.machines if each.is_honest and each.is_up])

    # What happens

    def _happen(self, machine: Machine, starts: int, what: What) -> None:
        match what:
            case PowerCut():
                for each in self.machines:
                    self._crash(each, 1 + int(self._chance("power back", each.number) * 500), "power cut")
            case Boot():
                if not machine.is_up:
                    self._boot(machine)
            case DiskFails():
                self._disk_fails(machine, what.fault)
            case ClientActs():
                self._client_acts(machine, what)
            case Arrival() | Gossip() | Asked():
                if machine.is_up:
                    self._guarded(machine, what)
            case _:
                if machine.is_up and starts == machine.starts:
                    self._guarded(machine, what)

    def _guarded(self, machine: Machine, what: What) -> None:
        """Let a node do something; whatever its disk says stops it, as it stops a real one."""
        try:
            self._feed(machine, what)
        except PowerFailure as failure:
            self._crash(
                machine, 1 + int(self._chance("down", machine.number, machine.starts) ** 3 * 2500), str(failure)
            )
        except StorageError as error:
            self._fail_stop(machine, error)
        except ForkError as error:
            raise InvariantBrokenError("agreement", f"node {machine.number}: {error}") from error

    def _feed(self, machine: Machine, what: What) -> None:
        engine = machine.engine
        assert engine is not None
        match what:
            case TickNow():
                self.clock.after(TICK_MS, (machine.number, machine.starts, what))
                engine.tick(self.clock.now_ms)
                if machine.is_honest:
                    self.invariants.check_bounds(machine.number, machine.replica, self._config.future_messages_max)
            case Arrival():
                signed = self._decoded(what.data)
                if machine.role == "twin" and signed is not None and signed.sender == machine.key.public_key:
                    return
                self._note(machine, signed if signed is not None else "junk")
                place = (machine.starts, machine.replica.height)
                engine.receive_messages([what.data])
                if machine.is_honest and signed is not None and self._is_admitted(machine, what.data, signed):
                    self.invariants.on_delivered(machine, place, signed)
            case Gossip():
                machine.take_transactions(what.batch)
            case Asked():
                self._answer(machine, what)
            case Answered():
                question = self._questions.pop(what.question_id, None)
                if question is not None:
                    self._note(machine, what)
                    self._take_answer(machine, question[2], question[3], what.answer)
            case _:
                raise AssertionError("handled by the loop")

    def _take_answer(self, machine: Machine, peer: bytes, question: Question, answer: bytes | None) -> None:
        try:
            machine.take_answer(peer, question, answer)
        except LedgerError:
            # The asyncio shell takes an answer that does not decode for none.
            self.taken.add("answer did not decode")
            machine.take_answer(peer, question, None)

    def _client_acts(self, machine: Machine, what: ClientActs) -> None:
        machine_number = self.clients.act(self.clock, what, is_healed=self._is_healed)
        if machine_number is None:
            return
        machine = self.machines[machine_number]
        if machine.is_up and self.clients.is_reachable(machine_number, self.clock.now_ms):
            encoded = self.clients.encoded(what.number)
            try:
                refusal = machine.submit(encoded)
            except PowerFailure as failure:
                self._crash(machine, 300, str(failure))
            except StorageError as error:
                self._fail_stop(machine, error)
            else:
                self.taken.add("transaction taken" if refusal is None else refusal.code)

    # Starting and stopping

    def _boot(self, machine: Machine) -> None:
        self._roll_back(machine)
        try:
            machine.start(self._config, self._gate)
        except PowerFailure as failure:
            self._crash(machine, 200, str(failure))
            return
        except StorageError as error:
            self._fail_stop(machine, error)
            return
        if machine.is_honest:
            self.invariants.on_start(machine)
            if machine.starts > 1:
                self.taken.update(machine.found_at_start)
        phase_ms = int(self._chance("tick", machine.number, machine.starts) * TICK_MS)
        self.clock.after(phase_ms, (machine.number, machine.starts, TickNow()))
        self._note(machine, "start")

    def _roll_back(self, machine: Machine) -> None:
        """Put an old backup of the ledger back, as an operator may do; the safety store is never part of one."""
        if not machine.backups or not machine.is_honest or self._is_healed:
            return
        ids = (machine.number, machine.starts)
        if self._chance("backup", *ids) < self.scenario.rollback and self._is_dealt(f"rollback.{ids[0]}.{ids[1]}"):
            machine.ledger.put_back(machine.backups[int(self._chance("kept", *ids) * len(machine.backups))])
            self.invariants.on_lost(machine.number)
            self.taken.add("old backup")
            self._note(machine, "old backup of the ledger")

    def _crash(self, machine: Machine, down_ms: int, why: str) -> None:
        machine.stop()
        self._note(machine, f"stops for {down_ms} ms: {why}")
        self.taken.add(f"crash: {why}")
        self.clock.after(down_ms, (machine.number, 0, Boot()))

    def _fail_stop(self, machine: Machine, error: StorageError) -> None:
        """Take the machine down as its disk wants; damage is repaired by fetching all anew."""
        if not machine.ledger.rotten and not machine.safety.rotten and isinstance(error, DamagedError):
            raise InvariantBrokenError("damage", f"node {machine.number} found its good disk damaged: {error}")
        self.taken.add("fail stop: damage" if isinstance(error, DamagedError) else "fail stop")
        if isinstance(error, DamagedError):
            if machine.ledger.rotten:
                machine.format_ledger()
            if machine.safety.rotten:
                machine.format_safety()
                self._forget_votes(machine)
            self.invariants.on_lost(machine.number)
        self._crash(machine, 200 + int(self._chance("repair", machine.number, machine.starts) * 500), "disk")
        self._note(machine, str(error))

    # The disk

    def _disk_fails(self, machine: Machine, fault: DiskFault) -> None:
        if self._is_healed:
            return
        self._note(machine, fault)
        self.taken.add(f"disk: {fault.kind}")
        match fault.kind:
            case "flip_ledger" | "flip_safety":
                platter = machine.ledger if fault.kind == "flip_ledger" else machine.safety
                keys = sorted(platter.pairs)
                platter.rotten.add(keys[int(self._chance("rot", machine.number, fault.at_ms) * len(keys))])
            case "torn":
                machine.stop()
                machine.safety.lose_last_write()
                self._forget_votes(machine)
                self._crash(machine, fault.for_ms, "power cut on a disk that lied")
            case "reformat":
                machine.stop()
                machine.format_ledger()
                machine.format_safety()
                self.invariants.on_lost(machine.number)
                self._forget_votes(machine)
                self._crash(machine, fault.for_ms, "disk replaced")
            case _:
                pass

    def _forget_votes(self, machine: Machine) -> None:
        """Let a machine that lost votes be a newcomer where nobody could show it a trace of them.

        It counts among the f, so nothing else may break. Where every other has its signature in a block, it must find
        that and wait; then it is held to what it said before.
        """
        key = machine.key.public_key
        others = [other for other in self.machines if other.is_honest and other is not machine]
        if not all(other.shows_signature_of(key) for other in others):
            self.invariants.on_votes_lost(machine.number)

    def fate(self, machine: Machine, platter: str, changes: Mapping[bytes, bytes | None]) -> WriteFate:
        """Decide about a write."""
        now_ms = self.clock.now_ms
        if self._is_healed or not machine.is_honest:
            return WriteFate.KEPT
        for fault in self.scenario.disk:
            if fault.machine == machine.number and fault.at_ms <= now_ms < fault.at_ms + fault.for_ms:
                if fault.kind == "full":
                    return WriteFate.NO_ROOM
                if fault.kind == "slow":
                    machine.busy_until_ms = now_ms + 20 + int(self._chance("slow", machine.number, now_ms) * 150)
                elif fault.kind.startswith("sync_error") and fault not in self._spent:
                    self._spent.add(fault)
                    return WriteFate.SYNC_FAILED_KEPT if fault.kind.endswith("kept") else WriteFate.SYNC_FAILED
        return self._crash_fate(machine, platter, changes)

    def _crash_fate(self, machine: Machine, platter: str, changes: Mapping[bytes, bytes | None]) -> WriteFate:
        self._persisted[machine.number] += 1
        places = tuple(sorted(key for key, value in changes.items() if key[:1] == b"r" and value is not None))
        ids = (machine.number, platter, places or self._persisted[machine.number], machine.starts)
        lot = self._chance("crash", *ids)
        if lot >= self.scenario.crash or not self._is_dealt(f"crash.{machine.number}.{machine.starts}"):
            return WriteFate.KEPT
        if lot >= self.scenario.crash / 4:
            return WriteFate.CRASH_AFTER
        # A safety store whose log was cut off does not vouch for its votes, so this counts as damage.
        is_torn = machine.number in self._damaged and lot < self.scenario.crash / 8
        return WriteFate.CRASH_TORN if is_torn else WriteFate.CRASH_BEFORE

    # Messages

    def _decoded(self, data: bytes) -> SignedMessage | None:
        if data not in self._read:
            try:
                self._read[data] = decode_message(data)
            except LedgerError:
                self._read[data] = None
        return self._read[data]

    def _gate(self, data: bytes, validators_of: ValidatorsOf) -> Authentic | str:
        """Do what the real gate does, once for all machines that have the same validators in mind."""
        signed = self._decoded(data)
        if signed is None:
            return self._open_gate(data, validators_of)
        key = (data, validators_of(signed.message.height).hash)
        verdict = self._admitted.get(key)
        if verdict is None:
            verdict = self._admitted[key] = self._open_gate(data, validators_of)
        return verdict

    def _is_admitted(self, machine: Machine, data: bytes, signed: SignedMessage) -> bool:
        validators = machine.chain.validators_at(signed.message.height)
        return validators is not None and isinstance(self._admitted.get((data, validators.hash)), Authentic)

    def send_message(self, machine: Machine, data: bytes, to: bytes | None) -> None:
        """Send a consensus message to one peer, or to all; a liar sends what it likes."""
        signed = self._decoded(data)
        assert signed is not None, "a node encodes what it can decode"
        if machine.is_honest and signed.sender == machine.key.public_key:
            self.invariants.on_send(machine.number, machine, signed)
        for target in self.machines:
            key = target.key.public_key
            if key == machine.key.public_key or (to is not None and key != to):
                continue
            liar = self.liars[machine.number]
            if liar is None:
                self._transmit(machine, target, signed.message, Arrival(machine.number, data))
                continue
            for lie in ROLES[machine.role](liar, signed, target.number):
                told = self._decoded(lie)
                self._transmit(machine, target, None if told is None else told.message, Arrival(machine.number, lie))

    def send_transactions(self, machine: Machine, batch: Sequence[bytes]) -> None:
        """Send transactions to all peers."""
        gossip = Gossip(machine.number, tuple(batch))
        for target in self.machines:
            if target.key.public_key != machine.key.public_key:
                self._transmit(machine, target, None, gossip)

    def send_question(self, machine: Machine, to: bytes, question: Question) -> None:
        """Ask a peer; no answer within its time is one as well."""
        self._question_count += 1
        number = self._question_count
        self._questions[number] = (machine.number, machine.starts, to, question)
        self.clock.after(_ANSWER_MS_MAX, (machine.number, machine.starts, Answered(number, None)))
        targets = [each for each in self.machines if each.key.public_key == to]
        target = targets[int(self._chance("asked", number) * len(targets))]
        if self._is_healed or self._chance("ask", number) >= self.scenario.fetch_cut:
            self._transmit(machine, target, None, Asked(machine.number, machine.starts, number, to, question))

    def _answer(self, machine: Machine, what: Asked) -> None:
        truth = machine.answer(what.question)
        liar = self.liars[machine.number]
        is_lie = liar is not None and machine.role in ANSWERS
        answer = ANSWERS[machine.role](liar, what.question, truth, what.question_id) if liar and is_lie else truth
        if answer is not None:
            asker = self.machines[what.source]
            arrival = Answered(what.question_id, answer)
            self._transmit(machine, asker, None, arrival, what.source_starts)

    def _transmit(
        self, source: Machine, target: Machine, message: Message | None, what: What, starts: int | None = None
    ) -> None:
        start_ms = max(self.clock.now_ms, source.busy_until_ms)
        if source.role == SLOW:
            start_ms += int(self.scenario.view_timeout_ms * 0.9)
        for time_ms in self.network.arrivals_ms(start_ms, source.number, target.number, message):
            self.clock.at(time_ms, (target.number, target.starts if starts is None else starts, what))

    def peers_of(self, machine: Machine, preferred: bytes | None) -> list[bytes]:
        """Return the keys of the others, the preferred one first."""
        own = machine.key.public_key
        keys = dict.fromkeys(each.key.public_key for each in self.machines if each.key.public_key != own)
        return sorted(keys, key=lambda key: key != preferred)

    # What machines tell

    def on_committed(self, machine: Machine, candidate: Candidate, certificate: Certificate) -> None:
        """A block is on the disk of a machine."""
        header = candidate.header
        self._note(machine, f"committed {header.height} {header.hash.hex()[:8]}, view {certificate.view}")
        if header.validators_hash != header.next_validators_hash:
            self.taken.add("validators changed")
        if certificate.view:
            self.taken.add("committed above view 0")
        if not machine.is_honest:
            machine.waiting.clear()
            return
        self.invariants.on_commit(machine, candidate, certificate)
        if self.scenario.rollback and header.height % 3 == 1:
            machine.backups.append(dict(machine.ledger.pairs))
        for transaction in candidate.transactions:
            if transaction.transaction_id in machine.waiting:
                machine.waiting.discard(transaction.transaction_id)
                self.invariants.on_acknowledged(machine, transaction.transaction_id, header.height)
                self.clients.acknowledged(transaction.transaction_id)

    def on_step(self, machine: Machine) -> None:
        """Count the steps that a machine takes without time going by."""
        place = (machine.number, self.clock.now_ms)
        self._steps = (place, self._steps[1] + 1 if self._steps[0] == place else 1)
        if self._steps[1] > STEPS_AT_ONCE_MAX:
            raise InvariantBrokenError("endless", f"node {machine.number} takes step after step at {place[1]} ms")

    def on_report(self, machine: Machine, report: Report) -> None:
        """The replica of a machine reports."""
        self._note(machine, report)
        if not machine.is_honest:
            return
        self.taken.add(f"report: {report.kind.value}")
        is_wrong = report.kind is ReportKind.DECIDED_BLOCK_REFUSED and not report.detail.endswith(_NOT_AVAILABLE)
        # A machine whose disk lost votes may meet them again, and is right to stop then.
        is_alarm = report.kind is ReportKind.OWN_KEY_ELSEWHERE and machine.number not in self._damaged
        if is_wrong or is_alarm:
            raise InvariantBrokenError("false_alarm", f"node {machine.number}: {report.kind.value}, {report.detail}")

    def on_refused(self, machine: Machine, what: str) -> None:
        """A machine refused something of a peer."""
        if machine.is_honest:
            self.taken.add(f"refused: {what}")
