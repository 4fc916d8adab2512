"""What a run is made of besides its scenario: keys, disks, and the ledger whose transactions the cluster orders.

By default all three are as fast as thousands of runs need. ``real`` are Ed25519 keys and LevelDB in a directory;
``contracts`` execute real payments of real accounts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from consensus.messages import Signer
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey, Verifier, verify
from ledger.state import HeadSource
from ledger.transaction import Operation
from ledger.validators import ValidatorSet
from node.chain import Executor
from node.storage.store import BlockWrite
from tests.sim.contracts_ledger import ContractsLedger
from tests.sim.keys import StubKey, stub_verify
from tests.sim.ledger import ToyLedger
from tests.sim.real_disk import RealPlatter
from tests.sim.virtual_disk import Platter


class SmallLedger(Protocol):
    """A ledger with a few accounts that pay one another, of which the model knows what each payment does."""

    @property
    def executor(self) -> Executor:
        """What gives its transactions their meaning."""
        ...

    def genesis_block(self, validators: ValidatorSet, client: bytes) -> BlockWrite:
        """Return block 0, in which a client's key may pay out of every account."""
        ...

    def payment(self, number: int, giver: int, taker: int, amount: int) -> Operation:
        """Return a payment from one account to another; ``number`` tells it from all others."""
        ...

    def read_payment(self, operation: Operation) -> tuple[int, int, int] | None:
        """Return (giver, taker, amount) of a payment, None of any other operation."""
        ...

    def read_hold(self, operation: Operation) -> tuple[bytes, int | None] | None:
        """Return (hold, timeout_ms) of an operation that places a hold, (hold, None) of one that posts it, or None."""
        ...

    def balances(self, source: HeadSource) -> list[int]:
        """Return what the accounts hold."""
        ...

    def holds(self, source: HeadSource) -> dict[bytes, int]:
        """Return when the holds that stand expire, by hold."""
        ...

    def read_exchange(self, operation: Operation) -> str | None:
        """Return the reference of a payment between two currencies, None of any other operation."""
        ...

    def exchanges(self, source: HeadSource) -> frozenset[str]:
        """Return the references of the payments between two currencies that were made."""
        ...

    def broken_money(self, source: HeadSource) -> tuple[str, str] | None:
        """Return (rule, what breaks it) where the accounts break a rule of money whatever was paid, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """The keys, disks and ledger of a run."""

    ledger: SmallLedger
    key: Callable[[SecretKey], Signer]
    verify: Verifier
    platter: Callable[[str], Platter]

    def validator_key(self, number: int) -> Signer:
        """Return the key of a validator; they are in the order of their public keys."""
        return self.key(_SECRETS[number])

    @property
    def client_key(self) -> Signer:
        """The key of all clients."""
        return self.key(_CLIENT)


def setting_of(*, contracts: bool = False, directory: Path | None = None) -> Setting:
    """Return the setting of a run; a directory is where the real disks are, None for virtual ones and stub keys."""
    ledger: SmallLedger = ContractsLedger() if contracts else ToyLedger()
    if directory is None:
        return Setting(ledger, lambda secret: StubKey(secret.public_key), stub_verify, Platter)
    numbers = iter(range(1 << 32))
    return Setting(
        ledger, lambda secret: secret, verify, lambda name: RealPlatter(name, directory / str(next(numbers)))
    )


_SECRETS: Final = sorted(
    (SecretKey(tagged_hash("simulated key", bytes([number]))) for number in range(16)), key=lambda key: key.public_key
)
_CLIENT: Final = SecretKey(tagged_hash("simulated client"))
