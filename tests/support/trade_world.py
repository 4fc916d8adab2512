"""A world with goods in a carrier's hands, a logger that watches them, and money in two currencies to pay with."""

from dataclasses import replace
from functools import cache
from typing import cast

from contracts import heads
from contracts.settlement.posting import Leg
from ledger.codec import Value
from ledger.state import Head
from tests.support.contract_cold_chain_cases import LIMITS, MINUTE_MS, cold
from tests.support.contract_payment_cases import quote
from tests.support.contracts_world import START_MS, Call, World, add, key_of, observe, sgtin

PAYER, PAYEE, PAYEE_EUR = "shop/eur", "maker/hkd", "maker/eur"
FUNDS = 1_000_000
GOODS = (sgtin(1), sgtin(2))
DEADLINE_MS = START_MS + 1_000 * MINUTE_MS
DISPUTE_DEADLINE_MS = START_MS + 2_000 * MINUTE_MS
ACCOUNTS = ("shop/eur", "lp/eur", "lp/hkd", "maker/hkd", "maker/eur")

QUOTE = quote(
    "other_bank",
    provider="other_bank",
    source_account="lp/eur",
    target_account="lp/hkd",
    source_currency="EUR",
    target_currency="HKD",
    rate="8.501",
    minimum=1,
    maximum=10 * FUNDS,
    capacity=10 * FUNDS,
    expires_ms=DISPUTE_DEADLINE_MS,
)


def uetr(number: int) -> str:
    """Return a UETR."""
    return f"8a562c67-ca16-48ba-b074-65581be6f{number:03d}"


def trade_world() -> World:
    """Return a world in which the carrier holds the goods, which its logger watches from START_MS on."""
    made = _made()
    return replace(made, committed=dict(made.committed), records=list(made.records), places=dict(made.places))


@cache
def _made() -> World:
    world = World()
    for owner, account, currency in (
        ("other_bank", "lp/eur", "EUR"),
        ("other_bank", "lp/hkd", "HKD"),
        ("maker", "maker/hkd", "HKD"),
    ):
        world.must(owner, ("settlement.open_account", {"id": account, "currency": currency}))
    world.must("bank", ("settlement.issue", {"id": b"e" * 16, "account": PAYER, "amount": FUNDS}))
    world.must("other_bank", ("settlement.issue", {"id": b"h" * 16, "account": "lp/hkd", "amount": 10 * FUNDS}))
    world.must("maker", add(*GOODS, event_id="made"))
    expires_ms = START_MS + 1
    world.must("maker", ("custody.offer", offer("to-carrier", "carrier", expires_ms)))
    world.must("carrier", ("custody.accept", {"id": "to-carrier"}))
    key: dict[str, Value] = {
        "key": key_of("logger").public_key,
        "proof": world.proof("logger", "carrier"),
        "purpose": "device",
        "methods": ["cold_chain.record_batch"],
    }
    world.must("carrier", ("membership.add_key", key))
    world.must(
        "carrier",
        cold(
            "register_device",
            id="logger",
            key=key_of("logger").public_key,
            calibrated_from_ms=1,
            calibrated_until_ms=2**60,
        ),
    )
    limits = cast(Value, LIMITS)
    world.must(
        "carrier",
        cold(
            "define_profile",
            id="fresh",
            min_milli_celsius=2_000,
            max_milli_celsius=8_000,
            gap_ms=15 * MINUTE_MS,
            limits=limits,
        ),
    )
    for thing in GOODS:
        world.must("carrier", cold("assign", device="logger", thing=thing, from_ms=START_MS, profile="fresh"))
    return world


def offer(name: str, to: str, expires_ms: int) -> dict[str, Value]:
    """Return the arguments of an offer of the goods."""
    return {"id": name, "to": to, "kind": "custody", "items": cast("list[Value]", [*GOODS]), "expires_ms": expires_ms}


def arrival(things: tuple[str, ...] = GOODS, *, step: str = "arriving", **more: object) -> dict[str, Value]:
    """Return a node that waits for the carrier's event."""
    return cast(Head, {"kind": "event", "things": list(things), "step": step, "roles": ["carrier"], **more})


def arrived(world: World, *things: str, step: str = "arriving", **more: object) -> Call:
    """Return the capture of an arrival now."""
    return observe(*things, biz_step=step, time_ms=world.time_ms, **more)


def opened(number: int, *condition: Value, **more: object) -> Call:
    """Return the opening of a payment of the shop to the maker."""
    fields: dict[str, object] = {
        "uetr": uetr(number),
        "payer": PAYER,
        "payee": PAYEE,
        "amount": 1_000,
        "condition": list(condition),
        "deadline_ms": DEADLINE_MS,
        "dispute_deadline_ms": DISPUTE_DEADLINE_MS,
        "default": "refund",
        **more,
    }
    if fields["payee"] == PAYEE:
        fields.setdefault("quote", QUOTE)
    return "trade.open", cast("dict[str, Value]", fields)


def call(verb: str, number: int = 1, **more: object) -> Call:
    """Return another operation on a payment."""
    return f"trade.{verb}", cast("dict[str, Value]", {"uetr": uetr(number), **more})


def payment(world: World, number: int = 1) -> Head:
    """Return the head of a payment."""
    head = world.get(heads.payment(uetr(number)))
    assert head is not None
    return head


def terms(world: World, number: int = 1) -> Head:
    """Return what a payment says of its escrow."""
    return cast(Head, payment(world, number)["escrow"])


def legs(world: World, number: int = 1) -> list[Leg]:
    """Return the legs of a payment."""
    return [Leg(*row) for row in cast("list[tuple[str, str, int]]", payment(world, number)["legs"])]


def balance(world: World, account: str) -> int:
    """Return what was posted to an account, less what was posted from it."""
    head = world.get(heads.account(account))
    assert head is not None
    return cast(int, head["credits_posted"]) - cast(int, head["debits_posted"])


def pending(world: World) -> dict[str, tuple[int, int]]:
    """Return the pending totals of the accounts that have any: (debits, credits)."""
    found = {}
    for account in ACCOUNTS:
        head = cast(Head, world.get(heads.account(account)))
        totals = cast(int, head["debits_pending"]), cast(int, head["credits_pending"])
        if totals != (0, 0):
            found[account] = totals
    return found
