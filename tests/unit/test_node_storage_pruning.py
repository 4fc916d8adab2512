"""Pruning: what goes and what stays, that the disk comes back, and what a pruned node answers."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.codec import Value
from ledger.transaction import Operation
from node.chain import Chain
from node.home import Home, open_home
from node.pruning import Pruner
from node.setup import Network
from node.storage.check import check_ledger
from node.storage.database import Database
from node.storage.errors import DamagedError, PrunedError
from node.storage.rows import Position
from node.storage.space import DiskSpace
from node.storage.store import Store
from tests.support.blocks import CHAIN_ID, genesis_write, next_write
from tests.support.running_node import RunningNode, running_node
from tests.support.solo_home import BLOCK_MS, add_block, solo_network

BLOCKS = 100
RETAINED = 20
# A transaction of these blocks is valid for 60 s, a block comes every second: 60 blocks must know their ids.
VALID_BLOCKS = 60_000 // BLOCK_MS


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    made = solo_network(tmp_path_factory.mktemp("pruning") / "network")
    with closing(open_home(made.home(made.nodes[0]))) as home:
        for _ in range(BLOCKS):
            add_block(home, made)
    return made


@pytest.fixture
def home(network: Network, tmp_path: Path) -> Iterator[Home]:
    copy = Path(shutil.copytree(network.home(network.nodes[0]), tmp_path / "home"))
    with closing(open_home(copy)) as opened:
        yield opened


def prune(store: Store, retained: int) -> Pruner:
    pruner = Pruner(store, retained)
    while pruner.step():
        pass
    return pruner


def test_nothing_goes_that_could_be_repeated(home: Home, network: Network) -> None:
    store = home.store
    ids = {}
    for height in range(1, BLOCKS + 1):
        block = store.block(height)
        assert block is not None
        ids[height] = block.transactions[0].transaction_id
    prune(store, RETAINED)
    # Asked for were the last 20; the ids of 60 seconds must be known, so the last 60 are kept.
    assert store.earliest_height == BLOCKS - VALID_BLOCKS
    known = {height for height, identifier in ids.items() if store.transaction_position(identifier) is not None}
    assert known == set(range(BLOCKS - VALID_BLOCKS, BLOCKS + 1))
    # A block later, one more may go.
    add_block(home, network)
    prune(store, RETAINED)
    assert store.earliest_height == BLOCKS - VALID_BLOCKS + 1


def test_what_is_pruned_is_named_and_the_rest_is_as_it_was(home: Home) -> None:
    store = home.store
    last = store.block(BLOCKS)
    state = dict(store.heads(b""))
    prune(store, RETAINED)
    earliest = store.earliest_height
    assert store.block(BLOCKS) == last
    assert dict(store.heads(b"")) == state
    for height in range(BLOCKS + 1):
        header = store.header(height)
        assert header is not None
        assert header.height == height
        assert (store.certificate(height) is None) == (height == 0)
        if height < earliest:
            with pytest.raises(PrunedError, match=f"block {height} was pruned here, the earliest is that of block 40"):
                store.block(height)
            with pytest.raises(PrunedError):
                store.committed(height, 0)
            with pytest.raises(PrunedError):
                store.encoded_block(height)
    assert store.block(BLOCKS + 1) is None
    assert check_ledger(store, lambda *_: None) == []


def test_a_pruned_ledger_opens_and_goes_on(home: Home, network: Network) -> None:
    directory, chain_id = home.config.home, home.genesis.chain_id
    prune(home.store, RETAINED)
    earliest = home.store.earliest_height
    home.close()
    with closing(Store.open(directory / "ledger", chain_id)) as store:
        assert store.earliest_height == earliest
        assert store.tip.height == BLOCKS
    with closing(open_home(directory)) as again:
        add_block(again, network)
        assert Chain(again.store).tip.height == BLOCKS + 1


def test_a_kept_body_that_is_missing_is_still_damage(home: Home) -> None:
    directory, chain_id = home.config.home, home.genesis.chain_id
    prune(home.store, RETAINED)
    home.close()
    with closing(Database(directory / "ledger")) as database:
        database.write({b"b" + (50).to_bytes(8, "big"): None})
    with pytest.raises(DamagedError, match="transactions of block 50 are missing; it cannot read block 50"):
        Store.open(directory / "ledger", chain_id)


def test_a_step_is_bounded_and_nothing_is_pruned_without_being_asked(home: Home) -> None:
    store = home.store
    assert Pruner(store, 0).step() == 0
    assert Pruner(store, BLOCKS + 1).step() == 0
    pruner = Pruner(store, RETAINED)
    assert [pruner.step() for _ in range(6)] == [10, 10, 10, 10, 0, 0]
    assert store.prune(BLOCKS, heights_max=10, transactions_max=10) == 0


def test_events_go_with_their_block_and_histories_stay(tmp_path: Path) -> None:
    with closing(Store.create(tmp_path / "ledger", genesis_write())) as store:
        for _ in range(60):
            store.write_block(next_write(store))
        # These transactions are valid until 9 s after their block, which stands at its height in milliseconds.
        object.__setattr__(store.tip, "time_ms", 20_000)
        prune(store, 10)
        assert store.earliest_height == 51
        assert next(iter(store.events())) == Position(51, 0, 0)
        assert len(list(store.events())) == 10
        assert [position.height for position in store.history(b"item\x002")] == list(range(2, 61, 5))


def test_the_disk_gets_its_room_back(tmp_path: Path) -> None:
    directory = tmp_path / "ledger"
    with closing(Store.create(directory, genesis_write())) as store:
        for number in range(1_200):
            store.write_block(next_write(store, payload=hashlib.shake_256(b"%d" % number).digest(10_000)))
    with closing(Store.open(directory, CHAIN_ID)) as store:
        object.__setattr__(store.tip, "time_ms", 1_000_000)
        bodies = sum(len(store.encoded_body(height) or b"") for height in range(1_101))
        before = size_bytes(directory)
        pruner = Pruner(store, 100)
        while pruner.step():
            pass
        room_waiting = [pruner.is_room_waiting]
        pruner.give_back()
        room_waiting.append(pruner.is_room_waiting)
        assert room_waiting == [True, False]
        assert store.earliest_height == 1_101
    with closing(Store.open(directory, CHAIN_ID)) as store:
        assert store.tip.height == 1_200
        after = size_bytes(directory)
    assert bodies > 11_000_000
    assert before - after > 0.9 * bodies


def size_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in (directory / "leveldb").iterdir())


# What a pruned node answers


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with running_node(tmp_path) as running:
        for number in range(6):
            running.commit("maker", Operation("settlement.open_account", {"id": f"maker/{number}", "currency": "USD"}))
        issue: dict[str, Value] = {"id": b"i" * 16, "account": "maker/0", "amount": 1_000}
        running.commit("warehouse", Operation("settlement.issue", issue))
        tip = running.node.store.tip
        object.__setattr__(tip, "time_ms", tip.time_ms + 10_000_000)
        running.node.store.prune(5, heights_max=100, transactions_max=100)
        object.__setattr__(tip, "time_ms", tip.time_ms - 10_000_000)
        yield running


def test_a_pruned_node_says_what_it_no_longer_has_and_from_where_it_has_all(node: RunningNode) -> None:
    assert node.json("/v1/status")["earliest_height"] == 5
    answer = node.get("/v1/blocks/4")
    assert answer.status_code == 410
    problem = answer.json()
    assert problem["code"] == "block.pruned"
    assert problem["earliest_height"] == 5
    assert "block 4 was pruned here, the earliest is that of block 5; ask a node that keeps all" in problem["detail"]
    assert node.json("/v1/blocks/5")["height"] == 5
    assert node.json("/v1/accounts/maker%2F0")["id"] == "maker/0"
    assert "tradelane_earliest_height 5.0" in node.get("/metrics").text


@pytest.mark.fault(26)
def test_a_block_that_cannot_be_read_is_not_served_and_the_answer_says_so(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Database.get

    def damaged(self: Database, key: bytes) -> bytes | None:
        if key == b"b" + (6).to_bytes(8, "big"):
            raise DamagedError("reading row b of block 6 of /secret/place failed: Corruption")
        return read(self, key)

    monkeypatch.setattr(Database, "get", damaged)
    answer = node.get("/v1/blocks/6")
    assert answer.status_code == 503
    assert answer.json()["code"] == "node.disk_damaged"
    # What is wrong with which file is the operator's matter.
    assert "secret" not in answer.text
    assert node.json("/v1/blocks/7")["height"] == 7


@pytest.mark.fault(29)
def test_a_disk_that_is_nearly_full_takes_no_more_transactions(tmp_path: Path) -> None:
    free = {"bytes": 1 << 30}
    with running_node(tmp_path) as running:
        running.node.space = DiskSpace(tmp_path, lambda: 0, measure=lambda _: free["bytes"])
        open_account = Operation("settlement.open_account", {"id": "maker/x", "currency": "USD"})
        running.commit("maker", open_account)
        free["bytes"] = 200 << 20
        running.node.space = DiskSpace(tmp_path, lambda: 0, measure=lambda _: free["bytes"])
        refused = running.submit(running.transaction("maker", open_account))
        assert refused.status_code == 507
        assert refused.json()["code"] == "node.disk_full"
        assert refused.json()["detail"] == "the disk is nearly full: 200 MiB are free, 256 MiB are needed"
        ready = running.get("/readyz")
        assert ready.status_code == 503
        assert "200 MiB are free" in ready.text
        assert running.json("/v1/accounts/maker%2Fx")["id"] == "maker/x"


def test_the_disk_is_asked_every_five_seconds() -> None:
    clock = {"ms": 0}
    asked: list[int] = []

    def measure(_: Path) -> int:
        asked.append(clock["ms"])
        return 300 << 20

    space = DiskSpace(Path("/"), lambda: clock["ms"], measure=measure)
    for now_ms in (0, 4_999, 5_000, 9_999, 10_001):
        clock["ms"] = now_ms
        assert space.shortage() is None
    assert asked == [0, 5_000, 10_001]
    assert DiskSpace(Path("/"), lambda: 0, free_bytes_min=1 << 30, measure=measure).shortage() is not None
