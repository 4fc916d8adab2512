"""Bundles out of a real store, checked by the verifier."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.merkle import verify_inclusion
from ledger.proof import Record, verify_bundle
from ledger.state import head_key
from node import proof_parts
from node.proofs import BundleRefusedError, head_bundle, item_bundle, statement_bundle, transaction_bundle
from node.storage.store import Store
from tests.support.chain_builder import ChainBuilder, record, refuse

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
            (proven,) = verify_bundle(json.dumps(bundle), chain.trust).transactions
            assert (proven.height, proven.index, proven.transaction) == (size, index, transaction)
            assert proven.receipt.code == (7 if index == size - 1 else 0)


def test_a_history_grows_with_the_chain_and_shares_headers(chain: ChainBuilder) -> None:
    expected: list[Record] = []
    for height in range(1, 7):
        chain.block(
            chain.transaction(record(KEY, n=0), record(KEY, n=1)),
            chain.transaction(record(head_key("item", "another"))),
            chain.transaction(record(KEY, n=2)),
        )
        expected += [Record(height, 0, 0), Record(height, 0, 1), Record(height, 2, 0)]
        bundle = item_bundle(chain.store, ITEM)
        facts = verify_bundle(json.dumps(bundle), chain.trust)
        assert facts.heads[0].records == tuple(expected)
        assert facts.heads[0].is_complete
        assert (len(facts.headers), len(facts.transactions), facts.height) == (height, 2 * height, height)


def test_a_head_is_proven_at_the_tip_although_its_last_record_is_older(chain: ChainBuilder) -> None:
    chain.block(chain.transaction(record(KEY)))
    for _ in range(3):
        chain.block(chain.transaction(record(b"other")))
    facts = verify_bundle(item_bundle(chain.store, ITEM), chain.trust)
    assert [header.height for header in facts.headers] == [1, 4]
    assert facts.height == 4


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
    monkeypatch.setattr(proof_parts, "BUNDLE_LENGTH_MAX", 20_000)
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
