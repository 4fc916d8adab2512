"""A real node of a network of one in this process: own keys and stores, real blocks, its HTTP API without a socket.

The node lives in an event loop of its own thread, so that a test is plain code. What the application raises reaches the
test: a 500 cannot hide behind an error page.
"""

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from consensus.config import ConsensusConfig
from ledger.evidence import Equivocation
from ledger.key_file import key_from_text
from ledger.keys import SecretKey
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.api.app import build_api
from node.home import Home, open_home
from node.main import configure_logging
from node.mempool import MempoolLimits
from node.node import Node
from node.setup import Network, create_network
from tests.support.loops import loop_thread

T = TypeVar("T")

BASE_URL = "http://node.test"
_PATIENCE_S = 60.0


@dataclass
class RunningNode:
    """A node that runs, and the ways to ask it. ``request`` is one HTTP request from beginning to end."""

    node: Node
    network: Network
    _loop: asyncio.AbstractEventLoop
    _client: httpx.AsyncClient
    _home: Home

    @property
    def height(self) -> int:
        """The height of the last block."""
        return self.node.store.tip.height

    @property
    def token(self) -> str:
        """What opens ``/epcis/capture``."""
        assert self.node.config.gateway_token is not None
        return self.node.config.gateway_token

    def key(self, organisation: str) -> SecretKey:
        """Return the admin key of a founder."""
        return key_from_text(self.network.key_path(organisation).read_text(), None)

    def keep_evidence(self, found: Equivocation) -> None:
        """Let the node have seen a double vote."""
        assert self._home.safety.keep_evidence(found)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | Sequence[tuple[bytes, bytes]] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
    ) -> httpx.Response:
        """Send a request and return the answer."""
        sent = None if headers is None else httpx.Headers(headers)
        return self.run(self._client.request(method, path, params=params, headers=sent, content=content))

    def get(self, path: str, **params: str | int) -> httpx.Response:
        """Ask with query parameters."""
        return self.request("GET", path, params={name: str(value) for name, value in params.items()} or None)

    def json(self, path: str, **params: str | int) -> Any:
        """Ask and return the JSON of a 200."""
        response = self.get(path, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def capture(
        self, document: bytes, *, wait_s: int | None = 10, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Hand an EPCIS document to the gateway."""
        sent = {"content-type": "application/json", "authorization": f"Bearer {self.token}", **(headers or {})}
        if wait_s is not None:
            sent["prefer"] = f"wait={wait_s}"
        return self.request("POST", "/epcis/capture", headers=sent, content=document)

    def transaction(self, signer: SecretKey | str, *operations: Operation, **changes: Any) -> Transaction:
        """Return a signed transaction for this chain; ``changes`` replace nonce, chain_id or valid_until_ms."""
        key = self.key(signer) if isinstance(signer, str) else signer
        fields = {
            "chain_id": self.node.chain.chain_id,
            "nonce": secrets.token_bytes(NONCE_BYTES),
            "valid_until_ms": self.node.now_ms() + 60_000,
            **changes,
        }
        return sign_transaction(key, fields["chain_id"], fields["nonce"], fields["valid_until_ms"], operations)

    def submit(
        self, transaction: Transaction | bytes, *, wait_s: int | None = 10, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Hand in a transaction as JSON."""
        encoded = transaction if isinstance(transaction, bytes) else transaction.encoded
        body = json.dumps({"transaction": base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()}).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        if wait_s is not None:
            sent["prefer"] = f"wait={wait_s}"
        return self.request("POST", "/v1/transactions", headers=sent, content=body)

    def commit(self, signer: SecretKey | str, *operations: Operation) -> Any:
        """Commit operations as one transaction, which must succeed, and return the node's answer."""
        response = self.submit(self.transaction(signer, *operations))
        assert response.status_code == 200, response.text
        assert response.json()["receipt"]["result"] == "OK", response.text
        return response.json()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the node's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE_S)


@contextlib.contextmanager
def running_node(
    directory: Path,
    *,
    is_gateway: bool = True,
    validators: int = 1,
    limits: MempoolLimits | None = None,
    consensus_config: ConsensusConfig | None = None,
) -> Iterator[RunningNode]:
    """Create a network in a directory, run its first node, and stop it at the end.

    With more than one validator the others stay away, so that nothing commits.
    """
    configure_logging("error")
    network = create_network(
        directory / "network",
        now_ms=time.time_ns() // 1_000_000,
        random_bytes=secrets.token_bytes,
        validators=validators,
    )
    home = open_home(network.home(network.nodes[0]))
    with contextlib.closing(home), loop_thread("node") as loop:

        def run(coroutine: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(_PATIENCE_S)

        served = home if is_gateway else replace(home, config=replace(home.config, gateway_token=None))
        node, client, task = run(_start(served, limits or MempoolLimits(), consensus_config or ConsensusConfig()))
        try:
            yield RunningNode(node, network, loop, client, home)
        finally:
            run(_stop(node, client, task))


async def _start(
    home: Home, limits: MempoolLimits, config: ConsensusConfig
) -> tuple[Node, httpx.AsyncClient, asyncio.Task[None]]:
    node = Node(home, config, limits)
    node.start()
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(build_api(node)), base_url=BASE_URL, timeout=_PATIENCE_S, trust_env=False
    )
    return node, client, asyncio.create_task(node.run())


async def _stop(node: Node, client: httpx.AsyncClient, task: "asyncio.Task[None]") -> None:
    await client.aclose()
    if task.done():
        task.result()  # whatever stopped the node is the test's failure
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await node.stop()
