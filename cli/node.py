"""`tradelane node run`, `tradelane init`: one node, for real deployments and for `up`, which runs several."""

import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.session import JsonOption, open_session
from ledger.errors import LedgerError
from ledger.genesis import genesis_from_json
from ledger.keys import is_public_key
from node.config import ConfigError
from node.setup import write_home
from node.storage.errors import StorageError
from tradelane import BadRequestError, ConflictError, TradelaneError
from tradelane.keys import load_key

_EPILOG: Final = """\b
Examples:
  tradelane node run --home /var/lib/tradelane
"""

app = typer.Typer(help="Run one node.", no_args_is_help=True, epilog=_EPILOG)

HomeOption = Annotated[Path, typer.Option("--home", metavar="DIRECTORY", help="The node's home.", show_default=False)]

_RUN_EPILOG: Final = """\b
Examples:
  tradelane node run --home /var/lib/tradelane
  tradelane node run --home .tradelane/node-1
"""
INIT_EPILOG: Final = """\b
Examples:
  tradelane keys new validator.json
  tradelane init --home /var/lib/tradelane --genesis genesis.json \\
      --key validator.json --host 10.0.0.5 \\
      --peer 3f2c...=http://10.0.0.6:7500 --peer 9a41...=http://10.0.0.7:7500
"""


@app.command("run", epilog=_RUN_EPILOG)
def run(
    context: typer.Context,
    home: HomeOption,
    *,
    watch_parent: Annotated[
        bool, typer.Option("--watch-parent", help="Stop when standard input closes, as `up` asks for.")
    ] = False,
) -> None:
    """Run the node of a home until SIGTERM or Ctrl-C.

    It logs one JSON line an event to standard error. Stopping it at any moment, even with SIGKILL, loses nothing that
    was acknowledged.
    """
    # The node's libraries take most of the start-up time of this program, and no other command needs them.
    from node.main import StartError, run_node_process  # noqa: PLC0415 - see above

    open_session(context)
    try:
        run_node_process(home, is_parent_watched=watch_parent)
    except StartError as error:
        raise TradelaneError("node.start", str(error)) from error


def init(
    context: typer.Context,
    home: HomeOption,
    genesis: Annotated[Path, typer.Option("--genesis", metavar="FILE", help="Genesis document of the network.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Key file of the validator; it is copied.")],
    *,
    gateway_key: Annotated[
        Path | None,
        typer.Option(
            "--gateway-key", metavar="FILE", help="Key that signs what /epcis/capture takes; opens that door."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What the node calls itself.")] = "node",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    api_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the public API.")] = 7400,
    p2p_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port for the other validators.")] = 7500,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Base of the links in QR labels; else host and API port.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(metavar="KEY=URL", help="Another validator; give it once for each.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create the home of one node of a network.

    The genesis document comes from the founders; every node of a network has the same.
    """
    session = open_session(context, json=json)
    try:
        text = genesis.read_text(encoding="utf-8")
        document = genesis_from_json(text)
    except FileNotFoundError as error:
        raise BadRequestError("genesis.missing", f"{genesis} does not exist", "ask a founder for it") from error
    except (LedgerError, UnicodeDecodeError) as error:
        raise BadRequestError("genesis.damaged", f"{genesis}: {error}", "ask a founder for it again") from error
    token = None if gateway_key is None else secrets.token_hex(24)
    validator_key = load_key(key)
    try:
        write_home(
            home,
            name=name,
            genesis=text,
            validator_key=validator_key,
            gateway_key=None if gateway_key is None else load_key(gateway_key),
            api_port=api_port,
            p2p_port=p2p_port,
            peers=[_peer(entry) for entry in peer or ()],
            gateway_token=token,
            host=host,
            public_url=public_url,
        )
    except FileExistsError as error:
        raise ConflictError("home.exists", f"{home} holds a node already", "choose another --home") from error
    except (ConfigError, LedgerError, StorageError) as error:
        raise BadRequestError("home.unusable", str(error)) from error
    is_validator = document.validators.index_of(validator_key.public_key) is not None
    result = {
        "home": str(home),
        "chain_id": document.chain_id,
        "public_key": validator_key.public_key,
        "is_validator": is_validator,
    }
    if not is_validator:
        session.output.note(
            "[yellow]note:[/] this key is none of the genesis validators'; the node follows without voting"
        )
    session.output.result(
        result, f"{home} is ready, chain {document.chain_id.hex()[:16]}", f"start it: tradelane node run --home {home}"
    )


def _peer(text: str) -> tuple[bytes, str]:
    key, _, url = text.partition("=")
    try:
        public_key = bytes.fromhex(key)
    except ValueError:
        public_key = b""
    if not is_public_key(public_key) or not url:
        raise BadRequestError("peer", f"--peer {text!r} is not KEY=URL", "the key is 64 hexadecimal digits")
    return public_key, url
