"""Encoded blocks: the same content and paths as from the decoded block, kept up to a size, never damaged or pruned."""

from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from ledger import merkle
from ledger.codec import decode_own, encode
from node.storage.encoded_blocks import EncodedBlock, EncodedBlocks, encoded_block
from node.storage.errors import DamagedError, PrunedError
from node.storage.rows import BODY, HEADER, block_key
from node.storage.store import Store
from tests.support.blocks import genesis_write, next_write
from tests.support.chain_builder import ChainBuilder, record, refuse


def block_of(size_bytes: int) -> EncodedBlock:
    return EncodedBlock(b"header", 0, b"certificate", (bytes(size_bytes),), (), (), [], [])


@pytest.fixture
def built(tmp_path: Path) -> ChainBuilder:
    builder = ChainBuilder(tmp_path / "chain")
    transactions = [builder.transaction(record(b"a\0%d" % number)) for number in range(6)]
    builder.block(*transactions, builder.transaction(refuse()))
    return builder


def test_it_is_the_block_as_bytes_with_its_paths(built: ChainBuilder) -> None:
    with closing(built):
        block, encoded = built.store.block(1), built.store.encoded_block(1)
        assert block is not None
        assert encoded is not None
        assert block.certificate is not None
        assert encoded.header == block.header.encoded
        assert encoded.certificate == block.certificate.encode()
        assert built.store.encoded_header(1) == (encoded.header, encoded.certificate)
        assert encoded.transactions == tuple(transaction.encoded for transaction in block.transactions)
        assert encoded.receipts == tuple(receipt.encode() for receipt in block.receipts)
        identifiers = [transaction.transaction_id for transaction in block.transactions]
        assert encoded.transaction_ids == tuple(identifiers)
        for index in range(7):
            assert encoded.transaction_path(index) == merkle.inclusion_path(identifiers, index)
            assert encoded.receipt_path(index) == merkle.inclusion_path(encoded.receipts, index)
        assert built.store.encoded_block(1) is encoded
        assert built.store.encoded_block(2) is None
        assert built.store.encoded_header(2) is None
        genesis = built.store.encoded_block(0)
        assert genesis is not None
        assert (genesis.certificate, genesis.transactions) == (None, ())


def test_rows_that_do_not_belong_together_are_damage(built: ChainBuilder) -> None:
    with closing(built):
        built.block(built.transaction(record(b"a\0" + b"0")))
        rows = {
            height: [built.store.pin().get(block_key(kind, height)) or b"" for kind in (HEADER, BODY)]
            for height in (1, 2)
        }
    header, body = rows[1]
    assert encoded_block(header, body, 1).transactions
    transactions, receipts = cast("list[list[bytes]]", decode_own(body))
    wrong = [
        (rows[2][0], body, 2),
        (header, rows[2][1], 1),
        (header, body, 2),
        (header, encode([transactions[::-1], receipts]), 1),
        (header, encode([transactions, receipts[::-1]]), 1),
        (header, encode([transactions[:-1], receipts[:-1]]), 1),
        (header, encode([transactions, receipts[:-1]]), 1),
        (header, body[:-1], 1),
        (header, b"", 1),
        (header, encode(7), 1),
    ]
    for header_row, body_row, height in wrong:
        with pytest.raises(DamagedError, match=f"block {height} "):
            encoded_block(header_row, body_row, height)


def test_the_blocks_that_were_asked_for_last_are_kept_up_to_a_size() -> None:
    reads = []

    def read(height: int) -> EncodedBlock | None:
        reads.append(height)
        return block_of(1_000) if height < 100 else None

    size_bytes = block_of(1_000).size_bytes
    assert 1_000 < size_bytes < 3_000
    blocks = EncodedBlocks(kept_bytes_max=3 * size_bytes)
    for height in (1, 2, 3, 1, 4, 1, 3, 2, 100, 100):
        found = blocks.at(height, read)
        assert (found is None) == (height == 100)
    # 4 puts out 2, for 1 was asked for again; 2 then puts out 4.
    assert reads == [1, 2, 3, 4, 2, 100, 100]
    assert len(blocks) == 3


def test_a_block_larger_than_the_room_is_given_but_not_kept() -> None:
    blocks = EncodedBlocks(kept_bytes_max=1_000)
    assert blocks.at(1, lambda _: block_of(2_000)) is not None
    assert len(blocks) == 0


def test_a_pruned_block_is_refused_though_it_was_kept(tmp_path: Path) -> None:
    with closing(Store.create(tmp_path / "ledger", genesis_write())) as store:
        for _ in range(5):
            store.write_block(next_write(store))
        assert store.encoded_block(1) is not None
        store.earliest_height = 2
        with pytest.raises(PrunedError):
            store.encoded_block(1)
        assert store.encoded_block(2) is not None
