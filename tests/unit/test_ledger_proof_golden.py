"""Golden bundles: the files are what the generator makes, and the verifier says of each what the index says."""

import json
from typing import Any

import pytest

from ledger.proof import ProofError, trust_from_json, verify_bundle
from tests.golden.generate_proofs import FOLDER, facts_of, files

CASES: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["cases"]


def test_the_files_are_what_the_generator_makes() -> None:
    expected = files()
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(found) == sorted(expected)
    for name, text in expected.items():
        assert found[name] == text, f"{name} is old; run python -m tests.golden.generate_proofs"


def test_there_are_enough_bad_bundles() -> None:
    reasons = [case["reason"] for case in CASES if case["reason"] is not None]
    assert len(reasons) >= 230
    assert len(set(reasons)) >= 70


@pytest.mark.parametrize("case", CASES, ids=[case["file"].removesuffix(".json") for case in CASES])
def test_a_golden_bundle(case: dict[str, Any]) -> None:
    text = (FOLDER / case["file"]).read_text(encoding="utf-8")
    trust = trust_from_json((FOLDER / case["trust"]).read_text(encoding="utf-8"))
    if case["reason"] is None:
        assert facts_of(verify_bundle(text, trust, case["time_ms_min"], case["height_min"])) == case["facts"]
        return
    with pytest.raises(ProofError) as caught:
        verify_bundle(text, trust, case["time_ms_min"], case["height_min"])
    assert caught.value.code == case["reason"]
