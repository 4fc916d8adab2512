"""Proof bundles of one item's history: how large they are, and how long the Python verifier takes over one."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cli.benches.ledger import BenchLedger, item_id, item_life
from cli.benches.machine import best_us
from node.proofs import item_bundle
from tradelane import verify_proof

NEIGHBOURS: Final = 31
"""Other transactions in each block, so that it is a block with some traffic."""

_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class BundleCost:
    """A bundle of so many events that were committed in so many blocks: bytes of its JSON, plain and in gzip."""

    events: int
    blocks: int
    raw_bytes: int
    gzip_bytes: int
    verify_ms: float


def measure_bundles(ledger: BenchLedger, events: int, in_blocks: Sequence[int]) -> list[tuple[BundleCost, str]]:
    """Return the cost and the text of the bundle of an item's life, committed in one number of blocks after another."""
    return [_measure(ledger, events, blocks) for blocks in in_blocks]


def _measure(ledger: BenchLedger, events: int, blocks: int) -> tuple[BundleCost, str]:
    serial = f"bundle{blocks}"
    life = item_life(serial, events)
    for block in range(blocks):
        # One document, and so one transaction, a block.
        part = life[block * events // blocks : (block + 1) * events // blocks]
        others = [item_life(f"{serial}-{block}-{number}", 1) for number in range(NEIGHBOURS)]
        ledger.commit([part, *others])
    text = json.dumps(item_bundle(ledger.home.store, item_id(serial)), ensure_ascii=False, separators=(",", ":"))
    facts = verify_proof(text, ledger.trust)
    assert len(facts.heads[0].records) == events, "every event of the item is in the bundle"
    cost = BundleCost(
        events=events,
        blocks=blocks,
        raw_bytes=len(text.encode()),
        gzip_bytes=len(gzip.compress(text.encode(), mtime=0)),
        verify_ms=best_us(lambda: verify_proof(text, ledger.trust), _ROUNDS) / 1e3,
    )
    return cost, text
