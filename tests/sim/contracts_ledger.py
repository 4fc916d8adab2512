"""The real contracts as the ledger of a run: the same few accounts, moved by ``settlement.transfer``.

Every third operation places a hold on two accounts beside them, which the payments do not touch, and the one after it
may come in time to post it; the others expire, in blocks with and without transactions. Every sixth is an exchange by
a quote, over four accounts that nothing else touches: so what they hold says whether a leg was ever posted alone. Every
other exchange is in escrow, and two operations later it is released or sent back, if it was opened by then.
"""

from hashlib import sha256
from types import ModuleType
from typing import Any, Final, cast

import contracts.execute
from contracts import heads
from contracts.execute import execute_genesis
from ledger.codec import Value, decode_own, encode
from ledger.genesis import Genesis
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.state import Head, HeadSource, head_key, split_key
from ledger.transaction import Operation
from ledger.validators import ValidatorSet
from node.chain import Executor
from node.storage.store import BlockWrite
from tests.sim.ledger import ACCOUNTS, GENESIS_MS, OPENING_BALANCE, PARAMETERS, block_0
from tradelane import sign_quote

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
_PAY: Final = "settlement.pay"
_OPEN: Final = "trade.open"
_PRESENT: Final = "trade.present"
_CANCEL: Final = "trade.cancel"
_FOREIGN: Final = "HKD"
_PROVIDER: Final = "provider"
_BUYER, _SOURCE, _TARGET, _SELLER = f"{_OWNER}/buyer", "provider/source", "provider/target", f"{_OWNER}/seller"
_EXCHANGED: Final = {_BUYER: _CURRENCY, _SOURCE: _CURRENCY, _TARGET: _FOREIGN, _SELLER: _FOREIGN}
_OPENED: Final = {_BUYER: 1_000_000_000, _TARGET: 10_000_000_000}
"""The accounts of exchanges with their currencies, and what two of them begin with: more than a run can spend."""

_DEADLINE_MS: Final = 20 * 24 * 3_600_000
_TOTALS: Final = ("credits_posted", "debits_posted", "credits_pending", "debits_pending")
_QUOTE_LIFE_MS: Final = 30 * 24 * 3_600_000
_PROVIDER_KEY: Final = SecretKey(tagged_hash("simulated provider"))


