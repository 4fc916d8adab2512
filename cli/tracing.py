"""A trace as a tree in the terminal: who did what where, how cold it was, what was packed and what was made of it."""

from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rich.markup import escape
from rich.tree import Tree

from cli.formatting import thing_text, time_text
from tradelane import HistoryEntry, Mark, Trace, TraceNode
from tradelane.transport import JsonObject

_UNITS: Final = {"CEL": "°C", "FAH": "°F", "KEL": "K"}
_VERBS: Final = {"offer": "offered", "accept": "accepted", "reject": "rejected", "cancel": "cancelled"}
_BRANCHES: Final = (
    ("containers", "was in"),
    ("made_from", "made from"),
    ("made_into", "made into"),
    ("contents", "holds"),
)
# What each reason for stopping short means to a person.
_MARKS: Final = {
    "limit": "more than is shown here",
    "cycle": "shown above already",
    "shown_elsewhere": "shown elsewhere in this tree",
    "unknown": "the ledger knows nothing under this name",
    "refused": "named by events, refused by the ledger",
    "strangers": "events of others under its id, not joined",
    "pruned": "given up by this node",
    "unlisted": "more than the receipts list; a refusal may be among them",
    "captured_later": "of these were captured only after that time",
    "not_yet_captured": "had happened and were captured only later; left out",
    "claimed": "followed though the holder did not agree",
}
_WHAT: Final = {"made_from": "sources", "made_into": "products"}
_REASONS: Final = {
    "only_inputs": "nothing of this unit came out",
    "only_outputs": "nothing of this unit went in",
    "unknown_amount": "an amount is unknown",
}


def trace_tree(trace: Trace) -> Tree:
    """Return the tree of a trace."""
    tree = Tree(f"{_title(trace.root)}\n[dim]{as_of_text(trace)}[/]", guide_style="dim")
    _fill(tree, trace.root)
    return tree


def _fill(tree: Tree, node: TraceNode) -> None:
    for event in node.events:
        tree.add(_event_text(event))
    for made in node.transformations:
        tree.add(_transformation_text(made))
    for mark in node.marks:
        tree.add(f"[dim]… {mark_text(mark)}[/]")
    for name, words in _BRANCHES:
        seen: dict[tuple[object, ...], str] = {}
        for child in getattr(node, name):
            branch = tree.add(f"[bold]{words}[/] {_title(child)}{_interval(child)}")
            # Things that went the same way, such as the packs of a case, are told once.
            twin = seen.get((child.event_keys, _below(child))) if child.events else None
            if twin is not None:
                branch.add(f"[dim]the same {len(child.events)} events as {escape(twin)}[/]")
                continue
            seen[child.event_keys, _below(child)] = thing_text(child.id)
            _fill(branch, child)


def _below(node: TraceNode) -> tuple[str, ...]:
    return tuple(child.id for name, _ in _BRANCHES for child in getattr(node, name))


def _title(node: TraceNode) -> str:
    name = f"[bold cyan]{escape(node.product_name)}[/] " if node.product_name else ""
    text = f"{name}{escape(thing_text(node.id))}"
    if node.relation is None:
        held = ", ".join(
            part
            for part in (
                node.status or "",
                f"held by {node.custodian}" if node.custodian else "",
                f"owned by {node.owner}" if node.owner else "",
            )
            if part
        )
        text += f"\n{escape(held)}"
    return text


def _interval(node: TraceNode) -> str:
    if node.since_ms is None:
        return ""
    until = "now" if node.until_ms is None else short_time(node.until_ms)
    return f"\n[dim]from {short_time(node.since_ms)} to {until}[/]"


def as_of_text(trace: Trace) -> str:
    """Return as of when a trace is, in words."""
    asked = trace.fields.get("as_of")
    if isinstance(asked, dict):
        height, time_ms = asked.get("height"), asked.get("time_ms")
        if isinstance(height, int):
            return f"as the ledger was at block {height}"
        if isinstance(time_ms, int):
            return f"what had happened by {short_time(time_ms)}, as known at block {trace.height}"
    return f"as of block {trace.height}"


def mark_text(mark: Mark) -> str:
    """Return what was left out, why, and the command that shows it."""
    omitted = f"{mark.omitted} " if mark.omitted is not None else ""
    what, reason = what_text(mark), _MARKS.get(mark.reason, mark.reason)
    text = f"{omitted}{escape(what)}: {escape(reason)}"
    asked = parse_qs(urlsplit(mark.ask or "").query)
    if mark.reason != "limit" or "direction" not in asked or "id" not in asked:
        return text
    fan_out = f" --fan-out {asked['fan_out'][0]}" if "fan_out" in asked else ""
    return f"{text}; tradelane trace {escape(asked['direction'][0])} {escape(asked['id'][0])}{escape(fan_out)}"


