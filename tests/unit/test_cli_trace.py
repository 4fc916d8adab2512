"""`tradelane trace` and `tradelane recall simulate|closure` against a real node: each form of what is shown."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.trace_forms import dot_text
from cli.tracing import mark_text
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.unit.test_cli_tracing import event as shown_event
from tests.unit.test_cli_tracing import node as shown_node
from tests.unit.test_node_api_problems import document
from tradelane import Mark
from tradelane.fields import Fields
from tradelane.results import read_trace

GTIN = "09506000134352"
FISH = f"https://id.gs1.org/01/{GTIN}/10/FISH"
PACKS = [f"https://id.gs1.org/01/{GTIN}/21/P{number}" for number in range(3)]
CASE = "https://id.gs1.org/00/395060001343500014"
SITE = "https://id.gs1.org/414/9506000134352"

Command = Callable[..., tuple[int, str, str]]


def events() -> list[dict[str, Any]]:
    def event(number: int, kind: str, **fields: Any) -> dict[str, Any]:
        return {
            "type": kind,
            "eventID": f"urn:uuid:story{number}",
            "eventTime": f"2026-11-04T{8 + number:02}:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            **fields,
        }

    made = [{"epcClass": FISH, "quantity": 10, "uom": "KGM"}]
    used = [{"epcClass": FISH, "quantity": 4, "uom": "KGM"}]
    part = {"transformationID": "urn:cutting:1"}
    return [
        event(0, "ObjectEvent", action="ADD", bizStep="commissioning", quantityList=made),
        event(1, "TransformationEvent", inputQuantityList=used, **part),
        event(2, "TransformationEvent", outputEPCList=PACKS, bizStep="commissioning", **part),
        event(3, "AggregationEvent", action="ADD", parentID=CASE, childEPCs=PACKS[:2], bizStep="packing"),
        event(4, "ObjectEvent", action="OBSERVE", epcList=[CASE], bizStep="receiving", readPoint={"id": SITE}),
        event(5, "AggregationEvent", action="DELETE", parentID=CASE, childEPCs=PACKS[:1], bizStep="unpacking"),
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("trace")
    with running_node(directory) as node:
        node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Tuna"}))
        for event in events():
            assert node.capture(document(event)).status_code == 200
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*arguments, "--node", HONEST])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_back_shows_the_balance_of_a_transformation_in_two_events(command: Command) -> None:
    code, out, err = command("trace", "back", PACKS[0])
    assert code == 0, err
    lines = [line.strip("│├└─ ") for line in out.splitlines()]
    assert lines[:2] == [f"Tuna GTIN {GTIN} serial P0", "active, held by brand, owned by brand"]
    assert "transformation (2 events)  4 in, 0 out KGM (nothing of this unit came out), 3 things out" in lines
    assert "was in SSCC 395060001343500014" in lines
    assert "from 2026-11-04 11:00 to 2026-11-04 13:00" in lines
    assert f"made from Tuna GTIN {GTIN} lot FISH" in lines


def test_forward_contents_and_show_are_the_other_directions(command: Command) -> None:
    _, out, _ = command("trace", "forward", FISH, "--json")
    assert [child["id"] for child in json.loads(out)["made_into"]] == PACKS
    _, out, _ = command("trace", "contents", CASE, "--json")
    assert [child["id"] for child in json.loads(out)["contents"]] == PACKS[:2]
    _, out, _ = command("trace", "show", PACKS[0], "--json")
    shown = json.loads(out)
    assert (len(shown["containers"]), len(shown["made_from"])) == (1, 1)


def test_as_of_a_height_and_a_time(command: Command) -> None:
    _, out, _ = command("trace", "back", PACKS[0], "--at", "5", "--json")
    then = json.loads(out)
    assert then["as_of"] == {"height": 5, "time_ms": None}
    assert then["containers"][0]["interval"]["until_ms"] is None
    _, out, _ = command("trace", "back", PACKS[0], "--at", "5")
    assert "as the ledger was at block 5" in out
    code, out, _ = command("trace", "back", PACKS[0], "--at", "2026-11-04T10:30:00Z")
    assert code == 0
    assert "what had happened by 2026-11-04 10:30" in out
    assert "was in" not in out
    code, _, err = command("trace", "back", PACKS[0], "--at", "yesterday")
    assert (code, "trace.time" in err) == (1, True)
    code, _, err = command("trace", "show", PACKS[0], "--at", "5", "--verify")
    assert (code, "trace.proof" in err) == (1, True)


def test_the_timeline_has_each_event_once_in_order(command: Command) -> None:
    code, out, _ = command("trace", "show", CASE, "--timeline")
    assert code == 0
    times = [line[:16] for line in out.splitlines() if line.startswith("2026-")]
    assert times == [f"2026-11-04 {hour}:00" for hour in (11, 12, 13)]
    assert any("SSCC 395060001343500014 and 2 more" in " ".join(line.split()) for line in out.splitlines())


def test_what_is_cut_off_names_the_command_that_shows_it(command: Command) -> None:
    _, out, _ = command("trace", "forward", FISH, "--fan-out", "2")
    text = " ".join(out.replace("│", " ").split())
    assert f"1 products: more than is shown here; tradelane trace forward {FISH}" in text
    assert "--fan-out 3" in text
    mark = Mark("limit", "contents", 3, "/v1/items/trace?id=urn%3A%5Bred%5D&direction=contents&since_ms=5")
    assert mark_text(mark) == "3 contents: more than is shown here; tradelane trace contents urn:\\[red]"
    deep = Mark("limit", "depth:made_from", 2, "/v1/items/trace?id=x&direction=back&fan_out=7")
    said = "2 sources one level deeper: more than is shown here; tradelane trace back x --fan-out 7"
    assert mark_text(deep) == said
    assert mark_text(Mark("pruned", "events", 2)) == "2 events: given up by this node"


def test_what_happened_at_a_place(command: Command, running: RunningNode) -> None:
    code, out, _ = command("trace", "at", "9506000134352")
    assert code == 0
    assert "receiving" in out
    assert "SSCC 395060001343500014" in out
    # The last moment that there can be, and what is no place.
    last_ms = (1 << 63) - 1
    assert running.json("/v1/sites/events", id=SITE, until_ms=last_ms)["entries"] != []
    assert running.json("/v1/closure", site=SITE, until_ms=last_ms)["entries"] != []
    assert running.json("/v1/sites/events", id=" ", since_ms=last_ms)["entries"] == []
    assert running.json("/v1/closure", site=" ", since_ms=last_ms)["entries"] == []
    _, out, _ = command("trace", "at", SITE, "--to", "2026-11-04T11:59:59Z")
    assert "nothing happened there in that time" in out
    _, out, _ = command("trace", "at", SITE, "--from", "2026-11-04T12:00:00Z", "--json")
    (found,) = json.loads(out)["events"]
    assert (found["named"], found["named_count"]) == ([CASE], 1)


def test_a_recall_is_simulated_opened_and_closed_over(command: Command, running: RunningNode) -> None:
    code, out, _ = command("recall", "simulate", FISH)
    assert code == 0
    text = " ".join(out.split())
    assert text.startswith("3 items and 1 lots to have back")
    assert "held by brand 3 1 6 KGM" in text
    assert "GLN 9506000134352 1 0" in text
    _, out, _ = command("recall", "simulate", FISH, "--limit", "2", "--json")
    simulated = json.loads(out)
    assert [entry["id"] for entry in simulated["entries"]] == PACKS[:2]
    _, out, _ = command("recall", "simulate", "--site", "9506000134352", "--json")
    assert [entry["id"] for entry in json.loads(out)["entries"]] == [CASE, *PACKS[:2]]
    code, _, err = command("recall", "simulate")
    assert (code, "recall.target" in err) == (1, True)
    arguments: dict[str, Any] = {"id": "r1", "targets": [["lot", FISH]], "severity": "stop", "reason": "x"}
    running.commit("brand", Operation("provenance.open_recall", arguments))
    _, out, _ = command("recall", "closure", "r1", "--json")
    assert json.loads(out)["items"] == 3
    code, _, err = command("recall", "simulate", f"{FISH}x")
    assert code == 0
    assert "the ledger knows nothing under this name" in err


def test_a_graph_says_the_same_with_strangers_texts_quoted() -> None:
    interval = {"since_ms": 1_793_700_000_000, "until_ms": None}
    case = shown_node("urn:case", relation="packed", interval=interval, custodian="a\\b")
    fish = shown_node("urn:fish", relation="claimed", status="consumed")
    marks = [
        {"reason": "limit", "what": "contents", "omitted": 7, "ask": None},
        {"reason": "cycle", "what": "contents"},
    ]
    root = shown_node('urn:"x"', product_name="Tuna\x1b[31m", containers=[case], made_from=[fish], marks=marks)
    trace = read_trace(Fields({**root, "events": [shown_event("aa")], "height": 20}, "trace"))
    assert dot_text(trace).splitlines() == [
        "digraph trace {",
        "  rankdir=LR;",
        "  node [shape=box, fontname=Helvetica];",
        '  n0 [label="Tuna?[31m\\nurn:\\"x\\"\\nactive", style=bold];',
        '  n1 [label="urn:case\\nactive, a\\\\b"];',
        '  n2 [label="urn:fish\\nconsumed"];',
        '  n0 -> n1 [label="packed\\n2026-11-03 10:00 to now", color=black];',
        '  n2 -> n0 [label="claimed", color=red];',
        '  cut0 [label="7 contents: limit", shape=plaintext, fontcolor=gray40];',
        "  n0 -> cut0 [style=dashed, color=gray40, arrowhead=none];",
        "}",
    ]


def test_two_forms_at_once_are_refused(command: Command) -> None:
    code, _, err = command("trace", "show", CASE, "--dot", "--timeline")
    assert (code, "trace.form" in err) == (1, True)
    code, out, _ = command("trace", "contents", CASE, "--dot")
    assert code == 0
    assert out.startswith("digraph trace {\n")
    assert out.count("->") == 2
