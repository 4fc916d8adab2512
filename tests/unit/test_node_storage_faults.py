"""What a disk can do to the ledger, on the real LevelDB (faults 22 to 31 and 35): nothing damaged is ever served.

The ledger of these tests has 60 blocks, 40 of them in sorted tables and 20 in the log, so that both can be damaged.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import plyvel
import pytest

from node.storage.database import Database
from node.storage.errors import DamagedError, LockedError, StorageError
from node.storage.log_check import LogState, log_state
from node.storage.store import Store
from tests.support import damage
from tests.support.blocks import CHAIN_ID, genesis_write, next_write
from tests.support.shared_data import REPOSITORY

BLOCKS = 60


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("faults") / "ledger"
    with closing(Store.create(directory, genesis_write())) as store:
        for _ in range(40):
            store.write_block(next_write(store))
    # Opening moves the log into a table.
    with closing(Store.open(directory, CHAIN_ID)) as store:
        for _ in range(20):
            store.write_block(next_write(store))
    return directory


@pytest.fixture
def ledger(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home" / "ledger"))


def rows(directory: Path) -> dict[bytes, bytes]:
    with closing(Database(directory)) as database:
        return dict(database.scan(b"\0", b"\xff"))


def assert_what_opens_is_sound(directory: Path, original: dict[bytes, bytes]) -> int:
    """Open a ledger, read all of it, and return its height; what it gives is what was written, or an error."""
    with closing(Store.open(directory, CHAIN_ID)) as store:
        for height in range(store.tip.height + 1):
            block = store.block(height)
            assert block is not None
            assert original[b"h" + height.to_bytes(8, "big")].find(block.header.encoded) > 0
        for _ in store.heads(b"item\0"):
            pass
        return store.tip.height


@pytest.mark.parametrize(
    ("damaging", "said"),
    [
        pytest.param(damage.flip_bit_in_log, "blocks up to 5. can be read", marks=pytest.mark.fault(23)),
        pytest.param(damage.zero_page_of_log, "hole with whole records behind it", marks=pytest.mark.fault(23)),
        pytest.param(
            damage.delete_log, "has lost its log file.*; blocks up to 40 can be read", marks=pytest.mark.fault(24)
        ),
        pytest.param(damage.delete_current, "none of its blocks can be read", marks=pytest.mark.fault(25)),
        pytest.param(damage.delete_manifest, "none of its blocks can be read", marks=pytest.mark.fault(25)),
        pytest.param(damage.flip_bit_in_table, "it cannot read blocks 1 to ", marks=pytest.mark.fault(26)),
        pytest.param(damage.delete_table, r"missing files.*\.ldb", marks=pytest.mark.fault(28)),
    ],
)
def test_a_damaged_ledger_does_not_open_and_says_what_is_lost_and_what_to_do(
    ledger: Path, damaging: Callable[[Path], None], said: str
) -> None:
    damaging(ledger / "leveldb")
    files = {path.name: path.read_bytes() for path in (ledger / "leveldb").glob("0*")}
    with pytest.raises(DamagedError, match=said) as refused:
        Store.open(ledger, CHAIN_ID)
    assert f"Run `tradelane node repair --home {ledger.parent}`" in str(refused.value)
    # The tables are as they were: a refused start does not make repairing harder, and leaves nothing behind.
    assert all(
        (ledger / "leveldb" / name).read_bytes() == data for name, data in files.items() if name.endswith(".ldb")
    )
    assert [path.name for path in ledger.parent.iterdir()] == ["ledger"]


@pytest.mark.fault(22, 35)
def test_a_torn_last_record_loses_one_whole_block_or_none_wherever_it_is_torn(ledger: Path, tmp_path: Path) -> None:
    original = rows(Path(shutil.copytree(ledger, tmp_path / "read")))
    log = damage.largest(ledger / "leveldb", "*.log")
    data = log.read_bytes()
    start, end = damage.last_record(data)
    assert end == len(data)
    heights = []
    for cut in [*range(start, end, 293), end - 1, end]:
        torn = Path(shutil.copytree(ledger, tmp_path / "torn"))
        (torn / "leveldb" / log.name).write_bytes(data[:cut])
        heights.append(assert_what_opens_is_sound(torn, original))
        survivors = rows(torn)
        # Block, receipts, heads, tree and indexes come and go together.
        assert all(original[key] == value or heights[-1] == BLOCKS - 1 for key, value in survivors.items())
        with closing(Store.open(torn, CHAIN_ID)) as store:
            if store.tip.height == BLOCKS - 1:
                store.write_block(next_write(store))
        assert rows(torn) == original
        shutil.rmtree(torn)
    assert heights == [BLOCKS - 1] * (len(heights) - 1) + [BLOCKS]


@pytest.mark.fault(26)
def test_no_bit_of_a_table_can_turn_without_an_error_or_the_right_answer(ledger: Path, tmp_path: Path) -> None:
    original = rows(Path(shutil.copytree(ledger, tmp_path / "read")))
    table = damage.largest(ledger / "leveldb", "*.ldb")
    refused = 0
    for position in range(0, table.stat().st_size, 401):
        flipped = Path(shutil.copytree(ledger, tmp_path / "flipped"))
        damage.flip_bit(flipped / "leveldb" / table.name, position)
        try:
            assert rows(flipped) == original
            assert assert_what_opens_is_sound(flipped, original) == BLOCKS
        except StorageError:
            refused += 1
        shutil.rmtree(flipped)
    assert refused > 50, "the bits of the data blocks were not met"


@pytest.mark.fault(26)
def test_a_table_that_is_damaged_while_the_node_runs_gives_errors_that_name_the_block(ledger: Path) -> None:
    original = rows(ledger)
    with closing(Database(ledger)) as database:
        table = damage.largest(ledger / "leveldb", "*.ldb")
        with table.open("r+b") as file:
            file.seek(4096)
            file.write(bytes(4096))
        said: dict[int, str] = {}
        for height in range(1, BLOCKS + 1):
            key = b"b" + height.to_bytes(8, "big")
            try:
                assert database.get(key) == original[key]
            except DamagedError as error:
                said[height] = str(error)
    assert 0 < len(said) < 40
    for height, text in said.items():
        assert f"row b of block {height} of {ledger} failed: Corruption: " in text


@pytest.mark.fault(22, 23)
def test_the_end_of_a_log_tells_a_cut_from_a_hole(ledger: Path) -> None:
    log = damage.largest(ledger / "leveldb", "*.log")
    data = log.read_bytes()
    start, end = damage.last_record(data)
    assert end == len(data)
    middle = damage.log_fragments(data)[8][0]

    def state(changed: bytes) -> LogState:
        log.write_bytes(changed)
        return log_state(log)

    assert state(b"") is LogState.WHOLE
    assert state(data) is LogState.WHOLE
    assert state(data[:start]) is LogState.WHOLE
    assert {state(data[:cut]) for cut in range(start + 1, end, 50)} == {LogState.TORN}
    assert state(data[:start] + bytes(end - start)) is LogState.TORN
    assert state(data + bytes(40_000)) is LogState.TORN
    # A length or a type that is wrong in the middle hides the whole records behind it from LevelDB.
    assert state(data[: middle + 4] + b"\xff\xff" + data[middle + 6 :]) is LogState.DAMAGED
    assert state(data[: middle + 6] + b"\x09" + data[middle + 7 :]) is LogState.DAMAGED
    assert state(data[:middle] + bytes(7) + data[middle + 7 :]) is LogState.DAMAGED


@pytest.mark.fault(22)
def test_a_record_over_several_blocks_of_the_log_is_torn_in_each_of_them(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "large", create=True)) as database:
        database.write({b"k": bytes(100_000)})
    log = damage.largest(tmp_path / "large" / "leveldb", "*.log")
    data = log.read_bytes()
    assert [kind for _, _, kind in damage.log_fragments(data)] == [2, 3, 3, 4]
    for cut in (3, 20_000, 32_768, 32_770, 50_000, 65_536, len(data) - 1, len(data)):
        copy = Path(shutil.copytree(tmp_path / "large", tmp_path / str(cut)))
        (copy / "leveldb" / log.name).write_bytes(data[:cut])
        with closing(Database(copy)) as database:
            assert database.was_torn == (cut < len(data))
            assert database.get(b"k") == (None if cut < len(data) else bytes(100_000))


@pytest.mark.fault(27)
def test_what_leveldb_repaired_itself_is_refused(ledger: Path) -> None:
    damage.flip_bit_in_table(ledger / "leveldb")
    plyvel.repair_db(str(ledger / "leveldb"))
    with pytest.raises(DamagedError, match="lost its log file"):
        Store.open(ledger, CHAIN_ID)
    # An open by other hands gives it a log again; what the repair moved aside still tells.
    plyvel.DB(str(ledger / "leveldb")).close()
    with pytest.raises(DamagedError, match=r"went through LevelDB's own repair.*cannot read blocks 1 to .*node repair"):
        Store.open(ledger, CHAIN_ID)


@pytest.mark.fault(27)
def test_no_line_of_ours_lets_leveldb_repair() -> None:
    sources = [path for folder in ("node", "cli", "tradelane") for path in (REPOSITORY / folder).rglob("*.py")]
    assert len(sources) > 50
    assert [path for path in sources if "repair_db" in path.read_text()] == []


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"h" + (17).to_bytes(8, "big"), r"block 17 is damaged|block 18 does not follow block 17"),
        (b"h" + (60).to_bytes(8, "big"), r"tip is said to be block 60|block 60 is damaged"),
        (b"b" + (60).to_bytes(8, "big"), r"(transactions|receipts) of block 60 are"),
        (b"n", r"the state is not that of block 60"),
        (b"mtip", "tip"),
    ],
)
def test_a_wrong_value_with_a_right_checksum_is_found_at_start(ledger: Path, key: bytes, said: str) -> None:
    with closing(Database(ledger)) as database:
        value = database.get(key)
        assert value is not None
        wrong = bytearray(value)
        wrong[len(wrong) // 2] ^= 0x01
        database.write({key: bytes(wrong)})
    with pytest.raises(DamagedError, match=said):
        Store.open(ledger, CHAIN_ID)


@pytest.mark.fault(27)
def test_a_wrong_body_with_a_right_checksum_is_found_when_it_is_read(ledger: Path) -> None:
    key = b"b" + (9).to_bytes(8, "big")
    with closing(Database(ledger)) as database:
        other = database.get(b"b" + (10).to_bytes(8, "big"))
        database.write({key: other})
    with closing(Store.open(ledger, CHAIN_ID)) as store:
        assert store.block(8) is not None
        with pytest.raises(DamagedError, match="transactions of block 9 are not those of its header"):
            store.block(9)


_FILL = """
import resource, signal, sys
from pathlib import Path
from node.storage.errors import StorageError
from node.storage.store import Store
from tests.support.blocks import CHAIN_ID, genesis_write, next_write

