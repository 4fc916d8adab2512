"""A trace in other forms than a tree: as one list of events in the order of time, and as a graph for Graphviz."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from cli.formatting import thing_text
from cli.output import table
from cli.tracing import event_parts, mark_text, short_time, what_text, word
from tradelane import HistoryEntry, SiteEvent, Trace, TraceNode

_BRANCHES: Final = ("containers", "made_from", "made_into", "contents")
_COLOURS: Final = {"packed": "black", "installed": "blue", "transformed": "darkgreen", "claimed": "red"}


def timeline(trace: Trace) -> RenderableType:
    """Return every event of a trace once, in the order of time, with the first thing in the tree that has it."""
    first: dict[tuple[object, ...], tuple[HistoryEntry, TraceNode]] = {}
    others: dict[tuple[object, ...], int] = {}
    key: tuple[object, ...]
    marks: dict[str, None] = {}
    for node in trace.root.walk():
        marks |= {f"[dim]{escape(thing_text(node.id))}: {mark_text(mark)}[/]": None for mark in node.marks}
        for entry, key in zip(node.events, node.event_keys, strict=True):
            if key in first:
                others[key] = others.get(key, 0) + (first[key][1].id != node.id)
            else:
                first[key] = (entry, node)
    rows = table("when", "what", "of")
    for key, (entry, node) in sorted(first.items(), key=lambda row: row[1][0].at_ms):
        more = f" [dim]and {others[key]} more[/]" if others.get(key) else ""
        rows.add_row(short_time(entry.at_ms), "  ".join(event_parts(entry)), f"{escape(thing_text(node.id))}{more}")
    return Group(rows, f"[dim]as of block {trace.height}[/]", *marks)


def site_table(events: Iterable[SiteEvent]) -> Table:
    """Return what happened at a place."""
    rows = table("when", "what", "things")
    for event in events:
        named = ", ".join(thing_text(name) for name in event.named[:3])
        more = f" and {event.named_count - 3} more" if event.named_count > 3 else ""
        what = "  ".join(event_parts(event.entry, is_placed=False))
        rows.add_row(short_time(event.entry.at_ms), what, escape(named + more))
    return rows


def dot_text(trace: Trace) -> str:
    """Return a trace as a directed graph: from what was before to what came of it, contents into containers."""
    lines = ["digraph trace {", "  rankdir=LR;", "  node [shape=box, fontname=Helvetica];"]
    names: dict[str, str] = {}
    edges: dict[tuple[str, str, str], None] = {}
    for node in trace.root.walk():
        if node.id not in names:
            names[node.id] = f"n{len(names)}"
            style = ", style=bold" if node is trace.root else ""
            lines.append(f"  {names[node.id]} [label={_quoted(_label(node))}{style}];")
    for node in trace.root.walk():
        for branch in _BRANCHES:
            for child in getattr(node, branch):
                is_before = branch in ("made_from", "contents")
                ends = (child, node) if is_before else (node, child)
                edges[names[ends[0].id], names[ends[1].id], _edge_label(child)] = None
    for start, end, label in edges:
        relation = label.split("\n", 1)[0]
        lines.append(f"  {start} -> {end} [label={_quoted(label)}, color={_COLOURS.get(relation, 'black')}];")
    for number, (identifier, text) in enumerate(_cuts(trace.root)):
        lines.append(f"  cut{number} [label={_quoted(text)}, shape=plaintext, fontcolor=gray40];")
        lines.append(f"  {names[identifier]} -> cut{number} [style=dashed, color=gray40, arrowhead=none];")
    return "\n".join((*lines, "}", ""))


def _cuts(root: TraceNode) -> dict[tuple[str, str], None]:
    """Return what the graph leaves out, each once; that a thing stands elsewhere in a tree is no loss in a graph."""
    return {
        (node.id, f"{mark.omitted or ''} {what_text(mark)}: {word(mark.reason)}".strip()): None
        for node in root.walk()
        for mark in node.marks
        if mark.reason not in ("cycle", "shown_elsewhere")
    }


def _label(node: TraceNode) -> str:
    held = f"{node.status or 'unknown'}{f', {node.custodian}' if node.custodian else ''}"
    return "\n".join(part for part in (node.product_name, thing_text(node.id), held) if part)


def _edge_label(child: TraceNode) -> str:
    if child.since_ms is None:
        return child.relation or ""
    until = "now" if child.until_ms is None else short_time(child.until_ms)
    return f"{child.relation}\n{short_time(child.since_ms)} to {until}"


def _quoted(text: str) -> str:
    """Return a text as a quoted string of the dot language, which knows the line break as an escape."""
    plain = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
