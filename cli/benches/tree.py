"""What a changed head costs: planning a block's changes on the state tree of a real store, as each validator does.

A batch is planned as a proposal is, and nothing is written. The first batch after the store was opened reads its nodes
from the disk; the figures of a warm node are those after the upper levels were read once.
"""

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cli.benches.machine import best_us
from ledger.authenticated_map import plan_update, prove, verify
from node.storage.store import Store

BATCH_HEADS: Final = (1, 100, 1_000)
_ROUNDS: Final = 30
_WARM_HEADS: Final = 200_000
_PROOFS: Final = 1_000
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class BatchCost:
    """The cost of a batch of so many changed heads, in microseconds a head, the best of thirty batches."""

    heads: int
    plan_us: float


@dataclass(frozen=True, slots=True)
class TreeCost:
    """The state tree of so many heads; ``cold_us`` is a head of the first batch of a thousand after opening."""

    heads: int
    cold_us: float
    batches: tuple[BatchCost, ...]
    hashes_a_head: float
    proof_bytes_mean: float
    proof_bytes_max: int
    proof_verify_us: float


def measure_tree(store: Store, keys: Sequence[bytes]) -> TreeCost:
    """Measure on a store that was just opened and holds these heads; it stays as it is."""
    chance = random.Random(_SEED)  # noqa: S311 - a sample of heads, the same each time
    biggest = min(BATCH_HEADS[-1], len(keys))

    def batch(heads: int) -> Callable[[], object]:
        changes = dict.fromkeys(chance.sample(keys, heads), chance.randbytes(150))
        return lambda: plan_update(store.tree_node, changes)

    # Hundreds of thousands of keys are many objects, which the collector would walk in the middle of a batch.
    gc.collect()
    gc.freeze()
    try:
        cold_us = best_us(batch(biggest), rounds=1) / biggest
        for key in keys[:: max(1, len(keys) // _WARM_HEADS)]:
            prove(store.tree_node, key)
        costs = [
            BatchCost(heads, min(best_us(batch(heads), rounds=1) for _ in range(_ROUNDS)) / heads)
            for heads in BATCH_HEADS
            if heads <= len(keys)
        ]
    finally:
        gc.unfreeze()
    plan = plan_update(store.tree_node, dict.fromkeys(chance.sample(keys, biggest), b"other"))
    sample = chance.sample(keys, min(_PROOFS, len(keys)))
    proofs = [(key, prove(store.tree_node, key)) for key in sample]
    root = store.tip.state_root
    sizes = [sum(map(len, proof)) for _, proof in proofs]
    return TreeCost(
        heads=len(keys),
        cold_us=cold_us,
        batches=tuple(costs),
        # Besides the nodes, each head's key and value are hashed.
        hashes_a_head=len(plan.nodes) / biggest + 2,
        proof_bytes_mean=sum(sizes) / len(sizes),
        proof_bytes_max=max(sizes),
        proof_verify_us=best_us(lambda: [verify(root, key, proof) for key, proof in proofs], rounds=3) / len(proofs),
    )
