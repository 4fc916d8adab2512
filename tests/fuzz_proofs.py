"""Fuzz the verifier: ``python -m tests.fuzz_proofs --tries 100000`` changes golden bundles.

A change that is accepted is a finding, even where it leaves every fact as it was: a bundle has one spelling. White
space and the order of fields are no changes. Other bytes of the stream that inflate to the same content are counted
by themselves: content is what a bundle says, and nothing rests on how it was compressed. Two changes are no findings
where all that is proven of the ledger stays the same: of the kind, for of an item that was never packed ``head`` and
``trace`` say the same, and both are true; and of the changes of validators, to those that lead there on another way,
or where a later trust root knows them already.

Ends with 1 where it found any, and names the seed and the try.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from ledger.proof import Facts, TrustRoot, trust_from_json, verify_bundle
from tests.golden.generate_proofs import FOLDER, facts_of
from tests.support.proof_mutations import changed_bundle, changed_text, is_same, verdict


@dataclass
class Outcome:
    """What a run came to: tries that changed anything, how many were refused, and the findings."""

    tries: int = 0
    refused: int = 0
    unchanged: int = 0
    recompressed: int = 0
    as_true: int = 0
    findings: list[str] = field(default_factory=list)


def good_cases() -> list[tuple[str, str, TrustRoot]]:
    """Return name, text and trust root of every good golden bundle."""
    cases = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["cases"]
    return [
        (
            case["file"],
            (FOLDER / case["file"]).read_text(encoding="utf-8"),
            trust_from_json((FOLDER / case["trust"]).read_text(encoding="utf-8")),
        )
        for case in cases
        if case["reason"] is None
    ]


def fuzz(tries: int, seed: int) -> Outcome:
    """Change good bundles by chance, this many times."""
    cases = good_cases()
    bundles = [json.loads(text) for _, text, _ in cases]
    outcome = Outcome()
    for number in range(tries):
        chance = random.Random(f"{seed} {number}")
        index = chance.randrange(len(cases))
        name, text, trust = cases[index]
        if chance.randrange(3) == 0:
            changed, place = changed_text(text, chance), "the text"
        else:
            bundle, place = changed_bundle(bundles[index], bundles, chance)
            changed = json.dumps(bundle)
        outcome.tries += 1
        facts = verdict(changed, trust)
        if facts is None:
            outcome.refused += 1
        elif is_same(json.loads(changed), bundles[index]):
            is_recompressed = json.loads(changed)["transactions"] != bundles[index]["transactions"]
            outcome.recompressed += is_recompressed
            outcome.unchanged += not is_recompressed
        elif is_as_true(json.loads(changed), bundles[index], facts, trust):
            outcome.as_true += 1
        else:
            outcome.findings.append(f"seed {seed}, try {number}: {name} was accepted with a change at {place}")
    return outcome


def is_as_true(changed: Any, original: Any, facts: Facts, trust: TrustRoot) -> bool:
    """Say whether a changed bundle proves the same of the ledger by what the original holds besides the change."""
    known = [json.loads(text)["validator_changes"] for _, text, _ in good_cases()]
    loose: dict[str, Any] = {"kind": ""}
    if trust.height or changed["validator_changes"] in known:
        loose["validator_changes"] = []
    claims = [facts_of(one) for one in (facts, verify_bundle(original, trust))]
    for claim in claims:
        del claim["kind"], claim["trust"]["earlier"]
    return is_same({**changed, **loose}, {**original, **loose}) and claims[0] == claims[1]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Fuzz the verifier of proof bundles.")
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    outcome = fuzz(arguments.tries, arguments.seed)
    print(
        f"{outcome.tries} tries in {time.perf_counter() - begun:.0f} s: {outcome.refused} refused, "
        f"{outcome.unchanged} changed nothing, {outcome.recompressed} compressed the same otherwise, "
        f"{outcome.as_true} say the same, {len(outcome.findings)} accepted"
    )
    for finding in outcome.findings:
        print(finding)
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
