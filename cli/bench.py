"""`tradelane bench`: measure on this machine; ``cli.benches`` does the measuring, this prints it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import RenderableType

from cli.output import fields_table, table
from cli.processes import free_base_port
from cli.session import JsonOption, open_session
from tradelane import UnavailableError

if TYPE_CHECKING:
    from cli.benches.figures import Row
    from cli.benches.machine import Machine

_EPILOG: Final = """\b
Examples:
  tradelane bench proofs
  tradelane bench proofs --heads 1000000
  tradelane bench trace --items 1000000
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
