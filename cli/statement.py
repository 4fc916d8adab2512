"""`tradelane statement`: what was posted to an account between two points of the chain, as a table or as CSV."""

import csv
import io
import re
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from cli.formatting import read_time, time_text
from cli.iso_export import (
    NoProofOption,
    OutputOption,
    StatementFormOption,
    export_statement,
    require_form,
    write_export,
)
from cli.output import table
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from tradelane import BadRequestError, Point, Statement, format_amount, make_statement

STATEMENT_EPILOG: Final = """\b
Examples:
  tradelane statement brand/USD
  tradelane statement brand/USD --from 2026-11-01 --to 2026-12-01
  tradelane statement brand/USD --from 100 --to 200 --csv > brand.csv
  tradelane statement brand/USD --from 2026-11-01 --as camt.053 -o brand.xml
"""
_COLUMNS: Final = ("time", "block", "kind", "with", "reference", "transfer", "amount", "balance")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_POINT_HELP: Final = "a block, a day (UTC) or a time such as 2026-11-01T12:00:00Z."


def statement(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account, such as brand/USD.", show_default=False)],
    *,
    start: Annotated[str | None, typer.Option("--from", metavar="POINT", help=f"First: {_POINT_HELP}")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="POINT", help=f"The first left out: {_POINT_HELP}")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, one line an entry.")] = False,
    form: StatementFormOption = None,
    output: OutputOption = None,
    no_proof: NoProofOption = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was posted to an account.

    Opening balance and entries make the closing balance, or the command fails. What is held is not posted and not in
    it; `tradelane hold list` shows it. With --as camt.053 it is written as a message of banks, with its proof in
    SplmtryData.
    """
    session = open_session(context, json=json, node=node, network=network)
    require_form(form, output, no_proof=no_proof)
    first, last = _point(start), _point(end)
    with session.client() as client:
        found = client.account(account)
        made = make_statement(found, client.entries(account), first, last)
        if form is not None:
            message = export_statement(client, made, first, last, form, with_proof=not no_proof)
            write_export(session, message, output)
            return
    if as_csv:
        session.output.raw(_csv(made))
        return
    exponent = found.exponent
    value = {
        "id": found.id,
        "currency": found.currency,
        "height": found.height,
        "opening": format_amount(made.opening, exponent),
        "entries": [
            {
                **line.entry.fields,
                "amount": format_amount(line.amount, exponent),
                "balance": format_amount(line.balance, exponent),
            }
            for line in made.lines
        ],
        "closing": format_amount(made.closing, exponent),
    }
    said = f"{escape(found.id)}, owned by {escape(found.owner)}, in {found.currency}, as of block {found.height}"
    session.output.result(value, said, _table(made))


def _point(text: str | None) -> Point | None:
    """Return the point that a person wrote: a height, a day or a time."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        return Point(height=int(text))
    try:
        return Point(time_ms=read_time(text))
    except BadRequestError as error:
        raise BadRequestError("statement.point", f"{text[:50]!r} is no point", f"it is {_POINT_HELP}") from error


def _table(made: Statement) -> Table:
    exponent = made.account.exponent
    rows = table("time", ">block", "kind", "with", "reference", ">amount", ">balance")
    rows.add_row("opening balance", "", "", "", "", "", format_amount(made.opening, exponent))
    for line in made.lines:
        entry = line.entry
        rows.add_row(
            time_text(entry.time_ms),
            str(entry.height),
            entry.kind,
            escape(entry.counterparty or ""),
            escape(entry.reference or ""),
            format_amount(line.amount, exponent),
            format_amount(line.balance, exponent),
        )
    rows.add_row("closing balance", "", "", "", "", "", format_amount(made.closing, exponent))
    return rows


def _csv(made: Statement) -> str:
    """Return the statement in the form of RFC 4180, with the opening balance first and the closing balance last."""
    exponent = made.account.exponent
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    blank = [""] * (len(_COLUMNS) - 4)
    writer.writerow(["", "", "opening", *blank, format_amount(made.opening, exponent)])
    for line in made.lines:
        entry = line.entry
        texts = (_cell(text or "") for text in (entry.counterparty, entry.reference, entry.transfer))
        amounts = format_amount(line.amount, exponent), format_amount(line.balance, exponent)
        writer.writerow([time_text(entry.time_ms), entry.height, entry.kind, *texts, *amounts])
    writer.writerow(["", "", "closing", *blank, format_amount(made.closing, exponent)])
    return written.getvalue()


def _cell(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula: whoever pays chooses the reference."""
    return f"'{text}" if text.startswith(_FORMULA) else text
