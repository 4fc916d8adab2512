"""The example shipment (examples/README.md) on a real ledger: real genesis, real contracts, real certificates.

Blocks come at the times of the events, so a hand-over lies between what its giver and its taker captured.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ledger.certificate import VoteKind, assemble_certificate, vote_preimage
from ledger.codec import Value
from ledger.keys import SecretKey
from ledger.state import Head
from ledger.transaction import Operation, Transaction, sign_transaction
from node.chain import Chain
from node.config import validator_key_path
from node.home import Home, open_home, read_key
from node.queries import get_head
from node.setup import CURRENCY, ISSUER, Network, create_network
from standards.epcis.document import parse_document
from standards.epcis.operations import events_to_operations
from tests.support.shared_data import REPOSITORY

PACK = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
CASE = "https://id.gs1.org/01/19521102002009/21/fMDeyrYDZfX7"
PALLET = "https://id.gs1.org/00/395211020000004175"
LOIN = "https://id.gs1.org/01/09521101001006/21/nEarsLHcCz6sN2bj"
LOGGER = "https://id.gs1.org/8004/9521103LOGGER-0731"

START_MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
MINUTE_MS = 60_000
_FROZEN: Value = {"min_milli_celsius": -60_000, "max_milli_celsius": -18_000}
_PRODUCTS = (
    ("maker", "09521101001006", "Yellowfin tuna loin, frozen", None),
    ("brand", "09521102002002", "Yellowfin tuna steaks, frozen, 400 g", "Blue Monsoon"),
    ("brand", "19521102002009", "Case of 4 packs of tuna steaks", "Blue Monsoon"),
)


def example_document(name: str = "tuna-shipment.json") -> dict[str, Any]:
    """Return an example document as JSON."""
    document: dict[str, Any] = json.loads((REPOSITORY / "examples" / name).read_bytes())
    return document


def captures(document: dict[str, Any], first: int, last: int) -> list[Operation]:
    """Return the captures of a document's events from number ``first`` (from 1) to ``last``."""
    part = {**document, "epcisBody": {"eventList": document["epcisBody"]["eventList"][first - 1 : last]}}
    rows = events_to_operations(parse_document(json.dumps(part).encode()))
    return [Operation(method, arguments) for method, arguments in rows]


def event_time_ms(operation: Operation) -> int:
    """Return when a captured event happened."""
    return cast(int, operation.arguments["event_time_ms"])


@dataclass(repr=False)
class ExampleLedger:
    """A network on disk with one opened home; ``block`` commits one block that a quorum signed."""

    network: Network
    home: Home
    chain: Chain
    validator_keys: dict[bytes, SecretKey]
    time_ms: int = START_MS
    nonces: int = 0
    shipment: dict[str, Any] = field(default_factory=example_document)

    def __repr__(self) -> str:
        return f"ExampleLedger at height {self.chain.tip.height}"

    def key(self, organisation: str) -> SecretKey:
        """Return the admin key of a founder."""
        return read_key(self.network.key_path(organisation))

    def transaction(self, organisation: str, operations: Sequence[Operation]) -> Transaction:
        """Return a transaction that an organisation signed."""
        self.nonces += 1
        chain_id = self.chain.chain_id
        valid_until_ms = self.time_ms + MINUTE_MS
        nonce = self.nonces.to_bytes(16, "big")
        return sign_transaction(self.key(organisation), chain_id, nonce, valid_until_ms, operations)

    def block(self, organisation: str, *operations: Operation, time_ms: int | None = None) -> None:
        """Commit a block of one transaction, which has to succeed, at a time or a minute after the last block."""
        self.time_ms = self.time_ms + MINUTE_MS if time_ms is None else max(time_ms, self.time_ms + 1)
        waiting = [self.transaction(organisation, operations)]
        validators = self.chain.validators
        proposer = validators[self.chain.proposers().proposer_index(0)].public_key
        candidate = self.chain.propose(proposer, waiting, self.time_ms)
        assert candidate is not None
        assert [receipt.code for receipt in candidate.execution.receipts] == [0], candidate.execution.details
        header = candidate.header
        preimage = vote_preimage(VoteKind.COMMIT, header.chain_id, header.height, 0, header.hash)
        votes = {
            index: self.validator_keys[validators[index].public_key].sign(preimage)
            for index in range(validators.quorum)
        }
        assert self.chain.commit(candidate, assemble_certificate(header.height, 0, header.hash, votes))

    def capture(self, organisation: str, first: int, last: int, document: dict[str, Any] | None = None) -> None:
        """Capture events of the shipment, or of another document, a minute after the last of them happened."""
        operations = captures(document or self.shipment, first, last)
        self.block(organisation, *operations, time_ms=max(map(event_time_ms, operations)) + MINUTE_MS)

    def call(self, organisation: str, method: str, **arguments: Value) -> None:
        """Commit a block with one operation."""
        self.block(organisation, Operation(method, arguments))

    def hand_over(self, giver: str, taker: str, items: Sequence[str], kind: str = "custody") -> None:
        """Offer and accept, in two blocks."""
        offer_id = hashlib.sha256(f"{giver} {taker} {kind}".encode()).hexdigest()[:16]
        expires_ms = self.time_ms + 60 * MINUTE_MS
        self.call(
            giver, "custody.offer", id=offer_id, to=taker, kind=kind, items=list[Value](items), expires_ms=expires_ms
        )
        self.call(taker, "custody.accept", id=offer_id, condition="cold and intact")

    def head(self, key: bytes) -> Head:
        """Return a head that must be there."""
        head = get_head(self.home.store, key)
        assert head is not None
        return head

    def close(self) -> None:
        """Close the home."""
        self.home.close()


