"""The messages that are read and written, each by its table; the first of its versions is the one that is written."""

from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, cast

from lxml import etree

from standards.errors import IsoError
from standards.iso20022.cancellations import CANCELLATION, RESOLUTION, CancellationRequest, Resolution
from standards.iso20022.layout import Layout, read_record, write_message
from standards.iso20022.parsing import Message, element_path, parse_message, source_line
from standards.iso20022.statement import STATEMENTS, Statements
from standards.iso20022.transfers import (
    CREDIT_TRANSFERS,
    INITIATION,
    RETURNS,
    STATUS_REPORT,
    CreditTransfers,
    Initiation,
    PaymentReturns,
    StatusReport,
)

MessageRecord: TypeAlias = (
    Initiation | CreditTransfers | StatusReport | PaymentReturns | Statements | CancellationRequest | Resolution
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A message: its element below Document, its table, the versions read and written, and those that are only read.

    What is only read has no UETR, so that nobody could tell which payment is meant.
    """

    element: str
    versions: tuple[str, ...]
    layout: Layout[Any]
    read_alone: tuple[str, ...] = ()


KINDS: Final[dict[str, Kind]] = {
    "pain.001": Kind("CstmrCdtTrfInitn", ("pain.001.001.09", "pain.001.001.12"), INITIATION),
    "pacs.008": Kind(
        "FIToFICstmrCdtTrf",
        ("pacs.008.001.08", "pacs.008.001.10", "pacs.008.001.12", "pacs.008.001.13"),
        CREDIT_TRANSFERS,
        ("pacs.008.001.07",),
    ),
    "pacs.002": Kind(
        "FIToFIPmtStsRpt",
        ("pacs.002.001.10", "pacs.002.001.12", "pacs.002.001.15"),
        STATUS_REPORT,
        ("pacs.002.001.08",),
    ),
    "pacs.004": Kind("PmtRtr", ("pacs.004.001.09",), RETURNS),
    "camt.053": Kind("BkToCstmrStmt", ("camt.053.001.08", "camt.053.001.07"), STATEMENTS),
    "camt.056": Kind("FIToFIPmtCxlReq", ("camt.056.001.08",), CANCELLATION),
    "camt.029": Kind("RsltnOfInvstgtn", ("camt.029.001.09",), RESOLUTION),
}


def read_message(message: Message) -> MessageRecord:
    """Return the record of a message: Initiation, CreditTransfers, StatusReport, PaymentReturns, Statements, ...

    Raises
    ------
    IsoError
        ``unknown_message`` or ``unknown_version``; or what is missing or wrong, with its element.

    """
    kind = KINDS.get(message.kind)
    if kind is None:
        _refuse(message, "unknown_message", f"{message.identifier} is none of the messages read: {', '.join(KINDS)}")
    known = (*kind.versions, *kind.read_alone)
    if message.identifier not in known:
        _refuse(message, "unknown_version", f"{message.identifier} is not read; {', '.join(known)} are")
    body = message.document[0]
    if (
        etree.QName(body).localname != kind.element
        or etree.QName(body).namespace != etree.QName(message.document).namespace
    ):
        _refuse(message, "wrong_element", f"the Document of a {message.kind} holds {kind.element}")
    return cast(MessageRecord, read_record(body, kind.layout))


def write_record_as(identifier: str, record: MessageRecord) -> bytes:
    """Return a record as a message; ``identifier`` is a kind, or a kind with its version; raises IsoError."""
    kind = KINDS.get(identifier[:8])
    version = kind.versions[0] if kind and identifier == identifier[:8] else identifier
    if kind is None or version not in kind.versions:
        known = ", ".join(KINDS)
        raise IsoError("unknown_message", f"{identifier[:80]!r} is no message that is written; {known} are")
    assert isinstance(record, kind.layout.make), "the record is of the kind"
    return write_message(version, kind.element, kind.layout, record)


def is_whole(message: Message, record: MessageRecord) -> bool:
    """Say whether a record has all that its message says, so that nothing is lost where it is written again."""
    again = parse_message(write_record_as(message.identifier, record))
    one, other = (
        etree.canonicalize(each.document, strip_text=True, rewrite_prefixes=True) for each in (message, again)
    )
    return bool(one == other)


def _refuse(message: Message, code: str, text: str) -> NoReturn:
    raise IsoError(code, text, element_path(message.document[0]), source_line(message.document[0]))
