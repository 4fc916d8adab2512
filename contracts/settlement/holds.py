"""Holds: an amount is set aside for a payee, then posted in part or whole, given up, or over.

A hold is a promise of the payer to the payee. So the owner of the debit account places and posts it, and cannot take it
back: only the owner of the credit account gives it up, or its time ends it (contracts/settlement/expiry.py). Each of
them is a transfer with an id of its own; what was held never changes, what became of it stands beside it.

Heads: ``hold`` {debit, credit, amount, currency, expires_ms, status, resolved_by?, posted_amount?} under the id of the
pending transfer, with status *pending*, *posted*, *voided* or *expired*; ``expiry`` {} while it is pending.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import count_holds
from contracts.settlement.expiry import EXPIRED
from contracts.settlement.posting import AMOUNT_MAX, Leg, hold_between, post_held, release_held
from contracts.settlement.transfer_ids import TRANSFER_ID_BYTES, Wanted, once, put_transfer
from contracts.settlement.transfers import movable, read_transfer
from ledger.codec import Value
from ledger.state import Head

HOLDS_MAX: Final = 1_000
"""Open holds of one debit account, so that what can expire in one block is bounded."""

TIMEOUT_MS_MAX: Final = 90 * 24 * 3_600_000

_PENDING: Final = "pending"
_POSTED: Final = "posted"
_VOIDED: Final = "voided"
_RESOLVED: Final = {
    _POSTED: ResultCode.HOLD_POSTED,
    _VOIDED: ResultCode.HOLD_VOIDED,
    EXPIRED: ResultCode.HOLD_EXPIRED,
}


def pend(context: Context, arguments: dict[str, Value]) -> Value:
    """Hold an amount for the owner of the credit account; the debit account's owner signs."""
    read = Arguments(arguments)
    wanted = read_transfer(read, "pend", timeout_ms=read.integer("timeout_ms", 1, TIMEOUT_MS_MAX))
    read.end()
    return once(context, wanted, lambda: _place(context, wanted))


def post(context: Context, arguments: dict[str, Value]) -> Value:
    """Pay what is held, or a part of it and free the rest; the debit account's owner signs."""
    read = Arguments(arguments)
    identifier = read.fixed("id", TRANSFER_ID_BYTES)
    pending_id = read.fixed("pending_id", TRANSFER_ID_BYTES)
    amount = read.optional_integer("amount", 0, AMOUNT_MAX)
    read.end()
    held = context.get(heads.held_amount(pending_id))
    if amount is None and held is not None:
        # Said now, so that asking for all of it again is not taken for the part that was posted.
        amount = cast(int, held["amount"])
    wanted = Wanted(kind="post", identifier=identifier, pending_id=pending_id, amount=amount)
    return once(context, wanted, lambda: _post(context, wanted))


def void(context: Context, arguments: dict[str, Value]) -> Value:
    """Give up what is held; the credit account's owner signs."""
    read = Arguments(arguments)
    wanted = Wanted(
        kind="void",
        identifier=read.fixed("id", TRANSFER_ID_BYTES),
        pending_id=read.fixed("pending_id", TRANSFER_ID_BYTES),
    )
    read.end()
    return once(context, wanted, lambda: _void(context, wanted))


def _place(context: Context, wanted: Wanted) -> Value:
    leg, sides = movable(context, wanted)
    if cast(int, sides.debit.get("holds", 0)) >= HOLDS_MAX:
        raise Rejected(ResultCode.TOO_MANY_HOLDS, f"{leg.debit} has {HOLDS_MAX} open holds")
    count_holds(sides.debit, 1)
    hold_between(context, leg, sides)
    expires_ms = context.block.time_ms + cast(int, wanted.timeout_ms)
    context.put(
        heads.held_amount(wanted.identifier),
        {
            "debit": leg.debit,
            "credit": leg.credit,
            "amount": leg.amount,
            "currency": sides.currency,
            "expires_ms": expires_ms,
            "status": _PENDING,
        },
    )
    context.put(heads.expiry(expires_ms, wanted.identifier), {})
    put_transfer(context, wanted, leg.debit, leg.credit, leg.amount, sides.currency)
    return {"expires_ms": expires_ms}


def _post(context: Context, wanted: Wanted) -> Value:
    held = _held(context, wanted)
    leg = _leg(held)
    _require_owner(context, leg.debit, ResultCode.NOT_ACCOUNT_OWNER)
    amount = cast(int, wanted.amount)
    if amount > leg.amount:
        raise Rejected(ResultCode.EXCEEDS_HELD_AMOUNT, f"{amount}, but {leg.amount} is held")
    _require_pending(held)
    post_held(context, leg, amount)
    return _resolve(context, wanted, held, _POSTED, amount)


def _void(context: Context, wanted: Wanted) -> Value:
    held = _held(context, wanted)
    leg = _leg(held)
    _require_owner(context, leg.credit, ResultCode.NOT_CREDIT_OWNER)
    _require_pending(held)
    release_held(context, leg)
    return _resolve(context, wanted, held, _VOIDED, 0)


def _held(context: Context, wanted: Wanted) -> Head:
    pending_id = cast(bytes, wanted.pending_id)
    held = context.get(heads.held_amount(pending_id))
    if held is None:
        if context.get(heads.transfer(pending_id)) is None:
            raise Rejected(ResultCode.UNKNOWN_HOLD, f"{pending_id.hex()} was not made")
        raise Rejected(ResultCode.NOT_A_HOLD, f"{pending_id.hex()} is no pending transfer")
    return held


def _leg(held: Head) -> Leg:
    return Leg(cast(str, held["debit"]), cast(str, held["credit"]), cast(int, held["amount"]))


def _require_owner(context: Context, account: str, code: ResultCode) -> None:
    head = context.get(heads.account(account))
    assert head is not None, "accounts are never removed"
    if head["owner"] != context.member:
        raise Rejected(code, f"{account} belongs to {head['owner']!r}")


def _require_pending(held: Head) -> None:
    resolved = _RESOLVED.get(cast(str, held["status"]))
    if resolved is not None:
        raise Rejected(resolved, f"it was {held['status']!r}")


def _resolve(context: Context, wanted: Wanted, held: Head, status: str, amount: int) -> Value:
    pending_id = cast(bytes, wanted.pending_id)
    leg = _leg(held)
    debit = context.get(heads.account(leg.debit))
    assert debit is not None, "accounts are never removed"
    count_holds(debit, -1)
    context.put(heads.account(leg.debit), debit)
    resolved: Head = {**held, "status": status, "resolved_by": wanted.identifier}
    if status == _POSTED:
        resolved["posted_amount"] = amount
    context.put(heads.held_amount(pending_id), resolved)
    context.delete(heads.expiry(cast(int, held["expires_ms"]), pending_id))
    put_transfer(context, wanted, leg.debit, leg.credit, amount, cast(str, held["currency"]))
    return {"amount": amount}
