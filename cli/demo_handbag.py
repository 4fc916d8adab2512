"""`tradelane demo handbag`: a copied handbag that double scans give away, ending with what a shopper reads."""

from functools import partial
from typing import Annotated, Final

import typer

from cli.demo import Demo, require, run_story
from cli.handbag_story import ATELIER, BAG, BOUTIQUE, MADE_UP, MILAN, SHANGHAI, Handbag
from cli.session import JsonOption, open_session
from cli.story import page_of
from node.setup import Network
from tradelane import Client

HANDBAG_EPILOG: Final = """\b
Examples:
  tradelane demo handbag
"""
_require = partial(require, "demo.handbag")


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

    def play(running: Demo, network: Network, client: Client) -> None:
        tell(running, Handbag(network, client), network.nodes[0].api)

    # The code leads to the brand's node alone, where its scans come together.
    run_story(session.output, keep=keep, tell=play, nodes=1)


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
