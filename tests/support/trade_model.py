"""Payments in escrow as plain dictionaries: the twin that the contracts are held against.

It keeps what was seen and says what each payment has released and given back. A condition is a nested tuple:
("event", things, step, role or None, attestors, is_cold), ("time", after_ms), ("signed", organisations, count) or
("of", count, branches).
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

MINUTE_MS = 60_000
GAP_MS = 15 * MINUTE_MS
ROLES = {"carrier": {"carrier"}, "maker": {"maker", "brand"}, "shop": {"retailer"}}


@dataclass
class Payment:
    """What a payment waits for and what became of it; ``milestones`` are [condition, share, state]."""

    source: int
    target: int
    milestones: list[list[Any]]
    deadline_ms: int
    dispute_ms: int
    default: str
    status: str = "held"
    released: int = 0
    returned: int = 0
    seen: list[tuple[str, str, str, int]] = field(default_factory=list)
    signed: set[str] = field(default_factory=set)
    met: set[Any] = field(default_factory=set)

    @property
    def left(self) -> int:
        """The share that is held."""
        return self.source - self.released - self.returned

    def posted(self) -> tuple[int, int]:
        """Return what was posted of both legs."""
        return self.parts(self.released)

    def held(self) -> tuple[int, int]:
        """Return what is held of both legs."""
        top, bottom = self.parts(self.source - self.returned), self.posted()
        return top[0] - bottom[0], top[1] - bottom[1]

    def parts(self, share: int) -> tuple[int, int]:
        """Return what a share is of both legs."""
        part = Fraction(share, self.source)
        return ceil(part * self.source), floor(part * self.target)


class Model:
    """The readings of the logger as (time, is warm), and the payments by number."""

    def __init__(self) -> None:
        self.readings: list[tuple[int, bool]] = []
        self.payments: dict[int, Payment] = {}

    def breaches(self) -> list[int]:
        """Return when runs of warm readings began that were too long: 30 minutes at a stretch, 60 in all."""
        found, run_ms, all_ms, began, first = [], 0, 0, 0, 0
        for (at_ms, is_warm), (next_ms, _) in pairwise(self.readings):
            if next_ms - at_ms > GAP_MS or not is_warm:
                run_ms = 0
                continue
            began, first = (at_ms if run_ms == 0 else began), first or at_ms
            run_ms, all_ms = run_ms + next_ms - at_ms, all_ms + next_ms - at_ms
            found += [began] if run_ms >= 30 * MINUTE_MS else []
            found += [first] if all_ms >= 60 * MINUTE_MS else []
        return found

    def is_gapless(self, start_ms: int) -> bool:
        """Say whether no time between readings was unmonitored."""
        times = [start_ms, *(at_ms for at_ms, _ in self.readings)]
        return all(later - earlier <= GAP_MS for earlier, later in pairwise(times))

    def stands(self, payment: Payment, tree: tuple[Any, ...], now_ms: int, start_ms: int) -> bool | None:
        """Say whether a condition is met, None where it can never be."""
        if tree[0] == "of":
            branches = [self.stands(payment, branch, now_ms, start_ms) for branch in tree[2]]
            if branches.count(True) >= tree[1]:
                return True
            return False if len(branches) - branches.count(None) >= tree[1] else None
        if tree[0] == "time":
            return bool(now_ms >= tree[1])
        if tree[0] == "signed":
            return bool(len(payment.signed & set(tree[1])) >= tree[2])
        if tree in payment.met:
            return True
        return self._event_stands(payment, tree, now_ms, start_ms)

    def _event_stands(self, payment: Payment, tree: tuple[Any, ...], now_ms: int, start_ms: int) -> bool | None:
        _, things, step, role, attestors, is_cold = tree
        is_met = True
        for thing in things:
            times: dict[str, int] = {}
            for seen, at_step, who, seen_ms in payment.seen:
                if (seen, at_step) == (thing, step) and (role is None or role in ROLES[who]):
                    times.setdefault(who, seen_ms)
            needed = sorted(list(times.values())[:attestors])
            at_ms = needed[attestors - 1] if len(needed) == attestors else None
            is_met = is_met and at_ms is not None
            if not is_cold:
                continue
            if any(at_ms is None or began < at_ms for began in self.breaches()):
                return None
            newest_ms = self.readings[-1][0] if self.readings else -GAP_MS
            watched = at_ms is not None and newest_ms >= at_ms - GAP_MS
            is_met = is_met and watched and self.is_gapless(start_ms)
        return is_met

    def judge(self, number: int, now_ms: int, start_ms: int) -> None:
        """Carry out what is due of a payment."""
        payment = self.payments[number]
        if payment.status == "disputed" and now_ms >= payment.dispute_ms:
            if payment.default == "release":
                payment.released += payment.left
            payment.returned += payment.left
            payment.status = "resolved"
        if payment.status != "held":
            return
        if now_ms >= payment.deadline_ms:
            self._end(payment)
            return
        for milestone in payment.milestones:
            tree, share, state = milestone
            payment.met |= {leaf for leaf in leaves(tree) if self.stands(payment, leaf, now_ms, start_ms)}
            stands = self.stands(payment, tree, now_ms, start_ms)
            if state == "open" and stands is True:
                milestone[2] = "paid"
                payment.released += share
            elif state == "open" and stands is None:
                milestone[2] = "back"
                payment.returned += share
        self._name(payment)

    def _end(self, payment: Payment) -> None:
        """Release what was due before the deadline and give back the rest."""
        for milestone in payment.milestones:
            tree, share, state = milestone
            if state == "open" and self._was_met(payment, tree, payment.deadline_ms - 1):
                milestone[2] = "paid"
                payment.released += share
        self._name(payment)
        if payment.left:
            payment.returned += payment.left
            payment.status = "expired"

    def _name(self, payment: Payment) -> None:
        """Say how a payment ended of which nothing is held."""
        if payment.left == 0:
            partly = "resolved" if payment.released else "refunded"
            payment.status = partly if payment.returned else "settled"

    def _was_met(self, payment: Payment, tree: tuple[Any, ...], at_ms: int) -> bool:
        """Say whether a condition was met by the end of the time, by what was found in time."""
        if tree[0] == "of":
            return bool(sum(self._was_met(payment, branch, at_ms) for branch in tree[2]) >= tree[1])
        if tree[0] == "event":
            return tree in payment.met
        return bool(self.stands(payment, tree, at_ms, 0))


def leaves(tree: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the events of a condition."""
    if tree[0] == "of":
        return [leaf for branch in tree[2] for leaf in leaves(branch)]
    return [tree] if tree[0] == "event" else []
