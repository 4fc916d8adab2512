"""`tradelane net open|owe|carry|settle|list|show`: obligations collected until a time, then settled at once."""

import secrets
import time
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import committed_table, committed_value, done_text, time_text
from cli.money import AmountArgument, CurrencyArgument, chosen_transfer_id, require_currency
from cli.output import fields_table, table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from contracts.settlement.netting import BILATERAL, GROSS, MULTILATERAL
from contracts.settlement.windows import WINDOW_MS_MAX
from ledger.codec import Value
from ledger.transaction import Operation
from tradelane import BadRequestError, NettingWindow, format_amount, parse_amount

_EPILOG: Final = """\b
Examples:
  tradelane net open noon USD --minutes 30 --as warehouse
  tradelane net owe 500.00 USD --window noon --from retailer/USD \\
      --to brand/USD --as retailer
  tradelane net settle noon USD --as brand
  tradelane net show noon USD
"""
_OPEN_EPILOG: Final = """\b
Examples:
  tradelane net open noon USD --minutes 30 --as warehouse
  tradelane net open noon EUR --model bilateral --as warehouse
"""
_OWE_EPILOG: Final = """\b
Examples:
  tradelane net owe 500.00 USD --window noon --from retailer/USD \\
      --to brand/USD --reference "PO-26-1187" --as retailer
"""
_CARRY_EPILOG: Final = """\b
Examples:
  tradelane net carry 5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90 --window evening \\
      --as retailer
"""
_SETTLE_EPILOG: Final = """\b
Examples:
  tradelane net settle noon USD --as brand
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane net list
  tradelane net list --currency USD --status closed --json
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane net show noon USD
"""
_MINUTE_MS: Final = 60_000
_MODELS: Final = (MULTILATERAL, BILATERAL, GROSS)
_STATUSES: Final = ("open", "closed", "settled")
_REASONS: Final = {
    None: "waits",
    "settled": "settled",
    "funds": "no funds",
    "account": "unusable",
    "overflow": "no room",
}

app = typer.Typer(
    help="Net obligations and settle them together.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
)

WindowArgument = Annotated[
    str, typer.Argument(metavar="WINDOW", help="Id of the window, such as noon.", show_default=False)
]
WindowOption = Annotated[str, typer.Option("--window", metavar="WINDOW", help="Id of the window.", show_default=False)]


