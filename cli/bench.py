"""`tradelane bench`: measure on this machine; ``cli.benches`` does the measuring, this prints it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import RenderableType

from cli.files import write_file
from cli.output import fields_table, table
from cli.processes import free_base_port
from cli.session import JsonOption, open_session
from tradelane import BadRequestError, UnavailableError

if TYPE_CHECKING:
    from cli.benches.figures import Row
    from cli.benches.machine import Machine

_EPILOG: Final = """\b
Examples:
  tradelane bench proofs
  tradelane bench proofs --heads 1000000
  tradelane bench trace --items 1000000
  tradelane bench settle
"""

app = typer.Typer(help="Measure on this machine, beside its own speed.", no_args_is_help=True, epilog=_EPILOG)

_PROOFS_EPILOG: Final = """\b
Examples:
  tradelane bench proofs
  tradelane bench proofs --heads 1000000 --seconds 5
  tradelane bench proofs --json > figures.json
\b
Times are processor time, rates are by the clock and by the processor time of
the node ("a core"); each is the best of several, for other work on the machine
only adds to it. A ledger is made in a temporary directory ($TMPDIR) and is gone
afterwards; a million heads take a minute, 300 MB there and 1 GB of memory.
"""
_TRACE_EPILOG: Final = """\b
Examples:
  tradelane bench trace
  tradelane bench trace --items 1000000
\b
Times are processor time, each the best of three. The ledger is made in a
temporary directory ($TMPDIR) and is gone afterwards; a million items take a
minute, 400 MB there and 1 GB of memory.
"""
_SETTLE_EPILOG: Final = """\b
Examples:
  tradelane bench settle
  tradelane bench settle --clients 128 --seconds 20
  tradelane bench settle --rates eurofxref-hist.csv --picture exposure.svg
\b
Rates are by the clock. Four validator processes and this program share the
cores; every client sends one payment at a time. The network is made in a
temporary directory ($TMPDIR) and is gone afterwards. Reference rates are not
part of this program: give the European Central Bank's file.
"""
_VALIDATORS: Final = 4


@app.command("proofs", epilog=_PROOFS_EPILOG)
def proofs(
    context: typer.Context,
    *,
    heads: Annotated[
        int, typer.Option("--heads", metavar="N", min=1, max=10_000_000, help="Heads in the state.")
    ] = 100_000,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, max=600, help="How long each round of serving takes.")
    ] = 2.0,
    json: JsonOption = False,
) -> None:
    """Measure the state tree and proof bundles: their size, checking them, serving them.

    Progress goes to standard error. Times are given as so many hashes or signature checks of this machine besides, for
    these compare between machines.
    """
    # The node's libraries take most of the start-up time of this program, and no other command needs them.
    from cli.benches.figures import rows  # noqa: PLC0415 - see above
    from cli.benches.proofs import run  # noqa: PLC0415 - see above
    from cli.benches.serving import ServingError  # noqa: PLC0415 - see above

    session = open_session(context, json=json)
    try:
        figures = run(heads, seconds, free_base_port(_VALIDATORS), session.output.note)
    except ServingError as error:
        raise UnavailableError(
            "bench.serving", str(error), "see whether the machine is out of memory or ports"
        ) from error
    session.output.result(figures, *_shown(figures.machine, rows(figures)))


@app.command("trace", epilog=_TRACE_EPILOG)
def trace(
    context: typer.Context,
    *,
    items: Annotated[
        int, typer.Option("--items", metavar="N", min=1, max=1_000_000, help="Items that the recall reaches.")
    ] = 100_000,
    json: JsonOption = False,
) -> None:
    """Measure a trace of ten thousand nodes, and what a recalled lot reaches.

    Progress goes to standard error.
    """
    from cli.benches.figures import trace_rows  # noqa: PLC0415 - as above
    from cli.benches.trace import run  # noqa: PLC0415 - as above

    session = open_session(context, json=json)
    figures = run(items, free_base_port(_VALIDATORS), session.output.note)
    session.output.result(figures, *_shown(figures.machine, trace_rows(figures)))


@app.command("settle", epilog=_SETTLE_EPILOG)
def settle(
    context: typer.Context,
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, max=600, help="How long each round of paying takes.")
    ] = 10.0,
    clients: Annotated[
        int, typer.Option("--clients", metavar="N", min=1, max=1_000, help="How many pay at once in the second round.")
    ] = 64,
    rates: Annotated[
        Path | None, typer.Option("--rates", metavar="FILE", help="Reference rates by day, as CSV, to be replayed.")
    ] = None,
    pair: Annotated[str, typer.Option("--pair", metavar="PAIR", help="Currencies that are exchanged.")] = "HKD/PHP",
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw what was replayed as an SVG there.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure payments of seven legs, and what a quote risks beside a transfer.

    Each payment is timed from its sending to a receipt with its proof bundle. With --rates the days of a file are
    replayed: how far the rate moves in a quote's ten minutes and in a transfer of three days.
    """
    from cli.benches.exposure import read_exposure  # noqa: PLC0415 - as above
    from cli.benches.exposure_chart import svg_file  # noqa: PLC0415 - as above
    from cli.benches.figures import exposure_rows, settle_rows  # noqa: PLC0415 - as above
    from cli.benches.settle import run  # noqa: PLC0415 - as above

    session = open_session(context, json=json)
    if picture is not None and rates is None:
        raise BadRequestError("rates.missing", "the picture is drawn from reference rates", "give --rates, too")
    # First what can be wrong about the user's files, then what takes time.
    exposure = None if rates is None else read_exposure(rates, pair)
    if exposure is not None and picture is not None:
        write_file(picture, svg_file(exposure))
    figures = run(seconds, clients, free_base_port(_VALIDATORS), session.output.note)
    shown = _shown(figures.machine, settle_rows(figures))
    value: dict[str, object] = {"settle": figures}
    if exposure is not None:
        moved = table(f"{exposure.pair} moves within", ">median", ">p99", ">most", "from")
        for row in exposure_rows(exposure):
            moved.add_row(*row)
        shown += ["", moved, f"{len(exposure.days):,} days from {exposure.days[0]} to {exposure.days[-1]}"]
        value["exposure"] = {"pair": exposure.pair, "days": len(exposure.days), "spreads": exposure.spreads}
    session.output.result(value, *shown)


def _shown(machine: "Machine", rows: "Sequence[Row]") -> list[RenderableType]:
    printed = table("figure", ">measured", ">that is", "aim")
    for row in rows:
        printed.add_row(row.figure, row.measured, row.ratio, row.aim)
    about = [
        ("this machine", f"{machine.cores} cores, {machine.python}"),
        ("one SHA-256", f"{machine.sha256_us:.2f} us (534 bytes)"),
        ("one signature check", f"{machine.ed25519_verify_us:.0f} us (Ed25519)"),
    ]
    return [fields_table(about), "", printed]
