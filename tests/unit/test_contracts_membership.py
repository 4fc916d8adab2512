"""Membership, governance and genesis: what the operations leave behind."""

import pytest

from contracts import heads
from contracts.authority import authorise
from contracts.execute import execute_genesis, read_parameters, read_validators
from contracts.governance import ACTIONS
from contracts.methods import METHODS, Access
from contracts.permissions import DEFAULT_PERMISSIONS, ROLES
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.errors import GenesisError
from ledger.parameters import Parameters
from ledger.state import Overlay
from tests.support.contracts_world import START_MS, World, add, genesis, key_of, sgtin


def test_genesis_leaves_parameters_validators_permissions_and_the_founders_heads() -> None:
    world = World(genesis(parameters=Parameters(block_transactions_max=7)))

    assert read_parameters(world) == Parameters(block_transactions_max=7)
    assert read_validators(world) == world.start.validators
    for method, roles in DEFAULT_PERMISSIONS.items():
        assert world.get(heads.permission(method)) == {"roles": sorted(roles)}
    assert world.get(heads.organisation("maker")) == {
        "name": "Maker",
        "roles": ["brand", "maker"],
        "status": "active",
        "admin_keys": [key_of("maker").public_key],
        "keys": 1,
        "registered_ms": START_MS - 1_000,
    }
    assert world.get(heads.public_key(key_of("maker").public_key)) == {
        "organisation": "maker",
        "purpose": "admin",
        "added_ms": START_MS - 1_000,
    }
    assert world.records == []


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("membership.register_organisation", {"id": "x"}, "genesis operation 11 .*name is missing"),
        ("settlement.open_account", {"organisation": "x", "id": "a", "currency": "EUR"}, "UNKNOWN_ORGANISATION"),
        ("settlement.issue", {}, "not a method that founders can call"),
        ("nothing", {}, "not a method"),
    ],
)
def test_genesis_names_the_operation_that_cannot_stand(method: str, arguments: dict[str, Value], words: str) -> None:
    with pytest.raises(GenesisError, match=words):
        execute_genesis(genesis((method, arguments)))


def test_founders_add_keys_without_proof() -> None:
    key = key_of("operator").public_key
    world = World(genesis(("membership.add_key", {"organisation": "maker", "key": key, "purpose": "operator"})))

    assert world.code("operator", add(sgtin(1))) is ResultCode.OK
    assert world.item(sgtin(1))["custodian"] == "maker"


def test_a_key_carries_its_limits() -> None:
    world = World()
    arguments: dict[str, Value] = {
        "key": key_of("sensor").public_key,
        "proof": world.proof("sensor", "maker"),
        "purpose": "device",
        "methods": ["provenance.*", "custody.offer", "provenance.*"],
        "valid_until_ms": START_MS + 5,
        "label": "gate 4",
    }
    world.must("maker", ("membership.add_key", arguments))

    assert world.get(heads.public_key(key_of("sensor").public_key)) == {
        "organisation": "maker",
        "purpose": "device",
        "methods": ["custody.offer", "provenance.*"],
        "valid_until_ms": START_MS + 5,
        "label": "gate 4",
        "added_ms": START_MS,
    }
    maker = world.get(heads.organisation("maker"))
    assert maker is not None
    assert maker["keys"] == 2
    assert maker["admin_keys"] == [key_of("maker").public_key]


def test_rotation_leaves_the_new_key_alone_in_charge() -> None:
    world = World()
    arguments: dict[str, Value] = {
        "key": key_of("new").public_key,
        "proof": world.proof("new", "maker"),
        "purpose": "admin",
    }
    world.must("maker", ("membership.add_key", arguments))
    world.must("new", ("membership.revoke_key", {"key": key_of("maker").public_key}))

    assert world.code("maker", add(sgtin(1))) is ResultCode.KEY_REVOKED
    assert world.code("new", add(sgtin(1))) is ResultCode.OK
    unproven: dict[str, Value] = {**arguments, "key": key_of("maker").public_key}
    assert world.code("new", ("membership.add_key", unproven)) is ResultCode.POSSESSION_UNPROVEN
    back: dict[str, Value] = {**arguments, "key": key_of("maker").public_key, "proof": world.proof("maker", "maker")}
    assert world.code("new", ("membership.add_key", back)) is ResultCode.KEY_EXISTS


