"""The authenticated map: a tree over all heads whose root is in every header.

A trie of 16 branches over the hashes of the keys. A branch holds nothing, one leaf, or an inner node, and an inner
node exists exactly where two or more leaves lie below it, so the shape depends on the content alone and not on the
order in which it came about. A proof is the encoded nodes from the root down to the place where the key is, or would
be. Nodes are addressed by their path, so a store keeps only the current tree and writes a block's changed nodes in
the same batch as the block.

node      = leaf bitmap (2 bytes) | inner bitmap (2 bytes) | slots in branch order, big-endian bitmaps, bit i = branch i
leaf slot = key hash (32) | value hash (32)          inner slot = node hash (32)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from ledger.errors import ProofError
from ledger.hashing import HASH_BYTES, tagged_hash

_Value = TypeVar("_Value", bytes, "bytes | None")

BRANCHES: Final = 16
_EMPTY_NODE: Final = bytes(4)
_PATH_LENGTH_MAX: Final = 2 * HASH_BYTES

Path: TypeAlias = bytes
"""A node's place: one byte, 0 to 15, for each level below the root, which is the empty path."""

NodeSource: TypeAlias = Callable[[Path], "bytes | None"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A branch that holds one key; both fields are 32-byte hashes."""

    key_hash: bytes
    value_hash: bytes


@dataclass(frozen=True, slots=True)
class Inner:
    """A branch that leads to an inner node with this hash."""

    node_hash: bytes


Slot: TypeAlias = Leaf | Inner | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch of changes does to the tree: the root after it, and each changed node (None where one goes away)."""

    root: bytes
    nodes: dict[Path, bytes | None]


def key_hash(key: bytes) -> bytes:
    """Return the 32 bytes that place a key in the tree."""
    return tagged_hash("key", key)


def value_hash(value: bytes) -> bytes:
    """Return the 32 bytes that stand for a head's encoded value."""
    return tagged_hash("head", value)


def empty_root() -> bytes:
    """Return the root of a map without entries."""
    return _node_hash(_EMPTY_NODE)


def plan_update(source: NodeSource, changes: Mapping[bytes, bytes | None]) -> Plan:
    """Return what setting (or, with None, removing) these keys does; nothing is written.

    ``source`` gives the encoded node at a path, or None. Cost is one hash for each node on the way to a changed key,
    shared by the keys of a batch.
    """
    nodes: dict[Path, bytes | None] = {}
    items = sorted((key_hash(key), None if value is None else value_hash(value)) for key, value in changes.items())
    slots = _load(source, b"")
    _apply(source, nodes, b"", slots, items)
    encoded = _encode_node(slots)
    nodes[b""] = encoded
    return Plan(_node_hash(encoded), nodes)


def prove(source: NodeSource, key: bytes) -> tuple[bytes, ...]:
    """Return the encoded nodes from the root down to where the key is or would be."""
    place = key_hash(key)
    path = b""
    proof = []
    while True:
        encoded = source(path) or _EMPTY_NODE
        proof.append(encoded)
        branch = _nibble(place, len(path))
        if not isinstance(_decode_node(encoded)[branch], Inner):
            return tuple(proof)
        path += bytes([branch])


def verify(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return the value hash that the proof shows for the key, or None where it shows that the key is absent.

    Raises
    ------
    ProofError
        The nodes do not lead from the root to the key's place.

    """
    place = key_hash(key)
    expected = root
    for depth, encoded in enumerate(proof):
        if depth >= _PATH_LENGTH_MAX or _node_hash(encoded) != expected:
            raise ProofError("state_path", "a node of the state proof does not hash to what its parent says")
        slot = _decode_node(encoded)[_nibble(place, depth)]
        if isinstance(slot, Inner):
            expected = slot.node_hash
            continue
        if depth != len(proof) - 1:
            raise ProofError("state_path", "the state proof goes on below the place of the key")
        return slot.value_hash if slot is not None and slot.key_hash == place else None
    raise ProofError("state_path", "the state proof ends above the place of the key")


def _apply(
    source: NodeSource,
    nodes: dict[Path, bytes | None],
    path: Path,
    slots: list[Slot],
    items: Sequence[tuple[bytes, bytes | None]],
) -> None:
    """Change ``slots``, the branches of the node at ``path``, by sorted items that all lie below it."""
    for branch, group in _by_branch(items, len(path)):
        slot = slots[branch]
        child_path = path + bytes([branch])
        if isinstance(slot, Inner):
            child_slots = _load(source, child_path)
            _apply(source, nodes, child_path, child_slots, group)
            slots[branch] = _settle(nodes, child_path, child_slots)
        else:
            leaves = {} if slot is None else {slot.key_hash: slot.value_hash}
            for place, value in group:
                if value is None:
                    leaves.pop(place, None)
                else:
                    leaves[place] = value
            slots[branch] = _build(nodes, child_path, sorted(leaves.items()))


def _settle(nodes: dict[Path, bytes | None], path: Path, slots: list[Slot]) -> Slot:
    """Write an inner node, or give it up where fewer than two leaves are left below it."""
    held = [slot for slot in slots if slot is not None]
    if not held or (len(held) == 1 and isinstance(held[0], Leaf)):
        nodes[path] = None
        return held[0] if held else None
    encoded = _encode_node(slots)
    nodes[path] = encoded
    return Inner(_node_hash(encoded))


def _build(nodes: dict[Path, bytes | None], path: Path, leaves: Sequence[tuple[bytes, bytes]]) -> Slot:
    """Return the slot for leaves that share ``path``, writing the inner nodes that two or more of them need."""
    if not leaves:
        return None
    if len(leaves) == 1:
        return Leaf(*leaves[0])
    slots: list[Slot] = [None] * BRANCHES
    for branch, group in _by_branch(leaves, len(path)):
        slots[branch] = _build(nodes, path + bytes([branch]), group)
    return _settle(nodes, path, slots)


def _by_branch(items: Sequence[tuple[bytes, _Value]], depth: int) -> list[tuple[int, list[tuple[bytes, _Value]]]]:
    groups: dict[int, list[tuple[bytes, _Value]]] = {}
    for item in items:
        groups.setdefault(_nibble(item[0], depth), []).append(item)
    return list(groups.items())


def _nibble(place: bytes, depth: int) -> int:
    byte = place[depth // 2]
    return byte & 15 if depth % 2 else byte >> 4


def _node_hash(encoded: bytes) -> bytes:
    return tagged_hash("node", encoded)


def _load(source: NodeSource, path: Path) -> list[Slot]:
    return _decode_node(source(path) or _EMPTY_NODE)


def _encode_node(slots: Sequence[Slot]) -> bytes:
    leaf_bits = inner_bits = 0
    parts = []
    for branch, slot in enumerate(slots):
        if isinstance(slot, Leaf):
            leaf_bits |= 1 << branch
            parts += [slot.key_hash, slot.value_hash]
        elif isinstance(slot, Inner):
            inner_bits |= 1 << branch
            parts.append(slot.node_hash)
    return leaf_bits.to_bytes(2, "big") + inner_bits.to_bytes(2, "big") + b"".join(parts)


def _decode_node(encoded: bytes) -> list[Slot]:
    leaf_bits = int.from_bytes(encoded[:2], "big")
    inner_bits = int.from_bytes(encoded[2:4], "big")
    size = 4 + 2 * HASH_BYTES * leaf_bits.bit_count() + HASH_BYTES * inner_bits.bit_count()
    if len(encoded) != size or leaf_bits & inner_bits:
        raise ProofError("state_node", "the bytes are not a node of the state tree")
    slots: list[Slot] = []
    position = 4
    for branch in range(BRANCHES):
        if leaf_bits >> branch & 1:
            middle = position + HASH_BYTES
            slots.append(Leaf(encoded[position:middle], encoded[middle : middle + HASH_BYTES]))
            position = middle + HASH_BYTES
        elif inner_bits >> branch & 1:
            slots.append(Inner(encoded[position : position + HASH_BYTES]))
            position += HASH_BYTES
        else:
            slots.append(None)
    return slots
