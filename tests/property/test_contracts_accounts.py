"""Settlement against plain dictionaries: I1 to I7, I18 and I20 of the design, in any order of operations.

Every answer's code is compared with the model's, and after every block the totals, the holds and the sums. The nine
rules that keep the properties are then taken away one at a time, and each time a run must fail.
"""

import os
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts import execute, heads
from contracts.results import Rejected, ResultCode
from contracts.settlement import expiry, holds, posting, transfer_ids
from ledger.codec import Value
from ledger.state import Overlay
from tests.support.contracts_world import Call, World
from tests.support.settlement_model import Account, Model

OWNERS = {"maker/eur": "maker", "carrier/eur": "carrier", "shop/eur": "shop", "shop/hkd": "shop"}
CURRENCIES = {"maker/eur": "EUR", "carrier/eur": "EUR", "shop/eur": "EUR", "shop/hkd": "HKD"}
ISSUERS = {"EUR": "bank", "HKD": "other_bank"}
STEPS = int(os.environ.get("SETTLEMENT_STEPS", "2400"))
"""``SETTLEMENT_STEPS=20000`` for the long run."""

_FIND_ONLY = (Phase.generate,)
"""A fault need not be made small where it is wanted."""

accounts = st.sampled_from(sorted(OWNERS))
firms = st.sampled_from(("maker", "carrier", "shop"))
identifiers = st.integers(1, 20).map(lambda number: number.to_bytes(16, "big"))
amounts = st.one_of(st.integers(0, 50), st.sampled_from([10**18 - 1, 10**17]))
picks = st.integers(0, 30)
timeouts = st.sampled_from([3, 20, 1_000])