def create_ledger(directory: Path, validators: int = 4) -> ExampleLedger:
    """Return the network with its products and money, and nothing captured."""
    seeds = iter(range(1, 1_000))

    def random_bytes(length: int) -> bytes:
        return hashlib.shake_256(b"example %d" % next(seeds)).digest(length)

    network = create_network(
        directory / "network", now_ms=START_MS, random_bytes=random_bytes, validators=validators, base_port=17_400
    )
    keys = [read_key(validator_key_path(network.home(node))) for node in network.nodes]
    home = open_home(network.home(network.nodes[0]))
    ledger = ExampleLedger(network, home, Chain(home.store), {key.public_key: key for key in keys})
    for owner, gtin, name, brand in _PRODUCTS:
        extra: dict[str, Value] = {} if brand is None else {"brand": brand}
        ledger.call(
            owner,
            "provenance.register_product",
            gtin=gtin,
            name=name,
            storage=_FROZEN,
            country_of_origin="MV",
            **extra,
        )
    return ledger


def play_shipment(ledger: ExampleLedger) -> None:
    """Capture the shipment with its hand-overs, and the payment of it."""
    events = ledger.shipment["epcisBody"]["eventList"]
    loins, cases = events[0]["epcList"], events[22]["childEPCs"]
    ledger.capture("maker", 1, 4)
    ledger.hand_over("maker", "brand", loins)
    ledger.capture("brand", 5, 14)
    ledger.hand_over("brand", "carrier", [PALLET])
    ledger.capture("carrier", 15, 20)
    ledger.hand_over("carrier", "warehouse", [PALLET])
    ledger.capture("warehouse", 21, 24)
    ledger.hand_over("warehouse", "retailer", cases)
    # While the packs are still in their cases, so that they become the retailer's too.
    pay(ledger, 125_000)
    ledger.hand_over("brand", "retailer", cases, kind="ownership")
    ledger.capture("retailer", 25, 27)


def pay(ledger: ExampleLedger, amount: int) -> None:
    """Give the retailer money and let it pay the brand."""
    account = f"retailer/{CURRENCY}"
    ledger.call(ISSUER, "settlement.issue", id=bytes([1] * 16), account=account, amount=2 * amount)
    ledger.call(
        "retailer",
        "settlement.transfer",
        id=bytes([2] * 16),
        debit=account,
        credit=f"brand/{CURRENCY}",
        amount=amount,
        currency=CURRENCY,
        reference="PO-26-1187",
    )


def example_ledger(directory: Path, validators: int = 4) -> ExampleLedger:
    """Return a ledger on which the whole shipment has happened."""
    ledger = create_ledger(directory, validators)
    play_shipment(ledger)
    return ledger
