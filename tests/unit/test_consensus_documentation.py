"""docs/consensus.md names every report, reason, rule and number as the program has it."""

import re
from pathlib import Path

import pytest

from consensus.authenticate import RejectionReason
from consensus.config import ConsensusConfig
from consensus.effects import ReportKind
from consensus.height import Phase
from tests.support.replicas import validator_set

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "consensus.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, str]:
    """Return the table whose heading row starts so: name to the rest of the row."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    found = re.findall(r"^\| `([a-z_-]+)`[^|]*\| (.*) \|$", table, re.MULTILINE)
    assert len(dict(found)) == len(found), "a name stands in the table twice"
    return dict(found)


def test_the_reports_are_those_of_the_program() -> None:
    assert list(rows("`ReportKind`")) == [kind.value for kind in ReportKind]


def test_the_reasons_are_those_of_the_program() -> None:
    assert list(rows("`RejectionReason`")) == [reason.value for reason in RejectionReason]


def test_the_rules_are_those_of_the_simulator() -> None:
    sources = [(ROOT / "tests" / "sim" / name).read_text("utf-8") for name in ("invariants.py", "cluster.py")]
    raised = set(re.findall(r'InvariantBrokenError\(\s*"([a-z_]+)"', "".join(sources)))
    returning = [(ROOT / "tests" / "sim" / name).read_text("utf-8") for name in ("model.py", "contracts_ledger.py")]
    raised |= set(re.findall(r'return "([a-z_]+)", f?"', "".join(returning)))
    assert set(rows("rule")) == raised


def test_the_timers_are_those_of_the_program() -> None:
    config = ConsensusConfig()
    table = rows("name")
    numbers = {name: int(row.split(" | ")[0].replace(",", "")) for name, row in table.items() if name.endswith("_ms")}
    numbers["view_timeout_ms_max"] = int(table["view_timeout_ms_max"].split(" | ")[0].replace(",", ""))
    assert numbers == {name: getattr(config, name) for name in numbers}
    assert len(numbers) == 5
    assert (config.future_messages_max, config.future_bytes_max) == (64, 8 << 20)
    assert "| 64, 8 MiB |" in PAGE


def test_every_phase_is_in_the_picture() -> None:
    picture = PAGE.split("```")[1]
    assert [phase for phase in Phase if phase.name not in picture] == []


@pytest.mark.parametrize("column", range(1, 10))
def test_the_quorums_are_those_of_the_program(column: int) -> None:
    table = [
        line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith(("| validators", "| f", "| quorum"))
    ]
    count, faults, quorum = (int(row[column]) for row in table[:3])
    validators = validator_set(count) if count <= 10 else None
    if validators is not None:
        assert (validators.faults_tolerated, validators.quorum) == (faults, quorum)
    assert (faults, quorum) == ((count - 1) // 3, (count + faults) // 2 + 1)
