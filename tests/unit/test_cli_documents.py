"""`tradelane document` against a real node, and against one that hides what was said of a document."""

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

GTIN = "09521102002002"

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("documents")) as node:
        node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Tuna"}))
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
    Path("organic.pdf").write_bytes(b"organic")

    def call(*arguments: str, node: str = HONEST) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run(["document", *arguments, "--node", node, "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


def test_a_document_from_its_anchoring_to_its_revocation(hosts: LyingNodes, command: Command) -> None:
    code, found, err = command("check", "organic.pdf", "--trust", "trust.json")
    assert (code, found["statements"], found["in_force"]) == (5, [], []), err

    said = ("--kind", "certificate", "--issuer", "Control Union", "--until", "2999-01-01", "--title", "Organic")
    code, anchored, err = command("anchor", "organic.pdf", GTIN[1:], *said)
    assert code == 0, err
    code, listed, _ = command("show", f"https://id.gs1.org/01/{GTIN}/21/A1")
    assert (code, [one["hash"] for one in listed]) == (0, [anchored["hash"]])

    code, found, _ = command("check", "organic.pdf", "--trust", "trust.json")
    assert (code, found["in_force"]) == (0, ["brand"])
    assert found["statements"][0]["state"] == "evidenced"

    def hide(path: str, answer: Any) -> None:
        if path == "/v1/proofs":
            for head in answer["heads"]:
                head["value"] = None

    hosts.lie = hide
    code, _, err = command("check", "organic.pdf", "--trust", "trust.json", node=LIAR)
    assert code == 6
    assert "head_present" in err

    code, _, err = command("revoke", "organic.pdf", "--reason", "withdrawn")
    assert code == 0, err
    code, found, _ = command("check", "organic.pdf", "--trust", "trust.json")
    assert (code, found["in_force"], found["statements"][0]["state"]) == (5, [], "revoked")
    # One changed byte is another document, and a validity that is over is no better than none.
    Path("organic.pdf").write_bytes(b"Organic")
    assert command("check", "organic.pdf", "--trust", "trust.json")[1]["statements"] == []
    assert command("anchor", "organic.pdf", GTIN, "--kind", "certificate", "--until", "2020-01-01")[0] == 0
    code, found, _ = command("check", "organic.pdf", "--trust", "trust.json")
    assert (code, found["statements"][0]["state"]) == (5, "expired")


def test_what_a_person_writes_wrongly_is_said(command: Command) -> None:
    Path("other.pdf").write_bytes(b"never anchored")
    for arguments, code in (
        (("anchor", "missing.pdf", GTIN, "--kind", "invoice"), "file.unreadable"),
        (("anchor", "organic.pdf", GTIN, "--kind", "poem"), "document.kind"),
        (("anchor", "organic.pdf", GTIN, "--kind", "invoice", "--issued", "--issuer", "x"), "document.issuer"),
        (("anchor", "organic.pdf", "org:nobody", "--kind", "invoice"), "ledger.unknown_organisation"),
        (("revoke", "other.pdf", "--reason", "x"), "ledger.unknown_document"),
    ):
        exit_code, _, err = command(*arguments)
        assert exit_code != 0
        assert code in err, (arguments, err)


def test_the_routes_say_what_is_wrong(running: RunningNode) -> None:
    assert running.get("/v1/documents/xyz").json()["type"].endswith("document.hash")
    answer = running.get("/v1/documents/" + "0" * 64)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("document.unknown")
    assert running.get("/v1/documents", subject="nobody").json() == {"entries": []}
