"""A node's home directory: what is in it, how it is initialised and how it is opened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consensus.effects import SafetyRecord
from ledger.errors import LedgerError
from ledger.genesis import Genesis, genesis_from_json
from ledger.key_file import key_from_text
from ledger.keys import SecretKey
from node.chain import genesis_write
from node.config import (
    ConfigError,
    NodeConfig,
    gateway_key_path,
    genesis_path,
    load_config,
    validator_key_path,
)
from node.storage.errors import DamagedError, StorageError
from node.storage.safety_store import SafetyStore
from node.storage.store import Store

_CERTIFICATES_LOOKED_AT: Final = 100


@dataclass(slots=True)
class Home:
    """An opened home; ``close`` gives up its stores and their locks."""

    config: NodeConfig
    genesis: Genesis
    validator_key: SecretKey
    gateway_key: SecretKey | None
    store: Store
    safety: SafetyStore

    def close(self) -> None:
        """Close both stores."""
        self.safety.close()
        self.store.close()

    def safety_records(self) -> list[SafetyRecord]:
        """Return what this node signed and has not seen decided."""
        return [record for record in self.safety.records() if record.height > self.store.tip.height]


def initialise_home(home: Path) -> None:
    """Create the stores of a home with block 0; raises AlreadyInitialisedError, ConfigError or GenesisError."""
    config = load_config(home)
    Store.create(config.ledger_directory, genesis_write(read_genesis(home))).close()
    SafetyStore.open(config.safety_directory, create=True).close()


def open_home(home: Path) -> Home:
    """Read and open everything in a home.

    Raises
    ------
    ConfigError
        A file is missing or wrong.
    StorageError
        A store is missing, damaged or in use.

    """
    config = load_config(home)
    genesis = read_genesis(home)
    validator_key = read_key(validator_key_path(home))
    gateway_path = gateway_key_path(home)
    gateway_key = read_key(gateway_path) if gateway_path.exists() else None
    if config.repair_directory.exists():
        raise StorageError(
            f"a repair of {home} was interrupted; run `tradelane node repair --home {home}` again, it goes on where it "
            f"stopped"
        )
    store = Store.open(config.ledger_directory, genesis.chain_id)
    try:
        safety = SafetyStore.open(config.safety_directory)
        opened = Home(config, genesis, validator_key, gateway_key, store, safety)
    except BaseException:
        store.close()
        raise
    try:
        _check_votes_against_blocks(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def _check_votes_against_blocks(home: Home) -> None:
    """Compare the two stores, for either can have come from an old backup.

    A vote at height h was given with block h - 1 on disk: if the ledger ends below that, it lost blocks. And if the
    certificate of a block holds a signature of this node, the safety store knows a vote as high as that, or votes are
    lost; then the node must follow first, as with a new store.
    """
    tip, voted = home.store.tip.height, home.safety.last_vote
    if voted is not None and voted[0] - 1 > tip:
        raise DamagedError(
            f"the ledger in {home.config.ledger_directory} ends at block {tip}, but this node voted at height "
            f"{voted[0]}: blocks are lost, or an old copy was put in their place. Run `tradelane node repair --home "
            f"{home.config.home}`"
        )
    late = range(tip, max(0, tip - _CERTIFICATES_LOOKED_AT), -1)
    signed = next(home.store.signed_by(home.validator_key.public_key, late), None)
    if signed is not None and (voted is None or voted < signed):
        home.safety.distrust(f"no vote at height {signed[0]}")


def read_genesis(home: Path) -> Genesis:
    """Return a home's genesis document; raises ConfigError or GenesisError."""
    path = genesis_path(home)
    try:
        return genesis_from_json(path.read_text())
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; copy the genesis document of the network there") from error


def read_key(path: Path) -> SecretKey:
    """Return the key of a file that only its owner may read; raises ConfigError."""
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise ConfigError(f"{path} can be read by others (mode {mode:o}); make it private: chmod 600 {path}")
        return key_from_text(path.read_text(), None)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; make a key with `tradelane keys new {path}`") from error
    except LedgerError as error:
        raise ConfigError(f"{path} is not a key file: {error}") from error
