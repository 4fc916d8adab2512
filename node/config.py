"""A node's configuration: one TOML file in its home, read once into a frozen value."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ledger.keys import is_public_key

SNAPSHOT_BEHIND_BLOCKS: Final = 10_000
"""How far behind a node executes the blocks that it missed; beyond, it fetches a snapshot of the state."""

_LOG_LEVELS: Final = ("debug", "info", "warning", "error")


class ConfigError(Exception):
    """The configuration cannot be used; the message names the file, the key and what it should hold."""


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """Another validator: its public key and the base URL of its peers' listener."""

    public_key: bytes
    url: str


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one node needs to know beside its genesis document and its keys.

    ``public_url`` is the base of the links in QR labels. ``gateway_token`` opens ``/epcis/capture``, which signs
    with the node's own gateway key; without a token that door is shut. A node that is ``snapshot_behind_blocks``
    behind when it starts fetches a snapshot of the state instead of executing every block. It keeps the transactions of
    the last ``retain_blocks`` blocks, or of all where that is 0.
    """

    home: Path
    name: str
    api_host: str
    api_port: int
    p2p_host: str
    p2p_port: int
    peers: tuple[PeerConfig, ...]
    public_url: str
    gateway_token: str | None
    log_level: str
    snapshot_behind_blocks: int = SNAPSHOT_BEHIND_BLOCKS
    retain_blocks: int = 0

    @property
    def ledger_directory(self) -> Path:
        """Where the blocks and the state are."""
        return self.home / "ledger"

    @property
    def repair_directory(self) -> Path:
        """Where `tradelane node repair` builds a new ledger; it stays there when the repair is interrupted."""
        return self.home / "ledger.repairing"

    @property
    def queries_directory(self) -> Path:
        """Where stored EPCIS queries and their subscriptions are."""
        return self.home / "queries"

    @property
    def scans_directory(self) -> Path:
        """Where the scans of codes are that this node was told of."""
        return self.home / "scans"

    @property
    def safety_directory(self) -> Path:
        """Where the votes are; never restore it from a backup."""
        return self.home / "safety"


def genesis_path(home: Path) -> Path:
    """Return where a home keeps its genesis document."""
    return home / "genesis.json"


def validator_key_path(home: Path) -> Path:
    """Return where a home keeps the key that votes."""
    return home / "keys" / "validator.json"


def gateway_key_path(home: Path) -> Path:
    """Return where a home keeps the key that signs what the node captures for its organisation."""
    return home / "keys" / "gateway.json"


def load_config(home: Path) -> NodeConfig:
    """Read ``<home>/config.toml``; raises ConfigError."""
    path = home / "config.toml"
    try:
        fields = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; create a node with `tradelane init --home {home}`") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    reader = _Reader(path, fields)
    reader.allow(
        "name", "public_url", "log_level", "snapshot_behind_blocks", "retain_blocks", "api", "p2p", "gateway", "peers"
    )
    api, p2p = reader.table("api"), reader.table("p2p")
    api.allow("host", "port")
    p2p.allow("host", "port")
    gateway = reader.table("gateway") if "gateway" in fields else None
    if gateway is not None:
        gateway.allow("token")
    return NodeConfig(
        home=home,
        name=reader.text("name"),
        api_host=api.text("host"),
        api_port=api.port("port"),
        p2p_host=p2p.text("host"),
        p2p_port=p2p.port("port"),
        peers=tuple(_peer(entry) for entry in reader.tables("peers")),
        public_url=reader.url("public_url"),
        gateway_token=None if gateway is None else gateway.text("token"),
        log_level=reader.choice("log_level", _LOG_LEVELS) if "log_level" in fields else "info",
        snapshot_behind_blocks=reader.count("snapshot_behind_blocks")
        if "snapshot_behind_blocks" in fields
        else SNAPSHOT_BEHIND_BLOCKS,
        retain_blocks=reader.count("retain_blocks") if "retain_blocks" in fields else 0,
    )


def _peer(reader: "_Reader") -> PeerConfig:
    reader.allow("public_key", "url")
    return PeerConfig(reader.public_key("public_key"), reader.url("url"))


class _Reader:
    """Typed access to one TOML table; every complaint names the file and the key."""

    def __init__(self, path: Path, fields: Mapping[str, Any], prefix: str = "") -> None:
        self._path, self._fields, self._prefix = path, fields, prefix

    def allow(self, *names: str) -> None:
        unknown = sorted(set(self._fields) - set(names))
        if unknown:
            raise self._error(unknown[0], f"is unknown here; known are {', '.join(names)}")

    def table(self, name: str) -> "_Reader":
        value = self._fields.get(name)
        if not isinstance(value, dict):
            raise self._error(name, "is a table that must be there")
        return _Reader(self._path, value, f"{name}.")

    def tables(self, name: str) -> list["_Reader"]:
        value = self._fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self._error(name, "is a list of tables")
        return [_Reader(self._path, entry, f"{name}[{index}].") for index, entry in enumerate(value)]

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or not value:
            raise self._error(name, "is a text that must be there")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise self._error(name, f"is one of {', '.join(choices)}")
        return value

    def port(self, name: str) -> int:
        value = self._fields.get(name)
        if type(value) is not int or not 1 <= value <= 65_535:
            raise self._error(name, "is a port from 1 to 65535")
        return value

    def count(self, name: str) -> int:
        value = self._fields.get(name)
        if type(value) is not int or value < 0:
            raise self._error(name, "is a number from 0 on")
        return value

    def url(self, name: str) -> str:
        value = self.text(name)
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
            raise self._error(name, "is a URL such as http://127.0.0.1:7500")
        return value.rstrip("/")

    def public_key(self, name: str) -> bytes:
        try:
            key = bytes.fromhex(self.text(name))
        except ValueError:
            key = b""
        if not is_public_key(key):
            raise self._error(name, "is an Ed25519 public key in 64 hexadecimal digits")
        return key

    def _error(self, name: str, what: str) -> ConfigError:
        return ConfigError(f"{self._path}: {self._prefix}{name} {what}")
