"""`tradelane hold`, `balance` and `statement` against a real node."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli.main import run
from ledger.codec import Value
from ledger.transaction import Operation
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node

Command = Callable[..., tuple[int, str, str]]
PAYER = ("--from", "retailer/USD", "--to", "brand/USD")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("holds")) as node:
        issue: dict[str, Value] = {"id": b"i" * 16, "account": "retailer/USD", "amount": 100_000}
        node.commit("warehouse", Operation("settlement.issue", issue))
        yield node


@pytest.fixture
def command(running: RunningNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))

    def call(*arguments: str, by: str = "retailer") -> tuple[int, str, str]:
        monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path(by)))
        capsys.readouterr()
        code = run([*arguments, "--node", HONEST])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def placed(command: Command, amount: str, *more: str) -> str:
    code, out, err = command("hold", "place", amount, "USD", *PAYER, *more, "--json")
    assert code == 0, err
    identifier: str = json.loads(out)["hold"]
    return identifier


def balance(command: Command, account: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("balance", account, "--json")[1])
    return found


def test_holds_from_placing_to_the_statement(command: Command) -> None:
    first = placed(command, "300.00", "--reference", "=1+1")
    second = placed(command, "50.00", "--hours", "1")

    code, out, _ = command("balance", "retailer/USD")
    assert (code, out.splitlines()) == (
        0,
        [
            "650.00 USD  retailer/USD, owned by retailer",
            "available of 1000.00; 350.00 is held for others, 0.00 for it",
        ],
    )
    assert balance(command, "brand/USD")["incoming"] == "350.00"
    listed = json.loads(command("hold", "list", "brand/USD", "--json")[1])
    assert [hold["id"] for hold in listed] == [second, first], "the first to expire first"

    code, _, err = command("hold", "void", second)
    assert code == 4, err
    assert "not_credit_owner" in err
    assert command("hold", "void", second, by="brand")[0] == 0
    code, out, err = command("hold", "post", first, "--amount", "120.5")
    assert code == 0, err
    assert out.splitlines()[0] == "\u2713 paid 120.50 USD to brand/USD"
    code, _, err = command("hold", "post", first)
    assert code == 5
    assert "hold_posted" in err

    assert command("hold", "list", "retailer/USD")[1] == "nothing is held\n"
    everything = json.loads(command("hold", "list", "retailer/USD", "--all", "--json")[1])
    assert sorted(hold["status"] for hold in everything) == ["posted", "voided"]

    code, out, err = command("statement", "retailer/USD")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[2].split() == ["opening", "balance", "0.00"]
    assert [line.split()[3:5] + line.split()[-2:] for line in lines[3:5]] == [
        ["issue", "issuer/USD", "1000.00", "1000.00"],
        ["post", "brand/USD", "-120.50", "879.50"],
    ]
    assert lines[5].split() == ["closing", "balance", "879.50"]
    value = json.loads(command("statement", "retailer/USD", "--from", "2", "--json")[1])
    assert (value["opening"], [line["amount"] for line in value["entries"]]) == ("1000.00", ["-120.50"])

    assert command("pay", "1", "USD", *PAYER, "--reference", "=1+1")[0] == 0
    code, out, _ = command("statement", "retailer/USD", "--csv")
    rows = out.split("\r\n")
    assert rows[0] == "time,block,kind,with,reference,transfer,amount,balance"
    assert rows[1] == ",,opening,,,,,0.00"
    assert rows[-2:] == [",,closing,,,,,878.50", ""]
    assert ",transfer,brand/USD,'=1+1," in rows[-3], "a spreadsheet reads no formula"


def test_a_point_that_is_none_and_a_hold_that_is_not_there(command: Command) -> None:
    code, _, err = command("statement", "brand/USD", "--from", "yesterday")
    assert code == 1
    assert "is no point" in err
    assert command("statement", "brand/USD", "--from", "2026-11-01", "--to", "2026-11-02T00:00:00Z")[0] == 0
    assert command("hold", "post", "0" * 32)[0] == 3
    assert command("hold", "list", "nobody/USD")[0] == 3


def test_an_id_that_was_refused_is_refused_for_good(command: Command) -> None:
    identifier = "5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90"
    code, _, err = command("pay", "99999", "USD", *PAYER, "--id", identifier)
    assert code == 5
    assert "under a new id" in " ".join(err.split())
    code, _, err = command("pay", "1", "USD", *PAYER, "--id", identifier)
    assert code == 5
    assert "transfer_id_failed" in err


def test_a_hold_that_is_over_ends_in_a_block_of_its_own(running: RunningNode, command: Command) -> None:
    before = balance(command, "retailer/USD")
    held: dict[str, Value] = {
        "id": b"s" * 16,
        "debit": "retailer/USD",
        "credit": "brand/USD",
        "amount": 700,
        "timeout_ms": 300,
    }
    running.commit("retailer", Operation("settlement.pend", held))
    height = running.height

    assert running.run(running.node.runtime.next_block(height, 20.0))

    assert running.height == height + 1
    block = running.json("/v1/blocks/latest")
    assert (block["transactions"], block["results"]) == ([], [])
    after = balance(command, "retailer/USD")
    assert (after["balance"], after["held"]) == (before["balance"], before["held"])
    assert running.json(f"/v1/holds/{(b's' * 16).hex()}")["status"] == "expired"
    assert command("block", str(running.height))[0] == 0
    assert command("statement", "retailer/USD")[0] == 0
