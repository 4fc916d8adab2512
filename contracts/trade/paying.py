"""Paying: ``settlement.pay`` posts all legs of a payment at once, unless somebody has to review it first.

A payment that an issuer wants to look at (contracts/settlement/watching.py) is held as one in escrow that waits for
nothing but the reviewers: each agrees or sends it back by ``trade.review``, and what nobody agreed to in time goes
back. It says that it is held and by whom it is reviewed, and never why: whoever splits payments learns no threshold.
"""

from typing import Final

from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.payments import (
    SETTLED,
    count_refund,
    open_payment,
    plan_payment,
    read_remarks,
    recognise,
)
from contracts.settlement.posting import post
from contracts.settlement.transfer_ids import UETR
from contracts.trade.opening import hold_payment, new_escrow
from contracts.trade.release import DISPUTED, REFUND, REFUNDED, WAITS, advance, give_back, load_escrow, save_escrow
from ledger.codec import Value

_AGREED: Final = "release"
_SENT_BACK: Final = "return"
_VERDICTS: Final = frozenset({_AGREED, _SENT_BACK})


def pay(context: Context, arguments: dict[str, Value]) -> Value:
    """Pay at once, in one currency or by a quote; the owner of the payer's account signs.

    A refund is not reviewed: it goes back where its money came from, and no more of it than came.
    """
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    terms, again = recognise(context, uetr, arguments)
    if again is not None:
        return again
    said = read_remarks(read)
    refunds = read.optional_pattern("refunds", UETR)
    plan = plan_payment(context, read)
    read.end()
    now_ms = context.block.time_ms
    if refunds is not None:
        count_refund(context, refunds, plan)
        said["refunds"] = refunds
    elif plan.review is not None:
        escrow = new_escrow(plan.review.until_ms, plan.review.until_ms, REFUND, REFUND)
        escrow |= {"condition": [{"kind": "time", "after_ms": now_ms}], "milestones": [[0, plan.amount, WAITS]]}
        return hold_payment(context, uetr, plan, escrow, {**said, "terms": terms})
    post(context, plan.legs)
    head = {**plan.to_head(), **said, "status": SETTLED, "created_ms": now_ms, "settled_ms": now_ms, "terms": terms}
    open_payment(context, uetr, head)
    return {"status": SETTLED, "source_amount": plan.source_amount, "target_amount": plan.target_amount, **plan.price}


def review(context: Context, arguments: dict[str, Value]) -> Value:
    """Agree to a payment that waits for one's review, or send all of it back. The last to agree lets it go on."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    verdict = read.choice("verdict", _VERDICTS)
    read.end()
    escrow = load_escrow(context, uetr)
    if escrow.is_over:
        raise Rejected(ResultCode.PAYMENT_ENDED, f"{uetr} is {escrow.status}")
    reviewers = escrow.reviewers
    if context.member not in reviewers:
        raise Rejected(ResultCode.NOT_REVIEWER, f"{uetr} does not wait for a review by {context.member!r}")
    if verdict == _SENT_BACK:
        give_back(context, escrow, REFUNDED)
    elif escrow.status != DISPUTED and context.block.time_ms >= escrow.integer("deadline_ms"):
        raise Rejected(ResultCode.DEADLINE_PASSED, f"it was to be reviewed by {escrow.terms['deadline_ms']!r}")
    else:
        escrow.reviewers = tuple(one for one in reviewers if one != context.member)
        advance(context, escrow)
    save_escrow(context, escrow)
    return escrow.progress()
