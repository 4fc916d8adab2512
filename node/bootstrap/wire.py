"""What the two sides of a snapshot say: canonical msgpack bodies, bounded before they are parsed.

Path                     body                          answer
POST /p2p/tip            []                            [header, certificate or nil, earliest height with a body]
POST /p2p/snapshot       []                            header, as bytes: the state of this block is kept now
POST /p2p/snapshot/rows  [height, kind, after or nil]  [[key, value], ...] in key order; none where it is the end
POST /p2p/headers        [first, last]                 [[header, certificate, next validators or nil], ...]
POST /p2p/bodies         [first, last]                 [body row, ...] for those heights, as many as fit
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.block import Header, decode_header
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import Value, decode, encode
from ledger.errors import ShapeError
from ledger.limits import INTEGER_MAX
from ledger.shape import as_array, as_blob, as_integer, as_list
from ledger.validators import ValidatorSet
from node.bootstrap.headers import CertifiedHeader
from node.network.wire import BODY_BYTES_MAX

HEADERS_PER_ANSWER_MAX: Final = 1_000
ROWS_PER_ANSWER_MAX: Final = 20_000
ROWS_BYTES_MAX: Final = 2 * 1024 * 1024


class RowKind(StrEnum):
    """What of a snapshot is asked for: the nodes of the state tree, the heads, the index of their histories."""

    NODES = "nodes"
    HEADS = "heads"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a peer stands: its last block, and the earliest height whose transactions it still has."""

    header: Header
    certificate: Certificate | None
    earliest_height: int


def encode_tip(tip: Tip) -> bytes:
    """Return the answer to ``tip``."""
    certificate = None if tip.certificate is None else tip.certificate.encode()
    return encode([tip.header.encoded, certificate, tip.earliest_height])


def decode_tip(body: bytes) -> Tip:
    """Return the tip of an answer; raises LedgerError."""
    header, certificate, first = as_array(decode(body, BODY_BYTES_MAX), 3, "tip")
    return Tip(
        decode_header(as_blob(header, BODY_BYTES_MAX, "header")),
        None if certificate is None else decode_certificate(as_blob(certificate, BODY_BYTES_MAX, "certificate")),
        as_integer(first, 0, INTEGER_MAX, "earliest height"),
    )


def encode_rows_question(height: int, kind: RowKind, after: bytes | None) -> bytes:
    """Return the question for rows of the snapshot at a height, from the key after ``after``."""
    return encode([height, str(kind), after])


def decode_rows_question(body: bytes) -> tuple[int, RowKind, bytes | None]:
    """Return (height, kind, after) of a question; raises LedgerError."""
    height, kind, after = as_array(decode(body, BODY_BYTES_MAX), 3, "rows question")
    if kind not in tuple(RowKind):
        raise ShapeError("row_kind", f"the rows are of one of the kinds {', '.join(RowKind)}")
    return (
        as_integer(height, 1, INTEGER_MAX, "height"),
        RowKind(str(kind)),
        None if after is None else as_blob(after, BODY_BYTES_MAX, "after"),
    )


def encode_rows(rows: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the answer with these rows."""
    return encode([[key, value] for key, value in rows])


def decode_rows(body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the rows of an answer; raises LedgerError."""
    rows = []
    for entry in as_list(decode(body, BODY_BYTES_MAX), ROWS_PER_ANSWER_MAX, "rows"):
        key, value = as_array(entry, 2, "row")
        rows.append((as_blob(key, BODY_BYTES_MAX, "key"), as_blob(value, BODY_BYTES_MAX, "value")))
    return rows


def encode_headers(entries: Sequence[CertifiedHeader]) -> bytes:
    """Return the answer with these headers."""
    values: list[Value] = []
    for entry in entries:
        following = None if entry.next_validators is None else entry.next_validators.to_value()
        values.append([entry.header.encoded, entry.certificate.encode(), following])
    return encode(values)


def decode_headers(body: bytes) -> list[CertifiedHeader]:
    """Return the headers of an answer; raises LedgerError."""
    entries = []
    for value in as_list(decode(body, BODY_BYTES_MAX), HEADERS_PER_ANSWER_MAX, "headers"):
        header, certificate, following = as_array(value, 3, "certified header")
        entries.append(
            CertifiedHeader(
                decode_header(as_blob(header, BODY_BYTES_MAX, "header")),
                decode_certificate(as_blob(certificate, BODY_BYTES_MAX, "certificate")),
                None if following is None else ValidatorSet.from_value(following),
            )
        )
    return entries
