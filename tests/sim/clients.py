"""Clients: they pay, wait, try again elsewhere, send twice, and let some payments expire."""

from typing import cast

from consensus.messages import Signer
from ledger.keys import SecretKey
from ledger.transaction import Operation, Transaction, sign_transaction
from ledger.validators import Validator, ValidatorSet
from tests.sim.events import ClientActs
from tests.sim.ledger import ACCOUNTS, SET_VALIDATORS, START_MS, members_value
from tests.sim.machine import Machine
from tests.sim.network import Clock
from tests.sim.scenario import Scenario, chance
from tests.sim.setting import Setting

_PACE_MS = 220
_RETRIES = 4
_CHANGE_NUMBER = 7


class Clients:
    """The clients of one run: payment after payment, each with its attempts."""

    def __init__(
        self,
        scenario: Scenario,
        chain_id: bytes,
        validators: ValidatorSet,
        machines: list[Machine],
        setting: Setting,
    ) -> None:
        self._scenario = scenario
        self._setting = setting
        self._chain_id = chain_id
        self._validators = validators
        self._machines = machines
        self._transactions: dict[int, Transaction] = {}
        self._done: set[bytes] = set()

    def begin(self, clock: Clock) -> None:  # type: ignore[type-arg]
        """Let the first payment be made."""
        clock.at(5, (0, 0, ClientActs(0, 0)))

    def act(self, clock: Clock, what: ClientActs, *, is_healed: bool) -> int | None:  # type: ignore[type-arg]
        """Make a payment or try again; return to which machine it goes, None to none."""
        number, attempt = what.number, what.attempt
        if attempt == 0:
            pause_ms = _PACE_MS // 2 + int(self._chance("pace", number) * _PACE_MS)
            if is_healed:
                pause_ms //= 4
            elif self._chance("idle", number // 6) < self._scenario.idle:
                pause_ms += 400
            clock.after(pause_ms, (0, 0, ClientActs(number + 1, 0)))
            self._transactions[number] = self._make(number, clock.now_ms)
        transaction = self._transactions[number]
        if transaction.transaction_id in self._done:
            return None
        if attempt < _RETRIES:
            wait_ms = 3 if self._chance("twice", number, attempt) < 0.1 else 700 + 700 * attempt
            clock.after(wait_ms, (0, 0, ClientActs(number, attempt + 1)))
        return int(self._chance("to", number, attempt) * len(self._machines))

    def encoded(self, number: int) -> bytes:
        """Return the bytes of a payment."""
        return self._transactions[number].encoded

    def is_reachable(self, machine: int, now_ms: int) -> bool:
        """Say whether clients get through to a machine now."""
        is_healed = now_ms >= self._scenario.gst_ms
        return is_healed or self._chance("reach", machine, now_ms // 500) >= self._scenario.drop / 2

    def acknowledged(self, transaction_id: bytes) -> None:
        """Take note that a payment was reported as committed."""
        self._done.add(transaction_id)

    def _make(self, number: int, now_ms: int) -> Transaction:
        operation = self._setting.ledger.payment(
            number,
            int(self._chance("from", number) * ACCOUNTS),
            int(self._chance("account", number) * ACCOUNTS),
            1 + int(self._chance("amount", number) * 600),
        )
        if self._scenario.change and number and number % _CHANGE_NUMBER == 0:
            operation = Operation(SET_VALIDATORS, {"members": members_value(self._other_validators(number))})
        is_short = self._chance("short", number) < 0.1
        valid_ms = 400 if is_short else 8_000 + int(self._chance("valid", number) * 20_000)
        valid_until_ms = START_MS + now_ms + valid_ms
        return make_transaction(self._setting.client_key, self._chain_id, number, valid_until_ms, operation)

    def _other_validators(self, number: int) -> ValidatorSet:
        """Return the first validators, or those with the spare key in place of one of them."""
        members = list(self._validators)
        if (number // _CHANGE_NUMBER) % 2:
            gone = int(self._chance("gone") * len(members))
            spare = self._machines[len(members)]
            members[gone] = Validator(spare.key.public_key, "organisation spare")
        return ValidatorSet(members)

    def _chance(self, *ids: object) -> float:
        return chance(self._scenario.seed, "client", *ids)


def make_transaction(
    signer: Signer, chain_id: bytes, nonce: int, valid_until_ms: int, operation: Operation
) -> Transaction:
    """Return a transaction of a client's key; the nonce tells it from others."""
    key = cast("SecretKey", signer)  # or one that signs with hashes, which a simulation believes
    return sign_transaction(key, chain_id, nonce.to_bytes(16, "big", signed=True), valid_until_ms, [operation])
