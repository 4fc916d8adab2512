"""Accounts, transfers and holds as plain dictionaries: the twin that the contracts are held against.

It answers every operation with the name of the code that the contracts must give, and keeps what they must keep.
"""

from dataclasses import dataclass, field
from typing import Any

LARGEST = 2**63 - 1
STICKY = {"UNKNOWN_HOLD", "INSUFFICIENT_FUNDS"} | {
    f"{side}_ACCOUNT_{state}" for side in ("DEBIT", "CREDIT") for state in ("CLOSED", "FROZEN")
}


@dataclass
class Account:
    """Totals by name, and what the account is."""

    owner: str
    currency: str
    guarded: bool = True
    debits: int = 0
    credits: int = 0
    held_out: int = 0
    held_in: int = 0
    flags: set[str] = field(default_factory=set)


class Model:
    """The accounts by id, what was made by transfer id, and the holds by the id of their pending transfer."""

    def __init__(self, accounts: dict[str, Account], issuers: dict[str, str]) -> None:
        self.accounts = accounts
        self.issuers = issuers
        self.made: dict[bytes, tuple[Any, ...]] = {}
        self.holds: dict[bytes, dict[str, Any]] = {}
        self.failed: set[tuple[str, bytes]] = set()

    def expire(self, time_ms: int) -> None:
        """End what is over."""
        for held in self.holds.values():
            if held["status"] == "pending" and held["expires_ms"] <= time_ms:
                self.free(held, "expired")

    def free(self, held: dict[str, Any], status: str) -> None:
        """End a hold."""
        held["status"] = status
        self.accounts[held["debit"]].held_out -= held["amount"]
        self.accounts[held["credit"]].held_in -= held["amount"]

    def once(self, signer: str, identifier: bytes, body: tuple[Any, ...], answer: str) -> str:
        """Return the answer to an operation under an id, which is ``answer`` where the id is new."""
        if identifier in self.made:
            return "OK" if self.made[identifier] == body else "EXISTS_WITH_DIFFERENT"
        if (signer, identifier) in self.failed:
            return "TRANSFER_ID_FAILED"
        if answer in STICKY:
            self.failed.add((signer, identifier))
        return answer

    def movable(self, signer: str, debit: str, credit: str, amount: int, kind: str) -> str:
        """Return whether an amount can be moved or held."""
        if debit == credit:
            return "ACCOUNTS_MUST_DIFFER"
        payer, payee = self.accounts[debit], self.accounts[credit]
        if payer.owner != signer:
            return "NOT_ISSUER" if kind == "issue" else "NOT_ACCOUNT_OWNER"
        if payer.currency != payee.currency:
            return "ACCOUNT_CURRENCIES_DIFFER"
        if (unusable := self.unusable(debit, credit)) is not None:
            return unusable
        debits = payer.debits + payer.held_out + amount
        if debits > LARGEST or payee.credits + payee.held_in + amount > LARGEST:
            return "BALANCE_OVERFLOW"
        return "INSUFFICIENT_FUNDS" if payer.guarded and debits > payer.credits else "OK"

    def unusable(self, debit: str, credit: str) -> str | None:
        """Return the code for a closed or frozen account."""
        for state in ("closed", "frozen"):
            for side, name in (("DEBIT", debit), ("CREDIT", credit)):
                if state in self.accounts[name].flags:
                    return f"{side}_ACCOUNT_{state.upper()}"
        return None

    def move(self, signer: str, kind: str, identifier: bytes, debit: str, credit: str, amount: int) -> str:
        """Transfer, issue or redeem."""
        body = (kind, debit, credit, amount)
        is_new = identifier not in self.made
        answer = self.once(signer, identifier, body, self.movable(signer, debit, credit, amount, kind))
        if answer == "OK" and is_new:
            self.made[identifier] = body
            self.accounts[debit].debits += amount
            self.accounts[credit].credits += amount
        return answer

    def pend(
        self, signer: str, identifier: bytes, debit: str, credit: str, amount: int, timeout_ms: int, time_ms: int
    ) -> str:
        """Place a hold."""
        body = ("pend", debit, credit, amount, timeout_ms)
        is_new = identifier not in self.made
        answer = self.once(signer, identifier, body, self.movable(signer, debit, credit, amount, "pend"))
        if answer == "OK" and is_new:
            self.made[identifier] = body
            self.accounts[debit].held_out += amount
            self.accounts[credit].held_in += amount
            self.holds[identifier] = {
                "debit": debit,
                "credit": credit,
                "amount": amount,
                "expires_ms": time_ms + timeout_ms,
                "status": "pending",
            }
        return answer

    def resolve(self, signer: str, kind: str, identifier: bytes, pending_id: bytes, amount: int | None) -> str:
        """Post or void a hold; ``amount`` None posts all of it."""
        held = self.holds.get(pending_id)
        amount = held["amount"] if amount is None and held is not None else amount
        is_new = identifier not in self.made
        answer = self.once(
            signer, identifier, (kind, pending_id, amount), self.resolvable(signer, kind, pending_id, amount or 0)
        )
        if answer == "OK" and is_new:
            assert held is not None
            self.made[identifier] = (kind, pending_id, amount)
            self.free(held, "posted" if kind == "post" else "voided")
            if kind == "post":
                self.accounts[held["debit"]].debits += amount or 0
                self.accounts[held["credit"]].credits += amount or 0
        return answer

    def resolvable(self, signer: str, kind: str, pending_id: bytes, amount: int) -> str:
        """Return whether a hold can be posted or voided."""
        held = self.holds.get(pending_id)
        if held is None:
            return "NOT_A_HOLD" if pending_id in self.made else "UNKNOWN_HOLD"
        if self.accounts[held["debit" if kind == "post" else "credit"]].owner != signer:
            return "NOT_ACCOUNT_OWNER" if kind == "post" else "NOT_CREDIT_OWNER"
        if kind == "post" and amount > held["amount"]:
            return "EXCEEDS_HELD_AMOUNT"
        if held["status"] != "pending":
            return f"HOLD_{held['status'].upper()}"
        return (self.unusable(held["debit"], held["credit"]) if kind == "post" else None) or "OK"

    def flag(self, signer: str, verb: str, name: str) -> str:
        """Close, freeze or unfreeze an account."""
        account = self.accounts[name]
        if "closed" in account.flags:
            return "ACCOUNT_CLOSED"
        if verb == "close":
            if account.owner != signer:
                return "NOT_ACCOUNT_OWNER"
            if account.credits != account.debits:
                return "ACCOUNT_NOT_EMPTY"
            account.flags.add("closed")
            return "OK"
        if self.issuers[account.currency] != signer:
            return "NOT_ISSUER"
        if ("frozen" in account.flags) == (verb == "freeze"):
            return "ACCOUNT_FROZEN_ALREADY" if verb == "freeze" else "ACCOUNT_NOT_FROZEN"
        account.flags ^= {"frozen"}
        return "OK"
