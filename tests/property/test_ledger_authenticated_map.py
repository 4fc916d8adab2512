"""The tree of heads against a dumb twin that builds the whole tree anew from its content."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.authenticated_map import empty_root, key_hash, plan_update, prove, value_hash, verify
from ledger.errors import ProofError

Nodes = dict[bytes, bytes]

# Keys whose hashes share their first two to four nibbles, so that small trees are deep: found by trying numbers.
CLOSE = [
    key
    for key in (b"%d" % number for number in range(30_000))
    if hashlib.sha256(b"tradelane/key/v1\0" + key).digest()[0] == 0xAB
][:60]
KEYS = [b"%d" % number for number in range(40)] + CLOSE
keys = st.sampled_from(KEYS)
batches = st.lists(st.dictionaries(keys, st.none() | st.binary(max_size=3), max_size=25), min_size=1, max_size=6)
contents = st.dictionaries(keys, st.binary(max_size=3), max_size=60)


def twin(content: Mapping[bytes, bytes]) -> tuple[bytes, Nodes]:
    """Return the root and all nodes of the tree over some content, built from the format's description alone."""
    nodes: Nodes = {}
    leaves = [
        (
            hashlib.sha256(b"tradelane/key/v1\0" + key).digest(),
            hashlib.sha256(b"tradelane/head/v1\0" + value).digest(),
        )
        for key, value in content.items()
    ]
    return twin_node(nodes, leaves, ""), nodes


def twin_node(nodes: Nodes, leaves: list[tuple[bytes, bytes]], prefix: str) -> bytes:
    leaf_bits = inner_bits = 0
    slots = b""
    for branch in range(16):
        below_prefix = prefix + f"{branch:x}"
        below = [leaf for leaf in leaves if leaf[0].hex().startswith(below_prefix)]
        if len(below) == 1:
            leaf_bits += 2**branch
            slots += b"".join(below[0])
        elif below:
            inner_bits += 2**branch
            slots += twin_node(nodes, below, below_prefix)
    encoded = leaf_bits.to_bytes(2, "big") + inner_bits.to_bytes(2, "big") + slots
    nodes[bytes(int(digit, 16) for digit in prefix)] = encoded
    return hashlib.sha256(b"tradelane/node/v1\0" + encoded).digest()


def apply(nodes: Nodes, changes: Mapping[bytes, bytes | None]) -> bytes:
    plan = plan_update(nodes.get, changes)
    for path, encoded in plan.nodes.items():
        if encoded is None:
            nodes.pop(path, None)
        else:
            nodes[path] = encoded
    return plan.root


def build(content: Mapping[bytes, bytes]) -> tuple[bytes, Nodes]:
    nodes: Nodes = {}
    return apply(nodes, dict(content)), nodes


def test_the_close_keys_make_deep_trees() -> None:
    assert len(CLOSE) == 60
    assert max(len(path) for path in build(dict.fromkeys(CLOSE, b""))[1]) >= 3


def test_the_empty_tree() -> None:
    assert twin({}) == (empty_root(), {b"": bytes(4)})
    assert build({}) == twin({})
    assert verify(empty_root(), b"any", prove(lambda _: None, b"any")) is None


@given(batches)
@settings(max_examples=200)
def test_after_every_batch_the_tree_is_the_one_built_from_its_content(
    changes: list[dict[bytes, bytes | None]],
) -> None:
    """History independence, and no stale node: what is stored is exactly what a fresh build stores."""
    content: dict[bytes, bytes] = {}
    nodes: Nodes = {}
    for batch in changes:
        root = apply(nodes, batch)
        for key, value in batch.items():
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
        assert (root, nodes) == twin(content)


@given(contents)
def test_removing_everything_leaves_the_empty_tree(content: dict[bytes, bytes]) -> None:
    _, nodes = build(content)
    assert apply(nodes, dict.fromkeys(content)) == empty_root()
    assert nodes == {b"": bytes(4)}


