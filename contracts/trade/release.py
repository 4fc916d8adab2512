"""What is due of a payment in escrow: judged by its evidence and the block's time, and carried out.

The amount is divided into *shares*: of the milestones, or one for all of it. What a share is of each leg is reckoned
from the sum of the shares released so far, rounded up for the legs in the currency that is paid with and down for the
others. So after any number of releases whoever changes the money has been given at least the part of the one currency
that it gave of the other, the last share takes the rest, and no leg is ever posted without the others.

What is due does not depend on when somebody asks: after the deadline counts what was found before it.
"""

from dataclasses import dataclass, field
from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.posting import Leg, post_held, release_held
from contracts.trade.condition import (
    Attested,
    ColdVerdict,
    Evidence,
    Judgement,
    Node,
    judge,
    read_condition,
    things_of,
)
from contracts.trade.evidence import cold_verdict, evidence_from_head, evidence_to_head, nothing_new
from ledger.codec import Value
from ledger.state import Head

HELD: Final = "held"
DISPUTED: Final = "disputed"
SETTLED: Final = "settled"
REFUNDED: Final = "refunded"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"
RESOLVED: Final = "resolved"

REFUND: Final = "refund"
RELEASE: Final = "release"

WAITS: Final = "open"
_PAID: Final = "paid"
_RETURNED: Final = "returned"


