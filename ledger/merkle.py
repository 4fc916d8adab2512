"""Merkle trees as in RFC 6962 section 2.1: roots, inclusion paths and consistency paths.

Leaves and inner nodes hash under different prefixes and an odd tree splits at the largest power of two, so neither a
doubled last leaf (CVE-2012-2459) nor an inner node shown as a leaf (CVE-2017-12842) can pass. All values are plain
bytes; every hash is exactly 32 bytes.
"""

from collections.abc import Sequence
from hashlib import sha256

from ledger.hashing import HASH_BYTES


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's content."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two child hashes."""
    return sha256(b"\1" + left + right).digest()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the hashes of the tree, from those of the leaves' contents up to the root, which stands alone.

    The empty tree has the hash of nothing for its root.
    """
    if not leaves:
        return [[sha256(b"").digest()]]
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    built = [level]
    # Pairing neighbours and carrying an odd last node up unchanged builds the same tree as the RFC's recursion.
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
        built.append(level)
    return built


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree over the leaves' contents; the empty tree has the hash of nothing."""
    return levels(leaves)[-1][0]


def path_in(built: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """Return the sibling hashes from the leaf up, out of the ``levels`` of a tree; ``0 <= index < len(leaves)``."""
    assert 0 <= index < len(built[0]), "a path exists only for a leaf of the tree"
    path = []
    for level in built[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the sibling hashes from the leaf up. Requires ``0 <= index < len(leaves)``."""
    assert leaves, "a path exists only for a leaf of the tree"
    return path_in(levels(leaves), index)


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Say whether the leaf *hash* stands at ``index`` of a tree of ``size`` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes([leaf, expected_root, *path]):
        return False
    node, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node % 2 or node == last:
            current = node_hash(sibling, current)
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and current == expected_root


def consistency_path(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the first ``old_size`` leaves are a prefix (RFC 6962, 2.1.2); 0 < old_size <= size."""
    assert 0 < old_size <= len(leaves), "consistency is proven from a smaller, non-empty tree"
    return _subproof(leaves, old_size, is_complete=True)


def verify_consistency(old_size: int, size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Say whether the tree of ``old_size`` leaves is a prefix of the tree of ``size`` leaves (RFC 9162, 2.1.4.2)."""
    if not _are_hashes([old_root, new_root, *path]) or not 0 < old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == new_root
    # A tree whose size is a power of two is itself the first node of the path.
    nodes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    if not nodes:
        return False
    node, last = old_size - 1, size - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node % 2 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _subproof(leaves: Sequence[bytes], old_size: int, *, is_complete: bool) -> list[bytes]:
    size = len(leaves)
    if old_size == size:
        return [] if is_complete else [root(leaves)]
    split = 1 << ((size - 1).bit_length() - 1)
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, is_complete=is_complete), root(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, is_complete=False), root(leaves[:split])]


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
