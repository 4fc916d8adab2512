"""Write the golden proof bundles: good ones with their facts, bad ones with the one reason why each is refused.

Run ``python -m tests.golden.generate_proofs`` from the root of the repository. Keys, nonces and times are fixed, so
the files come out the same everywhere; tests/unit/test_ledger_proof_golden.py compares them with what is made here.
Every verifier, in whatever language, must agree with tests/golden/proofs/index.json about every file.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.proof import Facts, trust_to_json, verify_bundle
from tests.support.bad_bundles import bad_bundles
from tests.support.proof_chains import ProofChains, proof_chains

FOLDER = Path(__file__).parent / "proofs"


@dataclass(frozen=True, slots=True)
class Case:
    """A bundle's text, the trust root to check it with, and what must come of it: a reason, or facts."""

    name: str
    text: str
    trust: str
    time_ms_min: int
    height_min: int
    reason: str | None


def cases(chains: ProofChains) -> Iterator[Case]:
    """Yield every golden case."""
    for name, bundle in chains.good.items():
        yield Case(f"good_{name}", _text(bundle), chains.trust_of(name), 0, 0, None)
    for name in ("moved_item", "moved_absence", "moved_trust_skipping"):
        yield Case(f"good_{name}_from_later_trust", _text(chains.good[name]), "moved_later", 0, 8, None)
    # A history needs the newest block alone, so that it is proven even to who does not know the earlier validators.
    for name in ("moved_item", "moved_absence"):
        yield Case(f"good_{name}_from_late_trust", _text(chains.good[name]), "moved_late", 0, 0, None)
    yield Case("good_item_spaced", json.dumps(chains.good["item"], indent=2) + "\n", "toy", 0, 0, None)
    for bad in bad_bundles(chains):
        text = bad.bundle if isinstance(bad.bundle, str) else _text(bad.bundle)
        yield Case(f"bad_{bad.name}", text, bad.trust, bad.time_ms_min, bad.height_min, bad.reason)


def files() -> dict[str, str]:
    """Return the texts of all golden files by name."""
    with tempfile.TemporaryDirectory() as directory, proof_chains(Path(directory)) as chains:
        texts: dict[str, str] = {}
        index: list[dict[str, Any]] = []
        for case in cases(chains):
            assert f"{case.name}.json" not in texts, f"two cases are called {case.name}"
            texts[f"{case.name}.json"] = case.text
            entry: dict[str, Any] = {
                "file": f"{case.name}.json",
                "trust": f"trust_{case.trust}.json",
                "time_ms_min": case.time_ms_min,
                "height_min": case.height_min,
                "reason": case.reason,
            }
            if case.reason is None:
                entry["facts"] = facts_of(
                    verify_bundle(case.text, chains.trusts[case.trust], case.time_ms_min, case.height_min)
                )
            index.append(entry)
        texts |= {f"trust_{name}.json": trust_to_json(trust) for name, trust in chains.trusts.items()}
    texts["index.json"] = json.dumps({"cases": index}, indent=1) + "\n"
    return texts


def facts_of(facts: Facts) -> dict[str, Any]:
    """Return facts as the JSON by which verifiers are compared; bytes in hexadecimal."""
    return {
        "kind": facts.kind,
        "height": facts.height,
        "time_ms": facts.time_ms,
        "header": [
            facts.header.height,
            facts.header.time_ms,
            facts.header.block_hash.hex(),
            facts.header.signers,
            facts.header.validators,
        ],
        "transaction": (
            None
            if facts.transaction is None
            else [
                facts.transaction.height,
                facts.transaction.index,
                facts.transaction.transaction.transaction_id.hex(),
                facts.transaction.receipt.code,
            ]
        ),
        "origin": None if facts.origin is None else facts.origin.transaction_id.hex(),
        "heads": [
            {
                "key": head.key.hex(),
                "is_present": head.value is not None,
                "count": head.count,
                "is_complete": head.is_complete,
                "records": [
                    [*record.place, record.time_ms, record.transaction.transaction_id.hex(), record.operation.method]
                    for record in head.records
                ],
            }
            for head in facts.heads
        ],
        "stays": [[stay.item, stay.container, stay.since_ms, stay.until_ms] for stay in facts.stays],
        "trust": {
            "height": facts.trust.height,
            "block_hash": None if facts.trust.block_hash is None else facts.trust.block_hash.hex(),
            "time_ms": facts.trust.time_ms,
            "validators": facts.trust.validators.hash.hex(),
            "earlier": [[entry.height, entry.validators.hash.hex()] for entry in facts.trust.earlier],
        },
    }


def _text(bundle: object) -> str:
    return json.dumps(bundle, separators=(",", ":"), ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files and remove those that are no longer made."""
    FOLDER.mkdir(exist_ok=True)
    texts = files()
    for path in FOLDER.iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
