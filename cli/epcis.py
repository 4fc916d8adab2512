"""`tradelane epcis ...`: EPCIS documents into the ledger, and events out of it in a form of the standard."""

import json as json_text
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.files import read_file
from cli.formatting import done_text, thing_text
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from tradelane import BadRequestError, Imported, cut_document, import_document
from tradelane.conversations import PAGE_MAX
from tradelane.importing import DOCUMENT_BYTES_MAX

_EPILOG: Final = """\b
Examples:
  tradelane epcis import examples/tuna-shipment.json --as brand
  tradelane epcis query EQ_bizStep=shipping
  tradelane epcis export urn:uuid:4c0d2f6e-5d0b-4f4e-9c39-0a3f6f7f1c11
"""
_IMPORT_EPILOG: Final = """\b
Examples:
  tradelane epcis import examples/tuna-shipment.json --as brand
  tradelane epcis import year.xml --key gateway.json
  tradelane epcis import - --key gateway.json --json < events.json
\b
A document of up to 500 events is one transaction, all of it or nothing. A
larger one goes in parts, each whole, in their order. After Ctrl-C or a lost
line start it again: it goes on where the ledger is, and captures no event
twice. Until the last part is there, its events say that more are to come.
"""
_QUERY_EPILOG: Final = """\b
Examples:
  tradelane epcis query EQ_bizStep=shipping GE_eventTime=2026-11-01T00:00:00Z
  tradelane epcis query MATCH_anyEPC=https://id.gs1.org/00/395211020000004175 \\
      --format xml -o pallet.xml
  tradelane epcis query GT_maxValue_CEL=8 EQ_type=Temperature --limit 100
"""
_EXPORT_EPILOG: Final = """\b
Examples:
  tradelane epcis export urn:uuid:4c0d2f6e-5d0b-4f4e-9c39-0a3f6f7f1c11
  tradelane epcis export urn:uuid:4c0d2f6e-5d0b-4f4e-9c39-0a3f6f7f1c11 \\
      --format xml -o event.xml
\b
XML has no types: numbers and truth values of extensions become text, a list
of one becomes its entry. What XML cannot say is refused, never left out.
"""

app = typer.Typer(
    help="Bring EPCIS documents in, take events out in a form of the standard.", no_args_is_help=True, epilog=_EPILOG
)


