"""`tradelane demo handbag`: a copied handbag that double scans give away, ending with what a shopper reads."""

from typing import Annotated, Final

import typer

from cli.demo import Demo, run_demo, start_network
from cli.handbag_story import ATELIER, BAG, BOUTIQUE, MADE_UP, MILAN, SHANGHAI, Handbag
from cli.processes import NodeProcesses
from cli.session import JsonOption, open_client, open_session
from cli.story import page_of
from node.setup import Network
from tradelane import VerificationError

HANDBAG_EPILOG: Final = """\b
Examples:
  tradelane demo handbag
"""


def handbag(
    context: typer.Context,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory with stores, keys and logs.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a counterfeit handbag: its copied code is scanned in Milan and in Shanghai within the hour.

    The code leads to the brand's node, which knows of both scans and tells whoever looks next that one may be a copy.
    """
    session = open_session(context, json=json)

    def play(running: Demo, network: Network, processes: NodeProcesses) -> None:
        start_network(running, network, processes)
        # Where the code leads: the scans of a code come together at one node.
        brand = network.nodes[0].api
        with open_client((brand,)) as client:
            tell(running, Handbag(network, client), brand)

    run_demo(session.output, keep=keep, play=play)


def tell(running: Demo, story: Handbag, api: str) -> None:
    """Play the story and check each thing that it claims."""
    client = story.client
    with running.timed("an atelier and a boutique join") as say:
        story.join()
        for party in (ATELIER, BOUTIQUE):
            say(f"{party.name} ({party.id}, {party.country})")
    with running.timed("a handbag is made and sold in Milan"):
        story.make()
        story.sell()
    with running.timed("its buyer scans it in the shop") as say:
        first = client.record_scan(BAG, MILAN)
        _require(first.alerts == (), f"the first scan is odd: {first.alerts}")
        say(f"scanned {first.count} time, nothing is odd")
    with running.timed("a bag with the same code is scanned in Shanghai") as say:
        second = client.record_scan(BAG, SHANGHAI)
        _require([one.code for one in second.alerts] == ["impossible_travel"], f"the alerts are {second.alerts}")
        say(second.alerts[0].text)
    with running.timed("another copy has a serial number that was made up") as say:
        third = client.record_scan(MADE_UP, SHANGHAI)
        _require([one.code for one in third.alerts] == ["unknown_serial"], f"the alerts are {third.alerts}")
        say(third.alerts[0].text)
    with running.timed("what a shopper reads who scans the bag from now on") as say:
        item = client.item(BAG)
        _require((item.status, item.custodian) == ("sold", BOUTIQUE.id), f"it is {item.status} by {item.custodian}")
        say(f"Caution. {second.alerts[0].text}")
        say(f"It was sold by {BOUTIQUE.name}; ask there, or {ATELIER.name}.")
        say(f"page: {page_of(api, BAG)}")


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 (a condition)
    if not holds:
        raise VerificationError("demo.handbag", otherwise)
