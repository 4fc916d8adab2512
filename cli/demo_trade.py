"""`tradelane demo trade`: goods for money on real processes, once delivered in order and once thawed on the way.

What it claims is checked: the balances, and the bundle of each payment by `tradelane verify` in a process of its own.
"""

import json as json_module
import shutil
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.demo import Demo, run_demo, start_network
from cli.processes import NodeProcesses, program, program_environment
from cli.session import JsonOption, open_client, open_session
from cli.trade_story import BUYER, GOOD_PALLET, PRICE, PROVIDER, SELLER, WARM_PALLET, Trade, output_of
from contracts import heads
from node.setup import TRUST_FILE, Network
from tradelane import VerificationError

TRADE_EPILOG: Final = """\\b
Examples:
  tradelane demo trade
  tradelane demo trade --proofs proofs
  tradelane verify proofs/settled.json --trust proofs/trust.json
"""
_ARRIVES: Final = 1_537_718
"""PHP 15,377.18, which is what HKD 2,000.00 buy at the quoted rate, rounded down."""


def trade(
    context: typer.Context,
    *,
    proofs: Annotated[
        Path | None,
        typer.Option("--proofs", metavar="DIRECTORY", help="Keep the proof bundles and the trust root there."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the directory with stores, keys, logs and bundles.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show goods for money: a delivery that pays, and a thaw that sends the money back.

    A buyer in Hong Kong pays HKD and a seller in the Philippines is paid PHP, by a provider's signed quote, in the
    block with the carrier's delivery event. For a pallet that thawed on the way the readings send the money back.
    """
    session = open_session(context, json=json)

    def play(running: Demo, network: Network, processes: NodeProcesses) -> None:
        start_network(running, network, processes)
        with open_client(tuple(node.api for node in network.nodes)) as client:
            bundles = _trade(running, Trade(network, client))
        kept = running.directory if proofs is None else proofs
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(network.directory / TRUST_FILE, kept / "trust.json")
        for name, bundle in bundles.items():
            _check_offline(running, kept, name, bundle)

    run_demo(session.output, keep=keep, play=play)


def _trade(running: Demo, story: Trade) -> dict[str, dict[str, Any]]:
    with running.timed("three firms join: a buyer, a seller, a provider of exchange") as say:
        story.join()
        story.open_accounts()
        story.define_profile()
        for party in (BUYER, SELLER, PROVIDER):
            say(f"{party.name} ({party.id}, {party.country})")
        say(story.balances())
    with running.timed("two pallets of frozen tuna go to the carrier, each with a logger") as say:
        for pallet, logger in ((GOOD_PALLET, "logger-1"), (WARM_PALLET, "logger-2")):
            story.ship(pallet, logger)
            say(f"{pallet} with {logger}")
    settled = _deliver(running, story)
    sent_back = _thaw(running, story)
    client = story.client
    return {
        "settled": dict(client.heads_proof([heads.payment(settled)])),
        "sent-back": dict(client.heads_proof([heads.payment(sent_back)])),
    }


def _deliver(running: Demo, story: Trade) -> str:
    with running.timed(f"the buyer holds {PRICE} HKD for the first pallet, by the provider's signed quote") as say:
        uetr, opened = story.open_escrow(GOOD_PALLET)
        say(f"block {opened.height}: payment {uetr} is {output_of(opened)['status']}")
        story.send_readings("logger-1", thaws=False)
        _require(story, "seller/PHP", 0)
    with running.timed("the carrier delivers, and its event pays") as say:
        before = time.monotonic()
        delivered = story.deliver(GOOD_PALLET)
        took_ms = (time.monotonic() - before) * 1_000
        if output_of(delivered).get("settled") != [uetr]:
            raise VerificationError("demo.settled", f"the delivery settled {output_of(delivered)}")
        _require(story, "seller/PHP", _ARRIVES)
        _require(story, "provider/HKD", 200_000)
        say(f"block {delivered.height}: the delivery and both legs, final {took_ms:.0f} ms after the event was sent")
        say(story.balances())
    return uetr


def _thaw(running: Demo, story: Trade) -> str:
    with running.timed(f"the buyer holds {PRICE} HKD for the second pallet") as say:
        uetr, opened = story.open_escrow(WARM_PALLET)
        say(f"block {opened.height}: payment {uetr} is {output_of(opened)['status']}")
    with running.timed("its logger tells of forty minutes at -12 degrees, and the money goes back") as say:
        before = time.monotonic()
        told = story.send_readings("logger-2", thaws=True)
        took_ms = (time.monotonic() - before) * 1_000
        if output_of(told).get("sent_back") != [uetr]:
            raise VerificationError("demo.sent_back", f"the readings sent back {output_of(told)}")
        say(f"block {told.height}: the readings and both legs freed, final {took_ms:.0f} ms after they were sent")
        delivered = story.deliver(WARM_PALLET)
        _require(story, "seller/PHP", _ARRIVES)
        say(f"block {delivered.height}: delivering it all the same pays nothing")
        say(story.balances())
    return uetr


def _require(story: Trade, account: str, balance: int) -> None:
    found = story.client.account(account).balance
    if found != balance:
        raise VerificationError("demo.balance", f"{account} has {found}, expected {balance}")


def _check_offline(running: Demo, directory: Path, name: str, bundle: dict[str, Any]) -> None:
    path = directory / f"{name}.json"
    path.write_text(json_module.dumps(bundle), encoding="utf-8")
    with running.timed(f"check the payment that was {name.replace('-', ' ')} offline, in a process of its own") as say:
        command = program("verify", str(path), "--trust", str(directory / "trust.json"), "--json")
        checked = subprocess.run(command, env=program_environment(), capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if checked.returncode != 0:
            raise VerificationError("demo.verify", f"verify ended with {checked.returncode}: {checked.stderr}")
        (head,) = json_module.loads(checked.stdout)["heads"]
        steps = ", ".join(record["method"] for record in head["records"])
        say(f"{path.stat().st_size} bytes: {head['value']['status']}, complete: {head['is_complete']}, by {steps}")
