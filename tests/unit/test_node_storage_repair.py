"""Check and repair of a stopped node's stores: all damage is named, and what comes back is the same ledger, checked."""

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli.main import run
from ledger.codec import encode
from node.bootstrap.headers import CertifiedHeader
from node.bootstrap.serving import snapshot_answers
from node.bootstrap.snapshots import Snapshots
from node.bootstrap.wire import RowKind, decode_headers, decode_rows, encode_rows_question
from node.chain import Chain
from node.config import PeerConfig, load_config
from node.home import open_home
from node.network.asking import PeerError
from node.network.wire import CertifiedBlock, decode_batch, encode_range
from node.repair import Repaired, RepairError, repair_stores
from node.storage.check import check_ledger
from node.storage.database import Database
from node.storage.errors import DamagedError, LockedError, StorageError
from node.storage.safety_store import SafetyStore
from node.storage.salvage import in_words
from node.storage.store import Store
from tests.support import damage
from tests.support.solo_home import add_blocks, issue, settle, solo_network

HEIGHT = 60


@dataclass(frozen=True)
class Template:
    """A stopped node's home, and what its ledger holds: 40 blocks in tables, 20 in the log."""

    home: Path
    chain_id: bytes
    rows: dict[bytes, bytes]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    network = solo_network(tmp_path_factory.mktemp("template") / "network")
    add_blocks(network, 38)
    add_blocks(network, 2, issue)
    settle(network)
    assert add_blocks(network, 20) == HEIGHT
    home = network.home(network.nodes[0])
    copy = Path(shutil.copytree(home / "ledger", home.parent / "copy"))
    return Template(home, bytes.fromhex(network.chain_id), rows(copy))


@pytest.fixture
def home(template: Template, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template.home, tmp_path / "home"))


@pytest.fixture
def peer(template: Template, tmp_path: Path) -> "GivingPeer":
    return GivingPeer(Path(shutil.copytree(template.home / "ledger", tmp_path / "peer")), template.chain_id)


class GivingPeer:
    """A peer with the blocks of a ledger, without a wire between; ``is_away`` and ``lie`` are its faults."""

    def __init__(self, directory: Path, chain_id: bytes) -> None:
        self.config = PeerConfig(b"\1" * 32, "http://peer")
        with closing(Store.open(directory, chain_id)) as store:
            self._blocks = [store.block(height) for height in range(store.tip.height + 1)]
        self.asked: list[tuple[int, int]] = []
        self.is_away: Callable[[int], bool] = lambda _: False
        self.lie: Callable[[CertifiedBlock], CertifiedBlock] = lambda block: block

    async def blocks(self, first: int, last: int) -> list[CertifiedBlock]:
        self.asked.append((first, last))
        if self.is_away(first):
            raise PeerError("http://peer/p2p/blocks does not answer")
        given = []
        for block in self._blocks[first : last + 1]:
            assert block is not None
            assert block.certificate is not None
            given.append(self.lie(CertifiedBlock(block.header, block.certificate, block.transactions)))
        return given

    async def take_snapshot(self) -> object:
        raise PeerError("http://peer/p2p/snapshot answered 404")


class SnapshotPeer(GivingPeer):
    """A peer that gave its old blocks up and has its state to give."""

    def __init__(self, directory: Path, chain_id: bytes) -> None:
        super().__init__(directory, chain_id)
        self.is_away = lambda _: True
        self.store = Store.open(directory, chain_id)
        self._snapshots = Snapshots(self.store, lambda: 0)
        self._answers = snapshot_answers(self.store, self._snapshots)

    async def take_snapshot(self) -> object:
        return self._snapshots.take()

    async def rows(self, height: int, kind: RowKind, after: bytes | None) -> list[tuple[bytes, bytes]]:
        return decode_rows(self._answer("snapshot/rows", encode_rows_question(height, kind, after)))

    async def headers(self, first: int, last: int) -> list[CertifiedHeader]:
        return decode_headers(self._answer("headers", encode_range(first, last)))

    async def bodies(self, first: int, last: int) -> list[bytes]:
        return decode_batch(self._answer("bodies", encode_range(first, last)))

    def _answer(self, path: str, body: bytes) -> bytes:
        found = self._answers[path](body)
        assert found is not None
        return found