def what_text(mark: Mark) -> str:
    """Return what a mark is about in words."""
    name, is_deeper = mark.what.removeprefix("depth:"), mark.what.startswith("depth:")
    return _WHAT.get(name, name) + (" one level deeper" if is_deeper else "")


def _transformation_text(made: JsonObject) -> str:
    """Return what went into a transformation and what came out, a unit at a time."""
    parts = []
    balance = made.get("balance")
    for row in balance if isinstance(balance, list) else []:
        if isinstance(row, dict):
            unit, reason = str(row.get("unit")), row.get("reason")
            shown = f"{row.get('inputs') or 0} in, {row.get('outputs') or 0} out {unit}"
            difference = _REASONS.get(str(reason), str(reason)) if reason else f"{row.get('difference')}"
            parts.append(f"{escape(shown)} [dim]({escape(difference)})[/]")
    for name, words in (("input_items", "things in"), ("output_items", "things out")):
        if made.get(name):
            parts.append(f"{made[name]} {words}")
    events = made.get("events")
    number = len(events) if isinstance(events, list) else 0
    joined = f" [dim]({number} events)[/]" if number > 1 else ""
    return f"[magenta]transformation[/]{joined}  " + ", ".join(parts)


def _event_text(entry: HistoryEntry) -> str:
    return "  ".join((f"[dim]{short_time(entry.at_ms)}[/]", *event_parts(entry)))


def event_parts(entry: HistoryEntry, *, is_placed: bool = True) -> list[str]:
    """Return what a record says, without its time: what was done, by whom, where, and which rules it broke."""
    who = entry.organisation or "?"
    if entry.event is not None:
        parts = _capture_parts(entry.event, who, is_placed=is_placed)
    elif entry.custody is not None:
        parts = _custody_parts(entry.custody, who)
    else:
        parts = [escape(entry.method), escape(who)]
    return [*parts, *(f"[red]{escape(rule)}[/]" for rule in entry.violations)]


def _capture_parts(event: JsonObject, who: str, *, is_placed: bool) -> list[str]:
    step = event.get("biz_step") or event.get("type") or "event"
    parts = [f"[bold]{escape(word(step))}[/]", escape(who)]
    place = event.get("biz_location") or event.get("read_point")
    if is_placed and isinstance(place, str):
        parts.append(f"[dim]{escape(thing_text(place))}[/]")
    temperature = temperature_text(event)
    if temperature:
        parts.append(f"[blue]{temperature}[/]")
    if event.get("is_declared_wrong") is True:
        parts.append("[red]declared wrong by whoever captured it[/]")
    if event.get("is_declaration") is True:
        parts.append("[yellow]declares an error[/]")
    document = event.get("document")
    if isinstance(document, dict) and document.get("captured") != document.get("parts"):
        parts.append(
            f"[yellow]{document.get('captured')} of {document.get('parts')} parts of its document are there[/]"
        )
    return parts


def _custody_parts(custody: JsonObject, who: str) -> list[str]:
    act = str(custody.get("act"))
    verb, kind = _VERBS.get(act, act), custody.get("kind") or "custody"
    other = f"to {custody.get('to')}" if act in {"offer", "cancel"} else f"from {custody.get('from')}"
    parts = [f"[bold green]{escape(str(kind))} {escape(verb)}[/]", escape(who), escape(other)]
    if act in {"offer", "cancel"}:
        return parts
    said = [custody[name] for name in ("condition", "reason") if isinstance(custody.get(name), str)]
    return [*parts, *(f"[dim]{escape(str(text))}[/]" for text in said)]


def temperature_text(event: JsonObject) -> str:
    """Return the range of the temperatures that an event reports, such as ``-19.5..-18 °C``, or nothing."""
    reports = event.get("sensor_reports")
    found: dict[str, list[Decimal]] = {}
    for report in reports if isinstance(reports, list) else ():
        if isinstance(report, dict) and report.get("type") == "Temperature":
            values = found.setdefault(_UNITS.get(str(report.get("uom")), str(report.get("uom"))), [])
            values += [number for name in ("value", "min", "max") if (number := _number(report.get(name))) is not None]
    texts = []
    for unit, numbers in found.items():
        if numbers:
            low, high = min(numbers), max(numbers)
            texts.append(f"{low}{'' if low == high else f'..{high}'} {unit}")
    return escape(", ".join(texts))


def _number(value: object) -> Decimal | None:
    if not isinstance(value, str | int):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def word(term: object) -> str:
    """Return a bareword as words; of a term of somebody's own vocabulary its last part."""
    return str(term).rsplit("/", 1)[-1].rsplit(":", 1)[-1].replace("_", " ")


def short_time(time_ms: int) -> str:
    """Return a time in UTC to the minute."""
    return time_text(time_ms)[:16]
