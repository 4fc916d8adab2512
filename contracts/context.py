"""What a handler may know: the block, its place in it, who signed, and the heads through counted doors."""

from dataclasses import dataclass, field
from typing import Final

from contracts.results import Rejected, ResultCode
from ledger.parameters import Parameters
from ledger.state import Head, Overlay

WORK_MAX: Final = 50_000
"""Heads that one transaction may read and write, each counted; an event of 5,000 identifiers needs about 10,000."""


@dataclass(frozen=True, slots=True)
class BlockContext:
    """The block that is being executed; ``time_ms`` (UTC) is the only clock that contracts have."""

    chain_id: bytes
    height: int
    time_ms: int


@dataclass(slots=True)
class Work:
    """How many heads the running transaction has read and written."""

    done: int = 0

    def spend(self, amount: int = 1) -> None:
        """Count work; refuse the transaction beyond the limit, so that no input can hold a node up for long."""
        self.done += amount
        if self.done > WORK_MAX:
            raise Rejected(ResultCode.WORK_LIMIT_EXCEEDED, f"more than {WORK_MAX} heads read and written")


@dataclass(slots=True)
class Context:
    """The running operation. ``sender`` and ``organisation`` are None for the founders and for approved proposals.

    ``parameters`` are those at the start of the block; a change counts from the next block on. Nobody sets a field; it
    is not frozen because one is made for every operation, and that would take four times as long.
    """

    block: BlockContext
    transaction_id: bytes
    transaction_index: int
    operation_index: int
    sender: bytes | None
    organisation: str | None
    state: Overlay
    parameters: Parameters
    work: Work = field(default_factory=Work)

    @property
    def has_authority(self) -> bool:
        """Whether the founders or a quorum of organisations stand behind the operation."""
        return self.sender is None

    @property
    def member(self) -> str:
        """The organisation that signed; for methods that nobody can call without one."""
        assert self.organisation is not None, "the method was reached without an organisation"
        return self.organisation

    def get(self, key: bytes) -> Head | None:
        """Return the head at a key, a copy, or None."""
        self.work.spend()
        return self.state.get(key)

    def put(self, key: bytes, head: Head) -> None:
        """Set the head at a key."""
        self.work.spend()
        self.state.put(key, head)

    def delete(self, key: bytes) -> None:
        """Remove the head at a key."""
        self.work.spend()
        self.state.delete(key)

    def record(self, key: bytes, head: Head) -> None:
        """Set the head at a key with this operation added to its history, which begins with the first block.

        What the founders did is in the genesis, whose hash is the chain's id, and needs no record.
        """
        if self.block.height == 0:
            self.put(key, head)
            return
        self.work.spend()
        self.state.append(key, head, self.transaction_index, self.operation_index)
