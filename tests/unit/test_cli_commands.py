"""Commands: what they print for people and for programs, where, and with which exit code they end."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.main import app, run
from cli.reference import reference
from tests.support.answering import (
    ROOT,
    answer,
    committed_answer,
    committing,
    problem,
    sent_transaction,
    status_answer,
    unreachable,
)
from tests.support.command_line import NODE, CommandLine
from tests.support.shared_data import REPOSITORY
from tradelane.keys import new_key, save_key

ACCOUNT = {
    "id": "retailer/USD",
    "owner": "retailer",
    "currency": "USD",
    "exponent": 2,
    "issuer": "warehouse",
    "guarded": True,
    "debits_posted": "125000",
    "credits_posted": "5000000",
    "debits_pending": "0",
    "credits_pending": "0",
    "status": "open",
    "height": 9,
}


@pytest.fixture
def key(tmp_path: Path) -> str:
    save_key(tmp_path / "key.json", new_key())
    return str(tmp_path / "key.json")


def test_status_shows_every_node(tradelane: CommandLine) -> None:
    tradelane.answers({"one GET /v1/status": answer(status_answer()), "two GET /v1/status": unreachable})
    outcome = tradelane("status", "--node", "http://one:1", "--node", "http://two:2")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.splitlines() == [
        "node    API    height  state root     peers  pending  state",
        "node-1  one:1       7  abababababab…    1/1        0  ready",
        "?       two:2                                         no answer",
    ]


def test_status_says_who_only_observes(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/status": answer({**status_answer(), "is_validator": False})})
    assert tradelane("status").out.splitlines()[1].endswith("  ready, observes")


def test_status_as_json_has_everything(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/status": answer(status_answer())})
    for arguments in (["--json", "status"], ["status", "--json"]):
        [node] = tradelane(*arguments).json
        assert node["api"] == NODE
        assert node["state_root"] == ROOT
        assert node["is_reachable"] is True


def test_status_without_any_node_ends_with_8(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/status": unreachable})
    outcome = tradelane("status")
    assert outcome.code == 8
    assert "tradelane up" in outcome.err


@pytest.mark.parametrize(
    ("status", "code"), [(400, 1), (401, 4), (403, 4), (404, 3), (409, 5), (422, 1), (429, 8), (503, 8)]
)
def test_what_the_node_says_decides_the_exit_code(tradelane: CommandLine, status: int, code: int) -> None:
    tradelane.answers({"GET /v1/items/trace": problem(status, "some.code", "what and why", hint="what to do")})
    outcome = tradelane("trace", "show", "urn:x")
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.splitlines() == ["error: what and why (some.code)", "try:   what to do"]


def test_an_error_as_json_is_on_stderr(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/items/trace": problem(404, "item.unknown", "not there [bold]", hint="look again")})
    outcome = tradelane("trace", "show", "urn:x", "--json")
    assert outcome.out == ""
    assert outcome.error == {
        "code": "item.unknown",
        "detail": "not there [bold]",
        "hint": "look again",
        "exit_code": 3,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["statu"],
        ["pay"],
        ["pay", "1", "USD"],
        ["status", "--nod", "x"],
        ["trace", "back", "x", "--depth", "21"],
        ["block", "-1"],
    ],
)
def test_a_wrong_command_line_ends_with_2(tradelane: CommandLine, arguments: list[str]) -> None:
    outcome = tradelane(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Error: " in outcome.err


def test_a_typing_error_gets_a_suggestion(tradelane: CommandLine) -> None:
    assert "Did you mean 'status'?" in tradelane("statu").err
    assert "Did you mean 'accept'?" in tradelane("custody", "acept").err


def test_pay_sends_minor_units_and_says_what_is_left(tradelane: CommandLine, key: str) -> None:
    tradelane.answers({"GET /v1/accounts/retailer/USD": answer(ACCOUNT), "POST /v1/transactions": committing()})
    identifier = "5f0c3a1e9b7d4c2f8a6e0d1b3c5a7f90"
    outcome = tradelane(
        *("pay", "1250.00", "USD", "--from", "retailer/USD", "--to", "brand/USD", "--key", key),
        *("--reference", "PO-26-1187", "--id", identifier),
    )
    assert outcome.code == 0
    [operation] = sent_transaction(tradelane.node.requests[1]).operations
    assert operation.method == "settlement.transfer"
    assert operation.arguments == {
        "id": bytes.fromhex(identifier),
        "debit": "retailer/USD",
        "credit": "brand/USD",
        "amount": 125_000,
        "currency": "USD",
        "reference": "PO-26-1187",
    }
    assert "paid 1250.00 USD to brand/USD" in outcome.out
    assert "retailer/USD now holds 48750.00 USD" in outcome.out


@pytest.mark.parametrize("amount", ["1,250", "1250.001", "-5x", "1e3"])
def test_an_amount_that_is_none_sends_nothing(tradelane: CommandLine, key: str, amount: str) -> None:
    tradelane.answers({"GET /v1/accounts/retailer/USD": answer(ACCOUNT)})
    outcome = tradelane("pay", amount, "USD", "--from", "retailer/USD", "--to", "brand/USD", "--key", key)
    assert outcome.code == (2 if amount.startswith("-") else 1)
    assert "POST /v1/transactions" not in tradelane.node.asked


def test_pay_in_another_currency_is_refused(tradelane: CommandLine, key: str) -> None:
    tradelane.answers({"GET /v1/accounts/retailer/USD": answer(ACCOUNT)})
    outcome = tradelane("pay", "5", "EUR", "--from", "retailer/USD", "--to", "brand/EUR", "--key", key)
    assert outcome.code == 1
    assert "is in USD, not in EUR" in outcome.err


def test_a_refusal_of_the_ledger_says_which_and_what_next(tradelane: CommandLine, key: str) -> None:
    refused = committing(code=322, result="INSUFFICIENT_FUNDS", meaning="It holds less.", is_transient=True)
    tradelane.answers({"GET /v1/accounts/retailer/USD": answer(ACCOUNT), "POST /v1/transactions": refused})
    outcome = tradelane("--json", "pay", "5", "USD", "--from", "retailer/USD", "--to", "brand/USD", "--key", key)
    assert outcome.code == 5
    assert outcome.error["code"] == "ledger.insufficient_funds"
    identifier = sent_transaction(tradelane.node.requests[-1]).transaction_id.hex()
    assert f"tradelane tx show {identifier}" in outcome.error["hint"]


def test_nothing_is_signed_without_a_key(tradelane: CommandLine) -> None:
    outcome = tradelane("custody", "accept", "offer-1")
    assert outcome.code == 1
    assert "--as or --key" in outcome.err
    assert tradelane("custody", "accept", "offer-1", "--key", "absent.json").code == 3
    assert tradelane("custody", "accept", "offer-1", "--as", "carrier").code == 3


def test_an_offer_and_its_acceptance(tradelane: CommandLine, key: str) -> None:
    tradelane.answers({"POST /v1/transactions": committing(outputs=[{"moved": 2, "left": [], "left_count": 0}])})
    offered = tradelane("custody", "offer", "urn:a", "urn:b", "--to", "carrier", "--key", key, "--json")
    made = sent_transaction(tradelane.node.requests[-1]).operations[0].arguments
    assert (made["to"], made["kind"], made["items"]) == ("carrier", "custody", ["urn:a", "urn:b"])
    assert offered.json["offer"] == made["id"]
    accepted = tradelane("custody", "accept", str(made["id"]), "--short", "urn:b", "--key", key)
    assert accepted.code == 0
    assert sent_transaction(tradelane.node.requests[-1]).operations[0].arguments == {
        "id": made["id"],
        "discrepancies": [["urn:b", "short", "did not arrive"]],
    }


def test_capture_reports_the_rules_that_were_broken(tradelane: CommandLine, key: str) -> None:
    broken = {"violations": [["https://id.gs1.org/00/395211020000004175", "not_custodian"]], "violations_count": 1}
    none = answer({"entries": [], "next_cursor": None})
    tradelane.answers({"POST /v1/transactions": committing(outputs=[None, broken]), "GET /v1/captures": none})
    outcome = tradelane("epcis", "import", str(REPOSITORY / "examples" / "retail-sale.json"), "--key", key)
    assert outcome.code == 0
    assert "captured 1 event" in outcome.out
    assert "SSCC 395211020000004175" in outcome.out
    assert "not_custodian" in outcome.out
    assert "marked" in outcome.err


QUERY_PAGE = {
    "epcisBody": {
        "queryResults": {
            "resultsBody": {
                "eventList": [
                    {
                        "type": "ObjectEvent",
                        "action": "OBSERVE",
                        "eventTime": "2026-11-04T09:20:00Z",
                        "bizStep": "shipping",
                        "bizLocation": {"id": "urn:place:[7]"},
                        "eventID": "urn:e:1",
                    }
                ]
            }
        }
    }
}


def test_a_query_shows_events_and_says_what_is_still_to_come(tradelane: CommandLine) -> None:
    empty: dict[str, Any] = {"epcisBody": {"queryResults": {"resultsBody": {"eventList": []}}}}
    asked: list[str] = []

    def events(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        if "nextPageToken" not in asked[-1]:
            link = '</epcis/events?EQ_bizStep=shipping&nextPageToken=abc>; rel="next"'
            return httpx.Response(200, json=empty, headers={"link": link})
        link = '</epcis/events?nextPageToken=def>; rel="next"'
        headers = {"link": link, "tradelane-partial-documents": "ab" * 32 + ";captured=2;parts=5"}
        return httpx.Response(200, json=QUERY_PAGE, headers=headers)

    tradelane.answers({"GET /epcis/events": events})
    outcome = tradelane("epcis", "query", "EQ_bizStep=shipping", "--limit", "5")
    assert outcome.code == 0, outcome.err
    assert asked == ["perPage=5&EQ_bizStep=shipping", "perPage=5&EQ_bizStep=shipping&nextPageToken=abc"]
    for words in ("Object OBSERVE", "shipping", "urn:place:[7]", "urn:e:1"):
        assert words in outcome.out
    assert "2 of 5 parts are there" in outcome.err
    assert "nextPageToken=def" in outcome.err
    assert tradelane("epcis", "query", "--json").json == QUERY_PAGE
    assert tradelane("epcis", "query", "-o", "found.json").out == ""
    assert json.loads(Path("found.json").read_text()) == QUERY_PAGE


def test_a_query_that_finds_nothing_says_so_and_a_wrong_one_what_is_wrong(tradelane: CommandLine) -> None:
    empty: dict[str, Any] = {"epcisBody": {"queryResults": {"resultsBody": {"eventList": []}}}}
    tradelane.answers({"GET /epcis/events": answer(empty)})
    assert tradelane("epcis", "query").out == "no event matches\n"
    for wrong, words in ((["shipping"], "no NAME=VALUE"), (["a=1", "a=2"], "stands twice")):
        outcome = tradelane("epcis", "query", *wrong)
        assert outcome.code == 1
        assert words in outcome.err


def test_a_document_with_a_fault_names_path_and_rule(tradelane: CommandLine, key: str) -> None:
    document = json.loads((REPOSITORY / "examples" / "retail-sale.json").read_text())
    document["epcisBody"]["eventList"][0]["action"] = "SEE"
    Path("bad.json").write_text(json.dumps(document))
    outcome = tradelane("epcis", "import", "bad.json", "--key", key)
    assert outcome.code == 1
    assert "$.epcisBody.eventList[0].action" in outcome.err
    assert tradelane("epcis", "import", "absent.json", "--key", key).code == 1


def test_a_transaction_that_is_not_final_ends_with_7(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/transactions/ab": answer({"id": "ab", "state": "pending"})})
    outcome = tradelane("tx", "wait", "ab", "--timeout", "0", "--json")
    assert outcome.code == 7
    assert outcome.error["code"] == "transaction.not_final"


def test_a_failed_transaction_is_shown_without_failing(tradelane: CommandLine) -> None:
    failed = committed_answer("ab", code=215, result="NOT_CUSTODIAN", meaning="Who holds it says so.")
    tradelane.answers({"GET /v1/transactions/ab": answer(failed)})
    outcome = tradelane("tx", "show", "ab")
    assert outcome.code == 0
    assert "NOT_CUSTODIAN Who holds it says so." in outcome.out


def test_balance_with_entries(tradelane: CommandLine) -> None:
    entry = {
        "number": 1,
        "height": 8,
        "time_ms": 1_795_000_000_000,
        "transaction": "ab" * 32,
        "operation": 0,
        "transfer": "cd" * 16,
        "kind": "transfer",
        "side": "debit",
        "counterparty": "brand/USD",
        "amount": "125000",
        "posted": "-125000",
        "pending": "0",
        "currency": "USD",
        "reference": "PO [1]",
        "uetr": None,
    }
    tradelane.answers(
        {
            "GET /v1/accounts/retailer/USD": answer(ACCOUNT),
            "GET /v1/accounts/retailer/USD/entries": answer({"entries": [entry], "next_cursor": None}),
        }
    )
    outcome = tradelane("balance", "retailer/USD", "--entries")
    assert outcome.out.splitlines() == [
        "48750.00 USD  retailer/USD, owned by retailer",
        "time                  block  kind        posted  pending  with       reference",
        "2026-11-18 11:06:40Z      8  transfer  -1250.00           brand/USD  PO [1]",
    ]
    value = tradelane("balance", "retailer/USD", "--entries", "--json").json
    assert value["balance"] == "48750.00"
    assert value["entries"][0]["posted"] == "-1250.00"


def test_block_as_text_and_json(tradelane: CommandLine) -> None:
    block = {
        "height": 3,
        "hash": "aa" * 32,
        "time_ms": 1_795_000_000_000,
        "proposer": "bb" * 32,
        "state_root": "cc" * 32,
        "transactions": ["dd" * 32],
        "results": ["OK"],
        "certificate": {"view": 0, "signers": [0, 1, 2]},
    }
    tradelane.answers({"GET /v1/blocks/3": answer(block), "GET /v1/blocks/latest": answer(block)})
    assert "dd" * 32 in tradelane("block", "3").out
    assert tradelane("block", "--json").json == block


def test_a_label_goes_to_a_file(tradelane: CommandLine) -> None:
    tradelane.answers({"GET /v1/label": lambda request: httpx.Response(200, content=b"<svg/>")})
    outcome = tradelane("label", "urn:x", "-o", "label.svg")
    assert (outcome.code, outcome.out) == (0, "")
    assert Path("label.svg").read_bytes() == b"<svg/>"


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_event_is_exported_to_a_file_or_stdout(tradelane: CommandLine, form: str) -> None:
    accepted = []

    def answer(request: httpx.Request) -> httpx.Response:
        accepted.append((request.url.raw_path, request.headers["accept"]))
        return httpx.Response(200, content=b"<ObjectEvent/>")

    tradelane.answers({"GET /epcis/events/urn:a/b": answer})
    assert tradelane("epcis", "export", "urn:a/b", "--format", form).out == "<ObjectEvent/>"
    outcome = tradelane("epcis", "export", "urn:a/b", "--format", form, "-o", "event")
    assert (outcome.code, outcome.out, Path("event").read_bytes()) == (0, "", b"<ObjectEvent/>")
    assert tradelane("epcis", "export", "urn:a/b", "--format", form, "-o", "none/event").code == 1
    assert accepted == [(b"/epcis/events/urn%3Aa%2Fb", f"application/{form}")] * 3


def test_keys_are_made_shown_and_never_overwritten(tradelane: CommandLine) -> None:
    made = tradelane("keys", "new", "carrier.json", "--json")
    secret = json.loads(Path("carrier.json").read_text())["secret"]
    shown = tradelane("keys", "show", "carrier.json", "--json")
    assert made.json["public_key"] == shown.json["public_key"]
    assert secret not in made.out + made.err + shown.out + shown.err
    assert tradelane("keys", "new", "carrier.json").code == 5


def test_an_encrypted_key_opens_with_the_passphrase_of_the_environment(
    tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tradelane.answers({"POST /v1/transactions": committing()})
    monkeypatch.setenv("TRADELANE_PASSPHRASE", "correct horse")
    assert tradelane("keys", "new", "k.json", "--encrypt").code == 0
    assert tradelane("custody", "cancel", "offer-1", "--key", "k.json").code == 0
    monkeypatch.setenv("TRADELANE_PASSPHRASE", "wrong horse")
    assert tradelane("custody", "cancel", "offer-1", "--key", "k.json").code == 4


def test_the_environment_names_node_and_key(tradelane: CommandLine, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADELANE_NODE", "http://one:1, http://two:2")
    monkeypatch.setenv("TRADELANE_KEY", key)
    tradelane.answers({"one POST /v1/transactions": unreachable, "two POST /v1/transactions": committing()})
    assert tradelane("custody", "cancel", "offer-1").code == 0
    assert [request.url.host for request in tradelane.node.requests] == ["one", "two"]


def test_an_interrupted_command_ends_with_130(tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("unreachable")

    tradelane.answers({"GET /v1/blocks/latest": interrupted})
    outcome = tradelane("block")
    assert outcome.code == 130
    assert outcome.err == "interrupted\n"


def every_command() -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = [()]
    paths += [(str(command.name),) for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        paths.append((str(group.name),))
        paths += [(str(group.name), str(command.name)) for command in group.typer_instance.registered_commands]
    return paths


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_help_has_examples_and_fits(tradelane: CommandLine, path: tuple[str, ...]) -> None:
    outcome = tradelane(*path, "--help")
    assert outcome.code == 0
    assert "Examples:" in outcome.out
    assert f"tradelane {' '.join(path)}".strip() in outcome.out.split("Examples:")[1]
    assert max(map(len, outcome.out.splitlines())) <= 82


def test_the_reference_is_what_help_prints() -> None:
    written = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "write it again: python -m cli.reference > docs/cli.md"


@pytest.mark.parametrize("arguments", [["--version"], ["-h"]])
def test_asking_about_the_program_needs_no_node(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    assert "tradelane" in capsys.readouterr().out
