"""The model of the view change: spin looks at all of its states, and finds every bug that is planted in it."""

import re
from pathlib import Path

import pytest

from tests.support.model_checker import BUGS, MODEL, WITNESSES, ModelCheckError, check, missing_tools
from tests.support.replicas import validator_set
from tests.support.repository import python_files, read

# As many as when this was written: a change of the model is looked at, and its page too.
STATES = 3_805_389

needs_spin = pytest.mark.skipif(bool(missing_tools()), reason=f"not installed: {', '.join(missing_tools())}")


@needs_spin
@pytest.mark.slow
def test_no_run_of_the_model_breaks_an_invariant() -> None:
    verdict = check()
    assert verdict.broken is None
    # Every action of the protocol is taken in some run.
    assert verdict.unreached == ()
    assert verdict.states == STATES


@needs_spin
@pytest.mark.fault(3, 7, 8)
@pytest.mark.parametrize(("bug", "broken"), BUGS.items())
def test_a_planted_bug_breaks_its_invariant(bug: str, broken: str) -> None:
    assert check(bug).broken == broken


@needs_spin
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_ends_in_a_fork(bug: str) -> None:
    assert check(bug, "AGREEMENT_ONLY").broken == "agreement"


@needs_spin
@pytest.mark.parametrize("witness", WITNESSES)
def test_what_must_be_possible_is_possible_in_the_model(witness: str) -> None:
    assert check(witness).broken == "witness"


@needs_spin
def test_a_model_that_cannot_be_checked_is_an_error_and_not_a_pass(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pml"
    broken.write_text("init { this is not a model }")
    with pytest.raises(ModelCheckError, match="spin ended with status"):
        check(model=broken)
    endless = tmp_path / "endless.pml"
    endless.write_text("int n; init { do :: n < 1000000 -> n++ od }")
    with pytest.raises(ModelCheckError, match="not complete"):
        check(model=endless)
    stuck = tmp_path / "stuck.pml"
    stuck.write_text("init { false }")
    with pytest.raises(ModelCheckError, match="not complete"):
        check(model=stuck)


def test_every_switch_of_the_model_is_tested() -> None:
    switches = set(re.findall(r"\b(?:BUG|WITNESS)_[A-Z_]+[A-Z]\b", MODEL.read_text()))
    assert switches == {*BUGS, *WITNESSES}


def test_the_model_counts_with_our_quorum_and_its_invariants_have_the_names_of_the_simulator() -> None:
    text = MODEL.read_text()
    validators = int(re.findall(r"#define VALIDATORS (\d+)", text)[0])
    assert re.findall(r"#define QUORUM_TRUE (\d+)", text) == [str(validator_set(validators).quorum)]
    declared = re.findall(r"^bool (.*) = true;$", text, re.MULTILINE)[0].split(" = true, ")
    assert declared == ["agreement", "certificate", "one_value_a_slot", "lock_shown"]
    simulator = "".join(read(path) for path in python_files("tests") if path.parts[1].startswith("sim"))
    for name in declared:
        assert f'"{name}"' in simulator


def test_the_page_tells_what_the_model_does() -> None:
    page = (MODEL.parents[1] / "docs" / "model.md").read_text(encoding="utf-8")
    bugs = re.findall(r"^\| `(BUG_\w+)` \| .* \| `(\w+)` \|$", page, re.MULTILINE)
    assert bugs == list(BUGS.items())
    assert all(f"`{witness}`" in page for witness in WITNESSES)
    assert f"all {STATES:,} states" in page
