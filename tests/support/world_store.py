"""The small world of contracts with a real store under it: one block a call, no signatures and no state tree."""

from dataclasses import dataclass, field, replace
from typing import cast

from ledger.receipt import Receipt
from node.chain import genesis_write
from node.storage.store import BlockWrite, Store, StoredBlock, write_genesis
from tests.support.contracts_world import Call, World
from tests.support.memory_values import MemoryValues


@dataclass
class WorldStore:
    """``run`` executes a call and writes its block; ``captured`` are (signer, call, receipt) of what succeeded."""

    world: World = field(default_factory=World)
    values: MemoryValues = field(default_factory=MemoryValues)
    captured: list[tuple[str, Call, Receipt]] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_genesis(self.values, genesis_write(self.world.start))
        self.world.height = 0
        self.store = Store(self.values, self.world.start.chain_id)

    def run(self, signer: str, call: Call) -> Receipt:
        """Execute a call in a block of its own."""
        transaction = self.world.transaction(signer, call)
        execution = self.world.execute(transaction)
        self.world.commit(execution)
        tip = self.store.tip
        time_ms = self.world.time_ms
        header = replace(tip, height=tip.height + 1, parent_hash=tip.hash, transaction_count=1, time_ms=time_ms)
        block = StoredBlock(header, None, (transaction,), execution.receipts)
        self.store.write_block(BlockWrite(block, execution.changes, {}, execution.history))
        (receipt,) = execution.receipts
        if receipt.code == 0:
            self.captured.append((signer, call, receipt))
        return receipt

    def refused(self, receipt: Receipt, rules: frozenset[str]) -> set[str]:
        """Return the things on which an event broke one of these rules."""
        output = receipt.outputs[0]
        rows = cast("list[list[str]]", output["violations"]) if isinstance(output, dict) else []
        return {name for name, rule in rows if rule in rules}
