"""A real store with a real chain and toy contracts: enough to prove things about, without a node or a contract.

Toy operations: ``toy.record {"key"}`` adds itself to the history of the head, ``toy.set {"key", "value"}`` sets a head
without a history, ``toy.remove {"key"}`` removes one, ``toy.refuse`` fails the transaction. Keys are bytes, and every
other argument is free. Everything is deterministic: keys, nonces, times.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ledger.authenticated_map import plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.genesis import Genesis
from ledger.hashing import ZERO_HASH
from ledger.keys import SecretKey
from ledger.parameters import Parameters
from ledger.proof import TrustRoot, trust_from_genesis
from ledger.receipt import Receipt
from ledger.state import Overlay
from ledger.transaction import Operation, Transaction, sign_transaction
from ledger.validators import Validator, ValidatorSet
from node.storage.store import BlockWrite, Store, StoredBlock

GENESIS_TIME_MS = 1_760_000_000_000


def key_named(name: str) -> SecretKey:
    """Return the key that belongs to a name."""
    return SecretKey(hashlib.sha256(name.encode()).digest())


def record(key: bytes, **arguments: object) -> Operation:
    """Return an operation that adds itself to the history of a head."""
    return Operation("toy.record", cast("dict[str, object]", {"key": key, **arguments}))  # type: ignore[arg-type]


def refuse() -> Operation:
    """Return an operation that fails its transaction."""
    return Operation("toy.refuse", {})


class ChainBuilder:
    """A chain of ``validators`` in a directory; ``block`` adds one with a certificate by a quorum."""

    def __init__(self, directory: Path, validators: int = 4, network: str = "toy") -> None:
        names = [f"{network} validator {number}" for number in range(validators)]
        self.keys = {key_named(name).public_key: key_named(name) for name in names}
        self.validators = ValidatorSet(Validator(key_named(name).public_key, name) for name in names)
        self.genesis = Genesis(network, GENESIS_TIME_MS, Parameters(), self.validators, ())
        self.trust: TrustRoot = trust_from_genesis(self.genesis)
        self.sender = key_named("sender")
        self._transactions = 0
        heads: dict[bytes, bytes | None] = {b"founder\0%d" % number: b"\x80" for number in range(validators)}
        plan = plan_update(lambda _: None, heads)
        header = self._header(None, plan.root, (), ())
        self.store = Store.create(directory, BlockWrite(StoredBlock(header, None, (), ()), heads, plan.nodes, ()))

    def transaction(self, *operations: Operation) -> Transaction:
        """Return a new signed transaction."""
        self._transactions += 1
        nonce = self._transactions.to_bytes(16, "big")
        return sign_transaction(self.sender, self.genesis.chain_id, nonce, GENESIS_TIME_MS + 120_000, operations)

    def block(self, *transactions: Transaction) -> Header:
        """Commit a block of these transactions and return its header."""
        overlay = Overlay(self.store)
        receipts = [_execute(overlay, index, transaction) for index, transaction in enumerate(transactions)]
        changes = overlay.changes()
        plan = plan_update(self.store.tree_node, changes)
        header = self._header(self.store.tip, plan.root, transactions, receipts)
        certificate = self.certificate(header)
        block = StoredBlock(header, certificate, tuple(transactions), tuple(receipts))
        self.store.write_block(BlockWrite(block, changes, plan.nodes, overlay.history()))
        return header

    def certificate(
        self, header: Header, kind: VoteKind = VoteKind.COMMIT, signers: Sequence[int] | None = None
    ) -> Certificate:
        """Return a certificate by these validators, or by just a quorum."""
        preimage = vote_preimage(kind, header.chain_id, header.height, 0, header.hash)
        indexes = range(self.validators.quorum) if signers is None else signers
        votes = {index: self.keys[self.validators[index].public_key].sign(preimage) for index in indexes}
        return assemble_certificate(header.height, 0, header.hash, votes)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _header(
        self,
        parent: Header | None,
        state_root: bytes,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> Header:
        height = 0 if parent is None else parent.height + 1
        return Header(
            chain_id=self.genesis.chain_id,
            height=height,
            time_ms=GENESIS_TIME_MS + 1_000 * height,
            parent_hash=ZERO_HASH if parent is None else parent.hash,
            proposer=self.validators[self.validators.proposer_index(height, 0)].public_key,
            transaction_count=len(transactions),
            transactions_root=transactions_root([transaction.transaction_id for transaction in transactions]),
            receipts_root=receipts_root(receipts),
            state_root=state_root,
            validators_hash=self.validators.hash,
            next_validators_hash=self.validators.hash,
        )


def _execute(overlay: Overlay, index: int, transaction: Transaction) -> Receipt:
    transaction_id = transaction.transaction_id
    for position, operation in enumerate(transaction.operations):
        if operation.method == "toy.refuse":
            overlay.undo()
            return Receipt(transaction_id, 7, position, ())
        key = cast(bytes, operation.arguments["key"])
        if operation.method == "toy.record":
            head = overlay.get(key) or {"kind": "toy"}
            overlay.append(key, head, transaction_id, index, position)
        elif operation.method == "toy.set":
            overlay.put(key, {"value": operation.arguments["value"]})
        else:
            assert operation.method == "toy.remove", "the toy contract has four methods"
            overlay.delete(key)
    overlay.settle()
    return Receipt(transaction_id, 0, None, (None,) * len(transaction.operations))
