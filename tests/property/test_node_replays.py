"""The memory of committed transactions against a plain set of all that was ever committed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ledger.keys import SecretKey
from ledger.limits import TRANSACTION_VALIDITY_MS_MAX
from ledger.transaction import Operation, Transaction, sign_transaction
from node.replays import Replays

START_MS = 10_000_000
TEMPLATE = sign_transaction(SecretKey(b"\x02" * 32), bytes(32), bytes(16), START_MS, [Operation("a.b", {})])

# A block: how long after the one before, and its transactions as (number, how long each is valid after it).
blocks = st.lists(
    st.tuples(
        st.sampled_from([1, 700, 5_000, TRANSACTION_VALIDITY_MS_MAX]),
        st.lists(st.sampled_from([0, 1, 999, 4_000, TRANSACTION_VALIDITY_MS_MAX]), max_size=4),
    ),
    max_size=12,
)


def numbered(number: int, valid_until_ms: int) -> Transaction:
    """Return a transaction of its own id; nobody looks at its signature here."""
    return replace(TEMPLATE, transaction_id=number.to_bytes(32, "big"), valid_until_ms=valid_until_ms)


@given(story=blocks, restarts=st.sets(st.integers(0, 11)), ids_max=st.sampled_from([1, 3, 100]))
def test_what_is_still_valid_is_known_for_certain(
    story: list[tuple[int, list[int]]], restarts: set[int], ids_max: int
) -> None:
    stored: dict[bytes, Transaction] = {}
    time_ms, fresh = START_MS, 1_000
    replays = Replays(stored.__contains__, 0, time_ms, ids_max)
    for height, (step_ms, validities_ms) in enumerate(story, 1):
        time_ms += step_ms
        block = [numbered(len(stored) + place, time_ms + valid) for place, valid in enumerate(validities_ms)]
        stored |= {each.transaction_id: each for each in block}
        replays.committed(block, time_ms)
        if height in restarts:
            replays = Replays(stored.__contains__, height, time_ms, ids_max)
        for each in stored.values():
            if each.valid_until_ms >= time_ms:
                assert replays.holds(each)
        for valid_ms in (0, 4_000, TRANSACTION_VALIDITY_MS_MAX):
            assert not replays.holds(numbered(fresh, time_ms + valid_ms))
        assert len(replays) <= ids_max


def test_a_chain_that_was_seen_from_its_beginning_needs_no_disk() -> None:
    asked: list[bytes] = []

    def is_stored(transaction_id: bytes) -> bool:
        asked.append(transaction_id)
        return False

    replays = Replays(is_stored, 0, START_MS)
    replays.committed([numbered(1, START_MS + 5_000)], START_MS + 1)
    assert replays.holds(numbered(1, START_MS + 5_000))
    assert not replays.holds(numbered(2, START_MS + 5_000))
    assert asked == []
    # Once its validity is over no block takes it, and it is forgotten.
    replays.committed([], START_MS + 6_000)
    assert len(replays) == 0


def test_after_a_start_the_disk_is_asked_for_as_long_as_it_may_know_more() -> None:
    asked: list[bytes] = []

    def is_stored(transaction_id: bytes) -> bool:
        asked.append(transaction_id)
        return False

    replays = Replays(is_stored, 7, START_MS)
    last_ms = START_MS + TRANSACTION_VALIDITY_MS_MAX
    assert not replays.holds(numbered(1, last_ms))
    assert not replays.holds(numbered(2, last_ms + 1))
    assert asked == [numbered(1, 0).transaction_id]
