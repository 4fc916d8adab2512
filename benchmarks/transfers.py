"""Committed transfers a second: four validator processes, real stores and signatures, driven over HTTP (closed loop).

    python benchmarks/transfers.py --seconds 20 --clients 128

The floor is what signature checks alone allow: every validator verifies every transaction once, and all of them and
this program share the cores. Both are measured in the same run, so that their ratio means something on a busy machine.
"""

import argparse
import asyncio
import base64
import os
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from cli.processes import NodeProcesses
from ledger.codec import Value
from ledger.key_file import key_from_text
from ledger.keys import SecretKey, verify
from ledger.transaction import NONCE_BYTES, Operation, sign_transaction
from node.setup import ISSUER, Network, create_network

BASE_PORT = 29_400


@dataclass
class Load:
    """What was seen: seconds from sending to the receipt, one a committed transfer, and what was refused."""

    latencies_s: list[float] = field(default_factory=list)
    refusals: dict[int, int] = field(default_factory=dict)


class Payer:
    """Signs transfers of one minor unit from the issuer to another firm."""

    def __init__(self, network: Network) -> None:
        self._key: SecretKey = key_from_text(network.key_path(ISSUER).read_text())
        self._chain_id = bytes.fromhex(network.chain_id)
        accounts = {organisation.id: organisation.account for organisation in network.organisations}
        self._debit = accounts.pop(ISSUER)
        self._credit = next(iter(accounts.values()))

    def issue(self, amount: int) -> str:
        """Return the body that issues money."""
        return self._signed("settlement.issue", {"account": self._debit, "amount": amount})

    def transfer(self) -> str:
        """Return the body of one transfer."""
        return self._signed("settlement.transfer", {"debit": self._debit, "credit": self._credit, "amount": 1})

    def _signed(self, method: str, arguments: dict[str, Value]) -> str:
        operation = Operation(method, {"id": secrets.token_bytes(16), **arguments})
        valid_until_ms = time.time_ns() // 1_000_000 + 60_000
        transaction = sign_transaction(
            self._key, self._chain_id, secrets.token_bytes(NONCE_BYTES), valid_until_ms, [operation]
        )
        return base64.urlsafe_b64encode(transaction.encoded).rstrip(b"=").decode()


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


async def drive(network: Network, seconds: float, clients: int) -> Load:
    """Let clients pay, one transfer after the other, each client through its own node."""
    load, payer = Load(), Payer(network)
    deadline = time.monotonic() + seconds
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Prefer": "wait=10"}) as session:

        async def pay_for_ever(api: str) -> None:
            while time.monotonic() < deadline:
                body = {"transaction": payer.transfer()}
                started = time.perf_counter()
                async with session.post(f"{api}/v1/transactions", json=body) as answer:
                    await answer.read()
                    if answer.status == 200:
                        load.latencies_s.append(time.perf_counter() - started)
                    else:
                        load.refusals[answer.status] = load.refusals.get(answer.status, 0) + 1
                        await asyncio.sleep(0.05)

        async with session.post(
            f"{network.nodes[0].api}/v1/transactions", json={"transaction": payer.issue(10**9)}
        ) as answer:
            assert answer.status == 200, await answer.text()
        apis = [network.nodes[index % len(network.nodes)].api for index in range(clients)]
        await asyncio.gather(*(pay_for_ever(api) for api in apis))
    return load


def main() -> None:
    """Run and print one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--validators", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        network = create_network(
            Path(directory) / "network",
            now_ms=time.time_ns() // 1_000_000,
            random_bytes=secrets.token_bytes,
            validators=options.validators,
            base_port=BASE_PORT,
        )
        processes = NodeProcesses(network)
        try:
            processes.start_all()
            processes.wait_ready(network.nodes)
            before_s = verify_seconds()
            load = asyncio.run(drive(network, options.seconds, options.clients))
            verify_s = (before_s + verify_seconds()) / 2
        finally:
            processes.stop_all()
    cores = len(os.sched_getaffinity(0))
    floor = cores / (options.validators * verify_s)
    rate = len(load.latencies_s) / options.seconds
    ranked = sorted(load.latencies_s)
    print(f"validators {options.validators}, clients {options.clients}, cores {cores}, {options.seconds:.0f} s")
    print(f"one signature check {verify_s * 1e6:.0f} us; floor {floor:.0f} transfers/s")
    print(f"committed {rate:.0f} transfers/s = {100 * rate / floor:.1f} % of the floor")
    print(
        f"receipt after p50 {ranked[len(ranked) // 2] * 1e3:.0f} ms, p99 {ranked[len(ranked) * 99 // 100] * 1e3:.0f} ms"
    )
    print(f"refused {load.refusals or 'none'}")


if __name__ == "__main__":
    main()
