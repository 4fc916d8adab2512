"""Every numbered fault and every known bug of other systems has a test that names it, and docs/faults.md lists them.

Faults 1 to 43 are those of consensus, disks and the network, the known bugs 1 to 28 those that other implementations of
PBFT shipped. Faults above 43 (the API, signatures, contracts, operators) may be named, and need not be.
"""

import re

import pytest

from tests.support.fault_catalogue import FAULTS, KNOWN_BUGS, marked_tests, page
from tests.support.shared_data import REPOSITORY

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
