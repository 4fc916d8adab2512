"""A real store with a real chain and toy contracts: enough to prove things about, without a node or a contract.

Toy operations: ``toy.record {"key"}`` adds itself to the history of the head, ``toy.set {"key", "value"}`` sets a head
without a history, ``toy.put {"key", "head"}`` any head, ``toy.remove {"key"}`` removes one, ``toy.make {"key"}`` sets
one that names the operation as its origin, ``toy.refuse`` fails the transaction, and ``provenance.capture {"touch",
"output"}`` adds itself to the histories of the items named in ``touch``. Keys are bytes, other arguments are free.
Everything is deterministic: keys, nonces, times.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from contracts import heads
from ledger.authenticated_map import plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.codec import Value, encode
from ledger.genesis import Genesis
from ledger.hashing import ZERO_HASH
from ledger.keys import SecretKey
from ledger.parameters import Parameters
from ledger.proof import TrustRoot, trust_from_genesis
from ledger.receipt import Receipt
from ledger.state import Head, Overlay, output_hash, record_hash
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


def capture(touch: Sequence[str], violations: Sequence[tuple[str, str]] = (), **event: object) -> Operation:
    """Return an EPCIS event that adds itself to the histories of items, with the violations that its receipt names."""
    output = {"violations": [list(pair) for pair in violations], "violations_count": len(violations)}
    arguments = {"touch": list(touch), "output": output if violations else None, **event}
    return Operation("provenance.capture", cast("dict[str, Value]", arguments))


def refuse() -> Operation:
    """Return an operation that fails its transaction."""
    return Operation("toy.refuse", {})


class ChainBuilder:
    """A chain of ``validators`` in a directory; ``block`` adds one with a certificate by a quorum."""

    def __init__(self, directory: Path, validators: int = 4, network: str = "toy") -> None:
        self._network = network
        self._sets: dict[bytes, ValidatorSet] = {}
        self.keys: dict[bytes, SecretKey] = {}
        self.validators = self.validators_numbered(range(validators))
        self.genesis = Genesis(network, GENESIS_TIME_MS, Parameters(), self.validators, ())
        self.trust: TrustRoot = trust_from_genesis(self.genesis)
        self.sender = key_named("sender")
        self._transactions = 0
        founders: dict[bytes, bytes | None] = {b"founder\0%d" % number: b"\x80" for number in range(validators)}
        plan = plan_update(lambda _: None, founders)
        header = self._header(None, plan.root, (), ())
        self.store = Store.create(directory, BlockWrite(StoredBlock(header, None, (), ()), founders, plan.nodes, ()))

    def validators_numbered(self, numbers: Iterable[int]) -> ValidatorSet:
        """Return a set of this chain's validators, those that were there from the start and others."""
        names = [f"{self._network} validator {number}" for number in numbers]
        self.keys |= {key_named(name).public_key: key_named(name) for name in names}
        validators = ValidatorSet(Validator(key_named(name).public_key, name) for name in names)
        self._sets[validators.hash] = validators
        return validators

    def transaction(self, *operations: Operation) -> Transaction:
        """Return a new signed transaction."""
        self._transactions += 1
        nonce = self._transactions.to_bytes(16, "big")
        return sign_transaction(self.sender, self.genesis.chain_id, nonce, GENESIS_TIME_MS + 120_000, operations)

    def block(
        self,
        *transactions: Transaction,
        next_validators: ValidatorSet | None = None,
        signers: Sequence[int] | None = None,
    ) -> Header:
        """Commit a block of these transactions, after which others may be validators, and return its header."""
        overlay = Overlay(self.store)
        height = self.store.tip.height + 1
        receipts = [
            _execute(overlay, height, _time_ms(height), index, transaction)
            for index, transaction in enumerate(transactions)
        ]
        if next_validators is not None:
            self._change_validators(overlay, next_validators)
        changes = overlay.changes()
        plan = plan_update(self.store.tree_node, changes)
        header = self._header(self.store.tip, plan.root, transactions, receipts, next_validators)
        certificate = self.certificate(header, signers=signers)
        block = StoredBlock(header, certificate, tuple(transactions), tuple(receipts))
        self.store.write_block(BlockWrite(block, changes, plan.nodes, overlay.history()))
        if next_validators is not None:
            self.validators = next_validators
        return header

    def certificate(
        self, header: Header, kind: VoteKind = VoteKind.COMMIT, signers: Sequence[int] | None = None
    ) -> Certificate:
        """Return a certificate by these of the validators whom the header names, or by just a quorum of them."""
        preimage = vote_preimage(kind, header.chain_id, header.height, 0, header.hash)
        validators = self._sets.get(header.validators_hash, self.validators)
        indexes = range(validators.quorum) if signers is None else signers
        votes = {index: self.keys[validators[index].public_key].sign(preimage) for index in indexes}
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
        next_validators: ValidatorSet | None = None,
    ) -> Header:
        height = 0 if parent is None else parent.height + 1
        return Header(
            chain_id=self.genesis.chain_id,
            height=height,
            time_ms=_time_ms(height),
            parent_hash=ZERO_HASH if parent is None else parent.hash,
            proposer=self.validators[height % len(self.validators)].public_key,
            transaction_count=len(transactions),
            transactions_root=transactions_root([transaction.transaction_id for transaction in transactions]),
            receipts_root=receipts_root(receipts),
            state_root=state_root,
            validators_hash=self.validators.hash,
            next_validators_hash=(next_validators or self.validators).hash,
        )

    def _change_validators(self, overlay: Overlay, validators: ValidatorSet) -> None:
        """Keep the terms of those who join and leave, as contracts/validators.py does."""
        effective_height = self.store.tip.height + 2
        overlay.put(heads.VALIDATORS, {"members": validators.to_value()})
        for member in {*self.validators, *validators}:
            key = heads.validator(member.public_key)
            was, is_now = member in set(self.validators), member in set(validators)
            terms = cast("list[list[Value]]", (overlay.get(key) or {}).get("terms", []))
            if was and not is_now:
                first = terms.pop()[1] if terms else 1
                terms.append([member.organisation, first, effective_height])
            elif is_now and not was:
                terms.append([member.organisation, effective_height, None])
            if was != is_now:
                overlay.put(key, {"terms": cast("Value", terms)})
        overlay.settle()


