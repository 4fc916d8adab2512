"""Votes and view changes against dumb twins that keep every message and count from scratch."""

from hypothesis import given
from hypothesis import strategies as st

from consensus.view_change import ViewChangeBook, highest_prepared, view_change_of
from consensus.votes import Counted, VoteBook
from ledger.certificate import Certificate, VoteKind
from tests.support.replicas import Bench, validator_set

KINDS = st.sampled_from(VoteKind)
VOTES = st.lists(st.tuples(KINDS, st.integers(0, 2), st.integers(0, 1), st.integers(0, 6)), max_size=60)


@given(st.sampled_from([4, 5, 6, 7]), VOTES)
def test_votes_are_counted_as_by_a_twin_that_counts_from_scratch(
    count: int, votes: list[tuple[VoteKind, int, int, int]]
) -> None:
    quorum = validator_set(count).quorum
    book = VoteBook(1, quorum)
    first: dict[tuple[VoteKind, int, int], int] = {}
    for kind, view, block, sender in votes:
        held = first.setdefault((kind, view, sender), -1)
        counted = book.add(kind, view, bytes([block]) * 32, sender, bytes([view, block, sender]))
        if held == -1:
            assert counted is Counted.NEW
            first[kind, view, sender] = block
        else:
            assert counted is (Counted.DUPLICATE if held == block else Counted.CONFLICTING)
    decided = []
    for kind in VoteKind:
        for view in range(3):
            for block in range(2):
                senders = sorted(s for (k, v, s), b in first.items() if (k, v, b) == (kind, view, block))
                expected = None
                if len(senders) >= quorum:
                    signatures = tuple(bytes([view, block, sender]) for sender in senders)
                    expected = Certificate(1, view, bytes([block]) * 32, tuple(senders), signatures)
                    if kind is VoteKind.COMMIT:
                        decided.append(expected)
                assert book.certificate(kind, view, bytes([block]) * 32) == expected
    found = book.decided()
    assert (found in decided) if decided else found is None


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=40), st.integers(0, 9))
def test_view_changes_are_kept_as_by_a_twin_that_keeps_them_all(changes: list[tuple[int, int]], above: int) -> None:
    bench = Bench(count=7)
    book = ViewChangeBook()
    kept: list[tuple[int, int]] = []
    for sender, view in changes:
        is_news = all(view > other for who, other in kept if who == sender)
        assert book.add(sender, bench.view_change(sender, view)) is is_news
        kept.append((sender, view))
    highest = {sender: max(view for who, view in kept if who == sender) for sender, _ in kept}
    for view in range(1, 10):
        senders = [bench.validators.index_of(change.sender) for change in book.of_view(view)]
        assert senders == sorted(sender for sender, top in highest.items() if top == view)
        assert book.count_from(view) == sum(top >= view for top in highest.values())
    # The twin of the rule: the highest view that at least f + 1 = 3 validators want or have passed.
    joinable = [view for view in range(above + 1, 10) if sum(top >= view for top in highest.values()) >= 3]
    assert book.view_to_join(above, 2) == max(joinable, default=None)


@given(st.lists(st.none() | st.integers(0, 5), min_size=1, max_size=4))
def test_the_highest_certificate_is_found_wherever_it_stands(views: list[int | None]) -> None:
    bench = Bench()
    block = bench.block()
    changes = [
        bench.view_change(index, 6, None if view is None else bench.certificate(block, view))
        for index, view in enumerate(views)
    ]
    found = highest_prepared(changes)
    assert (None if found is None else found.view) == max((view for view in views if view is not None), default=None)
    assert found is None or found in [view_change_of(change).prepared for change in changes]
