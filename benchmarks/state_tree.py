"""What the state tree costs: size of a proof, time and bytes written for a changed head, for 16, 4 and 2 branches.

Run: ``python benchmarks/state_tree.py [--heads 10000 100000]``; figures with their machine are in results.md, the
decision is docs/adr/0003-state-tree.md. The narrower trees are the same code with another width, so that they differ
in nothing else. Nodes are in a dictionary: this measures the tree, not the store.
"""

import argparse
import gc
import random
import statistics
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ledger import authenticated_map as tree
from ledger.state import head_key

BATCH_KEYS: Final = 1_000
BATCHES: Final = 10
PROOFS: Final = 1_000
SEED: Final = 1
BITS_A_LEVEL: Final = (4, 2, 1)


class Figures(NamedTuple):
    """One row of the table; times in microseconds, sizes in bytes."""

    proof_bytes_mean: float
    proof_bytes_max: int
    update_us_median: float
    update_us_max: float
    nodes_read: float
    written_bytes: float
    verify_us: float


def branches(bits: int) -> AbstractContextManager[object]:
    """Let the tree have ``2 ** bits`` branches a node for a while."""
    if bits == 4:
        return nullcontext()
    # The bits of a byte divide evenly into levels, for the widths that are compared.
    mask = (1 << bits) - 1
    digits = [bytes(byte >> shift & mask for shift in range(8 - bits, -1, -bits)) for byte in range(256)]
    return patch.multiple(
        tree,
        BRANCHES=1 << bits,
        _BITMAPS=Struct(">BB"),
        _BITMAPS_BYTES=2,
        _EMPTY_NODE=bytes(2),
        _PATH_LENGTH_MAX=256 // bits,
        _digits=lambda place: b"".join(map(digits.__getitem__, place)),
    )


def measure(heads: int) -> Figures:
    """Build a tree of so many heads, change some in batches as blocks do, prove and verify others."""
    chance = random.Random(SEED)
    nodes: dict[bytes, bytes] = {}

    reads = 0

    def read(path: bytes) -> bytes | None:
        nonlocal reads
        reads += 1
        return nodes.get(path)

    def apply(plan: tree.Plan) -> int:
        for path, node in plan.nodes.items():
            if node is None:
                nodes.pop(path, None)
            else:
                nodes[path] = node
        return sum(len(path) + len(node or b"") for path, node in plan.nodes.items())

    keys = [head_key("item", f"https://id.gs1.org/01/09521102002002/21/{number}") for number in range(heads)]
    plan = tree.plan_update(nodes.get, dict.fromkeys(keys, b"head 0"))
    apply(plan)
    # A million heads are many objects, which the collector would walk in the middle of a batch.
    gc.collect()
    gc.freeze()
    times_us, written, reads = [], 0, 0
    for batch in range(1, BATCHES + 1):
        changes: dict[bytes, bytes | None] = dict.fromkeys(chance.sample(keys, BATCH_KEYS), b"head %d" % batch)
        start = time.perf_counter_ns()
        plan = tree.plan_update(read, changes)
        times_us.append((time.perf_counter_ns() - start) / 1_000 / BATCH_KEYS)
        written += apply(plan)
    reads_a_head = reads / BATCHES / BATCH_KEYS
    proven = chance.sample(keys, PROOFS)
    proofs = [tree.prove(nodes.get, key) for key in proven]
    sizes = [sum(map(len, proof)) for proof in proofs]
    start = time.perf_counter_ns()
    for key, proof in zip(proven, proofs, strict=True):
        assert tree.verify(plan.root, key, proof) is not None
    verify_us = (time.perf_counter_ns() - start) / 1_000 / PROOFS
    gc.unfreeze()
    return Figures(
        statistics.mean(sizes),
        max(sizes),
        statistics.median(times_us),
        max(times_us),
        reads_a_head,
        written / BATCHES / BATCH_KEYS,
        verify_us,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the state tree.")
    parser.add_argument("--heads", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the state")
    sizes = parser.parse_args().heads
    print(f"{BATCHES} batches of {BATCH_KEYS} changed heads, {PROOFS} proofs, Python {sys.version.split()[0]}\n")
    print("| heads | branches | proof B, mean (max) | us a changed head (worst) | nodes read | B written | verify us |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for heads in sizes:
        for bits in BITS_A_LEVEL:
            with branches(bits):
                row = measure(heads)
            proof = f"{row.proof_bytes_mean:.0f} ({row.proof_bytes_max})"
            update = f"{row.update_us_median:.1f} ({row.update_us_max:.1f})"
            costs = f"{row.nodes_read:.2f} | {row.written_bytes:.0f} | {row.verify_us:.1f}"
            print(f"| {heads:,} | {1 << bits} | {proof} | {update} | {costs} |")


if __name__ == "__main__":
    main()
