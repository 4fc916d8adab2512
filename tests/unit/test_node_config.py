"""The configuration file: what it gives, and that every complaint names the file, the key and what it should hold."""

from pathlib import Path

import pytest

from ledger.keys import SecretKey
from node.config import ConfigError, load_config

PEER = SecretKey(b"\x05" * 32).public_key.hex()
GOOD = f"""
name = "node-1"
public_url = "http://127.0.0.1:7400/"
[api]
host = "127.0.0.1"
port = 7400
[p2p]
host = "127.0.0.1"
port = 7500
[gateway]
token = "secret"
[[peers]]
public_key = "{PEER}"
url = "http://127.0.0.1:7501"
"""


def written(directory: Path, text: str) -> Path:
    (directory / "config.toml").write_text(text)
    return directory


def test_a_good_file(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD))
    assert (config.name, config.api_port, config.p2p_port, config.log_level) == ("node-1", 7400, 7500, "info")
    assert config.public_url == "http://127.0.0.1:7400"
    assert config.gateway_token == "secret"
    assert [(peer.public_key.hex(), peer.url) for peer in config.peers] == [(PEER, "http://127.0.0.1:7501")]
    assert config.ledger_directory == tmp_path / "ledger"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "node-1"', "", "name is a text that must be there"),
        ('name = "node-1"', 'name = "node-1"\nspeed = 9', "speed is unknown here"),
        ("port = 7400", "port = 0", r"api\.port is a port from 1 to 65535"),
        ("port = 7400", 'port = "7400"', r"api\.port is a port"),
        ("[gateway]", "[gateways]", "gateways is unknown here"),
        (PEER, "ab" * 31, r"peers\[0\]\.public_key is an Ed25519 public key"),
        (PEER, "00" * 32, r"peers\[0\]\.public_key is an Ed25519 public key"),
        ("http://127.0.0.1:7501", "127.0.0.1:7501", r"peers\[0\]\.url is a URL"),
        ('name = "node-1"', 'name = "node-1', "is not TOML"),
        ('name = "node-1"', 'name = "node-1"\nlog_level = "loud"', "log_level is one of debug"),
    ],
)
def test_each_complaint_names_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(written(tmp_path, GOOD.replace(old, new)))
    assert "config.toml" in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tradelane init"):
        load_config(tmp_path)
