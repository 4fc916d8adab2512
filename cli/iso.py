"""`tradelane iso ...`: messages of banks (ISO 20022), checked and read. docs/iso20022.md has the mapping."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli import iso_fill, iso_pay
from cli.files import write_file
from cli.formatting import done_text
from cli.iso_files import SchemaOption, read_message_file, refused, schema_faults
from cli.output import fields_table, table
from cli.session import JsonOption, open_session
from standards.errors import IsoError
from standards.iso20022.cancellations import CancellationRequest
from standards.iso20022.layout import LEDGER_NAMESPACE, Money
from standards.iso20022.messages import MessageRecord, read_message
from standards.iso20022.parsing import Message
from standards.iso20022.statement import Statements
from standards.iso20022.transfers import CreditTransfers, Initiation, PaymentReturns, StatusReport
from standards.iso20022.usage import check_usage
from tradelane import NotFoundError, VerificationError, load_trust, verify_proof
from tradelane.bank_proofs import bundle_text, differences, proof_of

_UNREAD: Final = frozenset({"unknown_message", "unknown_version"})
# What says nothing about the message: it can be judged with another schema, or by another program.
_UNJUDGED: Final = _UNREAD | {"no_schema", "schema_broken"}
_SHOWN_MAX: Final = 20
_CODE: Final = re.compile(r"[0-9a-f-]{36}|[A-Z0-9]{4}(?: [A-Z0-9]{4})?")

_EPILOG: Final = """\b
Examples:
  tradelane iso check message.xml --schema schemas/
  tradelane iso proof message.xml -o proof.json
  tradelane iso pay pain.xml --as buyer
"""
_CHECK_EPILOG: Final = """\b
Examples:
  tradelane iso check message.xml
  tradelane iso check message.xml --schema schemas/ --json
  tradelane iso check message.xml --trust trust.json
\b
Schemas are ISO's to hand out, from https://www.iso20022.org; each lies in the
directory under the name of its message, such as pacs.008.001.08.xsd.
"""

_PROOF_EPILOG: Final = """\b
Examples:
  tradelane payment 8a562c67-ca16-48ba-b074-65581be6f001 --as pacs.008 \\
      -o message.xml
  tradelane iso proof message.xml -o proof.json
  tradelane verify proof.json
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
    help="Check and use messages of banks: ISO 20022.",
)


