"""What the API asks of a node, so that it can be served by any object that offers this."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ledger.evidence import Equivocation
from ledger.genesis import Genesis
from ledger.keys import SecretKey
from ledger.transaction import Transaction
from node.admission import Refusal
from node.config import NodeConfig
from node.metrics import Metrics
from node.queries import Outcome
from node.scans.log import ScanLog
from node.storage.store import Store
from node.subscriptions.book import Book
from node.subscriptions.sender import Sender

if TYPE_CHECKING:  # the node imports the consensus, which answering a request does not need
    from node.node import NodeStatus


class ApiNode(Protocol):
    """A node as the API sees it (node/node.py has the meaning of each)."""

    config: NodeConfig
    genesis: Genesis
    store: Store
    metrics: Metrics
    gateway_key: SecretKey | None
    queries: Book
    scans: ScanLog
    subscribers: Sender

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds UTC."""
        ...

    def status(self) -> "NodeStatus":
        """Return what the node says of itself."""
        ...

    async def submit(self, encoded: bytes) -> Transaction | Refusal:
        """Take a transaction into the pool, or say why not."""
        ...

    async def submit_many(self, batch: Sequence[bytes]) -> list[Transaction | Refusal]:
        """Take transactions into the pool, each by itself; return an answer for each."""
        ...

    def is_pending(self, transaction_id: bytes) -> bool:
        """Say whether a transaction waits for a block here."""
        ...

    def receipt_detail(self, transaction_id: bytes) -> str | None:
        """Return in words why a transaction failed, where this node executed it lately."""
        ...

    def unreported_evidence(self) -> list[Equivocation]:
        """Return the double votes that the node keeps and that are not on the ledger yet."""
        ...

    async def wait_outcomes(self, transaction_ids: Sequence[bytes], timeout_s: float) -> dict[bytes, Outcome]:
        """Return the outcomes of those transactions that are committed from now on, within the time."""
        ...

    async def wait_committed(self, transaction_id: bytes, timeout_s: float) -> bool:
        """Return whether the transaction is committed now or within the time."""
        ...

    async def next_block(self, after_height: int, timeout_s: float) -> bool:
        """Return whether a block above this height is there now or within the time."""
        ...
