"""A small world to run contracts in: organisations with keys, a dictionary as the committed heads, one block a call."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from contracts import heads
from contracts.context import BlockContext
from contracts.execute import Execution, execute, execute_genesis
from contracts.results import ResultCode
from ledger.codec import Value, decode, encode
from ledger.evidence import Equivocation, equivocation
from ledger.genesis import Genesis
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey, signed_preimage
from ledger.parameters import Parameters
from ledger.receipt import Receipt
from ledger.state import Head, HistoryEntry, output_hash, record_hash
from ledger.transaction import Operation, Transaction, sign_transaction
from ledger.validators import Validator, ValidatorSet, possession_preimage

START_MS = 1_767_225_600_000
ROLES: dict[str, list[str]] = {
    "maker": ["maker", "brand"],
    "carrier": ["carrier"],
    "shop": ["retailer"],
    "bank": ["issuer", "payment"],
    "other_bank": ["issuer"],
    "watcher": ["auditor"],
}
VALIDATOR_ORGANISATIONS = ("maker", "carrier", "shop", "bank")

Call = tuple[str, dict[str, Value]]


def key_of(name: str) -> SecretKey:
    """Return the key that a name stands for, always the same."""
    return SecretKey(tagged_hash("test-key", name.encode()))


def sgtin(serial: int | str) -> str:
    """Return an item of the example product."""
    return f"https://id.gs1.org/01/09506000134352/21/{serial}"


def lgtin(lot: str) -> str:
    """Return a lot of the example product."""
    return f"https://id.gs1.org/01/09506000134352/10/{lot}"


def sscc(number: int) -> str:
    """Return a logistic unit (its check digit is not the contracts' business)."""
    return f"https://id.gs1.org/00/{number:018d}"


def genesis(*operations: Call, parameters: Parameters | None = None) -> Genesis:
    """Return the genesis of the world, with more operations after its own."""
    calls: list[Call] = [
        (
            "membership.register_organisation",
            {"id": name, "name": name.title(), "roles": list(roles), "admin_key": key_of(name).public_key},
        )
        for name, roles in ROLES.items()
    ]
    calls.append(("settlement.define_currency", {"organisation": "bank", "code": "EUR", "exponent": 2}))
    calls.append(("settlement.define_currency", {"organisation": "other_bank", "code": "HKD", "exponent": 2}))
    calls += [
        ("settlement.open_account", {"organisation": name, "id": f"{name}/eur", "currency": "EUR"})
        for name in ("maker", "carrier", "shop")
    ]
    return Genesis(
        network="test",
        time_ms=START_MS - 1_000,
        parameters=parameters or Parameters(),
        validators=ValidatorSet(
            Validator(key_of(f"validator {name}").public_key, name) for name in VALIDATOR_ORGANISATIONS
        ),
        operations=tuple(Operation(method, arguments) for method, arguments in (*calls, *operations)),
    )


@dataclass
class World:
    """Committed heads and a height; ``run`` executes one transaction in a block of its own."""

    start: Genesis = field(default_factory=genesis)
    committed: dict[bytes, bytes] = field(default_factory=dict)
    records: list[HistoryEntry] = field(default_factory=list)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    height: int = 0
    time_ms: int = START_MS
    nonce: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        if not self.committed:
            self.commit(execute_genesis(self.start))

    def head(self, key: bytes) -> bytes | None:
        """Return an encoded head."""
        return self.committed.get(key)

    def heads(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the encoded heads under a prefix in key order."""
        return iter(sorted((key, head) for key, head in self.committed.items() if key.startswith(prefix)))

    def get(self, key: bytes) -> Head | None:
        """Return a decoded head."""
        encoded = self.committed.get(key)
        return None if encoded is None else cast(Head, decode(encoded))

    def item(self, identifier: str) -> Head:
        """Return an item that must be there."""
        head = self.get(heads.item(identifier))
        assert head is not None
        return head

    def transaction(self, signer: str, *calls: Call) -> Transaction:
        """Return a transaction that the key of a name signed."""
        self.nonce += 1
        operations = [Operation(method, arguments) for method, arguments in calls]
        nonce = self.nonce.to_bytes(16, "big")
        return sign_transaction(key_of(signer), self.start.chain_id, nonce, self.time_ms + 60_000, operations)

    def execute(self, *transactions: Transaction) -> Execution:
        """Execute the next block without committing it."""
        return execute(BlockContext(self.start.chain_id, self.height + 1, self.time_ms), transactions, self)

    def commit(self, execution: Execution) -> None:
        """Make an execution's changes the committed heads."""
        for key, head in execution.changes.items():
            if head is None:
                del self.committed[key]
            else:
                self.committed[key] = head
        self.records += execution.history
        self.height += 1

    def run(self, signer: str, *calls: Call) -> Receipt:
        """Execute and commit a block of one transaction."""
        execution = self.execute(self.transaction(signer, *calls))
        self.commit(execution)
        self.detail = execution.details[0]
        (receipt,) = execution.receipts
        self.places[receipt.transaction_id] = self.height, self.time_ms
        return receipt

    def record_hash(self, receipt: Receipt, operation_index: int) -> bytes:
        """Return the hash that stands in histories for an operation of a transaction that was run."""
        height, time_ms = self.places[receipt.transaction_id]
        output = output_hash(encode(receipt.outputs[operation_index]))
        return record_hash(receipt.transaction_id, operation_index, height, 0, time_ms, output)

    def code(self, signer: str, *calls: Call) -> ResultCode:
        """Return the outcome of a transaction in a block of its own."""
        return ResultCode(self.run(signer, *calls).code)

    def must(self, signer: str, *calls: Call) -> Value:
        """Run a transaction that has to succeed and return its last output."""
        receipt = self.run(signer, *calls)
        assert receipt.code == ResultCode.OK, (ResultCode(receipt.code), self.detail)
        return receipt.outputs[-1]

    def propose(self, method: str, arguments: dict[str, Value], name: str = "p") -> None:
        """Carry an action out by the approval of three of the four validators' organisations."""
        action: Value = [method, arguments]
        self.must("maker", ("governance.propose", {"id": name, "action": action, "expires_ms": self.time_ms + 1}))
        self.must("carrier", ("governance.approve", {"id": name}))
        self.must("shop", ("governance.approve", {"id": name}))

    def proof(self, name: str, organisation: str) -> bytes:
        """Return the proof that a key's holder gives to an organisation."""
        return key_of(name).sign(signed_preimage("possession", self.start.chain_id, organisation.encode()))

    def joiner(self, name: str, organisation: str) -> Value:
        """Return the row that lets the validator of a name join."""
        key = key_of(name)
        possession = key.sign(possession_preimage(self.start.chain_id, key.public_key, organisation))
        return [key.public_key, organisation, possession]

    def double_vote(self, name: str, height: int = 1, view: int = 0, kind: str = "prepare") -> Equivocation:
        """Return two votes of the key of a name for two blocks."""
        key = key_of(name)
        votes = []
        for block_hash in (b"\x01" * 32, b"\x02" * 32):
            content = encode([height, view, block_hash])
            votes.append((block_hash, key.sign(signed_preimage(kind, self.start.chain_id, content))))
        return equivocation(kind, height, view, key.public_key, *votes)


def event(kind: str, action: str | None = None, time_ms: object = START_MS - 100_000, **arguments: object) -> Call:
    """Return a capture operation."""
    fields: dict[str, object] = {"type": kind, "event_time_ms": time_ms, "offset_minutes": 60, **arguments}
    if action is not None:
        fields["action"] = action
    return "provenance.capture", cast("dict[str, Value]", fields)


def add(*identifiers: str, **arguments: object) -> Call:
    """Return the commissioning of items."""
    return event("ObjectEvent", "ADD", epcs=list(identifiers), **arguments)


def observe(*identifiers: str, **arguments: object) -> Call:
    """Return an observation of items."""
    return event("ObjectEvent", "OBSERVE", epcs=list(identifiers), **arguments)


def pack(parent: str, *children: str, **arguments: object) -> Call:
    """Return the packing of children."""
    return event("AggregationEvent", "ADD", parent=parent, children=list(children), **arguments)


def unpack(parent: str, *children: str, **arguments: object) -> Call:
    """Return the unpacking of children, all of them where none is given."""
    return event("AggregationEvent", "DELETE", parent=parent, children=list(children), **arguments)


def violations(output: Value) -> list[Value]:
    """Return the violations in a capture's output."""
    return [] if output is None else cast("list[Value]", cast("dict[str, Value]", output)["violations"])
