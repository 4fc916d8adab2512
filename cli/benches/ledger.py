"""A ledger to measure on: a network of four on disk, with the node's own store, contracts and certificates.

Items live a life of EPCIS events, which the real contracts execute and a quorum certifies. The mass of heads that makes
the state large comes in one block of its own that no contract has seen; it is certified like any other.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256, shake_256
from pathlib import Path
from typing import Final, cast

from ledger.authenticated_map import plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.codec import Value, decode_own
from ledger.keys import SecretKey
from ledger.proof import TrustRoot, trust_from_genesis
from ledger.receipt import Receipt
from ledger.state import Head, HistoryEntry, head_key
from ledger.transaction import Operation, Transaction, sign_transaction
from node.chain import Chain
from node.config import validator_key_path
from node.home import Home, open_home, read_key
from node.setup import Network, create_network
from node.storage.store import BlockWrite, StoredBlock
from standards.epcis.document import parse_document
from standards.epcis.operations import events_to_operations

_VALIDATORS: Final = 4
_START_MS: Final = 1_793_491_200_000  # 2026-11-01T00:00:00Z
_STEP_MS: Final = 60_000
_MAKER: Final = "maker"
_GTIN: Final = "09521101001006"
_FROZEN: Final[Value] = {"min_milli_celsius": -60_000, "max_milli_celsius": -18_000}
_STEPS: Final = ("inspecting", "storing", "picking", "packing", "stocking")
_SITES: Final = ("9521101000016", "9521101000023")
_FILLER_HEAD: Final = bytes(150)  # about the size of an item's head


@dataclass(slots=True)
class BenchLedger:
    """An opened home of a network of four; ``commit`` adds a block that a quorum of the four signed."""

    network: Network
    home: Home
    chain: Chain
    trust: TrustRoot
    _validator_keys: dict[bytes, SecretKey]
    _time_ms: int = _START_MS
    _nonces: int = 0

    def commit(self, transactions: Sequence[Sequence[Operation]]) -> Header:
        """Commit a block with these transactions of the maker, all of which have to succeed."""
        self._time_ms += _STEP_MS
        key = read_key(self.network.key_path(_MAKER))
        waiting = [self._signed(key, operations) for operations in transactions]
        validators = self.chain.validators
        proposer = validators[self.chain.proposers().proposer_index(0)].public_key
        candidate = self.chain.propose(proposer, waiting, self._time_ms)
        assert candidate is not None
        assert len(candidate.transactions) == len(waiting), "a block has room for all of them"
        assert not any(receipt.code for receipt in candidate.execution.receipts), candidate.execution.details
        assert self.chain.commit(candidate, self._certificate(candidate.header))
        return candidate.header

    def fill(self, heads: int) -> None:
        """Commit one block that sets so many heads."""
        store = self.home.store
        changes: dict[bytes, bytes | None] = dict.fromkeys(filler_keys(heads), _FILLER_HEAD)
        plan = plan_update(store.tree_node, changes)
        self._time_ms += _STEP_MS
        header = replace(
            store.tip,
            height=store.tip.height + 1,
            time_ms=self._time_ms,
            parent_hash=store.tip.hash,
            transaction_count=0,
            transactions_root=transactions_root(()),
            receipts_root=receipts_root(()),
            state_root=plan.root,
        )
        store.write_block(BlockWrite(StoredBlock(header, self._certificate(header), (), ()), changes, plan.nodes, ()))

    @property
    def now_ms(self) -> int:
        """The time of the newest block."""
        return self._time_ms

    def head(self, key: bytes) -> Head:
        """Return a head that must be there."""
        encoded = self.home.store.head(key)
        assert encoded is not None, "it was committed"
        return cast(Head, decode_own(encoded))

    def put(
        self,
        transactions: Sequence[Sequence[Operation]],
        heads: Mapping[bytes, bytes | None],
        history: Sequence[HistoryEntry],
    ) -> None:
        """Write a block that no contract has seen; the state tree is not kept up with it."""
        store = self.home.store
        self._time_ms += _STEP_MS
        key = read_key(self.network.key_path(_MAKER))
        signed = tuple(self._signed(key, operations) for operations in transactions)
        receipts = tuple(Receipt(one.transaction_id, 0, None, (None,) * len(one.operations)) for one in signed)
        header = replace(
            store.tip,
            height=store.tip.height + 1,
            time_ms=self._time_ms,
            parent_hash=store.tip.hash,
            transaction_count=len(signed),
            transactions_root=transactions_root([one.transaction_id for one in signed]),
            receipts_root=receipts_root(receipts),
        )
        store.write_block(
            BlockWrite(StoredBlock(header, self._certificate(header), signed, receipts), heads, {}, history)
        )

    def _signed(self, key: SecretKey, operations: Sequence[Operation]) -> Transaction:
        self._nonces += 1
        nonce = self._nonces.to_bytes(16, "big")
        return sign_transaction(key, self.chain.chain_id, nonce, self._time_ms + _STEP_MS, operations)

    def _certificate(self, header: Header) -> Certificate:
        validators = self.chain.validators
        preimage = vote_preimage(VoteKind.COMMIT, header.chain_id, header.height, 0, header.hash)
        signers = range(validators.quorum)
        votes = {index: self._validator_keys[validators[index].public_key].sign(preimage) for index in signers}
        return assemble_certificate(header.height, 0, header.hash, votes)


@contextmanager
def bench_ledger(directory: Path, *, base_port: int, heads: int = 0) -> Iterator[BenchLedger]:
    """Create the ledger in an empty directory with one product and so many heads besides, and close it at the end."""
    seeds = iter(range(1_000))

    def random_bytes(length: int) -> bytes:
        # The same keys each time, so that every run measures the same bytes; they guard nothing.
        return shake_256(b"bench %d" % next(seeds)).digest(length)

    network = create_network(
        directory / "network",
        now_ms=_START_MS,
        random_bytes=random_bytes,
        validators=_VALIDATORS,
        base_port=base_port,
    )
    keys = [read_key(validator_key_path(network.home(node))) for node in network.nodes]
    home = open_home(network.home(network.nodes[0]))
    try:
        ledger = BenchLedger(
            network,
            home,
            Chain(home.store),
            trust_from_genesis(home.genesis),
            {key.public_key: key for key in keys},
        )
        if heads:
            ledger.fill(heads)
        product: dict[str, Value] = {"gtin": _GTIN, "name": "Yellowfin tuna loin", "storage": _FROZEN}
        ledger.commit([[Operation("provenance.register_product", {**product, "country_of_origin": "MV"})]])
        yield ledger
    finally:
        home.close()


def filler_keys(heads: int) -> list[bytes]:
    """Return the keys of the heads that only fill the state."""
    return [head_key("item", f"https://id.gs1.org/01/09521102002002/21/{number}") for number in range(heads)]


def item_id(serial: str) -> str:
    """Return the identifier of an item."""
    return f"https://id.gs1.org/01/{_GTIN}/21/{serial}"


def item_life(serial: str, events: int) -> list[Operation]:
    """Return the captures of an item's events: it is commissioned, then seen by one step of the plant after another."""
    documents = [_event(serial, number) for number in range(events)]
    return [_capture(document) for document in documents]


def _capture(event: Mapping[str, object]) -> Operation:
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-01T00:00:00Z",
        "epcisBody": {"eventList": [event]},
    }
    ((method, arguments),) = events_to_operations(parse_document(json.dumps(document).encode()))
    return Operation(method, arguments)


def _event(serial: str, number: int) -> dict[str, object]:
    site = f"https://id.gs1.org/414/{_SITES[number % len(_SITES)]}"
    digest = sha256(f"{serial} {number}".encode()).hexdigest()
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}",
        "eventTime": f"2026-10-{number // 24 + 1:02}T{number % 24:02}:00:00+05:00",
        "eventTimeZoneOffset": "+05:00",
        "action": "OBSERVE" if number else "ADD",
        "epcList": [item_id(serial)],
        "bizStep": _STEPS[number % len(_STEPS)] if number else "commissioning",
        "disposition": "in_progress" if number else "active",
        "readPoint": {"id": site},
        "bizLocation": {"id": site},
    }