directory, means = Path(sys.argv[1]), sys.argv[2]
store = Store.create(directory / "ledger", genesis_write())
filler = directory / "filler"
if means == "full":
    filler.write_bytes(bytes(2_000_000))
else:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
acknowledged = 0
try:
    while True:
        store.write_block(next_write(store))
        acknowledged = store.tip.height
except StorageError as error:
    print("first:", error)
if means == "full":
    filler.unlink()
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for again in (lambda: store.write_block(next_write(store)), lambda: store.block(1)):
    try:
        again()
        print("went on")
    except StorageError as error:
        print("again:", error)
store.close()
store = Store.open(directory / "ledger", CHAIN_ID)
print("reopened at", store.tip.height, "acknowledged", acknowledged)
store.write_block(next_write(store))
store.close()
"""


def _assert_stopped_and_lost_nothing(output: str) -> None:
    lines = output.splitlines()
    assert lines[0].startswith("first: writing to ")
    assert "free space or replace the disk, then start the node again" in lines[0]
    # The room is there again, but the handle stays closed to everything until the node is started anew.
    assert [line.split(":")[0] for line in lines[1:3]] == ["again", "again"]
    words = lines[3].split()
    assert words[:2] == ["reopened", "at"]
    # The block whose write failed may have reached the disk; none that was acknowledged is missing.
    assert int(words[2]) - int(words[4]) in {0, 1}
    assert int(words[4]) > 10


@pytest.mark.fault(29)
def test_a_full_disk_stops_the_store_and_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=4m tmpfs "$0" || exit 77; exec "$@"'
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed; this test makes a small disk with it")
    filled = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, str(disk), sys.executable, "-c", _FILL, str(disk), "full"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    if filled.returncode == 77 or "unshare" in filled.stderr:
        pytest.skip(f"no disk can be mounted here: {filled.stderr.strip()}")
    assert filled.returncode == 0, filled.stderr
    assert "No space left on device" in filled.stdout
    _assert_stopped_and_lost_nothing(filled.stdout)


@pytest.mark.fault(29)
def test_a_file_that_may_not_grow_stops_the_store_likewise(tmp_path: Path) -> None:
    filled = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path), "limit"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert "File too large" in filled.stdout
    _assert_stopped_and_lost_nothing(filled.stdout)


_WRITE_UNTIL_IT_FAILS = """
import sys
from pathlib import Path
from node.storage.errors import StorageError
from node.storage.store import Store
from tests.support.blocks import genesis_write, next_write
store = Store.create(Path(sys.argv[1]), genesis_write())
for attempt in range(60):
    try:
        store.write_block(next_write(store))
        print("committed", store.tip.height, flush=True)
    except StorageError as error:
        print("refused", error, flush=True)
