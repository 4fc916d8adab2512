"""`tradelane trace show|back|forward|contents|at`: where things came from, went to and are, and what was at a place."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from cli.proofs import freshness_value, trust_file, verified_text
from cli.session import JsonOption, NetworkOption, NodeOption, Session, TrustOption, open_session
from cli.trace_forms import dot_text, site_table, timeline
from cli.tracing import trace_tree
from standards.epcis import fields
from tradelane import BadRequestError, Trace, check_trace, fetch_checked, load_trust
from tradelane.conversations import Direction

_EPILOG: Final = """\b
Examples:
  tradelane trace show https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL
  tradelane trace contents https://id.gs1.org/00/395211020000004175
  tradelane trace at 9521103000018 --from 2026-11-04T00:00:00Z
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane trace show https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL
  tradelane trace show urn:epc:id:sscc:9521102.3000000417 --timeline
  tradelane trace show https://id.gs1.org/00/395211020000004175 --verify \\
      --trust trust.json
\b
With --verify the node must prove the events of the item and of everything it
was packed in. What it came from, went into and holds is shown unproven.
"""
_BACK_EPILOG: Final = """\b
Examples:
  tradelane trace back https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL
  tradelane trace back https://id.gs1.org/00/395211020000004175 --at 12
\b
As of a height (--at 12) it is what the ledger held then. As of a time
(--at 2026-11-04T12:00:00Z) it is what had happened by then, by all that is
known now. What was captured only afterwards is said.
"""
_FORWARD_EPILOG: Final = """\b
Examples:
  tradelane trace forward https://id.gs1.org/01/09521101001006/10/L7 --depth 3
  tradelane trace forward https://id.gs1.org/01/09521101001006/10/L7 --dot \\
      | dot -Tsvg > forward.svg
"""
_CONTENTS_EPILOG: Final = """\b
Examples:
  tradelane trace contents https://id.gs1.org/00/395211020000004175
  tradelane trace contents https://id.gs1.org/00/395211020000004175 \\
      --at 2026-11-06T12:00:00Z --fan-out 1000
"""
_AT_EPILOG: Final = """\b
Examples:
  tradelane trace at 9521103000018
  tradelane trace at https://id.gs1.org/414/9521103000018 \\
      --from 2026-11-04T00:00:00Z --to 2026-11-05T00:00:00Z
"""
_HEIGHT: Final = re.compile(r"[0-9]{1,15}")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Digital Link, EPC URN, or the URI of an event.")]
DepthOption = Annotated[int, typer.Option("--depth", min=0, max=20, help="How many levels to follow.")]
FanOutOption = Annotated[
    int, typer.Option("--fan-out", metavar="N", min=1, max=10_000, help="Branches of one thing at most.")
]
NodesOption = Annotated[int, typer.Option("--things", metavar="N", min=1, max=20_000, help="Things in all at most.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="HEIGHT|TIME", help="As of then instead of now.")]
DotOption = Annotated[bool, typer.Option("--dot", help="Write a graph for Graphviz instead of a tree.")]
TimelineOption = Annotated[bool, typer.Option("--timeline", help="Show one list of events, oldest first.")]
VerifyOption = Annotated[
    bool, typer.Option("--verify", help="Check its events and containers by a proof that the node must give.")
]

app = typer.Typer(help="Show where things came from, went to and are.", no_args_is_help=True, epilog=_EPILOG)


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    identifier: IdArgument,
    *,
    depth: DepthOption = 10,
    fan_out: FanOutOption = 100,
    things: NodesOption = 500,
    at: AtOption = None,
    dot: DotOption = False,
    timeline_: TimelineOption = False,
    verify: VerifyOption = False,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a thing came from, was in, became and holds.

    Events, handovers, temperatures, and what went into and came out of each transformation.
    """
    session = open_session(context, json=json, node=node, network=network)
    asked = _Asked(identifier, "all", depth, fan_out, things, at)
    if verify or trust is not None:
        _show_checked(session, asked, trust, _form(dot=dot, timeline_=timeline_))
    else:
        _show(session, asked, _form(dot=dot, timeline_=timeline_))


