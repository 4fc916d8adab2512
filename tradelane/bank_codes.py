"""The words of banks for what the ledger says: statuses and reasons out of ISO 20022's external code sets.

A payment that the ledger refused has no head, so its reason comes out of the result code of its transaction.
"""

from dataclasses import dataclass
from typing import Final

from contracts.results import ResultCode
from tradelane.errors import BadRequestError

SETTLED: Final = "ACSC"
CHANGED: Final = "ACWC"
IN_PROCESS: Final = "ACSP"
PENDING: Final = "PDNG"
REJECTED: Final = "RJCT"

NARRATIVE: Final = "NARR"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a status of a payment is called: in a pacs.002, and of what goes back in a pacs.004."""

    status: str
    reason: str | None
    text: str | None
    return_reason: str


_OUTCOMES: Final = {
    "held": Outcome(IN_PROCESS, None, None, NARRATIVE),
    "disputed": Outcome(PENDING, NARRATIVE, "payer or payee disputes it", NARRATIVE),
    "settled": Outcome(SETTLED, None, None, "MS02"),
    "refunded": Outcome(REJECTED, NARRATIVE, "it was sent back", "ED05"),
    "cancelled": Outcome(REJECTED, NARRATIVE, "the payee gave it up", NARRATIVE),
    "expired": Outcome(REJECTED, "AB03", "it was not released in time", "ED05"),
    "resolved": Outcome(REJECTED, NARRATIVE, "a dispute ended in favour of the payer", NARRATIVE),
}
STATUSES: Final = tuple(_OUTCOMES)
"""The statuses that a payment of the ledger can have."""

# Result code -> reason of a pacs.002 (ExternalStatusReason1Code); what is not here is told in words (NARR).
REASONS: Final = {
    ResultCode.UETR_EXISTS: "DUPL",
    ResultCode.UNKNOWN_DEBIT_ACCOUNT: "AC02",
    ResultCode.UNKNOWN_CREDIT_ACCOUNT: "AC03",
    ResultCode.NOT_ACCOUNT_OWNER: "AC02",
    ResultCode.ISSUER_ACCOUNT: "AG01",
    ResultCode.ACCOUNT_CURRENCIES_DIFFER: "CURR",
    ResultCode.TRANSFER_CURRENCY_DIFFERS: "CURR",
    ResultCode.QUOTE_NEEDED: "CURR",
    ResultCode.QUOTE_PAIR_DIFFERS: "CURR",
    ResultCode.INSUFFICIENT_FUNDS: "AM04",
    ResultCode.DEBIT_ACCOUNT_CLOSED: "AC04",
    ResultCode.CREDIT_ACCOUNT_CLOSED: "AC04",
    ResultCode.DEBIT_ACCOUNT_FROZEN: "AC06",
    ResultCode.CREDIT_ACCOUNT_FROZEN: "AC06",
    ResultCode.AMOUNT_TOO_SMALL: "AM12",
    ResultCode.QUOTE_AMOUNT_OUT_OF_RANGE: "AM02",
    ResultCode.QUOTE_EXHAUSTED: "AM02",
    ResultCode.QUOTE_EXPIRED: "AB03",
    ResultCode.QUOTE_HEIGHT_PASSED: "AB03",
    ResultCode.PAYMENT_OVER_LIMIT: "AM02",
    ResultCode.DAY_LIMIT_EXCEEDED: "AM14",
    ResultCode.THIRTY_DAYS_LIMIT_EXCEEDED: "AM14",
    ResultCode.PARTY_DATA_MISSING: "RR04",
    ResultCode.ATTESTATION_MISSING: "RR04",
    ResultCode.ATTESTATION_NOT_CLEAR: "RR04",
}


def outcome_of(status: str, released: int, amount: int, *, is_reviewed: bool = False) -> Outcome:
    """Return what a payment's status is called, of which so much of an amount was released.

    ``is_reviewed`` says that somebody has to agree first; why is not on the ledger. Raises BadRequestError for a status
    of a later version.
    """
    outcome = _OUTCOMES.get(status)
    if outcome is None:
        raise BadRequestError("iso.unknown_status", f"a payment is {status[:40]!r}, which banks have no word for here")
    if is_reviewed and outcome.status == IN_PROCESS:
        return Outcome(PENDING, NARRATIVE, "it waits for a review", outcome.return_reason)
    if outcome.status == REJECTED and released == amount:
        return Outcome(SETTLED, None, None, outcome.return_reason)
    if outcome.status == REJECTED and released:
        text = "it was divided" if status == "resolved" else outcome.text
        return Outcome(CHANGED, NARRATIVE, text, outcome.return_reason)
    return outcome


def reason_of(result: str) -> tuple[str, str]:
    """Return the reason code for the name of a result code, and the words that go with it."""
    code = ResultCode.__members__.get(result)
    reason = REASONS.get(code, NARRATIVE) if code is not None else NARRATIVE
    return reason, code.meaning if code is not None else result
