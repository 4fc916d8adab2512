"""The trust root: what a user must already have to believe a bundle, and must not take from whoever hands it over.

It names one chain and the validators whose signatures count there: from its first block on, or from the block after a
later one that the user has come to trust. A trust file holds it as JSON.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger.errors import CodecError, ProofError, ShapeError
from ledger.genesis import Genesis
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES
from ledger.limits import VALIDATORS_MAX
from ledger.proof.json_text import bytes_of, fields_of, integer_of, list_of, parse_json, text_of, to_base64url
from ledger.readable import Json
from ledger.validators import Validator, ValidatorSet

TRUST_FORMAT: Final = "tradelane-trust/1"
CHANGES_MAX: Final = 1_000
"""How many changes of the validators a bundle or a trust file may hold."""

_TRUST_LENGTH_MAX: Final = 16 * 1024 * 1024
_FIELDS: Final = ("format", "network", "chain_id", "validators")
_LATER_FIELDS: Final = ("height", "block_hash", "time_ms", "earlier")


@dataclass(frozen=True, slots=True)
class ValidatorsFrom:
    """Validators that are in force from the block after ``height`` on, until others are."""

    height: int
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A chain (``chain_id`` is the 32-byte hash of its genesis) and the validators that decide its blocks.

    ``validators`` are in force from the block after ``height`` on; 0 is genesis. ``block_hash`` and ``time_ms`` (UTC)
    are those of the block at ``height``, None where they are not known. ``earlier`` are the sets before, oldest first.
    """

    network: str
    chain_id: bytes
    validators: ValidatorSet
    height: int = 0
    block_hash: bytes | None = None
    time_ms: int | None = None
    earlier: tuple[ValidatorsFrom, ...] = ()


def trust_from_genesis(genesis: Genesis) -> TrustRoot:
    """Return the trust root of a chain that begins with this genesis."""
    return TrustRoot(genesis.network, genesis.chain_id, genesis.validators)


def trust_to_json(trust: TrustRoot) -> str:
    """Return the JSON text of a trust file."""
    document: dict[str, Json] = {
        "format": TRUST_FORMAT,
        "network": trust.network,
        "chain_id": to_base64url(trust.chain_id),
    }
    if trust.height or trust.earlier:
        document["height"] = trust.height
    if trust.block_hash is not None:
        document["block_hash"] = to_base64url(trust.block_hash)
    if trust.time_ms is not None:
        document["time_ms"] = trust.time_ms
    document["validators"] = validators_json(trust.validators)
    if trust.earlier:
        document["earlier"] = [
            {"height": entry.height, "validators": validators_json(entry.validators)} for entry in trust.earlier
        ]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def trust_from_json(text: str) -> TrustRoot:
    """Return the trust root of a trust file's text.

    Raises
    ------
    ProofError
        The text is not a trust file that this program reads; the message names the field.

    """
    value = parse_json(text, _TRUST_LENGTH_MAX)
    if type(value) is dict and value.get("format", TRUST_FORMAT) != TRUST_FORMAT:
        raise ProofError("unknown_format", f"the trust file's format is not {TRUST_FORMAT!r}")
    document = fields_of(value, _FIELDS, "the trust file", _LATER_FIELDS)
    trust = TrustRoot(
        network=text_of(document["network"], "network", 64),
        chain_id=bytes_of(document["chain_id"], "chain_id", HASH_BYTES, HASH_BYTES),
        validators=_trusted(document["validators"]),
        height=integer_of(document.get("height", 0), "height"),
        block_hash=(
            bytes_of(document["block_hash"], "block_hash", HASH_BYTES, HASH_BYTES) if "block_hash" in document else None
        ),
        time_ms=integer_of(document["time_ms"], "time_ms") if "time_ms" in document else None,
        earlier=tuple(_earlier(entry) for entry in list_of(document.get("earlier", []), CHANGES_MAX, "earlier")),
    )
    heights = [*(entry.height for entry in trust.earlier), trust.height]
    if any(before >= after for before, after in pairwise(heights)):
        raise ProofError("trusted_heights", "the earlier validators are not ascending, or not before the height")
    return trust


def validators_json(validators: ValidatorSet) -> Json:
    """Return validators as trust files and bundles spell them."""
    return [
        {"public_key": to_base64url(member.public_key), "organisation": member.organisation} for member in validators
    ]


def validators_of(value: Json) -> ValidatorSet:
    """Return the validators of such a list, which stand in the order of their keys.

    Raises
    ------
    ProofError
        A field is not what it should be.
    ShapeError, CodecError
        These validators cannot stand together, or not in this order.

    """
    members = [_validator(entry) for entry in list_of(value, VALIDATORS_MAX, "validators")]
    validators = ValidatorSet(members)
    if list(validators) != members:
        raise ShapeError("validators_order", "they are not in the order of their keys")
    return validators


def _trusted(value: Json) -> ValidatorSet:
    try:
        return validators_of(value)
    except (ShapeError, CodecError) as error:
        raise ProofError("trusted_validators", f"the trust file's validators cannot stand: {error}") from error


def _earlier(value: Json) -> ValidatorsFrom:
    fields = fields_of(value, ("height", "validators"), "an earlier set")
    return ValidatorsFrom(integer_of(fields["height"], "height"), _trusted(fields["validators"]))


def _validator(value: Json) -> Validator:
    entry = fields_of(value, ("public_key", "organisation"), "a validator")
    return Validator(
        bytes_of(entry["public_key"], "public_key", PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES),
        text_of(entry["organisation"], "organisation"),
    )
