"""A small ledger: accounts that pay one another, a counter for each, and validators that a transaction may change.

It stands in for ``contracts.execute`` where thousands of runs have to be fast; the chain around it is the real one.
"""

from collections.abc import Sequence
from typing import Final, cast

from contracts import heads
from contracts.context import BlockContext
from contracts.execute import Execution
from ledger.authenticated_map import plan_update
from ledger.block import Header, receipts_root, transactions_root
from ledger.codec import Value, decode_own, encode
from ledger.hashing import ZERO_HASH, tagged_hash
from ledger.parameters import Parameters, parameters_from_value
from ledger.receipt import Receipt
from ledger.state import HeadSource
from ledger.transaction import Operation, Transaction
from ledger.validators import Validator, ValidatorSet
from node.chain import Executor
from node.storage.store import BlockWrite, StoredBlock

ACCOUNTS: Final = 6
OPENING_BALANCE: Final = 1_000
PAY: Final = "sim.pay"
SET_VALIDATORS: Final = "sim.set_validators"
SUPPLY: Final = ACCOUNTS * OPENING_BALANCE
START_MS: Final = 1_767_225_600_000
GENESIS_MS: Final = START_MS - 1_000

OK, TOO_LITTLE, UNKNOWN = 0, 1, 2
PARAMETERS: Final = Parameters(block_transactions_max=12, transaction_validity_ms_max=60_000)


def account(number: int) -> bytes:
    """Return the key of an account's head."""
    return b"account/%d" % number


class ToyExecutor:
    """An ``Executor`` for the methods of this file; it keeps nothing between blocks."""

    def execute(self, block: BlockContext, transactions: Sequence[Transaction], source: HeadSource) -> Execution:
        """Return what the transactions do: one operation each, all or nothing."""
        del block
        accounts: dict[bytes, list[int]] = {}
        changes: dict[bytes, bytes | None] = {}
        receipts = []
        for transaction in transactions:
            operation = transaction.operations[0]
            if operation.method == PAY:
                code = _pay(accounts, source, operation.arguments)
            elif operation.method == SET_VALIDATORS:
                changes[heads.VALIDATORS] = encode(operation.arguments["members"])
                code = OK
            else:
                code = UNKNOWN
            receipts.append(Receipt(transaction.transaction_id, code, None if code == OK else 0, ()))
        changes |= {key: encode(cast("Value", state)) for key, state in accounts.items()}
        return Execution(tuple(receipts), changes, (), ("",) * len(receipts))

    def read_parameters(self, source: HeadSource) -> Parameters:
        """Return the committed parameters."""
        return parameters_from_value(decode_own(_head(source, heads.PARAMETERS)))

    def read_validators(self, source: HeadSource) -> ValidatorSet:
        """Return the committed validators."""
        members = cast("list[list[Value]]", decode_own(_head(source, heads.VALIDATORS)))
        return ValidatorSet(Validator(cast("bytes", key), cast("str", name)) for key, name in members)

    def next_deadline_ms(self, source: HeadSource) -> int | None:
        """Return None: nothing of this ledger expires."""
        del source
        return None


class ToyLedger:
    """This ledger as the subject of a run."""

    @property
    def executor(self) -> Executor:
        """What executes its transactions."""
        return ToyExecutor()

    def genesis_block(self, validators: ValidatorSet, client: bytes) -> BlockWrite:
        """Return block 0; anybody may pay."""
        del client
        return genesis_block(validators)

    def payment(self, number: int, giver: int, taker: int, amount: int) -> Operation:
        """Return a payment, which its transaction's nonce tells from others."""
        del number
        return Operation(PAY, {"from": giver, "to": taker, "amount": amount})

    def read_payment(self, operation: Operation) -> tuple[int, int, int] | None:
        """Return (giver, taker, amount) of a payment."""
        if operation.method != PAY:
            return None
        giver, taker, amount = (cast("int", operation.arguments[name]) for name in ("from", "to", "amount"))
        return giver, taker, amount

    def balances(self, source: HeadSource) -> list[int]:
        """Return what the accounts hold."""
        return [read_account(source, number)[0] for number in range(ACCOUNTS)]

    def read_hold(self, operation: Operation) -> tuple[bytes, int | None] | None:
        """Return None: nothing is held here."""
        del operation
        return None

    def holds(self, source: HeadSource) -> dict[bytes, int]:
        """Return nothing."""
        del source
        return {}

    def read_exchange(self, operation: Operation) -> str | None:
        """Return None: nothing is exchanged here."""
        del operation
        return None

    def exchanges(self, source: HeadSource) -> frozenset[str]:
        """Return nothing."""
        del source
        return frozenset()

    def broken_money(self, source: HeadSource) -> tuple[str, str] | None:
        """Return the rule that the accounts break, and how; they have no sides that could differ."""
        held = self.balances(source)
        return ("conservation", str(held)) if sum(held) != SUPPLY or min(held) < 0 else None


def members_value(validators: ValidatorSet) -> Value:
    """Return validators as the argument of ``SET_VALIDATORS``."""
    return [[validator.public_key, validator.organisation] for validator in validators]


def read_account(source: HeadSource, number: int) -> tuple[int, int]:
    """Return (balance, number of changes) of an account."""
    balance, count = cast("list[int]", decode_own(_head(source, account(number))))
    return balance, count


def genesis_block(validators: ValidatorSet) -> BlockWrite:
    """Return block 0 of the small ledger."""
    changes: dict[bytes, bytes | None] = {
        heads.PARAMETERS: encode(PARAMETERS.to_value()),
        heads.VALIDATORS: encode(members_value(validators)),
    }
    changes |= {account(number): encode([OPENING_BALANCE, 0]) for number in range(ACCOUNTS)}
    return block_0(tagged_hash("genesis", b"simulation"), changes, validators)


def block_0(chain_id: bytes, changes: dict[bytes, bytes | None], validators: ValidatorSet) -> BlockWrite:
    """Return block 0 of a chain, with the heads that its founders set."""
    plan = plan_update(lambda _: None, changes)
    header = Header(
        chain_id=chain_id,
        height=0,
        time_ms=GENESIS_MS,
        parent_hash=ZERO_HASH,
        proposer=validators[0].public_key,
        transaction_count=0,
        transactions_root=transactions_root([]),
        receipts_root=receipts_root([]),
        state_root=plan.root,
        validators_hash=validators.hash,
        next_validators_hash=validators.hash,
    )
    return BlockWrite(StoredBlock(header, None, (), ()), changes, plan.nodes, (), validators)


def _pay(accounts: dict[bytes, list[int]], source: HeadSource, arguments: dict[str, Value]) -> int:
    giver, taker, amount = (cast("int", arguments[name]) for name in ("from", "to", "amount"))
    states = []
    for number in (giver, taker):
        key = account(number)
        if key not in accounts:
            accounts[key] = list(read_account(source, number))
        states.append(accounts[key])
    if amount > states[0][0]:
        return TOO_LITTLE
    states[0][0] -= amount
    states[1][0] += amount
    for state in states:
        state[1] += 1
    return OK


def _head(source: HeadSource, key: bytes) -> bytes:
    encoded = source.head(key)
    assert encoded is not None, f"genesis put a head at {key!r}"
    return encoded
