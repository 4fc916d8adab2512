"""`tradelane label`: the QR codes of goods."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli.session import NetworkOption, NodeOption, open_session
from tradelane import BadRequestError

LABEL_EPILOG: Final = """\b
Examples:
  tradelane label https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL \\
      -o pack.svg
"""

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Digital Link, EPC URN, or the URI of an event.")]


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
