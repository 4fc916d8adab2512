"""Every numbered fault and every known bug of other systems has a test that names it.

Faults are rows 1 to 43 of the catalogue that the project was designed against, known bugs 1 to 28 are those that other
implementations of PBFT shipped; docs/faults.md lists both with the tests that name them.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shared_data import REPOSITORY

NUMBERS = {"fault": range(1, 44), "known_bug": range(1, 29)}


def marked_tests(marker: str) -> dict[int, list[str]]:
    """Return the tests that name each number, read from the source."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        module_numbers = list(numbers_of(module_marks(tree), marker))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = [*node.decorator_list, *parameter_marks(node)]
                for number in {*numbers_of(marks, marker), *module_numbers}:
                    found[number].append(f"{path.relative_to(REPOSITORY)}::{node.name}")
    return found


def module_marks(tree: ast.Module) -> list[ast.expr]:
    """Return the marks of a whole module."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets
        ):
            return statement.value.elts if isinstance(statement.value, ast.List) else [statement.value]
    return []


def parameter_marks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """Return the marks that single parameter sets of a test carry."""
    calls = [node for decorator in function.decorator_list for node in ast.walk(decorator)]
    return [node for node in calls if isinstance(node, ast.Call)]


def numbers_of(marks: list[ast.expr], marker: str) -> Iterator[int]:
    """Yield the numbers of ``pytest.mark.<marker>(1, 2)`` among decorators."""
    for mark in marks:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == marker:
            for argument in mark.args:
                assert isinstance(argument, ast.Constant), "a number stands there as it is"
                yield argument.value  # type: ignore[misc]


@pytest.mark.parametrize("marker", NUMBERS)
def test_every_number_is_named_by_a_test(marker: str) -> None:
    found = marked_tests(marker)
    assert [number for number in NUMBERS[marker] if not found[number]] == []


@pytest.mark.parametrize("marker", NUMBERS)
def test_no_test_names_a_number_that_is_not_there(marker: str) -> None:
    assert sorted(set(marked_tests(marker)) - set(NUMBERS[marker]) - {0}) == []
