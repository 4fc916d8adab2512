"""The store on a real disk: what it gives back. What damage does to it: test_node_storage_faults.py."""

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.authenticated_map import prove, value_hash, verify
from node.storage.database import Database
from node.storage.errors import AlreadyInitialisedError, DamagedError, LockedError, NotInitialisedError
from node.storage.rows import Position
from node.storage.store import BlockWrite, Store, StoredBlock
from tests.support.blocks import CHAIN_ID, genesis_write, next_write

BLOCKS = 60


def filled(directory: Path, blocks: int = BLOCKS) -> Store:
    store = Store.create(directory, genesis_write())
    for _ in range(blocks):
        store.write_block(next_write(store))
    return store


def test_everything_written_is_read_back_after_reopening(tmp_path: Path) -> None:
    store = filled(tmp_path / "ledger")
    tip, block = store.tip, store.block(7)
    store.close()
    store = Store.open(tmp_path / "ledger", CHAIN_ID)
    assert store.tip == tip
    assert tip.height == BLOCKS
    assert block is not None
    assert store.block(7) == block
    transaction = block.transactions[0]
    assert store.transaction_position(transaction.transaction_id) == (7, 0)
    assert store.transaction_position(b"\0" * 32) is None
    assert store.block(BLOCKS + 1) is None
    assert [position.height for position in store.history(b"item\x002")] == list(range(2, BLOCKS + 1, 5))
    assert next(iter(store.events())) == Position(1, 0, 0)
    assert next(iter(store.events(is_reverse=True))) == Position(BLOCKS, 0, 0)
    assert next(iter(store.events(Position(5, 0, 0)))) == Position(6, 0, 0)
    assert next(iter(store.events(Position(5, 0, 0), is_reverse=True))) == Position(4, 0, 0)
    assert [key for key, _ in store.heads(b"item\0")] == [*sorted(b"item\0%d" % n for n in range(5)), b"item\0first"]
    store.close()


def test_the_stored_tree_proves_the_stored_heads(tmp_path: Path) -> None:
    store = filled(tmp_path / "ledger")
    for key, head in store.heads(b"item\0"):
        assert verify(store.tip.state_root, key, prove(store.tree_node, key)) == value_hash(head)
    assert verify(store.tip.state_root, b"item\0none", prove(store.tree_node, b"item\0none")) is None
    store.close()


def test_a_height_is_written_once(tmp_path: Path) -> None:
    store = filled(tmp_path / "ledger", 3)
    block = store.block(3)
    assert block is not None
    assert store.write_block(BlockWrite(block, {}, {}, ())) is False
    other = next_write(store)
    store.write_block(next_write(store))
    header = replace(other.block.header, time_ms=99)
    with pytest.raises(DamagedError, match="two certified blocks at height 4"):
        store.write_block(BlockWrite(StoredBlock(header, None, (), ()), {}, {}, ()))
    store.close()


def test_a_directory_is_created_once_and_only_by_init(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        Store.open(tmp_path / "ledger", CHAIN_ID)
    assert not (tmp_path / "ledger").exists()
    store = filled(tmp_path / "ledger", 1)
    store.close()
    with pytest.raises(AlreadyInitialisedError):
        Store.create(tmp_path / "ledger", genesis_write())
    with pytest.raises(DamagedError, match="another chain"):
        Store.open(tmp_path / "ledger", b"\x08" * 32)


@pytest.mark.fault(31, 32)
def test_a_second_open_is_refused_in_the_same_process_and_the_first_stays_whole(tmp_path: Path) -> None:
    store = filled(tmp_path / "ledger", 5)
    with pytest.raises(LockedError):
        Store.open(tmp_path / "ledger", CHAIN_ID)
    # LevelDB itself would let go of its lock here; ours must hold against another process.
    refused = subprocess.run(
        [sys.executable, "-c", _OPEN, str(tmp_path / "ledger")], capture_output=True, text=True, check=False
    )
    assert "LockedError" in refused.stderr
    store.write_block(next_write(store))
    store.close()
    assert Store.open(tmp_path / "ledger", CHAIN_ID).tip.height == 6


_OPEN = """
import sys
from pathlib import Path
from node.storage.database import Database
Database(Path(sys.argv[1]))
"""

_WRITE_FOR_EVER = """
import sys
from pathlib import Path
from node.storage.store import Store
from tests.support.blocks import genesis_write, next_write
store = Store.create(Path(sys.argv[1]), genesis_write())
while True:
    store.write_block(next_write(store))
    print(store.tip.height, flush=True)
"""


@pytest.mark.fault(20)
def test_a_killed_writer_loses_no_block_that_it_reported(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITE_FOR_EVER, str(tmp_path / "ledger")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 50:
                break
        writer.send_signal(signal.SIGKILL)
        reported = [int(line) for line in writer.stdout if line.endswith("\n")]
    store = Store.open(tmp_path / "ledger", CHAIN_ID)
    assert store.tip.height >= max(reported, default=50)
    store.close()


def test_a_block_that_went_missing_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "ledger").close()
    database = Database(tmp_path / "ledger")
    database.write({b"h" + (17).to_bytes(8, "big"): None})
    database.close()
    with pytest.raises(DamagedError, match="block 17 is missing"):
        Store.open(tmp_path / "ledger", CHAIN_ID)


def test_a_body_that_went_missing_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "ledger").close()
    database = Database(tmp_path / "ledger")
    database.write({b"b" + (23).to_bytes(8, "big"): None})
    database.close()
    with pytest.raises(DamagedError, match="transactions of block 23"):
        Store.open(tmp_path / "ledger", CHAIN_ID)


def test_a_tip_that_lost_its_block_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "ledger").close()
    database = Database(tmp_path / "ledger")
    database.write({b"h" + BLOCKS.to_bytes(8, "big"): None})
    database.close()
    with pytest.raises(DamagedError, match=f"the tip is said to be block {BLOCKS}"):
        Store.open(tmp_path / "ledger", CHAIN_ID)


@pytest.mark.fault(21)
def test_every_batch_is_synced(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; this test counts fdatasync calls with it")
    trace = tmp_path / "trace"
    script = _WRITE_FOR_EVER.replace("while True:", "for _ in range(20):")
    subprocess.run(
        [
            strace,
            "-f",
            "-e",
            "trace=fdatasync,fsync",
            "-o",
            str(trace),
            sys.executable,
            "-c",
            script,
            str(tmp_path / "l"),
        ],
        check=True,
        capture_output=True,
    )
    assert trace.read_text().count("fdatasync(") >= 21


def test_one_transaction_is_read_as_it_stands_in_its_block(tmp_path: Path) -> None:
    with closing(Store.create(tmp_path, genesis_write())) as store:
        store.write_block(next_write(store))
        block = store.block(1)
        assert block is not None
        assert store.committed(1, 0) == (block.header, block.transactions[0], block.receipts[0])
        assert store.committed(1, 1) is None
        assert store.committed(2, 0) is None


def test_heads_go_on_after_a_key(tmp_path: Path) -> None:
    with closing(Store.create(tmp_path, genesis_write())) as store:
        for _ in range(4):
            store.write_block(next_write(store))
        keys = [key for key, _ in store.heads(b"item\0")]
        assert len(keys) == 5
        for place, key in enumerate(keys):
            assert [later for later, _ in store.heads(b"item\0", key)] == keys[place + 1 :]
