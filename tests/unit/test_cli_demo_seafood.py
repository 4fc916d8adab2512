"""The story of the salmon on a node in this process: everything that it claims, and what a shopper then reads."""

import time
from pathlib import Path

from cli.demo import Demo
from cli.demo_seafood import tell
from cli.output import Output
from cli.seafood_story import SALMON, Seafood
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import running_node


def test_salmon_flies_from_norway_to_shanghai(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        tell(
            Demo(Output(is_json=True), tmp_path, time.monotonic()),
            Seafood(node.network, LyingNodes(node).client(HONEST)),
        )
        path = SALMON[0].removeprefix("https://id.gs1.org")
        page, text = node.get(path, format="json").json(), node.get(path).text
    assert (page["outcome"]["title"], page["outcome"]["reasons"]) == ("Record verified", [])
    assert page["holder"]["custodian"]["name"] == "Huangpu Fresh Market"
    assert 'aria-label="Map of 3 places, from 68.2\u00b0 N, 14.6\u00b0 E to 31.1\u00b0 N, 121.8\u00b0 E"' in text
    papers = page["papers"]
    assert [(one["title"], one["state"]) for one in papers["documents"]] == [
        ("Health certificate", "verified"),
        ("Responsible farming", "evidenced"),
    ]
    assert [(one["status"], one["leaves"], one["enters"]) for one in papers["declarations"]] == [
        ("released", "Norway", "China")
    ]
    assert [(one["mode"], one["grams"]) for one in papers["carbon"]["legs"]] == [("road", 591), ("air", 23_160)]
    assert (page["cold"]["disposition"], page["cold"]["readings"], page["cold"]["highest_milli_celsius"]) == (
        "OK",
        36,
        1_800,
    )