def rows(directory: Path) -> dict[bytes, bytes]:
    with closing(Database(directory)) as database:
        return dict(database.scan(b"\0", b"\xff"))


def change(directory: Path, key: bytes, changed: Callable[[bytes], bytes | None]) -> None:
    """Change a row as a bug or a repair by LevelDB would: its checksum is right."""
    with closing(Database(directory)) as database:
        value = database.get(key)
        assert value is not None
        database.write({key: changed(value)})


def check(home: Path, chain_id: bytes) -> list[str]:
    with closing(Store.open(home / "ledger", chain_id)) as store:
        return check_ledger(store, lambda *_: None)


def repair(home: Path, *peers: GivingPeer) -> tuple[Repaired, list[str]]:
    notes: list[str] = []
    config = load_config(home)
    return asyncio.run(repair_stores(config, peers, lambda *_: None, notes.append)), notes  # type: ignore[arg-type]


# The check


def test_a_sound_ledger_has_no_findings(home: Path, template: Template) -> None:
    seen: list[tuple[str, int, int]] = []
    with closing(Store.open(home / "ledger", template.chain_id)) as store:
        assert check_ledger(store, lambda *step: seen.append(step)) == []
    assert seen[-1][0] == "heads"
    assert seen[-1][1] == seen[-1][2] == sum(key[:1] == b"s" for key in template.rows)
    assert ("blocks", HEIGHT, HEIGHT) in seen


