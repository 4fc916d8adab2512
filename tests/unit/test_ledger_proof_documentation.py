"""The table of reasons in docs/proofs.md is the program's: none is missing or invented, each has a golden bundle."""

import ast
import json
import re
from pathlib import Path

from ledger import certificate, proof
from tests.golden.generate_proofs import FOLDER

ROOT = Path(__file__).resolve().parents[2]
# Not shown by golden bundles: a text of 64 MiB, and faults of the trust file (tests/unit/test_ledger_proof_trust.py).
_WITHOUT_GOLDEN = {"too_long", "trusted_heights", "trusted_validators"}
# An encoded certificate names its signers in a bitmap, which cannot name one twice.
_OUT_OF_REACH = {"certificate_duplicate_signer"}
_NAMED_BY_LIST = ("change", "head", "history", "subject")


def test_the_documented_reasons_are_those_of_the_golden_bundles() -> None:
    cases = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["cases"]
    golden = {case["reason"] for case in cases if case["reason"] is not None}
    assert _documented() == golden | _WITHOUT_GOLDEN


def test_the_documented_reasons_are_those_of_the_program() -> None:
    codes = set().union(*(_raised(path) for path in Path(proof.__file__).parent.glob("*.py")))
    codes |= {f"duplicate_{what}" for what in _NAMED_BY_LIST} | {f"{what}_order" for what in _NAMED_BY_LIST}
    refusals = re.findall(r'return "([a-z_]+)"', Path(certificate.__file__).read_text(encoding="utf-8"))
    codes |= {f"certificate_{refusal}" for refusal in refusals}
    assert codes - _OUT_OF_REACH == _documented()


def _documented() -> set[str]:
    text = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8").split("## The reasons")[1]
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.MULTILINE)
    assert len(rows) == len(set(rows)), "a reason stands in the table twice"
    return set(rows)


def _raised(path: Path) -> set[str]:
    """Return the codes that a file writes out: first arguments of ProofError(...) and of _decoded(...)."""
    codes = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"ProofError", "_decoded"}
        ):
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                codes.add(code.value)
    return codes
