"""The read side: what the ledger knows of things, organisations and money. Pure reads over a store, no web framework.

Answers are JSON values in the shapes of docs/api.md. Every list is a page of bounded size with a cursor; a scan that
would take long stops early and says where to go on. Times are milliseconds UTC, hashes and keys lower-case hex, amounts
decimal strings of minor units (some JSON readers have no 64-bit integers).
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.results import ResultCode
from ledger.block import Header
from ledger.codec import Value, decode_own
from ledger.readable import Json, to_json
from ledger.receipt import Receipt
from ledger.state import COUNT_FIELD, Head, head_key, split_key
from ledger.transaction import Transaction
from node.records import Records
from node.storage.store import Store, StoredBlock
from standards.digital_link import canonical_id

PAGE_MAX: Final = 200
SCAN_MAX: Final = 1_000
"""Heads that one page of a filtered list looks at; beyond it the page ends early with a cursor."""

JsonObject = dict[str, Json]


class CursorError(ValueError):
    """A cursor that this node did not make."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries and where to go on: ``next_cursor`` is None after the last."""

    entries: list[Json]
    next_cursor: str | None = None

    def to_json(self) -> JsonObject:
        """Return the page as it stands in an answer."""
        return {"entries": self.entries, "next_cursor": self.next_cursor}


@dataclass(frozen=True, slots=True)
class Thing:
    """An item, or a class of things that is counted, with its head."""

    kind: str
    identifier: str
    head: Head = field(repr=False)

    @property
    def key(self) -> bytes:
        """The key of its head."""
        return heads.item(self.identifier) if self.kind == "item" else heads.lot(self.identifier)

    @property
    def count(self) -> int:
        """How many records belong to it."""
        return cast(int, self.head.get(COUNT_FIELD, 0))


def get_head(store: Store, key: bytes) -> Head | None:
    """Return the head at a key, or None."""
    encoded = store.head(key)
    return None if encoded is None else cast(Head, decode_own(encoded))


def organisation_of(store: Store, public_key: bytes) -> str | None:
    """Return the organisation that a key signs for, or None where the ledger does not know the key."""
    head = get_head(store, heads.public_key(public_key))
    return None if head is None else cast(str, head["organisation"])


def get_currency(store: Store, code: Value) -> Head:
    """Return the definition of a currency that something on the ledger is in."""
    head = get_head(store, heads.currency(cast(str, code)))
    assert head is not None, "money is in currencies that were defined"
    return head


def find_thing(store: Store, identifier: str) -> Thing | None:
    """Return the item or else the lot of an identifier in any spelling, or None."""
    name = canonical_id(identifier)
    if "\0" in name:
        return None
    for kind, key in (("item", heads.item(name)), ("lot", heads.lot(name))):
        head = get_head(store, key)
        if head is not None:
            return Thing(kind, name, head)
    return None


def item_key(identifier: str) -> bytes:
    """Return the key under which an item of this identifier, in any spelling, would stand."""
    return heads.item(canonical_id(identifier))


def thing_summary(store: Store, thing: Thing) -> JsonObject:
    """Return what is known of a thing now."""
    gtin = cast("str | None", thing.head.get("product"))
    return {
        "id": thing.identifier,
        "kind": thing.kind,
        **dict.fromkeys(("custodian", "owner", "parent", "location", "product", "lot", "disposition")),
        **head_json(thing.head),
        "product_name": None if gtin is None else product_name(store, gtin),
        "height": store.tip.height,
    }


def history_page(store: Store, thing: Thing, after: int, limit: int) -> Page:
    """Return the records of a thing after the first ``after``, oldest first."""
    records = Records(store)
    # A block may have come since the head was read: a page never goes beyond the count that it is told with.
    positions = islice(store.history(thing.key, after), max(0, min(limit, thing.count - after)))
    entries: list[Json] = [
        {"number": number, **records.get(position).to_json(thing.identifier)}
        for number, position in enumerate(positions, after + 1)
    ]
    last = after + len(entries)
    return Page(entries, str(last) if last < thing.count else None)


