"""Trust roots and their files."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.genesis import Genesis
from ledger.parameters import Parameters
from ledger.proof import (
    ProofError,
    TrustRoot,
    ValidatorsFrom,
    trust_from_genesis,
    trust_from_json,
    trust_to_json,
)
from ledger.validators import Validator, ValidatorSet
from tests.support.chain_builder import key_named

VALIDATORS = ValidatorSet(Validator(key_named(name).public_key, f"org {name}") for name in "abcd")
GENESIS = Genesis("harbour", 1_760_000_000_000, Parameters(), VALIDATORS, ())


def test_a_genesis_is_a_trust_root() -> None:
    assert trust_from_genesis(GENESIS) == TrustRoot("harbour", GENESIS.chain_id, VALIDATORS)


def test_a_trust_file_comes_back_the_same() -> None:
    trust = trust_from_genesis(GENESIS)
    assert trust_from_json(trust_to_json(trust)) == trust
    document = json.loads(trust_to_json(trust))
    assert list(document) == ["format", "network", "chain_id", "validators"]
    assert document["format"] == "tradelane-trust/1"
    assert [entry["organisation"] for entry in document["validators"]] == [m.organisation for m in VALIDATORS]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("unknown_format", lambda d: d.update(format="tradelane-trust/2")),
        ("unknown_format", lambda d: d.update(format=None)),
        ("missing_field", lambda d: d.pop("network")),
        ("missing_field", lambda d: d["validators"][0].pop("organisation")),
        ("unknown_field", lambda d: d.update(quorum=1)),
        ("unknown_field", lambda d: d["validators"][0].update(weight=2)),
        ("field_type", lambda d: d.update(network="")),
        ("not_canonical", lambda d: d.update(network="\ud800")),
        ("field_type", lambda d: d.update(validators={})),
        ("field_type", lambda d: d["validators"].append("x")),
        ("field_size", lambda d: d.update(chain_id="AA")),
        ("base64url", lambda d: d.update(chain_id=d["chain_id"] + "=")),
        ("trusted_validators", lambda d: d.update(validators=[])),
        ("trusted_validators", lambda d: d["validators"].reverse()),
        ("trusted_validators", lambda d: d["validators"].append(d["validators"][0])),
        ("trusted_validators", lambda d: d["validators"][0].update(public_key="A" * 43)),
        ("trusted_validators", lambda d: d["validators"][0].update(organisation="e\u0301")),
        ("too_many", lambda d: d.update(validators=d["validators"] * 26)),
    ],
)
def test_a_bad_trust_file_is_refused_by_name(code: str, change: Callable[[Any], object]) -> None:
    document = json.loads(trust_to_json(trust_from_genesis(GENESIS)))
    change(document)
    with pytest.raises(ProofError) as caught:
        trust_from_json(json.dumps(document, ensure_ascii=False))
    assert caught.value.code == code


def later(**changes: Any) -> TrustRoot:
    """Return a trust root at block 90 that knows two sets before."""
    others = ValidatorSet(Validator(key_named(name).public_key, f"org {name}") for name in "bcde")
    trust = TrustRoot(
        "harbour",
        GENESIS.chain_id,
        VALIDATORS,
        90,
        bytes(range(32)),
        1_760_000_090_000,
        (ValidatorsFrom(0, VALIDATORS), ValidatorsFrom(40, others)),
    )
    return replace(trust, **changes)


@pytest.mark.parametrize(
    "trust",
    [later(), later(block_hash=None), later(time_ms=None), later(earlier=()), later(block_hash=None, time_ms=None)],
)
def test_a_later_trust_root_comes_back_the_same(trust: TrustRoot) -> None:
    assert trust_from_json(trust_to_json(trust)) == trust


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("field_type", lambda d: d.update(height=-1)),
        ("field_type", lambda d: d.update(height=None)),
        ("field_type", lambda d: d.update(time_ms="now")),
        ("field_type", lambda d: d.update(block_hash=None)),
        ("field_size", lambda d: d.update(block_hash="AAAA")),
        ("field_type", lambda d: d.update(earlier={})),
        ("unknown_field", lambda d: d["earlier"][0].update(time_ms=1)),
        ("missing_field", lambda d: d["earlier"][0].pop("height")),
        ("trusted_validators", lambda d: d["earlier"][0].update(validators=[])),
        ("trusted_heights", lambda d: d["earlier"].reverse()),
        ("trusted_heights", lambda d: d["earlier"][1].update(height=0)),
        ("trusted_heights", lambda d: d.update(height=40)),
        ("trusted_heights", lambda d: d.pop("height")),
        ("too_many", lambda d: d.update(earlier=[d["earlier"][0]] * 1_001)),
    ],
)
def test_a_bad_later_trust_file_is_refused_by_name(code: str, change: Callable[[Any], object]) -> None:
    document = json.loads(trust_to_json(later()))
    change(document)
    with pytest.raises(ProofError) as caught:
        trust_from_json(json.dumps(document))
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["", "{", "[1,]", "\x00", '{"format": "tradelane-trust/1"'])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ProofError) as caught:
        trust_from_json(text)
    assert caught.value.code == "not_json"
