"""`tradelane validators`: what it prints, what it sends, and what it does not send."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.keys import SecretKey, verify
from ledger.transaction import Operation
from ledger.validators import possession_preimage
from node.setup import create_network
from tests.support.answering import (
    CHAIN_ID,
    AnsweringNode,
    Handler,
    answer,
    committing,
    sent_transaction,
    status_answer,
)
from tests.support.command_line import CommandLine
from tradelane.keys import new_key, save_key

KEYS = [SecretKey(bytes([number]) * 32) for number in range(1, 6)]
JOINER = KEYS[4]
OUTPUT = {"executed": False, "approvals": 1, "organisations": 4}


def member(key: SecretKey, organisation: str, **more: int) -> dict[str, Any]:
    return {"public_key": key.public_key.hex(), "organisation": organisation, **more}


VALIDATORS: dict[str, Any] = {
    "height": 8,
    "quorum": 3,
    "faults_tolerated": 1,
    "hash": "ab" * 32,
    "validators": [member(key, f"firm-{index}", double_votes=index) for index, key in enumerate(KEYS[:4])],
    "change": None,
}


@pytest.fixture
def key(tmp_path: Path) -> str:
    save_key(tmp_path / "key.json", new_key())
    return str(tmp_path / "key.json")


def joiner_file(path: Path, **changes: str) -> str:
    fields = {
        "format": "tradelane-validator/1",
        "chain_id": CHAIN_ID,
        "public_key": JOINER.public_key.hex(),
        "organisation": "retailer",
        "possession": JOINER.sign(possession_preimage(bytes.fromhex(CHAIN_ID), JOINER.public_key, "retailer")).hex(),
        **changes,
    }
    path.write_text(json.dumps(fields))
    return str(path)


def reaching(*keys: SecretKey) -> Handler:
    """Return the status of the first validator, which reaches some of the others."""
    peers = [
        {"public_key": key.public_key.hex(), "url": "http://x:1", "is_reachable": key in keys, "height": 7}
        for key in KEYS[1:]
    ]
    return answer(status_answer(public_key=KEYS[0].public_key.hex(), peers=peers))


def network(tradelane: CommandLine) -> AnsweringNode:
    tradelane.answers(
        {
            "GET /v1/status": reaching(*KEYS),
            "GET /v1/validators": answer(VALIDATORS),
            "POST /v1/transactions": committing(outputs=[OUTPUT]),
        }
    )
    return tradelane.node


def sent_operation(node: AnsweringNode) -> Operation:
    (operation,) = sent_transaction(node.requests[-1]).operations
    return operation


def test_the_list_shows_keys_organisations_and_the_change_to_come(tradelane: CommandLine) -> None:
    change = {
        "from_height": 9,
        "hash": "cd" * 32,
        "add": [member(JOINER, "new")],
        "remove": [member(KEYS[0], "firm-0")],
    }
    tradelane.answers({"GET /v1/validators": answer({**VALIDATORS, "change": change})})
    assert tradelane("validators", "list").out.splitlines() == [
        "index  key            run by  double votes",
        *(f"{index:>5}  {KEYS[index].public_key.hex()[:12]}…  firm-{index}{index:>14}" for index in range(4)),
        "",
        "block 8 needs 3 of 4 signatures; tolerated faulty validators: 1",
        "from block 9 on:",
        f"  joins {JOINER.public_key.hex()[:12]}… of new",
        f"  leaves {KEYS[0].public_key.hex()[:12]}… of firm-0",
    ]
    listed = tradelane("validators", "list", "--json").json
    assert listed["members"][3] == member(KEYS[3], "firm-3", double_votes=3)
    assert listed["change"]["from_height"] == 9


def test_a_proposal_carries_the_proof_and_the_whole_key(tradelane: CommandLine, key: str, tmp_path: Path) -> None:
    node = network(tradelane)
    file = joiner_file(tmp_path / "joiner.json")
    prefix = KEYS[1].public_key.hex()[:8].upper()
    outcome = tradelane(
        *("validators", "propose", "--add", file, "--remove", prefix, "--id", "swap", "--key", key, "--json")
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["proposal"] == "swap"
    assert outcome.json["is_executed"] is False
    sent = sent_operation(node)
    assert sent.method == "governance.propose"
    assert sent.arguments["id"] == "swap"
    proof = JOINER.sign(possession_preimage(bytes.fromhex(CHAIN_ID), JOINER.public_key, "retailer"))
    assert sent.arguments["action"] == [
        "governance.change_validators",
        {"add": [[JOINER.public_key, "retailer", proof]], "remove": [KEYS[1].public_key]},
    ]


def test_an_approval_says_how_many_there_are(tradelane: CommandLine, key: str) -> None:
    node = network(tradelane)
    outcome = tradelane("validators", "approve", "swap", "--key", key)
    assert outcome.out.splitlines()[:2] == [
        "✓ swap waits for more approvals",
        "approvals  1 of 4 organisations approved",
    ]
    assert sent_operation(node) == Operation("governance.approve", {"id": "swap"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "tradelane-validator/2"}, "joiner.damaged"),
        ({"chain_id": "00" * 32}, "joiner.damaged"),
        ({"public_key": "xyz"}, "joiner.damaged"),
        ({"organisation": "brand"}, "joiner.unproven"),
        ({"possession": "00" * 64}, "joiner.unproven"),
    ],
)
def test_what_proves_no_possession_is_not_sent(
    tradelane: CommandLine, key: str, tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    node = network(tradelane)
    file = joiner_file(tmp_path / "joiner.json", **changes)
    outcome = tradelane("validators", "propose", "--add", file, "--key", key, "--json")
    assert (outcome.code, outcome.error["code"]) == (1, code)
    assert all(request.method == "GET" for request in node.requests)


@pytest.mark.parametrize("prefix", ["", "ffffffff", KEYS[0].public_key.hex()[:7]])
def test_a_key_that_names_no_validator_is_not_sent(tradelane: CommandLine, key: str, prefix: str) -> None:
    node = network(tradelane)
    outcome = tradelane("validators", "propose", "--remove", prefix, "--key", key, "--json")
    assert (outcome.code, outcome.error["code"]) == (1, "validator.key")
    assert all(request.method == "GET" for request in node.requests)


def test_a_change_of_nobody_is_not_sent(tradelane: CommandLine, key: str) -> None:
    outcome = tradelane("validators", "propose", "--key", key, "--json")
    assert (outcome.code, outcome.error["code"]) == (1, "change.empty")


@pytest.mark.fault(72)
def test_a_change_after_which_nothing_could_commit_is_held_back(
    tradelane: CommandLine, key: str, tmp_path: Path
) -> None:
    node = network(tradelane)
    file = joiner_file(tmp_path / "joiner.json")
    change = ("validators", "propose", "--add", file, "--remove", KEYS[1].public_key.hex(), "--key", key, "--json")
    # One, three and four stay, and the joiner comes: three of them are a quorum.
    tradelane.answers({"GET /v1/status": reaching(KEYS[1], KEYS[3])})
    outcome = tradelane(*change)
    assert (outcome.code, outcome.error["code"]) == (5, "change.no_quorum")
    assert "reaches 2 of the 4 validators that there would be, and 3 are needed" in outcome.error["detail"]
    assert all(request.method == "GET" for request in node.requests)
    assert tradelane(*change, "--force").code == 0
    tradelane.answers({"GET /v1/status": reaching(KEYS[3], JOINER)})
    assert tradelane(*change).code == 0


def test_a_change_that_leaves_nobody_is_not_sent(tradelane: CommandLine, key: str) -> None:
    node = network(tradelane)
    removals = [word for member_key in KEYS[:4] for word in ("--remove", member_key.public_key.hex())]
    outcome = tradelane("validators", "propose", *removals, "--key", key, "--json")
    assert (outcome.code, outcome.error["code"]) == (1, "change.validator_count")
    assert all(request.method == "GET" for request in node.requests)


def test_possession_is_proven_for_the_chain_of_the_home(tradelane: CommandLine, tmp_path: Path) -> None:
    seeds = iter(range(1, 1_000))
    made = create_network(
        tmp_path / "network", now_ms=1, random_bytes=lambda size: next(seeds).to_bytes(size, "big"), validators=1
    )
    home = made.home(made.nodes[0])
    printed = tradelane("validators", "possession", "--home", str(home), "--organisation", "maker").json
    assert printed["chain_id"] == made.chain_id
    assert printed["format"] == "tradelane-validator/1"
    saved = tradelane(
        *(
            "validators",
            "possession",
            "--home",
            str(home),
            "--organisation",
            "maker",
            "-o",
            str(tmp_path / "joiner.json"),
        )
    )
    assert (saved.code, saved.out) == (0, "")
    assert json.loads((tmp_path / "joiner.json").read_text()) == printed
    key = bytes.fromhex(printed["public_key"])
    message = possession_preimage(bytes.fromhex(made.chain_id), key, "maker")
    assert verify(key, message, bytes.fromhex(printed["possession"]))


def test_proposals_say_what_they_change(tradelane: CommandLine) -> None:
    entry = {
        "id": "swap",
        "proposer": "brand",
        "method": "governance.change_validators",
        "arguments": {"add": [[1, 2, 3]], "remove": []},
        "expires_ms": 0,
        "status": "open",
        "approvals": ["brand", "maker"],
    }
    tradelane.answers({"GET /v1/proposals": answer({"entries": [entry], "next_cursor": None})})
    lines = tradelane("validators", "proposals").out.splitlines()
    assert lines[0].split() == ["proposal", "by", "what", "status", "until", "approved", "by"]
    assert lines[1].split()[:5] == ["swap", "brand", "change_validators", "+1", "open"]
    assert tradelane("validators", "proposals", "--json").json["proposals"][0]["approvals"] == ["brand", "maker"]


def test_evidence_is_listed(tradelane: CommandLine) -> None:
    entry = {
        "validator": "ab" * 32,
        "organisation": "brand",
        "kind": "commit",
        "height": 4,
        "view": 1,
        "votes": [],
        "reporter": "maker",
        "reported_ms": 5,
    }
    tradelane.answers({"GET /v1/evidence": answer({"entries": [entry], "next_cursor": None})})
    assert tradelane("validators", "evidence").out.splitlines() == [
        "validator      run by  height  view  kind    reported by",
        "abababababab…  brand        4     1  commit  maker",
    ]
    tradelane.answers({"GET /v1/evidence": answer({"entries": [], "next_cursor": None})})
    assert tradelane("validators", "evidence").out == "no validator is known to have voted twice\n"
