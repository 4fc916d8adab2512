"""Set up a whole network on one machine: keys, genesis and one initialised home a node.

A directory holds ``node-1`` .. ``node-N`` (homes), ``keys/<organisation>.json`` (admin keys), ``trust.json`` (for
checking proofs) and ``network.json``, which says what is where. It appears under its name when it is complete, so an
interrupted set-up leaves no half network. Time and chance come in as arguments, so a test can make the same network
twice.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.codec import Value
from ledger.genesis import Genesis
from ledger.key_file import key_to_text
from ledger.keys import SEED_BYTES, SecretKey
from ledger.parameters import Parameters
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from ledger.validators import Validator, ValidatorSet
from node.config import gateway_key_path, genesis_path, validator_key_path
from node.home import initialise_home

NETWORK_FORMAT: Final = "tradelane-network/1"
NETWORK_FILE: Final = "network.json"
TRUST_FILE: Final = "trust.json"
HOST: Final = "127.0.0.1"
P2P_PORT_OFFSET: Final = 100
VALIDATORS_MAX: Final = 20
OBSERVERS_MAX: Final = 20

RandomBytes = Callable[[int], bytes]


class SetupError(Exception):
    """The directory or a number that was asked for cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A founder of the network."""

    id: str
    name: str
    gln: str
    country: str
    roles: tuple[str, ...]

    @property
    def account(self) -> str:
        """The id of its account in the network's currency."""
        return f"{self.id}/{CURRENCY}"


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """Where a node is: its home relative to the network's directory, its URLs, and who runs it."""

    name: str
    organisation: str
    home: str
    api: str
    p2p: str


@dataclass(frozen=True, slots=True)
class Network:
    """What ``network.json`` says."""

    directory: Path
    name: str
    chain_id: str
    currency: str
    nodes: tuple[NetworkNode, ...]
    organisations: tuple[Organisation, ...]

    def home(self, node: NetworkNode) -> Path:
        """Return the home directory of a node."""
        return self.directory / node.home

    def key_path(self, organisation: str) -> Path:
        """Return where the admin key of an organisation is."""
        return self.directory / "keys" / f"{organisation}.json"


CURRENCY: Final = "USD"
CURRENCY_EXPONENT: Final = 2
# The firms of examples/README.md. The first ones run the validators, round and round; the cold store, which belongs to
# neither side of the trade, keeps the money of the network.
FOUNDERS: Final = (
    Organisation("brand", "Blue Monsoon Seafood", "9521102000008", "LK", ("brand", "packer")),
    Organisation("maker", "Raalhu Fisheries", "9521101000009", "MV", ("maker",)),
    Organisation("carrier", "Meridian Reefer", "9521103000007", "NL", ("carrier", "device_operator")),
    Organisation("retailer", "Domstadt Markt", "9521105000005", "DE", ("retailer",)),
    Organisation("warehouse", "Maas Cold Store", "9521104000006", "NL", ("warehouse", "payment", "issuer")),
)
ISSUER: Final = "warehouse"


def api_ports(base_port: int, nodes: int) -> list[int]:
    """Return the ports of the public API, one a node."""
    return [base_port + index for index in range(nodes)]


def p2p_ports(base_port: int, nodes: int) -> list[int]:
    """Return the ports on which the nodes talk to each other, one a node."""
    return [base_port + P2P_PORT_OFFSET + index for index in range(nodes)]


