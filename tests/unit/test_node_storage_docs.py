"""docs/operations.md says what the program says: alarms, problem codes, metrics, limits and names of files."""

import re
from pathlib import Path

from node.api.problems import KINDS
from node.config import NodeConfig
from node.metrics import Metrics
from node.storage.space import FREE_BYTES_MIN
from tests.support.shared_data import REPOSITORY

TEXT = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")


def source() -> str:
    """Return the source of the node with its string literals joined where they go on in the next line."""
    files = [path for path in (REPOSITORY / "node").rglob("*.py") if "__pycache__" not in path.parts]
    assert len(files) > 50
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in sorted(files)))


def alarms() -> list[str]:
    lines = TEXT.splitlines()
    rows = []
    for line in lines[lines.index("| it says | what it is | what to do |") + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1])
    return rows


def test_every_alarm_is_one_that_the_node_raises() -> None:
    text = source()
    phrases = [phrase for row in alarms() for phrase in re.findall(r"`([^`]+)`", row)]
    assert len(phrases) >= 13
    for phrase in phrases:
        for part in filter(None, (part.strip() for part in phrase.split("..."))):
            assert part in text, f"nothing in node/ says {part!r}"


def test_problem_codes_statuses_and_metrics_exist() -> None:
    for status, code in re.findall(r"(\d{3}) `([a-z_]+\.[a-z_]+)`", TEXT):
        assert KINDS[code].status == int(status)
    known = {family.name for family in Metrics().registry.collect()}
    named = set(re.findall(r"`(tradelane_[a-z_]+)`", TEXT))
    assert named == known


def test_limits_and_names_are_the_program_s() -> None:
    assert f"less than {FREE_BYTES_MIN >> 20} MiB are free" in TEXT
    config = NodeConfig(Path("home"), "n", "h", 1, "h", 2, (), "http://h", None, "info")
    for directory in (config.ledger_directory, config.safety_directory):
        assert f"| `{directory.name}/` |" in TEXT
    assert f"| `{config.repair_directory.name}` |" in TEXT
    assert "retain_blocks" in NodeConfig.__slots__
    text = source()
    for name in ("ledger.replaced", "ledger.fetching"):
        assert name in TEXT
        assert f'"{name}"' in text
