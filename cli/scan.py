"""`tradelane scan`: tell a node that a code was scanned, and see what is odd about its scans."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import read_time, thing_text, time_text
from cli.output import table
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from tradelane import BadRequestError, OddScans, ScanCount, Scans

SCAN_EPILOG: Final = """\b
Examples:
  tradelane scan https://id.gs1.org/01/09506000134390/21/M4hQ7vXc2LpZ
  tradelane scan ID --place geo:45.46,9.19
  tradelane scan ID --look
  tradelane scan ID --hour 2026-11-24T13:00Z
  tradelane scan --alerts
"""


def scan(
    context: typer.Context,
    thing: Annotated[str | None, typer.Argument(metavar="ID", help="What the code says.", show_default=False)] = None,
    *,
    place: Annotated[
        str | None, typer.Option(metavar="GEO", help="Where, as geo:LAT,LON; kept to a tenth of a degree.")
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Tell of no scan, show those that there are.")] = False,
    hour: Annotated[
        str | None, typer.Option(metavar="TIME", help="Tell of no scan, check the count of the hour of a time.")
    ] = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="All codes whose scans are odd, newest first.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Tell a node that a code was scanned, and show what is odd about its scans.

    A node knows the scans that it was told of. What is odd is a risk and no verdict: scan again before anything else.
    Each hour the node anchors its counts on the ledger; with --hour the count of a code is checked against that.
    """
    if (thing is None) != alerts or sum((place is not None, look, hour is not None, alerts)) > 1:
        raise BadRequestError("options", "give an ID with at most one of --place, --look and --hour, or --alerts alone")
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        if thing is None:
            odd = client.odd_scans()
            session.output.result([one.fields for one in odd], *odd_text(odd))
            return
        if hour is not None:
            count = client.scan_count(thing, read_time(hour))
            session.output.result(count.fields, *count_text(count))
            return
        found = client.scans(thing) if look else client.record_scan(thing, place)
    session.output.result(found.fields, *scans_text(found))


def count_text(count: ScanCount) -> list[RenderableType]:
    """Return how often a code was scanned in an hour, for people."""
    shown = f"{escape(thing_text(count.id))}: scanned {_times(count.count)} in the hour from {time_text(count.hour_ms)}"
    if count.anchor is None:
        return [shown, "[yellow]Nothing of that hour is anchored: it is not over yet, or the node had no scans.[/]"]
    anchor = count.anchor
    anchored = (
        f"[green]as anchored[/] by {escape(anchor.organisation)} at {time_text(anchor.anchored_ms)}, "
        f"one of {anchor.codes:,} codes with {anchor.scans:,} scans in all"
    )
    return [shown, anchored]


def odd_text(found: Sequence[OddScans]) -> list[RenderableType]:
    """Return the codes whose scans are odd, for people."""
    if not found:
        return ["No scans that this node was told of are odd."]
    shown: list[RenderableType] = []
    for one in found:
        known = "not on the ledger" if one.status is None else one.status
        shown.append(f"{escape(thing_text(one.id))}: {known}, scanned {_times(one.count)}")
        shown += [f"  [yellow]{alert.code}[/]  {escape(alert.text)}" for alert in one.alerts]
    return shown


def scans_text(found: Scans) -> list[RenderableType]:
    """Return the scans and what is odd about them, for people."""
    known = "not on the ledger" if found.status is None else found.status
    shown: list[RenderableType] = [f"{escape(thing_text(found.id))}: {known}, scanned {_times(found.count)}"]
    if found.scans:
        rows = table("when", "where")
        for one in found.scans[-20:]:
            rows.add_row(time_text(one.at_ms), escape(one.place or "not said"))
        shown.append(rows)
    if found.alerts:
        shown.append("[yellow]Scan the code again first; if this stays, there is a risk:[/]")
    shown += [f"[yellow]{one.code}[/]  {escape(one.text)}" for one in found.alerts]
    return shown


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"
