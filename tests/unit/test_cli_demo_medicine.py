"""The story of the medicine on a node in this process: everything that it claims, and what a patient then reads."""

import time
from pathlib import Path

from cli.demo import Demo
from cli.demo_medicine import tell
from cli.medicine_story import FROZEN_PACK, GOOD_PACK, Medicine
from cli.output import Output
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import running_node


def test_a_vaccine_freezes_on_the_way_and_is_recalled(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        story = Medicine(node.network, LyingNodes(node).client(HONEST))
        running = Demo(Output(is_json=True), tmp_path, time.monotonic())
        tell(running, story)
        pages = {pack: node.get(pack.removeprefix("https://id.gs1.org"), format="json").json() for pack in PACKS}
    assert [step["results"][-1] for step in running.steps][-2:] == [
        "2 packs are to be had back, from: carrier",
        "temperature: REJECT, out of range for 60 min",
    ]
    for page in pages.values():
        outcome = page["outcome"]
        assert (outcome["level"], outcome["title"]) == ("stop", "Recalled")
        assert outcome["reasons"][0]["text"].endswith("Do not inject it. Send it back to Alpine Biologics.")
        assert [one["state"] for one in page["papers"]["documents"]] == ["verified"]
    assert [page["cold"]["disposition"] for page in pages.values()] == ["OK", "REJECT"]
    assert pages[FROZEN_PACK]["cold"]["lowest_milli_celsius"] == -2_400


PACKS = (GOOD_PACK, FROZEN_PACK)