@given(contents, keys)
def test_removing_an_absent_key_changes_nothing(content: dict[bytes, bytes], key: bytes) -> None:
    content.pop(key, None)
    root, nodes = build(content)
    before = dict(nodes)
    assert apply(nodes, {key: None}) == root
    assert nodes == before


@given(contents)
def test_proofs_of_membership_and_of_absence_verify(content: dict[bytes, bytes]) -> None:
    root, nodes = build(content)
    for key in KEYS:
        expected = value_hash(content[key]) if key in content else None
        assert verify(root, key, prove(nodes.get, key)) == expected


@given(st.dictionaries(keys, st.binary(max_size=3), min_size=2, max_size=40), keys, st.data())
def test_a_proof_for_one_key_says_nothing_false_about_another(
    content: dict[bytes, bytes], key: bytes, data: st.DataObject
) -> None:
    root, nodes = build(content)
    other = data.draw(keys)
    try:
        verdict = verify(root, other, prove(nodes.get, key))
    except ProofError:
        return
    assert verdict == (value_hash(content[other]) if other in content else None)


@pytest.mark.parametrize("key", [b"3", CLOSE[0], b"absent", b"absent 2"])
def test_every_flipped_byte_of_a_proof_is_refused(key: bytes) -> None:
    root, nodes = build({key: b"value of " + key for key in KEYS})
    proof = prove(nodes.get, key)
    for place, encoded in enumerate(proof):
        for position in range(len(encoded)):
            for bit in (1, 0x80):
                changed = encoded[:position] + bytes([encoded[position] ^ bit]) + encoded[position + 1 :]
                with pytest.raises(ProofError) as refusal:
                    verify(root, key, [*proof[:place], changed, *proof[place + 1 :]])
                assert refusal.value.code == "state_path"


@pytest.mark.parametrize("key", [b"3", CLOSE[0], b"absent 0"])
def test_a_longer_shorter_or_reordered_proof_is_refused(key: bytes) -> None:
    root, nodes = build({key: b"value of " + key for key in KEYS})
    proof = list(prove(nodes.get, key))
    assert len(proof) >= 2
    bad = [[], proof[:-1], proof[1:], [*proof, proof[-1]], [*proof, bytes(4)], proof[::-1], [proof[0], *proof]]
    for nodes_of_proof in bad:
        with pytest.raises(ProofError) as refusal:
            verify(root, key, nodes_of_proof)
        assert refusal.value.code == "state_path"


@pytest.mark.parametrize("encoded", [b"", bytes(3), bytes(5), b"\x00\x01\x00\x01" + bytes(96), b"\x80\x00\x00\x00"])
def test_bytes_that_are_no_node_are_refused_even_under_their_own_hash(encoded: bytes) -> None:
    root = hashlib.sha256(b"tradelane/node/v1\0" + encoded).digest()
    with pytest.raises(ProofError) as refusal:
        verify(root, b"key", [encoded])
    assert refusal.value.code == "state_node"


def test_a_proof_deeper_than_a_key_is_refused() -> None:
    """A chain of nodes, each with the next below every branch, must end before the key's hash does."""
    encoded = bytes(4)
    proof = [encoded]
    for _ in range(70):
        below = hashlib.sha256(b"tradelane/node/v1\0" + proof[0]).digest()
        proof.insert(0, b"\0\0\xff\xff" + below * 16)
    root = hashlib.sha256(b"tradelane/node/v1\0" + proof[0]).digest()
    with pytest.raises(ProofError) as refusal:
        verify(root, b"key", proof)
    assert refusal.value.code == "state_path"


def test_key_and_value_hashes_have_domains_of_their_own() -> None:
    assert key_hash(b"a") == hashlib.sha256(b"tradelane/key/v1\0a").digest()
    assert value_hash(b"a") == hashlib.sha256(b"tradelane/head/v1\0a").digest()
