"""Currencies: a claim on the organisation that issues them.

Heads: ``currency`` {exponent, issuer}. The issuer account ``issuer/<code>`` is opened with it; it is the only account
of the currency that may owe, and what it owes is the supply.
"""

import re
from typing import Final

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.membership import acting_organisation, require_active
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ISSUER_PREFIX, new_account
from ledger.codec import Value

CODE: Final = re.compile(r"[A-Z][A-Z0-9]{2,11}")
EXPONENT_MAX: Final = 8


def define_currency(context: Context, arguments: dict[str, Value]) -> Value:
    """Define a currency and open its issuer account. ``exponent`` is the number of decimals of the major unit."""
    read = Arguments(arguments)
    issuer = acting_organisation(context, read)
    code = read.pattern("code", CODE)
    exponent = read.integer("exponent", 0, EXPONENT_MAX)
    read.end()
    require_active(context, issuer)
    if context.get(heads.currency(code)) is not None:
        raise Rejected(ResultCode.CURRENCY_EXISTS, f"{code} is defined")
    context.put(heads.currency(code), {"exponent": exponent, "issuer": issuer})
    context.put(heads.account(ISSUER_PREFIX + code), new_account(code, issuer, guarded=False))
    return None
