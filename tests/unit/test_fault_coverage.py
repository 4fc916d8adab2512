"""Every numbered fault and every known bug of other systems has a test that names it, and docs/faults.md lists them.

Faults 1 to 43 are those of consensus, disks and the network, the known bugs 1 to 28 those that other implementations of
PBFT shipped. Faults above 43 (the API, signatures, contracts, operators) may be named, and need not be.
"""

import re
from collections import defaultdict
from importlib import import_module

import pytest

from tests.support.fault_catalogue import FAULTS, KNOWN_BUGS, marked_tests, page
from tests.support.shared_data import REPOSITORY
from tests.support.sizes import SIZES

NUMBERS = {"fault": range(1, 44), "known_bug": range(1, 29)}
LAST = {"fault": 72, "known_bug": 28}
PAGE = (REPOSITORY / "docs" / "faults.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("marker", NUMBERS)
def test_every_number_is_named_by_a_test(marker: str) -> None:
    found = marked_tests(marker)
    assert [number for number in NUMBERS[marker] if not found[number]] == []


@pytest.mark.parametrize("marker", NUMBERS)
def test_no_test_names_a_number_that_is_not_there(marker: str) -> None:
    assert sorted(set(marked_tests(marker)) - set(range(1, LAST[marker] + 1))) == []


def rows(text: str, title: str) -> dict[str, tuple[str, set[str]]]:
    """Return the table under a title: number to the sentence and the tests."""
    section = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", section, re.MULTILINE)
    return {number: (sentence, set(re.findall("`([^`]+)`", tests))) for number, sentence, tests in found}


@pytest.mark.parametrize(("title", "sentences"), [("Faults", FAULTS), ("Known bugs", KNOWN_BUGS)])
def test_the_page_lists_every_number_with_tests_that_name_it(title: str, sentences: dict[int, str]) -> None:
    """A test that was marked since may be missing until the page is written again; none may stand there wrongly."""
    listed, marked = rows(PAGE, title), rows(page(), title)
    assert {number: row[0] for number, row in listed.items()} == {str(n): text for n, text in sentences.items()}
    assert {
        number: row[1] - marked[number][1] for number, row in listed.items() if not row[1] <= marked[number][1]
    } == {}
    assert [number for number, row in listed.items() if not row[1]] == []


def sizes_tested(marker: str) -> dict[int, set[int]]:
    """Return for each number the sizes of the validator set for which a unit test that names it runs."""
    found: dict[int, set[int]] = defaultdict(set)
    tests = {test for named in marked_tests(marker).values() for test in named if test.startswith("tests/unit/")}
    for test in tests:
        path, name = test.split("::")
        marks = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name).pytestmark
        parameters = dict(mark.args for mark in marks if mark.name == "parametrize")
        for mark in marks:
            for number in mark.args if mark.name == marker else ():
                found[number] |= set(parameters.get("count", ()))
    return found


# What the size of the set has no part in: how bytes are read and hashed, what is stored, pooled and admitted.
BUGS_WITHOUT_SIZE = {8, 16, 18, 22, 24}


def test_every_known_bug_of_the_protocol_is_tested_for_each_size_of_the_set() -> None:
    tested = sizes_tested("known_bug")
    lacking = {number: set(SIZES) - tested[number] for number in NUMBERS["known_bug"] if set(SIZES) - tested[number]}
    assert set(lacking) == BUGS_WITHOUT_SIZE


def test_every_fault_of_the_protocol_is_tested_for_each_size_of_the_set() -> None:
    """Faults 1 to 19 are those of consensus; from 20 on they are of one node's disk and of the network's links."""
    tested = sizes_tested("fault")
    assert {number: set(SIZES) - tested[number] for number in range(1, 20) if set(SIZES) - tested[number]} == {}
