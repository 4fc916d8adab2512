"""The checker of read histories finds what it is there to find: each rule broken by one history."""

from dataclasses import replace

import pytest

from tests.support.read_history import Answer, History, Read

FIRST = Read(session=1, node="a", min_height=0, height=5, state_root="r5", value=1)
SECOND = Read(session=1, node="b", min_height=5, height=6, state_root="r6", value=2)
DONE = (5, 0, "OK")
COMMITTED = Answer("w1", "a", 0, "committed", DONE)


def history(reads: tuple[Read, ...] = (FIRST, SECOND), answers: tuple[Answer, ...] = (COMMITTED,)) -> History:
    return History(list(reads), list(answers), {"w1", "w2"})


def test_a_history_as_it_should_be_breaks_no_rule() -> None:
    behind = Answer("w1", "b", 0, "unknown")
    fine = history(
        answers=(Answer("w1", "c", 0, "pending"), COMMITTED, behind, replace(COMMITTED, node="b", min_height=5))
    )
    assert fine.violations() == []
    # Who asks for nothing may be shown an older block.
    assert history(reads=(FIRST, SECOND, replace(FIRST, min_height=0))).violations() == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (history(reads=(replace(FIRST, min_height=6),)), "asked for at least 6"),
        (history(reads=(FIRST, replace(SECOND, value=0))), "went back from 1 to 0"),
        (history(reads=(SECOND, replace(FIRST, min_height=6))), "went back from block 6 to 5"),
        (history(reads=(FIRST, replace(FIRST, session=2, state_root="other"))), "has the roots"),
        (history(answers=(COMMITTED, replace(COMMITTED, outcome=(6, 0, "OK")))), "was (5, 0, 'OK')"),
        (history(answers=(COMMITTED, replace(COMMITTED, outcome=(5, 0, "EXPIRED")))), "'EXPIRED'"),
        (history(answers=(COMMITTED, Answer("w1", "b", 5, "unknown"))), "was final in block 5"),
        (history(answers=(Answer("w1", "b", 0, "failed"),)), "failed"),
        (history(reads=(replace(FIRST, value=0),)), "1 writes were committed by then"),
        (history(reads=(replace(FIRST, value=3),)), "2 were ever sent"),
    ],
)
def test_each_rule_is_found_broken(broken: History, words: str) -> None:
    (found, *_) = broken.violations()
    assert words in " ".join(broken.violations()), found
