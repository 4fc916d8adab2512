"""The overlay that contracts run on, against a plain dictionary that is copied for every undo."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.codec import decode, encode
from ledger.state import KEY_SEPARATOR, Head, Overlay, head_key, split_key
from tests.support.contracts_world import World

parts = st.sampled_from(["a", "b"])
keys = st.lists(parts, min_size=1, max_size=3).map(lambda names: head_key(*names))
steps = st.lists(
    st.tuples(st.sampled_from(["put", "put", "delete", "settle", "undo"]), keys, st.integers(0, 3)), max_size=30
)


def twin_scan(heads: dict[bytes, Head], *identifiers: str) -> list[tuple[tuple[str, ...], Head]]:
    prefix = head_key(*identifiers) + KEY_SEPARATOR
    return [(split_key(key), heads[key]) for key in sorted(heads) if key.startswith(prefix)]


@settings(max_examples=300)
@given(st.dictionaries(keys, st.integers(0, 3), max_size=5), steps)
def test_reads_scans_and_changes_agree_with_a_dictionary(
    committed: dict[bytes, int], todo: list[tuple[str, bytes, int]]
) -> None:
    source = World()
    source.committed = {key: encode({"n": number}) for key, number in committed.items()}
    overlay = Overlay(source)
    settled: dict[bytes, Head] = {key: {"n": number} for key, number in committed.items()}
    running = dict(settled)
    for verb, key, number in todo:
        if verb == "put":
            overlay.put(key, {"n": number})
            running[key] = {"n": number}
        elif verb == "delete":
            overlay.delete(key)
            running.pop(key, None)
        elif verb == "settle":
            overlay.settle()
            settled = dict(running)
        else:
            overlay.undo()
            running = dict(settled)
        assert overlay.get(key) == running.get(key)
        for identifiers in (("a",), ("b",), ("a", "b"), ("b", "b")):
            assert list(overlay.scan(*identifiers)) == twin_scan(running, *identifiers)
    overlay.undo()
    changes = overlay.changes()
    assert {key: None if head is None else decode(head) for key, head in changes.items()} == {
        key: settled.get(key)
        for key in {*committed, *settled}
        if settled.get(key) != ({"n": committed[key]} if key in committed else None)
    }


acts = st.lists(st.tuples(st.sampled_from(["put", "delete", "append"]), keys, st.integers(0, 3)), max_size=8)


def act(overlay: Overlay, todo: list[tuple[str, bytes, int]]) -> None:
    """Do what the running operation does; what has a history stays."""
    for verb, key, number in todo:
        if verb == "append":
            overlay.append(key, {**(overlay.get(key) or {}), "n": number}, 0, 0)
        elif verb == "put":
            overlay.put(key, {**(overlay.get(key) or {}), "n": number})
        elif key not in overlay.recorded():
            overlay.delete(key)


@given(acts, acts, acts)
def test_what_is_rolled_back_leaves_nothing(
    before: list[tuple[str, bytes, int]], tried: list[tuple[str, bytes, int]], after: list[tuple[str, bytes, int]]
) -> None:
    overlay, twin = Overlay(World()), Overlay(World())
    act(overlay, before)
    act(twin, before)
    saved = overlay.savepoint()
    act(overlay, tried)
    overlay.roll_back(saved)
    assert overlay.recorded() == twin.recorded()
    act(overlay, after)
    act(twin, after)
    assert list(overlay.scan("a")) == list(twin.scan("a"))
    for one in (overlay, twin):
        one.close(b"r" * 32)
        one.settle()
    assert (overlay.changes(), overlay.history()) == (twin.changes(), twin.history())