@app.command("import", epilog=_IMPORT_EPILOG)
def import_file(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="EPCIS document: JSON of 2.0, XML of 1.2 or 2.0; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Capture an EPCIS document, and go on where it stopped when it is started again.

    The whole document is checked here first; an error names the path and the rule, and nothing was captured.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    cut = cut_document(read_file(file, DOCUMENT_BYTES_MAX))
    signing_key = session.key()
    found: Imported | None = None
    try:
        with session.client() as client, session.output.progress() as bars:
            found = import_document(
                client, signing_key, cut, lambda done, total: bars("events", done, total), wait_s=wait
            )
    finally:
        # Whatever ended it, Ctrl-C too: nothing that was captured has to be captured again.
        if found is None and len(cut.parts) > 1:
            session.output.note("[dim]start it again: it goes on where the ledger is[/]")
    if found.violations:
        session.output.note("[yellow]the events are recorded, and these are marked on the things:[/]")
    session.output.result(_imported_value(found), *_imported_text(found))


@app.command("query", epilog=_QUERY_EPILOG)
def query(
    context: typer.Context,
    filters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Parameters of EPCIS; all must hold.", show_default=False),
    ] = None,
    *,
    form: Annotated[
        Literal["text", "json", "xml"], typer.Option("--format", help="A table, or EPCIS 2.0 in JSON or XML.")
    ] = "text",
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX, help="Events at most.")] = 30,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else the events go to stdout.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Find captured events by the parameters of the EPCIS query interface."""
    session = open_session(context, json=json, node=node, network=network)
    asked = {"perPage": str(limit), **_filters(filters or [])}
    with session.client() as client:
        page = client.events_page("xml" if form == "xml" else "json", **asked)
    for name, (captured, parts) in page.partial.items():
        session.output.note(f"[yellow]of the document {name[:16]}… {captured} of {parts} parts are there[/]")
    if output is not None:
        _write(output, page.document)
        session.output.note(f"saved {escape(str(output))}, {len(page.document)} bytes")
    elif form == "text" and not session.output.is_json:
        session.output.result(None, _events_table(page.document))
    else:
        session.output.raw_bytes(page.document + b"\n")
    if page.next_token is not None:
        session.output.note(f"there may be more; go on with nextPageToken={escape(page.next_token)}")


@app.command("export", epilog=_EXPORT_EPILOG)
def export(
    context: typer.Context,
    event: Annotated[str, typer.Argument(metavar="ID", help="Id of the event, as it was captured.")],
    *,
    form: Annotated[Literal["json", "xml"], typer.Option("--format", help="EPCIS 2.0 in JSON or XML.")] = "json",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else the event goes to stdout.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
) -> None:
    """Write one event as EPCIS 2.0 in JSON or XML.

    An error declaration comes with its event.
    """
    session = open_session(context, node=node, network=network)
    with session.client() as client:
        written = client.event(event, form)
    if output is None:
        session.output.raw_bytes(written)
        return
    _write(output, written)
    session.output.note(f"saved {escape(str(output))}, {len(written)} bytes")


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadRequestError("file.unwritable", f"{file} cannot be written: {reason}", "name another file") from error


def _filters(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, separator, value = entry.partition("=")
        if not separator or not name:
            raise BadRequestError(
                "query.parameter",
                f"{entry[:80]!r} is no NAME=VALUE",
                "write it as EQ_bizStep=shipping",
            )
        if name in found:
            raise BadRequestError(
                "query.repeated", f"{name[:80]} stands twice", "give its values at once, separated by commas"
            )
        found[name] = value
    return found


def _events_table(document: bytes) -> RenderableType:
    body = json_text.loads(document)["epcisBody"]["queryResults"]["resultsBody"]
    if not body["eventList"]:
        return "no event matches"
    rows = table("time", "event", "what", "where", "id")
    for event in body["eventList"]:
        place = (event.get("bizLocation") or event.get("readPoint") or {}).get("id")
        kind = str(event["type"]).removesuffix("Event")
        rows.add_row(
            escape(str(event["eventTime"])),
            escape(f"{kind} {event.get('action', '')}".strip()),
            escape(str(event.get("bizStep", ""))) + (" [red]declared wrong[/]" if "errorDeclaration" in event else ""),
            "" if place is None else escape(thing_text(str(place))),
            escape(str(event.get("eventID", ""))),
        )
    return rows


def _imported_value(found: Imported) -> dict[str, object]:
    return {
        "document": found.document,
        "events": found.events,
        "parts": found.parts,
        "parts_captured": found.captured,
        "parts_already_there": found.already,
        "height": found.height,
        "transactions": found.transactions,
        "violations": len(found.violations),
    }


def _imported_text(found: Imported) -> list[RenderableType]:
    events = f"{found.events} event{'s' if found.events != 1 else ''}"
    if not found.captured:
        return [f"all {events} of the document were captured before"]
    said = [f"captured {events}"]
    if found.parts > 1:
        said.append(f"in {found.parts} parts" + (f", {found.already} of them before" if found.already else ""))
    shown: list[RenderableType] = [done_text(" ".join(said)), f"the last in block {found.height}"]
    shown += [f"transaction {identifier}" for identifier in found.transactions[:1] if found.parts == 1]
    if found.violations:
        rows = table(">event", "thing", "rule that it breaks")
        for number, thing, rule in found.violations:
            rows.add_row(str(number), escape(thing_text(thing)), escape(rule))
        shown.append(rows)
    return shown
