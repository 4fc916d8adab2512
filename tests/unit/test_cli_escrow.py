"""`tradelane escrow`: conditions as people write them, and a payment from its opening to its end on a running node."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cli.escrow_terms import read_terms
from cli.main import run
from ledger.codec import Value
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tradelane import BadRequestError
from tradelane.keys import load_key

ARRIVAL = {"kind": "event", "step": "arriving", "things": ["https://id.gs1.org/00/395211020000004175"]}


def written(directory: Path, value: Any) -> Path:
    file = directory / "when.json"
    file.write_text(json.dumps(value))
    return file


def test_a_tree_becomes_a_list_with_the_branches_before_their_threshold(tmp_path: Path) -> None:
    preimage = {"kind": "preimage", "sha256": sha256(b"x").hexdigest()}
    tree = {"kind": "threshold", "count": 1, "of": [ARRIVAL, {"kind": "threshold", "count": 1, "of": [preimage]}]}
    assert read_terms(written(tmp_path, tree), 2) == {
        "condition": [
            ARRIVAL,
            {"kind": "preimage", "sha256": sha256(b"x").digest()},
            {"kind": "threshold", "count": 1, "of": [1]},
            {"kind": "threshold", "count": 1, "of": [0, 2]},
        ]
    }


def test_milestones_have_shares_in_the_currency_that_is_paid_with(tmp_path: Path) -> None:
    rows = [{"share": "500.00", "when": ARRIVAL}, {"share": "1.5", "when": {"kind": "time", "after_ms": 7}}]
    assert read_terms(written(tmp_path, rows), 2) == {
        "condition": [ARRIVAL, {"kind": "time", "after_ms": 7}],
        "milestones": [[0, 50_000], [1, 150]],
    }


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "event"},
        {"kind": "preimage", "sha256": "no hexadecimal"},
        {"kind": "time", "after_ms": 1.5},
        [{"share": "much", "when": ARRIVAL}],
        [{"when": ARRIVAL}],
        ["arriving"],
        7,
        {"kind": "threshold", "count": 1, "of": [0]},
    ],
)
def test_what_is_no_condition_is_told_so(tmp_path: Path, value: Any) -> None:
    with pytest.raises(BadRequestError):
        read_terms(written(tmp_path, value), 2)
    with pytest.raises(BadRequestError):
        read_terms(tmp_path / "missing.json", 2)


Command = Callable[..., tuple[int, Any, str]]
PIECE = "https://id.gs1.org/01/09521102002002/21/A1"
UETR = "8a562c67-ca16-48ba-b074-65581be6f00{}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("escrow")) as node:
        issue: dict[str, Value] = {"id": b"i" * 16, "account": "retailer/USD", "amount": 100_000}
        node.commit("warehouse", Operation("settlement.issue", issue))
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.checking._PAUSE_S", 0.0)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    Path("trust.json").write_text(trust_to_json(trust_from_genesis(running.node.genesis)))

    def call(who: str, verb: str, *arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        key = ("--key", str(running.network.key_path(who))) if verb != "show" else ()
        trust = ("--trust", "trust.json") if verb in ("show", "resolve") or "--sign" in arguments else ()
        code = run(["escrow", verb, *arguments, *key, *trust, "--node", HONEST, "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


def open_one(command: Command, number: int, when: Any, *more: str) -> str:
    uetr = UETR.format(number)
    said = ("100.00", "USD", "--from", "retailer/USD", "--to", "brand/USD", "--when", str(written(Path.cwd(), when)))
    code, opened, err = command("retailer", "open", *said, "--uetr", uetr, *more)
    assert code == 0, err
    assert (opened["uetr"], opened["payment"]["status"]) == (uetr, "held")
    return uetr


def test_papers_and_words_release_a_payment(running: RunningNode, command: Command) -> None:
    pen = running.network.key_path("maker")
    conditions = [
        {"kind": "document", "type": "invoice", "roles": ["brand"]},
        {"kind": "preimage", "sha256": sha256(b"secret").hexdigest()},
        {"kind": "signatures", "keys": [load_key(pen).public_key.hex()], "organisations": ["carrier"], "count": 2},
    ]
    uetr = open_one(command, 1, {"kind": "threshold", "count": 3, "of": conditions})
    Path("invoice.pdf").write_bytes(b"pay me")
    assert command("carrier", "poke", uetr)[0] == 5
    assert command("brand", "present", uetr, "--document", "invoice=invoice.pdf")[0] == 0
    assert command("carrier", "present", uetr, "--preimage", b"secret".hex(), "--agree")[0] == 0
    code, shown, err = command("maker", "show", uetr)
    assert code == 0, err
    assert (shown["payment"]["status"], len(shown["steps"])) == ("held", 3)
    code, presented, err = command("maker", "present", uetr, "--sign")
    assert code == 0, err
    assert presented["payment"]["status"] == "settled"
    assert [method for _, _, method in command("maker", "show", uetr)[1]["steps"]] == [
        "trade.open",
        "trade.present",
        "trade.present",
        "trade.present",
    ]


def test_a_dispute_is_resolved_and_another_payment_cancelled(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    when = {"kind": "event", "step": "arriving", "things": [PIECE]}
    uetr = open_one(command, 2, when, "--arbiter", "carrier", "--days", "300", "--dispute-days", "60")
    assert command("retailer", "dispute", uetr, "--reason", "broken")[1]["payment"]["status"] == "disputed"
    code, resolved, err = command("carrier", "resolve", uetr, "40.00")
    assert code == 0, err
    assert (resolved["payment"]["released"], resolved["payment"]["returned"]) == (4_000, 6_000)
    assert run(["escrow", "show", uetr, "--trust", "trust.json", "--node", HONEST]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["released", "40.00", "of", "100.00", "USD"] in lines
    assert ["sent", "back", "60.00", "of", "100.00", "USD"] in lines
    uetr = open_one(command, 3, when)
    assert command("brand", "cancel", uetr)[1]["payment"]["status"] == "cancelled"
    assert command("brand", "cancel", uetr)[0] == 5
    assert command("brand", "show", UETR.format(9))[0] == 3
    assert command("brand", "present", uetr, "--document", "invoice")[0] == 1
    assert command("brand", "present", uetr, "--preimage", "xyz")[0] == 1