def _time_ms(height: int) -> int:
    return GENESIS_TIME_MS + 1_000 * height


def _execute(overlay: Overlay, height: int, time_ms: int, index: int, transaction: Transaction) -> Receipt:
    transaction_id = transaction.transaction_id
    outputs: list[Value] = []
    for position, operation in enumerate(transaction.operations):
        arguments = operation.arguments
        key = cast(bytes, arguments.get("key"))
        match operation.method:
            case "toy.refuse":
                overlay.undo()
                return Receipt(transaction_id, 7, position, ())
            case "provenance.capture":
                for item in cast("list[str]", arguments["touch"]):
                    overlay.append(heads.item(item), overlay.get(heads.item(item)) or {}, index, position)
            case "toy.record":
                overlay.append(key, overlay.get(key) or {"kind": "toy"}, index, position)
            case "toy.set":
                overlay.put(key, {"value": arguments["value"]})
            case "toy.put":
                overlay.put(key, cast(Head, arguments["head"]))
            case "toy.make":
                overlay.put(key, {"transaction": transaction_id, "operation": position})
            case _:
                assert operation.method == "toy.remove", "the toy contract has seven methods"
                overlay.delete(key)
        outputs.append(arguments.get("output"))
        given_out = output_hash(encode(outputs[-1]))
        overlay.close(record_hash(transaction_id, position, height, index, time_ms, given_out))
    overlay.settle()
    return Receipt(transaction_id, 0, None, tuple(outputs))
