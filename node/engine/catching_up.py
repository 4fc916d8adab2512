"""Catching up: one question for blocks at a time, the next peer where one fails, lies or stops short."""

from collections import deque

from ledger.limits import INTEGER_MAX
from node.engine.ports import BlocksQuestion, Peers


class CatchingUp:
    """Knows the height to reach and whom to ask next. What the answers hold is checked and committed elsewhere."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._last = 0
        self._looks = 0
        self._waiting_for: bytes | None = None
        self._others: deque[bytes] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no question is out."""
        return self._waiting_for is None

    def start(self, tip_height: int, last: int, preferred: bytes) -> None:
        """Go for the blocks up to ``last``; while a question is out the aim may only grow."""
        self._last = max(self._last, last)
        if self.is_idle:
            self._others = deque(self._peers.known(preferred))
            self._ask_next(tip_height)

    def look(self, tip_height: int) -> None:
        """Ask one peer, another one each time, whether there are blocks above the tip that nobody told us of."""
        peers = sorted(self._peers.known(None))
        if not self.is_idle or not peers:
            return
        self._looks += 1
        self._last = INTEGER_MAX
        self._others = deque([peers[self._looks % len(peers)]])
        self._ask_next(tip_height)

    def is_expected(self, peer: bytes) -> bool:
        """Say whether this peer was asked and has not answered."""
        return self._waiting_for == peer

    def answered(self, tip_height: int, *, was_useful: bool) -> None:
        """Go on after an answer was used: with the same peer where it helped, else with the next."""
        peer, self._waiting_for = self._waiting_for, None
        assert peer is not None, "an answer belongs to a question"
        if was_useful:
            self._others.appendleft(peer)
        self._ask_next(tip_height)

    def _ask_next(self, tip_height: int) -> None:
        if tip_height >= self._last or not self._others:
            self._last = 0
            return
        self._waiting_for = self._others.popleft()
        self._peers.ask(self._waiting_for, BlocksQuestion(tip_height + 1, self._last))
