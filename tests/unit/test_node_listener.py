"""The peers' listener: junk of any kind is dropped with a named reason and a counter, and changes nothing."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.codec import encode
from node.bootstrap.snapshots import Snapshots
from node.metrics import Metrics
from node.network.listener import build_listener
from node.network.wire import (
    BODY_BYTES_MAX,
    CHAIN_HEADER,
    decode_batch,
    decode_blocks,
    encode_batch,
    encode_range,
)
from node.storage.store import Store
from tests.support.blocks import CHAIN_ID, genesis_write, next_write

CHAIN = {CHAIN_HEADER: CHAIN_ID.hex()}


class Handler:
    """Keeps what comes through."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.transactions: list[bytes] = []

    def receive_messages(self, batch: Sequence[bytes]) -> None:
        self.messages += batch

    async def receive_transactions(self, batch: Sequence[bytes]) -> None:
        self.transactions += batch

    def waiting_transaction(self, transaction_id: bytes) -> bytes | None:
        return b"waiting" if transaction_id == b"w" * 32 else None


class Peer:
    """A listener over a store of five blocks, and a way to post to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.handler, self.metrics = store, Handler(), Metrics()
        snapshots = Snapshots(store, lambda: 0)
        self._application = build_listener(CHAIN_ID, store, self.handler, self.metrics, snapshots)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url="http://peer") as client:
                return await client.post(f"/p2p/{path}", content=body, headers=CHAIN if headers is None else headers)

        return asyncio.run(request())

    def junk(self, reason: str) -> float:
        return self.metrics.registry.get_sample_value("tradelane_peer_junk_total", {"reason": reason}) or 0.0


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    directory: Path = tmp_path_factory.mktemp("listener")
    store = Store.create(directory / "ledger", genesis_write())
    for _ in range(5):
        store.write_block(next_write(store))
    return Peer(store)


def test_messages_and_transactions_are_handed_over(peer: Peer) -> None:
    assert peer.post("messages", encode_batch([b"one", b"two"])).status_code == 204
    assert peer.post("transactions", encode_batch([b"three"])).status_code == 204
    assert peer.handler.messages[-2:] == [b"one", b"two"]
    assert peer.handler.transactions[-1:] == [b"three"]


def test_blocks_are_given_from_the_first_asked_for_to_the_tip(peer: Peer) -> None:
    blocks = decode_blocks(peer.post("blocks", encode_range(2, 99)).content)
    assert [block.header for block in blocks] == [peer.store.header(height) for height in range(2, 6)]
    assert decode_blocks(peer.post("blocks", encode_range(6, 99)).content) == []


def test_pruned_blocks_are_said_to_be_pruned(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "ledger", genesis_write())
    for _ in range(5):
        store.write_block(next_write(store))
    object.__setattr__(store.tip, "time_ms", 1_000_000)
    assert store.prune(4, heights_max=10, transactions_max=10) == 4
    pruned = Peer(store)
    answer = pruned.post("blocks", encode_range(2, 99))
    assert (answer.status_code, answer.text) == (410, "pruned")
    assert [block.header.height for block in decode_blocks(pruned.post("blocks", encode_range(4, 99)).content)] == [
        4,
        5,
    ]
    store.close()


def test_transactions_are_given_whether_they_wait_or_are_committed(peer: Peer) -> None:
    block = peer.store.block(3)
    assert block is not None
    committed = block.transactions[0]
    asked = encode_batch([b"w" * 32, committed.transaction_id, b"\0" * 32])
    assert decode_batch(peer.post("transactions/get", asked).content) == [b"waiting", committed.encoded]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        ("messages", encode_batch([]), {}, 409, "wrong_chain"),
        ("messages", encode_batch([]), {CHAIN_HEADER: "00" * 32}, 409, "wrong_chain"),
        ("messages", b"", {**CHAIN, "Content-Encoding": "gzip"}, 415, "content_encoding"),
        ("messages", bytes(BODY_BYTES_MAX + 1), CHAIN, 413, "too_large"),
        ("messages", b"\xc1", CHAIN, 400, "not_msgpack"),
        ("messages", encode({"a": 1}), CHAIN, 400, "field_type"),
        ("messages", encode([1]), CHAIN, 400, "field_type"),
        ("transactions", b"\xdc\x00\x00", CHAIN, 400, "not_canonical"),
        ("transactions/get", encode([b"short"]), CHAIN, 400, "field_type"),
        ("blocks", encode([0, 1]), CHAIN, 400, "field_type"),
        ("blocks", encode([5, 4]), CHAIN, 400, "field_type"),
        ("blocks", encode([1]), CHAIN, 400, "field_count"),
    ],
)
def test_junk_is_counted_by_its_reason(
    peer: Peer, path: str, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    before = peer.junk(reason)
    answer = peer.post(path, body, headers)
    assert (answer.status_code, answer.text) == (status, reason)
    assert peer.junk(reason) == before + 1


@settings(max_examples=200)
@given(path=st.sampled_from(["messages", "transactions", "transactions/get", "blocks"]), body=st.binary(max_size=200))
def test_no_body_makes_the_listener_fail(peer: Peer, path: str, body: bytes) -> None:
    assert peer.post(path, body).status_code in {200, 204, 400}
