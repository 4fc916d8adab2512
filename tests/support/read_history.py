"""What clients saw while they wrote and read through several nodes, and the rules that no history of theirs may break.

The register is the sum that an account was ever credited: each write adds one, so a read tells how many writes it has
seen. Nothing here talks to a node: a history is checked after it was taken, with all that was learned later.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Read:
    """One read by a session: the height that it asked for, and what the node answered, as of which block."""

    session: int
    node: str
    min_height: int
    height: int
    state_root: str
    value: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said about a write when it was asked for at least a height: a place, or one of the words for none.

    ``state`` is ``committed``, ``pending`` or ``unknown``; a committed one has ``outcome``: height, index, result.
    """

    write: str
    node: str
    min_height: int
    state: str
    outcome: tuple[int, int, str] | None = None


@dataclass(slots=True)
class History:
    """Everything that was seen, each list in the order in which its session saw it."""

    reads: list[Read] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    writes: set[str] = field(default_factory=set)

    def violations(self) -> list[str]:
        """Return what breaks a rule; nothing in a history that is as it should be."""
        return [*self._reads_that_go_back(), *self._roots_that_differ(), *self._changed(), *self._missing_writes()]

    def outcomes(self) -> dict[str, tuple[int, int, str]]:
        """Return where each write was committed, of those of which anybody was told."""
        return {answer.write: answer.outcome for answer in self.answers if answer.outcome is not None}

    def _reads_that_go_back(self) -> Iterable[str]:
        last: dict[int, Read] = {}
        for read in self.reads:
            if read.height < read.min_height:
                yield f"{read.node} answered at {read.height}, asked for at least {read.min_height}"
            before = last.get(read.session)
            # What a session asks for is what it has seen; then neither the block nor the sum may go back.
            if before is not None and read.min_height >= before.height:
                if read.height < before.height:
                    yield f"session {read.session} went back from block {before.height} to {read.height} at {read.node}"
                if read.value < before.value:
                    yield f"session {read.session} went back from {before.value} to {read.value} at {read.node}"
            last[read.session] = read

    def _roots_that_differ(self) -> Iterable[str]:
        roots: dict[int, set[str]] = defaultdict(set)
        for read in self.reads:
            roots[read.height].add(read.state_root)
        yield from (
            f"block {height} has the roots {sorted(found)}" for height, found in roots.items() if len(found) > 1
        )

    def _changed(self) -> Iterable[str]:
        final: dict[str, tuple[int, int, str]] = {}
        for answer in self.answers:
            if answer.state not in ("committed", "pending", "unknown"):
                yield f"{answer.node} called {answer.write} {answer.state}"
            known = final.get(answer.write)
            if answer.outcome is not None:
                if known not in (None, answer.outcome):
                    yield f"{answer.write} was {known}, and {answer.outcome} at {answer.node}"
                final.setdefault(answer.write, answer.outcome)
            elif known is not None and answer.min_height >= known[0]:
                yield f"{answer.write} was final in block {known[0]}, and {answer.state} at {answer.node} after that"

    def _missing_writes(self) -> Iterable[str]:
        done = sorted(height for height, _, result in self.outcomes().values() if result == "OK")
        for read in self.reads:
            least = sum(height <= read.height for height in done)
            if not least <= read.value <= len(self.writes):
                yield (
                    f"{read.node} read {read.value} at block {read.height}; "
                    f"{least} writes were committed by then and {len(self.writes)} were ever sent"
                )
