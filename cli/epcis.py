"""`tradelane epcis export`: an event out of the ledger in a form of the standard, for programs that read EPCIS."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli.session import NetworkOption, NodeOption, open_session
from tradelane import BadRequestError

_EPILOG: Final = """\b
Examples:
  tradelane epcis export urn:uuid:4c0d2f6e-5d0b-4f4e-9c39-0a3f6f7f1c11
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

app = typer.Typer(help="Take EPCIS events out in a form of the standard.", no_args_is_help=True, epilog=_EPILOG)


@app.callback()
def _group() -> None:
    """Keep `export` a command of its own."""


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
    try:
        output.write_bytes(written)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadRequestError("export.unwritable", f"{output} cannot be written: {reason}", "name another") from error
    session.output.note(f"saved {escape(str(output))}, {len(written)} bytes")
