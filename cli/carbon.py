"""`tradelane carbon ...`: record what a leg of transport gave off, and show what a thing bears of all of them."""

import re
import secrets
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli.formatting import TIME_HELP, read_time, time_text
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.subjects import subject_of
from cli.submitting import submit_operation
from ledger.codec import Value
from tradelane import BadRequestError

_EPILOG: Final = """\b
Examples:
  tradelane carbon record ID=25000kg --mode sea --km 19647 --factor 7.8 \\
      --source "GLEC v3" --from 2026-10-01 --as carrier
  tradelane carbon show ID
"""
_RECORD_EPILOG: Final = """\b
Examples:
  tradelane carbon record https://id.gs1.org/00/095211020000041755=820kg \\
      --mode road --km 212.5 --factor 62 --source "GLEC v3" --data default \\
      --from 2026-11-01T06:00:00Z --until 2026-11-01T11:00:00Z --as carrier
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane carbon show https://id.gs1.org/01/09521102002002/21/3pGU9njk
"""
_WITHDRAW_EPILOG: Final = """\b
Examples:
  tradelane carbon withdraw leg-5f0c... --reason "another lorry" --as carrier
"""
_MASS: Final = re.compile(r"([0-9]{1,12})(g|kg|t)")
_GRAMS: Final = {"g": 1, "kg": 1_000, "t": 1_000_000}
_DECIMAL: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?")

app = typer.Typer(help="Emissions of transport, in CO2 equivalents.", no_args_is_help=True, epilog=_EPILOG)


@app.command("record", epilog=_RECORD_EPILOG)
def record(
    context: typer.Context,
    goods: Annotated[list[str], typer.Argument(metavar="ID=MASS...", help="Goods with their mass in g, kg or t.")],
    *,
    mode: Annotated[
        Literal["air", "hub", "inland_water", "pipeline", "rail", "road", "sea"],
        typer.Option(help="How they went.", show_default=False),
    ],
    factor: Annotated[str, typer.Option(help="Grams CO2e a tonne-kilometre; at a hub a tonne.", show_default=False)],
    source: Annotated[str, typer.Option(help="Whose factor it is, with its version.", show_default=False)],
    begins: Annotated[str, typer.Option("--from", help=f"When it began. {TIME_HELP}", show_default=False)],
    until: Annotated[str | None, typer.Option(help="When it ended; else when it began.")] = None,
    km: Annotated[str | None, typer.Option(help="How far, in kilometres.")] = None,
    data: Annotated[Literal["primary", "modelled", "default"], typer.Option(help="How good the data is.")] = "default",
    leg_id: Annotated[str | None, typer.Option("--id", help="Id of the record; else a random one.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Record the emissions of a leg, or of the handling at a hub, for goods that you own or hold.

    The ledger multiplies mass, distance and factor, in whole grams.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    chosen = leg_id or f"leg-{secrets.token_hex(8)}"
    from_ms = read_time(begins)
    arguments: dict[str, Value] = {
        "id": chosen,
        "goods": [_good(entry) for entry in goods],
        "mode": mode,
        "factor_mg": _thousandths(factor, "--factor"),
        "data": data,
        "source": source,
        "from_ms": from_ms,
        "until_ms": from_ms if until is None else read_time(until),
    }
    if km is not None:
        arguments["distance_metres"] = _thousandths(km, "--km")
    submit_operation(
        session,
        "provenance.record_emissions",
        arguments,
        wait_s=wait,
        shown={"id": chosen},
        done=f"recorded {chosen}",
    )


@app.command("withdraw", epilog=_WITHDRAW_EPILOG)
def withdraw(
    context: typer.Context,
    leg_id: Annotated[str, typer.Argument(metavar="RECORD", help="Id of the record.", show_default=False)],
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Take a record back for good; it stays to be read and counts no more."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    submit_operation(
        session,
        "provenance.withdraw_emissions",
        {"id": leg_id, "reason": reason},
        wait_s=wait,
        shown={"id": leg_id},
        done=f"withdrew {leg_id}",
    )


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An item or a lot.", show_default=False)],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a thing bears: legs of its own, its part of what carried it, and of what it was made from."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.emissions(identifier)
    rows = table("when", "by", "how", "km", "part", "data", "g CO2e")
    for leg in found.legs:
        rows.add_row(
            time_text(leg.from_ms)[:10],
            escape(leg.organisation),
            leg.mode,
            f"{leg.distance_metres / 1000:,.0f}" if leg.distance_metres else "",
            leg.relation,
            leg.data,
            f"{leg.grams:,}",
        )
    said = f"[b]{found.grams:,} g CO2e[/] over {len(found.legs)} records"
    if found.not_apportioned:
        said += f"\n[yellow]![/] not counted, for a mass is not known: {escape(', '.join(found.not_apportioned))}"
    if not found.is_complete:
        said += "\n[yellow]![/] its trace goes on beyond what was followed; there may be more"
    session.output.result(found.fields, *([rows] if found.legs else []), said)


def _good(entry: str) -> list[Value]:
    """Return an item or a lot with its mass in grams."""
    name, _, mass = entry.rpartition("=")
    match = _MASS.fullmatch(mass)
    kind, identifier = subject_of(name)
    if not name or match is None or kind not in ("item", "lot"):
        raise BadRequestError(
            "carbon.goods", f"{entry[:100]!r} is not ID=MASS", "write an item or a lot, and 820kg, 500g or 25t"
        )
    return [kind, identifier, int(match[1]) * _GRAMS[match[2]]]


def _thousandths(text: str, option: str) -> int:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise BadRequestError("carbon.number", f"{option} {text[:30]!r} is no number", "write 62 or 7.8")
    return int(match[1]) * 1_000 + int((match[2] or "").ljust(3, "0"))
