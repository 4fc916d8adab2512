"""Whose turn it is: validators in rotation, those who lately failed at the end.

order at height h     the validators of h, rotated by h, with those who failed moved behind the others
proposer of view v    order[v mod n]

A validator fails at a height when the block that is decided there was made by somebody who stands behind it in that
height's order: its turn came and went. The rule reads the headers of the chain alone, so every replica knows the same
order, whatever it saw itself. Nobody is ever left out, a failed one is only asked last, so the rule costs no liveness;
at most f stand behind, those who failed last. Memory reaches back to the last height that is a multiple of
``EPOCH_HEIGHTS``: there everybody begins anew, as when the validators change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.block import Header
from ledger.validators import ValidatorSet

EPOCH_HEIGHTS: Final = 100


def epoch_start(height: int) -> int:
    """Return the height with which the epoch of a height begins: headers before it do not matter."""
    return height - height % EPOCH_HEIGHTS


@dataclass(frozen=True, slots=True)
class ProposerBook:
    """Who proposes at ``height``; ``failed`` are the keys of those who failed in the epoch, the latest last."""

    height: int
    validators: ValidatorSet
    failed: tuple[bytes, ...] = ()

    def order(self) -> list[int]:
        """Return the indexes of all validators, the proposer of view 0 first."""
        count = len(self.validators)
        rotated = [(self.height + step) % count for step in range(count)]
        behind = {self.validators.index_of(key) for key in self.failed}
        return [index for index in rotated if index not in behind] + [index for index in rotated if index in behind]

    def proposer_index(self, view: int) -> int:
        """Return the index of the proposer of a view."""
        return self.order()[view % len(self.validators)]

    def after(self, header: Header, validators: ValidatorSet) -> "ProposerBook":
        """Return the book of the next height, given the block of this one and the validators of the next."""
        assert header.height == self.height, "blocks come one after the other"
        height = header.height + 1
        if validators != self.validators or epoch_start(height) == height:
            return ProposerBook(height, validators)
        made_by = validators.index_of(header.proposer)
        assert made_by is not None, "the proposer of a decided block is a validator of its height"
        order = self.order()
        passed = [self.validators[index].public_key for index in order[: order.index(made_by)]]
        # Whoever made the block is well again. Of the others the last f count, and never all of them.
        failed = [key for key in self.failed if key != header.proposer and key not in passed] + passed
        return ProposerBook(height, validators, tuple(failed[max(0, len(failed) - self.validators.faults_tolerated) :]))


def proposer_book(height: int, validators: ValidatorSet, headers: Iterable[Header]) -> ProposerBook:
    """Return the book of a height from the headers of its epoch before it, given in order.

    ``headers`` go from ``epoch_start(height)`` to the one before ``height``, block 0 left out. Those of other
    validators than the height's are passed over, for a change begins anew.
    """
    book: ProposerBook | None = None
    for header in headers:
        if header.validators_hash != validators.hash:
            book = None
            continue
        if book is None:
            book = ProposerBook(header.height, validators)
        book = book.after(header, validators)
    if book is None:
        return ProposerBook(height, validators)
    assert book.height == height, "the headers reach up to the height before"
    return book
