"""`tradelane verify`: the golden bundles, good and bad, on the command line, without any node."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.answering import answer
from tests.support.command_line import CommandLine
from tests.support.shared_data import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "proofs"
# --newer-than counts from now, so what is stale at a fixed time or height is for the golden tests of the verifier.
CASES: list[dict[str, Any]] = [
    case for case in json.loads((GOLDEN / "index.json").read_text())["cases"] if case["reason"] != "stale"
]
GOOD = [case for case in CASES if case["reason"] is None]
# One for each reason; the verifier itself is held against all of them.
BAD = list({case["reason"]: case for case in reversed(CASES) if case["reason"] is not None}.values())
ITEM, TRUST = str(GOLDEN / "good_item.json"), str(GOLDEN / "trust_toy.json")


def name_of(case: dict[str, Any]) -> str:
    return f"{case['file']}-{case['trust']}"


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_good_bundles_are_verified_offline(tradelane: CommandLine, case: dict[str, Any]) -> None:
    arguments = ("verify", str(GOLDEN / case["file"]), "--trust", str(GOLDEN / case["trust"]))
    shown, value = tradelane(*arguments), tradelane(*arguments, "--json").json
    assert shown.code == 0, shown.err
    assert "verified on network" in shown.out
    assert shown.out.count("✓ ") == len(value["steps"]) > 3
    assert value["result"] == "verified"
    assert (value["kind"], value["height"]) == (case["facts"]["kind"], case["facts"]["height"])
    assert tradelane.node.asked == []


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_bad_bundles_end_with_6_and_the_reason(tradelane: CommandLine, case: dict[str, Any]) -> None:
    outcome = tradelane("verify", str(GOLDEN / case["file"]), "--trust", str(GOLDEN / case["trust"]), "--json")
    assert (outcome.code, outcome.out) == (6, "")
    assert outcome.error["code"] == case["reason"]
    assert tradelane.node.asked == []


def test_the_good_and_the_bad_are_many() -> None:
    assert len(GOOD) >= 30
    assert len(BAD) >= 68


def test_an_old_bundle_is_stale_where_a_new_one_is_asked_for(tradelane: CommandLine) -> None:
    outcome = tradelane("verify", ITEM, "--trust", TRUST, "--newer-than", "5", "--json")
    assert (outcome.code, outcome.error["code"]) == (6, "stale")


def test_a_trust_root_must_be_given(tradelane: CommandLine) -> None:
    assert tradelane("verify", ITEM, "--json").error["code"] == "trust.missing"
    assert tradelane("verify", ITEM, "--trust", "absent.json").code == 3
    Path("other.json").write_text("{}")
    assert tradelane("verify", ITEM, "--trust", "other.json").code == 1


def test_the_trust_root_of_the_network_directory_is_used(tradelane: CommandLine) -> None:
    Path(".tradelane").mkdir()
    Path(".tradelane/trust.json").write_text(Path(TRUST).read_text())
    assert tradelane("verify", ITEM).code == 0


def test_a_bundle_that_is_nowhere_is_named(tradelane: CommandLine) -> None:
    outcome = tradelane("verify", "absent.json", "--trust", TRUST)
    assert outcome.code == 1
    assert "there is no file absent.json" in outcome.err


def test_a_fetched_bundle_is_checked_and_kept(tradelane: CommandLine) -> None:
    bundle = json.loads(Path(ITEM).read_text())
    tradelane.answers({"GET /v1/items/proof": answer(bundle)})
    outcome = tradelane("verify", "urn:x", "--trust", TRUST, "--save", "kept.json")
    assert outcome.code == 0, outcome.err
    assert json.loads(Path("kept.json").read_text()) == bundle
    assert tradelane("verify", "kept.json", "--trust", TRUST).code == 0


def test_a_node_that_lies_is_not_believed(tradelane: CommandLine) -> None:
    content = (GOLDEN / "bad_certificate_of_other_hash.json").read_bytes()
    tradelane.answers({"GET /v1/items/proof": lambda request: httpx.Response(200, content=content)})
    assert tradelane("verify", "urn:x", "--trust", TRUST).code == 6
