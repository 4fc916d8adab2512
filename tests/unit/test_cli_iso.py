"""`tradelane iso check`: what it says of a message, for people and for programs."""

import json
from pathlib import Path

import pytest

from tests.golden.generate import FOLDER
from tests.support.command_line import CommandLine
from tests.support.iso20022 import NAME, ROOT, UETR, initiation
from tests.support.shared_data import shared_data


@pytest.fixture(scope="module")
def schemas() -> str:
    return str(shared_data(f"{ROOT}/xsd"))


@pytest.fixture
def message(tradelane: CommandLine) -> Path:
    file = tradelane.directory / "pain.xml"
    file.write_bytes(initiation())
    return file


def test_a_valid_message_is_called_valid(schemas: str, tradelane: CommandLine, message: Path) -> None:
    outcome = tradelane("iso", "check", message.name, "--schema", schemas)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "✓ pain.xml (pain.001.001.09): valid by the schema",
        "UETR                                   amount  currency  code",
        f"{UETR}  2000.00  HKD",
    ]
    assert tradelane("iso", "check", message.name).out.splitlines()[0] == (
        "✓ pain.xml (pain.001.001.09): well formed; no schema was given to check it by"
    )


def test_a_wrong_message_names_element_line_and_rule(schemas: str, tradelane: CommandLine, message: Path) -> None:
    message.write_bytes(initiation().replace(b"<Nm>", b"<Name>").replace(b"</Nm>", b"</Name>"))
    arguments = ("iso", "check", message.name, "--schema", schemas)
    outcome = tradelane(*arguments)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.splitlines()[:3] == [
        "✗ pain.xml (pain.001.001.09) is not valid",
        "line  element and rule",
        "   9  Document/CstmrCdtTrfInitn/GrpHdr/InitgPty/Name",
    ]
    value = json.loads(tradelane(*arguments, "--json").out)
    assert (value["valid"], value["by_schema"], value["message"]) == (False, True, "pain.001.001.09")
    assert [each["code"] for each in value["faults"]] == ["element_content"] * 3
    assert NAME not in json.dumps(value)


def test_notes_are_no_refusal(tradelane: CommandLine, message: Path) -> None:
    message.write_bytes(initiation(count="2"))
    outcome = tradelane("iso", "check", message.name)
    assert outcome.code == 0
    assert outcome.out.splitlines()[-4:] == [
        "notes",
        "line  element and rule",
        "   3  Document/CstmrCdtTrfInitn",
        "      NbOfTxs says 2, the message holds 1 (count)",
    ]


def test_what_stands_where_a_code_belongs_is_not_repeated(tradelane: CommandLine, message: Path) -> None:
    message.write_bytes(initiation(uetr=f"<UETR>{NAME}\x9b2J</UETR>"))
    for arguments in (("iso", "check", message.name), ("iso", "check", message.name, "--json")):
        outcome = tradelane(*arguments)
        assert outcome.code == 0
        assert NAME not in outcome.out
        assert "\x9b" not in outcome.out


def test_a_statement_that_does_not_add_up_is_noted(tradelane: CommandLine, message: Path) -> None:
    message.write_bytes((FOLDER / "iso20022_camt.053.xml").read_bytes().replace(b">125.50<", b">125.51<", 1))
    value = tradelane("iso", "check", message.name, "--json").json
    assert [(each["code"], each["element"]) for each in value["notes"]] == [
        ("statement_sum", "Document/BkToCstmrStmt/Stmt")
    ]


def test_what_cannot_be_judged_says_why(tradelane: CommandLine, message: Path) -> None:
    assert tradelane("iso", "check", "none.xml", "--json").error["code"] == "file.unreadable"
    assert tradelane("iso", "check", message.name, "--schema", "none", "--json").error["code"] == "iso.no_schemas"
    assert tradelane("iso", "check", message.name, "--schema", ".", "--json").error["code"] == "iso.no_schema"
    (tradelane.directory / "pain.001.001.09.xsd").write_text("<schema/>")
    assert tradelane("iso", "check", message.name, "--schema", ".", "--json").error["code"] == "iso.schema_broken"
    message.write_bytes(initiation(version="pain.001.001.03"))
    outcome = tradelane("iso", "check", message.name, "--json")
    assert (outcome.code, outcome.error["code"]) == (1, "iso.unknown_version")
    message.write_bytes(b"<!DOCTYPE a><a/>")
    outcome = tradelane("iso", "check", message.name)
    assert (outcome.code, outcome.err) == (1, "")
    assert "xml_doctype" in outcome.out


def test_a_message_without_a_proof_says_so(tradelane: CommandLine, message: Path) -> None:
    for broken in (b"", b"<Bundle xmlns='urn:tradelane:iso20022:ledger:1'>%</Bundle>"):
        message.write_bytes(initiation().replace(b"<Purp>", broken + b"<Purp>"))
        outcome = tradelane("--json", "iso", "proof", message.name)
        assert (outcome.code, outcome.error["code"]) == (3, "iso.no_proof")
    message.write_bytes(b"<a/>")
    assert tradelane("--json", "iso", "proof", message.name).error["code"] == "iso.no_message"
