"""`tradelane net` against a real node: from the promise to what was saved."""

import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from cli.main import run
from ledger.codec import Value
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("netting")) as node:
        issue: dict[str, Value] = {"id": b"i" * 16, "account": "retailer/USD", "amount": 20_000}
        node.commit("warehouse", Operation("settlement.issue", issue))
        yield node


@pytest.fixture
def command(running: RunningNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str, by: str = "retailer") -> tuple[int, str, str]:
        monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path(by)))
        capsys.readouterr()
        code = run([*arguments, "--node", HONEST])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_a_window_from_opening_to_what_was_saved(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = command("net", "open", "noon", "USD", "--minutes", "0.5", by="warehouse")
    assert code == 0, err
    assert out.startswith("\u2713 opened window noon of USD until ")
    there = ("--window", "noon", "--from", "retailer/USD", "--to", "brand/USD")
    code, out, err = command("net", "owe", "500.00", "USD", *there, "--reference", "PO-26-1187", "--json")
    assert code == 0, err
    first = json.loads(out)["obligation"]
    back = ("--window", "noon", "--from", "brand/USD", "--to", "retailer/USD")
    assert command("net", "owe", "350.00", "USD", *back, by="brand")[0] == 0
    assert command("net", "owe", "60.00", "USD", *there, "--id", "f" * 31 + "0")[0] == 0
    assert command("net", "settle", "noon", "USD")[0] == 5, "it is still open"
    assert "multilateral" in command("net", "list", "--status", "open")[1]
    later = time.time_ns() + 31 * 10**9
    monkeypatch.setattr("node.node.time", SimpleNamespace(**{**vars(time), "time_ns": lambda: later}))

    code, out, err = command("net", "settle", "noon", "USD")
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["\u2713", "settled", "window", "noon", "of", "USD"]
    assert ["gross", "850.00", "USD"] in lines
    assert ["net", "150.00", "USD"] in lines
    assert ["saved", "82.4", "%"] in lines
    assert [first, "retailer/USD", "brand/USD", "500.00", "settled"] in lines
    assert ["f" * 31 + "0", "retailer/USD", "brand/USD", "60.00", "no", "funds"] in lines
    value = json.loads(command("net", "show", "noon", "USD", "--json")[1])
    assert (value["status"], value["settled"], value["deferred"]) == ("settled", 2, 1)
    code, out, err = command("statement", "retailer/USD")
    assert code == 0, err
    assert [line.split()[3:] for line in out.splitlines() if " net " in line] == [
        ["net", "brand/USD", "window", "noon", "-150.00", "50.00"]
    ]

    assert command("net", "open", "evening", "USD", by="warehouse")[0] == 0
    code, out, err = command("net", "carry", "f" * 31 + "0", "--window", "evening")
    assert code == 0, err
    assert out.startswith(f"\u2713 carried {'f' * 31}0 into window evening")


def test_what_is_not_there_or_not_a_word(command: Command) -> None:
    assert command("net", "show", "midnight", "USD")[0] == 3
    code, _, err = command("net", "open", "noon", "USD", "--model", "all", by="warehouse")
    assert code == 1
    assert "multilateral, bilateral, gross" in " ".join(err.split())
    assert command("net", "list", "--status", "gone")[0] == 1
    assert command("net", "list", "--currency", "EUR")[1] == "there is no such window\n"
    assert command("net", "carry", "0" * 31 + "1", "--window", "noon")[0] == 3
