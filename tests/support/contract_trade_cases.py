"""Rows of the table of result codes (tests/unit/test_contracts_codes.py): payments in escrow."""

from contracts import heads
from contracts.trade.condition import NODES_MAX
from contracts.trade.opening import WAITING_MAX
from ledger.codec import Value
from tests.support.contract_situations import UETR, Case, R, at, case, in_turn, issue, pay, ran, ran_all, with_head
from tests.support.contracts_world import START_MS, Call, sgtin
from tests.support.trade_world import DEADLINE_MS, arrival, call, opened, uetr

THING = sgtin(1)
NODE = arrival((THING,))
FUNDED = ran(("bank", issue()))


def escrow(number: int = 1, **more: Value) -> Call:
    """Return the opening of a payment of 10 in one currency."""
    return opened(number, NODE, **{"payee": "maker/eur", "amount": 10, **more})


HELD = in_turn(FUNDED, ran_all("shop", escrow(arbiter="watcher")))
DISPUTED = in_turn(HELD, ran_all("shop", call("dispute", reason="late")))
ENDED = in_turn(HELD, ran_all("maker", call("cancel")))
FULL = in_turn(FUNDED, ran_all("shop", *(escrow(number) for number in range(WAITING_MAX))))
FORGED: list[Value] = [[b"k" * 32, b"s" * 64]]

TRADE_CASES: tuple[Case, ...] = (
    case(R.OK, "shop", escrow(), setup=FUNDED),
    case(R.CONDITION_TOO_LARGE, "shop", escrow(condition=[NODE] * (NODES_MAX + 1)), note="nodes, before the funds"),
    case(R.SHARES_DIFFER, "shop", escrow(milestones=[[0, 9]], arbiter="nobody"), note="before the arbiter"),
    case(R.DEADLINE_UNACCEPTABLE, "shop", escrow(deadline_ms=START_MS, payer="nobody"), note="before the accounts"),
    case(R.DEADLINE_UNACCEPTABLE, "shop", escrow(condition=[{"kind": "time", "after_ms": DEADLINE_MS}])),
    case(R.UETR_EXISTS, "shop", escrow(amount=9), setup=HELD, note="other terms"),
    case(R.UETR_EXISTS, "shop", escrow(), setup=in_turn(FUNDED, ran_all("shop", pay(uetr=UETR))), note="of a transfer"),
    case(R.UNKNOWN_DEBIT_ACCOUNT, "shop", escrow(payer="nobody")),
    case(R.UNKNOWN_CREDIT_ACCOUNT, "shop", escrow(payee="nobody")),
    case(R.NOT_ACCOUNT_OWNER, "maker", escrow(arbiter="nobody"), note="before the arbiter"),
    case(R.ISSUER_ACCOUNT, "shop", escrow(payee="issuer/EUR")),
    case(R.UNKNOWN_ORGANISATION, "shop", escrow(arbiter="nobody", condition=[{"kind": "time", "after_ms": 1}])),
    case(R.CONDITION_DECIDED, "shop", escrow(condition=[{"kind": "time", "after_ms": 1}]), note="before the funds"),
    case(R.INSUFFICIENT_FUNDS, "shop", escrow()),
    case(R.TOO_MANY_WAITING, "shop", escrow(WAITING_MAX), setup=FULL),
    case(R.UNKNOWN_PAYMENT, "shop", call("poke")),
    case(
        R.NOT_IN_ESCROW,
        "shop",
        call("poke"),
        setup=with_head(heads.payment(uetr(1)), status="settled"),
        note="paid at once",
    ),
    case(R.NOT_A_PARTY, "carrier", call("dispute", reason="?"), setup=ENDED, note="before that it has ended"),
    case(R.NOT_A_PARTY, "shop", call("cancel"), setup=HELD, note="the payer"),
    case(R.NOT_A_PARTY, "carrier", call("resolve", split=0), setup=DISPUTED),
    case(R.PAYMENT_ENDED, "carrier", call("poke"), setup=ENDED),
    case(R.PAYMENT_ENDED, "shop", call("resolve", split=0), setup=ENDED),
    case(R.PAYMENT_ENDED, "shop", call("present", agree=True), setup=ENDED),
    case(R.PAYMENT_DISPUTED, "maker", call("dispute", reason="?"), setup=in_turn(DISPUTED, at(DEADLINE_MS))),
    case(R.PAYMENT_DISPUTED, "shop", call("present", agree=True), setup=DISPUTED),
    case(R.PAYMENT_NOT_DISPUTED, "shop", call("resolve", split=0), setup=HELD),
    case(R.DEADLINE_PASSED, "shop", call("dispute", reason="?"), setup=in_turn(HELD, at(DEADLINE_MS))),
    case(R.EVIDENCE_FITS_NOTHING, "shop", call("present", agree=True), setup=HELD),
    case(R.EVIDENCE_SIGNATURE_WRONG, "shop", call("present", signatures=FORGED), setup=HELD),
    case(R.NOTHING_DUE, "carrier", call("poke"), setup=HELD),
    case(R.NOTHING_DUE, "carrier", call("poke"), setup=in_turn(DISPUTED, at(DEADLINE_MS)), note="disputed"),
    case(R.SPLIT_TOO_LARGE, "watcher", call("resolve", split=11), setup=DISPUTED),
)
