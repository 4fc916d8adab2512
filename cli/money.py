"""`tradelane pay|issue|balance`: amounts as people write them, transfers with ids that can be repeated."""

import secrets
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.exchange import pay_by_quote
from cli.formatting import committed_table, committed_value, done_text, time_text
from cli.output import table
from cli.party_files import read_parties
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from ledger.codec import Value
from ledger.transaction import Operation
from tradelane import Account, BadRequestError, Client, format_amount, parse_amount

PAY_EPILOG: Final = """\b
Examples:
  tradelane pay 1250.00 USD --from retailer/USD --to brand/USD --as retailer
  tradelane pay 1250.00 USD --from retailer/USD --to brand/USD --as retailer \\
      --reference "PO-26-1187" --id 5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90
  tradelane pay 2000.00 HKD --from buyer/HKD --to seller/PHP --as buyer \\
      --quote quote.json
"""
ISSUE_EPILOG: Final = """\b
Examples:
  tradelane issue 50000.00 USD --to retailer/USD --as warehouse
"""
BALANCE_EPILOG: Final = """\b
Examples:
  tradelane balance brand/USD
  tradelane balance brand/USD --entries --json
"""

AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="Decimal amount, such as 1250.00.")]
CurrencyArgument = Annotated[str, typer.Argument(metavar="CURRENCY", help="Currency code, such as USD.")]
IdOption = Annotated[
    str | None,
    typer.Option("--id", metavar="HEX", help="Transfer id, 32 hexadecimal digits; the same id never pays twice."),
]
ReferenceOption = Annotated[
    str | None, typer.Option("--reference", help="Text for the payee, such as an order number.")
]


OriginatorOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Who pays, as sealed by `party seal`.")]
BeneficiaryOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Who is paid, as sealed by `party seal`.")]
AttestationsOption = Annotated[
    list[Path] | None, typer.Option("--attestation", metavar="FILE", help="What `party screen` signed; repeatable.")
]
QuoteOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Provider's quote, for an account in another currency.")
]


