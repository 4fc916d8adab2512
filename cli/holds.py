"""`tradelane hold place|post|void|list`: set money aside for a payee, then pay it or give it up."""

from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.money import (
    AmountArgument,
    CurrencyArgument,
    IdOption,
    ReferenceOption,
    chosen_transfer_id,
    require_currency,
)
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from ledger.codec import Value
from tradelane import Hold, format_amount, parse_amount

_EPILOG: Final = """\b
Examples:
  tradelane hold place 500.00 USD --from retailer/USD --to brand/USD \\
      --hours 48 --as retailer
  tradelane hold list retailer/USD
"""
_PLACE_EPILOG: Final = """\b
Examples:
  tradelane hold place 500.00 USD --from retailer/USD --to brand/USD \\
      --as retailer
  tradelane hold place 500.00 USD --from retailer/USD --to brand/USD \\
      --hours 48 --reference "PO-26-1187" --as retailer
"""
_POST_EPILOG: Final = """\b
Examples:
  tradelane hold post 5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90 --as retailer
  tradelane hold post 5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90 --amount 120.00 \\
      --as retailer
"""
_VOID_EPILOG: Final = """\b
Examples:
  tradelane hold void 5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90 --as brand
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane hold list retailer/USD
  tradelane hold list retailer/USD --all --json
"""
_HOUR_MS: Final = 3_600_000
_HOURS_MAX: Final = 90 * 24

HoldArgument = Annotated[
    str, typer.Argument(metavar="HOLD", help="Id of the hold, 32 hexadecimal digits.", show_default=False)
]

app = typer.Typer(help="Set money aside for a payee.", no_args_is_help=True, epilog=_EPILOG)


@app.command("place", epilog=_PLACE_EPILOG)
def place(
    context: typer.Context,
    amount: AmountArgument,
    currency: CurrencyArgument,
    *,
    debit: Annotated[str, typer.Option("--from", metavar="ACCOUNT", help="Account that pays.", show_default=False)],
    credit: Annotated[str, typer.Option("--to", metavar="ACCOUNT", help="Account that is paid.", show_default=False)],
    hours: Annotated[int, typer.Option(min=1, max=_HOURS_MAX, help="How long the hold stands.")] = 72,
    reference: ReferenceOption = None,
    transfer_id: IdOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Hold an amount for a payee.

    The owner of the paying account signs. The money is promised: you post it or wait until the hold is over, and
    only the payee can give it up before.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        payer = client.account(debit)
    require_currency(payer, currency)
    minor_units = parse_amount(amount, payer.exponent)
    identifier = chosen_transfer_id(transfer_id)
    arguments: dict[str, Value] = {
        "id": identifier,
        "debit": debit,
        "credit": credit,
        "amount": minor_units,
        "currency": currency,
        "timeout_ms": hours * _HOUR_MS,
    }
    if reference is not None:
        arguments["reference"] = reference
    held = f"held {format_amount(minor_units, payer.exponent)} {currency} for {credit} under {identifier.hex()}"
    submit_operation(session, "settlement.pend", arguments, wait_s=wait, shown={"hold": arguments["id"]}, done=held)


@app.command("post", epilog=_POST_EPILOG)
def post(
    context: typer.Context,
    hold_id: HoldArgument,
    *,
    amount: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Pay this much and free the rest; else all of it.")
    ] = None,
    transfer_id: IdOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Pay what is held, or a part of it.

    The owner of the paying account signs.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        hold = client.hold(hold_id)
    minor_units = hold.amount if amount is None else parse_amount(amount, hold.exponent)
    arguments: dict[str, Value] = {
        "id": chosen_transfer_id(transfer_id),
        "pending_id": bytes.fromhex(hold.id),
        "amount": minor_units,
    }
    paid = f"paid {format_amount(minor_units, hold.exponent)} {hold.currency} to {hold.credit}"
    submit_operation(session, "settlement.post", arguments, wait_s=wait, shown={"transfer": arguments["id"]}, done=paid)


@app.command("void", epilog=_VOID_EPILOG)
def void(
    context: typer.Context,
    hold_id: HoldArgument,
    *,
    transfer_id: IdOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Give up what is held for you.

    The owner of the account that would be paid signs.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        hold = client.hold(hold_id)
    arguments: dict[str, Value] = {"id": chosen_transfer_id(transfer_id), "pending_id": bytes.fromhex(hold.id)}
    done = f"gave up {_amount(hold)} {hold.currency} that {hold.debit} held"
    submit_operation(session, "settlement.void", arguments, wait_s=wait, shown={"transfer": arguments["id"]}, done=done)


@app.command("list", epilog=_LIST_EPILOG)
def list_holds(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account, such as brand/USD.", show_default=False)],
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List what is held on either side of an account, the first to expire first."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = sorted(client.holds(account, None if everything else "pending"), key=lambda hold: hold.expires_ms)
    rows = table("hold", "from", "to", ">amount", "until", "status")
    for hold in found:
        # A person has to type the id again, so it is whole.
        parties = escape(hold.debit), escape(hold.credit)
        rows.add_row(hold.id, *parties, _amount(hold), time_text(hold.expires_ms), hold.status)
    session.output.result([hold.fields for hold in found], rows if found else "nothing is held")


def _amount(hold: Hold) -> str:
    return format_amount(hold.amount, hold.exponent)
