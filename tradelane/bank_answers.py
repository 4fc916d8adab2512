"""What the ledger answers to a message that asked for a payment: a pacs.002 that names the message, kept or refused."""

import hashlib
from dataclasses import replace
from typing import Final

from standards.iso20022.layout import writable
from standards.iso20022.transfers import StatusReport, TransactionStatus
from tradelane.bank_codes import REJECTED, reason_of
from tradelane.bank_messages import iso_time, lines
from tradelane.bank_orders import Order

_IDENTIFIER_LENGTH_MAX: Final = 35


def answer(report: StatusReport, order: Order, kind: str) -> StatusReport:
    """Return the status of a payment as an answer to the message that asked for it."""
    (status,) = report.statuses
    named = replace(
        status,
        original_message=_identifier(order.message_id),
        original_kind=kind,
        end_to_end=_identifier(order.end_to_end),
    )
    return replace(report, statuses=(named,))


def refusal(order: Order, kind: str, uetr: str, result: str, time_ms: int) -> StatusReport:
    """Return that the ledger refused an order with a result code; the same refusal has the same id."""
    reason, text = reason_of(result)
    identifier = hashlib.sha256("\0".join((uetr, result)).encode()).hexdigest()[:32]
    status = TransactionStatus(
        status_id=identifier,
        original_message=_identifier(order.message_id),
        original_kind=kind,
        end_to_end=_identifier(order.end_to_end),
        uetr=uetr,
        status=REJECTED,
        reason=reason,
        details=lines(text),
    )
    return StatusReport(message_id=identifier, created=iso_time(time_ms), statuses=(status,))


def _identifier(text: str) -> str:
    return writable(text)[:_IDENTIFIER_LENGTH_MAX] or "NOTPROVIDED"
