"""`tradelane iso pay`: a payment that a bank's message asks for, made on the ledger without anything of a person."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from cli.exchange import payment_text, require_chain
from cli.formatting import committed_table, committed_value, done_text
from cli.iso_export import report_payment, report_refusal
from cli.iso_files import SchemaOption, read_message_file, refused, schema_faults
from cli.money import AttestationsOption, BeneficiaryOption, OriginatorOption, QuoteOption
from cli.output import fields_table
from cli.party import recipient_key
from cli.party_files import read_parties, write_sealed
from cli.quote_file import QuoteFile, read_quote_file
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from contracts.settlement.quotes import SEND
from ledger.codec import Value
from ledger.transaction import Operation
from standards.errors import IsoError
from standards.iso20022.messages import read_message
from tradelane import BadRequestError, Client, TradelaneError, parse_amount, seal_data
from tradelane.bank_orders import Order, read_orders, require_bearer

PAY_EPILOG: Final = """\b
Examples:
  tradelane iso pay pain.xml --as buyer
  tradelane iso pay pain.xml --from buyer/HKD --to seller/PHP \\
      --quote quote.json --originator o7.originator.sealed.json \\
      --beneficiary o7.beneficiary.sealed.json --schema schemas/ \\
      --report status.xml --as buyer
"""
SEAL_EPILOG: Final = """\b
Examples:
  tradelane iso seal pain.xml --for 5a0c... -o o7
