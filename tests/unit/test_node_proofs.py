"""Bundles out of a real store, checked by the verifier."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.merkle import verify_inclusion
from ledger.proof import verify_bundle
from ledger.state import head_key
from ledger.transaction import Operation
from node import proof_parts
from node.proofs import (
    BundleRefusedError,
    head_bundle,
    heads_bundle,
    item_bundle,
    origin_bundle,
    statement_bundle,
    trace_bundle,
    transaction_bundle,
    trust_bundle,
)
from node.storage.rows import Position
from node.storage.store import Store
from tests.support.chain_builder import ChainBuilder, capture, record, refuse
from tests.support.opened_bundles import transactions_of

ITEM = "urn:epc:id:sgtin:9521141.012345.1"
KEY = head_key("item", ITEM)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ChainBuilder]:
    builder = ChainBuilder(tmp_path / "chain")
    yield builder
    builder.close()


def test_nothing_is_proven_by_block_0(chain: ChainBuilder) -> None:
    with pytest.raises(BundleRefusedError) as caught:
        item_bundle(chain.store, ITEM)
    assert caught.value.code == "no_certified_block"


def test_an_unknown_transaction_has_no_bundle(chain: ChainBuilder) -> None:
    assert transaction_bundle(chain.store, bytes(32)) is None


def test_every_transaction_of_blocks_of_every_size_is_proven(chain: ChainBuilder) -> None:
    for size in range(1, 10):
        transactions = [chain.transaction(record(KEY, n=size)) for _ in range(size - 1)] + [chain.transaction(refuse())]
        chain.block(*transactions)
        for index, transaction in enumerate(transactions):
            bundle = transaction_bundle(chain.store, transaction.transaction_id)
            assert bundle is not None
            proven = verify_bundle(json.dumps(bundle), chain.trust).transaction
            assert proven is not None
            assert (proven.height, proven.index, proven.transaction) == (size, index, transaction)
            assert proven.receipt.code == (7 if index == size - 1 else 0)


def test_a_history_grows_with_the_chain_and_needs_the_newest_block_alone(chain: ChainBuilder) -> None:
    expected: list[tuple[int, int, int]] = []
    for height in range(1, 7):
        chain.block(
            chain.transaction(record(KEY, n=0), record(KEY, n=1)),
            chain.transaction(record(head_key("item", "another"))),
            chain.transaction(record(KEY, n=2)),
        )
        expected += [(height, 0, 0), (height, 0, 1), (height, 2, 0)]
        bundle = item_bundle(chain.store, ITEM)
        facts = verify_bundle(json.dumps(bundle), chain.trust)
        assert [record.place for record in facts.heads[0].records] == expected
        assert facts.heads[0].is_complete
        assert len(transactions_of(bundle)) == 2 * height
        assert facts.height == height


def test_a_head_is_proven_at_the_tip_although_its_last_record_is_older(chain: ChainBuilder) -> None:
    chain.block(chain.transaction(record(KEY)))
    for _ in range(3):
        chain.block(chain.transaction(record(b"other")))
    facts = verify_bundle(item_bundle(chain.store, ITEM), chain.trust)
    (only,) = facts.heads[0].records
    assert (only.height, facts.header.height, facts.height) == (1, 4, 4)


def test_statements_begin_after_any_record(chain: ChainBuilder) -> None:
    for height in range(1, 5):
        chain.block(chain.transaction(record(KEY, n=height), record(KEY, n=-height)))
    whole = verify_bundle(head_bundle(chain.store, KEY), chain.trust).heads[0]
    for after_count in range(9):
        head = verify_bundle(statement_bundle(chain.store, KEY, after_count), chain.trust).heads[0]
        assert head.records == whole.records[after_count:]
        assert (head.value, head.is_complete) == (whole.value, after_count == 0)


@pytest.mark.parametrize(("key", "after_count"), [(KEY, 2), (KEY, -1), (b"absent", 0), (b"plain", 0)])
def test_a_statement_of_records_that_are_not_there_is_refused(
    chain: ChainBuilder, key: bytes, after_count: int
) -> None:
    chain.block(chain.transaction(record(KEY)))
    with pytest.raises(BundleRefusedError) as caught:
        statement_bundle(chain.store, key, after_count)
    assert caught.value.code == "no_such_record"


def test_a_history_that_is_too_long_is_refused_and_its_tail_given(
    chain: ChainBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_parts, "RECORDS_MAX", 3)
    for _ in range(3):
        chain.block(chain.transaction(record(KEY)))
    assert verify_bundle(head_bundle(chain.store, KEY), chain.trust).heads[0].is_complete
    chain.block(chain.transaction(record(KEY)))
    with pytest.raises(BundleRefusedError) as caught:
        head_bundle(chain.store, KEY)
    assert caught.value.code == "history_too_long"
    assert len(verify_bundle(statement_bundle(chain.store, KEY, 1), chain.trust).heads[0].records) == 3


def test_a_bundle_of_too_many_bytes_is_refused(chain: ChainBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_parts, "TRANSACTIONS_BYTES_MAX", 10_000)
    chain.block(chain.transaction(record(KEY, note="x" * 6_000)))
    assert verify_bundle(head_bundle(chain.store, KEY), chain.trust).heads[0].is_complete
    chain.block(chain.transaction(record(KEY, note="x" * 6_000)))
    with pytest.raises(BundleRefusedError) as caught:
        head_bundle(chain.store, KEY)
    assert caught.value.code == "bundle_too_large"


def test_a_block_that_comes_while_the_bundle_is_built_does_no_harm(
    chain: ChainBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.block(chain.transaction(record(KEY)))
    read = Store.head
    arrivals = [chain.transaction(record(KEY)), chain.transaction(record(b"other"))]

    def head(store: Store, key: bytes) -> bytes | None:
        found = read(store, key)
        if key == KEY and arrivals:
            with monkeypatch.context() as context:
                context.setattr(Store, "head", read)
                chain.block(arrivals.pop(0))
        return found

    monkeypatch.setattr(Store, "head", head)
    facts = verify_bundle(head_bundle(chain.store, KEY), chain.trust)
    assert (facts.height, facts.heads[0].count, facts.heads[0].is_complete) == (3, 2, True)


def test_a_place_in_a_block_is_proven_up_to_the_shape_of_the_tree() -> None:
    """What docs/proofs.md says of ``count``: the root of a Merkle tree does not commit to the number of its leaves."""
    from ledger.merkle import inclusion_path, leaf_hash, root

    leaves = [b"a", b"b", b"c"]
    path = inclusion_path(leaves, 2)
    assert verify_inclusion(2, 3, leaf_hash(b"c"), path, root(leaves))
    assert verify_inclusion(1, 2, leaf_hash(b"c"), path, root(leaves))


def test_several_heads_are_proven_as_of_one_block(chain: ChainBuilder) -> None:
    other = head_key("item", "another")
    chain.block(chain.transaction(record(KEY), record(other)), chain.transaction(record(KEY)))
    chain.block(chain.transaction(record(other)))
    bundle = heads_bundle(chain.store, {KEY: 1, other: 0, b"absent": 0})
    facts = verify_bundle(json.dumps(bundle), chain.trust)
    assert [(head.key, head.count, len(head.records)) for head in facts.heads] == [
        (b"absent", 0, 0),
        (other, 2, 2),
        (KEY, 2, 1),
    ]
    # The transaction that both need stands there once.
    assert len(transactions_of(bundle)) == 3
    for wrong in ({KEY: 3}, {b"absent": 1}, {KEY: -1}):
        with pytest.raises(BundleRefusedError) as caught:
            heads_bundle(chain.store, wrong)
        assert caught.value.code == "no_such_record"


def test_an_origin_is_proven_where_the_head_names_one(chain: ChainBuilder) -> None:
    made = chain.transaction(Operation("toy.make", {"key": b"made"}))
    chain.block(made, chain.transaction(Operation("toy.set", {"key": b"plain", "value": 1})))
    facts = verify_bundle(json.dumps(origin_bundle(chain.store, b"made")), chain.trust)
    assert (facts.origin, facts.transaction) == (made, None)
    assert verify_bundle(origin_bundle(chain.store, b"absent"), chain.trust).heads[0].value is None
    with pytest.raises(BundleRefusedError) as caught:
        origin_bundle(chain.store, b"plain")
    assert caught.value.code == "no_origin"


def packed(parent: str, child: str, time_ms: int) -> Operation:
    """Return a packing."""
    return capture(
        [parent, child],
        event_time_ms=time_ms,
        type="AggregationEvent",
        action="ADD",
        parent=parent,
        children=[child],
    )


def test_a_trace_that_is_overtaken_is_taken_again(chain: ChainBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.block(chain.transaction(packed("case", ITEM, 1)))
    arrivals = [chain.transaction(packed("pallet", "case", 2)), chain.transaction(packed("ship", "pallet", 3))]
    read = Store.history

    def history(store: Store, key: bytes, after_count: int = 0) -> Iterator[Position]:
        positions = list(read(store, key, after_count))
        # A block comes after the records were read and before the heads are proven.
        if arrivals:
            chain.block(arrivals.pop(0))
        return iter(positions)

    monkeypatch.setattr(Store, "history", history)
    facts = verify_bundle(json.dumps(trace_bundle(chain.store, ITEM)), chain.trust)
    assert not arrivals
    assert facts.height == 3
    assert [stay.container for stay in facts.stays] == ["pallet", "ship", "case"]
    monkeypatch.setattr("node.proofs.TRIES_MAX", 0)
    with pytest.raises(BundleRefusedError) as caught:
        trace_bundle(chain.store, ITEM)
    assert caught.value.code == "busy"


def test_a_trace_is_bounded_as_any_bundle_is(chain: ChainBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.block(chain.transaction(packed("case", ITEM, 1), packed("pallet", "case", 2)))
    assert len(verify_bundle(trace_bundle(chain.store, ITEM), chain.trust).heads) == 3
    monkeypatch.setattr(proof_parts, "RECORDS_MAX", 3)
    with pytest.raises(BundleRefusedError) as caught:
        trace_bundle(chain.store, ITEM)
    assert caught.value.code == "history_too_long"


@pytest.mark.parametrize("make", [head_bundle, origin_bundle, trust_bundle])
def test_nothing_of_any_kind_is_proven_by_block_0(chain: ChainBuilder, make: Callable[..., object]) -> None:
    with pytest.raises(BundleRefusedError) as caught:
        make(chain.store, *(() if make is trust_bundle else (KEY,)))
    assert caught.value.code == "no_certified_block"


def test_a_pruned_node_says_so_and_still_proves_what_it_can(chain: ChainBuilder) -> None:
    chain.block(chain.transaction(record(KEY)))
    for _ in range(200):
        chain.block(chain.transaction(record(b"other")))
    whole = item_bundle(chain.store, ITEM)
    assert chain.store.prune(60, heights_max=1_000, transactions_max=1_000) > 0
    assert chain.store.earliest_height > 1
    with pytest.raises(BundleRefusedError) as caught:
        item_bundle(chain.store, ITEM)
    assert caught.value.code == "pruned"
    # The headers stay, and so do heads alone, absences and the newest block.
    facts = verify_bundle(statement_bundle(chain.store, KEY, 1), chain.trust)
    assert (facts.heads[0].count, facts.height) == (1, 201)
    assert verify_bundle(item_bundle(chain.store, ITEM + "0"), chain.trust).heads[0].value is None
    assert verify_bundle(trust_bundle(chain.store), chain.trust).trust.height == 201
    # Pruning changes no root, so what was proven before still is.
    assert verify_bundle(whole, chain.trust).heads[0].is_complete
