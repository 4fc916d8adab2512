"""`tradelane bench trace`: a trace of ten thousand nodes, and what a recall of a lot reaches in a million items."""

import gc
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cli.benches.goods import FISH, LOT, fish_to_pallets, lot_to_items
from cli.benches.ledger import bench_ledger
from cli.benches.machine import Machine, faster, measure_machine
from node.closure import THINGS_MAX, Selector, closure
from node.closure_summary import entries_json, summarise, summary_json
from node.storage.store import Store
from node.trace import EVENTS_MAX, NODES_MAX, Direction, Limits, trace, tree_json

_ROUNDS: Final = 3
_PAGE: Final = 200
_LIMITS: Final = Limits(nodes_max=NODES_MAX, branches_max=1_000, all_events_max=EVENTS_MAX)

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TreeFigures:
    """A trace forward: nodes and the events told with them, and seconds of the processor, the best of three."""

    nodes: int
    events: int
    trace_s: float
    answer_s: float
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class RecallFigures:
    """A closure: ``summary_s`` reads the head of everything reached, for who holds it and where; the best of three.

    ``first_s`` is both by the clock, when the rows still had to come from the disk.
    """

    items: int
    reached: int
    events: int
    first_s: float
    closure_s: float
    summary_s: float
    page_s: float


@dataclass(frozen=True, slots=True)
class TraceFigures:
    """What ``tradelane bench trace`` found; ``machine`` is the better of its measurements at the start and the end."""

    machine: Machine
    tree: TreeFigures
    recall: RecallFigures


def run(items: int, base_port: int, say: Say) -> TraceFigures:
    """Measure everything in a temporary directory, which is gone afterwards; ``say`` is told what is going on."""
    machine = measure_machine()
    with (
        tempfile.TemporaryDirectory(prefix="tradelane-bench-") as name,
        bench_ledger(Path(name), base_port=base_port) as ledger,
    ):
        store = ledger.home.store
        say("a fish that becomes packs, cases and pallets")
        fish_to_pallets(ledger)
        say(f"a lot that becomes {items:,} items")
        lot_to_items(ledger, items)
        say("tracing the fish forward")
        tree = _measure_tree(store)
        say("closing the recalled lot")
        recall = _measure_recall(store)
    return TraceFigures(faster(machine, measure_machine()), tree, recall)


def _measure_tree(store: Store) -> TreeFigures:
    trace_s, root = _best(lambda: trace(store, FISH, Direction.FORWARD, _LIMITS))
    assert root is not None, "the fish is on the ledger"
    answer_s, answer = _best(lambda: json.dumps(tree_json(store, root), ensure_ascii=False).encode())
    cut = sum(mark.reason == "limit" for node in root.walk() for mark in node.marks)
    assert not cut, "the limits of a trace leave room for all of it"
    nodes = sum(1 for _ in root.walk())
    events = sum(len(node.records) for node in root.walk())
    return TreeFigures(nodes, events, trace_s, answer_s, len(answer))


def _measure_recall(store: Store) -> RecallFigures:
    selector = Selector((("lot", LOT),))
    # By the clock: what was just written has to come from the disk.
    start = time.perf_counter()
    found = closure(store, selector, THINGS_MAX + 100_000)
    summary = summarise(store, found)
    first_s = time.perf_counter() - start
    reached, marks = len(found.reached), len(found.marks)
    del found, summary
    closure_s, found = _best(lambda: closure(store, selector, THINGS_MAX + 100_000))
    summary_s, summary = _best(lambda: summarise(store, found))
    page_s, _ = _best(
        lambda: (summary_json(store, found, summary), entries_json(store, found, summary.open_keys[:_PAGE]))
    )
    assert not marks, "nothing of the recall is left out"
    return RecallFigures(summary.whole.items, reached, found.events, first_s, closure_s, summary_s, page_s)


def _best(action: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds of the processor that the fastest of three calls took, and what the last one gave."""
    times = []
    for _ in range(_ROUNDS):
        gc.collect()
        start = time.thread_time()
        value = action()
        times.append(time.thread_time() - start)
    return min(times), value
