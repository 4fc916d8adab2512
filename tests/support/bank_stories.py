"""Payments of a world of contracts in every state, as the client would give them, for their messages."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, cast

from contracts import heads
from ledger.proof import Facts, ProvenHead, Record
from ledger.state import Head
from node.queries import head_json
from tests.support.contract_cold_chain_cases import MINUTE_MS, batch
from tests.support.contract_payment_cases import READY, exchange, quote, within
from tests.support.contracts_world import START_MS, World
from tests.support.trade_world import (
    DEADLINE_MS,
    DISPUTE_DEADLINE_MS,
    GOODS,
    arrival,
    arrived,
    call,
    opened,
    trade_world,
    uetr,
)
from tradelane import Account, Payment
from tradelane.bank_messages import PaymentStory
from tradelane.bank_proofs import proof_keys
from tradelane.fields import Fields
from tradelane.payments import read_payment

CHAIN_ID: Final = "11" * 32
PAID, GIVEN_BACK = "8a562c67-ca16-48ba-b074-65581be6f001", "8a562c67-ca16-48ba-b074-65581be6f003"

_AMOUNTS: Final = ("source_amount", "target_amount", "fee", "refunded")


def payment_of(world: World, reference: str) -> Payment:
    """Return a payment as a client reads it."""
    head = world.get(heads.payment(reference))
    assert head is not None
    steps = [
        {
            "number": number,
            "height": number + 1,
            "time_ms": world.time_ms if number > 1 else head["created_ms"],
            "transaction": f"{number:064x}",
            "operation": 0,
            "method": "?",
            "organisation": "shop",
        }
        for number in range(1, cast(int, head["count"]) + 1)
    ]
    fields: dict[str, Any] = {
        "uetr": reference,
        **{name: value for name, value in head_json(head).items() if name not in ("legs", *_AMOUNTS)},
        **{name: str(head[name]) for name in _AMOUNTS if name in head},
        "legs": [
            {"debit": debit, "credit": credit, "amount": str(amount)}
            for debit, credit, amount in cast("list[tuple[str, str, int]]", head["legs"])
        ],
        "source_exponent": 2,
        "target_exponent": 2,
        "steps": steps,
        "height": world.height,
    }
    return read_payment(Fields(fields, "payment"))


@dataclass(frozen=True, slots=True)
class ProvenStory(PaymentStory):
    """A payment with what its messages need, and what a bundle would prove of it."""

    facts: Facts | None = None


def facts_of(world: World, payment: Payment, original: Payment | None) -> Facts:
    """Return what the bundle of a payment proves, with steps as ``payment_of`` gives them."""
    accounts = (cast(Account, SimpleNamespace(id=name, fields={})) for name in (payment.payer, payment.payee))
    proven = []
    for key in proof_keys(payment, original, *accounts):
        records = [
            SimpleNamespace(
                height=step.height,
                time_ms=step.time_ms,
                transaction=SimpleNamespace(transaction_id=bytes.fromhex(step.transaction)),
                operation=SimpleNamespace(method=step.method),
            )
            for step in payment.steps
            if key == heads.payment(payment.uetr)
        ]
        proven.append(ProvenHead(key, world.get(key), len(records) or 1, tuple(cast("list[Record]", records))))
    some = cast(Any, None)
    return Facts("heads", bytes.fromhex(CHAIN_ID), world.height, 0, some, None, None, tuple(proven), (), some, ())


def story_of(world: World, reference: str, bundle: str | None = "e30=") -> ProvenStory:
    """Return a payment with what its messages need."""
    payment = payment_of(world, reference)
    payer, payee = (cast(Head, world.get(heads.account(name)))["owner"] for name in (payment.payer, payment.payee))
    refunds = payment.fields.get("refunds")
    original = payment_of(world, refunds) if isinstance(refunds, str) else None
    facts = facts_of(world, payment, original)
    return ProvenStory(payment, str(payer), str(payee), original, CHAIN_ID, bundle, facts)


def paid(**more: object) -> ProvenStory:
    """Return a payment within one currency."""
    return _paid(within(**more), cast(str, within(**more)[1]["uetr"]))


def exchanged(*, fee_bearer: str | None = None, amount: int = 200_000, **more: object) -> ProvenStory:
    """Return a payment by a quote, with a fee where somebody bears one."""
    terms: dict[str, Any] = {}
    if fee_bearer is not None:
        account = "bank/fees" if fee_bearer == "payer" else "bank/eur fees"
        terms = {"fee_basis_points": 35, "fee_account": account, "fee_bearer": fee_bearer}
    return _paid(exchange(quote(**terms), amount=amount, **more), PAID)


def given_back(amount: int = 30) -> ProvenStory:
    """Return the refund of a part of a payment."""
    world = World()
    READY(world)
    world.must("shop", within(uetr=PAID, end_to_end="INVOICE-77"))
    back = within(uetr=GIVEN_BACK, payer="maker/eur", payee="shop/eur", amount=amount, refunds=PAID, reference="broken")
    world.must("maker", back)
    return story_of(world, GIVEN_BACK)


def held(amount: int = 1_000, **more: Any) -> ProvenStory:
    """Return a payment in escrow that waits."""
    return _held(lambda world: None, amount, **more)


def partly_released(amount: int = 1_000, share: int = 400) -> ProvenStory:
    """Return one of which a milestone was reached."""

    def reach(world: World) -> None:
        world.must("carrier", arrived(world, *GOODS, event_id="arrival"))

    conditions = arrival(), arrival(step="inspecting")
    return _held(reach, amount, conditions=conditions, milestones=[[0, share], [1, amount - share]])


def settled(amount: int = 1_000) -> ProvenStory:
    """Return one whose goods have arrived."""
    return _held(lambda world: world.must("carrier", arrived(world, *GOODS, event_id="arrival")), amount)


def disputed(amount: int = 1_000, by: str = "shop") -> ProvenStory:
    """Return one that is disputed."""
    return _held(lambda world: world.must(by, call("dispute", reason="broken " * 60)), amount)


def resolved(amount: int = 1_000, split: int = 400) -> ProvenStory:
    """Return one of which both agreed how to divide it."""

    def divide(world: World) -> None:
        world.must("shop", call("dispute", reason="broken"))
        for who in ("shop", "maker"):
            world.must(who, call("resolve", split=split))

    return _held(divide, amount)


def cancelled(amount: int = 1_000, *, is_disputed: bool = False) -> ProvenStory:
    """Return one that its payee gave up."""

    def give_up(world: World) -> None:
        if is_disputed:
            world.must("shop", call("dispute", reason="broken"))
        world.must("maker", call("cancel"))

    return _held(give_up, amount)


def expired(amount: int = 1_000) -> ProvenStory:
    """Return one whose goods did not arrive in time."""

    def wait(world: World) -> None:
        world.time_ms = DEADLINE_MS
        world.must("carrier", call("poke"))

    return _held(wait, amount)


def refunded(amount: int = 1_000) -> ProvenStory:
    """Return one whose condition cannot be met any more: the goods got warm."""

    def arrive(world: World) -> None:
        world.time_ms = START_MS + 30 * MINUTE_MS
        warm = [(START_MS + number * 10 * MINUTE_MS, 30_000) for number in range(4)]
        world.must("logger", batch(1, *warm, name="logger"))

    return _held(arrive, amount, conditions=(arrival(cold_chain="unbroken"),))


def partly_expired(amount: int = 1_000, share: int = 400) -> ProvenStory:
    """Return one of which a milestone was reached, and the other not in time."""

    def reach(world: World) -> None:
        world.must("carrier", arrived(world, *GOODS, event_id="arrival"))
        world.time_ms = DEADLINE_MS
        world.must("carrier", call("poke"))

    conditions = arrival(), arrival(step="inspecting")
    return _held(reach, amount, conditions=conditions, milestones=[[0, share], [1, amount - share]])


def lapsed(amount: int = 1_000) -> ProvenStory:
    """Return one whose dispute nobody resolved."""

    def wait(world: World) -> None:
        world.must("shop", call("dispute", reason="broken"))
        world.time_ms = DISPUTE_DEADLINE_MS
        world.must("carrier", call("poke"))

    return _held(wait, amount)


def _paid(operation: Any, reference: str) -> ProvenStory:
    world = World()
    READY(world)
    world.must("shop", operation)
    return story_of(world, reference)


def _held(
    then: Callable[[World], object], amount: int, conditions: tuple[Any, ...] | None = None, **more: object
) -> ProvenStory:
    world = trade_world()
    world.must("shop", opened(1, *(conditions or (arrival(),)), amount=amount, **more))
    then(world)
    return story_of(world, uetr(1))
