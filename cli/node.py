"""`tradelane node run`, `check`, `repair`, `vouch`, and `tradelane init`: one node, in earnest and for `up`."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from cli.session import JsonOption, open_session
from ledger.errors import LedgerError
from ledger.genesis import genesis_from_json
from ledger.keys import is_public_key
from node.config import ConfigError, load_config
from node.home import read_genesis
from node.setup import write_home
from node.storage.errors import DamagedError, LockedError, StorageError
from node.storage.safety_store import SafetyStore
from node.storage.salvage import in_words
from node.storage.store import Store
from tradelane import (
    BadRequestError,
    ConflictError,
    TradelaneError,
    UnavailableError,
    VerificationError,
)
from tradelane.keys import load_key

if TYPE_CHECKING:
    from node.repair import Repaired

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
_CHECK_EPILOG: Final = """\b
Examples:
  tradelane node check --home /var/lib/tradelane
  tradelane node check --home .tradelane/node-1 --json
"""
_REPAIR_EPILOG: Final = """\b
Examples:
  tradelane node repair --home /var/lib/tradelane
  tradelane node repair --home .tradelane/node-1 --json
"""
_VOUCH_EPILOG: Final = """\b
Examples:
  tradelane node vouch --home /var/lib/tradelane --yes
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
    from node.engine.ports import ForkError  # noqa: PLC0415 - see above
    from node.main import StartError, run_node_process  # noqa: PLC0415 - see above
    from node.stopping import ServerEndedError  # noqa: PLC0415

    open_session(context)
    try:
        run_node_process(home, is_parent_watched=watch_parent)
    except StartError as error:
        raise TradelaneError("node.start", str(error)) from error
    except StorageError as error:
        raise TradelaneError("node.disk", str(error)) from error
    except ForkError as error:
        raise TradelaneError(
            "node.fork", str(error), "keep the home as it is, and talk to the other operators"
        ) from error
    except ServerEndedError as error:
        hint = "start the node again; its log says what ended the server"
        raise TradelaneError("node.server", str(error), hint) from error


@app.command("check", epilog=_CHECK_EPILOG)
def check(context: typer.Context, home: HomeOption, *, json: JsonOption = False) -> None:
    """Check all that a stopped node's ledger holds.

    Every block is compared with its certificate, bodies and indexes with their block, heads with the state root.
    Exit code 6 says that something is wrong; `tradelane node repair` puts it right.
    """
    from node.repair import full_check  # noqa: PLC0415 - see above

    session = open_session(context, json=json)
    with _storage_errors():
        config = load_config(home)
        with closing(Store.open(config.ledger_directory, read_genesis(home).chain_id)) as store:
            with session.output.progress() as progress:
                findings = full_check(store, progress)
            result = {
                "height": store.tip.height,
                "state_root": store.tip.state_root,
                "earliest_height": store.earliest_height,
                "findings": findings,
            }
    if findings:
        session.output.result(result, *(escape(finding) for finding in findings))
        raise VerificationError(
            "ledger.damaged",
            f"the ledger in {config.ledger_directory} is damaged in {len(findings)} places",
            f"repair it: tradelane node repair --home {home}",
        )
    session.output.result(result, f"blocks {store.earliest_height} to {store.tip.height} and the state are sound")


@app.command("repair", epilog=_REPAIR_EPILOG)
def repair(context: typer.Context, home: HomeOption, *, json: JsonOption = False) -> None:
    """Repair a stopped node with the help of its peers.

    What cannot be read here is fetched from them; every block is checked and executed again. The damaged ledger is kept
    beside the new one under a name with the date. Interrupted, it can be run again. Votes cannot be fetched: in place
    of a damaged safety store a new one is made, with which the node follows first.
    """
    from node.repair import RepairError, repair_home  # noqa: PLC0415 - see above

    session = open_session(context, json=json)
    try:
        with _storage_errors(), session.output.progress() as progress:
            repaired = asyncio.run(repair_home(home, progress, lambda text: session.output.note(escape(text))))
    except RepairError as error:
        raise UnavailableError("ledger.not_repaired", str(error)) from error
    session.output.result(repaired, *_repair_lines(repaired))


@app.command("vouch", epilog=_VOUCH_EPILOG)
def vouch(
    context: typer.Context,
    home: HomeOption,
    *,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="I know that no vote of this node is missing.")] = False,
    json: JsonOption = False,
) -> None:
    """Say that a stopped node's safety store holds all its votes, though it cannot know.

    Only for a power cut that hit so many validators at once that those left wait for each other (docs/operations.md).
    A node that votes without knowing what it voted before can do what the protocol cannot forgive.
    """
    session = open_session(context, json=json)
    with _storage_errors(), closing(SafetyStore.open(load_config(home).safety_directory)) as safety:
        reason = safety.new_reason
        if reason is not None and not is_confirmed:
            raise BadRequestError(
                "safety.not_confirmed",
                f"the safety store cannot vouch for its votes: {reason}",
                "read docs/operations.md first; if no vote can be missing: tradelane node vouch --yes",
            )
        safety.trust()
    if reason is None:
        session.output.result({"reason": None}, "nothing to do: the safety store can vouch for its votes")
    else:
        session.output.result({"reason": reason}, f"the node votes again from its next start on (it was: {reason})")


def _repair_lines(repaired: "Repaired") -> list[str]:
    lines = []
    if repaired.safety_kept is not None:
        lines.append(f"the safety store was damaged and is kept as {repaired.safety_kept}; the node will follow first")
    if repaired.is_ledger_sound:
        return [*lines, f"the ledger is sound up to block {repaired.height}; nothing of it was changed"]
    if repaired.snapshot_height is not None:
        lines.append(f"the state of block {repaired.snapshot_height} came from a peer")
    if repaired.resumed_height:
        lines.append(f"an earlier repair had come to block {repaired.resumed_height}")
    lines.append(f"{repaired.own_blocks} blocks were read here, {len(repaired.fetched)} came from peers")
    if repaired.fetched:
        lines.append(f"fetched: {in_words(repaired.fetched)}")
    if repaired.ledger_kept is not None:
        lines.append(f"the damaged ledger is kept as {repaired.ledger_kept}; remove it when you need the room")
    return [escape(line) for line in [*lines, f"the ledger is sound up to block {repaired.height}"]]


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Turn what a disk or a home can be into errors with an exit code."""
    try:
        yield
    except LockedError as error:
        raise ConflictError("home.in_use", str(error), "stop the node first") from error
    except DamagedError as error:
        raise VerificationError("ledger.damaged", str(error)) from error
    except (ConfigError, LedgerError, StorageError) as error:
        raise BadRequestError("home.unusable", str(error)) from error


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
