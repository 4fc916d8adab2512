"""A ledger with something of everything that an operator looks at: a payment under way, a hold, a window, a freeze."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

from starlette.routing import Route

from ledger.codec import Value
from ledger.genesis import Genesis
from node.config import NodeConfig
from node.scans.log import ScanLog
from node.storage.store import Store
from node.web.pages import build_web_routes
from tests.support.contract_hold_cases import account, pend
from tests.support.contract_netting_cases import owe, window
from tests.support.contract_situations import issue
from tests.support.contracts_world import Call
from tests.support.memory_values import MemoryValues
from tests.support.trade_world import call, opened
from tests.support.world_store import WorldStore

SECRET = b"what opens the payment"


@dataclass
class _Node:
    """What the pages ask of a node."""

    config: NodeConfig
    genesis: Genesis
    store: Store
    clock_ms: int
    scans: ScanLog = field(default_factory=lambda: ScanLog(Path("nowhere"), MemoryValues()))

    def now_ms(self) -> int:
        return self.clock_ms


def empty_ledger() -> WorldStore:
    """Return a ledger on which nothing has happened yet."""
    return WorldStore()


def busy_ledger() -> WorldStore:
    """Return a ledger with payments in escrow, disputed and settled, a hold, a window and a frozen account."""
    ledger = WorldStore()
    lock: Value = {"kind": "preimage", "sha256": sha256(SECRET).digest()}
    steps: list[tuple[str, Call]] = [
        ("other_bank", ("settlement.open_account", {"id": "lp/eur", "currency": "EUR"})),
        ("other_bank", ("settlement.open_account", {"id": "lp/hkd", "currency": "HKD"})),
        ("maker", ("settlement.open_account", {"id": "maker/hkd", "currency": "HKD"})),
        ("bank", issue(1_000_000)),
        ("other_bank", ("settlement.issue", {"id": b"z" * 16, "account": "lp/hkd", "amount": 10_000_000})),
        ("shop", opened(1, lock, reference="<b>PO-26-1187</b>")),
        ("shop", opened(2, lock)),
        ("shop", opened(3, lock)),
        ("maker", call("dispute", 2, reason="wet")),
        ("maker", call("present", 3, preimages=[SECRET])),
        ("shop", pend(amount=30_000)),
        ("bank", window()),
        ("shop", owe()),
        ("bank", account("freeze", "carrier/eur")),
    ]
    for number, (signer, step) in enumerate(steps):
        ledger.world.time_ms += 1_500 if number else 0
        receipt = ledger.run(signer, step)
        assert receipt.code == 0, (step, ledger.world.detail)
    return ledger


def operator_routes(ledger: WorldStore) -> list[Route]:
    """Return the routes of the pages over a ledger."""
    config = cast(NodeConfig, None)  # the operator's pages do not ask for it
    return build_web_routes(_Node(config, ledger.world.start, ledger.store, ledger.world.time_ms))
