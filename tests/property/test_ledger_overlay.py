"""The overlay against a plain dictionary that is copied before every transaction."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import Value, decode, encode
from ledger.hashing import ZERO_HASH
from ledger.state import Head, HistoryEntry, Overlay, head_key, next_chain, output_hash, record_hash, split_key

IDENTIFIERS = ["a", "aa", "b", "c"]
KINDS = ["item", "items"]
RECORD = b"\x01" * 32

keys = st.builds(head_key, st.sampled_from(KINDS), st.sampled_from(IDENTIFIERS)) | st.builds(
    head_key, st.sampled_from(KINDS), st.sampled_from(IDENTIFIERS), st.sampled_from(IDENTIFIERS)
)
heads: st.SearchStrategy[Head] = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 3))
steps = st.tuples(st.sampled_from(["put", "delete", "append"]), keys, heads)
transactions = st.lists(st.tuples(st.lists(steps, max_size=5), st.booleans()), max_size=6)


class Committed:
    """Committed heads in a dictionary."""

    def __init__(self, heads: Mapping[bytes, Head]) -> None:
        self.encoded = {key: encode(value) for key, value in heads.items()}

    def head(self, key: bytes) -> bytes | None:
        return self.encoded.get(key)

    def heads(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted(item for item in self.encoded.items() if item[0].startswith(prefix)))


class Twin:
    """The same, dumb: all heads in one dictionary, a copy of it to go back to."""

    def __init__(self, heads: Mapping[bytes, Head]) -> None:
        self.now = {key: dict(value) for key, value in heads.items()}
        self.saved = dict(self.now)
        self.history: list[HistoryEntry] = []
        self.history_saved: list[HistoryEntry] = []

    def do(self, name: str, key: bytes, head: Head) -> None:
        if name == "put":
            self.now[key] = dict(head)
        elif name == "delete":
            self.now.pop(key, None)
        else:
            before = self.now.get(key, {})
            count, chain = before.get("count", 0), before.get("chain", ZERO_HASH)
            assert isinstance(count, int)
            assert isinstance(chain, bytes)
            chain = next_chain(chain, RECORD, count + 1)
            self.now[key] = {**before, "count": count + 1, "chain": chain}
            self.history.append(HistoryEntry(key, count + 1, 1, 2))

    def end(self, keep: bool) -> None:
        if keep:
            self.saved, self.history_saved = dict(self.now), list(self.history)
        else:
            self.now, self.history = dict(self.saved), list(self.history_saved)


def do(overlay: Overlay, name: str, key: bytes, head: Head) -> None:
    if name == "put":
        overlay.put(key, head)
    elif name == "delete":
        overlay.delete(key)
    else:
        overlay.append(key, overlay.get(key) or {}, 1, 2)
        overlay.close(RECORD)


def assert_same(overlay: Overlay, twin: Twin) -> None:
    for kind in KINDS:
        for prefix in ((kind,), *((kind, identifier) for identifier in IDENTIFIERS)):
            start = head_key(*prefix) + b"\0"
            expected = [(split_key(key), twin.now[key]) for key in sorted(twin.now) if key.startswith(start)]
            assert list(overlay.scan(*prefix)) == expected
        for identifier in IDENTIFIERS:
            assert overlay.get(head_key(kind, identifier)) == twin.now.get(head_key(kind, identifier))


@given(st.dictionaries(keys, heads, max_size=6), transactions)
def test_the_overlay_does_what_a_dictionary_does(
    committed: dict[bytes, Head], story: list[tuple[list[tuple[str, bytes, Head]], bool]]
) -> None:
    overlay, twin = Overlay(Committed(committed)), Twin(committed)
    for transaction, keep in story:
        for name, key, head in transaction:
            do(overlay, name, key, head)
            twin.do(name, key, head)
        assert_same(overlay, twin)
        if keep:
            overlay.settle()
        else:
            overlay.undo()
        twin.end(keep)
        assert_same(overlay, twin)
    before = {key: encode(value) for key, value in committed.items()}
    after = {key: encode(value) for key, value in twin.now.items()}
    differing = {key: after.get(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert overlay.changes() == differing
    assert list(overlay.history()) == twin.history


def test_a_head_comes_out_as_a_copy() -> None:
    overlay = Overlay(Committed({b"item\0a": {"list": [1]}}))
    head = overlay.get(b"item\0a")
    assert head is not None
    inner = head["list"]
    assert isinstance(inner, list)
    inner.append(2)
    assert overlay.get(b"item\0a") == {"list": [1]}


def test_a_head_goes_in_as_a_copy() -> None:
    overlay = Overlay(Committed({}))
    inner: list[Value] = [1]
    overlay.put(b"item\0a", {"list": inner})
    inner.append(2)
    assert overlay.get(b"item\0a") == {"list": [1]}


def test_a_scan_shows_what_was_there_when_it_was_asked_for() -> None:
    overlay = Overlay(Committed({b"item\0a": {}}))
    found = overlay.scan("item")
    overlay.put(b"item\0b", {})
    overlay.delete(b"item\0a")
    assert list(found) == [(("item", "a"), {})]


def test_changes_while_a_transaction_runs_are_a_bug() -> None:
    overlay = Overlay(Committed({}))
    overlay.put(b"item\0a", {})
    with pytest.raises(AssertionError):
        overlay.changes()


def test_the_chain_depends_on_every_record_and_their_order() -> None:
    """Recomputed from the description: H(domain, chain before, record hash, count in eight bytes)."""
    overlay = Overlay(Committed({}))
    records = [record_hash(b"\x02" * 32, operation, 1, 0, 1_000, output_hash(b"\xc0")) for operation in (0, 1)]
    for operation, record in enumerate(records):
        overlay.append(b"item\0a", overlay.get(b"item\0a") or {}, 0, operation)
        overlay.close(record)
    first = next_chain(ZERO_HASH, records[0], 1)
    second = next_chain(first, records[1], 2)
    assert overlay.get(b"item\0a") == {"count": 2, "chain": second}
    assert second != next_chain(next_chain(ZERO_HASH, records[1], 1), records[0], 2)


def test_an_operation_is_recorded_once_however_often_it_touches_a_thing() -> None:
    overlay = Overlay(Committed({}))
    for value in range(3):
        head = overlay.get(b"item\0a") or {}
        head["value"] = value
        overlay.append(b"item\0a", head, 0, 0)
    assert overlay.get(b"item\0a") == {"value": 2, "count": 1, "chain": ZERO_HASH}
    assert [key for key, _ in overlay.scan("item")] == [("item", "a")]
    overlay.put(b"item\0a", {**(overlay.get(b"item\0a") or {}), "value": 3})
    overlay.close(RECORD)
    overlay.settle()
    assert overlay.history() == (HistoryEntry(b"item\0a", 1, 0, 0),)
    assert overlay.get(b"item\0a") == {"value": 3, "count": 1, "chain": next_chain(ZERO_HASH, RECORD, 1)}


def test_what_an_operation_recorded_is_gone_when_it_fails() -> None:
    overlay = Overlay(Committed({}))
    overlay.append(b"item\0a", {}, 0, 0)
    assert overlay.is_recording
    overlay.undo()
    assert (overlay.is_recording, overlay.get(b"item\0a"), overlay.history()) == (False, None, ())


def test_keys_keep_their_parts() -> None:
    assert head_key("item", "a", "é") == b"item\0a\0\xc3\xa9"
    assert split_key(head_key("item", "a", "é")) == ("item", "a", "é")
    assert decode(encode({"a": 1})) == {"a": 1}
    with pytest.raises(AssertionError):
        head_key("item", "a\0b")


def test_a_committed_head_is_read_once() -> None:
    source = Committed({b"item\0a": {"x": 1}})
    reads: list[bytes] = []

    def head(key: bytes) -> bytes | None:
        reads.append(key)
        return source.encoded.get(key)

    source.head = head  # type: ignore[method-assign]
    overlay = Overlay(source)
    for _ in range(3):
        assert overlay.get(b"item\0a") == {"x": 1}
        assert overlay.get(b"item\0b") is None
    overlay.put(b"item\0a", {"x": 2})
    overlay.put(b"item\0c", {"x": 3})
    overlay.settle()
    assert overlay.changes() == {b"item\0a": encode({"x": 2}), b"item\0c": encode({"x": 3})}
    assert reads == [b"item\0a", b"item\0b", b"item\0c"]
