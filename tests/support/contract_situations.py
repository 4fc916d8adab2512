"""Situations for the table of result codes: worlds prepared in a line, and the calls that are tried in them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from contracts.context import WORK_MAX
from contracts.provenance.custody import CONSIGNMENT_MAX
from contracts.provenance.links import DEPTH_MAX
from contracts.results import ResultCode
from ledger.codec import Value, encode
from ledger.parameters import Parameters
from tests.support.contracts_world import (
    START_MS,
    Call,
    World,
    add,
    key_of,
    observe,
    pack,
    sgtin,
    sscc,
)

R = ResultCode
GTIN = "09506000134352"
UETR = "8a562c67-ca16-48ba-b074-65581be6f001"
ID = b"t" * 16
REFUSE: dict[str, Value] = {"policy": "refuse"}


@dataclass(frozen=True)
class Case:
    """``setup`` prepares the world, then ``signer`` sends ``calls`` and gets ``code``."""

    code: ResultCode
    signer: str
    calls: tuple[Call, ...]
    setup: Callable[[World], object] | None = None
    note: str = ""
    parameters: Parameters = field(default_factory=Parameters)


def case(
    code: ResultCode, signer: str, *calls: Call, setup: Callable[[World], object] | None = None, note: str = ""
) -> Case:
    return Case(code, signer, calls, setup, note)


def with_head(key: bytes, **fields: Value) -> Callable[[World], None]:
    """Change a head behind the contracts' back, where the honest road is too long for a test."""

    def setup(world: World) -> None:
        world.committed[key] = encode({**(world.get(key) or {}), **fields})

    return setup


def at(time_ms: int) -> Callable[[World], None]:
    def setup(world: World) -> None:
        world.time_ms = time_ms

    return setup


def in_turn(*setups: Callable[[World], object]) -> Callable[[World], None]:
    def setup(world: World) -> None:
        for step in setups:
            step(world)

    return setup


def key_call(name: str = "device", purpose: str = "operator", proof: bytes | None = None, **more: Value) -> Call:
    fields: dict[str, Value] = {"key": key_of(name).public_key, "purpose": purpose, **more}
    if proof is not None:
        fields["proof"] = proof
    return "membership.add_key", fields


def with_key(name: str = "device", purpose: str = "operator", **more: Value) -> Callable[[World], None]:
    def setup(world: World) -> None:
        world.must("maker", key_call(name, purpose, world.proof(name, "maker"), **more))

    return setup


def governed(method: str, **arguments: Value) -> Callable[[World], None]:
    return lambda world: world.propose(method, arguments, name=f"setup {method}")


def last_approval(method: str, arguments: dict[str, Value]) -> Callable[[World], None]:
    """Propose an action and approve it once, so that the next approval carries it out."""

    def setup(world: World) -> None:
        world.must("maker", proposal(method, arguments))
        world.must("carrier", ("governance.approve", {"id": "p"}))

    return setup


def proposal(method: str, arguments: dict[str, Value], expires_ms: int = START_MS + 1, name: str = "p") -> Call:
    return "governance.propose", {"id": name, "action": [method, arguments], "expires_ms": expires_ms}


APPROVE: Call = ("governance.approve", {"id": "p"})
REGISTER: dict[str, Value] = {"id": "new", "name": "New", "roles": [], "admin_key": key_of("new").public_key}


def ran(*steps: tuple[str, Call]) -> Callable[[World], None]:
    def setup(world: World) -> None:
        for signer, call in steps:
            world.must(signer, call)

    return setup


def ran_all(signer: str, *calls: Call) -> Callable[[World], None]:
    return ran(*((signer, call) for call in calls))


def offer(**more: Value) -> Call:
    fields: dict[str, Value] = {"id": "o", "to": "carrier", "kind": "custody", "items": [sgtin(1)]}
    return "custody.offer", {**fields, "expires_ms": START_MS + 1, **more}


def answer(verb: str, **more: Value) -> Call:
    return f"custody.{verb}", {"id": "o", **more}


def offered(**more: Value) -> Callable[[World], None]:
    return ran(("maker", add(sgtin(1))), ("maker", offer(**more)))


def pay(**more: Value) -> Call:
    fields: dict[str, Value] = {"id": ID, "debit": "shop/eur", "credit": "maker/eur", "amount": 100}
    return "settlement.transfer", {**fields, **more}


def issue(amount: int = 1_000, **more: Value) -> Call:
    return "settlement.issue", {"id": b"i" * 16, "account": "shop/eur", "amount": amount, **more}


def redeem(**more: Value) -> Call:
    return "settlement.redeem", {"id": b"r" * 16, "account": "shop/eur", "amount": 1, **more}


PAID = ran(("bank", issue()), ("shop", pay(reference="a", uetr=UETR)))
HKD = ran(("shop", ("settlement.open_account", {"id": "shop/hkd", "currency": "HKD"})))


def deep(world: World) -> None:
    for level in range(DEPTH_MAX):
        world.must("maker", pack(sscc(level + 1), sscc(level)))


def large(world: World) -> None:
    """Three levels: one pallet with two boxes that hold more together than may change hands at once."""
    world.must("maker", add(sscc(1), sscc(2), sscc(3)))
    for box in (2, 3):
        for part in range(2):
            items = [sgtin(f"{box}-{part}-{number}") for number in range(CONSIGNMENT_MAX // 4)]
            world.must("maker", add(*items), pack(sscc(box), *items))
    world.must("maker", pack(sscc(1), sscc(2), sscc(3)), offer(items=[sscc(1)]))


def work(world: World) -> tuple[Call, ...]:
    items = [sgtin(number) for number in range(4_000)]
    return tuple(observe(*items, event_id=f"urn:e:{number}") for number in range(WORK_MAX // 8_000 + 1))


def joiner(name: str, organisation: str) -> list[Value]:
    return cast("list[Value]", World().joiner(name, organisation))


def validator_key(name: str) -> bytes:
    return key_of(f"validator {name}").public_key


def change_approval(**change: list[Value]) -> Callable[[World], None]:
    return last_approval("governance.change_validators", cast("dict[str, Value]", change))


def report(
    name: str = "validator shop", height: int = 1, kind: str = "prepare", signature: bytes | None = None
) -> Call:
    evidence = World().double_vote(name, height, kind=kind)
    if signature is not None:
        evidence = replace(evidence, second=(evidence.second[0], signature))
    return "governance.report_equivocation", {"evidence": evidence.to_value()}


DECLARATION: Value = {"declared_ms": START_MS, "corrective_ids": []}
