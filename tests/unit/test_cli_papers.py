"""`tradelane document|customs|carbon` against a real node, and one that hides what was said of a document."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from ledger.codec import Value
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LIAR, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.unit.test_node_api_problems import document, event

GTIN = "09521102002002"


def packing(name: str, action: str, child: str, time: str) -> dict[str, Any]:
    made = event(name, type="AggregationEvent", action=action, parentID=CASE, childEPCs=[child], eventTime=time)
    return {key: value for key, value in made.items() if key != "epcList"}


def cut(name: str, inputs: list[str], outputs: list[str], time: str) -> dict[str, Any]:
    made = event(name, type="TransformationEvent", inputEPCList=inputs, outputEPCList=outputs, eventTime=time)
    return {key: value for key, value in made.items() if key not in ("action", "epcList")}


FISH, CASE = f"https://id.gs1.org/01/{GTIN}/21/F", "https://id.gs1.org/00/095211020000041755"
LOAVES = [f"https://id.gs1.org/01/{GTIN}/21/{serial}" for serial in "ABC"]
# A fish goes by road in a case, is taken out, and becomes three pieces; one of them goes on in the same case.
EVENTS = (
    event("made", action="ADD", bizStep="commissioning", epcList=[FISH], eventTime="2026-11-01T00:00:00Z"),
    event("case", action="ADD", bizStep="commissioning", epcList=[CASE], eventTime="2026-11-01T00:00:00Z"),
    packing("in", "ADD", FISH, "2026-11-01T01:00:00Z"),
    packing("out", "DELETE", FISH, "2026-11-01T03:00:00Z"),
    cut("cut", [FISH], LOAVES, "2026-11-01T04:00:00Z"),
    packing("in-2", "ADD", LOAVES[0], "2026-11-01T05:00:00Z"),
)

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("documents")) as node:
        product: dict[str, Value] = {"gtin": GTIN, "name": "Tuna", "mass_grams": 250}
        node.commit("brand", Operation("provenance.register_product", product))
        assert node.capture(document(*EVENTS)).status_code == 200
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
        group = () if arguments[0] in ("customs", "carbon") else ("document",)
        code = run([*group, *arguments, "--node", node, "--json"])
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


def test_a_declaration_is_shown_for_a_piece_and_customs_alone_decide(command: Command) -> None:
    said = ("--hs", "0302.14", "--origin", "NO", "--from", "NO", "--to", "CN")
    code, declared, err = command("customs", "declare", "26NO4711", GTIN, *said)
    assert (code, declared and declared["declaration"]) == (0, "26NO4711"), err
    code, shown, _ = command("customs", "show", LOAVES[0])
    assert code == 0
    assert [(one["hs_code"], one["hs_edition"], one["status"]) for one in shown] == [("030214", "HS2022", "declared")]
    code, _, err = command("customs", "decide", "26NO4711", "released")
    assert code != 0
    assert "needs one of the roles customs" in err


def test_emissions_are_shared_by_mass_and_counted_once(running: RunningNode, command: Command) -> None:
    def leg(name: str, goods: str, time: str, km: str = "100") -> None:
        said = ("--mode", "road", "--km", km, "--factor", "50", "--source", "test v1", "--from", time, "--id", name)
        code, _, err = command("carbon", "record", goods, *said)
        assert code == 0, err

    # 100 kg over 100 km at 50 g/tkm are 500 g; 1 kg of goods in the case is one hundredth of it.
    leg("first", f"{CASE}=100kg", "2026-11-01T02:00:00Z")
    leg("own", f"{FISH}=300kg", "2026-11-01T00:30:00Z")
    leg("second", f"{CASE}=1kg", "2026-11-01T06:00:00Z", "1000")
    leg("before", f"{CASE}=1kg", "2026-10-31T00:00:00Z")
    leg("light", f"{CASE}=100g", "2026-11-01T07:00:00Z")

    def parts(identifier: str) -> dict[str, tuple[str, int]]:
        code, found, err = command("carbon", "show", identifier)
        assert code == 0, err
        return {one["id"]: (one["relation"], one["grams"]) for one in found["legs"]}

    # The fish: all of its own leg, 0.25 of 100 kg of the first; nothing of what was before or after it was in the case.
    assert parts(FISH) == {"own": ("own", 1500), "first": ("carried", 1)}
    # A third of the fish each, and a quarter of the leg that one alone was on. A piece is heavier than the last leg.
    assert parts(LOAVES[1]) == {"own": ("source", 500), "first": ("source", 0)}
    assert parts(LOAVES[0]) == {"own": ("source", 500), "first": ("source", 0), "second": ("carried", 13)}
    found = running.json("/v1/items/emissions", id=LOAVES[0])
    assert (found["grams"], found["not_apportioned"], found["is_complete"]) == (513, ["light"], True)

    assert command("carbon", "withdraw", "second", "--reason", "another lorry")[0] == 0
    assert "second" not in parts(LOAVES[0])
    code, _, err = command(
        "carbon", "record", f"{CASE}=heavy", "--mode", "hub", "--factor", "1", "--source", "x", "--from", "2026-11-01"
    )
    assert code != 0
    assert "carbon.goods" in err
