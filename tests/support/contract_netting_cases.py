"""Rows of the table of result codes (tests/unit/test_contracts_codes.py): windows of obligations that are netted."""

from typing import cast

from contracts import heads
from contracts.settlement.windows import OBLIGATION_AMOUNT_MAX, OBLIGATIONS_MAX, WINDOW_MS_MAX
from ledger.codec import Value
from tests.support.contract_situations import Case, R, at, case, in_turn, issue, ran, with_head
from tests.support.contracts_world import START_MS, Call

CLOSES_MS = START_MS + 60_000


def window(**changed: object) -> Call:
    """Return the opening of a window of EUR for a minute."""
    fields = {"id": "noon", "currency": "EUR", "model": "multilateral", "closes_ms": CLOSES_MS, **changed}
    return "settlement.open_window", cast("dict[str, Value]", fields)


def owe(number: int = 1, **changed: object) -> Call:
    """Return an obligation of the shop to the maker."""
    fields: dict[str, object] = {"id": number.to_bytes(16, "big"), "window": "noon", "debit": "shop/eur"}
    fields |= {"credit": "maker/eur", "amount": 100, **changed}
    return "settlement.owe", cast("dict[str, Value]", fields)


def carry(number: int = 1, to: str = "evening") -> Call:
    """Return the carrying of an obligation into another window."""
    return "settlement.carry_obligation", {"id": number.to_bytes(16, "big"), "window": to}


def settle(identifier: str = "noon", currency: str = "EUR") -> Call:
    """Return the settlement of a window."""
    return "settlement.settle_window", {"id": identifier, "currency": currency}


OPENED = ran(("bank", window()))
OWED = in_turn(OPENED, ran(("shop", owe())))
FUNDED = in_turn(ran(("bank", issue())), OWED)
CLOSED = in_turn(FUNDED, at(CLOSES_MS))
SETTLED = in_turn(CLOSED, ran(("watcher", settle())))
EVENING = ran(("bank", window(id="evening", closes_ms=CLOSES_MS + 60_000)))
DEFERRED = in_turn(OWED, at(CLOSES_MS), ran(("watcher", settle())), EVENING)
_WINDOW_KEY = heads.netting_window("EUR", "noon")
_RULES: dict[str, Value] = {
    "source_currency": "EUR",
    "target_currency": "EUR",
    "side": "source",
    "version": 1,
    "from_ms": 0,
}
_LIMITED = ran(("bank", ("settlement.set_corridor", {**_RULES, "payment_max": 99})))
_REVIEWED = ran(("bank", ("settlement.set_corridor", {**_RULES, "counterparties_max": 1, "review_hours": 1})))

