"""`tradelane quote ...` and `tradelane payment`: promises of an exchange rate, payments by them, and how they went."""

import json as json_text
import secrets
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, cast

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.files import write_file
from cli.formatting import committed_table, committed_value, done_text, time_text
from cli.iso_export import (
    NoProofOption,
    OutputOption,
    PaymentFormOption,
    export_payment,
    require_form,
    write_export,
)
from cli.output import fields_table, table
from cli.quote_file import QuoteFile, read_quote_file, write_quote_file
from cli.quote_list import LIST_EPILOG, list_quotes
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    Session,
    WaitOption,
    open_session,
)
from cli.submitting import submit_operation
from contracts.results import Rejected
from contracts.settlement.quotes import PAYER, RECEIVE, SEND, Quote
from contracts.settlement.rates import rate_text
from ledger.codec import Value
from ledger.readable import to_json
from ledger.transaction import Operation
from tradelane import BadRequestError, Client, Payment, format_amount, parse_amount, sign_quote

_HEIGHTS: Final = 1_000_000

_EPILOG: Final = """\b
Examples:
  tradelane quote new 7.6886 --from-account fx/HKD --to-account fx/PHP \\
      --maximum 50000.00 -o quote.json --as fx
  tradelane quote show quote.json
  tradelane quote list
  tradelane pay 2000.00 HKD --from buyer/HKD --to seller/PHP --as buyer \\
      --quote quote.json
"""
_NEW_EPILOG: Final = """\b
Examples:
  tradelane quote new 7.6886 --from-account fx/HKD --to-account fx/PHP \\
      --maximum 50000.00 -o quote.json --as fx
  tradelane quote new 7.6886 --from-account fx/HKD --to-account fx/PHP \\
      --maximum 50000.00 --fee-bps 35 --fee-account fx/fees --for buyer \\
      --minutes 10 -o quote.json --as fx
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane quote show quote.json
"""
_CANCEL_EPILOG: Final = """\b
Examples:
  tradelane quote cancel 1764000000000 --as fx
"""
PAYMENT_EPILOG: Final = """\b
Examples:
  tradelane payment 8a562c67-ca16-48ba-b074-65581be6f001
  tradelane payment 8a562c67-ca16-48ba-b074-65581be6f001 --save proof.json
  tradelane payment 8a562c67-ca16-48ba-b074-65581be6f001 --as pacs.008 \\
      -o payment.xml
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
    help="Sign, look at, list and cancel promises of an exchange rate.",
)


@app.command("new", epilog=_NEW_EPILOG)
def new(
    context: typer.Context,
    rate: Annotated[str, typer.Argument(metavar="RATE", help="Major units of the target for one of the source.")],
    *,
    source: Annotated[str, typer.Option("--from-account", metavar="ACCOUNT", help="Yours, which payers pay.")],
    target: Annotated[str, typer.Option("--to-account", metavar="ACCOUNT", help="Yours, from which payees are paid.")],
    maximum: Annotated[str, typer.Option(metavar="AMOUNT", help="Most that one payment may exchange.")],
    minimum: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Least; else the smallest there is.")] = None,
    capacity: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Most in all; else as the maximum.")] = None,
    is_receive: Annotated[bool, typer.Option("--receive", help="Amounts are what arrives, not what is sent.")] = False,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="How long it holds.")] = 10.0,
    beneficiary: Annotated[str | None, typer.Option("--for", metavar="ORGANISATION", help="Who alone may pay.")] = None,
    fee_bps: Annotated[int, typer.Option("--fee-bps", min=0, max=10_000, help="Fee in basis points.")] = 0,
    fee_fixed: Annotated[str | None, typer.Option("--fee-fixed", metavar="AMOUNT", help="Fixed part of it.")] = None,
    fee_account: Annotated[str | None, typer.Option("--fee-account", metavar="ACCOUNT", help="Where it goes.")] = None,
    is_payee_charged: Annotated[bool, typer.Option("--payee-bears-fee", help="Take it from what arrives.")] = False,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the quote is written.")],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Sign a quote into a file. Nothing is sent: hand the file to whoever is to pay by it."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    signing_key = session.key()
    now_ms = time.time_ns() // 1_000_000
    with session.client() as client:
        status, paid, given = client.status(), client.account(source), client.account(target)
        exponent = given.exponent if is_receive else paid.exponent
        most = parse_amount(maximum, exponent)
        terms: dict[str, Value] = {
            "version": 1,
            "id": secrets.token_bytes(16),
            "provider": paid.owner,
            "source_account": source,
            "target_account": target,
            "source_currency": paid.currency,
            "target_currency": given.currency,
            "side": RECEIVE if is_receive else SEND,
            "rate": rate,
            "minimum": 1 if minimum is None else parse_amount(minimum, exponent),
            "maximum": most,
            "capacity": most if capacity is None else parse_amount(capacity, exponent),
            "not_before_ms": now_ms - 10_000,
            "expires_ms": now_ms + int(minutes * 60_000),
            "max_height": status.height + _HEIGHTS,
            "nonce": now_ms,
        }
        if beneficiary is not None:
            terms["beneficiary"] = session.organisation_id(beneficiary)
        if fee_bps or fee_fixed is not None:
            if fee_account is None:
                raise BadRequestError("quote.fee", "a fee needs an account that it goes to", "give --fee-account")
            terms |= {"fee_basis_points": fee_bps, "fee_account": fee_account}
            terms["fee_bearer"] = "payee" if is_payee_charged else PAYER
            if fee_fixed is not None:
                terms["fee_fixed"] = parse_amount(fee_fixed, (given if is_payee_charged else paid).exponent)
    try:
        quote = sign_quote(signing_key, bytes.fromhex(status.chain_id), terms)
    except Rejected as rejected:
        raise BadRequestError("quote.terms", rejected.detail) from rejected
    document = write_quote_file(output, status.chain_id, quote)
    session.output.result(
        document,
        done_text(f"signed: 1 {paid.currency} buys {rate} {given.currency}, for {minutes:g} minutes"),
        fields_table([("file", str(output)), ("nonce", str(now_ms))]),
    )


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A quote.")],
    *,
    json: JsonOption = False,
) -> None:
    """Show what a quote promises, and whether its signature is right.

    Asks nobody: whether it still holds is said by the ledger when it is used.
    """
    session = open_session(context, json=json)
    found = read_quote_file(file)
    quote = found.quote
    is_over = quote.expires_ms <= time.time_ns() // 1_000_000
    shown = fields_table(
        [
            ("rate", f"1 {quote.source_currency} buys {rate_text(quote.rate)} {quote.target_currency}"),
            ("provider", quote.provider),
            ("amounts", f"{quote.minimum} to {quote.maximum} minor units of what is {_side_text(quote)}"),
            ("capacity", f"{quote.capacity} minor units in all"),
            ("fee", _fee_text(quote)),
            ("for", quote.beneficiary or "anybody"),
            ("until", time_text(quote.expires_ms) + (" (over)" if is_over else "")),
            ("signature", "right" if found.is_signed else "WRONG: nobody will honour this quote"),
        ]
    )
    value = {"quote": to_json(found.value), "chain_id": found.chain_id.hex(), "signature_right": found.is_signed}
    session.output.result({**value, "over": is_over}, shown)


app.command("list", epilog=LIST_EPILOG)(list_quotes)


@app.command("cancel", epilog=_CANCEL_EPILOG)
def cancel(
    context: typer.Context,
    nonce: Annotated[int, typer.Argument(metavar="NONCE", min=1, help="Quotes below this nonce are void.")],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Cancel every quote of yours below a nonce. `quote new` prints the nonce of each: the time in milliseconds."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    submit_operation(
        session,
        "settlement.cancel_quotes",
        {"nonce_floor": nonce},
        shown={"nonce_floor": nonce},
        wait_s=wait,
        done=f"cancelled every quote of a nonce below {nonce}",
    )


def payment(
    context: typer.Context,
    uetr: Annotated[str, typer.Argument(metavar="UETR", help="Unique end-to-end transaction reference.")],
    *,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its proof bundle, which `verify` checks offline.")
    ] = None,
    form: PaymentFormOption = None,
    output: OutputOption = None,
    no_proof: NoProofOption = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show a payment: what was paid, what arrived, what it cost, and every step with its time.

    With --as it is written as a message of banks instead, with its proof in SplmtryData; docs/iso20022.md has the
    mapping. A version may be named, such as pacs.008.001.12.
    """
    session = open_session(context, json=json, node=node, network=network)
    require_form(form, output, no_proof=no_proof)
    with session.client() as client:
        found = client.payment(uetr)
        bundle = None if save is None else client.payment_proof(uetr)
        message = None if form is None else export_payment(client, found, form, with_proof=not no_proof)
    if save is not None:
        write_file(save, json_text.dumps(bundle))
    if message is not None:
        write_export(session, message, output)
        return
    session.output.result(found.fields, *payment_text(found), *([] if save is None else [done_text(f"wrote {save}")]))


