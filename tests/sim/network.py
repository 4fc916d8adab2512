"""Chance, the clock and the network of a simulation.

Chance is a hash of the seed and of what is decided, never a stream: taking one fault away leaves all others where
they were, so a failing run can be made smaller and stays the same run.
"""

import heapq
from collections import defaultdict
from hashlib import blake2b
from typing import Generic, TypeVar

from consensus.messages import Message, Status, tag_of
from tests.sim.scenario import Scenario, chance

Item = TypeVar("Item")

_HEALED_DELAY_MS = 40


class Clock(Generic[Item]):
    """What is to happen, in order of time and, at one time, in the order in which it was asked for."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._queue: list[tuple[int, int, Item]] = []
        self._sequence = 0

    def at(self, time_ms: int, item: Item) -> None:
        """Ask for an item at a time."""
        assert time_ms >= self.now_ms, "nothing happens in the past"
        self._sequence += 1
        heapq.heappush(self._queue, (time_ms, self._sequence, item))

    def after(self, delay_ms: int, item: Item) -> None:
        """Ask for an item some time from now."""
        self.at(self.now_ms + delay_ms, item)

    def next(self) -> Item:
        """Go on to the next item."""
        self.now_ms, _, item = heapq.heappop(self._queue)
        return item


class Network:
    """Says for each message when it arrives: never, once or twice. Everything is healed from ``gst_ms`` on."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._sent: defaultdict[tuple[int, int], int] = defaultdict(int)

    def arrivals_ms(self, now_ms: int, source: int, target: int, message: Message | None) -> list[int]:
        """Return the times at which something arrives; ``message`` is None where it is no message of the consensus."""
        scenario = self._scenario
        self._sent[source, target] += 1
        lots = _lots(scenario.seed, source, target, self._sent[source, target])
        if now_ms >= scenario.gst_ms:
            return [now_ms + 1 + lots[0] * _HEALED_DELAY_MS // 65536]
        if not self.is_link_open(now_ms, source, target) or self._is_kept_back(source, target, message):
            return []
        if lots[1] < scenario.drop * 65536:
            return []
        delay_ms = 1 + lots[0] * scenario.delay_ms_max // 65536
        delay_ms += max(0, self._open_ms(now_ms, source, target) - now_ms)
        times_ms = [now_ms + delay_ms]
        if lots[2] < scenario.duplicate * 65536:
            times_ms.append(now_ms + delay_ms + 1 + lots[3] * 3 * scenario.delay_ms_max // 65536)
        return times_ms

    def is_link_open(self, now_ms: int, source: int, target: int) -> bool:
        """Say whether a partition lets anything from one node to another."""
        return now_ms >= self._scenario.gst_ms or not any(
            cut.from_ms <= now_ms < cut.to_ms and (source, target) in cut.links for cut in self._scenario.cuts
        )

    def _open_ms(self, now_ms: int, source: int, target: int) -> int:
        """Return when the last clog on the way opens."""
        opens = [
            clog.to_ms
            for clog in self._scenario.clogs
            if clog.machine in {source, target} and clog.from_ms <= now_ms < clog.to_ms
        ]
        return max(opens, default=now_ms)

    def _is_kept_back(self, source: int, target: int, message: Message | None) -> bool:
        """Partition by what a message says: other groups in each view, or one kind kept from one node."""
        scenario = self._scenario
        if message is None or isinstance(message, Status) or not (scenario.view_split or scenario.kind_cut):
            return False
        seed, height, view = scenario.seed, message.height, message.view
        # The first view of a height is disturbed more often, so that a later one can decide something else.
        if chance(seed, "disturbed", height, view) > (0.8 if view == 0 else 0.2):
            return False
        if chance(seed, "split", height, view) < scenario.view_split:
            groups = 2 + (chance(seed, "groups", height, view) < 0.25)
            group = [int(chance(seed, "group", height, view, node) * groups) for node in (source, target)]
            if group[0] != group[1]:
                return True
        return chance(seed, "kind", height, view, tag_of(message), target) < scenario.kind_cut


def _lots(seed: int, *ids: int) -> tuple[int, int, int, int]:
    digest = blake2b(repr((seed, ids)).encode(), digest_size=8).digest()
    return (
        digest[0] << 8 | digest[1],
        digest[2] << 8 | digest[3],
        digest[4] << 8 | digest[5],
        digest[6] << 8 | digest[7],
    )
