"""A node's home directory: what is in it, how it is initialised and how it is opened."""

from dataclasses import dataclass
from pathlib import Path

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
from node.storage.errors import DamagedError
from node.storage.safety_store import SafetyStore
from node.storage.store import Store


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
    """Compare the two stores, for LevelDB opens without a word when the log with the last blocks is gone.

    A vote at height h was given with block h - 1 on disk. If the ledger ends below that, it lost blocks.
    """
    voted = max((record.height for record in home.safety.records()), default=0)
    if voted - 1 > home.store.tip.height:
        raise DamagedError(
            f"the ledger in {home.config.ledger_directory} ends at block {home.store.tip.height}, but this node voted "
            f"at height {voted}: blocks are lost. Move the ledger directory away, keep the safety directory, "
            f"initialise the ledger again and let it fetch the blocks from its peers"
        )


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