"""


@pytest.mark.fault(30)
def test_after_a_sync_that_failed_nothing_is_written_again(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; this test makes fdatasync fail with it")
    trace = tmp_path / "trace"
    filters = ["-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=30", "-o", str(trace)]
    script = [sys.executable, "-c", _WRITE_UNTIL_IT_FAILS, str(tmp_path / "ledger")]
    ran = subprocess.run([strace, *filters, *script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    lines = ran.stdout.splitlines()
    committed = [line for line in lines if line.startswith("committed")]
    refused = [line for line in lines if line.startswith("refused")]
    assert 15 < len(committed) < 30
    assert lines == [*committed, *refused]
    assert len(committed) + len(refused) == 60
    assert all("Input/output error" in line for line in refused)
    calls = trace.read_text().splitlines()
    failed = next(number for number, line in enumerate(calls) if "EIO" in line)
    assert calls[failed + 1 :] == [], "a sync that failed was tried again"


@pytest.mark.fault(31, 32)
def test_a_forked_worker_cannot_write_and_the_parent_goes_on(ledger: Path) -> None:
    with closing(Store.open(ledger, CHAIN_ID)) as store:
        write = next_write(store)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                store.write_block(write)
                os.write(write_end, b"written")
            except LockedError:
                os.write(write_end, b"refused")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read_end, 100) == b"refused"
        os.close(read_end)
        os.close(write_end)
        # The child's end did not take our lock with it.
        with pytest.raises(LockedError):
            Store.open(ledger, CHAIN_ID)
        assert store.write_block(write)
    with closing(Store.open(ledger, CHAIN_ID)) as store:
        assert store.tip.height == BLOCKS + 1