def product(store: Store, gtin: str) -> JsonObject | None:
    """Return a product by its GTIN of 14 digits, or None."""
    head = get_head(store, heads.product(gtin)) if "\0" not in gtin else None
    if head is None:
        return None
    owner = cast(str, head["owner"])
    return {"gtin": gtin, **head_json(head), "owner_name": organisation_name(store, owner)}


def product_name(store: Store, gtin: str) -> str | None:
    """Return the name of a product, or None where it is not registered."""
    head = get_head(store, heads.product(gtin))
    return None if head is None else cast(str, head["name"])


def organisation_name(store: Store, identifier: str | None) -> str | None:
    """Return the name of an organisation, or None where there is none."""
    head = None if identifier is None else get_head(store, heads.organisation(identifier))
    return None if head is None else cast(str, head["name"])


def organisation(store: Store, identifier: str) -> JsonObject | None:
    """Return an organisation, or None."""
    head = get_head(store, heads.organisation(identifier)) if "\0" not in identifier else None
    return None if head is None else {"id": identifier, **head_json(head)}


def organisations_page(store: Store, cursor: str | None, limit: int) -> Page:
    """Return organisations by id."""
    return scan_page(store, "organisation", cursor, limit, lambda parts, head: {"id": parts[1], **head_json(head)})


def offer(store: Store, identifier: str) -> JsonObject | None:
    """Return an offer of custody or ownership, or None."""
    head = get_head(store, heads.offer(identifier)) if "\0" not in identifier else None
    return None if head is None else {"id": identifier, **head_json(head)}