def test_authority_counts_from_the_next_transaction_of_the_same_block() -> None:
    world = World()
    arguments: dict[str, Value] = {
        "key": key_of("new").public_key,
        "proof": world.proof("new", "maker"),
        "purpose": "operator",
    }
    execution = world.execute(
        world.transaction("new", add(sgtin(1))),
        world.transaction("maker", ("membership.add_key", arguments)),
        world.transaction("new", add(sgtin(1))),
        world.transaction("maker", ("membership.revoke_key", {"key": key_of("new").public_key})),
        world.transaction("new", add(sgtin(2))),
    )
    codes = [ResultCode(receipt.code).name for receipt in execution.receipts]
    assert codes == ["UNKNOWN_KEY", "OK", "OK", "OK", "KEY_REVOKED"]


def test_an_admin_updates_its_own_details_and_governance_the_roles() -> None:
    world = World()
    world.must(
        "maker", ("membership.update_organisation", {"name": "Maker SA", "country": "CH", "gln": "9506000134352"})
    )
    world.propose("membership.update_organisation", {"id": "maker", "roles": ["packer"]})

    maker = world.get(heads.organisation("maker"))
    assert maker is not None
    assert (maker["name"], maker["country"], maker["gln"], maker["roles"]) == (
        "Maker SA",
        "CH",
        "9506000134352",
        ["packer"],
    )


def test_governance_brings_an_organisation_in_suspends_it_and_takes_it_back() -> None:
    world = World()
    newcomer: dict[str, Value] = {
        "id": "new",
        "name": "New",
        "roles": ["carrier"],
        "admin_key": key_of("new").public_key,
    }
    world.propose("membership.register_organisation", newcomer, "1")
    assert world.code("new", add(sgtin(1))) is ResultCode.OK
    world.propose("membership.suspend_organisation", {"id": "new"}, "2")
    assert world.code("new", add(sgtin(2))) is ResultCode.ORGANISATION_SUSPENDED
    world.propose("membership.reinstate_organisation", {"id": "new"}, "3")
    assert world.code("new", add(sgtin(2))) is ResultCode.OK


def test_an_organisation_that_lost_its_keys_comes_back_by_governance() -> None:
    world = World()
    arguments: dict[str, Value] = {
        "organisation": "watcher",
        "key": key_of("spare").public_key,
        "proof": world.proof("spare", "watcher"),
        "purpose": "admin",
    }
    world.propose("membership.add_key", arguments)
    assert world.code("spare", ("membership.revoke_key", {"key": key_of("watcher").public_key})) is ResultCode.OK


def test_more_than_two_thirds_of_the_organisations_carry_an_action() -> None:
    world = World()
    action: Value = ["governance.set_parameters", {"block_transactions_max": 9}]
    propose = ("governance.propose", {"id": "p", "action": action, "expires_ms": START_MS + 1})

    assert world.must("maker", propose) == {"executed": False, "approvals": 1, "organisations": 4}
    assert world.must("carrier", ("governance.approve", {"id": "p"})) == {
        "executed": False,
        "approvals": 2,
        "organisations": 4,
    }
    assert read_parameters(world).block_transactions_max == 2_000
    assert world.must("bank", ("governance.approve", {"id": "p"})) == {
        "executed": True,
        "approvals": 3,
        "organisations": 4,
    }
    assert read_parameters(world).block_transactions_max == 9
    assert world.code("shop", ("governance.approve", {"id": "p"})) is ResultCode.PROPOSAL_CLOSED


