"""A few replicas on a virtual network of one's own choice, small enough to be read in a test.

Blocks are toys (``tests.support.toy_chain``) and take 50 ms to make, messages 10 ms and up; everything is drawn from
one seed. The simulator (``tests.sim``) does the same with whole nodes; here a test sets the scene by hand.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count as count_from
from random import Random

from consensus.authenticate import Authentic, authenticate
from consensus.effects import (
    Broadcast,
    CheckProposal,
    CommitBlock,
    Effect,
    FetchBlocks,
    KeepEvidence,
    Persist,
    ProposeBlock,
    Report,
    ReportKind,
    Send,
)
from consensus.events import BlockCommitted, BlockProposed, Event, MessageReceived, ProposalChecked, Tick, WorkAvailable
from consensus.messages import Message, SignedMessage, decode_message, sign_message
from consensus.proposers import ProposerBook, epoch_start, proposer_book
from consensus.replica import Replica
from ledger.block import Header
from ledger.certificate import Certificate
from ledger.evidence import Equivocation
from tests.sim.keys import stub_verify
from tests.support.replicas import CONFIG, KEYS, validator_set
from tests.support.toy_chain import CHAIN_ID, check_block, genesis, make_block
from tests.support.vote_disk import Disk

TICK_MS = 100
BLOCK_MS = 50
LATENCY_MS = 10

Arrives = Callable[[int, int, SignedMessage], bool]
"""(from, to, message) -> does it arrive."""


class SmallCluster:
    """Replicas of the first ``count`` keys, but for those that are ``down``; work waits for ever.

    ``blocks[i]`` are the (header, certificate) that replica ``i`` stored, from height 1 on.
    """

    def __init__(self, count: int, down: Iterable[int] = (), seed: int = 0) -> None:
        self.validators = validator_set(count)
        self.random = Random(seed)
        self.loss = self.doubling = 0.0
        self.delay_ms_max = LATENCY_MS
        self.arrives: Arrives = lambda source, target, signed: True
        self.now_ms = 0
        self.blocks: dict[int, list[tuple[Header, Certificate]]] = {}
        self.disks = {index: Disk() for index in range(count)}
        self.reports: list[tuple[int, int, ReportKind]] = []
        self.evidence: list[tuple[int, Equivocation]] = []
        self.replicas: dict[int, Replica] = {}
        self._agenda: list[tuple[int, int, int, Event]] = []
        self._order = count_from()
        for index in range(count):
            self.blocks[index] = []
            if index not in down:
                self.start(index)

    def start(self, index: int) -> None:
        """Start a replica, again or for the first time, from its disk and its blocks; its store is an old one."""
        tip = self.tip(index)
        height = tip.height + 1
        first = max(1, epoch_start(height))
        headers = [header for header, _ in self.blocks[index] if header.height >= first]
        self.replicas[index] = Replica(
            CONFIG,
            CHAIN_ID,
            KEYS[index],
            proposer_book(height, self.validators, headers),
            tip,
            self.disks[index].records_above(tip.height),
            self.now_ms,
            is_store_new=False,
            has_signed=False,
        )
        self._post(index, WorkAvailable(is_waiting=True), 0)

    def stop(self, index: int) -> None:
        """Stop a replica; what is on its way to it is lost."""
        del self.replicas[index]
        self._agenda = sorted(entry for entry in self._agenda if entry[2] != index)

    def tip(self, index: int) -> Header:
        """Return the newest header of a replica."""
        return self.blocks[index][-1][0] if self.blocks[index] else genesis()

    def run(self, milliseconds: int) -> None:
        """Let time pass."""
        until_ms = self.now_ms + milliseconds
        for tick_ms in range(self.now_ms // TICK_MS * TICK_MS + TICK_MS, until_ms + 1, TICK_MS):
            while self._agenda and self._agenda[0][0] <= tick_ms:
                self.now_ms, _, index, event = heappop(self._agenda)
                self._step(index, event)
            self.now_ms = tick_ms
            for index in list(self.replicas):
                self._step(index, Tick(tick_ms))

    def run_to(self, height: int, within_ms: int) -> None:
        """Let time pass until all replicas that are up stored the block of a height."""
        deadline_ms = self.now_ms + within_ms
        while min(len(self.blocks[index]) for index in self.replicas) < height:
            assert self.now_ms < deadline_ms, f"heights {[len(self.blocks[index]) for index in self.replicas]}"
            self.run(TICK_MS)

    def say(self, source: int, targets: Iterable[int], message: Message) -> None:
        """Let a validator that is down say something to some of the others."""
        signed = sign_message(KEYS[source], CHAIN_ID, message)
        for target in targets:
            self._send(source, target, signed.encoded)

    def count(self, kind: ReportKind) -> int:
        """Return how often all replicas together reported something."""
        return sum(reported is kind for _, _, reported in self.reports)

    def views(self) -> list[int]:
        """Return the view in which each block was decided, as the longest chain has it."""
        return [certificate.view for _, certificate in max(self.blocks.values(), key=len)]

    def is_agreed(self) -> bool:
        """Say whether no two replicas have different blocks at a height."""
        longest = max(self.blocks.values(), key=len)
        return all(
            header.hash == longest[place][0].hash
            for own in self.blocks.values()
            for place, (header, _) in enumerate(own)
        )

    def _post(self, index: int, event: Event, delay_ms: int) -> None:
        heappush(self._agenda, (self.now_ms + delay_ms, next(self._order), index, event))

    def _step(self, index: int, event: Event) -> None:
        queue = [event]
        while queue and index in self.replicas:
            for effect in self.replicas[index].step(queue.pop(0)):
                queue.extend(self._carry_out(index, effect))

    def _carry_out(self, index: int, effect: Effect) -> list[Event]:
        match effect:
            case Persist():
                self.disks[index].persist(effect.records)
            case Broadcast():
                for target in self.replicas:
                    self._send(index, target, effect.data)
            case Send():
                target_index = self.validators.index_of(effect.to)
                assert target_index is not None
                self._send(index, target_index, effect.data)
            case ProposeBlock():
                made = make_block(self.tip(index), KEYS[index].public_key, self.validators, index, effect.view)
                self._post(index, BlockProposed(effect.height, effect.view, made), BLOCK_MS)
            case CheckProposal():
                refusal = check_block(self.tip(index), effect.proposal)
                return [ProposalChecked(effect.height, effect.view, effect.proposal.header.hash, refusal)]
            case CommitBlock():
                return self._store(index, effect.proposal.header, effect.certificate)
            case FetchBlocks():
                return self._fetch(index, effect)
            case KeepEvidence():
                self.evidence.append((index, effect.evidence))
            case Report():
                self.reports.append((index, self.replicas[index].height, effect.kind))
            case _:
                raise AssertionError(f"nothing here answers {effect}")
        return []

    def _send(self, source: int, target: int, data: bytes) -> None:
        signed = decode_message(data)
        if source == target or target not in self.replicas or not self.arrives(source, target, signed):
            return
        copies = (self.random.random() >= self.loss) + (self.random.random() < self.doubling)
        for _ in range(copies):
            verdict = authenticate(signed, self.validators, CHAIN_ID, stub_verify)
            assert isinstance(verdict, Authentic), verdict
            self._post(target, MessageReceived(verdict), self.random.randint(LATENCY_MS, self.delay_ms_max))

    def _store(self, index: int, header: Header, certificate: Certificate) -> list[Event]:
        if header.height != self.tip(index).height + 1:
            return []
        self.blocks[index].append((header, certificate))
        return [BlockCommitted(header, self.validators)]

    def _fetch(self, index: int, effect: FetchBlocks) -> list[Event]:
        peer = self.validators.index_of(effect.peer)
        assert peer is not None
        events: list[Event] = []
        for header, certificate in self.blocks[peer] if peer in self.replicas else []:
            events += self._store(index, header, certificate)
        return events


def fresh_order(height: int, count: int) -> list[int]:
    """Return the order of proposers where nobody failed."""
    return ProposerBook(height, validator_set(count)).order()