def offers_page(
    store: Store,
    cursor: str | None,
    limit: int,
    *,
    giver: str | None = None,
    taker: str | None = None,
    party: str | None = None,
    item: str | None = None,
    status: str | None = None,
) -> Page:
    """Return offers by id: those of a giver, to a taker, with a party on either side, of an item, in a status."""
    name = None if item is None else canonical_id(item)

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        wanted = (
            giver in (None, head["from"])
            and taker in (None, head["to"])
            and party in (None, head["from"], head["to"])
            and status in (None, head["status"])
            and (name is None or name in cast("list[str]", head["items"]))
        )
        return {"id": parts[1], **head_json(head)} if wanted else None

    return scan_page(store, "offer", cursor, limit, read)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a transaction was committed and what it did there."""

    header: Header
    index: int
    receipt: Receipt


def committed_transaction(store: Store, transaction_id: bytes, detail: str | None = None) -> JsonObject | None:
    """Return a committed transaction with its receipt, or None; ``detail`` is what this node remembers of a failure."""
    found = _committed(store, transaction_id)
    return None if found is None else committed_json(store, *found, detail)


def stored_outcomes(store: Store, transaction_ids: Iterable[bytes]) -> dict[bytes, Outcome]:
    """Return the outcomes of those of the transactions that are committed, by id."""
    found = {transaction_id: _committed(store, transaction_id) for transaction_id in transaction_ids}
    return {transaction_id: each[0] for transaction_id, each in found.items() if each is not None}


def committed_json(store: Store, made: Outcome, transaction: Transaction, detail: str | None) -> JsonObject:
    """Return a committed transaction with its place and its receipt."""
    return {
        **transaction_json(transaction),
        "state": "committed",
        "organisation": organisation_of(store, transaction.sender),
        **outcome_json(made, detail),
    }


def outcome_json(made: Outcome, detail: str | None) -> JsonObject:
    """Return where a transaction was committed and what it did."""
    return {
        "height": made.header.height,
        "index": made.index,
        "time_ms": made.header.time_ms,
        "receipt": receipt_json(made.receipt, detail),
    }


def _committed(store: Store, transaction_id: bytes) -> tuple[Outcome, Transaction] | None:
    position = store.transaction_position(transaction_id)
    if position is None:
        return None
    row = store.committed(*position)
    assert row is not None, "an index never points above the tip"
    header, transaction, receipt = row
    return Outcome(header, position[1], receipt), transaction


def transaction_json(transaction: Transaction) -> JsonObject:
    """Return what a transaction says, its operations as readable JSON."""
    return {
        "id": transaction.transaction_id.hex(),
        "sender": transaction.sender.hex(),
        "valid_until_ms": transaction.valid_until_ms,
        "operations": [
            {"method": operation.method, "arguments": to_json(cast(Value, operation.arguments))}
            for operation in transaction.operations
        ],
    }


def receipt_json(receipt: Receipt, detail: str | None = None) -> JsonObject:
    """Return a receipt with the name and the meaning of its code."""
    code = ResultCode(receipt.code)
    answer: JsonObject = {
        "code": code.value,
        "result": code.name,
        "meaning": code.meaning,
        "is_transient": code.is_transient,
        "failed_operation": receipt.failed_operation,
        "outputs": [to_json(output) for output in receipt.outputs],
    }
    return {**answer, "detail": detail} if detail else answer


def block_json(block: StoredBlock) -> JsonObject:
    """Return a block: header, who signed, and the ids of its transactions."""
    header, certificate = block.header, block.certificate
    return {
        "height": header.height,
        "hash": header.hash.hex(),
        "time_ms": header.time_ms,
        "parent_hash": header.parent_hash.hex(),
        "proposer": header.proposer.hex(),
        "transactions_root": header.transactions_root.hex(),
        "receipts_root": header.receipts_root.hex(),
        "state_root": header.state_root.hex(),
        "validators_hash": header.validators_hash.hex(),
        "next_validators_hash": header.next_validators_hash.hex(),
        "certificate": None
        if certificate is None
        else {"view": certificate.view, "signers": cast("list[Json]", list(certificate.signers))},
        "transactions": [transaction.transaction_id.hex() for transaction in block.transactions],
        "results": [ResultCode(receipt.code).name for receipt in block.receipts],
    }


def blocks_page(store: Store, before: int | None, limit: int) -> Page:
    """Return headers of blocks, newest first, below the height ``before``."""
    top = store.tip.height if before is None else min(before - 1, store.tip.height)
    entries: list[Json] = []
    height = top
    while height >= 0 and len(entries) < limit:
        header = store.header(height)
        assert header is not None, "every height up to the tip has a header"
        entries.append(
            {
                "height": height,
                "hash": header.hash.hex(),
                "time_ms": header.time_ms,
                "proposer": header.proposer.hex(),
                "state_root": header.state_root.hex(),
            }
        )
        height -= 1
    return Page(entries, str(height + 1) if height >= 0 else None)


def head_json(head: Head) -> JsonObject:
    """Return the fields of a head, byte strings in hex, also those in lists."""
    return {
        name: [_hex_or_json(entry) for entry in value] if type(value) is list else _hex_or_json(value)
        for name, value in head.items()
    }


def _hex_or_json(value: Value) -> Json:
    return value.hex() if type(value) is bytes else to_json(value)


def encode_cursor(position: bytes) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(position).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> bytes:
    """Return what ``encode_cursor`` was given; raises CursorError."""
    try:
        position = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise CursorError("the cursor is not one of this API's") from None
    if encode_cursor(position) != cursor:
        raise CursorError("the cursor is not one of this API's")
    return position


def record_number(cursor: str | None) -> int:
    """Return the number of records that a cursor of a history has passed; raises CursorError."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise CursorError("the cursor is not one of this API's")
    return int(cursor)


def scan_page(
    store: Store,
    kind: str,
    cursor: str | None,
    limit: int,
    read: Callable[[tuple[str, ...], Head], JsonObject | None],
) -> Page:
    """Return the heads of a kind for which ``read`` gives something, from a cursor on."""
    prefix = head_key(kind) + b"\0"
    after = None if cursor is None else decode_cursor(cursor)
    if after is not None and not after.startswith(prefix):
        raise CursorError("the cursor belongs to another list")
    entries: list[Json] = []
    rows: Iterator[tuple[bytes, bytes]] = store.heads(prefix, after)
    for seen, (key, encoded) in enumerate(rows, 1):
        entry = read(split_key(key), cast(Head, decode_own(encoded)))
        if entry is not None:
            entries.append(entry)
        if len(entries) == limit or seen == SCAN_MAX:
            return Page(entries, encode_cursor(key))
    return Page(entries)
