"""`tradelane bench`: measure on this machine; ``cli.benches`` does the measuring, this prints it."""

from typing import Annotated, Final

import typer
from rich.console import RenderableType

from cli.output import fields_table, table
from cli.processes import free_base_port
from cli.session import JsonOption, open_session
from tradelane import UnavailableError

_EPILOG: Final = """\b
Examples:
  tradelane bench proofs
  tradelane bench proofs --heads 1000000
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
    machine = figures.machine
    shown: list[RenderableType] = [
        fields_table(
            [
                ("this machine", f"{machine.cores} cores, {machine.python}"),
                ("one SHA-256", f"{machine.sha256_us:.2f} us (534 bytes)"),
                ("one signature check", f"{machine.ed25519_verify_us:.0f} us (Ed25519)"),
            ]
        ),
        "",
    ]
    printed = table("figure", ">measured", ">that is", "aim")
    for row in rows(figures):
        printed.add_row(row.figure, row.measured, row.ratio, row.aim)
    session.output.result(figures, *shown, printed)
