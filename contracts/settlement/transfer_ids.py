"""Transfer ids: what makes trying again harmless.

A second operation with the same id and the same content is answered as a success that names the first and does
nothing; with other content it is rejected by the first field that differs. One that the state refused (no money, no
such account) has failed for good for the organisation that used it: a late copy of it never pays, and whoever wants to
try again takes a new id. So the answer to an id never changes from failed to paid.

Heads: ``transfer`` {kind, debit, credit, amount, currency, transaction, operation, time_ms, reference?, uetr?,
pending_id?, timeout_ms?}, ``failed_transfer`` {code, transaction, operation, time_ms} and ``uetr`` {transfer}.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, cast

from contracts import heads
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

TRANSFER_ID_BYTES: Final = 16
UETR: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_RESERVED_IDS: Final = frozenset({bytes(TRANSFER_ID_BYTES), b"\xff" * TRANSFER_ID_BYTES})
_DIFFERENCES: Final = (
    ("kind", ResultCode.EXISTS_WITH_DIFFERENT_KIND),
    ("pending_id", ResultCode.EXISTS_WITH_DIFFERENT_PENDING_ID),
    ("timeout_ms", ResultCode.EXISTS_WITH_DIFFERENT_TIMEOUT),
    ("debit", ResultCode.EXISTS_WITH_DIFFERENT_DEBIT),
    ("credit", ResultCode.EXISTS_WITH_DIFFERENT_CREDIT),
    ("amount", ResultCode.EXISTS_WITH_DIFFERENT_AMOUNT),
    ("currency", ResultCode.EXISTS_WITH_DIFFERENT_CURRENCY),
    ("reference", ResultCode.EXISTS_WITH_DIFFERENT_REFERENCE),
    ("uetr", ResultCode.EXISTS_WITH_DIFFERENT_UETR),
)
_LEFT_TO_STATE: Final = frozenset({"debit", "credit", "amount", "currency"})
"""What an operation may leave out where the state says it, which says the same as when the first was made."""

_FAILS_FOR_GOOD: Final = frozenset(
    {
        ResultCode.UNKNOWN_DEBIT_ACCOUNT,
        ResultCode.UNKNOWN_CREDIT_ACCOUNT,
        ResultCode.UNKNOWN_HOLD,
        ResultCode.DEBIT_ACCOUNT_CLOSED,
        ResultCode.CREDIT_ACCOUNT_CLOSED,
        ResultCode.DEBIT_ACCOUNT_FROZEN,
        ResultCode.CREDIT_ACCOUNT_FROZEN,
        ResultCode.TOO_MANY_HOLDS,
        ResultCode.INSUFFICIENT_FUNDS,
    }
)
"""Refusals that another moment would not have given: those after which the id is never tried again."""


class Wanted(NamedTuple):
    """What an operation asks for; None for a field of ``_LEFT_TO_STATE`` leaves it to the state."""

    kind: str
    identifier: bytes
    debit: str | None = None
    credit: str | None = None
    amount: int | None = None
    currency: str | None = None
    reference: str | None = None
    uetr: str | None = None
    pending_id: bytes | None = None
    timeout_ms: int | None = None


def once(context: Context, wanted: Wanted, carry_out: Callable[[], Value]) -> Value:
    """Carry out what was not done under this id, answer what was, and refuse for good what the state refuses."""
    if wanted.identifier in _RESERVED_IDS:
        raise Rejected(ResultCode.TRANSFER_ID_RESERVED, f"{wanted.identifier.hex()} is reserved")
    made = context.get(heads.transfer(wanted.identifier))
    if made is not None:
        _require_same(wanted, made)
        return {"exists": True, **made}
    mark = heads.failed_transfer(context.member, wanted.identifier)
    failed = context.get(mark)
    if failed is not None:
        first = ResultCode(cast(int, failed["code"])).name
        raise Rejected(ResultCode.TRANSFER_ID_FAILED, f"{wanted.identifier.hex()} failed with {first}; take a new id")
    try:
        return carry_out()
    except Rejected as rejected:
        if rejected.code in _FAILS_FOR_GOOD:
            rejected.leaves = mark, {"code": rejected.code.value, **_place(context)}
        raise


def put_transfer(context: Context, wanted: Wanted, debit: str, credit: str, amount: int, currency: str) -> None:
    """Keep what was done under an id, and the UETR with it."""
    made: Head = {
        "kind": wanted.kind,
        "debit": debit,
        "credit": credit,
        "amount": amount,
        "currency": currency,
        **_place(context),
    }
    for field in ("reference", "uetr", "pending_id", "timeout_ms"):
        value = getattr(wanted, field)
        if value is not None:
            made[field] = value
    if wanted.uetr is not None:
        context.put(heads.uetr(wanted.uetr), {"transfer": wanted.identifier})
    context.put(heads.transfer(wanted.identifier), made)


def _require_same(wanted: Wanted, made: Head) -> None:
    for field, code in _DIFFERENCES:
        asked = getattr(wanted, field)
        if asked is None and field in _LEFT_TO_STATE:
            continue
        if asked != made.get(field):
            raise Rejected(code, f"{wanted.identifier.hex()} was made with {field} {made.get(field)!r}")


def _place(context: Context) -> Head:
    return {
        "transaction": context.transaction_id,
        "operation": context.operation_index,
        "time_ms": context.block.time_ms,
    }
