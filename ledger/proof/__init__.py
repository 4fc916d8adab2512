"""Proof bundles: one file that shows, without a network, that an answer is authentic, complete and how recent it is.

The verifier gets the bundle and a trust root that its user already has, and answers with the facts that are proven or
with the one named reason why not (docs/proofs.md has the format and every reason).

=========== ====================================================================
trust       whom the user trusts: a chain and its validators
bundle      the shape gate: a JSON text to a typed bundle
parts       what a typed bundle is made of
verify      the checks, in numbered steps
finality    step 3: who was validator when, and did a quorum sign
containers  what an item was packed in, read from its records
subject     step 8: the bundle shows its subject, and nothing besides
explanation the steps in words for people
facts       what a bundle proves
json_text   strict JSON and base64url, shared by bundles and trust files
stream      the transactions of a bundle, inflated under a limit
=========== ====================================================================
"""

from ledger.errors import ProofError
from ledger.proof.bundle import BUNDLE_FORMAT, BUNDLE_LENGTH_MAX, RECORDS_MAX
from ledger.proof.containers import Act, stays_of
from ledger.proof.facts import Facts, ProvenHead, ProvenHeader, ProvenTransaction, Record, Stay, Step
from ledger.proof.json_text import to_base64url
from ledger.proof.stream import TRANSACTIONS_BYTES_MAX
from ledger.proof.trust import (
    TRUST_FORMAT,
    TrustRoot,
    ValidatorsFrom,
    trust_from_genesis,
    trust_from_json,
    trust_to_json,
    validators_json,
)
from ledger.proof.verify import verify_bundle

__all__ = [
    "BUNDLE_FORMAT",
    "BUNDLE_LENGTH_MAX",
    "RECORDS_MAX",
    "TRANSACTIONS_BYTES_MAX",
    "TRUST_FORMAT",
    "Act",
    "Facts",
    "ProofError",
    "ProvenHead",
    "ProvenHeader",
    "ProvenTransaction",
    "Record",
    "Stay",
    "Step",
    "TrustRoot",
    "ValidatorsFrom",
    "stays_of",
    "to_base64url",
    "trust_from_genesis",
    "trust_from_json",
    "trust_to_json",
    "validators_json",
    "verify_bundle",
]
