"""Whose turn it is: held against a twin that keeps plain dictionaries, and seen at work in small clusters."""

from collections.abc import Iterator
from random import Random

import pytest

from consensus.proposers import EPOCH_HEIGHTS, ProposerBook, epoch_start, proposer_book
from ledger.block import Header
from ledger.hashing import ZERO_HASH, tagged_hash
from ledger.keys import SecretKey
from ledger.validators import Validator, ValidatorSet
from tests.support.small_cluster import SmallCluster, fresh_order

PUBLIC_KEYS = [SecretKey(tagged_hash("test key", bytes([number]))).public_key for number in range(16)]


def set_of(keys: list[bytes]) -> ValidatorSet:
    return ValidatorSet(Validator(key, "organisation") for key in keys)


def header_of(height: int, proposer: bytes, validators: ValidatorSet) -> Header:
    return Header(
        chain_id=ZERO_HASH,
        height=height,
        time_ms=height,
        parent_hash=ZERO_HASH,
        proposer=proposer,
        transaction_count=1,
        transactions_root=ZERO_HASH,
        receipts_root=ZERO_HASH,
        state_root=ZERO_HASH,
        validators_hash=validators.hash,
        next_validators_hash=validators.hash,
    )


class Twin:
    """The rule again, by sorting: each failed key with when it failed, everything worked out anew at each height."""

    def __init__(self) -> None:
        self.decided: list[tuple[int, bytes, list[bytes]]] = []

    def order(self, height: int, keys: list[bytes]) -> list[bytes]:
        """Return the keys in the order of their turns, from all blocks that were decided below a height."""
        keys = sorted(keys)
        failed: dict[bytes, tuple[int, int]] = {}
        previous: list[bytes] = []
        for at, maker, members in self.decided:
            if at % EPOCH_HEIGHTS == 0 or members != previous:
                failed = {}
            previous = members
            for place, key in enumerate(self._sorted(at, members, failed)):
                if key == maker:
                    break
                failed[key] = (at, place)
            failed.pop(maker, None)
            while len(failed) > (len(members) - 1) // 3:
                del failed[min(failed, key=failed.__getitem__)]
        if height % EPOCH_HEIGHTS == 0 or keys != previous:
            failed = {}
        return self._sorted(height, keys, failed)

    @staticmethod
    def _sorted(height: int, keys: list[bytes], failed: dict[bytes, tuple[int, int]]) -> list[bytes]:
        return sorted(keys, key=lambda key: (key in failed, (keys.index(key) - height) % len(keys)))


def random_chain(seed: int, first: int, blocks: int) -> Iterator[tuple[ProposerBook, list[Header], Twin]]:
    """Yield the book, the headers and the twin before each block of a random chain that starts at ``first``."""
    random = Random(seed)
    keys = sorted(random.sample(PUBLIC_KEYS, random.randint(1, 13)))
    book, twin = ProposerBook(first, set_of(keys)), Twin()
    headers: list[Header] = []
    for _ in range(blocks):
        yield book, headers, twin
        order = book.order()
        # Mostly the first who is not dead; now and then anybody, for views pass for many reasons.
        place = random.choice([0, 0, 0, random.randrange(len(order)), min(len(order) - 1, 1)])
        maker = book.validators[order[place]].public_key
        header = header_of(book.height, maker, book.validators)
        headers.append(header)
        twin.decided.append((book.height, maker, keys))
        if random.random() < 0.02:
            keys = sorted(random.sample(PUBLIC_KEYS, random.randint(1, 13)))
        book = book.after(header, set_of(keys))


