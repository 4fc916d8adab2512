"""What the state tree costs: size of a proof, time and bytes written for a changed head, for 16, 4 and 2 branches.

Run: ``python benchmarks/state_tree.py [--heads 10000 1000000]``; figures with their machine are in results.md, the
decision is docs/adr/0003-state-tree.md. The narrower trees are the same code with another width, so that they differ
in nothing else. "16 of 2" is a tree of 16 branches whose nodes hash their slots as a Merkle tree, so that a proof
carries the siblings of one slot instead of all slots; it hashes a changed node anew as a whole. Nodes are in a
dictionary: this measures the tree, not the store (``tradelane bench proofs`` measures both).
"""

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ledger import authenticated_map as tree
from ledger import merkle
from ledger.state import head_key

BATCH_KEYS: Final = 1_000
BATCHES: Final = 10
PROOFS: Final = 1_000
SEED: Final = 1
ROUNDS: Final = 3


class Variant(NamedTuple):
    """A tree that is compared: its name, its bits a level, and whether nodes hash their slots as a Merkle tree."""

    name: str
    bits: int
    is_merkle: bool = False


VARIANTS: Final = (Variant("16", 4), Variant("16 of 2", 4, is_merkle=True), Variant("4", 2), Variant("2", 1))


class Figures(NamedTuple):
    """One row of the table; times in microseconds, sizes in bytes."""

    proof_bytes_mean: float
    proof_bytes_max: int
    update_us_median: float
    nodes_read: float
    written_bytes: float
    verify_us: float


def slots_of(encoded: bytes) -> list[bytes]:
    """Return the slots of a node of 16 branches."""
    leaf_bits, inner_bits = int.from_bytes(encoded[:2], "big"), int.from_bytes(encoded[2:4], "big")
    slots, position = [], 4
    for branch in range(16):
        size = 64 if leaf_bits >> branch & 1 else 32 if inner_bits >> branch & 1 else 0
        if size:
            slots.append(encoded[position : position + size])
            position += size
    return slots


def merkle_node_hash(encoded: bytes) -> bytes:
    """Return the hash of a node over its bitmaps and the Merkle root of its slots."""
    return sha256(b"tradelane/node/v2\0" + encoded[:4] + merkle.root(slots_of(encoded))).digest()


def proof_bytes(proof: Sequence[bytes], variant: Variant) -> int:
    """Return the size of a proof: whole nodes, or of each its bitmaps and one path, and the leaf at the end."""
    if not variant.is_merkle:
        return sum(map(len, proof))
    return sum(4 + 32 * (len(slots_of(node)) - 1).bit_length() for node in proof) + 64


def branches(variant: Variant) -> AbstractContextManager[object]:
    """Let the tree be another one for a while."""
    bits = variant.bits
    if variant.is_merkle:
        return patch.object(tree, "_node_hash", merkle_node_hash)
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


def measure(heads: int, variant: Variant) -> Figures:
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
        plan = tree.plan_update(read, changes)
        rounds_us = []
        for _ in range(ROUNDS):
            start = time.perf_counter_ns()
            tree.plan_update(nodes.get, changes)
            rounds_us.append((time.perf_counter_ns() - start) / 1_000 / BATCH_KEYS)
        times_us.append(min(rounds_us))
        written += apply(plan)
    reads_a_head = reads / BATCHES / BATCH_KEYS
    proven = chance.sample(keys, PROOFS)
    proofs = [tree.prove(nodes.get, key) for key in proven]
    sizes = [proof_bytes(proof, variant) for proof in proofs]
    rounds_us = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for key, proof in zip(proven, proofs, strict=True):
            assert tree.verify(plan.root, key, proof) is not None
        rounds_us.append((time.perf_counter_ns() - start) / 1_000 / PROOFS)
    verify_us = min(rounds_us)
    gc.unfreeze()
    return Figures(
        statistics.mean(sizes),
        max(sizes),
        statistics.median(times_us),
        reads_a_head,
        written / BATCHES / BATCH_KEYS,
        verify_us,
    )


def sha256_us() -> float:
    """Return the microseconds of one hash of 534 bytes, about a full node of 16 branches, now."""
    content, rounds_us = bytes(534), []
    for _ in range(10):
        start = time.perf_counter_ns()
        for _ in range(1_000):
            sha256(content).digest()
        rounds_us.append((time.perf_counter_ns() - start) / 1_000 / 1_000)
    return min(rounds_us)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the state tree.")
    parser.add_argument("--heads", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the state")
    sizes = parser.parse_args().heads
    print(f"{BATCHES} batches of {BATCH_KEYS} changed heads, {PROOFS} proofs, Python {sys.version.split()[0]}\n")
    print("| heads | branches | proof B, mean (max) | us a head | in hashes | nodes read | B written | verify us |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for heads in sizes:
        for variant in VARIANTS:
            with branches(variant):
                row = measure(heads, variant)
            proof = f"{row.proof_bytes_mean:.0f} ({row.proof_bytes_max})"
            update = f"{row.update_us_median:.1f} | {row.update_us_median / sha256_us():.0f}"
            costs = f"{row.nodes_read:.2f} | {row.written_bytes:.0f} | {row.verify_us:.1f}"
            print(f"| {heads:,} | {variant.name} | {proof} | {update} | {costs} |", flush=True)


if __name__ == "__main__":
    main()
