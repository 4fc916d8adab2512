"""Accounts: four totals in minor units, so that nothing is netted away and every sum can be checked.

Heads: ``account`` {currency, owner, guarded, debits_posted, credits_posted, debits_pending, credits_pending, label?}
and, once a transfer has touched it, the history fields: each transfer is a record on both of its sides. A guarded
account never has ``debits_pending + debits_posted > credits_posted``.
"""

from typing import Final

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
