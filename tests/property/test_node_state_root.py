"""The root of a real store: the same whatever the order and grouping of changes, restarts, pruning and snapshots."""

import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.authenticated_map import plan_update, prove, value_hash, verify
from ledger.state import Head, Overlay
from node.bootstrap.state import StateReceiver
from node.storage.database import Database, prefix_end
from node.storage.rows import HEAD, NODE
from node.storage.store import Store
from tests.support.blocks import CHAIN_ID, genesis_write, heads_write

# Enough keys that some of them share two digits, so that nodes come and go below the root's children.
KEYS = [b"item\0%d" % number for number in range(300)]
changes = st.dictionaries(st.sampled_from(KEYS), st.none() | st.binary(min_size=1, max_size=4), max_size=80)
EVENTS = ["stay", "reopen", "plan in vain", "prune"]
levels = st.sampled_from([0, 1, 2, 5])


def content_of(store: Store) -> dict[bytes, bytes]:
    return dict(store.heads(b""))


def fresh_root(content: Mapping[bytes, bytes]) -> bytes:
    """Return the root of a tree that is built from its content in one go."""
    return plan_update(lambda _: None, content).root


def check(store: Store) -> None:
    content = content_of(store)
    assert store.tip.state_root == fresh_root(content)
    for key in KEYS[::20]:
        expected = value_hash(content[key]) if key in content else None
        assert verify(store.tip.state_root, key, prove(store.tree_node, key)) == expected


@given(
    st.lists(
        st.tuples(changes, st.sampled_from(["stay", "reopen", "plan in vain", "prune"]), levels), min_size=1, max_size=6
    ),
    levels,
)
@settings(max_examples=30, deadline=None)
def test_blocks_restarts_pruning_and_candidates_in_vain_lead_to_the_root_of_the_content(
    steps: list[tuple[dict[bytes, bytes | None], str, int]], cached_levels: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ledger = Path(directory) / "ledger"
        Store.create(ledger, genesis_write()).close()
        store = Store.open(ledger, CHAIN_ID, cached_levels=cached_levels)
        try:
            expected = content_of(store)
            for batch, event, levels_then in steps:
                if event == "reopen":
                    store.close()
                    store = Store.open(ledger, CHAIN_ID, cached_levels=levels_then)
                if event == "plan in vain":
                    heads_write(store, dict.fromkeys(KEYS[::3], b"never committed"))
                if event == "prune":
                    store.prune(store.tip.height, heights_max=10, transactions_max=100)
                assert store.write_block(heads_write(store, batch))
                for key, value in batch.items():
                    expected.pop(key, None)
                    if value is not None:
                        expected[key] = value
                assert content_of(store) == expected
                check(store)
        finally:
            store.close()


@given(changes, st.randoms(use_true_random=False), st.integers(1, 5), levels)
@settings(max_examples=20, deadline=None)
def test_the_same_changes_in_any_order_and_grouping_make_the_same_root(
    batch: dict[bytes, bytes | None], chance: Random, groups: int, cached_levels: int
) -> None:
    shuffled = list(batch.items())
    chance.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as directory:
        roots = []
        for name, parts in (("one", [list(batch.items())]), ("many", [shuffled[i::groups] for i in range(groups)])):
            Store.create(Path(directory) / name, genesis_write()).close()
            with closing(Store.open(Path(directory) / name, CHAIN_ID, cached_levels=cached_levels)) as store:
                for part in parts:
                    assert store.write_block(heads_write(store, dict(part)))
                roots.append(store.tip.state_root)
                check(store)
        assert roots[0] == roots[1]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 9)), min_size=1, max_size=40))
@settings(max_examples=20, deadline=None)
def test_an_overlay_in_one_block_or_in_many_makes_the_same_root(writes: list[tuple[bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        roots = []
        for name, size in (("one", len(writes)), ("each", 1)):
            with closing(Store.create(Path(directory) / name, genesis_write())) as store:
                for start in range(0, len(writes), size):
                    overlay = Overlay(store)
                    for key, number in writes[start : start + size]:
                        if number:
                            head: Head = {"number": number}
                            overlay.put(key, head)
                        else:
                            overlay.delete(key)
                        overlay.settle()
                    store.write_block(heads_write(store, overlay.changes()))
                roots.append(store.tip.state_root)
                check(store)
        assert roots[0] == roots[1]


@given(st.lists(changes, min_size=1, max_size=3), changes, st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_a_state_that_came_as_a_snapshot_goes_on_to_the_same_root(
    batches: list[dict[bytes, bytes | None]], later: dict[bytes, bytes | None], rows_an_answer: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        received = Database(Path(directory) / "received", create=True)
        with (
            closing(received),
            closing(Store.create(Path(directory) / "given", genesis_write())) as store,
        ):
            for batch in batches:
                store.write_block(heads_write(store, batch))
            receiver = StateReceiver(received, store.tip.state_root)
            with closing(store.pin()) as given_rows:
                for prefix, take in ((NODE, receiver.take_nodes), (HEAD, receiver.take_heads)):
                    rows = [(key[1:], value) for key, value in given_rows.scan(prefix, prefix_end(prefix))]
                    for start in range(0, len(rows), rows_an_answer):
                        take(rows[start : start + rows_an_answer])
            receiver.finish()
            store.write_block(heads_write(store, later))
            assert plan_update(lambda path: received.get(NODE + path), later).root == store.tip.state_root
            check(store)
