"""Committed transfers a second: four validator processes, real stores and signatures, driven over HTTP (closed loop).

    python benchmarks/transfers.py --seconds 20 --clients 128
    python benchmarks/transfers.py --seconds 20 --clients 24 --batch 50
    python benchmarks/transfers.py --seconds 20 --clients 8 --batch 4 --operations 100

The floor is what signature checks alone allow: every validator verifies every transaction once, and all of them and
this program share the cores. Both are measured in the same run, so that their ratio means something on a busy machine.
So are the seconds of the processors that each committed transaction took, which hardly depend on what else runs.

Afterwards the ledgers of all validators are read: every transaction that counts is in each, carried out, and no money
was made or lost besides what was issued. `--json` prints the figures for the test that guards them (tests/process).
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiohttp

from cli.processes import NodeProcesses
from ledger.codec import Value, decode_own, encode
from ledger.key_file import key_from_text
from ledger.keys import SecretKey, verify
from ledger.state import KEY_SEPARATOR, head_key
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.config import load_config
from node.setup import ISSUER, Network, create_network
from node.storage.store import Store

BASE_PORT = 29_400
ISSUED = 10**12
ACCOUNT_PREFIX = head_key("account") + KEY_SEPARATOR


@dataclass
class Load:
    """What was seen: seconds from sending to the receipt, one a committed transaction, and what was refused."""

    latencies_s: list[float] = field(default_factory=list)
    committed: list[bytes] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)

    def done(self, transaction: Transaction, took_s: float) -> None:
        """Count a transaction that was carried out."""
        self.latencies_s.append(took_s)
        self.committed.append(transaction.transaction_id)

    def refused(self, why: str) -> None:
        """Count a transaction that was not carried out."""
        self.refusals[why] = self.refusals.get(why, 0) + 1


class Payer:
    """Signs transactions of some transfers of one minor unit from the issuer to another firm."""

    def __init__(self, network: Network, operations: int) -> None:
        self._key: SecretKey = key_from_text(network.key_path(ISSUER).read_text())
        self._chain_id = bytes.fromhex(network.chain_id)
        self._operations = operations
        accounts = {organisation.id: organisation.account for organisation in network.organisations}
        self._debit = accounts.pop(ISSUER)
        self._credit = next(iter(accounts.values()))

    def issue(self, amount: int) -> Transaction:
        """Return a transaction that issues money."""
        return self._signed("settlement.issue", {"account": self._debit, "amount": amount}, 1)

    def transfers(self) -> Transaction:
        """Return a transaction of transfers."""
        fields: dict[str, Value] = {"debit": self._debit, "credit": self._credit, "amount": 1}
        return self._signed("settlement.transfer", fields, self._operations)

    def _signed(self, method: str, arguments: dict[str, Value], count: int) -> Transaction:
        operations = [Operation(method, {"id": secrets.token_bytes(16), **arguments}) for _ in range(count)]
        valid_until_ms = time.time_ns() // 1_000_000 + 60_000
        nonce = secrets.token_bytes(NONCE_BYTES)
        return sign_transaction(self._key, self._chain_id, nonce, valid_until_ms, operations)


class Clients:
    """Clients that pay, one request after the other, each client through its own node."""

    def __init__(self, session: aiohttp.ClientSession, payer: Payer, deadline: float) -> None:
        self.load = Load()
        self._session = session
        self._payer = payer
        self._deadline = deadline

    async def pay_one_by_one(self, api: str) -> None:
        """Hand in a transaction a request."""
        while time.monotonic() < self._deadline:
            transaction = self._payer.transfers()
            text = base64.urlsafe_b64encode(transaction.encoded).rstrip(b"=").decode()
            started = time.perf_counter()
            async with self._session.post(f"{api}/v1/transactions", json={"transaction": text}) as answer:
                await answer.read()
                if answer.status == 200:
                    self.load.done(transaction, time.perf_counter() - started)
                else:
                    self.load.refused(str(answer.status))
                    await asyncio.sleep(0.05)

    async def pay_in_batches(self, api: str, size: int) -> None:
        """Hand in ``size`` transactions a request."""
        headers = {"Content-Type": "application/msgpack"}
        while time.monotonic() < self._deadline:
            transactions = [self._payer.transfers() for _ in range(size)]
            body = encode([transaction.encoded for transaction in transactions])
            started = time.perf_counter()
            async with self._session.post(f"{api}/v1/transactions/batch", data=body, headers=headers) as answer:
                answers = (await answer.json())["transactions"]
            took_s = time.perf_counter() - started
            for transaction, each in zip(transactions, answers, strict=True):
                result = each["receipt"]["result"] if each["state"] == "committed" else each["state"]
                if result == "OK":
                    self.load.done(transaction, took_s)
                else:
                    self.load.refused(result)


def verify_seconds() -> float:
    """Return the median time of one signature check in this process, now."""
    key = SecretKey(secrets.token_bytes(32))
    message = secrets.token_bytes(250)
    signature = key.sign(message)
    times = []
    for _ in range(2_000):
        started = time.perf_counter()
        assert verify(key.public_key, message, signature)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def processor_seconds(process_id: int) -> float:
    """Return the seconds of the processors that a process has used (Linux)."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drive(network: Network, options: argparse.Namespace) -> Load:
    """Issue money, then let the clients pay."""
    payer = Payer(network, options.operations)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Prefer": "wait=10"}) as session:
        issue = base64.urlsafe_b64encode(payer.issue(ISSUED).encoded).rstrip(b"=").decode()
        async with session.post(f"{network.nodes[0].api}/v1/transactions", json={"transaction": issue}) as answer:
            assert answer.status == 200, await answer.text()
        clients = Clients(session, payer, time.monotonic() + options.seconds)
        apis = [network.nodes[index % len(network.nodes)].api for index in range(options.clients)]
        if options.batch == 1:
            await asyncio.gather(*map(clients.pay_one_by_one, apis))
        else:
            await asyncio.gather(*(clients.pay_in_batches(api, options.batch) for api in apis))
        # The last block is with a quorum; the slowest has it a moment later.
        await asyncio.sleep(1)
    return clients.load


