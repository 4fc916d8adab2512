"""Merkle trees against the recursion of RFC 6962 section 2.1, written down as it stands there."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle

TREES = [[b"leaf %d" % number for number in range(size)] for size in range(1, 34)]
trees = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def rfc_root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 0:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


def rfc_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*rfc_path(m, leaves[:k]), rfc_root(leaves[k:])]
    return [*rfc_path(m - k, leaves[k:]), rfc_root(leaves[:k])]


def rfc_subproof(m: int, leaves: Sequence[bytes], b: bool) -> list[bytes]:
    n = len(leaves)
    if m == n:
        return [] if b else [rfc_root(leaves)]
    k = largest_power_below(n)
    if m <= k:
        return [*rfc_subproof(m, leaves[:k], b), rfc_root(leaves[k:])]
    return [*rfc_subproof(m - k, leaves[k:], False), rfc_root(leaves[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@given(trees)
def test_roots_are_those_of_the_recursion(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == rfc_root(leaves)


@pytest.mark.parametrize("leaves", TREES, ids=len)
def test_every_inclusion_path_is_that_of_the_recursion_and_verifies(leaves: list[bytes]) -> None:
    size, root = len(leaves), rfc_root(leaves)
    for index, leaf in enumerate(leaves):
        path = merkle.inclusion_path(leaves, index)
        assert path == rfc_path(index, leaves)
        assert merkle.verify_inclusion(index, size, merkle.leaf_hash(leaf), path, root)
        for other in range(size + 1):
            if other != index:
                assert not merkle.verify_inclusion(other, size, merkle.leaf_hash(leaf), path, root)


@pytest.mark.parametrize("leaves", TREES, ids=len)
def test_every_consistency_path_is_that_of_the_recursion_and_verifies(leaves: list[bytes]) -> None:
    size, root = len(leaves), rfc_root(leaves)
    for old_size in range(1, size + 1):
        old_root = rfc_root(leaves[:old_size])
        path = merkle.consistency_path(leaves, old_size)
        assert path == rfc_subproof(old_size, leaves, True)
        assert merkle.verify_consistency(old_size, size, old_root, root, path)
        changed = rfc_root([*leaves[: old_size - 1], b"other"])
        assert not merkle.verify_consistency(old_size, size, changed, root, path)


@given(trees, st.data())
def test_a_changed_inclusion_proof_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    leaf, path, root = merkle.leaf_hash(leaves[index]), merkle.inclusion_path(leaves, index), rfc_root(leaves)
    parts = [leaf, root, *path]
    place = data.draw(st.integers(0, len(parts) - 1))
    flipped = bytearray(parts[place])
    flipped[data.draw(st.integers(0, 31))] ^= data.draw(st.integers(1, 255))
    parts[place] = bytes(flipped)
    assert merkle.verify_inclusion(index, len(leaves), leaf, path, root)
    assert not merkle.verify_inclusion(index, len(leaves), parts[0], parts[2:], parts[1])
    assert not merkle.verify_inclusion(index, len(leaves), leaf, [*path, root], root)
    assert not merkle.verify_inclusion(index, len(leaves), leaf[:31], path, root)


def test_a_doubled_last_leaf_changes_the_root() -> None:
    """CVE-2012-2459: trees that pair an odd node with itself give these two lists one root."""
    assert merkle.root([b"a", b"b", b"c"]) != merkle.root([b"a", b"b", b"c", b"c"])


def test_an_inner_node_cannot_stand_for_a_leaf() -> None:
    """CVE-2017-12842: without prefixes a leaf that spells two hashes would be an inner node."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.root([left + right]) != merkle.root([b"a", b"b"])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_path_for_no_leaf_is_a_bug_of_the_caller(index: int) -> None:
    with pytest.raises(AssertionError):
        merkle.inclusion_path([b"a", b"b", b"c"], index)
