"""View changes: who wants which view, and which block a new view must take up again. Pure functions and a book.

The rule (IBFT 2.0 and QBFT; Castro and Liskov 1999, section 4.4 in its one-height form): among a quorum of view
changes, the block of the highest PREPARE certificate; none where nobody holds one. A block that was decided in an
earlier view was locked by a quorum, every other quorum shares an honest validator with it, so it is always found.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from consensus.messages import SignedMessage, ViewChange
from ledger.certificate import Certificate


def view_change_of(signed: SignedMessage) -> ViewChange:
    """Return the view change inside a signed message that is known to be one."""
    assert isinstance(signed.message, ViewChange), "only view changes are kept here"
    return signed.message


def highest_prepared(changes: Iterable[SignedMessage]) -> Certificate | None:
    """Return the PREPARE certificate of the highest view among view changes, or None."""
    prepared = [change.prepared for change in map(view_change_of, changes) if change.prepared is not None]
    return max(prepared, key=lambda certificate: certificate.view, default=None)


@dataclass(slots=True)
class ViewChangeBook:
    """For each validator the view change with the highest view: one at most, however many it sends."""

    _by_sender: dict[int, SignedMessage] = field(default_factory=dict)

    def add(self, sender_index: int, signed: SignedMessage) -> bool:
        """Keep a view change and return whether it is news."""
        held = self._by_sender.get(sender_index)
        if held is not None and held.message.view >= signed.message.view:
            return False
        self._by_sender[sender_index] = signed
        return True

    def of_view(self, view: int) -> list[SignedMessage]:
        """Return the view changes to exactly this view, in the order of the validators."""
        return [
            self._by_sender[index] for index in sorted(self._by_sender) if self._by_sender[index].message.view == view
        ]

    def senders_of(self, view: int) -> list[int]:
        """Return the indexes of those who want exactly this view."""
        return [index for index, held in self._by_sender.items() if held.message.view == view]

    def count_from(self, view: int) -> int:
        """Return how many validators want this view or a higher one."""
        return sum(held.message.view >= view for held in self._by_sender.values())

    def view_to_join(self, above: int, faults_tolerated: int) -> int | None:
        """Return the view above ours that at least one honest validator wants, or None.

        With f + 1 validators above us one is honest; the (f + 1)-th highest of their views is one that it wants or
        has passed.
        """
        views = sorted(
            (held.message.view for held in self._by_sender.values() if held.message.view > above), reverse=True
        )
        return views[faults_tolerated] if len(views) > faults_tolerated else None
