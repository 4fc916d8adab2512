"""The golden messages: what the program writes, valid by the schemas, and what the page says of them."""

import json

import pytest

from standards.iso20022.messages import read_message
from standards.iso20022.parsing import parse_message
from standards.iso20022.schema import check_schema
from standards.iso20022.usage import check_usage
from tests.golden.generate import FOLDER
from tests.golden.iso20022_messages import texts
from tests.support.iso20022 import ROOT, schemas
from tests.support.shared_data import REPOSITORY, shared_data
from tradelane import BadRequestError
from tradelane.bank_codes import REASONS, STATUSES, outcome_of, reason_of

NAMES = sorted(texts())


def code_set(name: str) -> set[str]:
    return set(json.loads(shared_data(f"{ROOT}/external_code_sets/external_{name}_code.json").read_bytes())["codes"])


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_is_written_and_valid(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    assert data.decode() == texts()[name]
    message = parse_message(data)
    assert check_schema(message, schemas()) == []
    assert check_usage(message, read_message(message)) == []


def test_no_file_is_left_over() -> None:
    assert sorted(file.name for file in FOLDER.glob("iso20022_*.xml")) == NAMES


def test_every_code_is_in_its_set() -> None:
    outcomes = [outcome_of(status, released, 10) for status in STATUSES for released in (0, 5, 10)]
    assert {outcome.status for outcome in outcomes} <= code_set("payment_transaction_status")
    reasons = {outcome.reason for outcome in outcomes if outcome.reason} | set(REASONS.values())
    assert reasons <= code_set("status_reason")
    assert {outcome.return_reason for outcome in outcomes} <= code_set("return_reason")
    assert "CUST" in code_set("cancellation_reason")
    assert "NARR" in code_set("payment_cancellation_rejection")


def test_the_page_has_every_status() -> None:
    text = (REPOSITORY / "docs" / "iso20022.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    table = {row[0]: row[1:] for row in rows if len(row) == 3}
    for status in STATUSES:
        outcome = outcome_of(status, 0, 10)
        said = " ".join(filter(None, (outcome.reason, outcome.text if status != "expired" else None)))
        name = f"{status}, nothing released" if status == "resolved" else status
        code, reason = table[name]
        assert (code, reason) == (outcome.status, "NARR" if status == "disputed" else said.replace("NARR ", "NARR: "))
    assert outcome_of("held", 0, 10, is_reviewed=True).status == table["held for a review"][0]
    assert outcome_of("resolved", 10, 10).status == table["resolved, all of it released"][0]
    assert outcome_of("expired", 5, 10).status == table["over, and a part released before"][0]


def test_a_status_of_a_later_version_is_refused() -> None:
    with pytest.raises(BadRequestError):
        outcome_of("floating", 0, 10)


def test_a_result_code_has_a_reason() -> None:
    assert reason_of("INSUFFICIENT_FUNDS") == ("AM04", "The guarded debit account holds less than the amount.")
    assert reason_of("NOT_A_PARTY")[0] == "NARR"
    assert reason_of("OF_A_LATER_VERSION") == ("NARR", "OF_A_LATER_VERSION")
