"""`tradelane cold report`: a thing's temperatures as a curve, with the label's range, gaps, breaches and the mean."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from cli.cold_chart import svg_file, terminal_chart
from cli.cold_curve import Curve, make_curve
from cli.cold_text import breaches_text, degrees, record_text
from cli.files import write_file
from cli.formatting import TIME_HELP, done_text, read_time, thing_text
from cli.output import fields_table
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from standards.cold_chain import ACTIVATION_ENERGY_KJ_PER_MOL
from standards.durations import duration_text
from tradelane import BadRequestError

REPORT_EPILOG: Final = """\b
Examples:
  tradelane cold report https://id.gs1.org/00/395211020000004175
  tradelane cold report ID --from 2026-11-01 --to 2026-11-04
  tradelane cold report ID --svg curve.svg
"""


def report(
    context: typer.Context,
    thing: Annotated[
        str, typer.Argument(metavar="ID", help="The thing: an item, a logistic unit, an asset.", show_default=False)
    ],
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"Readings from here. {TIME_HELP}")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The first left out.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the curve as SVG, too.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show the temperatures of a thing: the curve, the range on its label, gaps and breaches.

    What is judged is what the ledger found. The mean kinetic temperature is information and excuses nothing.
    """
    session = open_session(context, json=json, node=node, network=network)
    from_ms, until_ms = (None if text is None else read_time(text) for text in (start, end))
    with session.client() as client:
        record, breaches = client.cold_record(thing), client.cold_breaches(thing)
        readings = client.cold_readings(thing, from_ms, until_ms)
        profiles = {name: client.cold_profile(name) for name in {one.profile for one in record.watches}}
    curve = make_curve(record, readings, profiles)
    within = [one for one in breaches if not curve.points or one.until_ms >= curve.points[0].time_ms]
    stretches = [(one.from_ms, one.until_ms) for one in within]
    shown: list[RenderableType] = [*record_text(record)]
    if curve.points:
        shown += ["", *terminal_chart(curve, stretches), "", fields_table(_summary(curve))]
    elif record.overall_disposition is not None:
        shown.append("no readings in this time")
    shown += breaches_text(breaches)
    if svg is not None:
        if not curve.points:
            raise BadRequestError("report.empty", "there are no readings to draw", "choose another time")
        write_file(svg, svg_file(thing_text(record.id), curve, stretches))
        shown.append(done_text(f"wrote {svg}"))
    value = {
        "record": record.fields,
        "breaches": [one.fields for one in breaches],
        "readings": [[one.time_ms, one.milli_celsius] for one in curve.points],
        "outside": curve.outside,
        "gaps": [list(gap) for gap in curve.gaps],
        "limits": None if curve.limits is None else {"is_label": curve.is_label, "milli_celsius": curve.limits},
        "mean_kinetic": _mean_kinetic_value(curve),
    }
    session.output.result(value, *shown)


def _summary(curve: Curve) -> list[tuple[str, str]]:
    values = [one.milli_celsius for one in curve.points]
    rows = [
        ("readings", f"{len(values)}, {degrees(min(values))} to {degrees(max(values))} °C, {curve.outside} outside")
    ]
    if curve.gaps:
        rows.append(("gaps", f"{len(curve.gaps)}, {duration_text(sum(end - start for start, end in curve.gaps))}"))
    mean = curve.mean_kinetic_celsius
    if mean is not None:
        span = duration_text(sum(one.span_ms for one in curve.held))
        energy = f"{ACTIVATION_ENERGY_KJ_PER_MOL} kJ/mol"
        rows.append(("mean kinetic", f"{mean:.2f} °C over {span} monitored ({len(curve.held)} spans, {energy})"))
    return rows


def _mean_kinetic_value(curve: Curve) -> dict[str, object] | None:
    mean = curve.mean_kinetic_celsius
    if mean is None:
        return None
    return {
        "celsius": round(mean, 3),
        "spans": len(curve.held),
        "monitored_ms": sum(one.span_ms for one in curve.held),
        "activation_energy_kj_per_mol": ACTIVATION_ENERGY_KJ_PER_MOL,
    }
