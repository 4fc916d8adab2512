"""Settlement windows: obligations are collected until a time, then settled together in one operation, or deferred.

A window is of one currency; windows of several currencies may share an id, and each settles alone, by its own model.
The currency's issuer opens it and says until when it takes obligations. From then on anybody may have it settled, so
nobody can hold it up, and what comes of it follows from the ledger alone (netting.py). An obligation is a promise of
the debtor: nothing is set aside for it, and its account pays at most what it promised. One that cannot be settled is
*deferred*: it still stands, and the debtor may carry it into a later window. It is discharged once.

Corridors are judged when an obligation is made, as for a payment at once. What an issuer would have to review cannot be
netted, because what is reviewed is held.

Heads: ``netting_window`` {model, status, opened_ms, closes_ms, obligations, settled_ms?, settled?, deferred?,
gross_value?, net_value?, saving_ppm?} by currency and id, with a history of its opening and its settlement;
``netting_entry`` {obligation, outcome?} numbered in the order of arrival; ``obligation`` {window, currency, debit,
credit, amount, status, reason?, created_ms, settled_ms?, reference?, originator?, beneficiary?, terms} with a history.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ACCOUNT_ID_BYTES_MAX, ISSUER_PREFIX
from contracts.settlement.corridors import check_within, read_parties
from contracts.settlement.netting import MODELS, NettingPlan, Obligation, Standing, plan_netting
from contracts.settlement.posting import Leg, check_currencies, post, sides_of
from ledger.codec import Value, encode
from ledger.hashing import tagged_hash
from ledger.limits import INTEGER_MAX
from ledger.state import Head

WINDOW_ID_BYTES_MAX: Final = 64
OBLIGATION_ID_BYTES: Final = 16
OBLIGATIONS_MAX: Final = 200
"""Obligations of one window: settling it nets them once more for each that is deferred."""

OBLIGATION_AMOUNT_MAX: Final = 10**16
"""So that the sum of a window always fits into an integer of the ledger."""

WINDOW_MS_MAX: Final = 7 * 24 * 3_600_000

OPEN: Final = "open"
WAITING: Final = "waiting"
SETTLED: Final = "settled"
DEFERRED: Final = "deferred"

_MILLION: Final = 1_000_000


def open_window(context: Context, arguments: dict[str, Value]) -> Value:
    """Open a window for obligations of one currency; the currency's issuer signs."""
    read = Arguments(arguments)
    identifier = read.identifier("id", WINDOW_ID_BYTES_MAX)
    code = read.identifier("currency", 12)
    model = read.choice("model", MODELS)
    closes_ms = read.integer("closes_ms")
    read.end()
    currency = context.get(heads.currency(code))
    if currency is None:
        raise Rejected(ResultCode.UNKNOWN_CURRENCY, f"{code} is not defined")
    if currency["issuer"] != context.member:
        raise Rejected(ResultCode.NOT_ISSUER, f"{code} is issued by {currency['issuer']!r}")
    key = heads.netting_window(code, identifier)
    if context.get(key) is not None:
        raise Rejected(ResultCode.WINDOW_EXISTS, f"window {identifier} of {code} was opened")
    now_ms = context.block.time_ms
    if not now_ms < closes_ms <= now_ms + WINDOW_MS_MAX:
        raise Rejected(ResultCode.WINDOW_TIME_UNACCEPTABLE, f"{closes_ms} is not within {WINDOW_MS_MAX} ms from now")
    opened: Head = {"model": model, "status": OPEN, "opened_ms": now_ms, "closes_ms": closes_ms, "obligations": 0}
    context.record(key, opened)
    return None


