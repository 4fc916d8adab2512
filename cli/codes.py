"""`tradelane code` and `tradelane serial`: random numbers that tell a piece from its copy."""

import json as json_text
import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import thing_text, time_text
from cli.links import GTIN_LENGTHS
from cli.proofs import freshness_text, freshness_value, trust_file
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    TrustOption,
    WaitOption,
    open_session,
)
from cli.submitting import submit_operation
from contracts import heads
from contracts.identity.codes import CODES_MAX
from ledger.codec import Value
from standards.digital_link import canonical_id
from standards.errors import IdentifierError
from standards.gs1 import require_check_digit
from tradelane import BadRequestError, NotFoundError, VerificationError, fetch_checked, load_trust
from tradelane.identity import SERIAL_BITS, code_text, commitment, random_code, read_code, serial_link

SERIAL_EPILOG: Final = """\b
Examples:
  tradelane serial 09521102002002
  tradelane serial 09521102002002 --count 500 > new-pieces.txt
"""
_EPILOG: Final = """\b
Examples:
  tradelane code make https://id.gs1.org/01/09521102002002/21/A1 -o codes.json
  tradelane code check https://id.gs1.org/01/09521102002002/21/A1 \\
      ABCD-EFGH-IJKL-MNOP
"""
_MAKE_EPILOG: Final = """\b
Examples:
  tradelane code make https://id.gs1.org/01/09521102002002/21/A1 -o codes.json \\
      --as brand
"""
_CHECK_EPILOG: Final = """\b
Examples:
  tradelane code check https://id.gs1.org/01/09521102002002/21/A1 \\
      ABCD-EFGH-IJKL-MNOP
"""
_REVEAL_EPILOG: Final = """\b
Examples:
  tradelane code reveal https://id.gs1.org/01/09521102002002/21/A1 \\
      ABCD-EFGH-IJKL-MNOP --as retailer
"""
_COUNT_MAX: Final = 100_000

app = typer.Typer(help="Hide codes inside pieces and check them.", epilog=_EPILOG, no_args_is_help=True)

PieceArgument = Annotated[str, typer.Argument(metavar="ID", help="The piece.", show_default=False)]
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="What was hidden inside.", show_default=False)]


def serial(
    context: typer.Context,
    gtin: Annotated[str, typer.Argument(metavar="GTIN", help="The product.", show_default=False)],
    *,
    count: Annotated[int, typer.Option(min=1, max=_COUNT_MAX, help="How many.")] = 1,
    json: JsonOption = False,
) -> None:
    """Make Digital Links with random serials for new pieces of a product.

    A serial has 100 random bits, so nobody comes upon one by trying. Nothing is sent anywhere; capture the pieces with
    `epcis import`, print the codes with `label`.
    """
    session = open_session(context, json=json)
    padded = gtin.zfill(14)
    try:
        require_check_digit(padded)
        if len(gtin) not in GTIN_LENGTHS:
            raise IdentifierError("length", f"it has {len(gtin)} digits")
    except IdentifierError as error:
        raise BadRequestError("serial.gtin", f"{gtin[:50]!r}: {error}", "give the 8 to 14 digits of a GTIN") from error
    made = [serial_link(padded) for _ in range(count)]
    session.output.result({"serials": made, "bits": SERIAL_BITS}, "\n".join(made))


@app.command("make", epilog=_MAKE_EPILOG)
def make(
    context: typer.Context,
    pieces: Annotated[list[str], typer.Argument(metavar="ID...", help="Pieces of your products.", show_default=False)],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="New file for the codes.")],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Make a code to hide inside each piece, and commit to it on the ledger.

    The ledger gets a hash that nobody finds the code from. The codes are in the file alone: print them under a layer to
    scratch off or inside the seal, then destroy it.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    names = [canonical_id(piece) for piece in pieces]
    if len(names) > CODES_MAX:
        raise BadRequestError("code.too_many", f"{len(names)} pieces, at most {CODES_MAX}", "name fewer at a time")
    codes = {name: random_code() for name in names}
    session.key()
    # First the file: a code that is on the ledger and nowhere else cannot be had again.
    _write_new(output, {name: code_text(code) for name, code in codes.items()})
    rows: list[Value] = [[name, commitment(name, code)] for name, code in codes.items()]
    submit_operation(
        session,
        "identity.commit_codes",
        {"codes": rows},
        shown={"codes": len(rows), "file": str(output)},
        wait_s=wait,
        done=f"committed to {len(rows)} code{'' if len(rows) == 1 else 's'}, in {output} and nowhere else",
    )


@app.command("check", epilog=_CHECK_EPILOG)
def check(
    context: typer.Context,
    piece: PieceArgument,
    code: CodeArgument,
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Compare a code with what the ledger committed to, here and without telling anybody the code.

    The node need not be trusted. Exit code 6 means that it is not the code of this piece; 5 that it was used before.
    """
    session = open_session(context, json=json, node=node, network=network)
    name, secret = canonical_id(piece), read_code(code)
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        checked = fetch_checked(client, lambda one: one.heads_proof([heads.inner_code(name)]), root)
    (head,) = checked.facts.heads
    if head.value is None:
        raise NotFoundError(
            "code.unknown", f"nobody committed to a code inside {thing_text(name)}", "compare the number of the piece"
        )
    if head.value["commitment"] != commitment(name, secret):
        raise VerificationError("code.wrong", f"it is not the code inside {thing_text(name)}", "compare each letter")
    revealed_ms = head.value.get("revealed_ms")
    said = f"[green]the code is that of this piece[/] and was not used as of block {checked.facts.height}"
    if isinstance(revealed_ms, int):
        by = escape(str(head.value["revealed_by"]))
        said = f"[bold red]the code was used before[/], {time_text(revealed_ms)}, through {by}"
        said += ". If that was not you, this piece may be a copy; ask whoever sold it"
    value = {"id": name, "matches": True, "revealed_ms": revealed_ms, **freshness_value(checked)}
    session.output.result(value, said, freshness_text(checked))
    if revealed_ms is not None:
        raise typer.Exit(5)


@app.command("reveal", epilog=_REVEAL_EPILOG)
def reveal(
    context: typer.Context,
    piece: PieceArgument,
    code: CodeArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Use up the code of a piece: it goes on the ledger, and whoever comes with it later is told.

    A second time is refused with exit code 5 and the time of the first.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    name = canonical_id(piece)
    submit_operation(
        session,
        "identity.reveal_code",
        {"id": name, "code": read_code(code)},
        shown={"id": name},
        wait_s=wait,
        done=f"revealed the code inside {thing_text(name)}; it is used up now",
    )


def _write_new(file: Path, codes: dict[str, str]) -> None:
    """Write the codes to a file that is new and that nobody else reads."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(json_text.dumps(codes, indent=2) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        hint = "name a new file: codes that are there are not written over"
        raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", hint) from error
