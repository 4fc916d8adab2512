"""The nodes of the committed state tree near its root, kept in memory.

Every changed head and every proof passes through the upper levels, so they are worth their memory, and there can be no
more than 16 ** level of them: the cache needs no eviction. It is never the truth: it is filled by reads and renewed
after the synced batch of a block, so what it holds is on the disk as well, and a candidate that is never committed
leaves no trace in it. Reads may come from other threads than the one that commits.
"""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

CACHED_LEVELS: Final = 5
"""Root and four levels below: at most 69,905 nodes. A million heads fill 36 MB of nodes, about 50 MB of memory."""


class NodeCache:
    """Encoded nodes by path, for the first ``levels`` levels of the tree; 0 keeps nothing."""

    __slots__ = ("_levels", "_lock", "_nodes", "_renewals")

    def __init__(self, levels: int = CACHED_LEVELS) -> None:
        self._levels = levels
        self._nodes: dict[bytes, bytes] = {}
        self._renewals = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, path: bytes, load: Callable[[bytes], bytes | None]) -> bytes | None:
        """Return the committed node at a path, from ``load`` where it is not here."""
        kept = self._nodes.get(path)
        if kept is not None:
            return kept
        renewals = self._renewals
        loaded = load(path)
        if loaded is not None and len(path) < self._levels:
            with self._lock:
                # A block that was committed since then may have changed the node that was read before it.
                if renewals == self._renewals:
                    self._nodes[path] = loaded
        return loaded

    def renew(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Take in the nodes that a committed block changed, None for those that went away."""
        with self._lock:
            self._renewals += 1
            for path, node in changes.items():
                if len(path) < self._levels:
                    if node is None:
                        self._nodes.pop(path, None)
                    else:
                        self._nodes[path] = node
