"""`tradelane customs ...`: declare goods at a border, decide on a declaration, and show what was declared."""

from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.subjects import subject_of
from cli.submitting import submit_operation
from ledger.codec import Value

_EPILOG: Final = """\b
Examples:
  tradelane customs declare 26NO4711 09521102002002 --hs 030214 --origin NO \\
      --from NO --to CN --as brand
  tradelane customs show 09521102002002
"""
_DECLARE_EPILOG: Final = """\b
Examples:
  tradelane customs declare 26NO4711 09521102002002 --hs 030214 --origin NO \\
      --from NO --to CN --procedure export --as brand
"""
_DECIDE_EPILOG: Final = """\b
Examples:
  tradelane customs decide 26NO4711 released --as customs
  tradelane customs decide 26NO4711 held --comment "papers" --as customs
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane customs show 09521102002002
"""

app = typer.Typer(help="Customs declarations.", no_args_is_help=True, epilog=_EPILOG)


@app.command("declare", epilog=_DECLARE_EPILOG)
def declare(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The declaration's number.", show_default=False)],
    goods: Annotated[list[str], typer.Argument(metavar="GTIN|ID...", help="What it is about.", show_default=False)],
    *,
    hs: Annotated[str, typer.Option(help="Commodity code, 6 to 12 digits.", show_default=False)],
    origin: Annotated[str, typer.Option(help="Country of origin, two letters.", show_default=False)],
    begins: Annotated[str, typer.Option("--from", help="Country that they leave.", show_default=False)],
    to: Annotated[str, typer.Option(help="Country that they enter.", show_default=False)],
    edition: Annotated[str, typer.Option(help="Edition of the Harmonized System.")] = "HS2022",
    procedure: Annotated[Literal["export", "import", "transit"], typer.Option(help="What for.")] = "export",
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Declare goods that you own or hold."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {
        "id": number,
        "subjects": [list[Value](subject_of(name)) for name in goods],
        "procedure": procedure,
        "hs_code": hs.replace(".", "").replace(" ", ""),
        "hs_edition": edition,
        "origin": origin,
        "from": begins,
        "to": to,
    }
    submit_operation(
        session,
        "provenance.declare_customs",
        arguments,
        wait_s=wait,
        shown={"declaration": number},
        done=f"declared {number}",
    )


@app.command("decide", epilog=_DECIDE_EPILOG)
def decide(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The declaration's number.", show_default=False)],
    decision: Annotated[
        Literal["released", "held", "refused"], typer.Argument(help="What you decide.", show_default=False)
    ],
    *,
    comment: Annotated[str | None, typer.Option(help="Why; everybody reads it.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Decide, as customs, on what another firm has declared."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {"id": number, "decision": decision}
    if comment is not None:
        arguments["comment"] = comment
    submit_operation(
        session,
        "provenance.decide_customs",
        arguments,
        wait_s=wait,
        shown={"declaration": number},
        done=f"{decision} {number}",
    )


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="GTIN|ID", help="A product or a thing.", show_default=False)],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show the customs declarations about a thing with its lot and product."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.customs_declarations(subject_of(subject)[1])
    rows = table("number", "by", "what", "code", "origin", "way", "state", "declared")
    for one in found:
        state = one.status + ("" if one.decided_by is None else f" by {one.decided_by}")
        rows.add_row(
            escape(one.id),
            escape(one.organisation),
            one.procedure,
            f"{one.hs_code} ({one.hs_edition})",
            one.origin,
            f"{one.leaves}\u2192{one.enters}",
            escape(state),
            time_text(one.declared_ms)[:10],
        )
    session.output.result([one.fields for one in found], rows if found else "nothing was declared about it")