@dataclass(slots=True)
class Escrow:
    """A payment in escrow as a working copy: its head, and out of it the condition and the evidence.

    ``posted`` and ``freed`` are what the running operation has moved, by debit and credit account.
    """

    uetr: str
    head: Head
    nodes: tuple[Node, ...]
    evidence: Evidence
    posted: dict[tuple[str, str], int] = field(default_factory=dict)
    freed: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def terms(self) -> Head:
        """The part of the head that says what is held until when, and what became of it."""
        return cast(Head, self.head["escrow"])

    @property
    def status(self) -> str:
        """The status of the payment."""
        return cast(str, self.head["status"])

    @property
    def is_over(self) -> bool:
        """Whether nothing is held any more."""
        return self.status not in (HELD, DISPUTED)

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The organisations that have to agree before anything is released."""
        return tuple(cast("list[str]", self.terms.get("reviewers", [])))

    @reviewers.setter
    def reviewers(self, left: tuple[str, ...]) -> None:
        if left:
            self.terms["reviewers"] = list(left)
        else:
            self.terms.pop("reviewers", None)

    def integer(self, name: str) -> int:
        """Return a number of the terms."""
        return cast(int, self.terms[name])

    @property
    def left(self) -> int:
        """The share that is still held."""
        return self.integer("amount") - self.integer("released") - self.integer("returned")

    def progress(self) -> Head:
        """Return how far it is, as operations give it out."""
        so_far: Head = {"status": self.status, "released": self.terms["released"], "returned": self.terms["returned"]}
        return {**so_far, "amounts_moved": [self.moved()]} if self.posted or self.freed else so_far

    def moved(self) -> Value:
        """Return what the running operation has moved: [uetr, status, posted, freed] with [debit, credit, amount]."""
        posted, freed = (
            cast(Value, [[debit, credit, amount] for (debit, credit), amount in sums.items()])
            for sums in (self.posted, self.freed)
        )
        return [self.uetr, self.status, posted, freed]


def load_escrow(context: Context, uetr: str) -> Escrow:
    """Return a payment that was held for a condition, or reject."""
    head = context.get(heads.payment(uetr))
    if head is None:
        raise Rejected(ResultCode.UNKNOWN_PAYMENT, f"no payment has the UETR {uetr}")
    if "escrow" not in head:
        raise Rejected(ResultCode.NOT_IN_ESCROW, f"{uetr} was paid at once")
    terms = cast(Head, head["escrow"])
    return Escrow(uetr, head, read_condition(terms["condition"]), evidence_from_head(terms))


def save_escrow(context: Context, escrow: Escrow) -> None:
    """Write a payment with this operation in its history; one that is over waits for nothing any more."""
    escrow.terms.update(evidence_to_head(escrow.evidence))
    if escrow.is_over:
        escrow.terms["ended_ms"] = context.block.time_ms
        for thing in things_of(escrow.nodes):
            stop_waiting(context, thing, escrow.uetr)
    context.record(heads.payment(escrow.uetr), escrow.head)


def stop_waiting(context: Context, thing: str, uetr: str) -> None:
    """Take a payment off those that wait for a thing."""
    key = heads.waiting(thing)
    head = context.get(key)
    assert head is not None, "a payment in escrow waits for its things"
    left = [other for other in cast("list[str]", head["payments"]) if other != uetr]
    if left:
        context.put(key, {"payments": cast("list[Value]", left)})
    else:
        context.delete(key)


def advance(context: Context, escrow: Escrow) -> bool:
    """Carry out what is due at the block's time; return whether anything has changed.

    A release that an account refuses leaves its share held, and its code on the payment as a mark.
    """
    now_ms, deadline_ms = context.block.time_ms, escrow.integer("deadline_ms")
    if escrow.status == DISPUTED:
        if now_ms < escrow.integer("dispute_deadline_ms"):
            return False
        _end_by_default(context, escrow)
        return True
    if now_ms < deadline_ms:
        return _decide(context, escrow, now_ms, cold_verdict(context))
    _decide(context, escrow, deadline_ms - 1, nothing_new)
    if not escrow.is_over:
        give_back(context, escrow, EXPIRED)
    return True


def move(context: Context, escrow: Escrow, released: int, returned: int) -> None:
    """Release a share of every leg and free another; raises Rejected where an account refuses, or nobody agreed yet."""
    whole, before, back = (escrow.integer(name) for name in ("amount", "released", "returned"))
    source = escrow.head["source_currency"]
    assert released + returned <= escrow.left, "no more than is held moves"
    if released and escrow.reviewers:
        raise Rejected(ResultCode.PAYMENT_IN_REVIEW, f"{escrow.uetr} is reviewed by {', '.join(escrow.reviewers)}")
    posts: list[Leg] = []
    frees: list[Leg] = []
    for debit, credit, amount in cast("list[tuple[str, str, int]]", escrow.head["legs"]):
        account = context.get(heads.account(debit))
        assert account is not None, "accounts are never removed"
        is_source = account["currency"] == source
        posted = part(amount, before + released, whole, up=is_source) - part(amount, before, whole, up=is_source)
        top = whole - back
        freed = part(amount, top, whole, up=is_source) - part(amount, top - returned, whole, up=is_source)
        posts += [Leg(debit, credit, posted)] if posted else []
        frees += [Leg(debit, credit, freed)] if freed else []
    for leg in posts:
        post_held(context, leg, leg.amount)
    for leg in frees:
        release_held(context, leg)
    for legs, sums in ((posts, escrow.posted), (frees, escrow.freed)):
        for leg in legs:
            sums[leg.debit, leg.credit] = sums.get((leg.debit, leg.credit), 0) + leg.amount
    escrow.terms["released"] = before + released
    escrow.terms["returned"] = back + returned


def part(amount: int, share: int, whole: int, *, up: bool) -> int:
    """Return what a share of a whole is of an amount."""
    return -(-amount * share // whole) if up else amount * share // whole


def give_back(context: Context, escrow: Escrow, status: str) -> None:
    """Free all that is still held and end the payment."""
    move(context, escrow, 0, escrow.left)
    end(escrow, status)


def end(escrow: Escrow, status: str) -> None:
    """End a payment of which nothing is held any more; what is left of its milestones waits for nothing."""
    assert escrow.left == 0, "what has ended holds nothing"
    escrow.head["status"] = status
    escrow.terms.pop("mark", None)


def _decide(context: Context, escrow: Escrow, time_ms: int, cold: ColdVerdict) -> bool:
    """Release the milestones that are met and give back those that cannot be; return whether anything has changed."""
    found = judge(escrow.nodes, escrow.evidence, time_ms, cold)
    met = {
        place for place, node in enumerate(escrow.nodes) if isinstance(node, Attested) and found[place] is Judgement.MET
    }
    is_changed = not met <= escrow.evidence.met
    escrow.evidence.met |= met
    is_refunding = escrow.terms["when_impossible"] == REFUND
    for milestone in cast("list[list[Value]]", escrow.terms["milestones"]):
        place, share, state = cast("tuple[int, int, str]", tuple(milestone))
        if state != WAITS:
            continue
        if found[place] is Judgement.MET:
            is_changed = _release(context, escrow, milestone, share) or is_changed
        elif found[place] is Judgement.IMPOSSIBLE and is_refunding:
            move(context, escrow, 0, share)
            milestone[2] = _RETURNED
            is_changed = True
    if escrow.left == 0:
        is_whole = escrow.integer("returned") == 0
        end(escrow, SETTLED if is_whole else REFUNDED if escrow.integer("released") == 0 else RESOLVED)
    return is_changed


def _release(context: Context, escrow: Escrow, milestone: list[Value], share: int) -> bool:
    """Release a milestone, or mark the payment with why an account refuses; return whether anything has changed."""
    refused = try_move(context, escrow, share)
    if refused is not None:
        mark = refused.name.lower()
        is_new = escrow.terms.get("mark") != mark
        escrow.terms["mark"] = mark
        return is_new
    milestone[2] = _PAID
    escrow.terms.pop("mark", None)
    return True


def _end_by_default(context: Context, escrow: Escrow) -> None:
    """End a dispute that nobody resolved; what cannot be released goes back, so that nothing is held for ever."""
    if escrow.terms["default"] == RELEASE and try_move(context, escrow, escrow.left) is None:
        end(escrow, RESOLVED)
    else:
        give_back(context, escrow, RESOLVED)


def try_move(context: Context, escrow: Escrow, released: int) -> ResultCode | None:
    """Release a share, or undo the attempt and return why it is refused."""
    saved = context.state.savepoint()
    try:
        move(context, escrow, released, 0)
    except Rejected as rejected:
        if rejected.code is ResultCode.WORK_LIMIT_EXCEEDED:
            raise  # that is for the transaction, which asks for too much at once
        context.state.roll_back(saved)
        return rejected.code
    return None
