"""The real contracts as the ledger of a run: the same few accounts, moved by ``settlement.transfer``."""

from types import ModuleType
from typing import Final, cast

import contracts.execute
from contracts import heads
from contracts.execute import execute_genesis
from ledger.codec import decode_own, encode
from ledger.genesis import Genesis
from ledger.state import Head, HeadSource
from ledger.transaction import Operation
from ledger.validators import ValidatorSet
from node.chain import Executor
from node.storage.store import BlockWrite
from tests.sim.ledger import ACCOUNTS, GENESIS_MS, OPENING_BALANCE, PARAMETERS, block_0

_OWNER: Final = "firm"
_CURRENCY: Final = "EUR"
_TRANSFER: Final = "settlement.transfer"
_ISSUER_ACCOUNT: Final = f"issuer/{_CURRENCY}"


class ContractsLedger:
    """A firm with a currency of its own and a few accounts in it."""

    @property
    def executor(self) -> Executor:
        """The contracts."""
        module: ModuleType = contracts.execute
        return cast("Executor", module)

    def genesis_block(self, validators: ValidatorSet, client: bytes) -> BlockWrite:
        """Return block 0: as the founders made it, with money in the accounts, which they cannot issue."""
        organisations = [(_OWNER, client), *((member.organisation, member.public_key) for member in validators)]
        calls: list[tuple[str, dict[str, object]]] = [
            (
                "membership.register_organisation",
                {"id": name, "name": name, "roles": ["issuer", "payment"], "admin_key": key},
            )
            for name, key in organisations
        ]
        calls.append(("settlement.define_currency", {"organisation": _OWNER, "code": _CURRENCY, "exponent": 2}))
        calls += [
            ("settlement.open_account", {"organisation": _OWNER, "id": _account(number), "currency": _CURRENCY})
            for number in range(ACCOUNTS)
        ]
        operations = tuple(Operation(method, cast("Head", arguments)) for method, arguments in calls)
        genesis = Genesis("simulation", GENESIS_MS, PARAMETERS, validators, operations)
        changes = execute_genesis(genesis).changes
        for number in range(ACCOUNTS):
            _add(changes, _account(number), "credits_posted", OPENING_BALANCE)
        _add(changes, _ISSUER_ACCOUNT, "debits_posted", ACCOUNTS * OPENING_BALANCE)
        return block_0(genesis.chain_id, changes, validators)

    def payment(self, number: int, giver: int, taker: int, amount: int) -> Operation:
        """Return a transfer."""
        transfer_id = (number + (1 << 64)).to_bytes(16, "big")
        arguments: Head = {"id": transfer_id, "debit": _account(giver), "credit": _account(taker), "amount": amount}
        return Operation(_TRANSFER, arguments)

    def read_payment(self, operation: Operation) -> tuple[int, int, int] | None:
        """Return (giver, taker, amount) of a transfer."""
        if operation.method != _TRANSFER:
            return None
        giver, taker, amount = (operation.arguments[name] for name in ("debit", "credit", "amount"))
        return _number(cast("str", giver)), _number(cast("str", taker)), cast("int", amount)

    def balances(self, source: HeadSource) -> list[int]:
        """Return what the accounts hold, after the issuer's debt was found to be as much."""
        held = [_holds(source, _account(number)) for number in range(ACCOUNTS)]
        assert sum(held) == -_holds(source, _ISSUER_ACCOUNT), "all debits are all credits"
        return held


def _account(number: int) -> str:
    return f"{_OWNER}/{number}"


def _number(account: str) -> int:
    return int(account.rpartition("/")[2])


def _holds(source: HeadSource, account: str) -> int:
    encoded = source.head(heads.account(account))
    assert encoded is not None, "genesis opened it"
    head = cast("dict[str, int]", decode_own(encoded))
    return head["credits_posted"] - head["debits_posted"]


def _add(changes: dict[bytes, bytes | None], account: str, field: str, amount: int) -> None:
    key = heads.account(account)
    head = cast("Head", decode_own(cast("bytes", changes[key])))
    head[field] = cast("int", head[field]) + amount
    changes[key] = encode(head)
