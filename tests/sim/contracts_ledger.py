"""The real contracts as the ledger of a run: the same few accounts, moved by ``settlement.transfer``.

Every third operation places a hold on two accounts beside them, which the payments do not touch, and the one after it
may come in time to post it; the others expire, in blocks with and without transactions.
"""

from types import ModuleType
from typing import Final, cast

import contracts.execute
from contracts import heads
from contracts.execute import execute_genesis
from ledger.codec import decode_own, encode
from ledger.genesis import Genesis
from ledger.state import Head, HeadSource, head_key, split_key
from ledger.transaction import Operation
from ledger.validators import ValidatorSet
from node.chain import Executor
from node.storage.store import BlockWrite
from tests.sim.ledger import ACCOUNTS, GENESIS_MS, OPENING_BALANCE, PARAMETERS, block_0

_OWNER: Final = "firm"
_CURRENCY: Final = "EUR"
_TRANSFER: Final = "settlement.transfer"
_PEND: Final = "settlement.pend"
_POST: Final = "settlement.post"
_HOLDER: Final = f"{_OWNER}/holder"
_HELD_FOR: Final = f"{_OWNER}/held for"
_HOLDER_OPENING: Final = 1_000_000_000
_TIMEOUT_MS: Final = 200
_TIMEOUT_STEP_MS: Final = 350
_KINDS: Final = 3
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
        calls += [
            ("settlement.open_account", {"organisation": _OWNER, "id": name, "currency": _CURRENCY})
            for name in (_HOLDER, _HELD_FOR)
        ]
        operations = tuple(Operation(method, cast("Head", arguments)) for method, arguments in calls)
        genesis = Genesis("simulation", GENESIS_MS, PARAMETERS, validators, operations)
        changes = execute_genesis(genesis).changes
        for number in range(ACCOUNTS):
            _add(changes, _account(number), "credits_posted", OPENING_BALANCE)
        _add(changes, _HOLDER, "credits_posted", _HOLDER_OPENING)
        _add(changes, _ISSUER_ACCOUNT, "debits_posted", ACCOUNTS * OPENING_BALANCE + _HOLDER_OPENING)
        return block_0(genesis.chain_id, changes, validators)

    def payment(self, number: int, giver: int, taker: int, amount: int) -> Operation:
        """Return a transfer, or now and then a hold or the posting of the one before."""
        transfer_id = _transfer_id(number)
        if number % _KINDS == 0:
            timeout_ms = _TIMEOUT_MS + _TIMEOUT_STEP_MS * (number // _KINDS % 4)
            held: Head = {"id": transfer_id, "debit": _HOLDER, "credit": _HELD_FOR, "amount": amount}
            return Operation(_PEND, {**held, "timeout_ms": timeout_ms})
        if number % _KINDS == 1 and number // _KINDS % 2:
            return Operation(_POST, {"id": transfer_id, "pending_id": _transfer_id(number - 1)})
        arguments: Head = {"id": transfer_id, "debit": _account(giver), "credit": _account(taker), "amount": amount}
        return Operation(_TRANSFER, arguments)

    def read_payment(self, operation: Operation) -> tuple[int, int, int] | None:
        """Return (giver, taker, amount) of a transfer."""
        if operation.method != _TRANSFER:
            return None
        giver, taker, amount = (operation.arguments[name] for name in ("debit", "credit", "amount"))
        return _number(cast("str", giver)), _number(cast("str", taker)), cast("int", amount)

    def read_hold(self, operation: Operation) -> tuple[bytes, int | None] | None:
        """Return (hold, timeout_ms) of a hold, (hold, None) of the posting of one."""
        if operation.method == _PEND:
            return cast("bytes", operation.arguments["id"]), cast("int", operation.arguments["timeout_ms"])
        return (cast("bytes", operation.arguments["pending_id"]), None) if operation.method == _POST else None

    def balances(self, source: HeadSource) -> list[int]:
        """Return what the accounts hold, after all debits were found to be all credits, posted and pending."""
        found = [cast("dict[str, int]", decode_own(head)) for _, head in source.heads(head_key("account") + b"\0")]
        for kind in ("posted", "pending"):
            debits, credits_ = (sum(account[f"{side}_{kind}"] for account in found) for side in ("debits", "credits"))
            assert debits == credits_, f"all debits are all credits, {kind}"
        for account in found:
            has, spent = account["credits_posted"], account["debits_posted"] + account["debits_pending"]
            assert spent <= has or not account["guarded"], "a guarded account never spends what it does not have"
        return [_holds(source, _account(number)) for number in range(ACCOUNTS)]

    def holds(self, source: HeadSource) -> dict[bytes, int]:
        """Return when the holds that stand expire."""
        keys = (split_key(key) for key, _ in source.heads(heads.EXPIRY_PREFIX))
        return {bytes.fromhex(identifier): int(expires_ms) for _, expires_ms, identifier in keys}


def _transfer_id(number: int) -> bytes:
    return (number + (1 << 64)).to_bytes(16, "big")


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
