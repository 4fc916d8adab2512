"""`tradelane demo medicine`: a vaccine that freezes on the way and is recalled, ending with what its patient reads."""

from functools import partial
from typing import Annotated, Final

import typer

from cli.demo import Demo, Say, require, run_story
from cli.formatting import thing_text
from cli.medicine_story import CERTIFIER, FROZEN_PACK, GOOD_PACK, GTIN, MAKER, PHARMACY, RECALL, Medicine
from cli.session import JsonOption, open_session

MEDICINE_EPILOG: Final = """\\b
Examples:
  tradelane demo medicine
"""
_require = partial(require, "demo.medicine")


def medicine(
    context: typer.Context,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory with stores, keys and logs.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a medicine: a certificate, a freeze that nobody saw, and a recall.

    An inspectorate certifies a vaccine, a carrier's logger tells of fifty minutes below zero, and the maker recalls.
    """
    session = open_session(context, json=json)

    run_story(
        session.output,
        keep=keep,
        tell=lambda running, network, client: tell(running, Medicine(network, client)),
    )


def tell(running: Demo, story: Medicine) -> None:
    """Play the story and check each thing that it claims."""
    with running.timed("a maker of vaccines, an inspectorate and a pharmacy join") as say:
        story.join()
        for party in (MAKER, CERTIFIER, PHARMACY):
            say(f"{party.name} ({party.id}, {party.country})")
    with running.timed("two packs are made, and the inspectorate verifies their release") as say:
        story.make()
        (document,) = story.client.documents(GTIN)
        (said,) = document.statements
        _require(said.level == "verified", f"the certificate is {said.level}")
        say(f"{said.title} {said.reference}: {said.level} by {said.organisation}")
    with running.timed("the carrier takes both, each with a logger, and one lies against the ice") as say:
        story.ship()
        story.send_readings()
        for pack, expected in ((GOOD_PACK, "OK"), (FROZEN_PACK, "REJECT")):
            _tell_cold(story, pack, expected, say)
    with running.timed("the maker recalls the consignment") as say:
        story.recall()
        reached = story.client.recall_closure(RECALL)
        _require(reached.items == 2, f"the recall reaches {reached.items} packs")
        say(f"{reached.items} packs are to be had back, from: carrier")
    with running.timed("what a patient reads who scans the pack") as say:
        (recall,) = story.client.recalls(FROZEN_PACK, "open")
        record = story.client.cold_record(FROZEN_PACK)
        say(f"Recalled by {MAKER.name}: {recall.reason}")
        say(str(recall.fields["texts"]["en"]) if isinstance(recall.fields["texts"], dict) else "")
        say(f"temperature: {record.disposition}, out of range for {record.out_of_range_ms // 60_000} min")


def _tell_cold(story: Medicine, pack: str, expected: str, say: Say) -> None:
    record = story.client.cold_record(pack)
    _require(record.disposition == expected, f"{pack} is {record.disposition}")
    (watch,) = record.watches
    lowest = "?" if watch.min_milli_celsius is None else f"{watch.min_milli_celsius / 1000:g}"
    say(f"{thing_text(pack)}: {record.disposition}, {watch.readings} readings, lowest {lowest} °C")
