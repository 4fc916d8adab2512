"""Blocks for storage tests: right in form and linked, with toy heads; no contract is involved."""

from ledger import merkle
from ledger.authenticated_map import empty_root, plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import VoteKind, assemble_certificate, vote_preimage
from ledger.codec import encode
from ledger.hashing import ZERO_HASH
from ledger.keys import SecretKey
from ledger.receipt import Receipt
from ledger.state import HistoryEntry
from ledger.transaction import Operation, sign_transaction
from node.storage.store import BlockWrite, Store, StoredBlock

CHAIN_ID = b"\x07" * 32
KEY = SecretKey(b"\x01" * 32)


def genesis_write() -> BlockWrite:
    """Return block 0 with one head."""
    heads: dict[bytes, bytes | None] = {b"item\0first": encode({"height": 0})}
    plan = plan_update(lambda _: None, heads)
    assert plan.root != empty_root()
    return BlockWrite(StoredBlock(_header(0, ZERO_HASH, plan.root, []), None, (), ()), heads, plan.nodes, ())


def next_write(store: Store, method: str = "provenance.capture", payload: bytes = b"") -> BlockWrite:
    """Return the block after the store's tip: one transaction, one changed head, one record."""
    height = store.tip.height + 1
    transaction = sign_transaction(
        KEY,
        CHAIN_ID,
        height.to_bytes(16, "big"),
        10_000 + height,
        [Operation(method, {"n": height, "payload": payload})],
    )
    receipt = Receipt(transaction.transaction_id, 0, None, (None,))
    key = b"item\0%d" % (height % 5)
    heads: dict[bytes, bytes | None] = {key: encode({"height": height})}
    plan = plan_update(store.tree_node, heads)
    header = _header(height, store.tip.hash, plan.root, [transaction.transaction_id], [receipt])
    vote = KEY.sign(vote_preimage(VoteKind.COMMIT, CHAIN_ID, height, 0, header.hash))
    certificate = assemble_certificate(height, 0, header.hash, {0: vote})
    block = StoredBlock(header, certificate, (transaction,), (receipt,))
    return BlockWrite(block, heads, plan.nodes, (HistoryEntry(key, height, 0, 0),))


def heads_write(store: Store, heads: dict[bytes, bytes | None]) -> BlockWrite:
    """Return a block without transactions after the store's tip that changes these heads."""
    height = store.tip.height + 1
    plan = plan_update(store.tree_node, heads)
    header = _header(height, store.tip.hash, plan.root, [])
    vote = KEY.sign(vote_preimage(VoteKind.COMMIT, CHAIN_ID, height, 0, header.hash))
    certificate = assemble_certificate(height, 0, header.hash, {0: vote})
    return BlockWrite(StoredBlock(header, certificate, (), ()), heads, plan.nodes, ())


def _header(
    height: int, parent: bytes, state_root: bytes, transaction_ids: list[bytes], receipts: list[Receipt] | None = None
) -> Header:
    return Header(
        chain_id=CHAIN_ID,
        height=height,
        time_ms=1_000 + height,
        parent_hash=parent,
        proposer=KEY.public_key,
        transaction_count=len(transaction_ids),
        transactions_root=transactions_root(transaction_ids),
        receipts_root=receipts_root(receipts) if receipts else merkle.root([]),
        state_root=state_root,
        validators_hash=ZERO_HASH,
        next_validators_hash=ZERO_HASH,
    )
