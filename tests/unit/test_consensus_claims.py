"""docs/consensus.md names a test for each claim; each of them is there, under this very name."""

import ast
import re

from tests.support.shared_data import REPOSITORY

PAGE = (REPOSITORY / "docs" / "consensus.md").read_text(encoding="utf-8")
TABLE = PAGE.split("\n| claim | tests |\n|---|---|\n", 1)[1].split("\n\n", 1)[0].splitlines()


def named(row: str) -> list[tuple[str, str]]:
    """Return (path, function) of the tests of a row."""
    return re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", row.rsplit(" | ", 1)[1])


def test_every_claim_names_tests_and_nothing_else() -> None:
    assert len(TABLE) > 20
    for row in TABLE:
        assert re.fullmatch(r"\| .+ \| `[^`]+`(, `[^`]+`)* \|", row), row
        assert len(named(row)) == row.rsplit(" | ", 1)[1].count("::"), row


def test_every_test_that_is_named_is_there() -> None:
    wanted = {place for row in TABLE for place in named(row)}
    missing = []
    for path in sorted({path for path, _ in wanted}):
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        missing += [(path, name) for each, name in sorted(wanted) if each == path and name not in functions]
    assert missing == []


def test_no_claim_stands_there_twice() -> None:
    claims = [row.rsplit(" | ", 1)[0] for row in TABLE]
    assert len(set(claims)) == len(claims)