def turned(value: bytes) -> bytes:
    wrong = bytearray(value)
    wrong[len(wrong) // 2] ^= 0x01
    return bytes(wrong)


def first_key(template: Template, prefix: bytes, number: int) -> bytes:
    return sorted(key for key in template.rows if key.startswith(prefix))[number]


@pytest.mark.fault(26, 27)
@pytest.mark.parametrize(
    ("prefix", "number", "changed", "said"),
    [
        (b"b", 9, turned, r"transactions of block 9 are (not those of its header|damaged)|receipts of block 9"),
        (b"b", 9, lambda _: None, "transactions of block 9 are missing"),
        (b"t", 3, turned, r"index row \(kind t\) of block \d+ is wrong"),
        (b"t", 3, lambda _: None, r"index row \(kind t\) of block \d+ is wrong or missing"),
        (b"n", 5, turned, "node [0-9a-f]+ of the state tree is damaged"),
        (b"n", 5, lambda _: None, "node .* of the state tree is (out of place|missing)"),
        (b"s", 20, turned, "the head b'.*' is not the one that the state tree holds"),
        (b"s", 20, lambda _: None, r"there are \d+ heads, the state tree has \d+"),
        (b"v", 0, lambda _: None, "the validators of block 1 are missing"),
    ],
)
def test_what_the_start_does_not_look_at_the_check_finds(
    home: Path, template: Template, prefix: bytes, number: int, changed: Callable[[bytes], bytes | None], said: str
) -> None:
    # The last blocks are looked at when a ledger opens; here they are not.
    key = first_key(template, prefix, number)
    change(home / "ledger", key, changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("node.storage.store._BODIES_LOOKED_FOR", 0)
        findings = check(home, template.chain_id)
    assert findings
    assert any(_matches(said, finding) for finding in findings), findings


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def test_a_wrong_index_of_histories_is_found(
    home: Path, template: Template, capsys: pytest.CaptureFixture[str]
) -> None:
    key = first_key(template, b"y", 0)
    change(home / "ledger", key, lambda _: encode([41, 0, 0]))
    assert check(home, template.chain_id) == []
    assert run(["node", "check", "--home", str(home)]) == 6
    assert "does not give the chain that it holds" in capsys.readouterr().out.replace("\n", " ")
    repaired, _ = repair(home)
    assert (repaired.own_blocks, repaired.fetched) == (HEIGHT, [])
    assert rows(home / "ledger") == template.rows


def test_opening_reads_the_headers_and_the_last_bodies_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = solo_network(tmp_path / "network")
    add_blocks(network, 130)
    home = network.home(network.nodes[0])
    read: list[bytes] = []
    get = Database.get

    def counted(self: Database, key: bytes) -> bytes | None:
        read.append(key[:1])
        return get(self, key)

    monkeypatch.setattr(Database, "get", counted)
    Store.open(home / "ledger", bytes.fromhex(network.chain_id)).close()
    assert read.count(b"b") == 101
    assert len(read) < 250


def test_a_certificate_without_a_quorum_and_a_stray_row_are_found(home: Path, template: Template) -> None:
    other = template.rows[b"h" + (8).to_bytes(8, "big")]
    change(home / "ledger", b"h" + (7).to_bytes(8, "big"), lambda row: row[:-20] + other[-20:])
    with closing(Database(home / "ledger")) as database:
        database.write({b"t" + bytes(32): template.rows[first_key(template, b"t", 0)]})
    findings = check(home, template.chain_id)
    assert "the certificate of block 7 does not hold: bad_signature" in findings
    assert "there are 61 rows of kind t, the blocks make 60" in findings


# The repair

DAMAGES: Sequence[tuple[str, Callable[[Path], None]]] = (
    ("log", damage.flip_bit_in_log),
    ("page", damage.zero_page_of_log),
    ("no log", damage.delete_log),
    ("no CURRENT", damage.delete_current),
    ("table", damage.flip_bit_in_table),
    ("no table", damage.delete_table),
)


@pytest.mark.fault(23, 24, 25, 26, 28)
@pytest.mark.parametrize(("name", "damaging"), DAMAGES, ids=[name for name, _ in DAMAGES])
def test_a_repair_gives_the_same_ledger_row_for_row(
    home: Path, peer: GivingPeer, template: Template, name: str, damaging: Callable[[Path], None]
) -> None:
    damaging(home / "ledger" / "leveldb")
    with pytest.raises(DamagedError, match="node repair --home"):
        open_home(home)
    repaired, _ = repair(home, peer)
    assert repaired.height == HEIGHT
    assert repaired.own_blocks + len(repaired.fetched) == HEIGHT
    assert repaired.fetched == sorted(set(repaired.fetched))
    assert (repaired.own_blocks == 0) == (name in {"no CURRENT", "no table"})
    assert repaired.ledger_kept is not None
    assert repaired.ledger_kept.name.startswith("ledger.damaged-")
    assert (repaired.ledger_kept / "leveldb").is_dir()
    assert rows(home / "ledger") == template.rows
    opened = open_home(home)
    assert opened.store.tip.height == HEIGHT
    opened.close()
    assert not list(home.glob("*repairing*")) + list(home.glob(".*reading*"))


@pytest.mark.fault(27)
def test_a_wrong_head_with_a_right_checksum_is_executed_anew(home: Path, template: Template) -> None:
    change(home / "ledger", first_key(template, b"s", 20), turned)
    open_home(home).close()
    repaired, _ = repair(home)
    assert any("is not the one that the state tree holds" in finding for finding in repaired.findings)
    assert (repaired.own_blocks, repaired.fetched) == (HEIGHT, [])
    assert rows(home / "ledger") == template.rows


def test_a_sound_ledger_is_left_alone(home: Path, template: Template) -> None:
    repaired, notes = repair(home)
    assert repaired.is_ledger_sound
    assert repaired.ledger_kept is None
    assert notes == []
    assert rows(home / "ledger") == template.rows


@pytest.mark.fault(24, 33)
def test_an_old_copy_of_the_ledger_gets_the_blocks_that_it_lacks(
    home: Path, peer: GivingPeer, template: Template, tmp_path: Path
) -> None:
    network = solo_network(tmp_path / "again")
    assert add_blocks(network, 35) == 35
    shutil.rmtree(home / "ledger")
    shutil.copytree(network.home(network.nodes[0]) / "ledger", home / "ledger")
    with pytest.raises(DamagedError, match="ends at block 35, but this node voted at height 60"):
        open_home(home)
    repaired, _ = repair(home, peer)
    assert repaired.fetched == list(range(36, 61))
    assert repaired.ledger_kept is None
    assert rows(home / "ledger") == template.rows


def test_the_block_of_the_last_vote_is_not_missed_where_nobody_has_it(home: Path, peer: GivingPeer) -> None:
    damage.delete_log(home / "ledger" / "leveldb")
    peer.is_away = lambda first: first == HEIGHT
    repaired, _ = repair(home, peer)
    assert (repaired.height, repaired.fetched) == (59, list(range(41, 60)))
    open_home(home).close()


def test_an_interrupted_repair_goes_on_where_it_stopped(home: Path, peer: GivingPeer, template: Template) -> None:
    damage.delete_current(home / "ledger" / "leveldb")
    peer.is_away = lambda first: first > 50
    with pytest.raises(RepairError, match=r"block 51 can neither be read here nor fetched.*run the repair again"):
        repair(home, peer)
    with pytest.raises(StorageError, match=r"a repair of .* was interrupted"):
        open_home(home)
    peer.is_away = lambda _: False
    peer.asked.clear()
    repaired, _ = repair(home, peer)
    assert (repaired.resumed_height, repaired.fetched) == (50, list(range(51, 61)))
    assert peer.asked == [(51, 59), (60, 60)]
    assert rows(home / "ledger") == template.rows


def test_a_power_cut_between_the_two_renames_is_finished_by_the_next_repair(
    home: Path, peer: GivingPeer, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage.flip_bit_in_table(home / "ledger" / "leveldb")
    rename = Path.rename

    def cut(self: Path, target: Path) -> Path:
        if self.name == "ledger.repairing":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        repair(home, peer)
    monkeypatch.undo()
    assert not (home / "ledger").exists()
    repaired, _ = repair(home)
    assert (repaired.resumed_height, repaired.own_blocks, repaired.fetched) == (HEIGHT, 0, [])
    assert rows(home / "ledger") == template.rows


def test_a_peer_that_lies_is_passed_over_and_named(home: Path, peer: GivingPeer, template: Template) -> None:
    damage.flip_bit_in_table(home / "ledger" / "leveldb")
    liar = GivingPeer(Path(shutil.copytree(template.home / "ledger", home / "other")), template.chain_id)
    liar.config = replace(liar.config, url="http://liar")
    liar.lie = lambda block: replace(block, header=replace(block.header, time_ms=block.header.time_ms + 1))
    repaired, notes = repair(home, liar, peer)
    assert notes == ["block 1 of http://liar breaks the rule certificate_of_another_block"]
    assert repaired.fetched[0] == 1
    assert rows(home / "ledger") == template.rows


def test_where_nobody_has_the_old_blocks_the_state_is_taken(home: Path, template: Template, tmp_path: Path) -> None:
    damage.flip_bit_in_table(home / "ledger" / "leveldb")
    peer = SnapshotPeer(Path(shutil.copytree(template.home / "ledger", tmp_path / "peer")), template.chain_id)
    repaired, notes = repair(home, peer)
    peer.store.close()
    assert (repaired.snapshot_height, repaired.height, repaired.fetched) == (HEIGHT, HEIGHT, [])
    assert "the state of the peers was taken instead of older blocks" in notes[-1]
    assert check(home, template.chain_id) == []
    opened = open_home(home)
    assert opened.store.tip.height == HEIGHT
    opened.close()
    assert {path.name.split("-")[0] for path in home.iterdir() if path.name.startswith("ledger")} == {
        "ledger",
        "ledger.damaged",
    }


def test_a_pruned_ledger_is_repaired_with_all_blocks_where_a_peer_has_them(
    home: Path, peer: GivingPeer, template: Template
) -> None:
    with closing(Store.open(home / "ledger", template.chain_id)) as store:
        object.__setattr__(store.tip, "time_ms", store.tip.time_ms + 1_000_000)
        assert store.prune(30, heights_max=100, transactions_max=100) == 30
    Store.open(home / "ledger", template.chain_id).close()
    change(home / "ledger", first_key(template, b"s", 20), turned)
    repaired, _ = repair(home, peer)
    assert repaired.fetched == list(range(1, 30))
    assert repaired.own_blocks == 31
    assert rows(home / "ledger") == template.rows


@pytest.mark.fault(22, 33)
def test_a_damaged_safety_store_is_kept_and_a_new_one_cannot_vouch(home: Path, template: Template) -> None:
    damage.flip_bit_in_log(home / "safety" / "leveldb")
    with pytest.raises(DamagedError, match="the safety store in"):
        open_home(home)
    repaired, notes = repair(home)
    assert repaired.safety_kept is not None
    assert "safety.damaged-" in notes[0]
    assert repaired.is_ledger_sound
    with closing(SafetyStore.open(home / "safety")) as safety:
        assert safety.new_reason == "new"
    assert rows(home / "ledger") == template.rows


@pytest.mark.fault(22)
def test_votes_that_the_certificates_show_and_the_store_does_not_know_are_missed(home: Path) -> None:
    shutil.rmtree(home / "safety")
    SafetyStore.open(home / "safety", create=True).close()
    with closing(SafetyStore.open(home / "safety")) as safety:
        safety._database.write({b"n": None})
        assert not safety.is_new or safety.new_reason == "new"
    opened = open_home(home)
    assert opened.safety.new_reason == "no vote at height 60"
    opened.close()


@pytest.mark.fault(31)
def test_a_running_node_is_not_repaired(home: Path) -> None:
    opened = open_home(home)
    with pytest.raises(LockedError):
        repair(home)
    assert Chain(opened.store).tip.height == HEIGHT
    opened.close()


def test_heights_in_words() -> None:
    assert in_words([7]) == "block 7"
    assert in_words([7, 8, 9, 12]) == "blocks 7 to 9, 12"
    assert in_words([1, 3, 5, 7, 9, 11]) == "blocks 1, 3, 5, 7, 9 and others, 6 in all"


# The commands


def test_the_commands_check_and_repair(home: Path, template: Template, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["node", "check", "--home", str(home)]) == 0
    assert capsys.readouterr().out == "blocks 0 to 60 and the state are sound\n"
    change(home / "ledger", first_key(template, b"s", 20), turned)
    assert run(["--json", "node", "check", "--home", str(home)]) == 6
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["findings"]) == 1
    assert json.loads(printed.err)["error"]["code"] == "ledger.damaged"
    assert f"node repair --home {home}" in json.loads(printed.err)["error"]["hint"]
    assert run(["node", "repair", "--home", str(home)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "60 blocks were read here, 0 came from peers"
    assert lines[-1] == "the ledger is sound up to block 60"
    assert run(["node", "repair", "--home", str(home)]) == 0
    assert capsys.readouterr().out == "the ledger is sound up to block 60; nothing of it was changed\n"
    damage.delete_current(home / "ledger" / "leveldb")
    assert run(["node", "check", "--home", str(home)]) == 6
    assert run(["node", "repair", "--home", str(home)]) == 8
    assert "block 1 can neither be read here nor fetched: no peer is configured" in capsys.readouterr().err.replace(
        "\n", " "
    )
    opened = open_home(Path(shutil.copytree(template.home, home.parent / "running")))
    assert run(["node", "check", "--home", str(opened.config.home)]) == 5
    opened.close()
