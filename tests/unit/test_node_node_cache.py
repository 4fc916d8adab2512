"""The cache of the tree's upper levels: what it keeps, and that no reader can put an old node into it."""

from node.storage.node_cache import NodeCache


class Rows(dict[bytes, bytes]):
    """Nodes that count how often they are read."""

    reads = 0

    def load(self, path: bytes) -> bytes | None:
        self.reads += 1
        return self.get(path)


def test_a_node_is_loaded_once_and_those_below_the_kept_levels_each_time() -> None:
    rows = Rows({b"": b"root", b"\1": b"one", b"\1\2": b"two"})
    cache = NodeCache(levels=2)
    for _ in range(3):
        assert [cache.node(path, rows.load) for path in (b"", b"\1", b"\1\2")] == [b"root", b"one", b"two"]
    assert rows.reads == 2 + 3
    assert len(cache) == 2


def test_a_path_without_a_node_is_not_kept() -> None:
    rows = Rows()
    cache = NodeCache()
    assert cache.node(b"\5", rows.load) is None
    rows[b"\5"] = b"there now"
    assert cache.node(b"\5", rows.load) == b"there now"


def test_no_levels_keep_nothing() -> None:
    rows = Rows({b"": b"root"})
    cache = NodeCache(levels=0)
    cache.renew({b"": b"root"})
    assert [cache.node(b"", rows.load), cache.node(b"", rows.load)] == [b"root", b"root"]
    assert (rows.reads, len(cache)) == (2, 0)


def test_a_block_changes_what_is_kept() -> None:
    rows = Rows({b"": b"root", b"\1": b"one"})
    cache = NodeCache(levels=2)
    assert cache.node(b"\1", rows.load) == b"one"
    cache.renew({b"": b"root 2", b"\1": None, b"\2": b"two", b"\2\3": b"deep"})
    assert cache.node(b"", rows.load) == b"root 2"
    assert cache.node(b"\2", rows.load) == b"two"
    assert rows.reads == 1
    assert len(cache) == 2


def test_a_reader_that_a_block_overtakes_leaves_no_old_node_behind() -> None:
    rows = Rows({b"\1": b"old"})
    cache = NodeCache()

    def overtaken(path: bytes) -> bytes | None:
        old = rows[path]
        rows[path] = b"new"
        cache.renew({path: b"new"})
        return old

    assert cache.node(b"\1", overtaken) == b"old"
    assert cache.node(b"\1", rows.load) == b"new"
    rows[b"\2"] = b"old"

    def overtaken_by_its_removal(path: bytes) -> bytes | None:
        cache.renew({path: None})
        return rows.pop(path)

    assert cache.node(b"\2", overtaken_by_its_removal) == b"old"
    assert cache.node(b"\2", rows.load) is None
