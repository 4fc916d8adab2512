"""Small chains and the good bundles made of them, for golden files and for mutation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ledger.proof import TrustRoot
from ledger.state import head_key
from ledger.transaction import Operation
from node.proofs import head_bundle, item_bundle, statement_bundle, transaction_bundle
from tests.support.chain_builder import ChainBuilder, record, refuse
from tests.support.proof_scenes import Moved, Packed, fill_moved, fill_packed, scenes

ITEM = "https://id.gs1.org/01/09521141012346/21/1001"
OTHER_ITEM = "https://id.gs1.org/01/09521141012346/21/1002"
ITEM_KEY = head_key("item", ITEM)
OTHER_KEY = head_key("item", OTHER_ITEM)
PLAIN_KEY = head_key("permission", "toy.set")
GONE_KEY = head_key("offer", "1")

Bundle: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class ProofChains:
    """The chain ``toy`` of four validators with four blocks, ``solo`` of one with one block, and ``twin`` with none.

    ``good`` are bundles by name; ``earlier`` is the item's bundle as of height 3. ``moved`` and ``packed`` are told
    in proof_scenes.py.
    """

    toy: ChainBuilder
    solo: ChainBuilder
    twin: ChainBuilder
    good: dict[str, Bundle]
    earlier: Bundle
    moved: Moved
    packed: Packed

    @property
    def trusts(self) -> dict[str, TrustRoot]:
        """The trust roots of the chains by name."""
        return {
            "toy": self.toy.trust,
            "solo": self.solo.trust,
            "packed": self.packed.chain.trust,
            **self.moved.trusts,
        }

    def trust_of(self, name: str) -> str:
        """Return the name of the trust root for a good bundle: that of its chain's genesis."""
        chain = name.partition("_")[0]
        return chain if chain in self.trusts else "toy"


@contextmanager
def proof_chains(directory: Path) -> Iterator[ProofChains]:
    """Build the chains in a directory and close them at the end."""
    toy = ChainBuilder(directory / "toy")
    solo = ChainBuilder(directory / "solo", validators=1, network="solo")
    twin = ChainBuilder(directory / "twin", network="twin")
    moved, packed = scenes(directory)
    try:
        yield _filled(toy, solo, twin, fill_moved(moved), fill_packed(packed))
    finally:
        for chain in (toy, solo, twin, moved, packed):
            chain.close()


def _filled(toy: ChainBuilder, solo: ChainBuilder, twin: ChainBuilder, moved: Moved, packed: Packed) -> ProofChains:
    # Twenty-odd heads, so that the state tree has more than one level.
    toy.block(
        toy.transaction(*(_set(head_key("filler", str(number)), number) for number in range(20))),
        toy.transaction(record(ITEM_KEY, step="commissioning"), record(OTHER_KEY, step="commissioning")),
        toy.transaction(_set(PLAIN_KEY, 1), _set(GONE_KEY, 1)),
    )
    failed = toy.transaction(record(ITEM_KEY, step="never"), refuse())
    toy.block(toy.transaction(record(ITEM_KEY, step="packing")), failed)
    toy.block(
        toy.transaction(record(OTHER_KEY, step="shipping"), record(ITEM_KEY, step="shipping")),
        toy.transaction(_set(PLAIN_KEY, 2), Operation("toy.remove", {"key": GONE_KEY})),
        toy.transaction(record(ITEM_KEY, step="receiving")),
    )
    earlier = item_bundle(toy.store, ITEM)
    toy.block(toy.transaction(record(OTHER_KEY, step="receiving")))
    solo.block(solo.transaction(record(ITEM_KEY, step="commissioning")))
    good = {
        "item": item_bundle(toy.store, ITEM),
        "item_at_tip": item_bundle(toy.store, OTHER_ITEM),
        "no_such_item": item_bundle(toy.store, ITEM + "0"),
        "removed_head": head_bundle(toy.store, GONE_KEY),
        "head_without_history": head_bundle(toy.store, PLAIN_KEY),
        "statement": statement_bundle(toy.store, ITEM_KEY, 2),
        "statement_from_first": statement_bundle(toy.store, ITEM_KEY, 0),
        "statement_without_records": statement_bundle(toy.store, ITEM_KEY, 4),
        "transaction": _transaction(toy, 1, 1),
        "transaction_failed": _transaction(toy, 2, 1),
        "transaction_alone_in_block": _transaction(toy, 4, 0),
        "solo_item": item_bundle(solo.store, ITEM),
        **moved.good,
        **packed.good,
    }
    return ProofChains(toy, solo, twin, good, earlier, moved, packed)


def _transaction(chain: ChainBuilder, height: int, index: int) -> Bundle:
    block = chain.store.block(height)
    assert block is not None, "the block was built above"
    bundle = transaction_bundle(chain.store, block.transactions[index].transaction_id)
    assert bundle is not None, "the transaction was built above"
    return bundle


def _set(key: bytes, value: int) -> Operation:
    return Operation("toy.set", {"key": key, "value": value})
