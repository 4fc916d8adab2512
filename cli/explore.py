"""`tradelane status`, `tradelane tx show|wait|proof`, `tradelane block`: what the network is at."""

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import time_text
from cli.output import fields_table, short, table
from cli.session import JsonOption, NetworkOption, NodeOption, Session, open_session
from tradelane import NodeStatus, TradelaneError, TransactionStatus, UnavailableError

_EPILOG: Final = """\b
Examples:
  tradelane tx show 5f0c3a1e...
  tradelane tx wait 5f0c3a1e... --timeout 30
"""

transactions = typer.Typer(help="Look at transactions.", no_args_is_help=True, epilog=_EPILOG)

STATUS_EPILOG: Final = """\b
Examples:
  tradelane status
  tradelane status --node http://127.0.0.1:7400 --json
  tradelane status --watch
"""
BLOCK_EPILOG: Final = """\b
Examples:
  tradelane block
  tradelane block 12 --json
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane tx show 5f0c3a1e...
"""
_WAIT_EPILOG: Final = """\b
Examples:
  tradelane tx wait 5f0c3a1e... --timeout 30
"""
_PROOF_EPILOG: Final = """\b
Examples:
  tradelane tx proof 5f0c3a1e... -o bundle.json
"""
_WATCH_S: Final = 1.0

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Transaction id, 64 hexadecimal digits.")]


def status(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print again every second until Ctrl-C.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show every node: height, state root, peers, readiness.

    Exit code 8 if no node answers.
    """
    session = open_session(context, json=json, node=node, network=network)
    while True:
        answers = [(url, _ask(session, url)) for url in session.nodes()]
        _print_status(session, answers)
        if not watch:
            break
        time.sleep(_WATCH_S)
    if not any(isinstance(answer, NodeStatus) for _, answer in answers):
        raise UnavailableError("node.unreachable", "no node answers", "start a network with `tradelane up`")


@transactions.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    transaction_id: IdArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show where a transaction is and what it did."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        answer = client.transaction(transaction_id)
    session.output.result(answer, *_transaction(answer))


@transactions.command("wait", epilog=_WAIT_EPILOG)
def wait(
    context: typer.Context,
    transaction_id: IdArgument,
    *,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait.")] = 30.0,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Wait until a transaction is committed.

    Exit code 7 if it is not in time.
    """
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        answer = client.await_final(transaction_id, timeout)
    session.output.result(answer, *_transaction(answer))


@transactions.command("proof", epilog=_PROOF_EPILOG)
def proof(
    context: typer.Context,
    transaction_id: IdArgument,
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else stdout.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
) -> None:
    """Fetch the proof bundle of a transaction; `tradelane verify` checks it."""
    session = open_session(context, node=node, network=network)
    with session.client() as client:
        text = json_module.dumps(client.transaction_proof(transaction_id), indent=1) + "\n"
    if output is None:
        session.output.raw(text)
    else:
        output.write_text(text, encoding="utf-8")
        session.output.note(f"saved {escape(str(output))}")


def block(
    context: typer.Context,
    height: Annotated[int | None, typer.Argument(min=0, metavar="[HEIGHT]", help="Else the latest.")] = None,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show a block: its hashes, its proposer and its transactions."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.block("latest" if height is None else height)
    rows = [
        ("height", str(found.height)),
        ("time", time_text(found.time_ms)),
        ("hash", found.hash),
        ("state root", found.state_root),
        ("proposer", found.proposer),
        ("transactions", str(len(found.transactions))),
    ]
    session.output.result(found.fields, fields_table(rows), *(f"  {identifier}" for identifier in found.transactions))


def _ask(session: Session, url: str) -> NodeStatus | TradelaneError:
    try:
        with session.client([url]) as client:
            return client.status()
    except TradelaneError as error:
        return error


def _print_status(session: Session, answers: list[tuple[str, NodeStatus | TradelaneError]]) -> None:
    rows = table("node", "API", ">height", "state root", ">peers", ">pending", "state")
    value = []
    for url, answer in answers:
        if isinstance(answer, NodeStatus):
            reachable = sum(peer.is_reachable for peer in answer.peers)
            state = f"[yellow]{escape(answer.not_ready_reason or 'not ready')}[/]"
            if answer.is_ready:
                state = "[green]ready[/]" if answer.is_validator else "[green]ready[/], observes"
            if answer.earliest_height:
                state += f", keeps blocks from {answer.earliest_height}"
            rows.add_row(
                escape(answer.name),
                url.removeprefix("http://"),
                str(answer.height),
                short(answer.state_root),
                f"{reachable}/{len(answer.peers)}",
                str(answer.pending_transactions),
                state,
            )
            value.append({"api": url, "is_reachable": True, **answer.fields})
        else:
            rows.add_row("?", url.removeprefix("http://"), "", "", "", "", "[red]no answer[/]")
            value.append({"api": url, "is_reachable": False, "detail": answer.detail})
    session.output.result(value, rows)


def _transaction(answer: TransactionStatus) -> list[RenderableType]:
    rows = [("transaction", answer.id), ("state", escape(answer.state))]
    if answer.height is not None:
        rows.append(("block", str(answer.height)))
    if answer.receipt is not None:
        colour = "green" if answer.receipt.is_success else "red"
        rows.append(("result", f"[{colour}]{escape(answer.receipt.result)}[/] {escape(answer.receipt.meaning)}"))
        if answer.receipt.detail:
            rows.append(("detail", escape(answer.receipt.detail)))
    return [fields_table(rows)]
