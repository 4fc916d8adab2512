"""Payments and statements of a node as messages of ISO 20022, with the proof that goes with them."""

import base64
import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.session import Session
from standards.errors import IsoError
from standards.iso20022.messages import write_record_as
from standards.iso20022.parties import LedgerProof
from standards.iso20022.transfers import StatusReport
from tradelane import BadRequestError, Client, Payment, Point, Statement
from tradelane.bank_answers import answer, refusal
from tradelane.bank_messages import MAKERS, PaymentStory, payment_message, status_report
from tradelane.bank_orders import Order
from tradelane.bank_proofs import proof_keys
from tradelane.bank_statements import statement_message

_PAYMENT_KINDS: Final = ", ".join(MAKERS)
_TRIES: Final = 3

PaymentFormOption = Annotated[
    str | None, typer.Option("--as", metavar="MESSAGE", help=f"Write it as ISO 20022: {_PAYMENT_KINDS}.")
]
StatementFormOption = Annotated[
    str | None, typer.Option("--as", metavar="MESSAGE", help="Write it as ISO 20022: camt.053.")
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the message goes; else stdout.")
]
NoProofOption = Annotated[bool, typer.Option("--no-proof", help="Leave the proof bundle out of the message.")]


def require_form(form: str | None, output: Path | None, *, no_proof: bool) -> None:
    """Refuse options that are about a message where none is asked for."""
    if form is None and (output is not None or no_proof):
        raise BadRequestError("iso.no_message", "--output and --no-proof are about a message", "give --as, too")


def export_payment(client: Client, payment: Payment, identifier: str, *, with_proof: bool) -> bytes:
    """Return a payment as a message; raises TradelaneError."""
    refunds = payment.fields.get("refunds")
    original = client.payment(refunds) if isinstance(refunds, str) else None
    payer, payee = client.account(payment.payer), client.account(payment.payee)
    bundle = None
    for _ in range(_TRIES if with_proof else 0):
        bundle = client.heads_proof(proof_keys(payment, original, payer, payee))
        before, payment = payment, client.payment(payment.uetr)
        # The message and its bundle are of one state; a payment may have gone on in between.
        if payment.steps == before.steps:
            break
    story = PaymentStory(
        payment,
        payer.owner,
        payee.owner,
        original=original,
        chain_id=client.status().chain_id,
        bundle=None if bundle is None else _compact(bundle),
    )
    try:
        return payment_message(story, identifier)
    except IsoError as error:
        raise _unknown(identifier, error) from None


def report_payment(client: Client, payment: Payment, file: Path, order: Order, kind: str) -> None:
    """Write what became of a payment as the answer to the message that asked for it."""
    story = PaymentStory(payment, client.account(payment.payer).owner, client.account(payment.payee).owner)
    _write_report(file, answer(status_report(story), order, kind))


def report_refusal(file: Path, order: Order, kind: str, uetr: str, code: str, time_ms: int) -> None:
    """Write that the ledger refused what a message asked for; ``code`` is that of the error."""
    _write_report(file, refusal(order, kind, uetr, code.partition(".")[2].upper(), time_ms))


def _write_report(file: Path, report: StatusReport) -> None:
    try:
        file.write_bytes(write_record_as("pacs.002", report))
    except OSError as error:
        raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", "name another file") from error


def export_statement(
    client: Client, statement: Statement, start: Point | None, end: Point | None, identifier: str, *, with_proof: bool
) -> bytes:
    """Return a statement as a message; raises TradelaneError."""
    if not identifier.startswith("camt.053"):
        raise BadRequestError("iso.unknown_message", f"a statement is no {identifier[:40]!r}", "it is a camt.053")
    account = statement.account
    after_count = statement.lines[0].entry.number - 1 if statement.lines else None
    bundle = client.account_proof(account.id, after_count=after_count) if with_proof else None
    made = statement_message(
        statement,
        client.block(account.height).time_ms,
        start_ms=None if start is None else start.time_ms,
        end_ms=None if end is None else end.time_ms,
        proof=LedgerProof(
            chain_id=client.status().chain_id,
            height=account.height,
            transactions=(),
            bundle=None if bundle is None else _compact(bundle),
        ),
    )
    try:
        return write_record_as(identifier, made)
    except IsoError as error:
        raise _unknown(identifier, error) from None


def write_export(session: Session, message: bytes, output: Path | None) -> None:
    """Write a message to a file, or to standard output."""
    if output is None:
        session.output.raw_bytes(message)
        return
    try:
        output.write_bytes(message)
    except OSError as error:
        raise BadRequestError("file.unwritable", f"{output}: {error.strerror}", "name another file") from error
    session.output.note(f"saved {escape(str(output))}, {len(message)} bytes")


def _unknown(identifier: str, error: IsoError) -> BadRequestError:
    hint = "docs/iso20022.md says which versions are written"
    return BadRequestError(f"iso.{error.code}", f"{identifier[:40]}: {error.message}", hint)


def _compact(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()
