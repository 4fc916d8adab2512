"""How a cold record and its breaches look to people."""

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import thing_text, time_text
from cli.output import fields_table, table
from standards.durations import duration_text
from tradelane import ColdBreach, ColdInherited, ColdLimit, ColdRecord

_COLOURS: Final = {"OK": "green", "WITHIN_BUDGET": "green", "QUARANTINE": "yellow", "REJECT": "bold red"}


def degrees(milli_celsius: int) -> str:
    """Return a temperature in degrees with as many digits as it has.

    >>> degrees(-500), degrees(8_000), degrees(4_125)
    ('-0.5', '8', '4.125')
    """
    whole, rest = divmod(abs(milli_celsius), 1_000)
    fraction = f".{rest:03}".rstrip("0") if rest else ""
    return f"{'-' if milli_celsius < 0 else ''}{whole}{fraction}"


def limit_text(limit: ColdLimit) -> str:
    """Return when a breach begins, such as ``above 8 °C for 30 min in a row: quarantine``."""
    timer = "in a row" if limit.timer == "consecutive" else "in all"
    threshold = degrees(limit.threshold_milli_celsius)
    return f"{limit.side} {threshold} °C for {duration_text(limit.duration_ms)} {timer}: {limit.gravity}"


def record_text(found: ColdRecord) -> list[RenderableType]:
    """Return what the ledger makes of a thing's cold chain."""
    inherited = found.inherited
    if found.overall_disposition is None:
        return [f"no device ever watched {escape(thing_text(found.id))}", *_marks_text(inherited)]
    colour = _COLOURS.get(found.overall_disposition, "yellow")
    used = duration_text(found.out_of_range_ms + inherited.out_of_range_ms)
    budget = "no budget is set" if found.budget_ms is None else f"of a budget of {duration_text(found.budget_ms)}"
    unmonitored = duration_text(found.unmonitored_ms + inherited.unmonitored_ms)
    rows = [("out of range", f"{used}, {budget}"), ("unmonitored", unmonitored)]
    if found.min_milli_celsius is not None and found.max_milli_celsius is not None:
        rows.insert(0, ("label", f"{degrees(found.min_milli_celsius)} to {degrees(found.max_milli_celsius)} °C"))
    breaches = found.breaches + inherited.breaches
    rows.append(("breaches", f"{breaches}, {found.unacknowledged + inherited.unacknowledged} not acknowledged"))
    title = f"[{colour}]{escape(found.overall_disposition)}[/]  {escape(thing_text(found.id))}"
    watches = [] if found.disposition is None else [_watches_table(found)]
    return [title, fields_table(rows), *watches, *_stays_text(inherited), *_marks_text(inherited)]


def _watches_table(found: ColdRecord) -> RenderableType:
    watches = table("device", "profile", "from", "until", ">readings", ">lowest", ">highest")
    for one in found.watches:
        extremes = (one.min_milli_celsius, one.max_milli_celsius)
        watches.add_row(
            escape(one.device),
            escape(one.profile),
            time_text(one.from_ms),
            "open" if one.until_ms is None else time_text(one.until_ms),
            str(one.readings),
            *("" if value is None else degrees(value) for value in extremes),
        )
    return watches


def _stays_text(inherited: ColdInherited) -> list[RenderableType]:
    """Return what was measured on containers while it was in them."""
    rows = []
    for one in inherited.stays:
        until = "now" if one.until_ms is None else time_text(one.until_ms)
        rows.append(("inside of", f"{escape(thing_text(one.container))}, watched by {escape(one.device)}"))
        rows.append(("", f"{time_text(one.from_ms)} to {until}"))
        measured = [f"{one.readings} readings"]
        if one.min_milli_celsius is not None and one.max_milli_celsius is not None:
            measured.append(f"{degrees(one.min_milli_celsius)} to {degrees(one.max_milli_celsius)} °C")
        if one.out_of_range_ms:
            measured.append(f"out of range for {duration_text(one.out_of_range_ms)}")
        if one.unmonitored_ms:
            measured.append(f"unmonitored for {duration_text(one.unmonitored_ms)}")
        rows.append(("", ", ".join(measured)))
        if (one.counted_out_of_range_ms, one.counted_unmonitored_ms) != (one.out_of_range_ms, one.unmonitored_ms):
            rows.append(("", "a nearer device watched for some of this time, and its readings count"))
        for breach in one.breaches:
            said = "not acknowledged" if breach.acknowledged_by is None else f"acknowledged by {breach.acknowledged_by}"
            rows.append(("", escape(f"its breach {breach.number}, {said}: {limit_text(breach.limit)}")))
    return [fields_table(rows)] if rows else []


def _marks_text(inherited: ColdInherited) -> list[RenderableType]:
    return [f"[yellow]not followed:[/] {escape(what)} ({escape(reason)})" for reason, what in inherited.marks]


def breaches_text(breaches: Sequence[ColdBreach]) -> list[RenderableType]:
    """Return each breach in three lines, nothing where there are none."""
    rows = []
    for one in breaches:
        extremes = f"{degrees(one.min_milli_celsius)} to {degrees(one.max_milli_celsius)} °C"
        said = "not acknowledged" if one.acknowledged_by is None else f"{one.acknowledged_by}: {one.comment or ''}"
        rows += [
            (
                f"breach {one.number}",
                f"{time_text(one.from_ms)}, {duration_text(one.until_ms - one.from_ms)}, {extremes}",
            ),
            ("", escape(limit_text(one.limit))),
            ("", escape(said)),
        ]
    return [fields_table(rows)] if rows else []
