"""The trust root: what a user must already have to believe a bundle, and must not take from whoever hands it over.

It names one chain and the validators whose signatures count there. A trust file holds it as JSON.
"""

import json
from dataclasses import dataclass
from typing import Final

from ledger.errors import CodecError, ProofError, ShapeError
from ledger.genesis import Genesis
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES
from ledger.limits import VALIDATORS_MAX
from ledger.proof.json_text import bytes_of, fields_of, list_of, parse_json, text_of, to_base64url
from ledger.readable import Json
from ledger.validators import Validator, ValidatorSet

TRUST_FORMAT: Final = "tradelane-trust/1"
_TRUST_LENGTH_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A chain (``chain_id`` is the 32-byte hash of its genesis) and the validators that decide its blocks."""

    network: str
    chain_id: bytes
    validators: ValidatorSet


def trust_from_genesis(genesis: Genesis) -> TrustRoot:
    """Return the trust root of a chain that begins with this genesis."""
    return TrustRoot(genesis.network, genesis.chain_id, genesis.validators)


def trust_to_json(trust: TrustRoot) -> str:
    """Return the JSON text of a trust file."""
    document = {
        "format": TRUST_FORMAT,
        "network": trust.network,
        "chain_id": to_base64url(trust.chain_id),
        "validators": [
            {"public_key": to_base64url(member.public_key), "organisation": member.organisation}
            for member in trust.validators
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def trust_from_json(text: str) -> TrustRoot:
    """Return the trust root of a trust file's text.

    Raises
    ------
    ProofError
        The text is not a trust file that this program reads; the message names the field.

    """
    document = fields_of(
        parse_json(text, _TRUST_LENGTH_MAX), ("format", "network", "chain_id", "validators"), "the trust file"
    )
    if document["format"] != TRUST_FORMAT:
        raise ProofError("unknown_format", f"the trust file's format is not {TRUST_FORMAT!r}")
    entries = list_of(document["validators"], VALIDATORS_MAX, "validators")
    try:
        validators = ValidatorSet(_validator(entry) for entry in entries)
    except (ShapeError, CodecError) as error:
        raise ProofError("trusted_validators", f"the trust file's validators cannot stand: {error}") from error
    return TrustRoot(
        network=text_of(document["network"], "network", 64),
        chain_id=bytes_of(document["chain_id"], "chain_id", HASH_BYTES, HASH_BYTES),
        validators=validators,
    )


def _validator(value: Json) -> Validator:
    entry = fields_of(value, ("public_key", "organisation"), "a validator")
    return Validator(
        bytes_of(entry["public_key"], "public_key", PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES),
        text_of(entry["organisation"], "organisation"),
    )
