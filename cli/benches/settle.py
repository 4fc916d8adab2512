"""`tradelane bench settle`: payments of seven legs on four validator processes, each to its proof.

A payment is one transaction of the payer: an exchange by a provider's signed quote (principal, counter-leg, the
provider's fee) and a fee to each of four firms, seven legs that all post or none. The floor is what signature checks
alone allow: every validator checks the transaction and the quote, and all of them and this program share the cores.
"""

import asyncio
import base64
import gzip
import json
import secrets
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import aiohttp

from cli.actors import now_ms
from cli.benches.machine import Machine, faster, measure_machine
from cli.benches.trace import Say
from cli.processes import NodeProcesses
from cli.session import open_client
from cli.trade_story import BUYER, PROVIDER, RATE, Trade
from ledger.codec import Value
from ledger.proof import TrustRoot, trust_from_json
from ledger.transaction import NONCE_BYTES, Operation, sign_transaction
from node.setup import TRUST_FILE, Network, create_network
from tradelane import UnavailableError, VerificationError, sign_quote, verify_proof

VALIDATORS: Final = 4
LEGS: Final = 7
_SIGNATURES: Final = 2
"""Checks of a signature that a payment costs each validator at least: the transaction's and the quote's."""

_FEE_FIRMS: Final = ("brand", "carrier", "maker", "retailer")
_AMOUNT: Final = 100
_ARRIVES: Final = 768
"""PHP 7.68, which is what HKD 1.00 buys at the quoted rate, rounded down."""

_HOUR_MS: Final = 3_600_000
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class SettleCost:
    """What so many clients saw, each with one payment at a time; seconds run from sending to the whole proof bundle."""

    clients: int
    seconds: float
    payments: int
    refused: dict[str, int]
    payments_s: float
    receipt_p50_ms: float
    receipt_p99_ms: float
    proof_p50_ms: float
    proof_p99_ms: float


@dataclass(frozen=True, slots=True)
class SettleFigures:
    """What ``tradelane bench settle`` found; ``machine`` is the better of its measurements at the start and the end."""

    machine: Machine
    validators: int
    legs: int
    floor_payments_s: float
    costs: tuple[SettleCost, ...]
    bundle_bytes: int
    bundle_gzip_bytes: int
    verify_ms: float


@dataclass(slots=True)
class _Seen:
    """Seconds from sending to the receipt and to the proof of each payment, what was refused, and one bundle."""

    receipts_s: list[float] = field(default_factory=list)
    proofs_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    bundle: bytes = b""


class _Payer:
    """Signs the payments of the buyer by one quote of the provider."""

    def __init__(self, story: Trade) -> None:
        self._key = story.keys[BUYER.id]
        self._chain_id = bytes.fromhex(story.network.chain_id)
        terms: dict[str, Value] = {
            "version": 1,
            "id": secrets.token_bytes(16),
            "provider": PROVIDER.id,
            "source_account": "provider/HKD",
            "target_account": "provider/PHP",
            "source_currency": "HKD",
            "target_currency": "PHP",
            "side": "send",
            "rate": RATE,
            "minimum": 1,
            "maximum": _AMOUNT,
            "capacity": 10**12,
            "fee_basis_points": 35,
            "fee_bearer": "payer",
            "fee_account": "provider/HKD",
            "not_before_ms": now_ms() - _HOUR_MS,
            "expires_ms": now_ms() + 24 * _HOUR_MS,
            "max_height": 10**9,
            "nonce": 1,
        }
        self._quote: Value = sign_quote(story.keys[PROVIDER.id], self._chain_id, terms)

    def payment(self) -> tuple[str, str]:
        """Return the UETR and the signed transaction of a payment of seven legs, in base64url."""
        uetr = str(uuid.uuid4())
        paid: dict[str, Value] = {"uetr": uetr, "payer": "buyer/HKD", "payee": "seller/PHP", "amount": _AMOUNT}
        operations = [Operation("settlement.pay", {**paid, "quote": self._quote})]
        for firm in _FEE_FIRMS:
            fee: dict[str, Value] = {"id": secrets.token_bytes(16), "debit": "buyer/HKD", "credit": f"{firm}/HKD"}
            operations.append(Operation("settlement.transfer", {**fee, "amount": 1}))
        nonce = secrets.token_bytes(NONCE_BYTES)
        signed = sign_transaction(self._key, self._chain_id, nonce, now_ms() + 60_000, operations)
        return uetr, base64.urlsafe_b64encode(signed.encoded).rstrip(b"=").decode()