@app.command("open", epilog=_OPEN_EPILOG)
def open_window(
    context: typer.Context,
    window: WindowArgument,
    currency: CurrencyArgument,
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="multilateral, bilateral or gross.")] = MULTILATERAL,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=WINDOW_MS_MAX // _MINUTE_MS, help="How long it takes obligations.")
    ] = 60.0,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Open a window for obligations of a currency.

    The currency's issuer signs. Windows of several currencies may have one id; each settles alone, by its own model.
    Gross pays each obligation by itself, bilateral once a pair of accounts, multilateral once an account's position.
    """
    _require_word(model, _MODELS, "model")
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    closes_ms = time.time_ns() // 1_000_000 + int(minutes * _MINUTE_MS)
    arguments: dict[str, Value] = {"id": window, "currency": currency, "model": model, "closes_ms": closes_ms}
    done = f"opened window {window} of {currency} until {time_text(closes_ms)}"
    submit_operation(session, "settlement.open_window", arguments, shown=dict(arguments), wait_s=wait, done=done)


@app.command("owe", epilog=_OWE_EPILOG)
def owe(
    context: typer.Context,
    amount: AmountArgument,
    currency: CurrencyArgument,
    *,
    window: WindowOption,
    debit: Annotated[str, typer.Option("--from", metavar="ACCOUNT", help="Account that owes.", show_default=False)],
    credit: Annotated[str, typer.Option("--to", metavar="ACCOUNT", help="Account that is owed.", show_default=False)],
    reference: Annotated[str | None, typer.Option("--reference", help="Text, such as an order number.")] = None,
    obligation_id: Annotated[
        str | None,
        typer.Option("--id", metavar="HEX", help="Its id, 32 hexadecimal digits; the same id is never owed twice."),
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Promise to pay through a window.

    The owner of the account that owes signs. Nothing is set aside: when the window is settled, the account has to
    cover what it owes less what it is owed, or some of its obligations are deferred, those of the highest ids first.
    Without --id an id begins with the time, so that what was promised first is paid first.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        debtor = client.account(debit)
    require_currency(debtor, currency)
    minor_units = parse_amount(amount, debtor.exponent)
    identifier = _timely_id() if obligation_id is None else chosen_transfer_id(obligation_id)
    arguments: dict[str, Value] = {
        "id": identifier,
        "window": window,
        "debit": debit,
        "credit": credit,
        "amount": minor_units,
    }
    if reference is not None:
        arguments["reference"] = reference
    owed = f"owes {credit} {format_amount(minor_units, debtor.exponent)} {currency} under {identifier.hex()}"
    submit_operation(session, "settlement.owe", arguments, shown={"obligation": identifier}, wait_s=wait, done=owed)


@app.command("carry", epilog=_CARRY_EPILOG)
def carry(
    context: typer.Context,
    obligation_id: Annotated[
        str, typer.Argument(metavar="OBLIGATION", help="Its id, 32 hexadecimal digits.", show_default=False)
    ],
    *,
    window: WindowOption,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Carry a deferred obligation into another window.

    The owner of the account that owes signs.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    identifier = chosen_transfer_id(obligation_id)
    submit_operation(
        session,
        "settlement.carry_obligation",
        {"id": identifier, "window": window},
        shown={"obligation": identifier, "window": window},
        wait_s=wait,
        done=f"carried {identifier.hex()} into window {window}",
    )


@app.command("settle", epilog=_SETTLE_EPILOG)
def settle(
    context: typer.Context,
    window: WindowArgument,
    currency: CurrencyArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Settle a window whose time is over, and show what netting saved.

    Anybody may. What cannot be covered is deferred: the last obligation of the first account that is short, and so on
    until the rest can be paid.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    signing_key = session.key()
    operation = Operation("settlement.settle_window", {"id": window, "currency": currency})
    with session.client() as client:
        status = client.submit([operation], signing_key, wait_s=wait)
        found = client.window(currency, window)
    value = {**committed_value(status), "window": found.fields}
    session.output.result(
        value, done_text(f"settled window {window} of {currency}"), *_window_text(found), committed_table(status)
    )


@app.command("list", epilog=_LIST_EPILOG)
def list_windows(
    context: typer.Context,
    *,
    currency: Annotated[str | None, typer.Option(metavar="CURRENCY", help="Those of one currency.")] = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open, closed or settled.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List windows, the first to close first."""
    if status is not None:
        _require_word(status, _STATUSES, "status")
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = sorted(client.windows(currency, status), key=lambda window: window.closes_ms)
    rows = table("window", "currency", "model", "status", "closes", ">owed", ">saved")
    for window in found:
        saved = "" if window.saving_ppm is None else _saving_text(window.saving_ppm)
        texts = escape(window.id), window.currency, window.model, window.status, time_text(window.closes_ms)
        rows.add_row(*texts, str(window.obligations), saved)
    session.output.result([window.fields for window in found], rows if found else "there is no such window")


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    window: WindowArgument,
    currency: CurrencyArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show a window: gross, net and saved, and every obligation."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.window(currency, window)
    session.output.result(found.fields, *_window_text(found))


def _window_text(found: NettingWindow) -> list[RenderableType]:
    def amount(minor_units: int) -> str:
        return f"{format_amount(minor_units, found.exponent)} {found.currency}"

    rows = [("model", found.model), ("closes", time_text(found.closes_ms)), ("obligations", str(found.obligations))]
    if found.gross_value is not None and found.net_value is not None and found.saving_ppm is not None:
        rows += [
            ("gross", amount(found.gross_value)),
            ("net", amount(found.net_value)),
            ("saved", _saving_text(found.saving_ppm)),
        ]
    listed = table("obligation", "from", "to", ">amount", "outcome")
    # A person has to type the id again, so it stays whole in a narrow terminal.
    listed.columns[0].no_wrap = True
    for each in found.listed:
        outcome = _REASONS.get(each.outcome, each.outcome or "")
        listed.add_row(
            each.id, escape(each.debit), escape(each.credit), format_amount(each.amount, found.exponent), outcome
        )
    heading = f"[bold]{escape(found.id)}[/]  {found.currency}, {found.status}"
    return [heading, fields_table(rows), *([listed] if found.listed else [])]


def _timely_id() -> bytes:
    """Return a random id that is higher than those made before it."""
    return (time.time_ns() // 1_000_000).to_bytes(6, "big") + secrets.token_bytes(10)


def _saving_text(ppm: int) -> str:
    return f"{ppm / 10_000:.1f} %"


def _require_word(word: str, words: tuple[str, ...], what: str) -> None:
    if word not in words:
        raise BadRequestError(f"net.{what}", f"{word[:50]!r} is no {what}", f"it is one of {', '.join(words)}")