def owe(context: Context, arguments: dict[str, Value]) -> Value:
    """Promise to pay through a window; the owner of the debit account signs."""
    read = Arguments(arguments)
    identifier = read.fixed("id", OBLIGATION_ID_BYTES)
    window = read.identifier("window", WINDOW_ID_BYTES_MAX)
    leg = Leg(
        read.identifier("debit", ACCOUNT_ID_BYTES_MAX),
        read.identifier("credit", ACCOUNT_ID_BYTES_MAX),
        read.integer("amount", 1, OBLIGATION_AMOUNT_MAX),
    )
    reference = read.optional_text("reference", 140)
    parties = read_parties(read)
    read.end()
    terms = tagged_hash("obligation-terms", encode(arguments))
    key = heads.obligation(identifier)
    made = context.get(key)
    if made is not None:
        if made["terms"] != terms:
            raise Rejected(ResultCode.OBLIGATION_EXISTS, f"{identifier.hex()} was used on other terms")
        return {"exists": True, "status": made["status"]}
    sides = sides_of(context, leg)
    if sides.debit["owner"] != context.member:
        raise Rejected(ResultCode.NOT_ACCOUNT_OWNER, f"{leg.debit} belongs to {sides.debit['owner']!r}")
    if leg.debit.startswith(ISSUER_PREFIX) or leg.credit.startswith(ISSUER_PREFIX):
        raise Rejected(ResultCode.ISSUER_ACCOUNT, "money enters by issue and leaves by redeem")
    check_currencies(sides)
    code = sides.currency
    _enter(context, code, window, identifier)
    if check_within(context, code, leg, parties) is not None:
        raise Rejected(ResultCode.OBLIGATION_NEEDS_REVIEW, "an issuer has to agree to it first; use settlement.pay")
    head: Head = {
        "window": window,
        "currency": code,
        "debit": leg.debit,
        "credit": leg.credit,
        "amount": leg.amount,
        "status": WAITING,
        "created_ms": context.block.time_ms,
        "terms": terms,
        **parties.to_head(),
    }
    if reference is not None:
        head["reference"] = reference
    context.record(key, head)
    return {"status": WAITING}


def carry_obligation(context: Context, arguments: dict[str, Value]) -> Value:
    """Carry a deferred obligation into another window; the owner of the debit account signs."""
    read = Arguments(arguments)
    identifier = read.fixed("id", OBLIGATION_ID_BYTES)
    window = read.identifier("window", WINDOW_ID_BYTES_MAX)
    read.end()
    key = heads.obligation(identifier)
    head = context.get(key)
    if head is None:
        raise Rejected(ResultCode.UNKNOWN_OBLIGATION, f"{identifier.hex()} was not made")
    debtor = context.get(heads.account(cast(str, head["debit"])))
    assert debtor is not None, "accounts are never removed"
    if debtor["owner"] != context.member:
        raise Rejected(ResultCode.NOT_ACCOUNT_OWNER, f"{head['debit']!r} belongs to {debtor['owner']!r}")
    if head["status"] != DEFERRED:
        raise Rejected(ResultCode.OBLIGATION_NOT_DEFERRED, f"it is {head['status']!r}")
    _enter(context, cast(str, head["currency"]), window, identifier)
    del head["reason"]
    context.record(key, {**head, "window": window, "status": WAITING})
    return {"status": WAITING}


def settle_window(context: Context, arguments: dict[str, Value]) -> Value:
    """Net what a window has collected and post the payments; anybody may ask for it once the window is closed."""
    read = Arguments(arguments)
    window = read.identifier("id", WINDOW_ID_BYTES_MAX)
    code = read.identifier("currency", 12)
    read.end()
    key = heads.netting_window(code, window)
    head = _window(context, code, window)
    if head["status"] != OPEN:
        raise Rejected(ResultCode.WINDOW_SETTLED, f"window {window} of {code} was settled")
    if context.block.time_ms < cast(int, head["closes_ms"]):
        raise Rejected(ResultCode.WINDOW_STILL_OPEN, f"it takes obligations until {head['closes_ms']!r}")
    entries = [heads.netting_entry(code, window, number) for number in range(1, cast(int, head["obligations"]) + 1)]
    found = [_obligation(context, entry) for entry in entries]
    standings = _standings(context, found)
    plan = plan_netting(found, standings, cast(str, head["model"]))
    post(context, [Leg(*payment) for payment in plan.payments])
    reasons = dict(plan.deferred)
    for entry, obligation in zip(entries, found, strict=True):
        _discharge(context, entry, obligation, reasons.get(obligation.identifier))
    report = _report(plan)
    context.record(key, {**head, "status": SETTLED, "settled_ms": context.block.time_ms, **report})
    payments: list[Value] = [list(payment) for payment in plan.payments]
    return {**report, "payments": payments}


