"""Genesis documents and parameters: there and back, and one named refusal for what contradicts itself."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from ledger.codec import Value
from ledger.errors import GenesisError, ShapeError
from ledger.genesis import Genesis, genesis_from_json
from ledger.parameters import Parameters, parameters_from_value
from ledger.transaction import Operation
from ledger.validators import ValidatorSet
from tests.support.ledger_samples import GENESIS, VALIDATORS


def document(**changes: Any) -> str:
    return json.dumps({**json.loads(GENESIS.to_json()), **changes})


def test_a_document_is_read_as_it_was_written() -> None:
    again = genesis_from_json(GENESIS.to_json())
    assert again == GENESIS
    assert again.chain_id == GENESIS.chain_id
    assert again.to_json() == GENESIS.to_json()


def test_neither_blanks_nor_the_order_of_keys_and_validators_change_the_chain() -> None:
    fields = json.loads(GENESIS.to_json())
    reordered = {name: fields[name] for name in reversed(fields)} | {"validators": fields["validators"][::-1]}
    assert genesis_from_json(json.dumps(reordered, indent=7)).chain_id == GENESIS.chain_id


@pytest.mark.parametrize(
    "changed",
    [
        replace(GENESIS, network="other"),
        replace(GENESIS, time_ms=GENESIS.time_ms + 1),
        replace(GENESIS, parameters=Parameters(clock_drift_ms_max=9_999)),
        replace(GENESIS, validators=ValidatorSet(list(VALIDATORS)[:3])),
        replace(GENESIS, operations=()),
        replace(GENESIS, operations=(*GENESIS.operations, Operation("m", {}))),
    ],
)
def test_every_field_makes_another_chain(changed: Genesis) -> None:
    assert changed.chain_id != GENESIS.chain_id


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"extra": 1}, "fields", "'extra'"),
        ({"format": "tradelane-genesis/2"}, "format", "tradelane-genesis/2"),
        ({"network": ""}, "genesis", "network"),
        ({"network": "n" * 65}, "genesis", "network"),
        ({"time_ms": -1}, "genesis", "time_ms"),
        ({"time_ms": 1.5}, "genesis", "floating"),
        ({"parameters": {"speed": 1}}, "genesis", "speed"),
        ({"validators": []}, "genesis", "validator set"),
        ({"validators": [[{"$bytes": "00" * 32}, "a"]]}, "genesis", "public key"),
        ({"operations": [["m", []]]}, "genesis", "arguments"),
        ({"operations": [["m", {"a": "e\u0301"}]]}, "genesis", "normal form"),
    ],
)
def test_what_cannot_stand_is_named(changes: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(GenesisError, match=message) as refusal:
        genesis_from_json(document(**changes))
    assert refusal.value.code == code


@pytest.mark.parametrize("name", ["format", "network", "time_ms", "parameters", "validators", "operations"])
def test_a_missing_field_is_named(name: str) -> None:
    fields = json.loads(GENESIS.to_json())
    del fields[name]
    with pytest.raises(GenesisError, match=f"'{name}' is missing"):
        genesis_from_json(json.dumps(fields))


def test_parameters_left_out_take_their_defaults() -> None:
    assert parameters_from_value({}) == Parameters()
    assert parameters_from_value({"block_bytes_max": 2_000_000}) == Parameters(block_bytes_max=2_000_000)
    assert parameters_from_value(Parameters().to_value()) == Parameters()


@pytest.mark.parametrize("name", asdict(Parameters()))
@pytest.mark.parametrize("value", [0, -1, 1 << 40, None, True, "1"])
def test_every_parameter_has_a_range(name: str, value: Value) -> None:
    with pytest.raises(ShapeError, match=name) as refusal:
        parameters_from_value({name: value})
    assert refusal.value.code == "field_type"


def test_a_transaction_must_fit_into_a_block() -> None:
    with pytest.raises(ShapeError) as refusal:
        parameters_from_value({"transaction_bytes_max": 1_048_577, "block_bytes_max": 1_048_576})
    assert refusal.value.code == "parameter_relation"
