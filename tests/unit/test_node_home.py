"""A home: what must be there before a node may start, and that lost blocks are found by the votes on them."""

import shutil
from pathlib import Path

import pytest

from consensus.effects import SafetyRecord
from node.config import ConfigError, validator_key_path
from node.home import initialise_home, open_home
from node.setup import create_network
from node.storage.errors import AlreadyInitialisedError, DamagedError, LockedError, NotInitialisedError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    counter = iter(range(1_000))

    def random_bytes(size: int) -> bytes:
        return next(counter).to_bytes(2, "big") * (size // 2) + b"\0" * (size % 2)

    network = create_network(tmp_path / "network", now_ms=1_000, random_bytes=random_bytes, validators=1)
    return network.home(network.nodes[0])


def test_a_home_opens_at_block_0_and_only_once(home: Path) -> None:
    opened = open_home(home)
    assert opened.store.tip.height == 0
    assert opened.safety_records() == []
    with pytest.raises(LockedError, match="in use by another node"):
        open_home(home)
    opened.close()
    open_home(home).close()


def test_votes_come_back_until_their_height_is_decided(home: Path) -> None:
    opened = open_home(home)
    records = [SafetyRecord(1, view, kind, b"signed") for view in (0, 1) for kind in ("commit", "prepare")]
    opened.safety.persist(records)
    opened.close()
    opened = open_home(home)
    assert sorted(opened.safety_records(), key=str) == sorted(records, key=str)
    opened.safety.forget_below(2)
    assert opened.safety.records() == []
    opened.close()


@pytest.mark.fault(24, 33)
def test_a_ledger_that_ends_below_the_votes_has_lost_blocks(home: Path) -> None:
    opened = open_home(home)
    opened.safety.persist([SafetyRecord(7, 0, "prepare", b"signed")])
    opened.close()
    with pytest.raises(
        DamagedError, match=r"ends at block 0, but this node voted at height 7: blocks are lost.*node repair --home"
    ):
        open_home(home)


def test_each_missing_part_is_named(home: Path) -> None:
    with pytest.raises(AlreadyInitialisedError):
        initialise_home(home)
    shutil.move(home / "safety", home / "elsewhere")
    with pytest.raises(NotInitialisedError, match="safety"):
        open_home(home)
    shutil.move(home / "elsewhere", home / "safety")
    key = validator_key_path(home)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_home(home)
    key.chmod(0o600)
    text = key.read_text()
    key.write_text(text.replace("tradelane-key/1", "tradelane-key/9"))
    with pytest.raises(ConfigError, match="not a key file"):
        open_home(home)
    key.unlink()
    with pytest.raises(ConfigError, match="keys new"):
        open_home(home)
    (home / "genesis.json").unlink()
    with pytest.raises(ConfigError, match=r"genesis\.json does not exist"):
        open_home(home)
