"""Bugs about money, each planted into the real contracts or the node, to see that a rule of the runs finds it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import contracts.settlement.posting
import contracts.trade.paying
import contracts.trade.release
from contracts.heads import account
from contracts.settlement.posting import Leg, Sides, add_to_totals
from ledger.state import head_key
from node.storage.store import BlockWrite, Store
from tests.sim.cluster import Cluster
from tests.sim.invariants import InvariantBrokenError
from tests.sim.run import Kind
from tests.sim.setting import setting_of

Patch = tuple[object, str, Any]
_CONTRACTS = Kind(has_contracts=True)


def _money_made() -> list[Patch]:
    """Every payment arrives with one more than was paid."""

    def add(sides: Sides, kind: str, amount: int) -> None:
        add_to_totals(sides, kind, amount)
        if kind == "posted":
            sides.credit["credits_posted"] += 1  # type: ignore[operator]

    return [(contracts.settlement.posting, "add_to_totals", add)]


def _funds_unchecked() -> list[Patch]:
    """Whoever pays may pay more than the account holds."""
    return [(contracts.settlement.posting, "_check_totals", lambda leg, sides: None)]


def _one_leg() -> list[Patch]:
    """A payment between two currencies posts its first leg alone."""

    def post(context: Any, legs: Sequence[Leg]) -> None:
        contracts.settlement.posting.post(context, legs[:1])

    return [(contracts.trade.paying, "post", post)]


def _first_leg_alone(way: str) -> list[Patch]:
    """An escrow that ends lets the first of its legs go, and the other stays held."""
    real = getattr(contracts.trade.release, way)

    def end(context: Any, leg: Leg, *amount: int) -> None:
        if leg.debit == "firm/buyer":
            real(context, leg, *amount)

    return [(contracts.trade.release, way, end)]


def _not_written(*prefixes: bytes) -> list[Patch]:
    """A block is written without some of the heads that its payments changed, as a torn batch would leave it."""
    real = Store.write_block

    def write(store: Store, block: BlockWrite) -> bool:
        kept = {key: value for key, value in block.heads.items() if not key.startswith(prefixes)}
        return real(store, replace(block, heads=kept))

    return [(Store, "write_block", write)]


@dataclass(frozen=True, slots=True)
class MoneyMutant:
    """A planted bug, a seed that finds it, and the rule that the bug breaks there."""

    plant: Callable[[], list[Patch]]
    seed: int
    rule: str


_TARGET_LEGS = account("provider/target"), account("firm/seller")
_SOURCE_LEGS = account("provider/source"), account("firm/buyer")

MONEY_MUTANTS: dict[str, MoneyMutant] = {
    "money made": MoneyMutant(_money_made, 0, "conservation"),
    "funds unchecked": MoneyMutant(_funds_unchecked, 1, "overdraft"),
    "one leg of two posted": MoneyMutant(_one_leg, 0, "both_legs"),
    "one side of a leg not written": MoneyMutant(partial(_not_written, _TARGET_LEGS[0]), 0, "conservation"),
    "one leg of two not written": MoneyMutant(partial(_not_written, *_TARGET_LEGS), 0, "both_legs"),
    "one leg of an escrow posted": MoneyMutant(partial(_first_leg_alone, "post_held"), 5, "both_legs"),
    "one leg of an escrow freed": MoneyMutant(partial(_first_leg_alone, "release_held"), 0, "both_legs"),
    "a payment not written": MoneyMutant(
        partial(_not_written, head_key("payment"), *_SOURCE_LEGS, *_TARGET_LEGS), 0, "exchanges"
    ),
}


@contextmanager
def _planted(name: str) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, attribute, replacement in MONEY_MUTANTS[name].plant():
            stack.enter_context(patch.object(owner, attribute, replacement))
        yield


def break_money(seed: int, name: str | None) -> str | None:
    """Run one seed with the real contracts and a bug planted; return the rule that it broke, or None."""
    cluster = Cluster(_CONTRACTS.scenario(seed, None, frozenset()), setting_of(contracts=True))
    with _planted(name) if name else ExitStack():
        try:
            cluster.run()
        except InvariantBrokenError as error:
            return error.name
    return None