def _window(context: Context, code: str, window: str) -> Head:
    head = context.get(heads.netting_window(code, window))
    if head is None:
        raise Rejected(ResultCode.UNKNOWN_WINDOW, f"no window {window} of {code} was opened")
    return head


def _enter(context: Context, code: str, window: str, identifier: bytes) -> None:
    """Put an obligation into a window that still takes some."""
    head = _window(context, code, window)
    if context.block.time_ms >= cast(int, head["closes_ms"]):
        raise Rejected(ResultCode.WINDOW_CLOSED, f"window {window} of {code} closed at {head['closes_ms']!r}")
    number = cast(int, head["obligations"]) + 1
    if number > OBLIGATIONS_MAX:
        raise Rejected(ResultCode.WINDOW_FULL, f"window {window} of {code} has {OBLIGATIONS_MAX} obligations")
    context.put(heads.netting_entry(code, window, number), {"obligation": identifier})
    context.put(heads.netting_window(code, window), {**head, "obligations": number})


def _obligation(context: Context, entry: bytes) -> Obligation:
    listed = context.get(entry)
    assert listed is not None, "a window counts its obligations"
    identifier = cast(bytes, listed["obligation"])
    head = context.get(heads.obligation(identifier))
    assert head is not None, "an obligation that is listed was made"
    return Obligation(identifier, cast(str, head["debit"]), cast(str, head["credit"]), cast(int, head["amount"]))


def _standings(context: Context, obligations: list[Obligation]) -> dict[str, Standing]:
    """Return what the accounts of obligations can pay and be paid, without those that are closed or frozen."""
    standings: dict[str, Standing] = {}
    names = {name for obligation in obligations for name in (obligation.debtor, obligation.creditor)}
    for name in sorted(names):
        account = context.get(heads.account(name))
        assert account is not None, "accounts are never removed"
        if "closed" in account or "frozen" in account:
            continue
        debits = cast(int, account["debits_posted"]) + cast(int, account["debits_pending"])
        credited = cast(int, account["credits_posted"])
        standings[name] = Standing(
            funds=credited - debits if account["guarded"] else None,
            debit_room=INTEGER_MAX - debits,
            credit_room=INTEGER_MAX - credited - cast(int, account["credits_pending"]),
        )
    return standings


def _discharge(context: Context, entry: bytes, obligation: Obligation, reason: str | None) -> None:
    """Say on an obligation and on its entry what came of it."""
    key = heads.obligation(obligation.identifier)
    head = context.get(key)
    assert head is not None, "it was read before"
    assert head["status"] == WAITING, "an obligation is in one window at a time, and discharged once"
    if reason is None:
        context.record(key, {**head, "status": SETTLED, "settled_ms": context.block.time_ms})
    else:
        context.record(key, {**head, "status": DEFERRED, "reason": reason})
    context.put(entry, {"obligation": obligation.identifier, "outcome": reason or SETTLED})


def _report(plan: NettingPlan) -> Head:
    saved = plan.gross_value - plan.net_value
    return {
        "settled": len(plan.settled),
        "deferred": len(plan.deferred),
        "gross_value": plan.gross_value,
        "net_value": plan.net_value,
        "saving_ppm": saved * _MILLION // plan.gross_value if plan.gross_value else 0,
    }
