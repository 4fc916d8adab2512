"""`tradelane keys new|show`."""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.output import fields_table
from cli.session import JsonOption, open_session
from tradelane import BadRequestError
from tradelane.keys import load_public_key, needs_passphrase, new_key, save_key

_EPILOG: Final = """\b
Examples:
  tradelane keys new carrier.json --encrypt
  tradelane keys show carrier.json
"""

app = typer.Typer(help="Make and look at signing keys.", no_args_is_help=True, epilog=_EPILOG)

_NEW_EPILOG: Final = """\b
Examples:
  tradelane keys new carrier.json
  tradelane keys new carrier.json --encrypt
  TRADELANE_PASSPHRASE=... tradelane keys new carrier.json --encrypt
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane keys show carrier.json
  tradelane keys show carrier.json --json
"""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The key file.", show_default=False)]


@app.command("new", epilog=_NEW_EPILOG)
def new(
    context: typer.Context,
    file: FileArgument,
    *,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Seal it with a passphrase (asked for, or TRADELANE_PASSPHRASE).")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a new key and write it to a file that only you may read.

    Give the public key to an administrator of your organisation, who registers it. Nobody can restore a lost key.
    """
    session = open_session(context, json=json)
    key = new_key()
    save_key(file, key, _new_passphrase() if encrypt else None)
    result = {"file": str(file), "public_key": key.public_key, "is_encrypted": encrypt}
    session.output.result(result, fields_table([("file", str(file)), ("public key", key.public_key.hex())]))


@app.command("show", epilog=_SHOW_EPILOG)
def show(context: typer.Context, file: FileArgument, *, json: JsonOption = False) -> None:
    """Show the public key of a key file; the secret is never shown."""
    session = open_session(context, json=json)
    public_key, is_encrypted = load_public_key(file), needs_passphrase(file)
    result = {"file": str(file), "public_key": public_key, "is_encrypted": is_encrypted}
    rows = [("file", str(file)), ("public key", public_key.hex()), ("encrypted", "yes" if is_encrypted else "no")]
    session.output.result(result, fields_table(rows))


def _new_passphrase() -> str:
    given = os.environ.get("TRADELANE_PASSPHRASE")
    if given is None:
        if not sys.stdin.isatty():
            raise BadRequestError("passphrase.missing", "there is no terminal to ask", "set TRADELANE_PASSPHRASE")
        given = getpass("Passphrase: ")
        if getpass("Again: ") != given:
            raise BadRequestError("passphrase.differs", "the two passphrases differ", "try again")
    if not given:
        raise BadRequestError("passphrase.empty", "an empty passphrase protects nothing", "choose a longer one")
    return given
