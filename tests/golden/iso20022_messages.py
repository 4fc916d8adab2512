"""Payments and a statement of a small world as messages of ISO 20022, whose texts the golden files keep."""

from standards.iso20022.messages import write_record_as
from standards.iso20022.parties import LedgerProof
from tests.support import bank_stories as stories
from tests.support.bank_statements import MINUTE_MS, statement_of
from tests.support.contracts_world import START_MS
from tradelane.bank_messages import payment_message
from tradelane.bank_statements import statement_message


def texts() -> dict[str, str]:
    """Return the files by name."""
    dear = stories.exchanged(fee_bearer="payee", end_to_end="INVOICE-77", purpose="GDDS", reference="PO-26-1187 <&>")
    divided = stories.resolved()
    statement = statement_message(
        statement_of((125_000, -12_550, -200_000), START_MS, uetr=stories.PAID, reference="PO-26-1187"),
        START_MS + 10 * MINUTE_MS,
        proof=LedgerProof(chain_id=stories.CHAIN_ID, height=8, transactions=()),
    )
    messages = {
        "pain.001": payment_message(dear, "pain.001"),
        "pacs.008": payment_message(dear, "pacs.008"),
        "pacs.002_settled": payment_message(dear, "pacs.002"),
        "pacs.002_expired": payment_message(stories.expired(), "pacs.002"),
        "pacs.004_refund": payment_message(stories.given_back(), "pacs.004"),
        "pacs.004_escrow": payment_message(divided, "pacs.004"),
        "camt.056": payment_message(divided, "camt.056"),
        "camt.029": payment_message(divided, "camt.029"),
        "camt.053": write_record_as("camt.053", statement),
    }
    return {f"iso20022_{name}.xml": written.decode() for name, written in messages.items()}
