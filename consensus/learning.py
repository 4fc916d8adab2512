"""Learning first: a replica that starts does not vote before it knows how far the others are.

Its disk may have been restored or exchanged, and then it may have voted at a height without knowing. So it waits for
STATUS messages of a quorum, itself counted.

With the votes of its key still on the disk it goes on from the (f + 1)-th highest height that it heard: one honest
validator works there. A replica whose store cannot vouch for its votes first catches up to that height and looks for a
*trace* of its key on the way: its signature in a certificate or under any message, or votes of its own in STATUS
messages of f + 1, for a liar could claim that everybody has voted and so keep a chain from beginning. It listens for a
time, too: what comes first may have been under way since before.

Without any trace it never voted (it is a newcomer, or died before its first vote) and begins there. With one it lost
its disk. Then it votes from two heights above the greatest that it heard, whoever said so. Let h be the highest at
which it voted before: a quorum decided h - 1, and of the honest ones in it at least one is among those heard, for a
lost disk is one of the f faults already. So the greatest heard is h - 1 or more.
"""

from typing import Final

from consensus.messages import Status
from ledger.validators import ValidatorSet

NEW_DISK_HEIGHTS: Final = 2
"""How far above what the others work on a replica that lost its disk votes again."""


class Learning:
    """What was heard since the start, and from which height on votes may be given.

    ``has_signed`` says that a certificate on the disk bears the key's signature. ``listen_until_ms`` is how long, on
    the monotonic clock, a store that is new listens at least.
    """

    def __init__(self, *, is_store_new: bool, has_signed: bool, listen_until_ms: int) -> None:
        self._is_store_new = is_store_new
        self._listen_until_ms = listen_until_ms
        self._has_signed = has_signed
        self._shown_by: set[bytes] = set()
        self._heights: dict[bytes, int] = {}
        self._vote_from: int | None = None

    def may_vote(self, height: int) -> bool:
        """Say whether votes may be given at this height."""
        return self._vote_from is not None and height >= self._vote_from

    @property
    def is_tracing(self) -> bool:
        """Whether a trace of our key would still count."""
        return self._is_store_new and self._vote_from is None

    def look(self, height: int, validators: ValidatorSet, now_ms: int) -> bool:
        """See whether enough was heard, at the height in progress; return whether that is news."""
        if self._vote_from is not None:
            return False
        heard = [at for key, at in self._heights.items() if validators.index_of(key) is not None]
        if len(heard) + 1 < validators.quorum:
            return False
        heard.sort(reverse=True)
        # What f of them claim alone may be a lie, and would keep us from voting for ever.
        likely = max([height, *heard[validators.faults_tolerated :]])
        # Alone there is nobody who could know of our votes, and nobody whom a second one could deceive.
        if not self._is_store_new or len(validators) == 1:
            self._vote_from = likely
        elif now_ms < self._listen_until_ms:
            return False
        elif self._has_signed or len(self._shown_by) > validators.faults_tolerated:
            self._vote_from = max([height, *heard]) + NEW_DISK_HEIGHTS
        elif height >= likely:
            self._vote_from = height
        else:
            return False
        return True

    def hear(self, sender: bytes, status: Status, *, shows_own_vote: bool) -> None:
        """Take a status of another validator."""
        if self._vote_from is None:
            self._heights[sender] = max(status.height, self._heights.get(sender, 0))
            if shows_own_vote:
                self._shown_by.add(sender)

    def note_signed(self) -> None:
        """Note that our key signed something: it is in a certificate, or a message of ours came back."""
        self._has_signed = True
