"""Rows of the table of result codes (tests/unit/test_contracts_codes.py): holds, closed and frozen accounts."""

from collections.abc import Callable

from contracts import heads
from contracts.settlement.holds import HOLDS_MAX, TIMEOUT_MS_MAX
from ledger.codec import Value
from tests.support.contract_situations import (
    HKD,
    ID,
    PAID,
    Case,
    R,
    case,
    in_turn,
    issue,
    pay,
    ran,
    ran_all,
    redeem,
    with_head,
)
from tests.support.contracts_world import Call, World

HELD = b"h" * 16
TIMEOUT_MS = 60_000


def pend(**more: Value) -> Call:
    """Return the placing of a hold of 100."""
    fields: dict[str, Value] = {"id": HELD, "debit": "shop/eur", "credit": "maker/eur", "amount": 100}
    return "settlement.pend", {**fields, "timeout_ms": TIMEOUT_MS, **more}


def post(**more: Value) -> Call:
    """Return the posting of the hold."""
    return "settlement.post", {"id": b"p" * 16, "pending_id": HELD, **more}


def void(**more: Value) -> Call:
    """Return the giving up of the hold."""
    return "settlement.void", {"id": b"v" * 16, "pending_id": HELD, **more}


def account(verb: str, name: str = "maker/eur") -> Call:
    """Return an operation about an account."""
    return f"settlement.{verb}_account", {"id": name}


def later(ms: int) -> Callable[[World], None]:
    """Let time pass."""

    def setup(world: World) -> None:
        world.time_ms += ms

    return setup


def failed(signer: str, *calls: Call) -> Callable[[World], None]:
    """Run a transaction that is rejected."""

    def setup(world: World) -> None:
        assert world.code(signer, *calls) is not R.OK

    return setup


LATE = ran(("shop", ("settlement.open_account", {"id": "late/eur", "currency": "EUR"})))
FAILED = failed("shop", pay())
FUNDED = ran(("bank", issue()))
PLACED = in_turn(FUNDED, ran_all("shop", pend(reference="a")))
CLOSED = in_turn(PLACED, ran(("maker", account("close"))))
FROZEN = in_turn(PLACED, ran(("bank", account("freeze"))))

