"""Evidence that a node keeps gets on the ledger: in turn, once, and again where a report had no effect."""

import asyncio
import time
from pathlib import Path

import pytest

from ledger.codec import encode
from ledger.evidence import Equivocation, equivocation
from ledger.key_file import key_from_text
from ledger.keys import SecretKey, signed_preimage
from ledger.transaction import Transaction, decode_transaction
from node.admission import Refusal, RefusalKind
from node.config import validator_key_path
from node.evidence import METHOD, EvidenceReporter
from node.own_transactions import OwnTransactions
from node.storage.safety_store import SafetyStore, write_new
from tests.support.contracts_world import START_MS, key_of
from tests.support.memory_values import MemoryValues
from tests.support.running_node import running_node
from tests.support.validator_chain import ValidatorChain


def double_vote(key: SecretKey, chain_id: bytes, height: int = 1, view: int = 0) -> Equivocation:
    votes = []
    for block_hash in (b"\x01" * 32, b"\x02" * 32):
        message = signed_preimage("prepare", chain_id, encode([height, view, block_hash]))
        votes.append((block_hash, key.sign(message)))
    return equivocation("prepare", height, view, key.public_key, *votes)


class Node:
    """A reporter over a chain of four; ``reporting`` is the name of its validator, ``key`` who signs its reports."""

    def __init__(self, reporting: str, key: SecretKey | None) -> None:
        self.world = ValidatorChain()
        self.world.grow(self.world.nothing())
        values = MemoryValues()
        write_new(values)
        self.safety = SafetyStore(values)
        self.now_ms = START_MS
        self.sent: list[Transaction] = []
        self.answer: Refusal | None = None
        self.reporter = EvidenceReporter(
            self.world.chain,
            self.safety,
            key_of(reporting).public_key,
            OwnTransactions(self.world.chain, key, self._submit, lambda: self.now_ms),
        )

    async def _submit(self, encoded: bytes) -> Transaction | Refusal:
        self.sent.append(decode_transaction(encoded))
        return self.answer or self.sent[-1]

    def report_after(self, after_ms: int) -> int:
        """Let time pass, report what is due, and return how many reports there were by now."""
        self.now_ms += after_ms
        asyncio.run(self.reporter.report())
        return len(self.sent)


def by_index(index: int) -> str:
    names = [f"validator {name}" for name in ("maker", "carrier", "shop", "bank")]
    return sorted(names, key=lambda name: key_of(name).public_key)[index]


def test_nodes_report_in_turn_and_the_ledger_takes_it() -> None:
    for index in range(4):
        node = Node(by_index(index), key_of("maker"))
        found = double_vote(key_of("validator bank"), node.world.chain.chain_id)
        assert node.safety.keep_evidence(found)
        assert node.report_after(0) == (1 if index == 0 else 0)
        if index:
            assert node.report_after(3_000 * index - 1) == 0
            assert node.report_after(1) == 1
        assert node.sent[0].operations[0].method == METHOD
        assert node.reporter.unreported() == [found]
        node.world.grow(node.sent)
        assert node.reporter.unreported() == []
        assert node.report_after(10_000_000) == 1, "what the ledger has is not reported again"


def test_a_report_without_effect_is_repeated_with_growing_pauses() -> None:
    node = Node(by_index(0), key_of("maker"))
    node.safety.keep_evidence(double_vote(key_of("validator bank"), node.world.chain.chain_id))
    node.answer = Refusal(RefusalKind.BUSY, "pool.full", "")
    assert node.report_after(0) == 1
    assert node.report_after(59_999) == 1
    assert node.report_after(1) == 2
    assert node.report_after(119_999) == 2
    assert node.report_after(1) == 3
    for _ in range(20):
        node.report_after(3_600_000)
    assert node.report_after(3_599_999) == node.report_after(0)
    assert len({transaction.transaction_id for transaction in node.sent}) == len(node.sent)


@pytest.mark.parametrize(("reporting", "has_key"), [("validator maker", False), ("stranger", True)])
def test_who_has_no_key_or_is_no_validator_keeps_it_and_shows_it(reporting: str, *, has_key: bool) -> None:
    node = Node(reporting, key_of("maker") if has_key else None)
    found = double_vote(key_of("validator bank"), node.world.chain.chain_id)
    node.safety.keep_evidence(found)
    assert node.report_after(1_000_000) == 0
    assert node.reporter.unreported() == [found]


def test_a_running_node_puts_on_the_ledger_what_it_keeps(tmp_path: Path) -> None:
    with running_node(tmp_path) as running:
        home = running.network.home(running.network.nodes[0])
        key = key_from_text(validator_key_path(home).read_text(), None)
        found = double_vote(key, running.node.chain.chain_id)
        assert running.json("/v1/evidence") == {"entries": [], "next_cursor": None, "unreported": []}
        running.keep_evidence(found)
        deadline = time.monotonic() + 20
        while not (said := running.json("/v1/evidence"))["entries"]:
            assert said["unreported"][0]["validator"] == key.public_key.hex()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert said["entries"][0]["validator"] == key.public_key.hex()
        assert said["entries"][0]["reporter"] == "brand"
        assert running.json("/v1/evidence")["unreported"] == []
        assert running.height == 1
