"""`tradelane recall` against a real node, and against one that hides a recall."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LIAR, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.unit.test_node_api_problems import document, event

GTIN = "09521102002002"
PIECE = f"https://id.gs1.org/01/{GTIN}/21/A1"
LOT = f"https://id.gs1.org/01/{GTIN}/10/L7"

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("recalls")
    with running_node(directory) as node:
        node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Tuna"}))
        made = event("made", action="ADD", epcList=[PIECE])
        assert node.capture(document(made)).status_code == 200
        yield node


@pytest.fixture
def hosts(running: RunningNode) -> LyingNodes:
    return LyingNodes(running)


@pytest.fixture
def command(
    running: RunningNode,
    hosts: LyingNodes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.checking._PAUSE_S", 0.0)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path("brand")))
    Path("trust.json").write_text(trust_to_json(trust_from_genesis(running.node.genesis)))

    def call(*arguments: str, node: str = HONEST) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run(["recall", *arguments, "--node", node, "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


def test_a_recall_from_its_opening_to_its_end(hosts: LyingNodes, command: Command) -> None:
    code, found, err = command("check", PIECE, "--trust", "trust.json")
    assert code == 0, err
    assert found["recalled"] == []

    said = ("--reason", "histamine", "--severity", "return", "--text", "en=Bring it back.")
    code, opened, err = command("open", GTIN[1:], LOT, PIECE, "--id", "r1", *said)
    assert code == 0, err
    assert opened["recall"] == "r1"
    code, listed, _ = command("list", "--of", PIECE)
    assert (code, [one["id"] for one in listed]) == (0, ["r1"])
    assert listed[0]["targets"] == [["product", GTIN], ["lot", LOT], ["item", PIECE]]
    assert listed[0]["texts"] == {"en": "Bring it back."}

    code, found, _ = command("check", PIECE, "--trust", "trust.json")
    assert (code, found["recalled"]) == (5, [["item", PIECE], ["product", GTIN]])

    # A node that hides it has to claim an absence that the state root denies.
    def hide(path: str, answer: Any) -> None:
        if path == "/v1/proofs":
            for head in answer["heads"]:
                head["value"] = None

    hosts.lie = hide
    code, _, err = command("check", PIECE, "--trust", "trust.json", node=LIAR)
    assert code == 6
    assert "head_present" in err

    assert command("close", "r1", "--reason", "all are back")[0] == 0
    assert command("check", PIECE, "--trust", "trust.json")[0] == 0
    assert command("list")[1] == []
    assert [one["status"] for one in command("list", "--all")[1]] == ["closed"]
    code, _, err = command("close", "r1", "--reason", "again")
    assert code == 5
    assert "recall_closed" in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("open", "urn:thing", "--reason", "x"), "recall.target"),
        (("open", GTIN, "--reason", "x", "--text", "hello"), "recall.text"),
    ],
)
def test_what_cannot_be_recalled_is_named(command: Command, arguments: tuple[str, ...], code: str) -> None:
    status, _, err = command(*arguments)
    assert status == 1
    assert code in err
