"""`tradelane trust`: the small file that says whom a verifier believes."""

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.output import fields_table, short, table
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from ledger.errors import LedgerError
from ledger.genesis import genesis_from_json
from ledger.proof import TrustRoot, trust_from_genesis, trust_to_json
from tradelane import BadRequestError, NotFoundError, load_trust, read_trust, save_trust, verify_proof

_EPILOG: Final = """\b
Examples:
  tradelane trust export --genesis genesis.json > trust.json
  tradelane trust show trust.json
"""
EXPORT_EPILOG: Final = """\b
Examples:
  tradelane trust export --genesis genesis.json > trust.json
  tradelane trust export --node http://127.0.0.1:7400 -o trust.json
  tradelane trust export --trust trust.json --height 5000 -o later.json
\b
With --genesis no node is asked. A node could name a network of its own: compare
the chain id with what a founder tells you. With --height the newest block of
the node is proven from the trust root at hand, which the node cannot forge.
"""
SHOW_EPILOG: Final = """\b
Examples:
  tradelane trust show trust.json
  tradelane trust show trust.json --json
"""

app = typer.Typer(help="Trust roots: whom a verifier believes.", no_args_is_help=True, epilog=_EPILOG)


@app.command("export", epilog=EXPORT_EPILOG)
def export(
    context: typer.Context,
    *,
    genesis: Annotated[
        Path | None, typer.Option("--genesis", metavar="FILE", help="Genesis document to take it from, offline.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", metavar="FILE", help="Trust root to start from, with --height.")
    ] = None,
    height: Annotated[
        int | None, typer.Option(metavar="HEIGHT", min=1, help="Trust the newest block, at this height or above.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else the file goes to stdout.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Write the trust file of a network."""
    session = open_session(context, json=json, node=node, network=network)
    if genesis is not None and trust is not None:
        raise BadRequestError("trust.two_sources", "a genesis document and a trust root are given", "give one of them")
    root: TrustRoot | None = None
    if trust is not None:
        root = load_trust(trust)
    elif genesis is not None:
        root = _from_genesis(genesis)
    if root is None or height is not None:
        with session.client() as client:
            if root is None:
                root = read_trust(json_module.dumps(client.trust()))
                session.output.note(
                    f"[yellow]![/] the node names this network itself; compare the chain id "
                    f"{escape(root.chain_id.hex())} with a founder"
                )
            if height is not None:
                root = verify_proof(client.trust_proof(root.height), root, height_min=height).trust
    if output is not None:
        save_trust(output, root)
        session.output.note(f"wrote {escape(str(output))}")
        return
    session.output.raw(trust_to_json(root))


@app.command("show", epilog=SHOW_EPILOG)
def show(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A trust file.")],
    *,
    json: JsonOption = False,
) -> None:
    """Say what a trust file trusts."""
    session = open_session(context, json=json)
    root = load_trust(file)
    validators = root.validators
    since = "genesis" if root.height == 0 else f"block {root.height}"
    fields = [
        ("network", root.network),
        ("chain id", root.chain_id.hex()),
        ("trusted since", since),
        *([] if root.block_hash is None else [("block hash", root.block_hash.hex())]),
        *([] if root.time_ms is None else [("time", f"{time_text(root.time_ms)} ({_age(root.time_ms)})")]),
        ("enough signatures", f"{validators.quorum} of {len(validators)}; {validators.faults_tolerated} may lie"),
        ("sets before", str(len(root.earlier))),
    ]
    rows = table("validator", "organisation")
    for member in validators:
        rows.add_row(short(member.public_key.hex()), escape(member.organisation))
    value = {
        "network": root.network,
        "chain_id": root.chain_id,
        "height": root.height,
        "block_hash": root.block_hash,
        "time_ms": root.time_ms,
        "quorum": validators.quorum,
        "faults_tolerated": validators.faults_tolerated,
        "validators": list(validators),
        "earlier_heights": [entry.height for entry in root.earlier],
    }
    session.output.result(value, fields_table(fields), rows)


def _from_genesis(path: Path) -> TrustRoot:
    try:
        return trust_from_genesis(genesis_from_json(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise NotFoundError("genesis.missing", f"there is no genesis document {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError("genesis.unreadable", f"{path} cannot be read: {error}") from error
    except LedgerError as error:
        raise BadRequestError("genesis.refused", f"{path}: {error}") from error


def _age(time_ms: int) -> str:
    days = max(0, time.time_ns() // 1_000_000 - time_ms) // 86_400_000
    return f"{days} day{'' if days == 1 else 's'} ago"
