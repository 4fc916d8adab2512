"""Attestations: a screener's signed word that a party of a payment was looked for on a list, kept outside the ledger.

Names are compared at the edge (``standards.screening``), because lists and the rules of likeness change by the day and
names do not belong on a ledger. What comes here is {terms, key, signature}, the signature over
``signed_preimage("attestation", chain_id, canonical terms)``. The terms: {version: 1, screener, list, list_version: 32
bytes, verdict: "clear"|"possible", subject: 32 bytes, expires_ms}. ``subject`` is the salted commitment to the party's
data that the payment carries, so an attestation says nothing to those who do not hold the data.

Heads: ``screening_list`` {organisation, version, as_of_ms}: the version of a list that attestations have to be made by.
"""

from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, mapping
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.standing import signs_for
from ledger.codec import Value, encode
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, signed_preimage, verify

COMMITMENT_BYTES: Final = 32
LIST_ID_BYTES_MAX: Final = 64
CLEAR: Final = "clear"
POSSIBLE: Final = "possible"
VERDICTS: Final = frozenset({CLEAR, POSSIBLE})

_PUBLISH: Final = "settlement.publish_screening_list"


@dataclass(frozen=True, slots=True)
class Attestation:
    """One as a payment brings it; ``encoded`` is what was signed."""

    screener: str
    list_id: str
    list_version: bytes
    verdict: str
    subject: bytes
    expires_ms: int
    encoded: bytes
    key: bytes
    signature: bytes


def attestation_preimage(chain_id: bytes, encoded_terms: bytes) -> bytes:
    """Return what a screener signs."""
    return signed_preimage("attestation", chain_id, encoded_terms)


def read_attestation(value: object, what: str) -> Attestation:
    """Return an attestation of the arguments, nothing proven; rejects what has another shape."""
    read = Arguments(mapping(value, what, 3))
    terms = mapping(read.required("terms"), "terms", 7)
    said = Arguments(terms)
    said.integer("version", 1, 1)
    attestation = Attestation(
        screener=said.identifier("screener", ORGANISATION_LENGTH_MAX),
        list_id=said.identifier("list", LIST_ID_BYTES_MAX),
        list_version=said.fixed("list_version", COMMITMENT_BYTES),
        verdict=said.choice("verdict", VERDICTS),
        subject=said.fixed("subject", COMMITMENT_BYTES),
        expires_ms=said.integer("expires_ms"),
        encoded=encode(terms),
        key=read.fixed("key", PUBLIC_KEY_BYTES),
        signature=read.fixed("signature", SIGNATURE_BYTES),
    )
    said.end()
    read.end()
    return attestation


def check_attestation(context: Context, attestation: Attestation) -> None:
    """Reject an attestation that does not clear its subject now.

    The first check that fails: UNKNOWN_SCREENER, ATTESTATION_SIGNATURE_WRONG, ATTESTATION_EXPIRED,
    UNKNOWN_SCREENING_LIST, ATTESTATION_LIST_OLD, ATTESTATION_NOT_CLEAR.
    """
    screener = attestation.screener
    # Who may say what a list is may say who is not on it, and by what: governance names the roles once, for both.
    if not signs_for(context.get, attestation.key, screener, _PUBLISH, context.block.time_ms):
        raise Rejected(ResultCode.UNKNOWN_SCREENER, f"{attestation.key.hex()} attests nothing for {screener} now")
    preimage = attestation_preimage(context.block.chain_id, attestation.encoded)
    if not verify(attestation.key, preimage, attestation.signature):
        raise Rejected(ResultCode.ATTESTATION_SIGNATURE_WRONG, "it is not the signature of these terms for this chain")
    if context.block.time_ms >= attestation.expires_ms:
        raise Rejected(ResultCode.ATTESTATION_EXPIRED, f"it held until {attestation.expires_ms}")
    known = context.get(heads.screening_list(attestation.list_id))
    if known is None:
        raise Rejected(ResultCode.UNKNOWN_SCREENING_LIST, f"{attestation.list_id} was not published")
    if known["version"] != attestation.list_version:
        raise Rejected(ResultCode.ATTESTATION_LIST_OLD, f"{attestation.list_id} has another version now: screen again")
    if attestation.verdict != CLEAR:
        raise Rejected(ResultCode.ATTESTATION_NOT_CLEAR, f"{screener} has to look into it before it can be paid")


def publish_screening_list(context: Context, arguments: dict[str, Value]) -> Value:
    """Say which version of a list attestations are made by from now on; a list stays with who published it first."""
    read = Arguments(arguments)
    identifier = read.identifier("list", LIST_ID_BYTES_MAX)
    version = read.fixed("version", COMMITMENT_BYTES)
    as_of_ms = read.integer("as_of_ms")
    read.end()
    key = heads.screening_list(identifier)
    known = context.get(key)
    if known is not None and known["organisation"] != context.member:
        raise Rejected(ResultCode.NOT_LIST_PUBLISHER, f"{identifier} is published by {known['organisation']!r}")
    if known is not None and cast(int, known["as_of_ms"]) >= as_of_ms:
        raise Rejected(ResultCode.SCREENING_LIST_OLDER, f"one as of {known['as_of_ms']!r} is known")
    context.put(key, {"organisation": context.member, "version": version, "as_of_ms": as_of_ms})
    return None
