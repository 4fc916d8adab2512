"""`tradelane quote`, `pay --quote` and `payment` against a real node."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from standards.iso20022.layout import Money
from standards.iso20022.messages import read_message
from standards.iso20022.parsing import parse_message
from standards.iso20022.statement import Statements
from standards.iso20022.transfers import CreditTransfers
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node

BANK, BUYER, SELLER = "warehouse", "retailer", "brand"
UETR = "8a562c67-ca16-48ba-b074-65581be6f001"

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("exchange")
    with running_node(directory) as node:
        for code in ("HKD", "PHP"):
            node.commit(BANK, Operation("settlement.define_currency", {"code": code, "exponent": 2}))
        accounts = ((BANK, "fx/HKD"), (BANK, "fx/PHP"), (BANK, "fx/fees"), (BUYER, "buyer/HKD"), (SELLER, "seller/PHP"))
        for owner, name in accounts:
            code = "HKD" if name == "fx/fees" else name[-3:]
            node.commit(owner, Operation("settlement.open_account", {"id": name, "currency": code}))
        for number, (name, amount) in enumerate((("buyer/HKD", 1_000_000), ("fx/PHP", 10_000_000)), 1):
            issue: Any = {"id": bytes([number]) * 16, "account": name, "amount": amount}
            node.commit(BANK, Operation("settlement.issue", issue))
        rate: Any = {"source_currency": "HKD", "target_currency": "PHP", "rate": "7.7", "as_of_ms": 1_000}
        node.commit(BANK, Operation("settlement.set_reference_rate", rate))
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    Path("trust.json").write_text(trust_to_json(trust_from_genesis(running.node.genesis)))

    def call(signer: str, *arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path(signer)))
        asks = [] if arguments[:2] == ("quote", "show") or arguments[0] == "verify" else ["--node", HONEST]
        code = run([*arguments, *asks, "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


def new(command: Command, *more: str, file: str = "quote.json") -> Any:
    accounts = ("--from-account", "fx/HKD", "--to-account", "fx/PHP")
    code, found, err = command(
        BANK, "quote", "new", "7.688592130", *accounts, "--maximum", "5000.00", "-o", file, *more
    )
    assert code == 0, err
    return found


def pay(command: Command, amount: str = "2000.00", *more: str, file: str = "quote.json") -> tuple[int, Any, str]:
    accounts = ("--from", "buyer/HKD", "--to", "seller/PHP")
    return command(BUYER, "pay", amount, "HKD", *accounts, "--quote", file, *more)


def test_a_payment_by_a_quote_from_the_promise_to_the_proof(command: Command) -> None:
    new(command, "--fee-bps", "35", "--fee-account", "fx/fees")
    code, shown, err = command(BUYER, "quote", "show", "quote.json")
    assert (code, shown["signature_right"], shown["over"]) == (0, True, False), err

    code, paid, err = pay(command, "2000.00", "--uetr", UETR, "--reference", "PO-26-1187")
    assert code == 0, err
    assert (paid["uetr"], paid["payment"]["status"]) == (UETR, "settled")
    assert (paid["payment"]["source_amount"], paid["payment"]["target_amount"]) == ("200000", "1537718")
    assert (paid["payment"]["fee"], paid["payment"]["fee_bearer"], paid["payment"]["cost_ppm"]) == (
        "700",
        "payer",
        4964,
    )

    code, again, err = pay(command, "2000.00", "--uetr", UETR, "--reference", "PO-26-1187")
    assert code == 0, err
    assert again["payment"]["steps"] == paid["payment"]["steps"], "the same reference pays once"

    code, followed, err = command(BUYER, "payment", UETR.upper(), "--save", "proof.json")
    assert code == 0, err
    assert [step["method"] for step in followed["steps"]] == ["settlement.pay"]
    code, proven, err = command(BUYER, "verify", "proof.json", "--trust", "trust.json")
    assert code == 0, err
    assert proven

    code, balance, err = command(BUYER, "balance", "buyer/HKD", "--entries")
    assert code == 0, err
    assert balance["balance"] == "7993.00"
    assert [(entry["kind"], entry["posted"]) for entry in balance["entries"]] == [
        ("issue", "10000.00"),
        ("pay", "-2007.00"),
    ]


def test_a_quote_that_was_changed_is_shown_as_such_and_honoured_by_nobody(command: Command) -> None:
    new(command)
    document = json.loads(Path("quote.json").read_text())
    document["quote"]["terms"]["rate"] = "9"
    Path("quote.json").write_text(json.dumps(document))
    code, shown, _ = command(BUYER, "quote", "show", "quote.json")
    assert (code, shown["signature_right"]) == (0, False)
    code, _, err = pay(command)
    assert code == 5
    assert json.loads(err)["error"]["code"] == "ledger.quote_signature_wrong"


def listed(command: Command, *places: str) -> list[tuple[str, int, str]]:
    code, found, err = command(BANK, "quote", "list", *places)
    assert code == 0, err
    return [(one["file"], one["left"], one["state"]) for one in found]


def test_quotes_are_listed_with_what_is_left_of_them_and_whether_they_hold(command: Command) -> None:
    assert listed(command) == []
    made = new(command)
    Path("other.json").write_text("{}")
    Path("broken.json").write_text("{")
    assert listed(command) == [("quote.json", 500_000, "open")]
    assert pay(command)[0] == 0
    assert listed(command, "quote.json") == [("quote.json", 300_000, "open")]
    assert pay(command, "3000.00")[0] == 0
    assert listed(command, ".") == [("quote.json", 0, "used up")]
    new(command, "--minutes", "0.1", file="later.json")
    document = json.loads(Path("later.json").read_text())
    Path("elsewhere.json").write_text(json.dumps({**document, "chain_id": "00" * 32}))
    document["quote"]["terms"]["rate"] = "9"
    Path("forged.json").write_text(json.dumps(document))
    assert command(BANK, "quote", "cancel", str(made["quote"]["terms"]["nonce"] + 1))[0] == 0
    assert listed(command) == [
        ("elsewhere.json", 500_000, "of another chain"),
        ("forged.json", 500_000, "signature wrong"),
        ("later.json", 500_000, "open"),
        ("quote.json", 0, "cancelled"),
    ]
    code, _, err = command(BANK, "quote", "list", "other.json")
    assert code != 0
    assert json.loads(err)["error"]["code"] == "quote.file"


def test_a_quote_that_was_cancelled_pays_nobody(command: Command) -> None:
    made = new(command)
    nonce = made["quote"]["terms"]["nonce"]
    code, _, err = command(BANK, "quote", "cancel", str(nonce + 1))
    assert code == 0, err
    code, _, err = pay(command)
    assert code == 5
    assert json.loads(err)["error"]["code"] == "ledger.quote_cancelled"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"format": "tradelane-quote/2"}, "quote.file", id="another-version"),
        pytest.param({"chain_id": "00" * 32}, "quote.chain", id="another-chain"),
        pytest.param({"chain_id": "x"}, "quote.file", id="no-chain"),
        pytest.param({"quote": {"terms": {}}}, "quote.terms", id="no-terms"),
        pytest.param({"quote": 1.5}, "quote.file", id="a-number"),
    ],
)
def test_what_is_no_quote_for_this_chain_is_refused_before_anything_is_sent(
    command: Command, change: dict[str, Any], error: str
) -> None:
    new(command)
    document = {**json.loads(Path("quote.json").read_text()), **change}
    Path("quote.json").write_text(json.dumps(document))
    code, _, err = pay(command)
    assert (code, json.loads(err)["error"]["code"]) == (1, error)


def test_wrong_uses_are_named(command: Command) -> None:
    new(command)
    accounts = ("--from", "buyer/HKD", "--to", "seller/PHP", "--quote", "quote.json")
    for arguments, error in (
        (("pay", "5", "PHP", *accounts), "currency.differs"),
        (("pay", "5", "HKD", *accounts, "--id", "00" * 16), "transfer.id"),
        (("pay", "5", "HKD", *accounts[:-1], "absent.json"), "file.unreadable"),
        (
            ("quote", "new", "x", *("--from-account", "fx/HKD", "--to-account", "fx/PHP"), "--maximum", "1", "-o", "q"),
            "quote.terms",
        ),
        (("payment", "8a562c67-ca16-48ba-b074-65581be6ffff"), "payment.unknown"),
    ):
        code, _, err = command(BUYER, *arguments)
        assert code in (1, 3)
        assert json.loads(err)["error"]["code"] == error, err


def test_a_payment_as_messages_of_banks_with_a_proof(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    new(command, "--fee-bps", "35", "--fee-account", "fx/fees")
    uetr = UETR[:-1] + "9"
    assert pay(command, "100.00", "--uetr", uetr, "--reference", "PO-1")[0] == 0
    code, _, err = command(BUYER, "payment", uetr, "--as", "pacs.008", "-o", "message.xml")
    assert (code, err) == (0, f"saved message.xml, {Path('message.xml').stat().st_size} bytes\n")
    message = read_message(parse_message(Path("message.xml").read_bytes()))
    assert isinstance(message, CreditTransfers)
    (transfer,) = message.transfers
    assert (transfer.uetr, transfer.charge_bearer, transfer.remittance) == (uetr, "DEBT", ("PO-1",))
    assert (transfer.settlement_amount, transfer.instructed_amount, transfer.rate) == (
        *(Money("768.85", "PHP"), Money("100.00", "HKD"), "7.68859213"),
    )
    assert run(["iso", "proof", "message.xml", "-o", "bundle.json"]) == 0
    code, verified, err = command(BUYER, "verify", "bundle.json", "--trust", "trust.json")
    assert (code, verified["kind"]) == (0, "heads"), err
    checked = ("iso", "check", "message.xml", "--trust", "trust.json")
    capsys.readouterr()
    assert run([*checked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["proven_height"] is not None
    text = Path("message.xml").read_text()
    for was, becomes, element in (
        (">768.85<", ">7688.5<", "/CdtTrfTxInf/IntrBkSttlmAmt"),
        (">DEBT<", ">SHAR<", "/CdtTrfTxInf/ChrgBr"),
        ("<RmtInf>", "<UltmtCdtr><Nm>Mallory</Nm></UltmtCdtr><RmtInf>", ""),
        (">seller/PHP<", ">other/PHP<", "/CdtTrfTxInf/CdtrAcct/Id/Othr/Id"),
        (f">{UETR[:-1]}9<", f">{UETR}<", "/CdtTrfTxInf/PmtId/UETR"),
    ):
        Path("message.xml").write_text(text.replace(was, becomes, 1))
        assert run(checked) == 6
        assert capsys.readouterr().out.splitlines()[2].strip() == f"Document/FIToFICstmrCdtTrf{element}"
    Path("message.xml").write_text(text.replace("<Bundle>eyJ", "<Bundle>eyK"))
    assert run(checked) == 6
    for kind in ("pain.001", "pacs.002.001.12"):
        assert command(BUYER, "payment", uetr, "--as", kind, "--no-proof", "-o", "other.xml")[0] == 0
        assert b"Bundle" not in Path("other.xml").read_bytes()
        assert run(["iso", "check", "other.xml", "--trust", "trust.json"]) == 3
    for kind, error in (("pacs.004", "iso.nothing_returned"), ("camt.056", "iso.not_asked_back")):
        code, _, err = command(BUYER, "payment", uetr, "--as", kind)
        assert (code, json.loads(err)["error"]["code"]) == (3, error)
    for kind in ("pacs.009", "pacs.008.001.07", "x"):
        code, _, err = command(BUYER, "payment", uetr, "--as", kind)
        assert (code, json.loads(err)["error"]["code"]) == (1, "iso.unknown_message")
    code, _, err = command(BUYER, "payment", uetr, "-o", "x.xml")
    assert (code, json.loads(err)["error"]["code"]) == (1, "iso.no_message")


def test_a_statement_as_a_message_of_banks(command: Command) -> None:
    code, _, err = command(BUYER, "statement", "buyer/HKD", "--as", "camt.053", "-o", "statement.xml")
    assert code == 0, err
    message = read_message(parse_message(Path("statement.xml").read_bytes()))
    assert isinstance(message, Statements)
    (statement,) = message.statements
    assert statement.adds_up is True
    assert (statement.account.ledger_id, statement.balances[0].amount) == ("buyer/HKD", Money("0.00", "HKD"))
    assert statement.entries[0].side == "CRDT"
    assert run(["iso", "proof", "statement.xml", "-o", "bundle.json"]) == 0
    code, verified, err = command(BUYER, "verify", "bundle.json", "--trust", "trust.json")
    assert (code, verified["kind"]) == (0, "statement"), err
    code, _, err = command(BUYER, "statement", "buyer/HKD", "--as", "pacs.008")
    assert (code, json.loads(err)["error"]["code"]) == (1, "iso.unknown_message")