@app.command("back", epilog=_BACK_EPILOG)
def back(
    context: typer.Context,
    identifier: IdArgument,
    *,
    depth: DepthOption = 10,
    fan_out: FanOutOption = 100,
    things: NodesOption = 500,
    at: AtOption = None,
    dot: DotOption = False,
    timeline_: TimelineOption = False,
    verify: VerifyOption = False,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show where a thing came from.

    What it was packed in, was made from, and has built in.
    """
    session = open_session(context, json=json, node=node, network=network)
    asked = _Asked(identifier, "back", depth, fan_out, things, at)
    if verify or trust is not None:
        _show_checked(session, asked, trust, _form(dot=dot, timeline_=timeline_))
    else:
        _show(session, asked, _form(dot=dot, timeline_=timeline_))


@app.command("forward", epilog=_FORWARD_EPILOG)
def forward(
    context: typer.Context,
    identifier: IdArgument,
    *,
    depth: DepthOption = 10,
    fan_out: FanOutOption = 100,
    things: NodesOption = 500,
    at: AtOption = None,
    dot: DotOption = False,
    timeline_: TimelineOption = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show where a thing went.

    What was made from it, and what that was packed in or installed in.
    """
    session = open_session(context, json=json, node=node, network=network)
    asked = _Asked(identifier, "forward", depth, fan_out, things, at)
    _show(session, asked, _form(dot=dot, timeline_=timeline_))


@app.command("contents", epilog=_CONTENTS_EPILOG)
def contents(
    context: typer.Context,
    identifier: IdArgument,
    *,
    depth: DepthOption = 10,
    fan_out: FanOutOption = 100,
    things: NodesOption = 500,
    at: AtOption = None,
    dot: DotOption = False,
    timeline_: TimelineOption = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was in a thing, down to the last level."""
    session = open_session(context, json=json, node=node, network=network)
    asked = _Asked(identifier, "contents", depth, fan_out, things, at)
    _show(session, asked, _form(dot=dot, timeline_=timeline_))


@app.command("at", epilog=_AT_EPILOG)
def at_site(
    context: typer.Context,
    site: Annotated[str, typer.Argument(metavar="GLN|ID", help="A place, as events name it.", show_default=False)],
    *,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to this time.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Events at most.")] = 100,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what happened at a place, oldest first."""
    session = open_session(context, json=json, node=node, network=network)
    since_ms, until_ms = (None if text is None else time_option(text) for text in (since, until))
    with session.client() as client:
        found = client.site_events(site, since_ms, until_ms, limit + 1)
    shown: list[RenderableType] = [site_table(found[:limit]) if found else "nothing happened there in that time"]
    if len(found) > limit:
        session.output.note(f"[yellow]there are more than {limit}; --limit shows them[/]")
    value = {"events": [event.entry.fields for event in found[:limit]], "is_whole": len(found) <= limit}
    session.output.result(value, *shown)


def time_option(text: str) -> int:
    """Return a time that a person wrote as milliseconds; raises BadRequestError."""
    time_ms = fields.time_ms(text)
    if time_ms is None or time_ms < 0:
        raise BadRequestError(
            "trace.time", f"{text[:100]!r} is not a time", "write it like 2026-11-04T12:00:00Z, from 1970 on"
        )
    return time_ms


class _Asked:
    """What is asked for; a question is asked again of the node that proved something."""

    def __init__(
        self, identifier: str, direction: Direction, depth: int, fan_out: int, things: int, at: str | None
    ) -> None:
        self.identifier = identifier
        self.direction: Direction = direction
        self.depth = depth
        self.fan_out = fan_out
        self.things = things
        self.height = int(at) if at is not None and _HEIGHT.fullmatch(at) else None
        self.time_ms = None if at is None or self.height is not None else time_option(at)


def _form(*, dot: bool, timeline_: bool) -> str:
    if dot and timeline_:
        raise BadRequestError("trace.form", "--dot and --timeline are two forms", "choose one of them")
    return "dot" if dot else "timeline" if timeline_ else "tree"


def _show(session: Session, asked: _Asked, form: str) -> None:
    with session.client() as client:
        found = client.trace(
            asked.identifier,
            asked.direction,
            asked.depth,
            fan_out=asked.fan_out,
            nodes=asked.things,
            at_height=asked.height,
            at_ms=asked.time_ms,
        )
    if form == "dot" and not session.output.is_json:
        session.output.raw(dot_text(found))
        return
    session.output.result(found.fields, _drawn(found, form))


def _show_checked(session: Session, asked: _Asked, trust: Path | None, form: str) -> None:
    if asked.height is not None or asked.time_ms is not None:
        raise BadRequestError("trace.proof", "a proof is as of now", "leave out --at, or --verify and --trust")
    if form == "dot":
        raise BadRequestError("trace.form", "a graph has no room for what was proven", "leave out --dot or --verify")
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        checked = fetch_checked(client, lambda one: one.trace_proof(asked.identifier), root)
        found = client.alone(checked.node).trace(
            asked.identifier, asked.direction, asked.depth, fan_out=asked.fan_out, nodes=asked.things
        )
    check_trace(found, checked.facts)
    value = {**found.fields, "stays": checked.facts.stays, "freshness": freshness_value(checked)}
    session.output.result(value, _drawn(found, form), verified_text(checked))


def _drawn(found: Trace, form: str) -> RenderableType:
    return timeline(found) if form == "timeline" else trace_tree(found)
