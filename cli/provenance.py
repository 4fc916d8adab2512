"""`tradelane capture`, `tradelane label`: what happened to goods, and their QR codes."""

import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import committed_table, committed_value, done_text, thing_text
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from tradelane import BadRequestError, TransactionStatus

CAPTURE_EPILOG: Final = """\b
Examples:
  tradelane capture examples/tuna-shipment.json --as brand
  tradelane capture - --key gateway.json --json < events.json
"""
LABEL_EPILOG: Final = """\b
Examples:
  tradelane label https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL \\
      -o pack.svg
"""

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Digital Link, EPC URN, or the URI of an event.")]


def capture(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="EPCIS 2.0 document in JSON; - is standard input.")],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Capture an EPCIS 2.0 document, all of it or nothing.

    The document is checked here first; an error names the JSON path and the rule.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    document = _read(file)
    signing_key = session.key()
    with session.client() as client:
        status = client.capture(document, signing_key, wait_s=wait)
    outputs = _outputs(status)
    violations = [(index, *pair) for index, output in enumerate(outputs, 1) for pair in _violations(output)]
    value = {**committed_value(status), "events": len(outputs), "violations": len(violations)}
    shown: list[RenderableType] = [done_text(f"captured {len(outputs)} events"), committed_table(status)]
    if violations:
        rows = table(">event", "thing", "rule that it breaks")
        for index, thing, rule in violations:
            rows.add_row(str(index), escape(thing_text(thing)), escape(rule))
        session.output.note("[yellow]the events are recorded, and these are marked on the things:[/]")
        shown.append(rows)
    session.output.result(value, *shown)


def label(
    context: typer.Context,
    identifier: IdArgument,
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else the picture goes to stdout.")
    ] = None,
    form: Annotated[Literal["svg", "png"], typer.Option("--format", help="Form of the picture.")] = "svg",
    node: NodeOption = None,
    network: NetworkOption = None,
) -> None:
    """Make the QR label of a thing.

    It holds the thing's Digital Link at the address of the node that makes it.
    """
    session = open_session(context, node=node, network=network)
    with session.client() as client:
        picture = client.label(identifier, form)
    if output is None:
        if session.output.is_terminal and form == "png":
            raise BadRequestError("label.terminal", "a picture does not belong on a terminal", "use -o FILE")
        session.output.raw_bytes(picture)
    else:
        output.write_bytes(picture)
        session.output.note(f"saved {escape(str(output))}, {len(picture)} bytes")


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadRequestError("document.unreadable", f"{file} cannot be read: {reason}", "check the name") from error


def _outputs(status: TransactionStatus) -> list[object]:
    outputs = None if status.receipt is None else status.receipt.outputs
    return list(outputs) if isinstance(outputs, list) else []


def _violations(output: object) -> list[tuple[str, str]]:
    found = output.get("violations") if isinstance(output, dict) else None
    return [(str(thing), str(rule)) for thing, rule in found] if isinstance(found, list) else []