def run(seconds: float, clients: int, base_port: int, say: Say) -> SettleFigures:
    """Measure everything in a temporary directory, which is gone afterwards; ``say`` is told what is going on."""
    machine = measure_machine()
    with tempfile.TemporaryDirectory(prefix="tradelane-bench-") as name:
        network = create_network(
            Path(name) / "network",
            now_ms=now_ms(),
            random_bytes=secrets.token_bytes,
            validators=VALIDATORS,
            base_port=base_port,
        )
        processes = NodeProcesses(network)
        try:
            say(f"starting {VALIDATORS} validators")
            processes.start_all()
            processes.wait_ready(network.nodes)
            payer = _prepare(network)
            costs = []
            for number in sorted({1, clients}):
                say(f"paying with {number} client{'s' if number > 1 else ''} for {seconds:g} s")
                cost, bundle = asyncio.run(_drive(network, payer, seconds, number))
                costs.append(cost)
            _require_paid(network, sum(cost.payments for cost in costs))
        finally:
            processes.stop_all()
        trust = trust_from_json((network.directory / TRUST_FILE).read_text(encoding="utf-8"))
        verify_ms = _verify_ms(bundle, trust)
    machine = faster(machine, measure_machine())
    return SettleFigures(
        machine=machine,
        validators=VALIDATORS,
        legs=LEGS,
        floor_payments_s=machine.cores * 1e6 / (VALIDATORS * _SIGNATURES * machine.ed25519_verify_us),
        costs=tuple(costs),
        bundle_bytes=len(bundle),
        bundle_gzip_bytes=len(gzip.compress(bundle, 6)),
        verify_ms=verify_ms,
    )


def _prepare(network: Network) -> _Payer:
    """Let the firms join, open their accounts and have money; return who pays."""
    with open_client(tuple(node.api for node in network.nodes)) as client:
        story = Trade(network, client)
        story.join()
        story.open_accounts()
        for firm in _FEE_FIRMS:
            story.act(firm, ("settlement.open_account", {"id": f"{firm}/HKD", "currency": "HKD"}))
    return _Payer(story)


def _require_paid(network: Network, payments: int) -> None:
    """Raise where the payee was paid less than was counted: then the figures would be of something else."""
    with open_client((network.nodes[0].api,)) as client:
        paid = client.account("seller/PHP").balance // _ARRIVES
    if paid < payments:
        raise VerificationError("bench.settle", f"{payments} payments were counted, {paid} arrived")


async def _drive(network: Network, payer: _Payer, seconds: float, clients: int) -> tuple[SettleCost, bytes]:
    """Let clients pay, one payment after the other, each client through its own node."""
    seen = _Seen()
    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        apis = [network.nodes[index % len(network.nodes)].api for index in range(clients)]
        await asyncio.gather(*(_pay_on(session, api, payer, started + seconds, seen) for api in apis))
    elapsed_s = time.perf_counter() - started
    if not seen.proofs_s:
        raise UnavailableError("bench.settle", f"no payment was committed: {dict(seen.refused)}", "see the nodes' logs")
    receipts, proofs = sorted(seen.receipts_s), sorted(seen.proofs_s)
    cost = SettleCost(
        clients=clients,
        seconds=elapsed_s,
        payments=len(proofs),
        refused=dict(seen.refused),
        payments_s=len(proofs) / elapsed_s,
        receipt_p50_ms=_percentile_ms(receipts, 50),
        receipt_p99_ms=_percentile_ms(receipts, 99),
        proof_p50_ms=_percentile_ms(proofs, 50),
        proof_p99_ms=_percentile_ms(proofs, 99),
    )
    return cost, seen.bundle


async def _pay_on(session: aiohttp.ClientSession, api: str, payer: _Payer, until: float, seen: _Seen) -> None:
    while time.perf_counter() < until:
        uetr, transaction = payer.payment()
        sent = time.perf_counter()
        body = {"transaction": transaction}
        async with session.post(f"{api}/v1/transactions", json=body, headers={"Prefer": "wait=10"}) as answer:
            receipt = await answer.read()
            if answer.status != 200:
                seen.refused[f"{answer.status} {_problem_code(receipt)}"] += 1
                await asyncio.sleep(_PAUSE_S)
                continue
        received_s = time.perf_counter() - sent
        async with session.get(f"{api}/v1/payments/{uetr}/proof") as answer:
            bundle = await answer.read()
            if answer.status != 200:
                seen.refused[f"proof {answer.status} {_problem_code(bundle)}"] += 1
                continue
        seen.proofs_s.append(time.perf_counter() - sent)
        seen.receipts_s.append(received_s)
        seen.bundle = bundle


def _problem_code(body: bytes) -> str:
    try:
        return str(cast("dict[str, Any]", json.loads(body)).get("code", ""))
    except (ValueError, AttributeError):
        return ""


def _verify_ms(bundle: bytes, trust: TrustRoot) -> float:
    """Return the milliseconds of the processor that checking a bundle offline takes, the best of ten."""
    times = []
    for _ in range(10):
        start = time.thread_time()
        verify_proof(json.loads(bundle), trust)
        times.append(time.thread_time() - start)
    return min(times) * 1_000


def _percentile_ms(ranked_s: list[float], percent: int) -> float:
    return ranked_s[len(ranked_s) * percent // 100] * 1_000
