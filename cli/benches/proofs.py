"""`tradelane bench proofs`: the state tree, the bundles, checking and serving them, one after the other."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.benches.browser import BrowserCost, measure_browser
from cli.benches.bundles import BundleCost, measure_bundles
from cli.benches.ledger import bench_ledger, filler_keys
from cli.benches.machine import Machine, faster, measure_machine
from cli.benches.serving import Rate, commit_items, serve_in_process, serve_over_loopback
from cli.benches.tree import TreeCost, measure_tree
from ledger.proof import trust_to_json
from node.storage.store import Store

EVENTS: Final = 30
SERVED_EVENTS: Final = 10
_BLOCKS: Final = (1, 6, 30)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ProofFigures:
    """What ``tradelane bench proofs`` found; ``machine`` is the better of its measurements at the start and the end.

    The browser names a bundle by its number of blocks.
    """

    machine: Machine
    tree: TreeCost
    bundles: tuple[BundleCost, ...]
    browser: BrowserCost
    served_events: int
    in_process: Rate
    over_loopback: Rate


def run(heads: int, seconds: float, base_port: int, say: Say) -> ProofFigures:
    """Measure everything in a temporary directory, which is gone afterwards; ``say`` is told what is going on."""
    machine = measure_machine()
    with _directory() as directory:
        say(f"making a ledger of {heads:,} heads")
        with bench_ledger(directory, base_port=base_port, heads=heads) as ledger:
            say("committing the lives of the items that are served")
            paths = commit_items(ledger, SERVED_EVENTS)
            say(f"bundles of {EVENTS} events")
            bundles = measure_bundles(ledger, EVENTS, _BLOCKS)
            say("checking them in a browser")
            trust = trust_to_json(ledger.trust)
            browser = measure_browser({str(cost.blocks): text for cost, text in bundles}, trust)
            say("serving from the application in this process")
            in_process = asyncio.run(serve_in_process(ledger, paths, seconds))
            chain_id, ledger_directory = ledger.chain.chain_id, ledger.home.config.ledger_directory
        say("changing heads in batches")
        store = Store.open(ledger_directory, chain_id)
        try:
            tree = measure_tree(store, filler_keys(heads))
        finally:
            store.close()
        say("serving from a node over loopback HTTP")
        over_loopback = serve_over_loopback(ledger.network, paths, seconds)
    return ProofFigures(
        machine=faster(machine, measure_machine()),
        tree=tree,
        bundles=tuple(cost for cost, _ in bundles),
        browser=browser,
        served_events=SERVED_EVENTS,
        in_process=in_process,
        over_loopback=over_loopback,
    )


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tradelane-bench-") as name:
        yield Path(name)