@app.command("check", epilog=_CHECK_EPILOG)
def check(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A message; - for standard input.")],
    *,
    schema: SchemaOption = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", metavar="FILE", help="Trust root: check the proof in the message, too.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say whether a message is valid, or which element breaks which rule.

    Exit code 1 where it is not valid. Notes tell what is odd in a valid message, such as a wrong check digit. Names and
    account numbers are never repeated. With --trust a message that `payment --as` wrote is compared with the proof in
    it, element by element; exit code 6 where it says something else. Asks nobody.
    """
    session = open_session(context, json=json)
    message: Message | None = None
    record: MessageRecord | None = None
    faults: list[IsoError] = []
    try:
        message = read_message_file(file)
        faults = [] if schema is None else schema_faults(message, schema)
        record = _read(message, is_by_schema=schema is not None) if not faults else None
    except IsoError as error:
        if error.code in _UNJUDGED:
            raise refused(file, error) from None
        faults = [error]
    notes = check_usage(message, record) if message is not None and not faults else []
    proven = None if trust is None or message is None or faults else _proven(message, record, trust)
    if proven is not None:
        faults = proven.faults
    value = {
        "file": file,
        "message": None if message is None else message.identifier,
        "valid": not faults,
        "by_schema": schema is not None,
        "proven_height": None if proven is None else proven.height,
        "faults": [_fault_value(each) for each in faults],
        "notes": [_fault_value(each) for each in notes],
        "contents": [] if record is None else _contents(record),
    }
    name = file if message is None else f"{file} ({message.identifier})"
    shown: list[RenderableType] = []
    if faults:
        what = "is not valid" if proven is None else f"is not what its proof says, as of block {proven.height}"
        shown += [f"[red]✗[/] {escape(name)} {what}", _fault_table(faults)]
    else:
        how = "valid by the schema" if schema is not None else "well formed; no schema was given to check it by"
        shown.append(done_text(f"{name}: {how}"))
        if proven is not None:
            shown.append(done_text(f"it says what the ledger said as of block {proven.height}; parties are not proven"))
        shown += [] if record is None else [_contents_table(record)]
        shown += ["[yellow]notes[/]", _fault_table(notes)] if notes else []
    session.output.result(value, *shown)
    if faults:
        raise typer.Exit(1 if proven is None else VerificationError.exit_code)


@app.command("proof", epilog=_PROOF_EPILOG)
def proof(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A message of Tradelane; - for standard input.")],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the bundle goes; else stdout.")
    ] = None,
) -> None:
    """Take the proof bundle out of a message.

    It is there in what `payment --as` and `statement --as` wrote. `tradelane verify` shows what it proves. Asks nobody.
    """
    session = open_session(context)
    try:
        found = read_message_file(file).document.findall(f".//{{{LEDGER_NAMESPACE}}}Bundle")
        bundle = base64.b64decode(found[0].text or "", validate=True).decode() if len(found) == 1 else ""
    except IsoError as error:
        raise refused(file, error) from None
    except ValueError:
        bundle = ""
    if not bundle:
        hint = "ask for a message with its proof, without --no-proof"
        raise NotFoundError("iso.no_proof", f"{file} holds no proof bundle", hint)
    if output is None:
        session.output.raw(bundle + "\n")
        return
    write_file(output, bundle)
    session.output.note(f"saved {escape(str(output))}")


app.command("pay", epilog=iso_pay.PAY_EPILOG)(iso_pay.pay)
app.command("seal", epilog=iso_pay.SEAL_EPILOG)(iso_pay.seal)
app.command("fill", epilog=iso_fill.FILL_EPILOG)(iso_fill.fill)


@dataclass(frozen=True, slots=True)
class _Proven:
    """As of which block the proof in a message holds, and where the message says something else."""

    height: int
    faults: list[IsoError]


def _proven(message: Message, record: MessageRecord | None, trust: Path) -> _Proven:
    """Check the proof in a message and compare the message with it; raises TradelaneError."""
    if record is None:
        raise NotFoundError("iso.no_proof", "the message is none that Tradelane writes", "leave --trust out")
    facts = verify_proof(bundle_text(proof_of(record)), load_trust(trust))
    return _Proven(facts.height, differences(message, record, facts))


def _read(message: Message, *, is_by_schema: bool) -> MessageRecord | None:
    """Return what is read of a message, None where it is valid by its schema and none of those that are read."""
    try:
        return read_message(message)
    except IsoError as error:
        if is_by_schema and error.code in _UNREAD:
            return None
        raise


def _contents(record: MessageRecord) -> list[dict[str, str | None]]:
    """Return UETR, amount and status of what a message is about, and nothing of a person."""
    rows: list[tuple[str | None, Money | None, str | None]] = []
    if isinstance(record, Initiation):
        rows = [(one.uetr, one.amount or one.equivalent, None) for group in record.groups for one in group.instructions]
    elif isinstance(record, CreditTransfers):
        rows = [(one.uetr, one.settlement_amount, None) for one in record.transfers]
    elif isinstance(record, StatusReport):
        rows = [(one.uetr, None, " ".join(filter(None, (one.status, one.reason)))) for one in record.statuses]
    elif isinstance(record, PaymentReturns):
        rows = [(one.uetr, one.returned_amount, one.reason) for one in record.returns]
    elif isinstance(record, Statements):
        rows = [(None, each.amount, each.kind) for statement in record.statements for each in statement.balances]
        rows += [(each.uetr, each.amount, each.side) for one in record.statements for each in one.entries]
    elif isinstance(record, CancellationRequest):
        rows = [(record.uetr, record.original_amount, record.reason)]
    else:
        rows = [(record.uetr, None, record.confirmation)]
    return [
        {
            "uetr": _code(uetr),
            "amount": None if amount is None else amount.amount,
            "currency": None if amount is None else amount.currency,
            "code": _code(code),
        }
        for uetr, amount, code in rows
    ]


def _code(text: str | None) -> str | None:
    """Return what stands where a code belongs, and nothing that is none: it may be of a person, or upset a terminal."""
    return text if text is None or _CODE.fullmatch(text) else "?"


def _contents_table(record: MessageRecord) -> RenderableType:
    found = _contents(record)
    if not found:
        return fields_table([("holds", "nothing")])
    rows = table("UETR", ">amount", "currency", "code")
    for each in found[:_SHOWN_MAX]:
        rows.add_row(*(escape(each[name] or "") for name in ("uetr", "amount", "currency", "code")))
    if len(found) > _SHOWN_MAX:
        rows.add_row(f"and {len(found) - _SHOWN_MAX} more; --json has all", "", "", "")
    return rows


def _fault_value(error: IsoError) -> dict[str, object]:
    return {"code": error.code, "element": error.element, "line": error.line or None, "detail": error.message}


def _fault_table(faults: Sequence[IsoError]) -> RenderableType:
    rows = table(">line", "element and rule")
    for each in faults:
        where = f"{escape(each.element)}\n" if each.element else ""
        rows.add_row(str(each.line or ""), f"{where}{escape(each.message)} [dim]({escape(each.code)})[/]")
    return rows
