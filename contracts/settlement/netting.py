"""Netting: what a queue of obligations comes to: the payments that settle it, and what cannot be settled.

Pure integers. The queue stands in the order of the ids, so the order in which obligations came in decides nothing.
Three models: *gross* pays each obligation by itself, *bilateral* makes one payment for each pair of accounts,
*multilateral* lets each account only pay or only be paid its position. The payments are tried in the order in which
they are posted; while an account cannot make one of them, the last obligation in the queue that it owes is deferred,
the lowest account first, and the rest is netted again. Each deferral takes one obligation away, so this ends, and what
it ends with can be posted. An account's position by the payments is its position by the obligations that they settle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GROSS: Final = "gross"
BILATERAL: Final = "bilateral"
MULTILATERAL: Final = "multilateral"

NO_FUNDS: Final = "funds"
NO_ROOM: Final = "overflow"
NOT_USABLE: Final = "account"
"""Why an obligation is deferred: its debtor cannot cover it, a total would run over, an account is closed or frozen."""

Payment = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Obligation:
    """What the debtor's account owes the creditor's, in minor units."""

    identifier: bytes
    debtor: str
    creditor: str
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account can pay (None: it may owe), and how much more its totals of debits and credits can count."""

    funds: int | None
    debit_room: int
    credit_room: int


@dataclass(frozen=True, slots=True)
class NettingPlan:
    """The payments in the order of posting, the ids they discharge, and the others with the reason of each."""

    payments: tuple[Payment, ...]
    settled: tuple[bytes, ...]
    deferred: tuple[tuple[bytes, str], ...]
    gross_value: int
    net_value: int


def plan_netting(obligations: Iterable[Obligation], standings: Mapping[str, Standing], model: str) -> NettingPlan:
    """Return what is settled by a model; an account without a standing can neither pay nor be paid."""
    net = _MODELS[model]
    queue: list[Obligation] = []
    deferred: list[tuple[bytes, str]] = []
    for obligation in sorted(obligations, key=lambda obligation: obligation.identifier):
        if obligation.debtor in standings and obligation.creditor in standings:
            queue.append(obligation)
        else:
            deferred.append((obligation.identifier, NOT_USABLE))
    while True:
        payments = net(queue)
        stuck = _stuck(payments, standings)
        if not stuck:
            break
        account = min(stuck)
        last = max(place for place, obligation in enumerate(queue) if obligation.debtor == account)
        deferred.append((queue.pop(last).identifier, stuck[account]))
    return NettingPlan(
        payments=tuple(payments),
        settled=tuple(obligation.identifier for obligation in queue),
        deferred=tuple(sorted(deferred)),
        gross_value=sum(obligation.amount for obligation in queue),
        net_value=sum(amount for _, _, amount in payments),
    )


def _stuck(payments: Sequence[Payment], standings: Mapping[str, Standing]) -> dict[str, str]:
    """Return the accounts that cannot make a payment when its turn comes, each with the reason of the first."""
    paid: dict[str, int] = {}
    received: dict[str, int] = {}
    stuck: dict[str, str] = {}
    for debtor, creditor, amount in payments:
        debits, credits_ = paid.get(debtor, 0) + amount, received.get(creditor, 0) + amount
        payer = standings[debtor]
        if debits > payer.debit_room or credits_ > standings[creditor].credit_room:
            stuck.setdefault(debtor, NO_ROOM)
        elif payer.funds is not None and debits > payer.funds + received.get(debtor, 0):
            stuck.setdefault(debtor, NO_FUNDS)
        else:
            paid[debtor], received[creditor] = debits, credits_
    return stuck


def _net_nothing(obligations: Sequence[Obligation]) -> list[Payment]:
    return [(obligation.debtor, obligation.creditor, obligation.amount) for obligation in obligations]


def _net_pairs(obligations: Sequence[Obligation]) -> list[Payment]:
    """Return one payment for each pair that is not even, the pairs in order."""
    pairs: dict[tuple[str, str], int] = {}
    for obligation in obligations:
        low, high = sorted((obligation.debtor, obligation.creditor))
        signed = obligation.amount if obligation.debtor == low else -obligation.amount
        pairs[low, high] = pairs.get((low, high), 0) + signed
    return [
        (low, high, amount) if amount > 0 else (high, low, -amount)
        for (low, high), amount in sorted(pairs.items())
        if amount
    ]


def _net_positions(obligations: Sequence[Obligation]) -> list[Payment]:
    """Return payments from accounts that owe more than is owed to them to the others, both in order."""
    positions: dict[str, int] = {}
    for obligation in obligations:
        positions[obligation.debtor] = positions.get(obligation.debtor, 0) - obligation.amount
        positions[obligation.creditor] = positions.get(obligation.creditor, 0) + obligation.amount
    assert sum(positions.values()) == 0, "what one account is owed another one owes"
    owing = [(account, -position) for account, position in sorted(positions.items()) if position < 0]
    owed = [(account, position) for account, position in sorted(positions.items(), reverse=True) if position > 0]
    payments: list[Payment] = []
    for payer, owes in owing:
        left = owes
        while left:
            payee, wanted = owed.pop()
            amount = min(left, wanted)
            payments.append((payer, payee, amount))
            left -= amount
            if wanted > amount:
                owed.append((payee, wanted - amount))
    return payments


_MODELS: Final[dict[str, Callable[[Sequence[Obligation]], list[Payment]]]] = {
    GROSS: _net_nothing,
    BILATERAL: _net_pairs,
    MULTILATERAL: _net_positions,
}
MODELS: Final = frozenset(_MODELS)