def require_committed(network: Network, committed: Iterable[bytes], transfers: int) -> None:
    """Stop with an error where the ledger of a validator lacks a transaction or its money does not add up."""
    wanted = set(committed)
    for node in network.nodes:
        store = Store.open(load_config(network.home(node)).ledger_directory, bytes.fromhex(network.chain_id))
        try:
            found = set[bytes]()
            for height in range(1, store.tip.height + 1):
                block = store.block(height)
                assert block is not None
                found.update(receipt.transaction_id for receipt in block.receipts if receipt.code == 0)
            assert wanted <= found, f"{node.name} lacks {len(wanted - found)} of {len(wanted)} transactions"
            accounts = [cast("dict[str, int]", decode_own(head)) for _, head in store.heads(ACCOUNT_PREFIX)]
            debited, credited = (sum(each[f"{side}_posted"] for each in accounts) for side in ("debits", "credits"))
            assert debited == credited, f"{node.name}: {debited} debited and {credited} credited"
            # Some may have been committed without an answer in time.
            assert debited >= ISSUED + len(wanted) * transfers, f"{node.name}: {debited} were moved"
        finally:
            store.close()


def main() -> None:
    """Run and print one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1, help="transactions a request")
    parser.add_argument("--operations", type=int, default=1, help="transfers a transaction")
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument("--base-port", type=int, default=BASE_PORT)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        network = create_network(
            Path(directory) / "network",
            now_ms=time.time_ns() // 1_000_000,
            random_bytes=secrets.token_bytes,
            validators=options.validators,
            base_port=options.base_port,
        )
        processes = NodeProcesses(network)
        try:
            processes.start_all()
            processes.wait_ready(network.nodes)
            process_ids = [processes.process_id(node.name) for node in network.nodes]
            before_s = verify_seconds()
            nodes_s, own_s = sum(map(processor_seconds, process_ids)), time.process_time()
            load = asyncio.run(drive(network, options))
            nodes_s, own_s = sum(map(processor_seconds, process_ids)) - nodes_s, time.process_time() - own_s
            verify_s = (before_s + verify_seconds()) / 2
        finally:
            processes.stop_all()
        require_committed(network, load.committed, options.operations)
    report(options, load, verify_s, nodes_s, own_s)


def report(options: argparse.Namespace, load: Load, verify_s: float, nodes_s: float, own_s: float) -> None:
    """Print what was found."""
    cores = len(os.sched_getaffinity(0))
    floor = cores / (options.validators * verify_s)
    count = len(load.latencies_s)
    rate = count / options.seconds
    ranked = sorted(load.latencies_s)
    if options.json:
        figures = {
            "committed": count,
            "rate": rate,
            "floor": floor,
            "share_of_floor": rate / floor,
            "refused": load.refusals,
        }
        print(json.dumps(figures))
        return
    print(
        f"validators {options.validators}, clients {options.clients}, {options.batch} transactions a request, "
        f"{options.operations} transfers a transaction, cores {cores}, {options.seconds:.0f} s"
    )
    print(f"one signature check {verify_s * 1e6:.0f} us; floor {floor:.0f} transactions/s")
    print(f"committed {rate:.0f} transactions/s = {100 * rate / floor:.1f} % of the floor")
    print(f"          {rate * options.operations:.0f} transfers/s")
    print(
        f"receipt after p50 {ranked[count // 2] * 1e3:.0f} ms, p99 {ranked[count * 99 // 100] * 1e3:.0f} ms; "
        f"processor time a transaction: nodes {nodes_s / count * 1e6:.0f} us in all, load {own_s / count * 1e6:.0f} us"
    )
    print(f"refused {load.refusals or 'none'}; every one that counts is in the chain of all, and the money adds up")


if __name__ == "__main__":
    main()
