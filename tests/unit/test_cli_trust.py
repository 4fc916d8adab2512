"""`tradelane trust`: export from a genesis document or a node, follow the chain, show."""

import json
from pathlib import Path

from ledger.genesis import Genesis
from ledger.parameters import Parameters
from ledger.proof import trust_from_genesis, trust_from_json, trust_to_json
from tests.support.answering import answer
from tests.support.command_line import CommandLine
from tests.support.shared_data import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "proofs"
MOVED, LATER = GOLDEN / "trust_moved.json", GOLDEN / "trust_moved_later.json"


def test_a_genesis_document_is_enough(tradelane: CommandLine) -> None:
    validators = trust_from_json(MOVED.read_text()).validators
    genesis = Genesis("harbour", 1_760_000_000_000, Parameters(), validators, ())
    Path("genesis.json").write_text(genesis.to_json())
    outcome = tradelane("trust", "export", "--genesis", "genesis.json")
    assert (outcome.code, outcome.out) == (0, trust_to_json(trust_from_genesis(genesis)))
    assert tradelane.node.asked == []
    assert tradelane("trust", "export", "--genesis", "absent.json").code == 3
    Path("bad.json").write_text("{}")
    assert tradelane("trust", "export", "--genesis", "bad.json", "--json").error["code"] == "genesis.refused"
    both = tradelane("trust", "export", "--genesis", "genesis.json", "--trust", str(MOVED), "--json")
    assert both.error["code"] == "trust.two_sources"


def test_what_a_node_names_is_to_be_compared(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/trust": answer(json.loads(MOVED.read_text()))})
    outcome = tradelane("trust", "export", "-o", "trust.json")
    assert outcome.code == 0
    assert "the node names this network itself" in " ".join(outcome.err.split())
    assert trust_from_json(Path("trust.json").read_text()) == trust_from_json(MOVED.read_text())


def test_a_later_trust_root_is_proven_from_the_one_at_hand(tradelane: CommandLine) -> None:
    bundle = json.loads((GOLDEN / "good_moved_trust_after_one_change.json").read_text())
    tradelane.answers({"GET /v1/trust/proof": answer(bundle)})
    outcome = tradelane("trust", "export", "--trust", str(MOVED), "--height", "5")
    assert (outcome.code, outcome.out) == (0, LATER.read_text())
    assert tradelane("trust", "export", "--trust", str(MOVED), "--height", "6", "--json").error["code"] == "stale"
    other = str(GOLDEN / "trust_toy.json")
    assert tradelane("trust", "export", "--trust", other, "--height", "5", "--json").error["code"] == "other_chain"


def test_a_bundle_renews_the_trust_file(tradelane: CommandLine) -> None:
    Path("trust.json").write_text(MOVED.read_text())
    bundle = str(GOLDEN / "good_moved_trust_after_one_change.json")
    assert tradelane("verify", bundle, "--trust", "trust.json").code == 0
    assert Path("trust.json").read_text() == MOVED.read_text()
    outcome = tradelane("verify", bundle, "--trust", "trust.json", "--update-trust")
    assert (outcome.code, "trusts block 5 now" in outcome.err) == (0, True)
    assert Path("trust.json").read_text() == LATER.read_text()
    # An older bundle does not take it back.
    older = str(GOLDEN / "good_moved_item_before_change.json")
    outcome = tradelane("verify", older, "--trust", "trust.json", "--update-trust")
    assert (outcome.code, "older than block 5" in outcome.out) == (0, True)
    assert Path("trust.json").read_text() == LATER.read_text()


def test_a_trust_file_is_shown(tradelane: CommandLine) -> None:
    shown = tradelane("trust", "show", str(LATER))
    assert shown.code == 0
    for words in ("network", "moved", "block 5", "3 of 4; 1 may lie", "moved validator 4"):
        assert words in shown.out
    value = tradelane("trust", "show", str(LATER), "--json").json
    assert (value["height"], value["quorum"], value["earlier_heights"]) == (5, 3, [0, 3])
    assert len(value["validators"]) == 4
    assert "genesis" in tradelane("trust", "show", str(MOVED)).out
    assert tradelane("trust", "show", "absent.json").code == 3
