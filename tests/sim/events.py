"""What can happen in a simulation, beside what the engine does by itself."""

from dataclasses import dataclass
from typing import TypeAlias

from node.engine.ports import Question
from tests.sim.scenario import DiskFault


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
class DiskFails:
    """Something happens to a disk."""

    fault: DiskFault


@dataclass(frozen=True, slots=True)
class ClientActs:
    """A client sends a transaction, for the first time or again, to this machine."""

    number: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A consensus message reaches a machine."""

    source: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gossip:
    """Transactions of a peer reach a machine."""

    source: int
    batch: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question reaches a machine."""

    source: int
    source_starts: int
    question_id: int
    asked: bytes
    question: Question


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer reaches the machine that asked, or None when it waited long enough."""

    question_id: int
    answer: bytes | None


What: TypeAlias = Boot | TickNow | PowerCut | DiskFails | ClientActs | Arrival | Gossip | Asked | Answered