HOLD_CASES: tuple[Case, ...] = (
    case(R.OK, "shop", pend(), setup=FUNDED, note="a hold"),
    case(R.BAD_ARGUMENTS, "shop", pend(timeout_ms=0), setup=FUNDED, note="a hold for no time"),
    case(R.BAD_ARGUMENTS, "shop", pend(timeout_ms=TIMEOUT_MS_MAX + 1), setup=FUNDED, note="a hold for too long"),
    case(R.OK, "shop", pend(reference="a"), setup=PLACED, note="the same hold: exists"),
    case(R.EXISTS_WITH_DIFFERENT_KIND, "shop", pay(id=HELD, amount=1), setup=PLACED, note="a hold"),
    case(R.EXISTS_WITH_DIFFERENT_TIMEOUT, "shop", pend(timeout_ms=1, amount=1), setup=PLACED, note="before the amount"),
    case(R.EXISTS_WITH_DIFFERENT_REFERENCE, "shop", pend(), setup=PLACED, note="a hold without one"),
    case(
        R.EXISTS_WITH_DIFFERENT_PENDING_ID,
        "shop",
        post(pending_id=ID, amount=5),
        setup=in_turn(PLACED, ran_all("shop", post())),
        note="before the amount",
    ),
    case(R.EXISTS_WITH_DIFFERENT_AMOUNT, "shop", post(amount=5), setup=in_turn(PLACED, ran_all("shop", post()))),
    case(
        R.EXISTS_WITH_DIFFERENT_AMOUNT,
        "shop",
        post(),
        setup=in_turn(PLACED, ran_all("shop", post(amount=5))),
        note="all of it after a part",
    ),
    case(
        R.OK, "shop", post(amount=100), setup=in_turn(PLACED, ran_all("shop", post())), note="all of it by its amount"
    ),
    case(
        R.TRANSFER_ID_FAILED,
        "bank",
        issue(account="late/eur"),
        setup=in_turn(failed("bank", issue(account="late/eur")), LATE),
        note="the account was opened since",
    ),
    case(
        R.TRANSFER_ID_FAILED,
        "shop",
        redeem(account="late/eur"),
        setup=in_turn(failed("shop", redeem(account="late/eur")), LATE),
        note="of money given back",
    ),
    case(R.EXISTS_WITH_DIFFERENT_CREDIT, "bank", issue(account="nobody"), setup=FUNDED, note="before who it is"),
    case(R.EXISTS_WITH_DIFFERENT_KIND, "bank", issue(id=HELD), setup=PLACED, note="an issue"),
    case(R.TRANSFER_ID_FAILED, "shop", pay(), setup=in_turn(FAILED, FUNDED), note="money came"),
    case(R.TRANSFER_ID_FAILED, "shop", pay(amount=5), setup=in_turn(FAILED, FUNDED), note="with another amount"),
    case(R.OK, "bank", issue(id=ID), setup=FAILED, note="an id that failed for another organisation"),
    case(R.NOT_ACCOUNT_OWNER, "carrier", pend(), setup=FUNDED, note="of a hold"),
    case(R.INSUFFICIENT_FUNDS, "shop", pend(amount=901), setup=in_turn(FUNDED, ran_all("shop", pay())), note="a hold"),
    case(R.INSUFFICIENT_FUNDS, "shop", pay(amount=901), setup=PLACED, note="what is held is not there"),
    case(R.ISSUER_ACCOUNT, "shop", pend(credit="issuer/EUR"), setup=FUNDED, note="of a hold"),
    case(
        R.TOO_MANY_HOLDS,
        "shop",
        pend(),
        setup=in_turn(FUNDED, with_head(heads.account("shop/eur"), holds=HOLDS_MAX)),
    ),
    case(R.UNKNOWN_HOLD, "shop", post(amount=5)),
    case(R.UNKNOWN_HOLD, "maker", void()),
    case(R.NOT_A_HOLD, "carrier", post(pending_id=ID), setup=PAID, note="before the owner"),
    case(R.NOT_ACCOUNT_OWNER, "maker", post(amount=101), setup=PLACED, note="the payee does not take it"),
    case(R.NOT_CREDIT_OWNER, "shop", void(), setup=PLACED, note="the payer does not take it back"),
    case(R.EXCEEDS_HELD_AMOUNT, "shop", post(amount=101), setup=in_turn(PLACED, later(TIMEOUT_MS))),
    case(R.OK, "shop", post(amount=0), setup=PLACED, note="nothing of a hold"),
    case(R.OK, "shop", post(amount=100), setup=in_turn(PLACED, later(TIMEOUT_MS - 1)), note="in the last millisecond"),
    case(R.HOLD_EXPIRED, "shop", post(), setup=in_turn(PLACED, later(TIMEOUT_MS)), note="in the block of its expiry"),
    case(R.HOLD_EXPIRED, "maker", void(), setup=in_turn(PLACED, later(TIMEOUT_MS))),
    case(R.HOLD_POSTED, "shop", post(id=ID), setup=in_turn(PLACED, ran_all("shop", post(amount=1)))),
    case(R.HOLD_POSTED, "maker", void(), setup=in_turn(PLACED, ran_all("shop", post(amount=1)))),
    case(R.HOLD_VOIDED, "shop", post(), setup=in_turn(PLACED, ran_all("maker", void()))),
    case(R.CREDIT_ACCOUNT_CLOSED, "shop", post(), setup=CLOSED),
    case(R.OK, "maker", void(), setup=CLOSED, note="a closed account gives up what is held for it"),
    case(R.CREDIT_ACCOUNT_CLOSED, "shop", pay(amount=10**6), setup=CLOSED, note="before the funds"),
    case(
        R.DEBIT_ACCOUNT_CLOSED,
        "maker",
        pay(debit="maker/eur", credit="shop/eur", amount=0),
        setup=in_turn(CLOSED, ran(("bank", account("freeze", "shop/eur")))),
    ),
    case(R.CREDIT_ACCOUNT_FROZEN, "shop", post(), setup=FROZEN),
    case(R.OK, "maker", void(), setup=FROZEN, note="a frozen account gives up what is held for it"),
    case(R.DEBIT_ACCOUNT_FROZEN, "maker", pay(debit="maker/eur", credit="shop/eur", amount=0), setup=FROZEN),
    case(R.UNKNOWN_ACCOUNT, "maker", account("close", "a")),
    case(R.UNKNOWN_ACCOUNT, "bank", account("freeze", "a")),
    case(R.ACCOUNT_CLOSED, "maker", account("close"), setup=CLOSED),
    case(R.ACCOUNT_CLOSED, "bank", account("freeze"), setup=CLOSED),
    case(R.NOT_ACCOUNT_OWNER, "bank", account("close"), note="of an account to close"),
    case(R.ISSUER_ACCOUNT, "bank", account("close", "issuer/EUR"), note="to close"),
    case(R.ACCOUNT_NOT_EMPTY, "shop", account("close", "shop/eur"), setup=FUNDED),
    case(R.ACCOUNT_FROZEN_ALREADY, "bank", account("freeze"), setup=FROZEN),
    case(R.ACCOUNT_NOT_FROZEN, "bank", account("unfreeze")),
    case(R.OK, "bank", account("unfreeze"), setup=FROZEN, note="thawed"),
    case(R.NOT_ISSUER, "other_bank", account("freeze"), note="to freeze"),
    case(R.ROLE_REQUIRED, "maker", account("freeze"), setup=HKD, note="to freeze"),
)