def test_the_approval_of_a_suspended_organisation_does_not_count() -> None:
    world = World()
    action: Value = ["governance.set_parameters", {"block_transactions_max": 9}]
    world.must("carrier", ("governance.propose", {"id": "p", "action": action, "expires_ms": START_MS + 1}))
    world.must("bank", ("governance.approve", {"id": "p"}))
    suspend: Value = ["membership.suspend_organisation", {"id": "carrier"}]
    world.must("maker", ("governance.propose", {"id": "s", "action": suspend, "expires_ms": START_MS + 1}))
    world.must("bank", ("governance.approve", {"id": "s"}))
    world.must("shop", ("governance.approve", {"id": "s"}))

    assert world.must("maker", ("governance.approve", {"id": "p"})) == {
        "executed": False,
        "approvals": 2,
        "organisations": 4,
    }


def test_an_action_that_fails_takes_its_approval_back() -> None:
    world = World()
    world.must(
        "maker",
        (
            "governance.propose",
            {"id": "p", "action": ["membership.suspend_organisation", {"id": "late"}], "expires_ms": START_MS + 1},
        ),
    )
    world.must("carrier", ("governance.approve", {"id": "p"}))
    assert world.code("shop", ("governance.approve", {"id": "p"})) is ResultCode.UNKNOWN_ORGANISATION
    proposal = world.get(heads.proposal("p"))
    assert proposal is not None
    assert (proposal["status"], proposal["approvals"]) == ("open", ["carrier", "maker"])


def test_permissions_change_who_may_call() -> None:
    world = World()
    assert world.code("watcher", add(sgtin(1))) is ResultCode.ROLE_REQUIRED
    world.propose(
        "governance.set_permissions", {"permissions": {"provenance.capture": ["auditor"], "custody.offer": ["*"]}}
    )
    assert world.code("watcher", add(sgtin(1))) is ResultCode.OK
    assert world.code("maker", add(sgtin(2))) is ResultCode.ROLE_REQUIRED
    assert world.get(heads.permission("custody.offer")) == {"roles": ["*"]}


def test_a_change_of_parameters_counts_from_the_next_block() -> None:
    world = World()
    world.must(
        "maker",
        (
            "governance.propose",
            {
                "id": "p",
                "action": ["governance.set_parameters", {"transaction_operations_max": 1}],
                "expires_ms": START_MS + 1,
            },
        ),
    )
    world.must("carrier", ("governance.approve", {"id": "p"}))
    two = (add(sgtin(1)), add(sgtin(2)))
    execution = world.execute(
        world.transaction("shop", ("governance.approve", {"id": "p"})), world.transaction("maker", *two)
    )
    assert [receipt.code for receipt in execution.receipts] == [ResultCode.OK, ResultCode.OK]
    world.commit(execution)
    assert world.code("maker", *two) is ResultCode.TOO_MANY_OPERATIONS


def test_admission_and_execution_judge_alike() -> None:
    world = World()
    for signer, call in (("maker", add(sgtin(1))), ("watcher", add(sgtin(1))), ("nobody", add(sgtin(1)))):
        transaction = world.transaction(signer, call)
        code, detail = authorise(transaction, Overlay(world), world.time_ms)
        execution = world.execute(transaction)
        assert execution.receipts[0].code == code
        assert execution.details[0] == detail


def test_every_method_that_goes_by_roles_has_a_permission_and_no_other() -> None:
    by_role = {name for name, method in METHODS.items() if method.access is Access.ROLE}
    assert by_role == set(DEFAULT_PERMISSIONS)
    assert {role for roles in DEFAULT_PERMISSIONS.values() for role in roles} <= ROLES | {"*"}
    assert list(METHODS) == sorted(METHODS)


def test_governance_can_do_whatever_nobody_else_can() -> None:
    reserved = {name for name, method in METHODS.items() if method.access is Access.AUTHORITY}
    assert reserved <= set(ACTIONS)
    assert all(METHODS[name].handler is handler for name, handler in ACTIONS.items())
