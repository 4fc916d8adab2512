"""How a cold record and its breaches look to people."""

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import thing_text, time_text
from cli.output import fields_table, table
from standards.durations import duration_text
from tradelane import ColdBreach, ColdLimit, ColdRecord

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
    if found.disposition is None:
        return [f"no device ever watched {escape(thing_text(found.id))}"]
    colour = _COLOURS.get(found.disposition, "yellow")
    used = duration_text(found.out_of_range_ms)
    budget = "no budget is set" if found.budget_ms is None else f"of a budget of {duration_text(found.budget_ms)}"
    rows = [("out of range", f"{used}, {budget}"), ("unmonitored", duration_text(found.unmonitored_ms))]
    if found.min_milli_celsius is not None and found.max_milli_celsius is not None:
        rows.insert(0, ("label", f"{degrees(found.min_milli_celsius)} to {degrees(found.max_milli_celsius)} °C"))
    rows.append(("breaches", f"{found.breaches}, {found.unacknowledged} not acknowledged"))
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
    title = f"[{colour}]{escape(found.disposition)}[/]  {escape(thing_text(found.id))}"
    return [title, fields_table(rows), watches]


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
