"""Posting: the one door through which the totals of accounts change.

A *leg* moves an amount from a debit to a credit account of one currency. It is posted at once, or it is held (pending
on both sides) and later posted in part or whole, or released. The legs of one call are posted in order, and a later one
sees what an earlier one did; the first that is rejected undoes the transaction.

Who may move what is for the callers to say: the owner of an account, a signed quote, a condition that was met. Checks,
first match wins: ACCOUNTS_MUST_DIFFER, UNKNOWN_DEBIT_ACCOUNT, UNKNOWN_CREDIT_ACCOUNT, ACCOUNT_CURRENCIES_DIFFER,
DEBIT_ACCOUNT_CLOSED, CREDIT_ACCOUNT_CLOSED, DEBIT_ACCOUNT_FROZEN, CREDIT_ACCOUNT_FROZEN, BALANCE_OVERFLOW,
INSUFFICIENT_FUNDS. A guarded account keeps ``debits_pending + debits_posted <= credits_posted``, and since a hold is
counted when it is placed, what was held can always be posted.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from contracts import heads
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from ledger.limits import INTEGER_MAX
from ledger.state import Head

AMOUNT_MAX: Final = 10**18 - 1


class Leg(NamedTuple):
    """An amount in minor units that moves between two accounts, named by their ids."""

    debit: str
    credit: str
    amount: int


class Sides(NamedTuple):
    """The two accounts of a leg as they are now, and the keys of their heads."""

    debit: Head
    credit: Head
    debit_key: bytes
    credit_key: bytes

    @property
    def currency(self) -> str:
        """The code of the currency that the accounts are in."""
        return cast(str, self.debit["currency"])


def sides_of(context: Context, leg: Leg) -> Sides:
    """Return the accounts of a leg, which differ and are there."""
    if leg.debit == leg.credit:
        raise Rejected(ResultCode.ACCOUNTS_MUST_DIFFER, f"{leg.debit} cannot pay itself")
    debit_key, credit_key = heads.account(leg.debit), heads.account(leg.credit)
    debit, credit = context.get(debit_key), context.get(credit_key)
    if debit is None:
        raise Rejected(ResultCode.UNKNOWN_DEBIT_ACCOUNT, f"{leg.debit} is not open")
    if credit is None:
        raise Rejected(ResultCode.UNKNOWN_CREDIT_ACCOUNT, f"{leg.credit} is not open")
    return Sides(debit, credit, debit_key, credit_key)


def check_currencies(sides: Sides) -> None:
    """Require the accounts of a leg to be in one currency."""
    if sides.debit["currency"] != sides.credit["currency"]:
        differ = f"{sides.debit['currency']!r} and {sides.credit['currency']!r}"
        raise Rejected(ResultCode.ACCOUNT_CURRENCIES_DIFFER, differ)


def post(context: Context, legs: Sequence[Leg]) -> None:
    """Post every leg at once."""
    for leg in legs:
        sides = sides_of(context, leg)
        check_currencies(sides)
        post_between(context, leg, sides)


def hold(context: Context, legs: Sequence[Leg]) -> None:
    """Hold every leg: pending on both sides until it is posted or released."""
    for leg in legs:
        sides = sides_of(context, leg)
        check_currencies(sides)
        hold_between(context, leg, sides)


def post_between(context: Context, leg: Leg, sides: Sides) -> None:
    """Post a leg between accounts that were read already and are in one currency."""
    _check_usable(leg, sides)
    _check_totals(leg, sides)
    add_to_totals(sides, "posted", leg.amount)
    _record(context, sides)


def hold_between(context: Context, leg: Leg, sides: Sides) -> None:
    """Hold a leg between accounts that were read already and are in one currency."""
    _check_usable(leg, sides)
    _check_totals(leg, sides)
    add_to_totals(sides, "pending", leg.amount)
    _record(context, sides)


def post_held(context: Context, held: Leg, amount: int) -> None:
    """Post ``amount`` (0 to all of it) of a leg that was held, and free the rest."""
    assert 0 <= amount <= held.amount, "a hold is never posted beyond its amount"
    sides = sides_of(context, held)
    _check_usable(held, sides)
    add_to_totals(sides, "pending", -held.amount)
    add_to_totals(sides, "posted", amount)
    _record(context, sides)


def release_held(context: Context, held: Leg) -> None:
    """Free a leg that was held; a closed or frozen account does not stand in the way."""
    sides = sides_of(context, held)
    add_to_totals(sides, "pending", -held.amount)
    _record(context, sides)


def _check_usable(leg: Leg, sides: Sides) -> None:
    for flag, debit_code, credit_code in (
        ("closed", ResultCode.DEBIT_ACCOUNT_CLOSED, ResultCode.CREDIT_ACCOUNT_CLOSED),
        ("frozen", ResultCode.DEBIT_ACCOUNT_FROZEN, ResultCode.CREDIT_ACCOUNT_FROZEN),
    ):
        if flag in sides.debit:
            raise Rejected(debit_code, f"{leg.debit} is {flag}")
        if flag in sides.credit:
            raise Rejected(credit_code, f"{leg.credit} is {flag}")


def _check_totals(leg: Leg, sides: Sides) -> None:
    debits = _total(sides.debit, "debits") + leg.amount
    if debits > INTEGER_MAX or _total(sides.credit, "credits") + leg.amount > INTEGER_MAX:
        raise Rejected(ResultCode.BALANCE_OVERFLOW, f"{leg.amount} more is over {INTEGER_MAX}")
    if sides.debit["guarded"] and debits > cast(int, sides.debit["credits_posted"]):
        raise Rejected(ResultCode.INSUFFICIENT_FUNDS, f"{leg.debit} holds less than {leg.amount}")


def _total(account: Head, side: str) -> int:
    """Return what is posted and pending together, so that posting what was held never overflows."""
    return cast(int, account[f"{side}_pending"]) + cast(int, account[f"{side}_posted"])


def add_to_totals(sides: Sides, kind: str, amount: int) -> None:
    """Add to the posted or pending totals of both sides; nothing is checked but that no total falls below zero."""
    for account, field in ((sides.debit, f"debits_{kind}"), (sides.credit, f"credits_{kind}")):
        total = cast(int, account[field]) + amount
        assert total >= 0, "more would be freed than is held"
        account[field] = total


def _record(context: Context, sides: Sides) -> None:
    context.record(sides.debit_key, sides.debit)
    context.record(sides.credit_key, sides.credit)