def pay_by_quote(
    session: Session,
    file: Path,
    amount: str,
    currency: str,
    debit: str,
    credit: str,
    reference: str | None,
    uetr: str | None,
    wait_s: float,
    parties: dict[str, Value],
) -> None:
    """Pay by a quote and show what it cost; ``parties`` are arguments about who pays and who is paid."""
    found = read_quote_file(file)
    fixed = found.quote.source_currency if found.quote.side == SEND else found.quote.target_currency
    if currency != fixed:
        raise BadRequestError(
            "currency.differs",
            f"the quote fixes what is {_side_text(found.quote)}, in {fixed}",
            f"give the amount in {fixed}",
        )
    signing_key = session.key()
    with session.client() as client:
        require_chain(client, found)
        exponent = client.account(debit if found.quote.side == SEND else credit).exponent
        arguments: dict[str, Value] = {
            "uetr": (uetr or str(uuid.uuid4())).lower(),
            "payer": debit,
            "payee": credit,
            "amount": parse_amount(amount, exponent),
            "side": found.quote.side,
            "quote": found.value,
            **parties,
        }
        if reference is not None:
            arguments["reference"] = reference
        status = client.submit([Operation("settlement.pay", arguments)], signing_key, wait_s=wait_s)
        made = client.payment(cast(str, arguments["uetr"]))
    session.output.result(
        {**committed_value(status), "uetr": arguments["uetr"], "payment": made.fields},
        *payment_text(made),
        committed_table(status),
    )


