"""`tradelane iso seal` and `iso pay`: a bank's message becomes a payment, and nothing personal in it goes anywhere."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from contracts import heads
from ledger.codec import decode
from ledger.transaction import Operation
from standards.iso20022.messages import read_message
from standards.iso20022.parsing import parse_message
from standards.iso20022.schema import check_schema
from standards.iso20022.transfers import StatusReport, TransactionStatus
from tests.support.iso20022 import ADDRESS, IBAN, NAME, ROOT, UETR, initiation, schemas
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.support.shared_data import shared_data

BANK, BUYER, SELLER = "warehouse", "retailer", "brand"
OTHER = UETR[:-1] + "{}"
PERSONAL = (NAME, ADDRESS, IBAN, "Calamansi", "INVOICE-77", "ORDER-26-1187", "1981-03-09", "Cebu", "BOPIPHMM")

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def schema_directory() -> str:
    return str(shared_data(f"{ROOT}/xsd"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("iso")) as node:
        for code in ("HKD", "PHP"):
            node.commit(BANK, Operation("settlement.define_currency", {"code": code, "exponent": 2}))
        owners = {"fx": BANK, "buyer": BUYER, "saved": BUYER, "seller": SELLER}
        for name in ("fx/HKD", "fx/PHP", "fx/fees", "buyer/HKD", "saved/HKD", "seller/PHP"):
            code = "HKD" if name == "fx/fees" else name[-3:]
            account: Any = {"id": name, "currency": code}
            node.commit(owners[name.partition("/")[0]], Operation("settlement.open_account", account))
        for number, (name, amount) in enumerate((("buyer/HKD", 1_000_000), ("fx/PHP", 10_000_000)), 1):
            issue: Any = {"id": bytes([number]) * 16, "account": name, "amount": amount}
            node.commit(BANK, Operation("settlement.issue", issue))
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))

    def call(signer: str, *arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path(signer)))
        asks = [] if arguments[0] == "party" or arguments[1] in {"seal", "fill"} else ["--node", HONEST]
        code = run(["--json", *arguments, *asks])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


def message(data: bytes) -> str:
    Path("message.xml").write_bytes(data)
    return "message.xml"


def quoted(command: Command, *more: str) -> tuple[str, str]:
    said = ("--from-account", "fx/HKD", "--to-account", "fx/PHP", "--maximum", "5000.00", "-o", "quote.json", *more)
    assert command(BANK, "quote", "new", "7.688592130", *said)[0] == 0
    return "--quote", "quote.json"


def status_in(file: str) -> TransactionStatus:
    found = parse_message(Path(file).read_bytes())
    assert check_schema(found, schemas()) == []
    report = read_message(found)
    assert isinstance(report, StatusReport)
    return report.statuses[0]


def code_of(outcome: tuple[int, Any, str]) -> str:
    found: str = json.loads(outcome[2])["error"]["code"]
    return found


def test_an_order_is_paid_and_nothing_personal_is_left_behind(
    schema_directory: str, command: Command, running: RunningNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = message(initiation(creditor_account=f"<Id><IBAN>{IBAN}</IBAN></Id>"))
    key = command(BANK, "party", "key")[1]["encryption_key"]
    code, sealed, err = command(BUYER, "iso", "seal", file, "--for", key, "-o", "o7")
    assert code == 0, err
    parties = ("--originator", sealed["originator"]["sealed"], "--beneficiary", sealed["beneficiary"]["sealed"])
    said = ("iso", "pay", file, *quoted(command), *parties, "--schema", schema_directory, "--report", "status.xml")
    refused = command(BUYER, *said)
    assert (refused[0], code_of(refused)) == (1, "iso.account")
    code, paid, err = command(BUYER, *said, "--to", "seller/PHP")
    assert code == 0, err
    assert (paid["uetr"], paid["payment"]["status"], paid["payment"]["purpose"]) == (UETR, "settled", "GDDS")
    assert (paid["payment"]["source_amount"], paid["payment"]["target_amount"]) == ("200000", "1537718")
    assert "end_to_end" not in paid["payment"]
    head: Any = decode(running.node.store.head(heads.payment(UETR)) or b"")
    for role in ("originator", "beneficiary"):
        assert head[role].hex() == sealed[role]["commitment"]
    read = command(BANK, "party", "unseal", "o7.originator.sealed.json", "o7.originator.key.json")[1]
    assert json.loads(read["data"]) == {
        "name": NAME,
        "street": ADDRESS,
        "town": "Hong Kong",
        "country": "HK",
        "birth_date": "1981-03-09",
        "birth_town": "Cebu",
        "birth_country": "PH",
        "birth_year": 1981,
        "account": "buyer/HKD",
        "end_to_end": "INVOICE-77",
        "remittance": [f"for {NAME}"],
    }
    for kind in ("pain.001", "pacs.008"):
        assert command(BUYER, "payment", UETR, "--as", kind, "-o", f"{kind}.xml")[0] == 0
        assert NAME not in Path(f"{kind}.xml").read_text()
        for role in ("originator", "beneficiary"):
            opened = (f"o7.{role}.sealed.json", f"o7.{role}.key.json", "-o", f"{kind}.xml")
            assert command(BANK, "iso", "fill", f"{kind}.xml", *opened)[0] == 0, "in place, one party after the other"
        full = parse_message(Path(f"{kind}.xml").read_bytes())
        assert check_schema(full, schemas()) == []
        more = Path(f"{kind}.xml").read_text().replace("</Dbtr>", "<CtryOfRes>HK</CtryOfRes></Dbtr>", 1)
        Path("more.xml").write_text(more)
        beneficiary = ("o7.beneficiary.sealed.json", "o7.beneficiary.key.json", "-o", "x.xml")
        assert code_of(command(BANK, "iso", "fill", "more.xml", *beneficiary)) == "iso.not_ours"
        names = [element.text for element in full.document.iter("{*}Nm")]
        assert [name for name in names if name != "NOTPROVIDED"] == [NAME, f"Seller {NAME}"]
    again = command(BUYER, *said, "--to", "seller/PHP")[1]
    assert again["outputs"][0]["exists"] is True, "the same message pays once"
    status = status_in("status.xml")
    assert (status.status, status.uetr, status.end_to_end) == ("ACSC", UETR, "INVOICE-77")
    assert (status.original_message, status.original_kind) == ("ORDER-26-1187", "pain.001.001.09")

    stored = b"\n".join(key + value for key, value in running.node.store._database.scan(b"", b"\xff" * 64))
    files = [each.read_bytes() for each in running.network.directory.rglob("*") if each.is_file()]
    sealed_files = [each.read_bytes() for each in Path().glob("o7.*")]
    assert b"seller/PHP" in stored, "what is on the ledger would be found"
    for personal in PERSONAL:
        assert all(personal.encode() not in data for data in (stored, *files, *sealed_files))
        assert personal not in caplog.text + err + json.dumps(paid)


def test_what_the_ledger_refuses_is_reported_with_its_reason(command: Command) -> None:
    pay = ("iso", "pay", message(initiation(uetr=f"<UETR>{OTHER.format(2)}</UETR>")), "--to", "saved/HKD")
    rich = message(initiation(uetr=f"<UETR>{OTHER.format(2)}</UETR>", amount='<InstdAmt Ccy="HKD">9999999</InstdAmt>'))
    outcome = command(BUYER, "iso", "pay", rich, "--to", "saved/HKD", "--report", "status.xml")
    assert (outcome[0], code_of(outcome)) == (5, "ledger.insufficient_funds")
    status = status_in("status.xml")
    assert (status.status, status.reason, status.uetr) == ("RJCT", "AM04", OTHER.format(2))
    assert status.details == ("The guarded debit account holds less than the amount.",)
    message(initiation(uetr=f"<UETR>{OTHER.format(2)}</UETR>"))
    code, paid, err = command(BUYER, *pay, "--with-end-to-end", "--report", "status.xml")
    assert code == 0, err
    assert (paid["payment"]["end_to_end"], paid["payment"]["target_amount"]) == ("INVOICE-77", "200000")
    assert status_in("status.xml").status == "ACSC"
    other = command(BUYER, *pay, "--report", "status.xml")
    assert (code_of(other), status_in("status.xml").reason) == ("ledger.uetr_exists", "DUPL")


def test_a_message_without_a_reference_pays_once(command: Command) -> None:
    file = message(initiation(uetr="", amount='<InstdAmt Ccy="HKD">1</InstdAmt>'))
    first, again = (command(BUYER, "iso", "pay", file, "--to", "saved/HKD")[1] for _ in range(2))
    assert first["uetr"] == again["uetr"] != UETR
    assert first["payment"]["steps"] == again["payment"]["steps"]


def test_a_payment_that_was_written_is_an_order_again(command: Command) -> None:
    file = message(initiation(uetr=f"<UETR>{OTHER.format(4)}</UETR>"))
    code, paid, err = command(BUYER, "iso", "pay", file, *quoted(command))
    assert code == 0, err
    for kind in ("pain.001", "pacs.008"):
        assert command(BUYER, "payment", paid["uetr"], "--as", kind, "-o", "again.xml")[0] == 0
        outcome = command(BUYER, "iso", "pay", "again.xml", "--quote", "quote.json")
        assert outcome[0] == 0, outcome[2]
        assert outcome[1]["outputs"][0]["exists"] is True, "it is the same payment on the same terms"


def test_only_the_data_of_a_party_is_filled_in(command: Command) -> None:
    key = command(BANK, "party", "key")[1]["encryption_key"]
    file = message(initiation())
    assert command(BUYER, "iso", "seal", file, "--for", key, "-o", "other")[0] == 0
    files = ("other.originator.sealed.json", "other.originator.key.json", "-o", "x.xml")
    assert code_of(command(BANK, "iso", "fill", file, *files)) == "iso.other_party"
    assert code_of(command(BUYER, "iso", "fill", file, *files)) == "sealed.recipient"
    Path("odd.json").write_text(json.dumps({"name": 7, "street": NAME}))
    assert command(BUYER, "party", "seal", "odd.json", "--for", key, "-o", "odd")[0] == 0
    outcome = command(BANK, "iso", "fill", file, "odd.sealed.json", "odd.key.json", "-o", "x.xml")
    assert code_of(outcome) == "party.data"
    assert NAME not in outcome[2]
    assert not Path("x.xml").exists()


WRONG: list[tuple[dict[str, str], tuple[str, ...], str]] = [
    ({"method": "CHK"}, (), "iso.method"),
    ({"count": "2"}, (), "iso.count"),
    ({"date": "2999-01-01"}, (), "iso.execution_date"),
    ({"date": "Zyx Wvut"}, (), "iso.execution_date"),
    ({"amount": ""}, (), "iso.amount"),
    ({"amount": '<InstdAmt Ccy="EUR">1</InstdAmt>'}, (), "iso.currency"),
    ({"amount": '<EqvtAmt><Amt Ccy="HKD">1</Amt><CcyOfTrf>EUR</CcyOfTrf></EqvtAmt>'}, (), "iso.currency"),
    ({"amount": '<EqvtAmt><Amt Ccy="HKD">1</Amt><CcyOfTrf>Zyx Wvut</CcyOfTrf></EqvtAmt>'}, (), "iso.currency"),
    ({"amount": '<InstdAmt Ccy="HKD">1.005</InstdAmt>'}, (), "amount.decimals"),
    ({"uetr": "<UETR>Zyx Wvut</UETR>"}, (), "iso.uetr"),
    ({"debtor_account": f"<Id><IBAN>{IBAN}</IBAN></Id>"}, (), "iso.account"),
    ({"bearer": "CRED"}, (), "iso.charge_bearer"),
    ({}, ("--number", "2"), "iso.number"),
    ({"version": "pain.001.001.03"}, (), "iso.unknown_version"),
    ({"debtor_account": "<Id><Othr><Id>Zyx Wvut</Id></Othr></Id>"}, (), "account.unknown"),
]


def test_what_cannot_be_paid_says_why(command: Command) -> None:
    quote = quoted(command, "--fee-bps", "10", "--fee-account", "fx/fees")
    for changes, more, code in WRONG:
        file = message(initiation(**{"uetr": f"<UETR>{OTHER.format(5)}</UETR>", **changes}))
        outcome = command(BUYER, "iso", "pay", file, *quote, *more)
        assert (outcome[1], code_of(outcome)) == (None, code), changes
        assert NAME not in outcome[2]
        # That an account is not open names the account, which is to be one of the ledger.
        assert "Zyx" not in outcome[2] or code == "account.unknown"


def test_a_message_of_several_or_of_another_kind(schema_directory: str, command: Command) -> None:
    second = initiation(uetr=f"<UETR>{OTHER.format(6)}</UETR>", amount='<InstdAmt Ccy="HKD">7.00</InstdAmt>').decode()
    second = "<CdtTrfTxInf>" + second.partition("<CdtTrfTxInf>")[2].partition("</CdtTrfTxInf>")[0] + "</CdtTrfTxInf>"
    file = message(initiation(count="2", control_sum="2007.00", more=second))
    assert code_of(command(BUYER, "iso", "pay", file, "--to", "saved/HKD")) == "iso.several"
    code, paid, err = command(BUYER, "iso", "pay", file, "--to", "saved/HKD", "--number", "2")
    assert code == 0, err
    assert (paid["uetr"], paid["payment"]["source_amount"]) == (OTHER.format(6), "700")
    assert command(BUYER, "payment", paid["uetr"], "--as", "pacs.002", "-o", "status.xml")[0] == 0
    assert code_of(command(BUYER, "iso", "pay", "status.xml")) == "iso.no_order"
    wrong = message(initiation().replace(b"<Nm>", b"<Name>").replace(b"</Nm>", b"</Name>"))
    assert code_of(command(BUYER, "iso", "pay", wrong, "--schema", schema_directory)) == "iso.element_content"
