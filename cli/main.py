"""The command line: its commands, and the one place where errors become exit codes.

0 ok, 1 error, 2 usage, 3 not found, 4 not authorised, 5 conflict, 6 verification failed, 7 timed out or not final yet,
8 no quorum or no node, 130 interrupted.
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Annotated, Final

import typer

from cli import (
    bench,
    carbon,
    codes,
    cold,
    corridors,
    custody,
    customs,
    demo,
    demo_handbag,
    demo_medicine,
    demo_seafood,
    demo_trade,
    devices,
    documents,
    epcis,
    escrow,
    exchange,
    explore,
    holds,
    iso,
    keys,
    links,
    money,
    netting,
    network,
    node,
    party,
    proofs,
    provenance,
    recalls,
    scan,
    statement,
    tags,
    trace,
    trust,
    validators,
)
from cli.output import Output
from cli.session import AsOption, KeyOption, NetworkOption, NodeOption, Settings
from tradelane import TradelaneError

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

_EPILOG: Final = """\b
Examples:
  tradelane up                      a network of four on this machine
  tradelane demo                    everything once, checked, in under a minute
  tradelane status --json
  tradelane trace show https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL
\b
Exit codes:
  0 ok   1 error   2 usage   3 not found   4 not authorised   5 conflict
  6 verification failed   7 not final in time   8 no node or no quorum
  130 interrupted
"""

app = typer.Typer(
    name="tradelane",
    help="A ledger for goods that cross borders and the money that pays for them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help is the same on a terminal, in a pipe and in docs/cli.md, and keeps the examples' line breaks.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
app.command("up", epilog=network.UP_EPILOG)(network.up)
app.command("status", epilog=explore.STATUS_EPILOG)(explore.status)
app.command("verify", epilog=proofs.VERIFY_EPILOG)(proofs.verify)
app.command("serial", epilog=codes.SERIAL_EPILOG)(codes.serial)
app.command("label", epilog=provenance.LABEL_EPILOG)(provenance.label)
app.command("scan", epilog=scan.SCAN_EPILOG)(scan.scan)
app.command("pay", epilog=money.PAY_EPILOG)(money.pay)
app.command("payment", epilog=exchange.PAYMENT_EPILOG)(exchange.payment)
app.command("issue", epilog=money.ISSUE_EPILOG)(money.issue)
app.command("balance", epilog=money.BALANCE_EPILOG)(money.balance)
app.command("statement", epilog=statement.STATEMENT_EPILOG)(statement.statement)
app.command("block", epilog=explore.BLOCK_EPILOG)(explore.block)
app.command("init", epilog=node.INIT_EPILOG)(node.init)
app.add_typer(trace.app, name="trace")
app.add_typer(holds.app, name="hold")
app.add_typer(netting.app, name="net")
demo.app.command("trade", epilog=demo_trade.TRADE_EPILOG)(demo_trade.trade)
demo.app.command("seafood", epilog=demo_seafood.SEAFOOD_EPILOG)(demo_seafood.seafood)
demo.app.command("handbag", epilog=demo_handbag.HANDBAG_EPILOG)(demo_handbag.handbag)
demo.app.command("medicine", epilog=demo_medicine.MEDICINE_EPILOG)(demo_medicine.medicine)
app.add_typer(demo.app, name="demo")
app.add_typer(custody.app, name="custody")
app.add_typer(exchange.app, name="quote")
app.add_typer(corridors.app, name="corridor")
app.add_typer(escrow.app, name="escrow")
app.add_typer(party.app, name="party")
app.add_typer(iso.app, name="iso")
app.add_typer(recalls.app, name="recall")
app.add_typer(documents.app, name="document")
app.add_typer(customs.app, name="customs")
app.add_typer(carbon.app, name="carbon")
app.add_typer(links.app, name="link")
app.add_typer(codes.app, name="code")
app.add_typer(tags.app, name="tag")
app.add_typer(devices.app, name="device")
app.add_typer(cold.app, name="cold")
app.add_typer(epcis.app, name="epcis")
app.add_typer(explore.transactions, name="tx")
app.add_typer(keys.app, name="keys")
app.add_typer(node.app, name="node")
app.add_typer(validators.app, name="validators")
app.add_typer(bench.app, name="bench")
app.add_typer(trust.app, name="trust")


class _Interrupted(BaseException):
    """Ctrl-C, as something that no library takes for its own."""


def _print_version(value: bool) -> None:  # noqa: FBT001 - the form that typer calls
    if value:
        try:
            typer.echo(f"tradelane {version('tradelane')}")
        except PackageNotFoundError:
            typer.echo("tradelane (from a checkout)")
        raise typer.Exit


@app.callback()
def _globals(
    context: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout instead of text.")] = False,
    no_colour: Annotated[bool, typer.Option("--no-colour", help="Print without colour. [env: NO_COLOR]")] = False,
    node_urls: NodeOption = None,
    network_directory: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    version_asked: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    del version_asked  # its callback has answered and ended the command
    context.obj = Settings(json, no_colour, tuple(node_urls or ()), network_directory, key, acting_as)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    output = Output(is_json="--json" in arguments, no_colour="--no-colour" in arguments)
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        app(list(arguments), prog_name="tradelane")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    except TradelaneError as error:
        output.error(error)
        return error.exit_code
    except (_Interrupted, KeyboardInterrupt):
        output.note("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, such as `head`; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    del signal_number, frame
    raise _Interrupted


if __name__ == "__main__":
    main()