def payment_text(found: Payment) -> list[RenderableType]:
    """Return a payment for people."""
    sent = f"{format_amount(found.source_amount, found.source_exponent)} {found.source_currency}"
    arrived = f"{format_amount(found.target_amount, found.target_exponent)} {found.target_currency}"
    rows = [("paid", f"{sent} from {found.payer}"), ("arrived", f"{arrived} at {found.payee}")]
    if found.rate is not None:
        rows.append(("rate", found.rate))
    if found.fee is not None:
        is_payer = found.fee_bearer == PAYER
        exponent = found.source_exponent if is_payer else found.target_exponent
        code = found.source_currency if is_payer else found.target_currency
        rows.append(("fee", f"{format_amount(found.fee, exponent)} {code}, borne by the {found.fee_bearer}"))
    if found.cost_ppm is not None:
        rows.append(("cost", f"{found.cost_ppm / 10_000:.4f} % against the reference rate, fees included"))
    if found.refunded:
        rows.append(("refunded", format_amount(found.refunded, found.target_exponent)))
    steps = table("time", ">after", ">block", "step", "by")
    for step in found.steps:
        moment = datetime.fromtimestamp(step.time_ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")
        after = f"{(step.time_ms - found.steps[0].time_ms) / 1_000:.3f} s"
        who = escape(step.organisation or "")
        steps.add_row(moment.replace("+00:00", "Z"), after, str(step.height), step.method, who)
    colour = {"settled": "green", "held": "yellow"}.get(found.status, "red")
    return [f"[{colour}]{escape(found.status)}[/]  {escape(found.uetr)}", fields_table(rows), steps]


def require_chain(client: Client, found: QuoteFile) -> None:
    """Refuse a quote that is for another chain than the node's."""
    chain_id = client.status().chain_id
    if chain_id != found.chain_id.hex():
        raise BadRequestError("quote.chain", "the quote is for another chain", "ask the provider for one of this chain")


def _side_text(quote: Quote) -> str:
    return "sent" if quote.side == SEND else "received"


def _fee_text(quote: Quote) -> str:
    fee = quote.fee
    if fee is None:
        return "none"
    parts = [f"{fee.fixed} minor units"] if fee.fixed else []
    parts += [f"{fee.basis_points} basis points"] if fee.basis_points else []
    return f"{' and '.join(parts)}, borne by the {fee.bearer}"