@pytest.mark.parametrize("seed", range(40))
def test_the_book_is_that_of_the_twin_and_that_of_the_headers_of_its_epoch(seed: int) -> None:
    for book, headers, twin in random_chain(seed, first=1 if seed % 2 else 95, blocks=130):
        keys = [member.public_key for member in book.validators]
        order = [keys[index] for index in book.order()]
        assert order == twin.order(book.height, keys)
        assert sorted(book.order()) == list(range(len(keys))), "nobody is left out"
        assert len(book.failed) <= book.validators.faults_tolerated
        assert [book.proposer_index(view) for view in range(2 * len(keys))] == book.order() * 2
        start = epoch_start(book.height)
        epoch = [header for header in headers if start <= header.height < book.height]
        assert proposer_book(book.height, book.validators, epoch) == book


@pytest.mark.parametrize("count", [10, 13])
def test_memory_holds_all_of_f_and_not_fewer(count: int) -> None:
    """With f = 3 and two who failed both stand behind, not the later one alone."""
    validators = set_of(PUBLIC_KEYS[:count])
    book = ProposerBook(1, validators)
    dead = [book.proposer_index(0), book.proposer_index(1)]
    for _ in range(3 * count):
        maker = next(index for index in book.order() if index not in dead)
        book = book.after(header_of(book.height, validators[maker].public_key, validators), validators)
        assert sorted(book.order()[-2:]) == sorted(dead)


def test_who_made_a_block_again_stands_in_front_again() -> None:
    validators = set_of(PUBLIC_KEYS[:4])
    book = ProposerBook(1, validators)
    failed = validators[1].public_key
    book = book.after(header_of(1, validators[2].public_key, validators), validators)
    assert book.failed == (failed,)
    assert book.order() == [2, 3, 0, 1]
    book = book.after(header_of(2, failed, validators), validators)
    assert (book.failed, book.order()[0]) == ((validators[0].public_key,), 3), "the others passed in turn; f = 1"


def test_an_epoch_and_a_change_of_the_set_begin_anew() -> None:
    validators = set_of(PUBLIC_KEYS[:4])
    book = ProposerBook(98, validators)
    book = book.after(header_of(98, validators[book.proposer_index(1)].public_key, validators), validators)
    assert len(book.failed) == 1
    last = header_of(99, validators[book.proposer_index(1)].public_key, validators)
    assert book.after(last, validators) == ProposerBook(100, validators)
    other = set_of(PUBLIC_KEYS[1:5])
    book = ProposerBook(7, validators)
    assert book.after(header_of(7, validators[book.proposer_index(1)].public_key, validators), other) == ProposerBook(
        8, other
    )
    assert [epoch_start(height) for height in (1, 99, 100, 101, 200)] == [0, 0, 100, 100, 200]


@pytest.mark.parametrize(("count", "down"), [(4, [2]), (5, [0]), (6, [3]), (7, [1, 2]), (7, [0, 3]), (10, [2, 5, 6])])
def test_a_dead_validator_costs_one_view_change_an_epoch_and_not_one_a_turn(count: int, down: list[int]) -> None:
    cluster = SmallCluster(count, down)
    cluster.run_to(4 * count, within_ms=60_000)
    views = cluster.views()[: 4 * count]
    assert sum(views) == len(down), "each dead one is waited for once"
    assert fresh_order(1, count)[0] == 1
    assert cluster.is_agreed()


def test_a_dead_validator_is_asked_again_in_the_next_epoch() -> None:
    cluster = SmallCluster(4, [2])
    cluster.run_to(EPOCH_HEIGHTS + 8, within_ms=60_000)
    views = cluster.views()[: EPOCH_HEIGHTS + 8]
    assert [height for height, view in enumerate(views, start=1) if view > 0] == [2, EPOCH_HEIGHTS + 2]


def test_a_validator_that_comes_back_makes_blocks_again_in_the_next_epoch() -> None:
    cluster = SmallCluster(4, [2])
    cluster.run_to(10, within_ms=30_000)
    cluster.start(2)
    cluster.run_to(EPOCH_HEIGHTS + 8, within_ms=60_000)
    makers = [header.proposer for header, _ in cluster.blocks[0]]
    own = cluster.validators[2].public_key
    assert own not in makers[:99]
    assert makers[EPOCH_HEIGHTS + 1] == own
