"""`tradelane demo seafood`: chilled salmon from Norway to Shanghai, ending with what a shopper reads."""

from functools import partial
from typing import Annotated, Final

import typer

from cli.demo import Demo, require, run_story
from cli.seafood_story import CUSTOMS, DECLARATION, FARM, FISH_GRAMS, INSPECTORATE, SALMON, SHOP, Seafood
from cli.session import JsonOption, open_session

SEAFOOD_EPILOG: Final = """\\b
Examples:
  tradelane demo seafood
"""
_require = partial(require, "demo.seafood")


def seafood(
    context: typer.Context,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory with stores, keys and logs.")] = False,
    json: JsonOption = False,
) -> None:
    """Show chilled salmon: Norway to Shanghai, with certificates, customs, cold chain and carbon.

    A farm evidences a certificate and an inspectorate verifies another, customs release, a logger watches all the way.
    """
    session = open_session(context, json=json)

    run_story(
        session.output,
        keep=keep,
        tell=lambda running, network, client: tell(running, Seafood(network, client)),
    )


def tell(running: Demo, story: Seafood) -> None:
    """Play the story and check each thing that it claims."""
    client, fish = story.client, SALMON[0]
    with running.timed("a farm, an inspectorate, customs and a shop join") as say:
        story.join()
        for party in (FARM, INSPECTORATE, CUSTOMS, SHOP):
            say(f"{party.name} ({party.id}, {party.country})")
    with running.timed("two salmon are packed on ice, with two certificates") as say:
        story.make()
        levels = sorted(
            (str(said.title), said.level, said.organisation)
            for one in client.documents(fish)
            for said in one.statements
        )
        _require([level for _, level, _ in levels] == ["verified", "evidenced"], f"the certificates are {levels}")
        for title, level, organisation in levels:
            say(f"{title}: {level} by {organisation}")
    with running.timed("they are declared, and fly with a logger in the box") as say:
        story.export()
        story.carry()
        record = client.cold_record(fish)
        _require(record.disposition == "OK", f"the salmon is {record.disposition}")
        say(f"{record.watches[0].readings} readings, {record.disposition}")
    with running.timed("customs release them, and the shop takes them") as say:
        story.arrive()
        (declared,) = client.customs_declarations(fish)
        _require(declared.status == "released", f"the declaration is {declared.status}")
        say(f"{DECLARATION}: {declared.hs_code} ({declared.hs_edition}) {declared.status} by {declared.decided_by}")
    with running.timed("what a shopper reads who scans one of them") as say:
        item, borne = client.item(fish), client.emissions(fish)
        # Each fish is half of the box: 5 kg over 1,390 km at 85 g/tkm and 7,720 km at 600 g/tkm.
        _require(borne.grams == 23_751, f"it bears {borne.grams} g for {FISH_GRAMS} g of fish")
        say(f"Held by {SHOP.name}; from {FARM.name}, Norway")
        say(f"Certificates: {len(levels)}; customs: released; temperature: {record.disposition}")
        say(f"Carbon: {borne.grams / 1000:.2f} kg CO2e in {len(borne.legs)} legs")
        _require(item.custodian == SHOP.id, f"{item.custodian} holds it")
