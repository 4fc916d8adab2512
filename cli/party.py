"""`tradelane party ...`: seal, read and erase personal data of the parties of a payment, and screen them."""

import json as json_text
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.files import read_file
from cli.formatting import done_text, time_text
from cli.output import fields_table
from cli.party_files import (
    erase_sealed_key,
    read_sealed_data,
    read_sealed_key,
    write_attestation_file,
    write_sealed,
)
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, open_session
from ledger.codec import Value
from standards.errors import StandardsError
from standards.screening import LIST_BYTES_MAX, read_list
from tradelane import BadRequestError, encryption_key, seal_data, sign_attestation, unseal_data

_DATA_BYTES_MAX: Final = 64 * 1024
_KEY_BYTES: Final = 32

_EPILOG: Final = """\b
Examples:
  tradelane party key --as bank
  tradelane party seal buyer.json --for 5a0c... -o buyer
  tradelane party unseal buyer.sealed.json buyer.key.json --as bank
  tradelane party erase buyer.key.json
"""
_KEY_EPILOG: Final = """\b
Examples:
  tradelane party key --as bank
"""
_SEAL_EPILOG: Final = """\b
Examples:
  tradelane party seal buyer.json --for 5a0c... --for 77e1... -o buyer
"""
_UNSEAL_EPILOG: Final = """\b
Examples:
  tradelane party unseal buyer.sealed.json buyer.key.json --as bank
"""
_ERASE_EPILOG: Final = """\b
Examples:
  tradelane party erase buyer.key.json
"""
_SCREEN_EPILOG: Final = """\b
Examples:
  tradelane party screen buyer.sealed.json buyer.key.json \\
      --list un.jsonl --list-id UN --screener bank -o buyer-un.json --as bank
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
    help="Seal, read, erase and screen personal data, which never goes on the ledger.",
)

DataArgument = Annotated[Path, typer.Argument(metavar="SEALED", help="Sealed data, NAME.sealed.json.")]
SealedKeyArgument = Annotated[Path, typer.Argument(metavar="KEY", help="What opens it, NAME.key.json.")]


@app.command("key", epilog=_KEY_EPILOG)
def key_command(
    context: typer.Context,
    *,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Print the public encryption key that goes with a signing key, for those who seal data to it."""
    session = open_session(context, json=json, network=network, key=key, acting_as=acting_as)
    public = encryption_key(session.key()).hex()
    session.output.result({"encryption_key": public}, public)


@app.command("seal", epilog=_SEAL_EPILOG)
def seal(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The data; - for standard input.")],
    *,
    recipients: Annotated[
        list[str], typer.Option("--for", metavar="KEY", help="Encryption key of who may read it; may be repeated.")
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="NAME", help="What the two files are called.")],
    json: JsonOption = False,
) -> None:
    """Seal data, and print the commitment that a payment carries in its place.

    Writes NAME.sealed.json, which may be copied, and NAME.key.json, which opens it for the recipients. Asks nobody.
    """
    session = open_session(context, json=json)
    sealed, sealed_key = seal_data(read_file(file, _DATA_BYTES_MAX), [recipient_key(text) for text in recipients])
    data_file, key_file = Path(f"{output}.sealed.json"), Path(f"{output}.key.json")
    write_sealed(data_file, sealed, key_file, sealed_key)
    session.output.result(
        {"commitment": sealed.commitment.hex(), "sealed": str(data_file), "key": str(key_file)},
        done_text(f"sealed to {len(recipients)}"),
        fields_table(
            [("commitment", sealed.commitment.hex()), ("sealed", str(data_file)), ("key", str(key_file))],
        ),
    )


