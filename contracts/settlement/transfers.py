"""Transfers: amounts in minor units move from a debit to a credit account, under an id that makes retries harmless.

Issue and redeem are transfers from and to the currency's issuer account. A second transfer with the same id and the
same content is answered as a success that names the first and does nothing; with other content it is rejected by the
first field that differs. Rejections come in the order of ``_check_free`` and ``_move``, one a rejection; the golden
table in tests/unit/test_contracts_codes.py holds it.

A rejected transfer leaves no trace besides its receipt, so its id can be tried again later (docs/contracts.md,
"Retries").

Heads: ``transfer`` {kind, debit, credit, amount, currency, transaction, operation, time_ms, reference?, uetr?} and
``uetr`` {transfer}.
"""

import re
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ACCOUNT_ID_BYTES_MAX, ISSUER_PREFIX
from ledger.codec import Value
from ledger.limits import INTEGER_MAX
from ledger.state import Head

TRANSFER_ID_BYTES: Final = 16
AMOUNT_MAX: Final = 10**18 - 1
UETR: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_ISSUE: Final = "issue"
_REDEEM: Final = "redeem"
_TRANSFER: Final = "transfer"
_RESERVED_IDS: Final = frozenset({bytes(TRANSFER_ID_BYTES), b"\xff" * TRANSFER_ID_BYTES})
_DIFFERENCES: Final = (
    ("kind", ResultCode.EXISTS_WITH_DIFFERENT_KIND),
    ("debit", ResultCode.EXISTS_WITH_DIFFERENT_DEBIT),
    ("credit", ResultCode.EXISTS_WITH_DIFFERENT_CREDIT),
    ("amount", ResultCode.EXISTS_WITH_DIFFERENT_AMOUNT),
    ("currency", ResultCode.EXISTS_WITH_DIFFERENT_CURRENCY),
    ("reference", ResultCode.EXISTS_WITH_DIFFERENT_REFERENCE),
    ("uetr", ResultCode.EXISTS_WITH_DIFFERENT_UETR),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a transfer asks for; ``currency`` None leaves it to the accounts."""

    kind: str
    identifier: bytes
    debit: str
    credit: str
    amount: int
    currency: str | None = None
    reference: str | None = None
    uetr: str | None = None


def transfer(context: Context, arguments: dict[str, Value]) -> Value:
    """Move an amount between two accounts; the debit account's owner signs."""
    read = Arguments(arguments)
    wanted = Wanted(
        kind=_TRANSFER,
        identifier=read.fixed("id", TRANSFER_ID_BYTES),
        debit=read.identifier("debit", ACCOUNT_ID_BYTES_MAX),
        credit=read.identifier("credit", ACCOUNT_ID_BYTES_MAX),
        amount=read.integer("amount", 0, AMOUNT_MAX),
        currency=read.optional_identifier("currency", 12),
        reference=read.optional_text("reference", 140),
        uetr=read.optional_pattern("uetr", UETR),
    )
    read.end()
    return _check_free(context, wanted) or _move(context, wanted)


def issue(context: Context, arguments: dict[str, Value]) -> Value:
    """Make money: the issuer's account owes it, the named account has it; the currency's issuer signs."""
    return _with_issuer(context, arguments, _ISSUE)


def redeem(context: Context, arguments: dict[str, Value]) -> Value:
    """Give money back to its issuer, who pays it out elsewhere; the owner of the named account signs."""
    return _with_issuer(context, arguments, _REDEEM)


def _with_issuer(context: Context, arguments: dict[str, Value], kind: str) -> Value:
    """Transfer between the named account and the account of its currency's issuer, who pays where it issues."""
    read = Arguments(arguments)
    identifier = read.fixed("id", TRANSFER_ID_BYTES)
    account = read.identifier("account", ACCOUNT_ID_BYTES_MAX)
    amount = read.integer("amount", 0, AMOUNT_MAX)
    reference = read.optional_text("reference", 140)
    read.end()
    is_issue = kind == _ISSUE
    head = context.get(heads.account(account))
    if head is None:
        unknown = ResultCode.UNKNOWN_CREDIT_ACCOUNT if is_issue else ResultCode.UNKNOWN_DEBIT_ACCOUNT
        raise Rejected(unknown, f"{account} is not open")
    code = cast(str, head["currency"])
    issuer = ISSUER_PREFIX + code
    debit, credit = (issuer, account) if is_issue else (account, issuer)
    wanted = Wanted(kind, identifier, debit, credit, amount, code, reference)
    return _check_free(context, wanted) or _move(context, wanted)


def _check_free(context: Context, wanted: Wanted) -> Value:
    """Return None where the id is free, the answer to a retry where the same transfer was made, or reject."""
    if wanted.identifier in _RESERVED_IDS:
        raise Rejected(ResultCode.TRANSFER_ID_RESERVED, f"{wanted.identifier.hex()} is reserved")
    made = context.get(heads.transfer(wanted.identifier))
    if made is None:
        return None
    for field, code in _DIFFERENCES:
        asked = getattr(wanted, field)
        if field == "currency" and asked is None:
            continue  # left to the accounts, which are the same as then
        if asked != made.get(field):
            raise Rejected(code, f"{wanted.identifier.hex()} was made with {field} {made.get(field)!r}")
    return {"exists": True, **made}


def _move(context: Context, wanted: Wanted) -> Value:
    """Check the ladder that depends on state and post the transfer on both sides."""
    if wanted.debit == wanted.credit:
        raise Rejected(ResultCode.ACCOUNTS_MUST_DIFFER, f"{wanted.debit} cannot pay itself")
    if wanted.uetr is not None and context.get(heads.uetr(wanted.uetr)) is not None:
        raise Rejected(ResultCode.UETR_EXISTS, f"{wanted.uetr} was used")
    debit_key, credit_key = heads.account(wanted.debit), heads.account(wanted.credit)
    debit, credit = context.get(debit_key), context.get(credit_key)
    if debit is None:
        raise Rejected(ResultCode.UNKNOWN_DEBIT_ACCOUNT, f"{wanted.debit} is not open")
    if credit is None:
        raise Rejected(ResultCode.UNKNOWN_CREDIT_ACCOUNT, f"{wanted.credit} is not open")
    _check_parties(context, wanted, debit, credit)
    amount = wanted.amount
    debits_posted = cast(int, debit["debits_posted"]) + amount
    credits_posted = cast(int, credit["credits_posted"]) + amount
    if debits_posted > INTEGER_MAX or credits_posted > INTEGER_MAX:
        raise Rejected(ResultCode.BALANCE_OVERFLOW, f"{amount} more is over {INTEGER_MAX}")
    if debit["guarded"] and cast(int, debit["debits_pending"]) + debits_posted > cast(int, debit["credits_posted"]):
        raise Rejected(ResultCode.INSUFFICIENT_FUNDS, f"{wanted.debit} holds less than {amount}")
    debit["debits_posted"] = debits_posted
    credit["credits_posted"] = credits_posted
    context.record(debit_key, debit)
    context.record(credit_key, credit)
    _put_transfer(context, wanted, cast(str, debit["currency"]))
    return None


def _check_parties(context: Context, wanted: Wanted, debit: Head, credit: Head) -> None:
    if debit["owner"] != context.member:
        # The owner of an issuer account is the currency's issuer, so that the same rule reads otherwise to people.
        code = ResultCode.NOT_ISSUER if wanted.kind == _ISSUE else ResultCode.NOT_ACCOUNT_OWNER
        raise Rejected(code, f"{wanted.debit} belongs to {debit['owner']!r}")
    if debit["currency"] != credit["currency"]:
        raise Rejected(ResultCode.ACCOUNT_CURRENCIES_DIFFER, f"{debit['currency']!r} and {credit['currency']!r}")
    if wanted.currency is not None and wanted.currency != debit["currency"]:
        raise Rejected(ResultCode.TRANSFER_CURRENCY_DIFFERS, f"{wanted.currency}, not {debit['currency']!r}")
    if wanted.kind == _TRANSFER and (wanted.debit.startswith(ISSUER_PREFIX) or wanted.credit.startswith(ISSUER_PREFIX)):
        raise Rejected(ResultCode.ISSUER_ACCOUNT, "money enters by issue and leaves by redeem")


def _put_transfer(context: Context, wanted: Wanted, currency: str) -> None:
    made: Head = {
        "kind": wanted.kind,
        "debit": wanted.debit,
        "credit": wanted.credit,
        "amount": wanted.amount,
        "currency": currency,
        "transaction": context.transaction_id,
        "operation": context.operation_index,
        "time_ms": context.block.time_ms,
    }
    if wanted.reference is not None:
        made["reference"] = wanted.reference
    if wanted.uetr is not None:
        made["uetr"] = wanted.uetr
        context.put(heads.uetr(wanted.uetr), {"transfer": wanted.identifier})
    context.put(heads.transfer(wanted.identifier), made)
