"""Accounts: four totals in minor units, so that nothing is netted away and every sum can be checked.

Heads: ``account`` {currency, owner, guarded, debits_posted, credits_posted, debits_pending, credits_pending, label?,
holds?, closed?, frozen?} and, once a transfer has touched it, the history fields: each transfer is a record on both of
its sides. A guarded account never has ``debits_pending + debits_posted > credits_posted``. ``holds`` counts the open
holds of which it is the debit account.

What is closed or frozen neither pays nor is paid; what is held for or by it can still be given up or expire.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.membership import acting_organisation, require_active
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

ACCOUNT_ID_BYTES_MAX: Final = 128
ISSUER_PREFIX: Final = "issuer/"


def open_account(context: Context, arguments: dict[str, Value]) -> Value:
    """Open an account for the signer's organisation; only the currency's issuer may open one that can be overdrawn."""
    read = Arguments(arguments)
    owner = acting_organisation(context, read)
    identifier = read.identifier("id", ACCOUNT_ID_BYTES_MAX)
    code = read.identifier("currency", 12)
    guarded = read.boolean("guarded", default=True)
    label = read.optional_text("label", 100)
    read.end()
    if identifier.startswith(ISSUER_PREFIX):
        raise Rejected(ResultCode.RESERVED_ACCOUNT_ID, f"{identifier} begins with {ISSUER_PREFIX}")
    require_active(context, owner)
    currency = context.get(heads.currency(code))
    if currency is None:
        raise Rejected(ResultCode.UNKNOWN_CURRENCY, f"{code} is not defined")
    if context.get(heads.account(identifier)) is not None:
        raise Rejected(ResultCode.ACCOUNT_EXISTS, f"{identifier} is open")
    if not guarded and currency["issuer"] != owner:
        # An account that can be overdrawn makes money, which is the issuer's alone to do.
        raise Rejected(ResultCode.NOT_ISSUER, f"only {currency['issuer']!r} may open an unguarded {code} account")
    account = new_account(code, owner, guarded=guarded)
    if label is not None:
        account["label"] = label
    context.put(heads.account(identifier), account)
    return None


def close_account(context: Context, arguments: dict[str, Value]) -> Value:
    """Close an empty account for good; its owner signs."""
    key, account = _named(context, arguments)
    if account["owner"] != context.member:
        raise Rejected(ResultCode.NOT_ACCOUNT_OWNER, f"it belongs to {account['owner']!r}")
    if cast(str, arguments["id"]).startswith(ISSUER_PREFIX):
        raise Rejected(ResultCode.ISSUER_ACCOUNT, "a currency's issuer account is open as long as the currency is")
    if account["credits_posted"] != account["debits_posted"]:
        raise Rejected(ResultCode.ACCOUNT_NOT_EMPTY, "pay out what it holds first")
    context.record(key, {**account, "closed": True})
    return None


def freeze_account(context: Context, arguments: dict[str, Value]) -> Value:
    """Freeze an account: the issuer of its currency signs."""
    key, account = _frozen_by_issuer(context, arguments)
    if "frozen" in account:
        raise Rejected(ResultCode.ACCOUNT_FROZEN_ALREADY, f"{arguments['id']!r} is frozen")
    context.record(key, {**account, "frozen": True})
    return None


def unfreeze_account(context: Context, arguments: dict[str, Value]) -> Value:
    """Let a frozen account pay and be paid again: the issuer of its currency signs."""
    key, account = _frozen_by_issuer(context, arguments)
    if account.pop("frozen", None) is None:
        raise Rejected(ResultCode.ACCOUNT_NOT_FROZEN, f"{arguments['id']!r} is not frozen")
    context.record(key, account)
    return None


def count_holds(account: Head, change: int) -> None:
    """Change the number of open holds of which an account is the debit account."""
    account["holds"] = cast(int, account.get("holds", 0)) + change


def _frozen_by_issuer(context: Context, arguments: dict[str, Value]) -> tuple[bytes, Head]:
    key, account = _named(context, arguments)
    code = cast(str, account["currency"])
    currency = context.get(heads.currency(code))
    assert currency is not None, "an account is in a currency that was defined"
    if currency["issuer"] != context.member:
        raise Rejected(ResultCode.NOT_ISSUER, f"{code} is issued by {currency['issuer']!r}")
    return key, account


def _named(context: Context, arguments: dict[str, Value]) -> tuple[bytes, Head]:
    """Return the key and the head of the open account that is the one argument."""
    read = Arguments(arguments)
    identifier = read.identifier("id", ACCOUNT_ID_BYTES_MAX)
    read.end()
    key = heads.account(identifier)
    account = context.get(key)
    if account is None:
        raise Rejected(ResultCode.UNKNOWN_ACCOUNT, f"{identifier} is not open")
    if "closed" in account:
        raise Rejected(ResultCode.ACCOUNT_CLOSED, f"{identifier} was closed")
    return key, account


def new_account(currency: str, owner: str, *, guarded: bool) -> Head:
    """Return the head of an account that nothing has touched."""
    return {
        "currency": currency,
        "owner": owner,
        "guarded": guarded,
        "debits_posted": 0,
        "credits_posted": 0,
        "debits_pending": 0,
        "credits_pending": 0,
    }