def create_network(
    directory: Path,
    *,
    now_ms: int,
    random_bytes: RandomBytes,
    validators: int = 4,
    observers: int = 0,
    base_port: int = 7400,
) -> Network:
    """Create a network of ``validators`` nodes on this machine and return what is where.

    ``observers`` more follow without voting, until governance lets them; they are the last nodes.
    ``random_bytes(n)`` gives n bytes fit for keys. API ports count up from ``base_port``, those of the peers from 100
    above it.

    Raises
    ------
    SetupError
        The directory exists, or a number is out of range.

    """
    if not 1 <= validators <= VALIDATORS_MAX:
        raise SetupError(f"a network on one machine has 1 to {VALIDATORS_MAX} validators, not {validators}")
    if not 0 <= observers <= OBSERVERS_MAX:
        raise SetupError(f"a network on one machine has up to {OBSERVERS_MAX} observers, not {observers}")
    base_port_max = 65_535 - P2P_PORT_OFFSET - VALIDATORS_MAX - OBSERVERS_MAX
    if not 1024 <= base_port <= base_port_max:
        raise SetupError(f"the base port is from 1024 to {base_port_max}, not {base_port}")
    if directory.exists():
        raise SetupError(f"{directory} exists; choose another directory or move it away")
    building = directory.with_name(f".{directory.name}.building-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    try:
        _build(building, now_ms, random_bytes, validators, observers, base_port)
        building.rename(directory)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return load_network(directory)


def load_network(directory: Path) -> Network:
    """Return what a network's directory holds.

    Raises
    ------
    SetupError
        There is no network, or its description is damaged.

    """
    path = directory / NETWORK_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != NETWORK_FORMAT:
            raise SetupError(f"{path} has the format {fields['format']!r}, this program reads {NETWORK_FORMAT!r}")
        return Network(
            directory=directory,
            name=fields["name"],
            chain_id=fields["chain_id"],
            currency=fields["currency"],
            nodes=tuple(NetworkNode(**node) for node in fields["nodes"]),
            organisations=tuple(
                Organisation(**{**entry, "roles": tuple(entry["roles"])}) for entry in fields["organisations"]
            ),
        )
    except FileNotFoundError as error:
        raise SetupError(f"there is no network in {directory}; create one with `tradelane up`") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{path} is damaged: {error}") from error


def write_home(
    home: Path,
    *,
    name: str,
    genesis: str,
    validator_key: SecretKey,
    gateway_key: SecretKey | None,
    api_port: int,
    p2p_port: int,
    peers: Sequence[tuple[bytes, str]],
    gateway_token: str | None,
    host: str = HOST,
    public_url: str | None = None,
) -> None:
    """Write the files of a home and initialise its stores with block 0.

    ``genesis`` is the text of the genesis document, ``peers`` are (public key, URL of the peers' listener).

    Raises
    ------
    FileExistsError
        A file is there already.
    ConfigError, GenesisError, StorageError
        From the node: what was written cannot be a home.

    """
    (home / "keys").mkdir(parents=True, mode=0o700)
    config = [
        f"name = {_quoted(name)}",
        f"public_url = {_quoted(public_url or f'http://{host}:{api_port}')}",
        'log_level = "info"',
        f"\n[api]\nhost = {_quoted(host)}\nport = {api_port}",
        f"\n[p2p]\nhost = {_quoted(host)}\nport = {p2p_port}",
    ]
    if gateway_token is not None:
        config.append(f"\n[gateway]\ntoken = {_quoted(gateway_token)}")
    config += [f"\n[[peers]]\npublic_key = {_quoted(key.hex())}\nurl = {_quoted(url)}" for key, url in peers]
    write_private(home / "config.toml", "\n".join(config) + "\n")
    write_private(genesis_path(home), genesis)
    write_private(validator_key_path(home), key_to_text(validator_key))
    if gateway_key is not None:
        write_private(gateway_key_path(home), key_to_text(gateway_key))
    initialise_home(home)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _build(
    directory: Path, now_ms: int, random_bytes: RandomBytes, validators: int, observers: int, base_port: int
) -> None:
    def new_key() -> SecretKey:
        return SecretKey(random_bytes(SEED_BYTES))

    admin_keys = {founder.id: new_key() for founder in FOUNDERS}
    runners = [FOUNDERS[index % len(FOUNDERS)] for index in range(validators + observers)]
    validator_keys = [new_key() for _ in runners]
    gateway_keys = [new_key() for _ in runners]
    gateways = [(founder.id, key.public_key) for founder, key in zip(runners, gateway_keys, strict=True)]
    genesis = Genesis(
        network=f"local-{random_bytes(4).hex()}",
        time_ms=now_ms,
        parameters=Parameters(),
        validators=ValidatorSet(
            Validator(key.public_key, founder.id)
            for key, founder in zip(validator_keys[:validators], runners, strict=False)
        ),
        operations=_founding({identifier: key.public_key for identifier, key in admin_keys.items()}, gateways),
    )
    nodes = [
        NetworkNode(f"node-{index + 1}", founder.id, f"node-{index + 1}", _url(api_port), _url(p2p_port))
        for index, (founder, api_port, p2p_port) in enumerate(
            zip(runners, api_ports(base_port, len(runners)), p2p_ports(base_port, len(runners)), strict=True)
        )
    ]
    peers = [(key.public_key, node.p2p) for key, node in zip(validator_keys, nodes, strict=True)]
    for index, node in enumerate(nodes):
        write_home(
            directory / node.home,
            name=node.name,
            genesis=genesis.to_json(),
            validator_key=validator_keys[index],
            gateway_key=gateway_keys[index],
            api_port=base_port + index,
            p2p_port=base_port + P2P_PORT_OFFSET + index,
            peers=peers[:index] + peers[index + 1 :],
            gateway_token=random_bytes(24).hex(),
        )
    (directory / "keys").mkdir(mode=0o700)
    for identifier, key in admin_keys.items():
        write_private(directory / "keys" / f"{identifier}.json", key_to_text(key))
    description = {
        "format": NETWORK_FORMAT,
        "name": genesis.network,
        "chain_id": genesis.chain_id.hex(),
        "currency": CURRENCY,
        "nodes": [asdict(node) for node in nodes],
        "organisations": [asdict(founder) for founder in FOUNDERS],
    }
    # Whoever made the network knows its validators at first hand, so this is where a trust file may come from.
    write_private(directory / TRUST_FILE, trust_to_json(trust_from_genesis(genesis)))
    write_private(directory / NETWORK_FILE, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def _founding(admin_keys: dict[str, bytes], gateways: Sequence[tuple[str, bytes]]) -> tuple[Operation, ...]:
    """Return the founders' operations: organisations, gateway keys, the currency and one account each."""
    operations: list[Operation] = []

    def add(method: str, **arguments: Value) -> None:
        operations.append(Operation(method, arguments))

    for founder in FOUNDERS:
        add(
            "membership.register_organisation",
            id=founder.id,
            name=founder.name,
            gln=founder.gln,
            country=founder.country,
            roles=list[Value](founder.roles),
            admin_key=admin_keys[founder.id],
        )
    for identifier, key in gateways:
        add("membership.add_key", organisation=identifier, key=key, purpose="operator", label="gateway")
    add("settlement.define_currency", organisation=ISSUER, code=CURRENCY, exponent=CURRENCY_EXPONENT)
    for founder in FOUNDERS:
        add("settlement.open_account", organisation=founder.id, id=founder.account, currency=CURRENCY)
    return tuple(operations)


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _quoted(text: str) -> str:
    """Return a TOML basic string, which for the texts that we write is spelt as in JSON."""
    return json.dumps(text, ensure_ascii=False)
