"""`tradelane recall simulate|closure`: what a recall reaches, who holds it and where it is."""

from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from cli.formatting import thing_text, time_text
from cli.output import table
from cli.session import JsonOption, NetworkOption, NodeOption, Session, open_session
from cli.trace import time_option
from cli.tracing import mark_text
from tradelane import BadRequestError, Closure

SIMULATE_EPILOG: Final = """\b
Examples:
  tradelane recall simulate https://id.gs1.org/01/09521101001006/10/L7
  tradelane recall simulate --site 9521103000018 \\
      --from 2026-11-04T08:00:00Z --to 2026-11-04T16:00:00Z
\b
A target is a product (its GTIN), a lot or an item. Reached is all that was made
of it, what it was installed in, the items of a lot, and what is packed in a
container. With --site it is what was there in that time; without, the time is
when the targets came into being. tradelane recall open takes the same targets.
"""
CLOSURE_EPILOG: Final = """\b
Examples:
  tradelane recall closure recall-5f0c...
  tradelane recall closure recall-5f0c... --limit 1000 --json
"""
ThingsOption = Annotated[
    int, typer.Option("--things", metavar="N", min=1, max=1_000_000, help="Things to follow at most.")
]
LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Things to list at most.")]


def simulate(
    context: typer.Context,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[GTIN|ID]...", help="Products, lots or items.")
    ] = None,
    *,
    site: Annotated[str | None, typer.Option("--site", metavar="GLN|ID", help="What was at this place.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to this time.")] = None,
    things: ThingsOption = 100_000,
    limit: LimitOption = 20,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a recall would reach, before it is opened.

    Nothing is written. Ended things cannot be had back and are only counted.
    """
    if not targets and site is None:
        raise BadRequestError("recall.target", "nothing is named", "name a product, a lot or an item, or --site")
    session = open_session(context, json=json, node=node, network=network)
    since_ms, until_ms = (None if text is None else time_option(text) for text in (since, until))
    with session.client() as client:
        found = client.simulate_recall(
            targets or (), site=site, since_ms=since_ms, until_ms=until_ms, things=things, limit=limit
        )
    _print(session, found)


def closure(
    context: typer.Context,
    recall_id: Annotated[str, typer.Argument(metavar="RECALL", help="Id of the recall.", show_default=False)],
    *,
    things: ThingsOption = 100_000,
    limit: LimitOption = 20,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a recall reaches, who holds it and where it is now."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.recall_closure(recall_id, things=things, limit=limit)
    _print(session, found)


def _print(session: Session, found: Closure) -> None:
    ended = ", ".join(f"{number} {status}" for status, number in found.ended.items())
    said = f"[bold]{found.items:,} items and {found.lots:,} lots[/] to have back"
    shown: list[RenderableType] = [
        said + (f", besides {escape(ended)}" if ended else ""),
        f"[dim]as of block {found.height}, {time_text(found.time_ms)}[/]",
    ]
    if found.items or found.lots:
        shown += ["", _groups(found), "", _entries(found)]
    left = found.items + found.lots - len(found.entries)
    if left > 0:
        shown.append(f"[dim]and {left:,} more; --limit lists them[/]")
    for mark in found.marks:
        session.output.note(f"[yellow]not followed:[/] {mark_text(mark)}")
    session.output.result(found.fields, *shown)


def _groups(found: Closure) -> Table:
    rows = table("", "", ">items", ">lots", "amounts of lots")
    for title, groups in (("held by", found.holders), ("at", found.places), ("product", found.products)):
        for number, group in enumerate(groups[:10]):
            amounts = ", ".join(f"{amount} {unit or 'pieces'}" for unit, amount in group.quantities.items())
            name = "unknown" if group.name is None else thing_text(group.name)
            rows.add_row("" if number else title, escape(name), f"{group.items:,}", f"{group.lots:,}", escape(amounts))
        if len(groups) > 10:
            rows.add_row("", f"and {len(groups) - 10} more", "", "", "")
    return rows


def _entries(found: Closure) -> Table:
    rows = table("thing", "held by", "at", "in", "because")
    for entry in found.entries:
        because = entry.relation if entry.via is None else f"{entry.relation}, {thing_text(entry.via)}"
        places = ("" if name is None else thing_text(name) for name in (entry.location, entry.outermost))
        rows.add_row(escape(thing_text(entry.id)), escape(entry.custodian or ""), *map(escape, places), escape(because))
    return rows
