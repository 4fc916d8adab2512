"""What must hold in every run, checked while it runs. Nothing here trusts the code under test to count for it."""

from dataclasses import dataclass, field
from hashlib import sha512

from consensus.messages import Commit, Message, Prepare, PrePrepare, Proposal, SignedMessage, Status, ViewChange, tag_of
from consensus.replica import VIEWS_AHEAD_MAX, Replica
from consensus.view_change import view_change_of
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, vote_preimage
from ledger.validators import ValidatorSet
from tests.sim.disk import Disk


class InvariantBrokenError(Exception):
    """A run broke a rule; ``name`` is the rule."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


class StubKey:
    """A key whose signatures are hashes: as fast as a simulation needs, and nobody else is given it."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes that belong to this key and message."""
        return sha512(self.public_key + message).digest()


def stub_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ``StubKey`` made a signature."""
    return sha512(public_key + message).digest() == signature


@dataclass(slots=True)
class Invariants:
    """The rules over one run, told of all that honest nodes do."""

    chain_id: bytes
    validators: ValidatorSet
    decided: dict[int, bytes] = field(default_factory=dict)
    said: dict[tuple[int, str, int, int], object] = field(default_factory=dict)
    committed_in_view: dict[tuple[int, int], int] = field(default_factory=dict)

    def on_commit(self, node: int, tip: Header, proposal: Proposal, certificate: Certificate) -> None:
        """Check a block that an honest node is about to store."""
        header = proposal.header
        if header.height != tip.height + 1 or header.parent_hash != tip.hash:
            raise InvariantBrokenError("linkage", f"node {node} stores {header.height} on {tip.height}")
        self.check_certificate(node, header, certificate)
        if self.decided.setdefault(header.height, header.hash) != header.hash:
            raise InvariantBrokenError("agreement", f"node {node} stores another block {header.height}")

    def check_certificate(self, node: int, header: Header, certificate: Certificate) -> None:
        """Check that a quorum of distinct validators signed this very block."""
        if (certificate.height, certificate.block_hash) != (header.height, header.hash):
            raise InvariantBrokenError("certificate", f"node {node}: of another block than {header.height}")
        self._check_quorum(node, VoteKind.COMMIT, certificate)

    def _check_quorum(self, node: int, kind: VoteKind, certificate: Certificate) -> None:
        count = len(self.validators)
        preimage = vote_preimage(kind, self.chain_id, certificate.height, certificate.view, certificate.block_hash)
        good = {
            signer
            for signer, signature in zip(certificate.signers, certificate.signatures, strict=True)
            if 0 <= signer < count and stub_verify(self.validators[signer].public_key, preimage, signature)
        }
        # Two quorums share more than ``tolerated`` members: 2 * quorum - count > tolerated.
        if 2 * len(good) - count <= (count - 1) // 3 or len(good) != len(certificate.signers):
            what = f"{kind.value} {certificate.height}/{certificate.view}"
            raise InvariantBrokenError("certificate", f"node {node}: {len(good)} good signers for {what}")

    def on_send(self, node: int, disk: Disk, signed: SignedMessage) -> None:
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

    def check_bounds(self, node: int, replica: Replica, future_messages_max: int) -> None:
        """Check that nobody can make a replica keep more than its bounds."""
        count = len(self.validators)
        state = replica._state
        kept = replica._future.counts()
        if len(kept) > count or max(kept, default=0) > future_messages_max:
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
