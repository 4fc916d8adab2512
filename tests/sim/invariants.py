"""What must hold in every run, checked while it runs. Nothing here trusts the code under test to count for it."""

from dataclasses import dataclass, field
from typing import Protocol

from consensus.messages import Commit, Message, Prepare, PrePrepare, SignedMessage, Status, ViewChange, tag_of
from consensus.replica import VIEWS_AHEAD_MAX, Replica
from consensus.view_change import view_change_of
from ledger.authenticated_map import plan_update
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, vote_preimage
from ledger.transaction import Transaction
from ledger.validators import ValidatorSet
from node.chain import Candidate
from node.storage.rows import HEAD, TRANSACTION
from node.storage.store import Store
from tests.sim.machine import Machine, transaction_row
from tests.sim.model import Model
from tests.sim.setting import Setting
from tests.sim.virtual_disk import Platter, VirtualValues, always_kept


class Durable(Protocol):
    """Who can say what is on the disk of a machine."""

    def holds(self, height: int, view: int, kind: str) -> bool:
        """Say whether a record of this place is durable."""
        ...


class InvariantBrokenError(Exception):
    """A run broke a rule; ``name`` is the rule."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


@dataclass(slots=True)
class Invariants:
    """The rules over one run, told of all that honest nodes do."""

    chain_id: bytes
    validators: ValidatorSet
    setting: Setting
    decided: dict[int, bytes] = field(default_factory=dict)
    said: dict[tuple[int, str, int, int], object] = field(default_factory=dict)
    committed_in_view: dict[tuple[int, int], int] = field(default_factory=dict)
    tips: dict[int, Header] = field(default_factory=dict)
    delivered: dict[tuple[int, int, bytes, str, int, int], bytes] = field(default_factory=dict)
    evidence_seen: int = 0
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    model: Model = field(init=False)

    def __post_init__(self) -> None:
        self.model = Model(self.chain_id, self.validators, self.setting)

    def on_start(self, machine: Machine) -> None:
        """Check that a machine that starts has the tip that it had, where nothing happened to its disk."""
        known = self.tips.get(machine.number)
        self.tips[machine.number] = machine.tip
        if known is None or machine.tip.hash == known.hash:
            return
        # The power may have failed after a block was written and before anybody heard of it.
        if machine.tip.parent_hash != known.hash:
            raise InvariantBrokenError(
                "disk", f"node {machine.number} starts at {machine.tip.height}, not {known.height}"
            )
        if machine.ledger.rotten:
            # What rotted is for the node to find, and not for whoever looks at it.
            return
        block = machine.chain.store.block(machine.tip.height)
        assert block is not None
        assert block.certificate is not None
        self.tips[machine.number] = known
        self._check_block(machine, block.header, block.certificate, block.transactions)

    def on_lost(self, node: int) -> None:
        """Expect an earlier tip at the next start: the disk was damaged or replaced."""
        self.tips.pop(node, None)

    def on_votes_lost(self, node: int) -> None:
        """Hold a node no more to what it signed."""
        self.said = {place: value for place, value in self.said.items() if place[0] != node}
        self.committed_in_view = {place: view for place, view in self.committed_in_view.items() if place[0] != node}

    def on_commit(self, machine: Machine, candidate: Candidate, certificate: Certificate) -> None:
        """Check a block that an honest node has just stored."""
        self._check_block(machine, candidate.header, certificate, candidate.transactions)

    def _check_block(
        self, machine: Machine, header: Header, certificate: Certificate, transactions: tuple[Transaction, ...]
    ) -> None:
        node = machine.number
        tip = self.tips[node]
        if header.height != tip.height + 1 or header.parent_hash != tip.hash:
            raise InvariantBrokenError("linkage", f"node {node} stores {header.height} on {tip.height}")
        self.tips[node] = header
        self.check_certificate(node, header, certificate)
        if self.decided.setdefault(header.height, header.hash) != header.hash:
            raise InvariantBrokenError("agreement", f"node {node} stores another block {header.height}")
        broken = self.model.take(header, transactions)
        if broken is not None:
            raise InvariantBrokenError(broken[0], f"node {node}, block {header.height}: {broken[1]}")
        self._check_state(machine, header)

    def _check_state(self, machine: Machine, header: Header) -> None:
        """Compare the balances that the machine has with those of the model."""
        if machine.ledger.rotten:
            return
        broken = self.setting.ledger.broken_money(machine.chain.store)
        if broken is not None:
            raise InvariantBrokenError(broken[0], f"node {machine.number} at {header.height}: {broken[1]}")
        balances = self.model.balances(header.hash)
        held = self.setting.ledger.balances(machine.chain.store)
        if held != balances:
            raise InvariantBrokenError("state", f"node {machine.number} at {header.height}: {held}, not {balances}")
        if self.setting.ledger.holds(machine.chain.store) != self.model.holds(header.hash):
            raise InvariantBrokenError("holds", f"node {machine.number} at {header.height}: others stand than should")
        if self.setting.ledger.exchanges(machine.chain.store) != self.model.exchanges(header.hash):
            raise InvariantBrokenError("exchanges", f"node {machine.number} at {header.height}: others than should be")

    def check_disk(self, machine: Machine) -> None:
        """Open what is on the disk a second time: the same tip, and heads that hash to its state root."""
        platter = machine.ledger
        if platter.rotten:
            return
        copy = VirtualValues(Platter(platter.name, dict(platter.pairs)), always_kept)
        tip = Store(copy, self.chain_id).tip
        if tip.hash != machine.tip.hash:
            raise InvariantBrokenError("disk", f"node {machine.number} would start at {tip.height}")
        heads: dict[bytes, bytes | None] = {
            key[len(HEAD) :]: value for key, value in platter.pairs.items() if key[: len(HEAD)] == HEAD
        }
        if plan_update(lambda _: None, heads).root != tip.state_root:
            raise InvariantBrokenError("state_root", f"node {machine.number}: the heads are not those of {tip.height}")

    def on_acknowledged(self, machine: Machine, transaction_id: bytes, height: int) -> None:
        """Check what a machine tells a client: the transaction must be on its disk by then."""
        self.acknowledged.setdefault(transaction_id, height)
        row = machine.ledger.pairs.get(TRANSACTION + transaction_id)
        index = self.model.index_of(height, transaction_id)
        if row is None or index is None or row != transaction_row(height, index):
            raise InvariantBrokenError(
                "acknowledged", f"node {machine.number}: {transaction_id.hex()[:8]} is not there"
            )

    def check_acknowledged(self, machines: list[Machine]) -> None:
        """Check that every honest chain has what was acknowledged to anybody."""
        for machine in machines:
            for transaction_id, height in self.acknowledged.items():
                if height <= machine.tip.height and TRANSACTION + transaction_id not in machine.ledger.pairs:
                    raise InvariantBrokenError(
                        "acknowledged", f"node {machine.number} lost {transaction_id.hex()[:8]} of {height}"
                    )

    def check_certificate(self, node: int, header: Header, certificate: Certificate) -> None:
        """Check that a quorum of distinct validators signed this very block."""
        if (certificate.height, certificate.block_hash) != (header.height, header.hash):
            raise InvariantBrokenError("certificate", f"node {node}: of another block than {header.height}")
        self._check_quorum(node, VoteKind.COMMIT, certificate)

    def _check_quorum(self, node: int, kind: VoteKind, certificate: Certificate) -> None:
        validators = self.model.validators_of(certificate.height)
        count = len(validators)
        preimage = vote_preimage(kind, self.chain_id, certificate.height, certificate.view, certificate.block_hash)
        good = {
            signer
            for signer, signature in zip(certificate.signers, certificate.signatures, strict=True)
            if 0 <= signer < count and self.setting.verify(validators[signer].public_key, preimage, signature)
        }
        # Two quorums share more than ``tolerated`` members: 2 * quorum - count > tolerated.
        if 2 * len(good) - count <= (count - 1) // 3 or len(good) != len(certificate.signers):
            what = f"{kind.value} {certificate.height}/{certificate.view}"
            raise InvariantBrokenError("certificate", f"node {node}: {len(good)} good signers for {what}")

    def on_send(self, node: int, disk: Durable, signed: SignedMessage) -> None:
        """Check a message that an honest node signed and is about to send, for the first time or again."""
        message = signed.message
        if isinstance(message, Status):
            return
        kind, height, view = tag_of(message), message.height, message.view
        value = _value(message)
        if self.said.setdefault((node, kind, height, view), value) != value:
            raise InvariantBrokenError("one_value_a_slot", f"node {node} signed two {kind} at {height}/{view}")
        if not disk.holds(height, view, kind):
            raise InvariantBrokenError("durable_first", f"node {node} sent {kind} {height}/{view} before it was stored")
        if isinstance(message, Commit):
            before = self.committed_in_view.get((node, height), -1)
            self.committed_in_view[node, height] = max(before, view)
        elif isinstance(message, ViewChange):
            locked = self.committed_in_view.get((node, height), -1)
            shown = -1 if message.prepared is None else message.prepared.view
            if shown < locked < view:
                raise InvariantBrokenError("lock_shown", f"node {node} hides its lock of {height}/{locked}")
            if message.prepared is not None:
                self._check_quorum(node, VoteKind.PREPARE, message.prepared)
        elif isinstance(message, PrePrepare):
            for prepared in (view_change_of(change).prepared for change in message.view_changes):
                if prepared is not None:
                    self._check_quorum(node, VoteKind.PREPARE, prepared)

    def on_delivered(self, machine: Machine, place: tuple[int, int], signed: SignedMessage) -> None:
        """Check that a vote which contradicts another one that reached a node at this height is kept as evidence."""
        message = signed.message
        starts, height = place
        if not isinstance(message, Prepare | Commit) or message.height != height:
            return
        if signed.sender == machine.key.public_key or message.view > machine.replica.view + VIEWS_AHEAD_MAX:
            return
        kind = tag_of(message)
        slot = (machine.number, starts, signed.sender, kind, height, message.view)
        if self.delivered.setdefault(slot, message.block_hash) == message.block_hash:
            return
        where = height.to_bytes(8, "big") + message.view.to_bytes(4, "big")
        self.evidence_seen += 1
        if b"d" + signed.sender + where + kind.encode() not in machine.safety.pairs:
            raise InvariantBrokenError(
                "evidence", f"node {machine.number} keeps none of {kind} {height}/{message.view}"
            )

    def check_bounds(self, node: int, replica: Replica, future_messages_max: int) -> None:
        """Check that nobody can make a replica keep more than its bounds."""
        state = replica._state
        count = len(state.validators)
        kept = replica._future.counts()
        if len(kept) > count + 1 or max(kept, default=0) > future_messages_max:
            raise InvariantBrokenError("bounds", f"node {node} keeps {kept} messages of the next height")
        slots = state.votes._by_slot
        view_max = max((view for _, view in slots), default=0)
        if view_max > state.view + VIEWS_AHEAD_MAX or any(len(slot) > count for slot in slots.values()):
            raise InvariantBrokenError("bounds", f"node {node} keeps votes up to view {view_max} in {state.view}")
        if len(state.view_changes._by_sender) > count:
            raise InvariantBrokenError("bounds", f"node {node} keeps too many view changes")


def _value(message: Message) -> object:
    """Return what a node binds itself to in a slot."""
    match message:
        case PrePrepare():
            return message.proposal.header.hash
        case Prepare() | Commit():
            return message.block_hash
        case ViewChange():
            return None if message.prepared is None else (message.prepared.view, message.prepared.block_hash)
        case Status():
            raise AssertionError("a status binds nobody")
