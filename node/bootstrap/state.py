"""The heads at one block, taken piece by piece, each piece checked when it comes.

First the nodes of the state tree, from the root down: each must hash to what its parent says. Then the heads in the
order of their keys: each must be the leaf that the tree has for it. At the end as many heads as leaves must have come,
so none was left out. Who lies is caught with the first wrong byte, and no more memory is used than one way through the
tree.
"""

from collections.abc import Sequence

from ledger.authenticated_map import Path, TreeWalk, prove, value_hash, verify
from ledger.errors import ProofError
from node.bootstrap.headers import BootstrapError
from node.storage.database import KeyValues
from node.storage.rows import HEAD, NODE


class StateReceiver:
    """Writes the state with this root into an empty database."""

    def __init__(self, database: KeyValues, state_root: bytes) -> None:
        self._database = database
        self._root = state_root
        self._walk = TreeWalk(state_root)
        self._leaves = 0
        self._heads = 0
        self._last_key: bytes | None = None

    @property
    def heads_expected(self) -> int:
        """How many heads the tree has, as far as its nodes have come."""
        return self._leaves

    @property
    def heads_taken(self) -> int:
        """How many heads have come."""
        return self._heads

    def take_nodes(self, nodes: Sequence[tuple[Path, bytes]]) -> None:
        """Take nodes of the tree in the order of their paths; raises BootstrapError."""
        changes: dict[bytes, bytes | None] = {}
        for path, encoded in nodes:
            if self._walk.next_path != path:
                raise BootstrapError("node_order", "a node of the state tree is missing or out of order")
            try:
                self._leaves += len(self._walk.take(encoded))
            except ProofError as error:
                raise BootstrapError("node", str(error)) from error
            changes[NODE + path] = encoded
        self._database.write(changes)

    def take_heads(self, heads: Sequence[tuple[bytes, bytes]]) -> None:
        """Take heads in the order of their keys, after all nodes; raises BootstrapError."""
        self._require_tree()
        changes: dict[bytes, bytes | None] = {}
        for key, encoded in heads:
            if self._last_key is not None and key <= self._last_key:
                raise BootstrapError("head_order", "a head came out of order")
            if self._proven_value_hash(key) != value_hash(encoded):
                raise BootstrapError("head_value", "a head is not the one that the state tree holds")
            self._last_key = key
            self._heads += 1
            changes[HEAD + key] = encoded
        self._database.write(changes)

    def finish(self) -> None:
        """Raise BootstrapError where something is missing."""
        self._require_tree()
        if self._heads != self._leaves:
            raise BootstrapError("head_missing", f"{self._heads} heads came, the state tree has {self._leaves}")

    def _require_tree(self) -> None:
        if self._walk.next_path is not None:
            raise BootstrapError("node_missing", "the state tree did not come whole")

    def _proven_value_hash(self, key: bytes) -> bytes | None:
        try:
            return verify(self._root, key, prove(lambda path: self._database.get(NODE + path), key))
        except ProofError as error:  # our own rows, checked when they came
            raise AssertionError("a node that was checked when it came is not the same any more") from error