class ContractsLedger:
    """A firm with two currencies of its own and a few accounts in them, and a provider that exchanges them."""

    def __init__(self) -> None:
        self._quote: Value = None

    @property
    def executor(self) -> Executor:
        """The contracts."""
        module: ModuleType = contracts.execute
        return cast("Executor", module)

    def genesis_block(self, validators: ValidatorSet, client: bytes) -> BlockWrite:
        """Return block 0: as the founders made it, with money in the accounts, which they cannot issue."""
        provider = (_PROVIDER, _PROVIDER_KEY.public_key)
        organisations = [
            (_OWNER, client),
            provider,
            *((member.organisation, member.public_key) for member in validators),
        ]
        calls: list[tuple[str, dict[str, object]]] = [
            (
                "membership.register_organisation",
                {"id": name, "name": name, "roles": ["issuer", "payment"], "admin_key": key},
            )
            for name, key in organisations
        ]
        calls += [
            ("settlement.define_currency", {"organisation": _OWNER, "code": code, "exponent": 2})
            for code in (_CURRENCY, _FOREIGN)
        ]
        calls += [
            ("settlement.open_account", {"organisation": _OWNER, "id": _account(number), "currency": _CURRENCY})
            for number in range(ACCOUNTS)
        ]
        calls += [
            ("settlement.open_account", {"organisation": _OWNER, "id": name, "currency": _CURRENCY})
            for name in (_HOLDER, _HELD_FOR)
        ]
        calls += [
            ("settlement.open_account", {"organisation": name.partition("/")[0], "id": name, "currency": code})
            for name, code in _EXCHANGED.items()
        ]
        operations = tuple(Operation(method, cast("Head", arguments)) for method, arguments in calls)
        genesis = Genesis("simulation", GENESIS_MS, PARAMETERS, validators, operations)
        changes = execute_genesis(genesis).changes
        for number in range(ACCOUNTS):
            _add(changes, _account(number), "credits_posted", OPENING_BALANCE)
        _add(changes, _HOLDER, "credits_posted", _HOLDER_OPENING)
        issued = {_CURRENCY: ACCOUNTS * OPENING_BALANCE + _HOLDER_OPENING, _FOREIGN: 0}
        for name, amount in _OPENED.items():
            _add(changes, name, "credits_posted", amount)
            issued[_EXCHANGED[name]] += amount
        for code, amount in issued.items():
            _add(changes, f"issuer/{code}", "debits_posted", amount)
        self._quote = _signed_quote(genesis.chain_id)
        return block_0(genesis.chain_id, changes, validators)

    def payment(self, number: int, giver: int, taker: int, amount: int) -> Operation:
        """Return a transfer, or now and then a hold, the posting of the one before, or an exchange."""
        transfer_id = _transfer_id(number)
        if number % _KINDS == 0:
            timeout_ms = _TIMEOUT_MS + _TIMEOUT_STEP_MS * (number // _KINDS % 4)
            held: Head = {"id": transfer_id, "debit": _HOLDER, "credit": _HELD_FOR, "amount": amount}
            return Operation(_PEND, {**held, "timeout_ms": timeout_ms})
        if number % _KINDS == 1 and number // _KINDS % 4 == 0 and number > _KINDS:
            opened = number - 2
            if number // _KINDS % 8:
                return Operation(_CANCEL, {"uetr": _uetr(opened)})
            return Operation(_PRESENT, {"uetr": _uetr(opened), "preimages": [_secret(opened)]})
        if number % _KINDS == 1 and number // _KINDS % 2:
            return Operation(_POST, {"id": transfer_id, "pending_id": _transfer_id(number - 1)})
        if number % _KINDS == _KINDS - 1 and number // _KINDS % 2:
            paid: Head = {"uetr": _uetr(number), "payer": _BUYER, "payee": _SELLER, "amount": 100 + amount}
            if number // _KINDS % 4 == 1:
                return Operation(_PAY, {**paid, "quote": self._quote})
            condition: Value = [{"kind": "preimage", "sha256": sha256(_secret(number)).digest()}]
            ends_ms = GENESIS_MS + _DEADLINE_MS
            until: Head = {"default": "refund", "deadline_ms": ends_ms, "dispute_deadline_ms": ends_ms + _DEADLINE_MS}
            return Operation(_OPEN, {**paid, "quote": self._quote, "condition": condition, **until})
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

    def read_exchange(self, operation: Operation) -> str | None:
        """Return the reference of an exchange, None of any other operation."""
        return cast("str", operation.arguments["uetr"]) if operation.method in (_PAY, _OPEN) else None

    def ways(self, source: HeadSource) -> frozenset[str]:
        """Return how the exchanges stand: ``held``, ``settled``, ``cancelled``."""
        payments = source.heads(head_key("payment") + b"\0")
        return frozenset(cast("str", cast("Head", decode_own(head))["status"]) for _, head in payments)

    def balances(self, source: HeadSource) -> list[int]:
        """Return what the accounts hold that pay one another."""
        return [_holds(source, _account(number)) for number in range(ACCOUNTS)]

    def exchanges(self, source: HeadSource) -> frozenset[str]:
        """Return the references of the exchanges that were made."""
        return frozenset(split_key(key)[1] for key, _ in source.heads(head_key("payment") + b"\0"))

    def broken_money(self, source: HeadSource) -> tuple[str, str] | None:
        """Return (rule, what breaks it) where money was made, spent twice, or moved by one leg of two; else None."""
        accounts = {
            split_key(key)[1]: cast("dict[str, Any]", decode_own(head))
            for key, head in source.heads(head_key("account") + b"\0")
        }
        for code in (_CURRENCY, _FOREIGN):
            for kind in ("posted", "pending"):
                debits, credits_ = (
                    sum(one[f"{side}_{kind}"] for one in accounts.values() if one["currency"] == code)
                    for side in ("debits", "credits")
                )
                if debits != credits_:
                    return "conservation", f"{code}: {debits} debits and {credits_} credits are {kind}"
        for name, one in accounts.items():
            spent = one["debits_posted"] + one["debits_pending"]
            if one["guarded"] and spent > one["credits_posted"]:
                return "overdraft", f"{name} spent {spent} of {one['credits_posted']}"
        # Credits and debits, posted and pending.
        expected = {name: [_OPENED.get(name, 0), 0, 0, 0] for name in _EXCHANGED}
        for _, head in source.heads(head_key("payment") + b"\0"):
            payment = cast("dict[str, Any]", decode_own(head))
            parts = {debit: (amount, credit) for debit, credit, amount in payment["legs"]}
            if set(parts) != {_BUYER, _TARGET} or parts[_BUYER][0] != payment["source_amount"]:
                return "both_legs", f"a payment has the legs {payment['legs']}"
            # What was sent back has left nothing anywhere.
            first = {"settled": 0, "held": 2}.get(payment["status"])
            for debit, (amount, credit) in parts.items() if first is not None else ():
                expected[debit][cast("int", first) + 1] += amount
                expected[credit][cast("int", first)] += amount
        for name, totals in expected.items():
            found = [accounts[name][field] for field in _TOTALS]
            if found != totals:
                return "both_legs", f"{name} has {found} in credits and debits, its payments come to {totals}"
        return None

    def holds(self, source: HeadSource) -> dict[bytes, int]:
        """Return when the holds that stand expire."""
        keys = (split_key(key) for key, _ in source.heads(heads.EXPIRY_PREFIX))
        return {bytes.fromhex(identifier): int(expires_ms) for _, expires_ms, identifier in keys}


def _transfer_id(number: int) -> bytes:
    return (number + (1 << 64)).to_bytes(16, "big")


def _secret(number: int) -> bytes:
    """Return what opens an escrow."""
    return b"secret %d" % number


def _uetr(number: int) -> str:
    # The numbers of liars are below zero.
    return f"8a562c67-ca16-48ba-b074-{number % (1 << 48):012x}"


def _signed_quote(chain_id: bytes) -> Value:
    """Return the provider's quote for the whole run. It is signed as in life: contracts check no other signatures."""
    terms: Head = {
        "version": 1,
        "id": bytes(16),
        "provider": _PROVIDER,
        "source_account": _SOURCE,
        "target_account": _TARGET,
        "source_currency": _CURRENCY,
        "target_currency": _FOREIGN,
        "side": "send",
        "rate": "8.501",
        "minimum": 1,
        "maximum": 10**9,
        "capacity": 10**9,
        "not_before_ms": 0,
        "expires_ms": GENESIS_MS + _QUOTE_LIFE_MS,
        "max_height": 10**9,
        "nonce": 1,
    }
    return sign_quote(_PROVIDER_KEY, chain_id, terms)


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
