"""Opening: a payment whose legs are held in every currency until a condition is met, and then posted all at once.

``trade.open`` plans a payment as ``settlement.pay`` does and holds its legs instead of posting them. It says what
releases them, until when that counts, and what comes of a dispute that nobody resolves: no payment can be stuck.
"""

from collections.abc import Sequence
from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, integer, refuse, row
from contracts.context import Context
from contracts.membership import require_active
from contracts.results import Rejected, ResultCode
from contracts.settlement.payments import Plan, open_payment, plan_payment, read_remarks, recognise
from contracts.settlement.posting import AMOUNT_MAX, hold
from contracts.settlement.transfer_ids import UETR
from contracts.trade.condition import (
    NODES_MAX,
    After,
    Evidence,
    Judgement,
    Node,
    judge,
    read_condition,
    roots_of,
    things_of,
)
from contracts.trade.evidence import cold_verdict, evidence_to_head
from contracts.trade.release import HELD, REFUND, RELEASE, WAITS
from ledger.codec import Value
from ledger.state import Head

WAITING_MAX: Final = 16
MILESTONES_MAX: Final = 16
DEADLINE_MS_MAX: Final = 366 * 24 * 3_600_000

_OUTCOMES: Final = frozenset({REFUND, RELEASE})
_WHEN_IMPOSSIBLE: Final = frozenset({REFUND, "wait"})


def open_escrow(context: Context, arguments: dict[str, Value]) -> Value:
    """Plan a payment, hold its legs, and say what releases them, until when, and what comes of a dispute."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    terms, again = recognise(context, uetr, arguments)
    if again is not None:
        return again
    nodes = read_condition(read.required("condition"))
    milestones = read.listed("milestones", MILESTONES_MAX, _milestone)
    deadline_ms = read.integer("deadline_ms", 1)
    dispute_deadline_ms = read.integer("dispute_deadline_ms", 1)
    default = read.choice("default", _OUTCOMES)
    when_impossible = read.choice("when_impossible", _WHEN_IMPOSSIBLE) if read.has("when_impossible") else REFUND
    escrow = new_escrow(deadline_ms, dispute_deadline_ms, default, when_impossible)
    escrow["condition"] = arguments["condition"]
    arbiter = read.optional_identifier("arbiter", ORGANISATION_LENGTH_MAX)
    remarks = read_remarks(read)
    _check_deadlines(context, nodes, deadline_ms, dispute_deadline_ms)
    plan = plan_payment(context, read)
    read.end()
    rows = _divide(nodes, milestones, plan.amount)
    escrow["milestones"] = [[place, share, WAITS] for place, share in rows]
    if arbiter is not None:
        require_active(context, arbiter)
        escrow["arbiter"] = arbiter
    _require_open(context, nodes, rows)
    for thing in things_of(nodes):
        _wait(context, thing, uetr)
    return {**hold_payment(context, uetr, plan, escrow, {**remarks, "terms": terms}), "terms": terms}


def new_escrow(deadline_ms: int, dispute_deadline_ms: int, default: str, when_impossible: str) -> Head:
    """Return the terms of a payment of which nothing was shown yet, without its condition and milestones."""
    return {
        "deadline_ms": deadline_ms,
        "dispute_deadline_ms": dispute_deadline_ms,
        "default": default,
        "when_impossible": when_impossible,
        "released": 0,
        "returned": 0,
        **evidence_to_head(Evidence()),
    }


def hold_payment(context: Context, uetr: str, plan: Plan, escrow: Head, said: Head) -> Head:
    """Hold the legs of a new payment until its escrow ends; return what the operation gives out."""
    escrow["amount"] = plan.amount
    if plan.review is not None:
        escrow["reviewers"] = list(plan.review.organisations)
    hold(context, plan.legs)
    opened: Head = {"status": HELD, "created_ms": context.block.time_ms, "escrow": escrow}
    open_payment(context, uetr, {**plan.to_head(), **said, **opened})
    return {
        "status": HELD,
        "source_amount": plan.source_amount,
        "target_amount": plan.target_amount,
        **plan.price,
    }


def _milestone(value: object, what: str) -> tuple[int, int]:
    place, share = row(value, what, 2)
    return integer(place, what, 0, NODES_MAX - 1), integer(share, what, 1, AMOUNT_MAX)


def _check_deadlines(context: Context, nodes: Sequence[Node], deadline_ms: int, dispute_deadline_ms: int) -> None:
    now_ms = context.block.time_ms
    if not now_ms < deadline_ms <= dispute_deadline_ms <= now_ms + DEADLINE_MS_MAX:
        raise Rejected(
            ResultCode.DEADLINE_UNACCEPTABLE,
            f"deadline_ms is after {now_ms}, dispute_deadline_ms not before it, both within {DEADLINE_MS_MAX} ms",
        )
    late = [node.after_ms for node in nodes if isinstance(node, After) and node.after_ms >= deadline_ms]
    if late:
        raise Rejected(ResultCode.DEADLINE_UNACCEPTABLE, f"the condition waits until {late[0]}, after the deadline")


def _divide(nodes: Sequence[Node], milestones: Sequence[tuple[int, int]], amount: int) -> list[tuple[int, int]]:
    """Return (place, share) of the milestones; without any, one for the last node and all of the amount."""
    rows = list(milestones) or [(len(nodes) - 1, amount)]
    if sorted(place for place, _ in rows) != list(roots_of(nodes)):
        refuse("every node of the condition is named by one threshold or more, or by one milestone")
    if sum(share for _, share in rows) != amount:
        raise Rejected(ResultCode.SHARES_DIFFER, f"{sum(share for _, share in rows)}, not {amount}")
    return rows


def _require_open(context: Context, nodes: Sequence[Node], rows: Sequence[tuple[int, int]]) -> None:
    """Refuse a payment that would be over at once: it is to be paid at once, or not at all."""
    found = judge(nodes, Evidence(), context.block.time_ms, cold_verdict(context))
    for place, _ in rows:
        if found[place] is not Judgement.OPEN:
            raise Rejected(ResultCode.CONDITION_DECIDED, f"node {place} of the condition is {found[place].value}")


def _wait(context: Context, thing: str, uetr: str) -> None:
    key = heads.waiting(thing)
    head = context.get(key) or {"payments": []}
    payments = cast("list[str]", head["payments"])
    if len(payments) >= WAITING_MAX:
        raise Rejected(ResultCode.TOO_MANY_WAITING, f"{WAITING_MAX} payments wait for {thing}")
    context.put(key, {"payments": cast("list[Value]", sorted([*payments, uetr]))})