NETTING_CASES: tuple[Case, ...] = (
    case(R.OK, "bank", window(), note="a window"),
    case(R.UNKNOWN_CURRENCY, "bank", window(currency="USD"), note="of a window"),
    case(R.NOT_ISSUER, "other_bank", window(), note="opens no window"),
    case(R.ROLE_REQUIRED, "shop", window(), note="for a window"),
    case(R.WINDOW_EXISTS, "bank", window(closes_ms=0), setup=OPENED, note="before the time"),
    case(R.OK, "other_bank", window(currency="HKD"), setup=OPENED, note="a window of another currency"),
    case(R.WINDOW_TIME_UNACCEPTABLE, "bank", window(closes_ms=START_MS), note="closes at once"),
    case(R.WINDOW_TIME_UNACCEPTABLE, "bank", window(closes_ms=START_MS + WINDOW_MS_MAX + 1), note="too long"),
    case(R.OK, "bank", window(closes_ms=START_MS + WINDOW_MS_MAX), note="the longest window"),
    case(R.BAD_ARGUMENTS, "bank", window(model="net"), note="a model that is none"),
    case(R.OK, "shop", owe(), setup=OPENED, note="an obligation without money"),
    case(R.OK, "shop", owe(), setup=SETTLED, note="an obligation that is settled: exists"),
    case(R.OBLIGATION_EXISTS, "shop", owe(amount=101), setup=OWED),
    case(R.OBLIGATION_EXISTS, "shop", owe(window="evening"), setup=in_turn(OWED, EVENING), note="in another window"),
    case(R.BAD_ARGUMENTS, "shop", owe(amount=0), setup=OPENED, note="an obligation of nothing"),
    case(R.BAD_ARGUMENTS, "shop", owe(amount=OBLIGATION_AMOUNT_MAX + 1), setup=OPENED, note="of too much"),
    case(R.ACCOUNTS_MUST_DIFFER, "maker", owe(credit="shop/eur"), note="of an obligation"),
    case(R.UNKNOWN_DEBIT_ACCOUNT, "maker", owe(debit="a", credit="b"), note="of an obligation"),
    case(R.UNKNOWN_CREDIT_ACCOUNT, "maker", owe(credit="b"), note="of an obligation"),
    case(R.NOT_ACCOUNT_OWNER, "maker", owe(credit="issuer/EUR"), note="of an obligation"),
    case(R.ISSUER_ACCOUNT, "shop", owe(credit="issuer/EUR"), note="of an obligation"),
    case(
        R.ACCOUNT_CURRENCIES_DIFFER,
        "shop",
        owe(credit="maker/hkd"),
        setup=ran(("maker", ("settlement.open_account", {"id": "maker/hkd", "currency": "HKD"}))),
        note="of an obligation",
    ),
    case(R.UNKNOWN_WINDOW, "shop", owe()),
    case(R.UNKNOWN_WINDOW, "shop", owe(), setup=ran(("other_bank", window(currency="HKD"))), note="of the currency"),
    case(R.WINDOW_CLOSED, "shop", owe(2), setup=CLOSED, note="in the millisecond of its closing"),
    case(R.OK, "shop", owe(2), setup=in_turn(OPENED, at(CLOSES_MS - 1)), note="in the last millisecond of a window"),
    case(
        R.WINDOW_FULL,
        "shop",
        owe(),
        setup=in_turn(OPENED, with_head(_WINDOW_KEY, obligations=OBLIGATIONS_MAX)),
    ),
    case(R.PAYMENT_OVER_LIMIT, "shop", owe(), setup=in_turn(_LIMITED, OPENED), note="of an obligation"),
    case(
        R.OBLIGATION_NEEDS_REVIEW,
        "shop",
        owe(2, credit="carrier/eur"),
        setup=in_turn(_REVIEWED, OWED),
    ),
    case(R.UNKNOWN_WINDOW, "watcher", settle(), note="to settle"),
    case(R.WINDOW_STILL_OPEN, "bank", settle(), setup=in_turn(FUNDED, at(CLOSES_MS - 1))),
    case(R.OK, "watcher", settle(), setup=CLOSED, note="anybody settles a window"),
    case(R.OK, "watcher", settle(), setup=in_turn(OPENED, at(CLOSES_MS)), note="an empty window"),
    case(R.WINDOW_SETTLED, "watcher", settle(), setup=SETTLED),
    case(R.UNKNOWN_OBLIGATION, "shop", carry(), setup=EVENING),
    case(R.NOT_ACCOUNT_OWNER, "maker", carry(), setup=FUNDED, note="to carry an obligation"),
    case(R.OBLIGATION_NOT_DEFERRED, "shop", carry(), setup=in_turn(FUNDED, EVENING), note="that waits"),
    case(R.OBLIGATION_NOT_DEFERRED, "shop", carry(), setup=in_turn(SETTLED, EVENING), note="that is settled"),
    case(R.OK, "shop", carry(), setup=DEFERRED, note="a deferred obligation"),
    case(R.WINDOW_CLOSED, "shop", carry(to="noon"), setup=DEFERRED, note="back into its window"),
)