@app.command("unseal", epilog=_UNSEAL_EPILOG)
def unseal(
    context: typer.Context,
    data_file: DataArgument,
    key_file: SealedKeyArgument,
    *,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Print data that was sealed to you, once it is shown to be what the commitment was made of. Asks nobody."""
    session = open_session(context, json=json, network=network, key=key, acting_as=acting_as)
    sealed = read_sealed_data(data_file)
    data = unseal_data(sealed, read_sealed_key(key_file), session.key())
    text = data.decode("utf-8", errors="replace")
    session.output.result({"commitment": sealed.commitment.hex(), "data": text}, escape(_harmless(text)))


@app.command("erase", epilog=_ERASE_EPILOG)
def erase(context: typer.Context, key_file: SealedKeyArgument, *, json: JsonOption = False) -> None:
    """Destroy the key of sealed data, and with it the salt: the data cannot be read any more, in no backup.

    Every copy of the key has to go, those of the other recipients too. The commitment on the ledger stays, and says
    nothing without salt and data.
    """
    session = open_session(context, json=json)
    sealed_key = erase_sealed_key(key_file)
    commitment = sealed_key.commitment.hex()
    session.output.result(
        {"erased": str(key_file), "commitment": commitment}, done_text(f"erased the key of {commitment}")
    )


@app.command("screen", epilog=_SCREEN_EPILOG)
def screen(
    context: typer.Context,
    data_file: DataArgument,
    key_file: SealedKeyArgument,
    *,
    list_file: Annotated[Path, typer.Option("--list", metavar="FILE", help="List as JSON lines, docs/compliance.md.")],
    list_id: Annotated[str, typer.Option("--list-id", metavar="ID", help="What the ledger calls the list.")],
    screener: Annotated[str, typer.Option(metavar="ORGANISATION", help="Who attests; its key signs.")],
    hours: Annotated[int, typer.Option(min=1, max=720, help="How long the attestation holds.")] = 24,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the attestation is written.")],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Look for a party on a list and sign what came of it.

    The sealed data is JSON with "name" and, where it is known, "birth_year". The entries that it may be are shown to
    you alone; the attestation holds the verdict and the commitment, and neither name nor score.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    signing_key = session.key()
    sealed = read_sealed_data(data_file)
    name, birth_year = _person(unseal_data(sealed, read_sealed_key(key_file), signing_key))
    try:
        screening_list = read_list(read_file(list_file, LIST_BYTES_MAX))
        found = screening_list.screen(name, birth_year)
    except StandardsError as error:
        raise BadRequestError(f"screening.{error.code}", str(error), "docs/compliance.md says what a list is") from None
    with session.client() as client:
        chain_id = bytes.fromhex(client.status().chain_id)
    expires_ms = time.time_ns() // 1_000_000 + hours * 3_600_000
    terms: dict[str, Value] = {
        "version": 1,
        "screener": session.organisation_id(screener),
        "list": list_id,
        "list_version": screening_list.version,
        "verdict": found.verdict,
        "subject": sealed.commitment,
        "expires_ms": expires_ms,
    }
    write_attestation_file(output, sign_attestation(signing_key, chain_id, terms))
    hits = [{"id": hit.identifier, "score": hit.score} for hit in found.hits]
    shown = [(escape(hit.identifier), f"{hit.score} of 1000") for hit in found.hits]
    session.output.result(
        {"verdict": found.verdict, "hits": hits, "list_version": screening_list.version.hex(), "file": str(output)},
        done_text(f"{found.verdict}, until {time_text(expires_ms)}"),
        fields_table([("list version", screening_list.version.hex()), ("file", str(output)), *shown]),
    )


def _harmless(text: str) -> str:
    """Return a text without control characters, by which whoever sealed it could write over a terminal."""
    return "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)


def _person(data: bytes) -> tuple[str, int | None]:
    """Return name and birth year; an error says what is missing and never what is there."""
    try:
        said = json_text.loads(data)
        name, birth_year = said["name"], said.get("birth_year")
        if not isinstance(name, str) or not (birth_year is None or type(birth_year) is int):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = 'seal JSON such as {"name": "...", "birth_year": 1980}'
        raise BadRequestError("party.data", "the sealed data has no name, or a birth year that is none", hint) from None
    return name, birth_year


def recipient_key(text: str) -> bytes:
    """Return the encryption key of a recipient out of its hexadecimal digits; raises BadRequestError."""
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != _KEY_BYTES:
        raise BadRequestError(
            "sealed.recipients", "a recipient's key is 64 hexadecimal digits", "`tradelane party key` prints it"
        )
    return public
