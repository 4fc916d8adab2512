"""The authenticated map: a tree over all heads whose root is in every header.

A trie of 16 branches over the hashes of the keys. A branch holds nothing, one leaf, or an inner node, and an inner
node exists exactly where two or more leaves lie below it, so the shape depends on the content alone and not on the
order in which it came about. A proof is the encoded nodes from the root down to the place where the key is, or would
be. Nodes are addressed by their path, so a store keeps only the current tree and writes a block's changed nodes in
the same batch as the block.

node      = leaf bitmap (2 bytes) | inner bitmap (2 bytes) | slots in branch order, big-endian bitmaps, bit i = branch i
leaf slot = key hash (32) | value hash (32)          inner slot = node hash (32)

Speed: a node is never taken apart into objects. A *slot* is its bytes (none, 64 for a leaf, 32 for an inner node), the
bitmaps say where in the node it lies, and a change puts other bytes in its place. A batch is sorted once, and each
node that several of its keys share is read, changed and hashed once.
"""

from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final, TypeAlias

from ledger.errors import ProofError
from ledger.hashing import HASH_BYTES, domain

BRANCHES: Final = 16
_EMPTY_NODE: Final = bytes(4)
_PATH_LENGTH_MAX: Final = 2 * HASH_BYTES
_BITMAPS: Final = Struct(">HH")
_BITMAPS_BYTES: Final = 4
_LEAF_BYTES: Final = 2 * HASH_BYTES
_NODE_DOMAIN: Final = domain("node")
_KEY_DOMAIN: Final = domain("key")
_HEAD_DOMAIN: Final = domain("head")
_DIGITS: Final = bytes.maketrans(b"0123456789abcdef", bytes(range(BRANCHES)))

Path: TypeAlias = bytes
"""A node's place: one byte, 0 to 15, for each level below the root, which is the empty path."""

Slot: TypeAlias = bytes
"""What a branch holds: nothing, a leaf (64 bytes) or the hash of an inner node (32 bytes)."""

Item: TypeAlias = tuple[Path, Slot]
"""The whole path of a key, one digit a byte, and its leaf, or nothing where the key goes away."""