"""
# Where the day begins first, it is that much later than in UTC.
_EARLIEST_DAY: Final = timedelta(hours=14)
_ROLES: Final[tuple[Literal["originator", "beneficiary"], ...]] = ("originator", "beneficiary")


NumberOption = Annotated[
    int | None, typer.Option("--number", min=1, help="Which payment of the message, where it has several.")
]


def pay(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A pain.001 or pacs.008; - for standard input.")],
    *,
    number: NumberOption = None,
    debit: Annotated[str | None, typer.Option("--from", metavar="ACCOUNT", help="Else the message's DbtrAcct.")] = None,
    credit: Annotated[str | None, typer.Option("--to", metavar="ACCOUNT", help="Else the message's CdtrAcct.")] = None,
    quote: QuoteOption = None,
    originator: OriginatorOption = None,
    beneficiary: BeneficiaryOption = None,
    attestations: AttestationsOption = None,
    end_to_end: Annotated[
        bool, typer.Option("--with-end-to-end", help="Put EndToEndId on the ledger, where everybody reads it.")
    ] = False,
    schema: SchemaOption = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what became of it as a pacs.002, refused or not.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Make the payment that a message asks for.

    On the ledger go its UETR, accounts, amounts, purpose code and the commitments to sealed data, nothing else; names,
    addresses, references and remittance information stay in the message. An account of the message is taken for one
    of the ledger where it is no IBAN. A message without a UETR gets one that it always gets, so that it pays once.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    order, kind = _order(file, schema, number)
    _require_due(order)
    payer = _account(debit, order.debtor_account.ledger_id, "--from", "DbtrAcct")
    payee = _account(credit, order.creditor_account.ledger_id, "--to", "CdtrAcct")
    found = None if quote is None else read_quote_file(quote)
    uetr = order.reference(payer)
    arguments: dict[str, Value] = {"uetr": uetr, "payer": payer, "payee": payee}
    if order.purpose_on_ledger is not None:
        arguments["purpose"] = order.purpose_on_ledger
    if end_to_end:
        arguments["end_to_end"] = order.end_to_end
    signing_key = session.key()
    with session.client() as client:
        arguments |= _money(client, order, payer, payee, found)
        arguments |= read_parties(originator, beneficiary, attestations or [])
        try:
            status = client.submit([Operation("settlement.pay", arguments)], signing_key, wait_s=wait)
        except TradelaneError as error:
            if report is not None and error.code.startswith("ledger."):
                report_refusal(report, order, kind, uetr, error.code, time.time_ns() // 1_000_000)
            raise
        made = client.payment(uetr)
        if report is not None:
            report_payment(client, made, report, order, kind)
    value = {**committed_value(status), "uetr": uetr, "payment": made.fields}
    session.output.result(value, *payment_text(made), committed_table(status))


def seal(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A pain.001 or pacs.008; - for standard input.")],
    *,
    recipients: Annotated[
        list[str], typer.Option("--for", metavar="KEY", help="Encryption key of who may read it; may be repeated.")
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="NAME", help="How the files' names begin.")],
    number: NumberOption = None,
    json: JsonOption = False,
) -> None:
    """Seal what a message says of payer and payee.

    A payment then carries the commitments to it, by --originator and --beneficiary. Writes NAME.originator.sealed.json
    and NAME.beneficiary.sealed.json, each with the NAME...key.json that opens it for the recipients, as `party seal`
    does. Asks nobody.
    """
    session = open_session(context, json=json)
    order, _ = _order(file, None, number)
    keys = [recipient_key(text) for text in recipients]
    value: dict[str, object] = {}
    rows: list[tuple[str, str]] = []
    for role in _ROLES:
        data, data_key = seal_data(order.personal_data(role), keys)
        data_file, key_file = (Path(f"{output}.{role}.{part}.json") for part in ("sealed", "key"))
        write_sealed(data_file, data, key_file, data_key)
        commitment = data.commitment.hex()
        value[role] = {"commitment": commitment, "sealed": str(data_file), "key": str(key_file)}
        rows += [(role, commitment), ("sealed", str(data_file)), ("key", str(key_file))]
    session.output.result(value, done_text(f"sealed to {len(keys)}"), fields_table(rows))


def _order(file: str, schema: Path | None, number: int | None) -> tuple[Order, str]:
    """Return the order of a message, and which message it is."""
    try:
        message = read_message_file(file)
        if schema is not None:
            for fault in schema_faults(message, schema):
                raise refused(file, fault)
        orders = read_orders(read_message(message))
    except IsoError as error:
        raise refused(file, error) from None
    if number is None and len(orders) != 1:
        raise BadRequestError("iso.several", f"the message asks for {len(orders)} payments", "say which with --number")
    if number is not None and number > len(orders):
        raise BadRequestError("iso.number", f"the message asks for {len(orders)} payments", "give a smaller --number")
    return orders[(number or 1) - 1], message.identifier


def _require_due(order: Order) -> None:
    if order.execution_date is not None and order.execution_date > (datetime.now(UTC) + _EARLIEST_DAY).date():
        raise BadRequestError(
            "iso.execution_date", f"the message asks to pay on {order.execution_date}, not before", "pay on that day"
        )


def _account(given: str | None, said: str | None, option: str, element: str) -> str:
    found = given or said
    if not found:
        raise BadRequestError(
            "iso.account", f"{element} of the message names no account of the ledger", f"name it with {option}"
        )
    return found


def _money(client: Client, order: Order, payer: str, payee: str, found: QuoteFile | None) -> dict[str, Value]:
    """Return amount, side and quote of the payment; raises BadRequestError where message, accounts and quote differ."""
    source, target = client.account(payer), client.account(payee)
    if order.target_currency is not None and order.target_currency != target.currency:
        raise BadRequestError(
            "iso.currency", f"the message is to pay {order.target_currency[:12]}, {target.id} is in {target.currency}"
        )
    if found is None:
        amount = order.amount_in(source.currency)
        return {"amount": parse_amount(amount.amount, source.exponent)}
    require_chain(client, found)
    fee = found.quote.fee
    require_bearer(order, None if fee is None else fee.bearer)
    fixed = source if found.quote.side == SEND else target
    amount = order.amount_in(fixed.currency)
    return {"amount": parse_amount(amount.amount, fixed.exponent), "side": found.quote.side, "quote": found.value}
