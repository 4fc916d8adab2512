"""Payments for clusters under test: one at a time, or an open stream of them through all nodes at once.

An open stream keeps its rate whatever the cluster does, as customers do. Every receipt that a node hands out is
kept, to be asked for again later; what failed is counted by its code.
"""

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from ledger.codec import Value
from ledger.keys import SecretKey
from ledger.transaction import Operation
from node.setup import ISSUER, Network, NetworkNode
from tests.support.cluster import organisation_key
from tests.support.loops import loop_thread
from tradelane import AsyncClient, Client, TradelaneError
from tradelane.results import TransactionStatus


def issue(network: Network, node: NetworkNode, amount: int = 1_000_000_000) -> TransactionStatus:
    """Put money into the issuer's account, which pays all that follows."""
    account = next(organisation.account for organisation in network.organisations if organisation.id == ISSUER)
    arguments: dict[str, Value] = {"id": secrets.token_bytes(16), "account": account, "amount": amount}
    with Client(node.api) as client:
        return client.submit([Operation("settlement.issue", arguments)], organisation_key(network, ISSUER))


def payment(network: Network) -> Operation:
    """Return an operation that pays one cent from the issuer to another founder."""
    accounts = {organisation.id: organisation.account for organisation in network.organisations}
    credit = next(account for identifier, account in accounts.items() if identifier != ISSUER)
    arguments: dict[str, Value] = {
        "id": secrets.token_bytes(16),
        "debit": accounts[ISSUER],
        "credit": credit,
        "amount": 1,
    }
    return Operation("settlement.transfer", arguments)


def pay(network: Network, node: NetworkNode, wait_s: float = 20.0) -> TransactionStatus:
    """Pay one cent through a node and wait for the receipt; raises TradelaneError."""
    with Client(node.api) as client:
        return client.submit([payment(network)], organisation_key(network, ISSUER), wait_s=wait_s)


@dataclass(slots=True)
class Stream:
    """An open stream of payments: how many were sent, the receipts that came back, what else was answered."""

    network: Network
    rate_per_s: float
    nodes: Sequence[NetworkNode]
    sent: int = 0
    receipts: list[TransactionStatus] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    async def run(self, stop: asyncio.Event) -> None:
        """Send payments to the nodes in turn until told to stop, then wait for the answers that are due."""
        key = organisation_key(self.network, ISSUER)
        clients = [AsyncClient(node.api, chain_id=self.network.chain_id) for node in self.nodes]
        turn = itertools.cycle(clients)
        under_way: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        try:
            while not stop.is_set():
                task = asyncio.create_task(self._pay(next(turn), key))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                self.sent += 1
                next_at += 1 / self.rate_per_s
                await asyncio.sleep(max(0.0, next_at - loop.time()))
            await asyncio.gather(*under_way)
        finally:
            for client in clients:
                await client.close()

    async def _pay(self, client: AsyncClient, key: SecretKey) -> None:
        try:
            self.receipts.append(await client.submit([payment(self.network)], key, wait_s=20.0))
        except TradelaneError as error:
            self.errors[error.code] += 1


@contextmanager
def streaming(network: Network, rate_per_s: float, nodes: Sequence[NetworkNode]) -> Iterator[Stream]:
    """Pay through these nodes while the body runs; the stream is complete after it."""
    stream = Stream(network, rate_per_s, nodes)
    with loop_thread("load") as loop:
        stop = asyncio.Event()
        running = asyncio.run_coroutine_threadsafe(stream.run(stop), loop)
        try:
            yield stream
        finally:
            loop.call_soon_threadsafe(stop.set)
            running.result(60.0)


def lost_receipts(network: Network, receipts: Sequence[TransactionStatus]) -> list[str]:
    """Return what any node says otherwise about receipts that were handed out: nothing, where none is lost."""
    with ThreadPoolExecutor(len(network.nodes)) as pool:
        return [loss for losses in pool.map(lambda node: _lost_by(node, receipts), network.nodes) for loss in losses]


def _lost_by(node: NetworkNode, receipts: Sequence[TransactionStatus]) -> list[str]:
    losses = []
    with Client(node.api) as client:
        for status in receipts:
            try:
                again = client.transaction(status.id)
            except TradelaneError as error:
                losses.append(f"{node.name} does not know {status.id}: {error.code}")
                continue
            if (again.height, again.index, _outcome(again)) != (status.height, status.index, _outcome(status)):
                losses.append(f"{node.name} tells {status.id} otherwise: {again}, not {status}")
    return losses


def _outcome(status: TransactionStatus) -> object:
    return None if status.receipt is None else (status.receipt.code, status.receipt.outputs)


def metric(node: NetworkNode, name: str, **labels: str) -> float:
    """Return a counter of a node, 0 where it never counted."""
    wanted = "".join(sorted(f'{key}="{value}"' for key, value in labels.items()))
    text = httpx.get(f"{node.api}/metrics", timeout=5.0, trust_env=False).text
    for line in text.splitlines():
        if line.startswith("#") or " " not in line:
            continue
        series, value = line.rsplit(" ", 1)
        found, _, rest = series.partition("{")
        if found == name and "".join(sorted(part for part in rest.rstrip("}").split(",") if part)) == wanted:
            return float(value)
    return 0.0