def pay(
    context: typer.Context,
    amount: AmountArgument,
    currency: CurrencyArgument,
    *,
    debit: Annotated[str, typer.Option("--from", metavar="ACCOUNT", help="Account that pays.", show_default=False)],
    credit: Annotated[str, typer.Option("--to", metavar="ACCOUNT", help="Account that is paid.", show_default=False)],
    reference: ReferenceOption = None,
    transfer_id: IdOption = None,
    uetr: Annotated[
        str | None, typer.Option(help="Unique end-to-end transaction reference of the bank message.")
    ] = None,
    quote: QuoteOption = None,
    originator: OriginatorOption = None,
    beneficiary: BeneficiaryOption = None,
    attestations: AttestationsOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Pay from one account to another.

    The owner of the paying account signs. Give --id when you may have to repeat the command (--uetr with a quote): the
    ledger pays an id once, whatever happens to the connection. A transfer id that was refused, for lack of funds or of
    an account, is refused for good; to try again then, leave --id out or give another. With a quote the amount is in
    the currency of the side that the quote fixes.
    """
    parties = read_parties(originator, beneficiary, attestations or [])
    if parties and quote is None:
        raise BadRequestError(
            "party.quote", "the parties go with a payment by a quote", "give --quote, or leave them out"
        )
    if quote is not None:
        if transfer_id is not None:
            raise BadRequestError("transfer.id", "a payment by a quote goes by its UETR", "give --uetr, not --id")
        opened = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
        pay_by_quote(opened, quote, amount, currency, debit, credit, reference, uetr, wait, parties)
        return
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    signing_key = session.key()
    with session.client() as client:
        payer = client.account(debit)
        require_currency(payer, currency)
        arguments: dict[str, Value] = {
            "id": chosen_transfer_id(transfer_id),
            "debit": debit,
            "credit": credit,
            "amount": parse_amount(amount, payer.exponent),
            "currency": currency,
        }
        if reference is not None:
            arguments["reference"] = reference
        if uetr is not None:
            arguments["uetr"] = uetr
        status = client.submit([Operation("settlement.transfer", arguments)], signing_key, wait_s=wait)
        after = client.account(debit)
    value = {
        **committed_value(status),
        "transfer": arguments["id"],
        "balance": amount_text(after),
        "currency": currency,
    }
    paid = f"paid {format_amount(parse_amount(amount, payer.exponent), payer.exponent)} {currency} to {credit}"
    session.output.result(
        value, done_text(paid), committed_table(status), f"{escape(debit)} now holds {amount_text(after)} {currency}"
    )


def issue(
    context: typer.Context,
    amount: AmountArgument,
    currency: CurrencyArgument,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="ACCOUNT", help="Account that gets the money.", show_default=False)
    ],
    reference: ReferenceOption = None,
    transfer_id: IdOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Issue money, as the currency's issuer."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        account = client.account(to)
        require_currency(account, currency)
        minor_units = parse_amount(amount, account.exponent)
        arguments: dict[str, Value] = {"id": chosen_transfer_id(transfer_id), "account": to, "amount": minor_units}
        if reference is not None:
            arguments["reference"] = reference
    done = f"issued {format_amount(minor_units, account.exponent)} {currency} to {to}"
    submit_operation(
        session, "settlement.issue", arguments, shown={"transfer": arguments["id"]}, wait_s=wait, done=done
    )


def balance(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account, such as brand/USD.")],
    *,
    entries: Annotated[bool, typer.Option("--entries", help="Show what touched it, too.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what an account holds: what it can pay, and what is held for others and for it."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.account(account)
        value: dict[str, object] = {
            "id": found.id,
            "owner": found.owner,
            "currency": found.currency,
            "balance": amount_text(found),
            "held": format_amount(found.debits_pending, found.exponent),
            "incoming": format_amount(found.credits_pending, found.exponent),
            "status": found.status,
            "height": found.height,
        }
        holds = f"[bold]{amount_text(found)} {escape(found.currency)}[/]"
        state = "" if found.status == "open" else f", [bold red]{found.status}[/]"
        shown: list[RenderableType] = [f"{holds}  {escape(found.id)}, owned by {escape(found.owner)}{state}"]
        if found.debits_pending or found.credits_pending:
            held, incoming = value["held"], value["incoming"]
            has = format_amount(found.posted, found.exponent)
            shown.append(f"available of {has}; {held} is held for others, {incoming} for it")
        if entries:
            _add_entries(client, found, value, shown)
    session.output.result(value, *shown)


def amount_text(account: Account) -> str:
    """Return the balance of an account as a decimal text."""
    return format_amount(account.balance, account.exponent)


def _add_entries(client: Client, account: Account, value: dict[str, object], shown: list[RenderableType]) -> None:
    rows = table("time", ">block", "kind", ">posted", ">pending", "with", "reference")
    listed = []
    for entry in client.entries(account.id):
        posted, pending = (_moved(amount, account.exponent) for amount in (entry.posted, entry.pending))
        listed.append({**entry.fields, "posted": posted, "pending": pending})
        counterparty, reference = escape(entry.counterparty or ""), escape(entry.reference or "")
        rows.add_row(time_text(entry.time_ms), str(entry.height), entry.kind, posted, pending, counterparty, reference)
    value["entries"] = listed
    shown.append(rows)


def _moved(amount: int | None, exponent: int) -> str:
    return "?" if amount is None else format_amount(amount, exponent) if amount else ""


def require_currency(account: Account, currency: str) -> None:
    """Refuse a currency that is not the account's."""
    if account.currency != currency:
        raise BadRequestError(
            "currency.differs", f"{account.id} is in {account.currency}, not in {currency}", "name an account of it"
        )


def chosen_transfer_id(text: str | None) -> bytes:
    """Return the transfer id that a person wrote in hexadecimal, else a random one."""
    if text is None:
        return secrets.token_bytes(16)
    try:
        identifier = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        identifier = b""
    if len(identifier) != 16:
        raise BadRequestError("transfer.id", f"{text!r} is no transfer id", "it is 32 hexadecimal digits")
    return identifier
