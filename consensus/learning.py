"""Learning first: a replica that starts does not vote before it knows how far the others are.

Its disk may have been restored or exchanged, and then it may have voted at a height without knowing. With STATUS
messages of a quorum (itself counted) it knows a height H that at least one honest validator works on: the (f + 1)-th
highest that it heard, or its own. With the votes of its key still on the disk it may go on from H. On a new disk it
waits for two more blocks: it may have voted at H, and one height further where it was the first to see the block at H
decided. The beginning of a chain is the exception: where all are at height 1 and nobody has a vote of our key, nobody
has voted.
"""

from typing import Final

from consensus.messages import Status
from ledger.validators import ValidatorSet

NEW_DISK_HEIGHTS: Final = 2
"""How far above what the others work on a replica on a new disk votes again."""


class Learning:
    """What was heard since the start, and from which height on votes may be given."""

    def __init__(self, public_key: bytes, *, is_store_new: bool) -> None:
        self._public_key = public_key
        self._is_store_new = is_store_new
        self._heights: dict[bytes, int] = {}
        self._is_own_vote_seen = False
        self._vote_from: int | None = None

    def may_vote(self, height: int) -> bool:
        """Say whether votes may be given at this height."""
        return self._vote_from is not None and height >= self._vote_from

    def look(self, height: int, validators: ValidatorSet) -> bool:
        """See whether enough was heard, at the height in progress; return whether that is news."""
        if self._vote_from is not None:
            return False
        heard = [at for key, at in self._heights.items() if validators.index_of(key) is not None]
        if len(heard) + 1 < validators.quorum:
            return False
        # What f of them claim alone may be a lie, and would keep us from voting for ever.
        heard.sort(reverse=True)
        greatest = max([height, *heard[validators.faults_tolerated :]])
        is_first = greatest == 1 and not self._is_own_vote_seen
        # Alone there is nobody who could know of our votes, and nobody whom a second one could deceive.
        is_past = self._is_store_new and not is_first and len(validators) > 1
        self._vote_from = greatest + NEW_DISK_HEIGHTS if is_past else greatest
        return True

    def hear(self, sender: bytes, status: Status, own_index: int | None) -> None:
        """Take a status of another validator."""
        if self._vote_from is None:
            self._heights[sender] = max(status.height, self._heights.get(sender, 0))
            self._is_own_vote_seen |= own_index is not None and status.shows(own_index)