NodeSource: TypeAlias = Callable[[Path], "bytes | None"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch of changes does to the tree: the root after it, and each changed node (None where one goes away)."""

    root: bytes
    nodes: dict[Path, bytes | None]


def key_hash(key: bytes) -> bytes:
    """Return the 32 bytes that place a key in the tree."""
    return sha256(_KEY_DOMAIN + key).digest()


def value_hash(value: bytes) -> bytes:
    """Return the 32 bytes that stand for a head's encoded value."""
    return sha256(_HEAD_DOMAIN + value).digest()


def empty_root() -> bytes:
    """Return the root of a map without entries."""
    return _node_hash(_EMPTY_NODE)


def plan_update(source: NodeSource, changes: Mapping[bytes, bytes | None]) -> Plan:
    """Return what setting (or, with None, removing) these keys does; nothing is written.

    ``source`` gives the encoded node at a path, or None. Cost is one read and one hash for each node on the way to a
    changed key, shared by the keys of a batch.
    """
    items = []
    for key, value in changes.items():
        place = key_hash(key)
        items.append((_digits(place), b"" if value is None else place + value_hash(value)))
    items.sort()
    nodes: dict[Path, bytes | None] = {}
    if not items:
        nodes[b""] = root = source(b"") or _EMPTY_NODE
        return Plan(_node_hash(root), nodes)
    return Plan(_update(source, nodes, items, 0, len(items), 0), nodes)


def prove(source: NodeSource, key: bytes) -> tuple[bytes, ...]:
    """Return the encoded nodes from the root down to where the key is or would be."""
    digits = _digits(key_hash(key))
    proof = []
    for depth, branch in enumerate(digits):
        encoded = source(digits[:depth]) or _EMPTY_NODE
        proof.append(encoded)
        if not _BITMAPS.unpack_from(encoded)[1] >> branch & 1:
            break
    return tuple(proof)


def verify(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return the value hash that the proof shows for the key, or None where it shows that the key is absent.

    Raises
    ------
    ProofError
        The nodes do not lead from the root to the key's place.

    """
    place = key_hash(key)
    digits = _digits(place)
    expected = root
    for depth, encoded in enumerate(proof):
        if depth >= _PATH_LENGTH_MAX or _node_hash(encoded) != expected:
            raise ProofError("state_path", "a node of the state proof does not hash to what its parent says")
        slot = _checked_slot(encoded, digits[depth])
        if len(slot) == HASH_BYTES:
            expected = slot
            continue
        if depth != len(proof) - 1:
            raise ProofError("state_path", "the state proof goes on below the place of the key")
        return slot[HASH_BYTES:] if slot and slot[:HASH_BYTES] == place else None
    raise ProofError("state_path", "the state proof ends above the place of the key")


class TreeWalk:
    """Takes all nodes of a tree in the order of their paths, where a node stands before those below it.

    What is expected next is known from the nodes before, so that a stack is enough however large the tree is.
    """

    def __init__(self, root: bytes) -> None:
        self._expected: list[tuple[Path, bytes]] = [(b"", root)]

    @property
    def next_path(self) -> Path | None:
        """The path of the node that comes next, None after the last."""
        return self._expected[-1][0] if self._expected else None

    def take(self, encoded: bytes) -> list[Slot]:
        """Take the node at ``next_path`` and return its leaves, each a key hash and a value hash.

        Raises
        ------
        ProofError
            The bytes are not a node or do not hash to what the node above says.

        """
        path, expected = self._expected.pop()
        if _node_hash(encoded) != expected:
            raise ProofError("state_path", "a node of the state tree does not hash to what its parent says")
        slots = [(path + bytes([branch]), _checked_slot(encoded, branch)) for branch in range(BRANCHES)]
        self._expected += [(below, slot) for below, slot in reversed(slots) if len(slot) == HASH_BYTES]
        return [slot for _, slot in slots if len(slot) == _LEAF_BYTES]


def _update(
    source: NodeSource, nodes: dict[Path, bytes | None], items: Sequence[Item], start: int, stop: int, depth: int
) -> Slot:
    """Change the node above ``items[start:stop]``, which all lie below it, and return its slot in its parent."""
    path = items[start][0][:depth]
    encoded = source(path)
    assert encoded is not None or not depth, "a node that its parent names is there"
    node = bytearray(encoded or _EMPTY_NODE)
    leaf_bits, inner_bits = _BITMAPS.unpack_from(node)
    while start < stop:
        branch = items[start][0][depth]
        end = start + 1
        while end < stop and items[end][0][depth] == branch:
            end += 1
        bit = 1 << branch
        below = bit - 1
        hashes_before = ((leaf_bits | inner_bits) & below).bit_count() + (leaf_bits & below).bit_count()
        position = _BITMAPS_BYTES + HASH_BYTES * hashes_before
        if inner_bits & bit:
            size = HASH_BYTES
            slot = _update(source, nodes, items, start, end, depth + 1)
        else:
            size = _LEAF_BYTES if leaf_bits & bit else 0
            slot = _plant(nodes, bytes(node[position : position + size]), items[start:end], depth + 1)
        node[position : position + size] = slot
        if len(slot) != size:
            leaf_bits = leaf_bits | bit if len(slot) == _LEAF_BYTES else leaf_bits & ~bit
            inner_bits = inner_bits | bit if len(slot) == HASH_BYTES else inner_bits & ~bit
        start = end
    if depth and not inner_bits and not leaf_bits & (leaf_bits - 1):
        # Fewer than two leaves are left below, so the node goes away and its leaf moves up.
        nodes[path] = None
        return bytes(node[_BITMAPS_BYTES:])
    _BITMAPS.pack_into(node, 0, leaf_bits, inner_bits)
    nodes[path] = changed = bytes(node)
    return _node_hash(changed)


def _plant(nodes: dict[Path, bytes | None], leaf: Slot, items: Sequence[Item], depth: int) -> Slot:
    """Return the slot of a branch that held ``leaf``, or nothing, after the items that all lie below it."""
    if len(items) == 1 and (not leaf or leaf[:HASH_BYTES] == items[0][1][:HASH_BYTES]):
        return items[0][1]
    leaves = {_digits(leaf[:HASH_BYTES]): leaf} if leaf else {}
    leaves.update(items)
    return _build(nodes, sorted((digits, leaf) for digits, leaf in leaves.items() if leaf), depth)


def _build(nodes: dict[Path, bytes | None], leaves: Sequence[Item], depth: int) -> Slot:
    """Return the slot of a branch with these leaves alone, writing the inner nodes that two or more of them need."""
    if len(leaves) < 2:
        return leaves[0][1] if leaves else b""
    path = leaves[0][0][:depth]
    leaf_bits = inner_bits = 0
    slots = []
    start = 0
    while start < len(leaves):
        branch = leaves[start][0][depth]
        end = start + 1
        while end < len(leaves) and leaves[end][0][depth] == branch:
            end += 1
        slots.append(_build(nodes, leaves[start:end], depth + 1))
        if end - start == 1:
            leaf_bits |= 1 << branch
        else:
            inner_bits |= 1 << branch
        start = end
    nodes[path] = encoded = _BITMAPS.pack(leaf_bits, inner_bits) + b"".join(slots)
    return _node_hash(encoded)


def _checked_slot(encoded: bytes, branch: int) -> Slot:
    """Return the slot of a branch of a node that comes from elsewhere; raises ProofError where it is no node."""
    leaf_bits, inner_bits = _BITMAPS.unpack_from(encoded) if len(encoded) >= _BITMAPS_BYTES else (0, 0)
    hashes = leaf_bits.bit_count() * 2 + inner_bits.bit_count()
    if len(encoded) != _BITMAPS_BYTES + HASH_BYTES * hashes or leaf_bits & inner_bits:
        raise ProofError("state_node", "the bytes are not a node of the state tree")
    bit = 1 << branch
    size = _LEAF_BYTES if leaf_bits & bit else HASH_BYTES if inner_bits & bit else 0
    below = bit - 1
    hashes_before = (leaf_bits & below).bit_count() * 2 + (inner_bits & below).bit_count()
    position = _BITMAPS_BYTES + HASH_BYTES * hashes_before
    return encoded[position : position + size]


def _digits(place: bytes) -> Path:
    """Return a hash as one byte, 0 to 15, for each of its hexadecimal digits."""
    return hexlify(place).translate(_DIGITS)


def _node_hash(encoded: bytes) -> bytes:
    return sha256(_NODE_DOMAIN + encoded).digest()
