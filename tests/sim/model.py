"""A second, dumb ledger beside the one under test: what each block does, from its transactions alone."""

from typing import cast

from ledger.block import Header
from ledger.codec import Value
from ledger.transaction import Transaction
from ledger.validators import Validator, ValidatorSet
from tests.sim.ledger import ACCOUNTS, OPENING_BALANCE, PARAMETERS, SET_VALIDATORS
from tests.sim.setting import Setting


class Model:
    """The chain as honest nodes store it: balances, validators and transactions, block by block."""

    def __init__(self, chain_id: bytes, validators: ValidatorSet, setting: Setting) -> None:
        self._chain_id = chain_id
        self._setting = setting
        self._validators = {1: validators, 2: validators}
        self._first_validators = validators
        self._balances: dict[bytes, list[int]] = {}
        self._holds: dict[bytes, dict[bytes, int]] = {}
        self._exchanges: dict[bytes, frozenset[str]] = {}
        self._times_ms: dict[bytes, int] = {}
        self._height_of: dict[bytes, int] = {}
        self._indexes: dict[int, dict[bytes, int]] = {}

    def validators_of(self, height: int) -> ValidatorSet:
        """Return who signs the block at a height; the newest known ones where it is not known yet."""
        return self._validators.get(height) or self._validators[max(self._validators)]

    def balances(self, block_hash: bytes) -> list[int]:
        """Return the balances after a block."""
        return self._balances[block_hash]

    def holds(self, block_hash: bytes) -> dict[bytes, int]:
        """Return when the holds that stand after a block expire."""
        return self._holds[block_hash]

    def exchanges(self, block_hash: bytes) -> frozenset[str]:
        """Return the exchanges up to a block: there is money for all of them."""
        return self._exchanges[block_hash]

    def index_of(self, height: int, transaction_id: bytes) -> int | None:
        """Return where in its block a transaction stands, or None."""
        return self._indexes.get(height, {}).get(transaction_id)

    def take(self, header: Header, transactions: tuple[Transaction, ...]) -> tuple[str, str] | None:
        """Take a block that somebody stored; return (rule, what breaks it), or None."""
        if header.hash in self._balances:
            return None
        broken = self._broken(header, transactions)
        if broken is not None:
            return broken
        balances = list(self._balances.get(header.parent_hash, [OPENING_BALANCE] * ACCOUNTS))
        holds = self._standing(header)
        after = self._validators[header.height + 1]
        for transaction in transactions:
            operation = transaction.operations[0]
            if operation.method == SET_VALIDATORS:
                members = cast("list[list[Value]]", operation.arguments["members"])
                after = ValidatorSet(Validator(cast("bytes", key), cast("str", name)) for key, name in members)
                continue
            held = self._setting.ledger.read_hold(operation)
            if held is not None:
                _take_hold(holds, *held, header.time_ms)
            payment = self._setting.ledger.read_payment(operation)
            if payment is not None and balances[payment[0]] >= payment[2]:
                giver, taker, amount = payment
                balances[giver] -= amount
                balances[taker] += amount
        self._validators[header.height + 2] = after
        self._balances[header.hash] = balances
        self._holds[header.hash] = holds
        made = (self._setting.ledger.read_exchange(transaction.operations[0]) for transaction in transactions)
        earlier = self._exchanges.get(header.parent_hash, frozenset())
        self._exchanges[header.hash] = earlier.union(uetr for uetr in made if uetr is not None)
        self._times_ms[header.hash] = header.time_ms
        self._indexes[header.height] = {each.transaction_id: index for index, each in enumerate(transactions)}
        self._height_of.update(dict.fromkeys(self._indexes[header.height], header.height))
        return None

    def _standing(self, header: Header) -> dict[bytes, int]:
        """Return the holds of the parent that are not over in this block."""
        holds = self._holds.get(header.parent_hash, {})
        return {hold: expires_ms for hold, expires_ms in holds.items() if expires_ms > header.time_ms}

    def _broken(self, header: Header, transactions: tuple[Transaction, ...]) -> tuple[str, str] | None:
        if header.time_ms <= self._times_ms.get(header.parent_hash, 0):
            return "validity", "its time is not after its parent's"
        if header.validators_hash != self.validators_of(header.height).hash:
            return "validators", "it names other validators than sign it"
        if header.next_validators_hash != self.validators_of(header.height + 1).hash:
            return "validators", "it names other validators than sign the next"
        is_due = len(self._standing(header)) < len(self._holds.get(header.parent_hash, {}))
        if len(transactions) > PARAMETERS.block_transactions_max or not (transactions or is_due):
            return "validity", f"{len(transactions)} transactions"
        ids = [transaction.transaction_id for transaction in transactions]
        if len(set(ids)) != len(ids) or any(identifier in self._height_of for identifier in ids):
            return "replay", "a transaction is in the chain twice"
        for transaction in transactions:
            if transaction.chain_id != self._chain_id or not transaction.is_authentic(self._setting.verify):
                return "validity", "a transaction is not its sender's"
            left_ms = transaction.valid_until_ms - header.time_ms
            if not 0 <= left_ms <= PARAMETERS.transaction_validity_ms_max:
                return "validity", f"a transaction {left_ms} ms before its end"
        return None


def _take_hold(holds: dict[bytes, int], hold: bytes, timeout_ms: int | None, time_ms: int) -> None:
    """Place a hold that begins now, or end one; what is not there is not posted."""
    if timeout_ms is None:
        holds.pop(hold, None)
    else:
        holds[hold] = time_ms + timeout_ms
