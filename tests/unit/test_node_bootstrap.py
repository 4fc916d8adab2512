"""Snapshots: what is fetched is the same ledger, and each lie of the giving side is caught by its rule."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.codec import Value
from ledger.transaction import Operation
from node.bootstrap.backfill import broken_history, fill_back
from node.bootstrap.driver import peers_to_ask
from node.bootstrap.fetch import Fetched, fetch_snapshot
from node.bootstrap.headers import BootstrapError, CertifiedHeader
from node.bootstrap.serving import snapshot_answers
from node.bootstrap.snapshots import SNAPSHOTS_MAX, Snapshots
from node.bootstrap.wire import RowKind, Tip, decode_headers, decode_rows, decode_tip, encode_rows_question
from node.config import PeerConfig
from node.network.asking import PeerError
from node.network.wire import decode_batch, encode_range
from node.storage.store import Store
from tests.support.running_node import RunningNode, running_node

Rows = list[tuple[bytes, bytes]]


class GivingPeer:
    """The giving side without a wire between; ``lie`` may change what it says."""

    def __init__(self, store: Store) -> None:
        self.config = PeerConfig(b"\1" * 32, "http://peer")
        self.clock_ms = 0
        self.snapshots = Snapshots(store, lambda: self.clock_ms)
        self._answers = snapshot_answers(store, self.snapshots)
        self.lie_rows: Callable[[RowKind, Rows], Rows] = lambda _, rows: rows
        self.lie_headers: Callable[[list[CertifiedHeader]], list[CertifiedHeader]] = lambda entries: entries
        self.lie_bodies: Callable[[list[bytes]], list[bytes]] = lambda rows: rows

    async def tip(self) -> Tip:
        return decode_tip(self._answer("tip", b""))

    async def take_snapshot(self) -> object:
        header = self.snapshots.take()
        if header is None:
            raise PeerError("no snapshot")
        return header

    async def rows(self, height: int, kind: RowKind, after: bytes | None) -> Rows:
        return self.lie_rows(
            kind, decode_rows(self._answer("snapshot/rows", encode_rows_question(height, kind, after)))
        )

    async def headers(self, first: int, last: int) -> list[CertifiedHeader]:
        return self.lie_headers(decode_headers(self._answer("headers", encode_range(first, last))))

    async def bodies(self, first: int, last: int) -> list[bytes]:
        return self.lie_bodies(decode_batch(self._answer("bodies", encode_range(first, last))))

    def _answer(self, path: str, body: bytes) -> bytes:
        found = self._answers[path](body)
        if found is None:
            raise PeerError(path)
        return found


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with some blocks: accounts, an issue, payments, so heads with and without histories."""
    with running_node(tmp_path_factory.mktemp("node")) as running:
        for number in range(3):
            running.commit("maker", Operation("settlement.open_account", {"id": f"maker/{number}", "currency": "USD"}))
        issue: dict[str, Value] = {"id": b"i" * 16, "account": "maker/0", "amount": 1_000}
        running.commit("warehouse", Operation("settlement.issue", issue))
        for number in range(4):
            paid: dict[str, Value] = {"id": bytes([number + 1]) * 16, "debit": "maker/0", "amount": 10}
            paid["credit"] = "maker/1"
            running.commit("maker", Operation("settlement.transfer", paid))
        yield running


@pytest.fixture
def peer(node: RunningNode) -> GivingPeer:
    return GivingPeer(node.node.store)


def fetch(node: RunningNode, peer: GivingPeer, directory: Path) -> Fetched:
    return asyncio.run(fetch_snapshot(directory, node.node.genesis, peer, lambda *_: None))  # type: ignore[arg-type]


