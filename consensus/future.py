"""Messages of the next height, kept until we get there: the newest of each validator, bounded in number and bytes."""

from collections import deque
from dataclasses import dataclass, field

from consensus.authenticate import Authentic


@dataclass(slots=True)
class FutureMessages:
    """What validators that are one height ahead have said. A validator can push out its own messages alone."""

    count_max: int
    bytes_max: int
    _by_sender: dict[int, deque[Authentic]] = field(default_factory=dict)

    def add(self, authentic: Authentic) -> None:
        """Keep a message, and drop the oldest of its sender as long as there are too many."""
        kept = self._by_sender.setdefault(authentic.sender_index, deque())
        kept.append(authentic)
        total = sum(len(each.signed.encoded) for each in kept)
        while len(kept) > self.count_max or total > self.bytes_max:
            total -= len(kept.popleft().signed.encoded)

    def take_all(self) -> list[Authentic]:
        """Return everything that is kept, and keep nothing."""
        kept = [authentic for messages in self._by_sender.values() for authentic in messages]
        self._by_sender.clear()
        return kept

    def counts(self) -> list[int]:
        """Return how many messages of each validator are kept."""
        return [len(messages) for messages in self._by_sender.values()]
