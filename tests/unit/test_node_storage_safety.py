"""The safety store: when it can vouch for its votes and when the node must follow first, and what stops the node."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from consensus.effects import ReportKind, SafetyRecord
from consensus.messages import Prepare
from ledger.codec import encode
from ledger.evidence import Equivocation, equivocation
from node.storage.database import Database
from node.storage.errors import DamagedError, LockedError, NotInitialisedError, StorageError
from node.storage.safety_store import EVIDENCE_MAX, SafetyStore
from tests.support import damage
from tests.support.replicas import Bench, reports, sent
from tests.support.shared_data import REPOSITORY

VOTE = SafetyRecord(5, 0, "prepare", b"signed")


@pytest.fixture
def safety(tmp_path: Path) -> Path:
    """Return a store that voted once, at height 5."""
    directory = tmp_path / "home" / "safety"
    with closing(SafetyStore.open(directory, create=True)) as store:
        store.persist([VOTE])
    return directory


def test_a_store_is_new_until_its_first_vote_and_never_again(tmp_path: Path) -> None:
    with closing(SafetyStore.open(tmp_path / "safety", create=True)) as store:
        assert store.is_new
        assert store.last_vote is None
    with closing(SafetyStore.open(tmp_path / "safety")) as store:
        assert store.is_new
        store.persist([])
        assert store.is_new
        store.persist([VOTE])
        assert store.new_reason is None
    with closing(SafetyStore.open(tmp_path / "safety")) as store:
        assert not store.is_new
        assert store.last_vote == (5, 0)


def test_a_store_is_trusted_once_its_node_may_vote_though_it_has_not_voted(tmp_path: Path) -> None:
    with closing(SafetyStore.open(tmp_path / "safety", create=True)) as store:
        store.trust()
        assert not store.is_new
    with closing(SafetyStore.open(tmp_path / "safety")) as store:
        assert store.new_reason is None
        assert store.last_vote is None
    shutil.copytree(tmp_path / "safety", tmp_path / "copy")
    with closing(SafetyStore.open(tmp_path / "copy")) as store:
        assert store.new_reason == "copied"


def test_the_highest_vote_is_kept_when_its_record_is_not(safety: Path) -> None:
    with closing(SafetyStore.open(safety)) as store:
        store.persist([SafetyRecord(6, 2, "commit", b"c"), SafetyRecord(6, 1, "lock", b"l")])
        store.persist([SafetyRecord(6, 0, "lock", b"l")])
        store.forget_below(7)
        assert store.records() == []
        assert store.last_vote == (6, 2)
    with closing(SafetyStore.open(safety)) as store:
        assert store.last_vote == (6, 2)


@pytest.mark.fault(33)
def test_a_copy_put_in_the_place_of_the_store_cannot_vouch(safety: Path) -> None:
    backup = shutil.copytree(safety, safety.with_name("backup"))
    with closing(SafetyStore.open(safety)) as store:
        store.persist([SafetyRecord(9, 0, "prepare", b"signed")])
    shutil.rmtree(safety)
    shutil.copytree(backup, safety)
    with closing(SafetyStore.open(safety)) as store:
        assert store.new_reason == "copied"
        assert store.records() == [VOTE]
    with closing(SafetyStore.open(safety)) as store:
        assert store.is_new, "a restart does not make it trustworthy"
        store.persist([SafetyRecord(12, 0, "prepare", b"signed")])
        assert store.new_reason is None
    with closing(SafetyStore.open(safety)) as store:
        assert not store.is_new


@pytest.mark.fault(33)
def test_a_home_that_is_moved_keeps_its_votes(safety: Path, tmp_path: Path) -> None:
    moved = safety.parent.rename(tmp_path / "elsewhere") / "safety"
    with closing(SafetyStore.open(moved)) as store:
        assert not store.is_new


@pytest.mark.fault(22)
def test_a_store_whose_last_write_was_cut_off_cannot_vouch_wherever_it_was_cut(safety: Path, tmp_path: Path) -> None:
    with closing(SafetyStore.open(safety)) as store:
        store.persist([SafetyRecord(6, 0, "prepare", b"signed" * 20)])
    log = damage.largest(safety / "leveldb", "*.log")
    data = log.read_bytes()
    start, end = damage.last_record(data)
    assert end == len(data)
    for cut in range(start + 1, end, 7):
        log.write_bytes(data[:cut])
        # Moved there and back: the lock file is the same one, so that nothing else gives rise to doubt.
        kept = {path.name: path.read_bytes() for path in (safety / "leveldb").iterdir()}
        with closing(SafetyStore.open(safety)) as store:
            assert store.new_reason == "cut off"
            assert store.last_vote == (5, 0)
        with closing(SafetyStore.open(safety)) as store:
            assert store.new_reason == "cut off", "the doubt outlives the trace that gave rise to it"
        shutil.rmtree(safety / "leveldb")
        (safety / "leveldb").mkdir()
        for name, content in kept.items():
            (safety / "leveldb" / name).write_bytes(content)
    log.write_bytes(data)
    with closing(SafetyStore.open(safety)) as store:
        assert not store.is_new
        assert store.last_vote == (6, 0)


@pytest.mark.fault(23, 24, 25, 26, 28)
@pytest.mark.parametrize(
    "damaging",
    [damage.flip_bit_in_log, damage.zero_page_of_log, damage.delete_log, damage.delete_current, damage.delete_manifest],
)
def test_a_damaged_store_does_not_open_and_says_what_to_do(safety: Path, damaging: object) -> None:
    with closing(SafetyStore.open(safety)) as store:
        for height in range(6, 80):
            store.persist([SafetyRecord(height, 0, "prepare", b"signed" * 50)])
    assert callable(damaging)
    damaging(safety / "leveldb")
    with pytest.raises(DamagedError, match="never put a backup in its place") as refused:
        SafetyStore.open(safety)
    assert f"the safety store in {safety} is damaged" in str(refused.value)
    assert f"`tradelane node repair --home {safety.parent}`" in str(refused.value)


@pytest.mark.fault(24)
def test_an_empty_database_is_no_store_and_a_missing_one_is_not_made(tmp_path: Path) -> None:
    Database(tmp_path / "empty", create=True).close()
    with pytest.raises(DamagedError, match="it is empty, although it was initialised"):
        SafetyStore.open(tmp_path / "empty")
    with pytest.raises(NotInitialisedError):
        SafetyStore.open(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_a_store_of_another_format_is_refused(safety: Path) -> None:
    with closing(Database(safety)) as database:
        database.write({b"f": encode([2])})
    with pytest.raises(StorageError, match=r"has format \[2\], this program reads \[1\]"):
        SafetyStore.open(safety)


@pytest.mark.fault(31)
def test_a_store_is_opened_once(safety: Path) -> None:
    with closing(SafetyStore.open(safety)), pytest.raises(LockedError):
        SafetyStore.open(safety)


def double_vote(validator: int, height: int, kind: str = "prepare") -> Equivocation:
    return equivocation(kind, height, 0, bytes([validator]) * 32, (b"\2" * 32, b"b" * 64), (b"\1" * 32, b"a" * 64))


def test_evidence_is_kept_once_and_within_bounds(safety: Path) -> None:
    with closing(SafetyStore.open(safety)) as store:
        assert store.evidence() == []
        assert store.keep_evidence(double_vote(7, 3))
        assert not store.keep_evidence(double_vote(7, 3))
        assert store.keep_evidence(double_vote(7, 3, "commit"))
        store.forget_below(1_000)
    with closing(SafetyStore.open(safety)) as store:
        assert store.evidence() == [double_vote(7, 3, "commit"), double_vote(7, 3)]
        for height in range(4, 4 + EVIDENCE_MAX):
            store.keep_evidence(double_vote(7, height))
        assert not store.keep_evidence(double_vote(7, 1_000))
        # One that votes twice without end leaves room for the others.
        assert store.keep_evidence(double_vote(8, 3))
        assert len(store.evidence()) == EVIDENCE_MAX + 1
        assert store.evidence()[0].first[0] == b"\1" * 32


class StoreOnDisk:
    """A real safety store behind the replica of a bench; every restart opens it anew."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._store = SafetyStore.open(directory, create=True)

    def persist(self, records: Iterable[SafetyRecord]) -> None:
        self._store.persist(records)

    def records_above(self, height: int) -> list[SafetyRecord]:
        self._store.close()
        self._store = SafetyStore.open(self._directory)
        return [record for record in self._store.records() if record.height > height]


