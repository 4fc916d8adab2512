"""No change to a good bundle is accepted: drawn by Hypothesis, and by the fuzzer (tests/fuzz_proofs.py)."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz_proofs import fuzz, good_cases, is_as_true
from tests.support.proof_mutations import changed_bundle, changed_text, is_same, verdict

# Those that are checked from genesis on, where nothing in a bundle goes without a check.
CASES = [(name, text, trust) for name, text, trust in good_cases() if trust.height == 0]
BUNDLES: list[Any] = [json.loads(text) for _, text, _ in CASES]


@settings(max_examples=300, deadline=None)
@given(index=st.integers(0, len(CASES) - 1), seed=st.integers(0, 1 << 64))
def test_a_changed_bundle_is_refused(index: int, seed: int) -> None:
    bundle, place = changed_bundle(BUNDLES[index], BUNDLES, random.Random(seed))
    name, _, trust = CASES[index]
    facts = verdict(bundle, trust)
    if facts is not None:
        assert is_as_true(bundle, BUNDLES[index], facts, trust), f"{name} was accepted with a change at {place}"


@settings(max_examples=300, deadline=None)
@given(index=st.integers(0, len(CASES) - 1), seed=st.integers(0, 1 << 64))
def test_a_changed_text_is_refused(index: int, seed: int) -> None:
    name, text, trust = CASES[index]
    changed = changed_text(text, random.Random(seed))
    if verdict(changed, trust) is not None:
        assert is_same(json.loads(changed), BUNDLES[index]), f"{name} was accepted with a change in the text"


def test_the_fuzzer_finds_nothing() -> None:
    outcome = fuzz(1_000, seed=7)
    assert outcome.findings == []
    assert outcome.refused > 900


@pytest.mark.soak
def test_the_fuzzer_finds_nothing_in_a_hundred_thousand_tries() -> None:
    outcome = fuzz(100_000, seed=1)
    assert outcome.findings == []
    assert outcome.refused > 90_000


def test_the_fuzzer_finds_what_a_careless_verifier_lets_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.proof.verify._check_head", lambda root, head: None)
    assert fuzz(400, seed=3).findings != []