def let_only_the_tip_be_needed(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no earlier block hold a transaction that could still be repeated."""
    parameters = replace(node.node.chain.parameters, transaction_validity_ms_max=0)
    monkeypatch.setattr("node.bootstrap.fetch.read_parameters", lambda _: parameters)


def all_rows(store: Store) -> dict[bytes, bytes]:
    values = store.pin()
    try:
        return dict(values.scan(b"a", b"z"))
    finally:
        values.close()


def test_a_fetched_ledger_is_row_for_row_the_one_that_was_given(
    node: RunningNode, peer: GivingPeer, tmp_path: Path
) -> None:
    fetched = fetch(node, peer, tmp_path / "ledger")
    store = Store.open(tmp_path / "ledger", node.node.chain.chain_id)
    assert fetched.tip == store.tip == node.node.store.tip
    # All blocks are younger than a transaction can be, so none may be missing.
    assert store.earliest_height == 0
    ours, theirs = all_rows(store), all_rows(node.node.store)
    ours.pop(b"mearliest")
    theirs.pop(b"mearliest", None)
    assert ours == theirs
    assert broken_history(store) is None
    store.close()


def test_a_peer_that_gives_few_bodies_at_once_is_asked_for_fewer(
    node: RunningNode, peer: GivingPeer, tmp_path: Path
) -> None:
    asked: list[int] = []

    def few(rows: list[bytes]) -> list[bytes]:
        asked.append(len(rows))
        return rows[:3]

    peer.lie_bodies = few
    fetch(node, peer, tmp_path / "ledger")
    blocks = node.node.store.tip.height
    assert asked[:3] == [blocks, blocks // 2, blocks // 4]
    assert len(asked) < blocks
    with closing(Store.open(tmp_path / "ledger", node.node.chain.chain_id)) as store:
        assert [store.encoded_body(height) for height in range(1, blocks + 1)] == [
            node.node.store.encoded_body(height) for height in range(1, blocks + 1)
        ]


def test_what_is_too_old_to_be_repeated_is_filled_back_later(
    node: RunningNode, peer: GivingPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_only_the_tip_be_needed(node, monkeypatch)
    fetch(node, peer, tmp_path / "ledger")
    store = Store.open(tmp_path / "ledger", node.node.chain.chain_id)
    assert store.earliest_height == store.tip.height, "only the tip was needed"
    notes: list[str] = []
    dropped: list[str] = []
    honest, peer.lie_bodies = peer.lie_bodies, lambda rows: [row[:-1] + b"?" for row in rows]
    other = GivingPeer(node.node.store)
    asyncio.run(fill_back(store, [peer, other], lambda: 0, notes.append, dropped.append))  # type: ignore[list-item]
    peer.lie_bodies = honest
    assert store.earliest_height == 0
    assert "cannot be used" in notes[0]
    assert dropped == ["body"] * len(notes)
    assert broken_history(store) is None
    ours, theirs = all_rows(store), all_rows(node.node.store)
    assert {key for key in theirs if key not in ours} == set()
    store.close()


def test_filling_back_stops_at_what_the_node_keeps(
    node: RunningNode, peer: GivingPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_only_the_tip_be_needed(node, monkeypatch)
    fetch(node, peer, tmp_path / "ledger")
    store = Store.open(tmp_path / "ledger", node.node.chain.chain_id)
    asyncio.run(fill_back(store, [peer], lambda: 4, lambda _: None, lambda _: None))  # type: ignore[list-item]
    assert store.earliest_height == 4
    store.close()


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_wrong_index_of_histories_is_found(
    node: RunningNode, peer: GivingPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_whole: bool
) -> None:
    def swap(kind: RowKind, rows: Rows) -> Rows:
        if kind is not RowKind.HISTORY or len(rows) < 2:
            return rows
        return [(key, rows[-1 - place][1]) for place, (key, _) in enumerate(rows)]

    peer.lie_rows = swap
    if is_whole:
        with pytest.raises(BootstrapError) as caught:
            fetch(node, peer, tmp_path / "ledger")
        assert caught.value.rule == "history"
        return
    let_only_the_tip_be_needed(node, monkeypatch)
    fetch(node, peer, tmp_path / "ledger")
    store = Store.open(tmp_path / "ledger", node.node.chain.chain_id)
    asyncio.run(fill_back(store, [peer], lambda: 0, lambda _: None, lambda _: None))  # type: ignore[list-item]
    assert broken_history(store) is not None
    store.close()


def tampered(kind: RowKind, change: Callable[[Rows], Rows]) -> Callable[[GivingPeer], None]:
    def apply(peer: GivingPeer) -> None:
        peer.lie_rows = lambda asked, rows: change(rows) if asked is kind and rows else rows

    return apply


def headers(change: Callable[[list[CertifiedHeader]], list[CertifiedHeader]]) -> Callable[[GivingPeer], None]:
    def apply(peer: GivingPeer) -> None:
        peer.lie_headers = change

    return apply


def bodies(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[GivingPeer], None]:
    def apply(peer: GivingPeer) -> None:
        peer.lie_bodies = change

    return apply


def with_last(entries: list[CertifiedHeader], **changes: object) -> list[CertifiedHeader]:
    last = entries[-1]
    return [*entries[:-1], replace(last, header=replace(last.header, **changes))]  # type: ignore[arg-type]


def certified(entry: CertifiedHeader, **changes: object) -> CertifiedHeader:
    return replace(entry, certificate=replace(entry.certificate, **changes))  # type: ignore[arg-type]


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


LIES = {
    "a header is left out": ("parent", headers(lambda entries: entries[1:])),
    "a header of another chain": ("chain_id", headers(lambda entries: with_last(entries, chain_id=b"x" * 32))),
    "other validators": ("validators_hash", headers(lambda entries: with_last(entries, validators_hash=b"x" * 32))),
    "a changed state root": (
        "certificate_of_another_block",
        headers(lambda entries: with_last(entries, state_root=b"x" * 32)),
    ),
    "a certificate without signers": (
        "certificate_no_quorum",
        headers(lambda entries: [certified(entry, signers=(), signatures=()) for entry in entries]),
    ),
    "a wrong signature": (
        "certificate_bad_signature",
        headers(lambda entries: [certified(entry, signatures=(bytes(64),)) for entry in entries]),
    ),
    "no headers at all": ("headers_missing", headers(lambda _: [])),
    "a changed node": ("node", tampered(RowKind.NODES, lambda rows: [(path, flip(node)) for path, node in rows])),
    "a node is left out": ("node_order", tampered(RowKind.NODES, lambda rows: rows[:1] + rows[2:])),
    "no nodes": ("node_missing", tampered(RowKind.NODES, lambda _: [])),
    "a changed head": ("head_value", tampered(RowKind.HEADS, lambda rows: [(key, flip(head)) for key, head in rows])),
    "an invented head": ("head_value", tampered(RowKind.HEADS, lambda rows: [(b"a", b"\x80"), *rows])),
    "a head is left out": (
        "head_missing",
        tampered(RowKind.HEADS, lambda rows: [row for row in rows if not row[0].startswith(b"account")]),
    ),
    "a head twice": ("head_order", tampered(RowKind.HEADS, lambda rows: [rows[0], *rows])),
    "no transactions": ("body_missing", bodies(lambda _: [])),
    "changed transactions": ("body", bodies(lambda rows: [flip(row) for row in rows])),
}


@pytest.mark.parametrize("what", LIES)
def test_each_lie_of_the_giving_side_is_caught_by_its_rule(
    what: str, node: RunningNode, peer: GivingPeer, tmp_path: Path
) -> None:
    rule, tell = LIES[what]
    tell(peer)
    with pytest.raises(BootstrapError) as caught:
        fetch(node, peer, tmp_path / "ledger")
    assert caught.value.rule == rule


def test_snapshots_are_few_and_let_go_when_nobody_asks(node: RunningNode) -> None:
    peer = GivingPeer(node.node.store)
    first = peer.snapshots.take()
    assert first == peer.snapshots.take() == node.node.store.tip
    assert first is not None
    heights = {first.height}
    for number in range(SNAPSHOTS_MAX + 1):
        node.commit("maker", Operation("settlement.open_account", {"id": f"maker/s{number}", "currency": "USD"}))
        taken = peer.snapshots.take()
        assert taken is not None
        heights.add(taken.height)
    assert len(heights) == SNAPSHOTS_MAX
    assert peer.snapshots.rows(first.height, RowKind.HEADS, None)
    peer.clock_ms += 1_000_000
    peer.snapshots.let_go()
    assert peer.snapshots.rows(first.height, RowKind.HEADS, None) is None


def test_a_held_snapshot_stays_as_it_was_while_blocks_go_on(node: RunningNode, tmp_path: Path) -> None:
    peer = GivingPeer(node.node.store)
    before = peer.snapshots.take()

    def go_on(kind: RowKind, rows: Rows) -> Rows:
        if kind is RowKind.NODES and rows and node.node.store.tip == before:
            node.commit("maker", Operation("settlement.open_account", {"id": "maker/later", "currency": "USD"}))
        return rows

    peer.lie_rows = go_on
    fetched = fetch(node, peer, tmp_path / "ledger")
    assert fetched.tip == before != node.node.store.tip


class ClaimingPeer:
    def __init__(self, tip: Tip | None) -> None:
        self._tip = tip

    async def tip(self) -> Tip:
        if self._tip is None:
            raise PeerError("away")
        return self._tip


@pytest.mark.parametrize(
    ("claims", "own_height", "asked"),
    [
        pytest.param([(500, 0), (500, 0), (500, 0)], 480, [], id="near: blocks one by one"),
        pytest.param([(500, 0), (600, 0), (500, 0)], 100, [1, 0, 2], id="far behind: the furthest first"),
        pytest.param([(500, 490), (500, 495), (500, 490)], 480, [0, 1, 2], id="near, but nobody has the blocks"),
        pytest.param([(500, 490), (500, 0), (500, 490)], 480, [], id="near, and one archive has the blocks"),
        pytest.param([(1 << 50, 1 << 49), (500, 0), (500, 0)], 480, [], id="one alone is not believed"),
        pytest.param([None, (500, 0), None], 480, [], id="one that answers could be the liar"),
        pytest.param([(480, 0), (480, 0), (480, 0)], 480, [], id="nothing is missing"),
    ],
)
def test_a_snapshot_is_asked_for_where_blocks_would_not_do(
    node: RunningNode, claims: list[tuple[int, int] | None], own_height: int, asked: list[int]
) -> None:
    header = node.node.store.tip
    tips = [claim and Tip(replace(header, height=claim[0]), None, claim[1]) for claim in claims]
    peers = [ClaimingPeer(tip) for tip in tips]
    found = asyncio.run(peers_to_ask(peers, own_height, 50, 1))  # type: ignore[arg-type]
    assert [peers.index(peer) for peer in found] == asked  # type: ignore[arg-type]