@pytest.mark.fault(20)
def test_a_replica_that_restarts_on_the_store_says_the_same_again_and_refuses_to_say_other_things(
    tmp_path: Path,
) -> None:
    bench = Bench()
    bench.disk = StoreOnDisk(tmp_path / "safety")  # type: ignore[assignment]
    block, other = bench.block(0, "first"), bench.block(0, "second")
    bench.propose(block)
    (said,) = sent(bench.accept(block), Prepare)
    assert said.block_hash == block.header.hash
    again = [message for message in sent(bench.restart(), Prepare) if message.height == 1]
    assert again == [said] * len(again)
    effects = bench.propose(other) + bench.accept(other)
    assert sent(effects, Prepare) == []
    assert ReportKind.DOUBLE_SIGN_REFUSED in reports(effects)


_VOTE_UNTIL_IT_FAILS = """
import sys
from pathlib import Path
from consensus.effects import SafetyRecord
from node.storage.safety_store import SafetyStore
store = SafetyStore.open(Path(sys.argv[1]), create=True)
for height in range(1, 60):
    store.persist([SafetyRecord(height, 0, "prepare", b"signed")])
    print(height, flush=True)
"""


@pytest.mark.fault(21, 30)
def test_a_sync_that_fails_ends_the_process_before_the_vote_can_leave(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; this test makes fdatasync fail with it")
    inject = ["-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=30", "-o", "/dev/null"]
    script = [sys.executable, "-c", _VOTE_UNTIL_IT_FAILS, str(tmp_path / "safety")]
    ran = subprocess.run([strace, *inject, *script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    voted = [int(line) for line in ran.stdout.splitlines()]
    assert 10 < len(voted) < 30
    assert ran.returncode == 1
    assert "StorageError: writing to " in ran.stderr.splitlines()[-1]
    with closing(SafetyStore.open(tmp_path / "safety")) as store:
        assert [record.height for record in store.records()][: len(voted)] == voted
