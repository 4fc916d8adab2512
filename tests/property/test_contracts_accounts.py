"""Settlement against a dictionary: conservation, no overdraft, harmless retries, in any order."""

from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contracts_world import World

OWNERS = {"maker/eur": "maker", "carrier/eur": "carrier", "shop/eur": "shop", "shop/hkd": "shop"}
CURRENCIES = {"maker/eur": "EUR", "carrier/eur": "EUR", "shop/eur": "EUR", "shop/hkd": "HKD"}
ISSUERS = {"EUR": "bank", "HKD": "other_bank"}

accounts = st.sampled_from(sorted(OWNERS))
identifiers = st.integers(1, 12).map(lambda number: number.to_bytes(16, "big"))
amounts = st.one_of(st.integers(0, 50), st.sampled_from([10**18 - 1, 10**17]))


class Settlement(RuleBasedStateMachine):
    """``balances`` is the twin: credits less debits, and what was made under each id."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.must("shop", ("settlement.open_account", {"id": "shop/hkd", "currency": "HKD"}))
        self.balances = dict.fromkeys((*OWNERS, "issuer/EUR", "issuer/HKD"), 0)
        self.made: dict[bytes, tuple[str, str, str, int]] = {}

    def ask(self, signer: str, call: tuple[str, dict[str, Value]], body: tuple[str, str, str, int], may: bool) -> None:
        """Send a transfer and hold the answer against the twin; ``may`` is whether it can be carried out if new."""
        identifier = cast(bytes, call[1]["id"])
        before = dict(self.world.committed)
        receipt = self.world.run(signer, call)
        code = ResultCode(receipt.code)
        known = self.made.get(identifier)
        if known is not None:
            assert (code is ResultCode.OK) == (known == body), (code, known, body)
            assert code is ResultCode.OK or code.name.startswith("EXISTS_WITH_DIFFERENT_")
            assert self.world.committed == before
        elif may:
            assert code is ResultCode.OK, self.world.detail
            _, debit, credit, amount = body
            self.balances[debit] -= amount
            self.balances[credit] += amount
            self.made[identifier] = body
        else:
            assert code is not ResultCode.OK
            assert self.world.committed == before

    @rule(identifier=identifiers, account=accounts, amount=amounts, right=st.booleans())
    def issue(self, identifier: bytes, account: str, amount: int, right: bool) -> None:
        currency = CURRENCIES[account]
        signer = ISSUERS[currency] if right else ISSUERS["HKD" if currency == "EUR" else "EUR"]
        call = "settlement.issue", cast("dict[str, Value]", {"id": identifier, "account": account, "amount": amount})
        fits = -self.balances["issuer/" + currency] + amount < 2**62
        if fits:
            self.ask(signer, call, ("issue", "issuer/" + currency, account, amount), right)

    @rule(identifier=identifiers, account=accounts, amount=amounts, by_owner=st.booleans())
    def redeem(self, identifier: bytes, account: str, amount: int, by_owner: bool) -> None:
        call = "settlement.redeem", cast("dict[str, Value]", {"id": identifier, "account": account, "amount": amount})
        body = ("redeem", account, "issuer/" + CURRENCIES[account], amount)
        signer = OWNERS[account] if by_owner else ISSUERS[CURRENCIES[account]]
        self.ask(signer, call, body, by_owner and amount <= self.balances[account])

    @rule(identifier=identifiers, debit=accounts, credit=accounts, amount=amounts, by_owner=st.integers(0, 9))
    def transfer(self, identifier: bytes, debit: str, credit: str, amount: int, by_owner: int) -> None:
        call = (
            "settlement.transfer",
            cast("dict[str, Value]", {"id": identifier, "debit": debit, "credit": credit, "amount": amount}),
        )
        may = (
            by_owner > 0
            and debit != credit
            and CURRENCIES[debit] == CURRENCIES[credit]
            and amount <= self.balances[debit]
        )
        self.ask(OWNERS[debit] if by_owner else "watcher", call, ("transfer", debit, credit, amount), may)

    @invariant()
    def the_ledger_says_what_the_twin_says(self) -> None:
        posted = {"EUR": [0, 0], "HKD": [0, 0]}
        for name, balance in self.balances.items():
            account = self.world.get(heads.account(name))
            assert account is not None
            debited, credited = cast(int, account["debits_posted"]), cast(int, account["credits_posted"])
            assert credited - debited == balance
            assert not account["guarded"] or debited <= credited
            currency = cast(str, account["currency"])
            posted[currency][0] += debited
            posted[currency][1] += credited
        assert all(debited == credited for debited, credited in posted.values())


Settlement.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSettlement = Settlement.TestCase
