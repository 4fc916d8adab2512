"""`tradelane scan`: tell a node that a code was scanned, and see what is odd about its scans."""

from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import thing_text, time_text
from cli.output import table
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from tradelane import Scans

SCAN_EPILOG: Final = """\b
Examples:
  tradelane scan https://id.gs1.org/01/09506000134390/21/M4hQ7vXc2LpZ
  tradelane scan ID --place geo:45.46,9.19
  tradelane scan ID --look
"""


def scan(
    context: typer.Context,
    thing: Annotated[str, typer.Argument(metavar="ID", help="What the code says.", show_default=False)],
    *,
    place: Annotated[
        str | None, typer.Option(metavar="GEO", help="Where, as geo:LAT,LON; kept to a tenth of a degree.")
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Tell of no scan, show those that there are.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Tell a node that a code was scanned, and show what is odd about its scans.

    A node knows the scans that it was told of. What is odd is a risk and no verdict: scan again before anything else.
    """
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.scans(thing) if look else client.record_scan(thing, place)
    session.output.result(found.fields, *scans_text(found))


def scans_text(found: Scans) -> list[RenderableType]:
    """Return the scans and what is odd about them, for people."""
    known = "not on the ledger" if found.status is None else found.status
    times = "time" if found.count == 1 else "times"
    shown: list[RenderableType] = [f"{escape(thing_text(found.id))}: {known}, scanned {found.count} {times}"]
    if found.scans:
        rows = table("when", "where")
        for one in found.scans[-20:]:
            rows.add_row(time_text(one.at_ms), escape(one.place or "not said"))
        shown.append(rows)
    if found.alerts:
        shown.append("[yellow]Scan the code again first; if this stays, there is a risk:[/]")
    shown += [f"[yellow]{one.code}[/]  {escape(one.text)}" for one in found.alerts]
    return shown
