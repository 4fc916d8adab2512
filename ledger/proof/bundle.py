"""The shape gate of bundles: a JSON text in, a typed bundle out, nothing proven yet.

Every list has one order and no entry twice. What a field means and what it is checked against: docs/proofs.md.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, TypeVar, cast

from ledger.block import Header, decode_header
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import decode
from ledger.errors import CodecError, ProofError, ShapeError
from ledger.hashing import HASH_BYTES, ZERO_HASH
from ledger.limits import BLOCK_TRANSACTIONS_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX
from ledger.proof.json_text import bytes_of, fields_of, integer_of, list_of, parse_json
from ledger.proof.parts import (
    HEADS,
    KINDS,
    NEXT,
    SKIP,
    STATEMENT,
    TRANSACTION,
    TRUST,
    Bundle,
    ChangeEntry,
    HeadEntry,
    HistoryEntry,
    Inclusion,
    RecordEntry,
    Subject,
)
from ledger.proof.stream import TRANSACTIONS_BYTES_MAX, inflated
from ledger.proof.trust import CHANGES_MAX, validators_of
from ledger.readable import Json
from ledger.receipt import decode_receipt
from ledger.shape import as_blob, as_bytes, as_integer, as_list, as_map
from ledger.state import CHAIN_FIELD, COUNT_FIELD, Head
from ledger.transaction import Transaction, decode_transaction

BUNDLE_FORMAT: Final = "tradelane-proof/1"
BUNDLE_LENGTH_MAX: Final = 64 * 1024 * 1024
RECORDS_MAX: Final = 10_000
"""How many records one history in a bundle may have; a longer one is handed over in parts (kind ``statement``)."""

_KEY_BYTES_MAX: Final = 4096
_HEAD_BYTES_MAX: Final = 1024 * 1024
_RECEIPT_BYTES_MAX: Final = 4 * 1024 * 1024
_NODE_BYTES_MAX: Final = 4 + 16 * 2 * HASH_BYTES
_STATE_PATH_MAX: Final = 2 * HASH_BYTES
_MERKLE_PATH_MAX: Final = 64
_HEADS_MAX: Final = 1_000
_FIELDS: Final = (
    "format",
    "kind",
    "chain_id",
    "subject",
    "validator_changes",
    "header",
    "certificate",
    "transactions",
    "inclusion",
    "heads",
    "history",
)
_INCLUSION_FIELDS: Final = ("index", "transaction_path", "receipt", "receipt_path")
_OUTPUT_BYTES_MAX: Final = 1024 * 1024

_Entry = TypeVar("_Entry")
_Encoded = TypeVar("_Encoded", bytes, Json)
_Decoded = TypeVar("_Decoded")


def read_bundle(document: str | dict[str, Json]) -> Bundle:
    """Return the bundle of a JSON text, or of the object that such a text stands for; raises ProofError.

    Here as below, fields are read in the order in which docs/proofs.md lists them, each whole before the next.
    """
    value = parse_json(document, BUNDLE_LENGTH_MAX) if isinstance(document, str) else document
    # The version comes first: what a later version looks like is not for this one to judge.
    if type(value) is dict and value.get("format", BUNDLE_FORMAT) != BUNDLE_FORMAT:
        raise ProofError("unknown_format", f"the format is not {BUNDLE_FORMAT!r}, the one that this program reads")
    fields = fields_of(value, _FIELDS, "the bundle")
    kind = fields["kind"]
    if type(kind) is not str or kind not in KINDS:
        raise ProofError("unknown_kind", f"the kind of the bundle is none of {', '.join(KINDS)}")
    return Bundle(
        kind=kind,
        chain_id=_hash(fields["chain_id"], "chain_id"),
        subject=_subject(kind, fields["subject"]),
        changes=_entries(
            fields["validator_changes"], "change", CHANGES_MAX, _change, lambda entry: entry.header.height
        ),
        header=_header(fields),
        certificate=_certificate(fields),
        inclusion=None if fields["inclusion"] is None else _inclusion(fields["inclusion"]),
        heads=_entries(fields["heads"], "head", _HEADS_MAX, _head, lambda entry: entry.key),
        history=_entries(fields["history"], "history", _HEADS_MAX, _history, lambda entry: entry.key),
        # Last, so that nothing is inflated before all else is in shape.
        transactions=_transactions(fields["transactions"]),
    )


def _subject(kind: str, value: Json) -> Subject:
    if kind == TRANSACTION:
        fields = fields_of(value, ("transaction_id",), "the subject")
        return Subject(transaction_id=_hash(fields["transaction_id"], "transaction_id"))
    if kind == TRUST:
        return Subject(height=integer_of(fields_of(value, ("height",), "the subject")["height"], "height"))
    if kind == HEADS:
        fields = fields_of(value, ("heads",), "the subject")
        return Subject(heads=_entries(fields["heads"], "subject", _HEADS_MAX, _subject_head, lambda entry: entry[0]))
    if kind == STATEMENT:
        fields = fields_of(value, ("key", "after_count"), "the subject")
        return Subject(heads=((_key(fields), integer_of(fields["after_count"], "after_count")),))
    return Subject(heads=((_key(fields_of(value, ("key",), "the subject")), 0),))


def _subject_head(value: Json) -> tuple[bytes, int]:
    entry = list_of(value, 2, "a head of the subject")
    if len(entry) != 2:
        raise ProofError("field_type", "a head of the subject is [key, after_count]")
    return bytes_of(entry[0], "key", _KEY_BYTES_MAX, 1), integer_of(entry[1], "after_count")


def _change(value: Json) -> ChangeEntry:
    fields = fields_of(value, ("kind", "header", "certificate", "validators"), "a change of the validators")
    kind = fields["kind"]
    if type(kind) is not str or kind not in (NEXT, SKIP):
        raise ProofError("change_kind", f"a change of the validators is {NEXT} or {SKIP}")
    return ChangeEntry(
        kind, _header(fields), _certificate(fields), _decoded("change_members", validators_of, fields["validators"])
    )


def _header(fields: dict[str, Json]) -> Header:
    return _decoded("header_encoding", decode_header, bytes_of(fields["header"], "header", 1024))


def _certificate(fields: dict[str, Json]) -> Certificate:
    encoded = bytes_of(fields["certificate"], "certificate", 16 * 1024)
    return _decoded("certificate_encoding", decode_certificate, encoded)


def _transactions(value: Json) -> tuple[Transaction, ...]:
    content = inflated(bytes_of(value, "transactions", TRANSACTIONS_BYTES_MAX))
    return _decoded("transaction_encoding", _decode_transactions, content)


def _decode_transactions(data: bytes) -> tuple[Transaction, ...]:
    entries = as_list(decode(data), RECORDS_MAX, "transactions")
    return tuple(decode_transaction(as_blob(entry, TRANSACTION_BYTES_MAX, "transaction")) for entry in entries)


def _inclusion(value: Json) -> Inclusion:
    fields = fields_of(value, _INCLUSION_FIELDS, "the inclusion")
    return Inclusion(
        index=integer_of(fields["index"], "index", BLOCK_TRANSACTIONS_MAX),
        transaction_path=_path(fields["transaction_path"], "transaction_path"),
        receipt=_decoded(
            "receipt_encoding", decode_receipt, bytes_of(fields["receipt"], "receipt", _RECEIPT_BYTES_MAX)
        ),
        receipt_path=_path(fields["receipt_path"], "receipt_path"),
    )


def _head(value: Json) -> HeadEntry:
    fields = fields_of(value, ("key", "value", "path"), "a head entry")
    key = _key(fields)
    encoded = None if fields["value"] is None else bytes_of(fields["value"], "value", _HEAD_BYTES_MAX)
    head, count, chain = (None, 0, ZERO_HASH) if encoded is None else _decoded("head_encoding", _head_value, encoded)
    nodes = list_of(fields["path"], _STATE_PATH_MAX, "path")
    path = tuple(bytes_of(node, "a node of the path", _NODE_BYTES_MAX) for node in nodes)
    return HeadEntry(key, encoded, head, count, chain, path)


def _head_value(encoded: bytes) -> tuple[Head | None, int, bytes]:
    head = as_map(decode(encoded), "head")
    if CHAIN_FIELD not in head:
        return head, 0, ZERO_HASH
    count = as_integer(head.get(COUNT_FIELD), 1, (1 << 63) - 1, "count")
    return head, count, as_bytes(head[CHAIN_FIELD], HASH_BYTES, "chain")


def _history(value: Json) -> HistoryEntry:
    fields = fields_of(value, ("key", "after_count", "after_chain", "records"), "a history entry")
    return HistoryEntry(
        key=_key(fields),
        after_count=integer_of(fields["after_count"], "after_count"),
        after_chain=_hash(fields["after_chain"], "after_chain"),
        records=tuple(_record(entry) for entry in list_of(fields["records"], RECORDS_MAX, "records")),
    )


def _record(value: Json) -> RecordEntry:
    entry = list_of(value, 6, "a record")
    if len(entry) != 6:
        raise ProofError("field_type", "a record is [transaction, operation, height, index, time_ms, output]")
    return RecordEntry(
        number=integer_of(entry[0], "transaction", RECORDS_MAX),
        operation_index=integer_of(entry[1], "operation", TRANSACTION_OPERATIONS_MAX),
        height=integer_of(entry[2], "height"),
        transaction_index=integer_of(entry[3], "index", BLOCK_TRANSACTIONS_MAX),
        time_ms=integer_of(entry[4], "time_ms"),
        encoded_output=(output := bytes_of(entry[5], "output", _OUTPUT_BYTES_MAX)),
        output=_decoded("output_encoding", decode, output),
    )


def _entries(
    value: Json,
    what: str,
    length_max: int,
    read: Callable[[Json], _Entry],
    place: Callable[[_Entry], int | bytes],
) -> tuple[_Entry, ...]:
    """Return the entries of an array that must stand in strictly ascending order of their places."""
    entries = tuple(read(entry) for entry in list_of(value, length_max, f"the list of {what} entries"))
    places = cast("Sequence[int]", [place(entry) for entry in entries])
    for earlier, later in pairwise(places):
        if earlier == later:
            raise ProofError(f"duplicate_{what}", f"there are two {what} entries for {later!r}")
        if earlier > later:
            raise ProofError(f"{what}_order", f"the {what} entries are not in ascending order")
    return entries


def _path(value: Json, what: str) -> tuple[bytes, ...]:
    return tuple(_hash(sibling, what) for sibling in list_of(value, _MERKLE_PATH_MAX, what))


def _key(fields: dict[str, Json]) -> bytes:
    return bytes_of(fields["key"], "key", _KEY_BYTES_MAX, 1)


def _hash(value: Json, what: str) -> bytes:
    return bytes_of(value, what, HASH_BYTES, HASH_BYTES)


def _decoded(code: str, read: Callable[[_Encoded], _Decoded], data: _Encoded) -> _Decoded:
    try:
        return read(data)
    except (CodecError, ShapeError) as error:
        raise ProofError(code, str(error)) from error
