"""Transfers: amounts in minor units move from a debit to a credit account, under an id that makes retries harmless.

Issue and redeem are transfers from and to the currency's issuer account. Several transfers that must all happen or none
are operations of one transaction. Rejections come in one order, one a rejection: that of ``transfer_ids.once``, then of
``movable``, then of contracts/settlement/posting.py; the golden table in tests/unit/test_contracts_codes.py holds it.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ACCOUNT_ID_BYTES_MAX, ISSUER_PREFIX
from contracts.settlement.corridors import NO_PARTIES, check_within
from contracts.settlement.posting import AMOUNT_MAX, Leg, Sides, check_currencies, post_between, sides_of
from contracts.settlement.transfer_ids import TRANSFER_ID_BYTES, UETR, Wanted, once, put_transfer
from ledger.codec import Value

_ISSUE: Final = "issue"
_REDEEM: Final = "redeem"
_TRANSFER: Final = "transfer"


def transfer(context: Context, arguments: dict[str, Value]) -> Value:
    """Move an amount between two accounts; the debit account's owner signs."""
    read = Arguments(arguments)
    wanted = read_transfer(read, _TRANSFER)
    read.end()
    return once(context, wanted, lambda: _move(context, wanted))


def issue(context: Context, arguments: dict[str, Value]) -> Value:
    """Make money: the issuer's account owes it, the named account has it; the currency's issuer signs."""
    return _with_issuer(context, arguments, _ISSUE)


def redeem(context: Context, arguments: dict[str, Value]) -> Value:
    """Give money back to its issuer, who pays it out elsewhere; the owner of the named account signs."""
    return _with_issuer(context, arguments, _REDEEM)


def read_transfer(read: Arguments, kind: str, timeout_ms: int | None = None) -> Wanted:
    """Return what the arguments of a transfer ask for."""
    return Wanted(
        kind=kind,
        identifier=read.fixed("id", TRANSFER_ID_BYTES),
        debit=read.identifier("debit", ACCOUNT_ID_BYTES_MAX),
        credit=read.identifier("credit", ACCOUNT_ID_BYTES_MAX),
        amount=read.integer("amount", 0, AMOUNT_MAX),
        currency=read.optional_identifier("currency", 12),
        reference=read.optional_text("reference", 140),
        uetr=read.optional_pattern("uetr", UETR),
        timeout_ms=timeout_ms,
    )


def movable(context: Context, wanted: Wanted) -> tuple[Leg, Sides]:
    """Return the leg that is asked for and its accounts, after the checks of who may move what between them."""
    leg = Leg(cast(str, wanted.debit), cast(str, wanted.credit), cast(int, wanted.amount))
    if leg.debit != leg.credit and wanted.uetr is not None and context.get(heads.uetr(wanted.uetr)) is not None:
        raise Rejected(ResultCode.UETR_EXISTS, f"{wanted.uetr} was used")
    sides = sides_of(context, leg)
    if sides.debit["owner"] != context.member:
        # The owner of an issuer account is the currency's issuer, so that the same rule reads otherwise to people.
        code = ResultCode.NOT_ISSUER if wanted.kind == _ISSUE else ResultCode.NOT_ACCOUNT_OWNER
        raise Rejected(code, f"{leg.debit} belongs to {sides.debit['owner']!r}")
    check_currencies(sides)
    if wanted.currency is not None and wanted.currency != sides.currency:
        raise Rejected(ResultCode.TRANSFER_CURRENCY_DIFFERS, f"{wanted.currency}, not {sides.currency!r}")
    if wanted.kind not in (_ISSUE, _REDEEM):
        _require_between_firms(context, leg, sides)
    return leg, sides


def _require_between_firms(context: Context, leg: Leg, sides: Sides) -> None:
    """Refuse what touches an issuer account, and judge what one organisation gives another as a payment would be.

    A transfer carries nothing about its parties and cannot wait, so what rules ask more of goes by settlement.pay.
    """
    if leg.debit.startswith(ISSUER_PREFIX) or leg.credit.startswith(ISSUER_PREFIX):
        raise Rejected(ResultCode.ISSUER_ACCOUNT, "money enters by issue and leaves by redeem")
    if sides.debit["owner"] == sides.credit["owner"]:
        return
    if check_within(context, sides.currency, leg, NO_PARTIES) is not None:
        raise Rejected(ResultCode.TRANSFER_NEEDS_REVIEW, "use settlement.pay, which can wait for the issuer")


def _with_issuer(context: Context, arguments: dict[str, Value], kind: str) -> Value:
    """Transfer between the named account and the account of its currency's issuer, who pays where it issues."""
    read = Arguments(arguments)
    identifier = read.fixed("id", TRANSFER_ID_BYTES)
    account = read.identifier("account", ACCOUNT_ID_BYTES_MAX)
    amount = read.integer("amount", 0, AMOUNT_MAX)
    reference = read.optional_text("reference", 140)
    read.end()
    is_issue = kind == _ISSUE
    wanted = Wanted(
        kind,
        identifier,
        debit=None if is_issue else account,
        credit=account if is_issue else None,
        amount=amount,
        reference=reference,
    )

    def carry_out() -> Value:
        head = context.get(heads.account(account))
        if head is None:
            unknown = ResultCode.UNKNOWN_CREDIT_ACCOUNT if is_issue else ResultCode.UNKNOWN_DEBIT_ACCOUNT
            raise Rejected(unknown, f"{account} is not open")
        code = cast(str, head["currency"])
        issuer = ISSUER_PREFIX + code
        debit, credit = (issuer, account) if is_issue else (account, issuer)
        return _move(context, wanted._replace(debit=debit, credit=credit, currency=code))

    return once(context, wanted, carry_out)


def _move(context: Context, wanted: Wanted) -> Value:
    leg, sides = movable(context, wanted)
    post_between(context, leg, sides)
    put_transfer(context, wanted, leg.debit, leg.credit, leg.amount, sides.currency)
    return None
