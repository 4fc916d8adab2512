"""The faults and the known bugs by number, in a sentence each, and the page that lists them with their tests.

``python -m tests.support.fault_catalogue`` prints docs/faults.md from the marks of the tests.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.shared_data import REPOSITORY

FAULTS: dict[int, str] = {
    1: "A proposer shows one half of the validators one block and the other half another.",
    2: "One key votes for two blocks in one view, perhaps because it runs twice.",
    3: "The same vote comes many times.",
    4: "Votes for different blocks or views are added up.",
    5: "A certificate has the right shape and bad signatures, or one good signature many times.",
    6: "A signature stands in a certificate under another validator's index.",
    7: "A view change hides the block that its sender prepared.",
    8: "A new view is opened without a quorum behind it.",
    9: "Somebody claims a view that is never reached.",
    10: "Somebody floods us with messages of heights and views to come.",
    11: "A view's timer runs out beside the vote that decides.",
    12: "A proposer says nothing, or says everything just too late.",
    13: "A proposer makes a block that breaks a rule.",
    14: "A proposer leaves transactions out for ever.",
    15: "A peer claims blocks that it does not have, or hands over junk.",
    16: "A block comes from a peer without a certificate, or with that of another height.",
    17: "More validators lie than are tolerated, and two blocks of one height are certified.",
    18: "Everybody waits for somebody else to speak.",
    19: "A quorum is computed by a formula that holds for 3f + 1 validators alone.",
    20: "The process is killed at any moment.",
    21: "The power fails, and what was not synced is gone.",
    22: "The last record of a log is cut off.",
    23: "A bit flips, or a page is lost, in the midst of a log.",
    24: "A log file is deleted.",
    25: "The file that names the current state of a store is deleted.",
    26: "A bit flips in a table.",
    27: "The repair of the database library makes things worse.",
    28: "A table is deleted.",
    29: "The disk is full.",
    30: "A sync fails.",
    31: "A home is opened twice.",
    32: "A node is started in several processes.",
    33: "An old backup is put back.",
    34: "A disk takes a second to sync.",
    35: "The power fails between a block and its state.",
    36: "The network loses, doubles, delays and disorders messages.",
    37: "The network falls into two halves.",
    38: "A node is heard and hears nobody, or the other way round.",
    39: "A node is cut off while thousands of blocks are made.",
    40: "An old message, or one of another chain, is played back.",
    41: "One validator's message comes over another's connection, or over that of no validator.",
    42: "A peer reads slowly, or not at all, or is gone without a word.",
    43: "A peer gets another address.",
}

KNOWN_BUGS: dict[int, str] = {
    1: "A view change loses a prepared block.",
    2: "One bad certificate hides the good ones.",
    3: "View changes are weighed by what their senders say of other heights.",
    4: "A view change that is lost is not sent again.",
    5: "A timer starts too early, or fires after its time.",
    6: "A node that catches up stays in its view change.",
    7: "The voter is taken from the body of a vote and not from its signature.",
    8: "A message whose body is of another type than its envelope stops the node.",
    9: "A proposal counts as its proposer's vote, beside that vote.",
    10: "A certificate of mixed, doubled or absent votes is taken.",
    11: "Votes and locks are forgotten in a crash.",
    12: "What was agreed is taken for what was executed.",
    13: "After a restart or a view change a proposer may not propose any more.",
    14: "Collecting the past in the midst of a view change drops what is needed.",
    15: "A quorum is counted in a set that is just changing.",
    16: "The hash of a proposal leaves parts of it out.",
    17: "A block gets another hash when it is proposed again.",
    18: "A block is stored before it is decided.",
    19: "A block is decided twice, by votes and by a peer that hands it over.",
    20: "A proposal under way survives the block that a peer hands over.",
    21: "Those in a higher view do not tell those in a lower one.",
    22: "A transaction is ordered twice.",
    23: "A new view does not time the work that waits.",
    24: "Admission lets in what a proposal may not hold.",
    25: "What is kept for later has no bound.",
    26: "A certificate is checked with the validators of another height.",
    27: "A proposer proposes a block that it made before the tip moved on.",
    28: "Validators leave each other's views because they are busy.",
}

_HEAD = """# Faults

What can go wrong, by number, and the tests that make it happen: first the faults that the network and its nodes are
built to stand, then bugs that other implementations of PBFT shipped. What the right answer is stands in the tests and
in [consensus.md](consensus.md), [operations.md](operations.md) and [validators.md](validators.md). A test names its
numbers with `@pytest.mark.fault(...)` and `@pytest.mark.known_bug(...)`; this page is written by
`python -m tests.support.fault_catalogue`, and a test holds it against the marks.
"""


@cache
def marked_tests(marker: str) -> dict[int, list[str]]:
    """Return the tests that name each number, as path::function, read from the source."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        for name, numbers in _marks_of(path, marker):
            for number in numbers:
                found[number].append(f"{path.relative_to(REPOSITORY)}::{name}")
    return found


def page() -> str:
    """Return docs/faults.md."""
    parts = [_HEAD]
    for title, marker, sentences in (("Faults", "fault", FAULTS), ("Known bugs", "known_bug", KNOWN_BUGS)):
        tests = marked_tests(marker)
        parts.append(f"\n## {title}\n\n| number | what happens | tests |\n|---|---|---|\n")
        parts += [f"| {number} | {text} | {_cell(tests[number])} |\n" for number, text in sentences.items()]
    return "".join(parts)


def _cell(tests: list[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def _marks_of(path: Path, marker: str) -> Iterator[tuple[str, set[int]]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    of_module = set(_numbers_of(_module_marks(tree), marker))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            # Marks of single parameter sets stand inside the decorators.
            calls = [each for mark in node.decorator_list for each in ast.walk(mark) if isinstance(each, ast.Call)]
            yield node.name, {*_numbers_of(calls, marker), *of_module}


def _module_marks(tree: ast.Module) -> list[ast.expr]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets
        ):
            return statement.value.elts if isinstance(statement.value, ast.List) else [statement.value]
    return []


def _numbers_of(marks: list[ast.Call] | list[ast.expr], marker: str) -> Iterator[int]:
    for mark in marks:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == marker:
            for argument in mark.args:
                assert isinstance(argument, ast.Constant), "a number stands there as it is"
                assert isinstance(argument.value, int), "a number stands there as it is"
                yield argument.value


if __name__ == "__main__":
    print(page(), end="")