class Settlement(RuleBasedStateMachine):
    """Each rule sends one transaction, right or wrong, and holds the outcome against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.must("shop", ("settlement.open_account", {"id": "shop/hkd", "currency": "HKD"}))
        known = {name: Account(owner, CURRENCIES[name]) for name, owner in OWNERS.items()}
        known |= {f"issuer/{code}": Account(issuer, code, guarded=False) for code, issuer in ISSUERS.items()}
        self.model = Model(known, ISSUERS)
        for number, name in enumerate(OWNERS):
            self.issue_to(name, 100, b"start %10d" % number)

    def ask(self, signer: str, method: str, arguments: dict[str, Any], expected: Callable[[], str]) -> None:
        """Run a transaction in a block of its own."""
        call: Call = f"settlement.{method}", cast("dict[str, Value]", arguments)
        self.world.time_ms += 1
        self.model.expire(self.world.time_ms)
        is_known = arguments["id"] in self.model.made
        untouched = {**self.world.committed, **self.world.execute().changes} if is_known else {}
        code = ResultCode(self.world.run(signer, call).code).name
        if is_known:
            # A second time changes nothing, whatever is asked for and however it is answered (I5, I6).
            assert self.world.committed == {key: head for key, head in untouched.items() if head is not None}
        wanted = expected()
        assert code == wanted or (wanted == "EXISTS_WITH_DIFFERENT" and code.startswith(wanted)), (code, wanted)

    def issue_to(self, account: str, amount: int, identifier: bytes) -> None:
        """Give an account something to begin with."""
        signer, issuer = ISSUERS[CURRENCIES[account]], f"issuer/{CURRENCIES[account]}"
        arguments = {"id": identifier, "account": account, "amount": amount}
        move = (signer, "issue", identifier, issuer, account, amount)
        self.ask(signer, "issue", arguments, lambda: self.model.move(*move))

    @rule(identifier=identifiers, account=accounts, amount=amounts, right=st.booleans())
    def issue(self, identifier: bytes, account: str, amount: int, right: bool) -> None:
        currency = CURRENCIES[account]
        signer = ISSUERS[currency] if right else ISSUERS["HKD" if currency == "EUR" else "EUR"]
        arguments = {"id": identifier, "account": account, "amount": amount}
        move = (signer, "issue", identifier, f"issuer/{currency}", account, amount)
        self.ask(signer, "issue", arguments, lambda: self.model.move(*move))

    @rule(identifier=identifiers, account=accounts, amount=amounts, signer=firms)
    def redeem(self, identifier: bytes, account: str, amount: int, signer: str) -> None:
        arguments = {"id": identifier, "account": account, "amount": amount}
        move = (signer, "redeem", identifier, account, f"issuer/{CURRENCIES[account]}", amount)
        self.ask(signer, "redeem", arguments, lambda: self.model.move(*move))

    @rule(identifier=identifiers, debit=accounts, credit=accounts, amount=amounts, by_owner=st.integers(0, 9))
    def transfer(self, identifier: bytes, debit: str, credit: str, amount: int, by_owner: int) -> None:
        signer = OWNERS[debit] if by_owner else "watcher"
        arguments = {"id": identifier, "debit": debit, "credit": credit, "amount": amount}
        move = (signer, "transfer", identifier, debit, credit, amount)
        self.ask(signer, "transfer", arguments, lambda: self.model.move(*move))

    @rule(identifier=identifiers, debit=accounts, credit=accounts, amount=amounts, timeout_ms=timeouts)
    def pend(self, identifier: bytes, debit: str, credit: str, amount: int, timeout_ms: int) -> None:
        signer = OWNERS[debit]
        body = {"debit": debit, "credit": credit, "amount": amount}
        arguments = {"id": identifier, **body, "timeout_ms": timeout_ms}
        time_ms = self.world.time_ms + 1
        place = (signer, identifier, debit, credit, amount, timeout_ms, time_ms)
        self.ask(signer, "pend", arguments, lambda: self.model.pend(*place))

    @rule(identifier=identifiers, pick=picks, amount=st.none() | amounts, by_owner=st.integers(0, 9))
    def post(self, identifier: bytes, pick: int, amount: int | None, by_owner: int) -> None:
        pending_id = self.some_hold(pick)
        signer = self.owner(pending_id, "debit") if by_owner else "carrier"
        arguments = {"id": identifier, "pending_id": pending_id} | ({} if amount is None else {"amount": amount})
        self.ask(signer, "post", arguments, lambda: self.model.resolve(signer, "post", identifier, pending_id, amount))

    @rule(identifier=identifiers, pick=picks, by_owner=st.integers(0, 9))
    def void(self, identifier: bytes, pick: int, by_owner: int) -> None:
        pending_id = self.some_hold(pick)
        signer = self.owner(pending_id, "credit") if by_owner else "carrier"
        arguments = {"id": identifier, "pending_id": pending_id}
        self.ask(signer, "void", arguments, lambda: self.model.resolve(signer, "void", identifier, pending_id, None))

    def some_hold(self, pick: int) -> bytes:
        """Return the id of a hold, or, now and then, of another transfer or of none."""
        known = [*self.model.holds, (1).to_bytes(16, "big")]
        return known[pick % len(known)]

    def owner(self, pending_id: bytes, side: str) -> str:
        """Return who owns an account of a hold."""
        held = self.model.holds.get(pending_id)
        return "maker" if held is None else OWNERS[held[side]]

    @rule(name=accounts, signer=firms, verb=st.sampled_from(("close", "close", "freeze", "unfreeze", "unfreeze")))
    def flag(self, name: str, signer: str, verb: str) -> None:
        by = signer if verb == "close" else ISSUERS[CURRENCIES[name]]
        self.ask(by, f"{verb}_account", {"id": name}, lambda: self.model.flag(by, verb, name))

    @rule(ms=st.sampled_from([1, 4, 1_000]))
    def nothing_happens_for_a_while(self, ms: int) -> None:
        """A block without transactions, as a deadline brings it."""
        self.world.time_ms += ms
        self.model.expire(self.world.time_ms)
        self.world.commit(self.world.execute())

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        sums = {code: [0, 0, 0, 0] for code in ISSUERS}
        for name, account in self.model.accounts.items():
            head = self.world.get(heads.account(name))
            assert head is not None
            totals = [head[f"{side}_{kind}"] for kind in ("posted", "pending") for side in ("debits", "credits")]
            assert totals == [account.debits, account.credits, account.held_out, account.held_in], name
            if account.guarded:
                assert account.debits + account.held_out <= account.credits, name
            sums[account.currency] = [
                total + cast(int, more) for total, more in zip(sums[account.currency], totals, strict=True)
            ]
        assert all(posted[0] == posted[1] and posted[2] == posted[3] for posted in sums.values())
        for code in ISSUERS:
            issuer = self.model.accounts[f"issuer/{code}"]
            others = (one for name, one in self.model.accounts.items() if name in CURRENCIES and one.currency == code)
            supply = sum(one.credits - one.debits for one in others)
            assert supply == issuer.debits - issuer.credits, "what the issuer owes is what the others have (I3)"

    @invariant()
    def a_hold_is_what_the_model_says(self) -> None:
        for identifier, held in self.model.holds.items():
            head = self.world.get(heads.held_amount(identifier))
            assert head is not None
            assert head["status"] == held["status"]
            is_indexed = heads.expiry(held["expires_ms"], identifier) in self.world.committed
            assert is_indexed == (held["status"] == "pending")


def _settings(steps: int) -> settings:
    return settings(
        max_examples=max(1, steps // 40),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )


def test_the_contracts_do_what_the_model_does() -> None:
    run_state_machine_as_test(Settlement, settings=_settings(STEPS))


def _no_sticky_ids(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfer_ids, "_FAILS_FOR_GOOD", frozenset())


def _ids_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfer_ids, "_require_same", lambda wanted, made: None)


def _no_funds_needed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(posting, "_check_totals", lambda leg, sides: None)


def _holds_resolved_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "_require_pending", lambda held: None)
    patch.setattr(posting, "add_to_totals", _without_assertion)


def _one_side_only(patch: pytest.MonkeyPatch) -> None:
    def record(context: Any, sides: posting.Sides) -> None:
        context.record(sides.debit_key, sides.debit)

    patch.setattr(posting, "_record", record)


def _nothing_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execute, "expire_due", lambda block, source, overlay: None)


def _expiry_leaves_the_totals(patch: pytest.MonkeyPatch) -> None:
    def expire(overlay: Overlay, expires_ms: int, identifier: bytes) -> None:
        key = heads.held_amount(identifier)
        held = overlay.get(key)
        assert held is not None
        overlay.put(key, {**held, "status": expiry.EXPIRED})
        overlay.delete(heads.expiry(expires_ms, identifier))

    patch.setattr(expiry, "end_hold", expire)


def _closed_and_frozen_accounts_move(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(posting, "_check_usable", lambda leg, sides: None)


def _anybody_resolves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "_require_owner", lambda context, account, code: None)


def _without_assertion(sides: posting.Sides, kind: str, amount: int) -> None:
    for account, field in ((sides.debit, f"debits_{kind}"), (sides.credit, f"credits_{kind}")):
        account[field] = cast(int, account[field]) + amount


@pytest.mark.parametrize(
    "take_away",
    [
        pytest.param(_one_side_only, id="I1-both-sides"),
        pytest.param(_no_funds_needed, id="I2-guarded"),
        pytest.param(_holds_resolved_twice, id="I4-resolved-once"),
        pytest.param(_ids_forgotten, id="I6-other-body"),
        pytest.param(_no_sticky_ids, id="I7-sticky"),
        pytest.param(_closed_and_frozen_accounts_move, id="closed-and-frozen"),
        pytest.param(_anybody_resolves, id="who-resolves"),
        pytest.param(_nothing_expires, id="I18-sweep"),
        pytest.param(_expiry_leaves_the_totals, id="I18-totals"),
    ],
)
def test_a_run_fails_without_the_rule(
    take_away: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch)
    with pytest.raises((AssertionError, Rejected, KeyError)):
        run_state_machine_as_test(Settlement, settings=settings(_settings(4_000), phases=_FIND_ONLY))
