"""What every command shares: the options that say whom to ask, as whom, and how to print.

Precedence: the option of the command, the option before the command, the environment (TRADELANE_NODE,
TRADELANE_NETWORK, TRADELANE_KEY), the network directory (./.tradelane).
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.output import Output
from node.setup import Network, Organisation, SetupError, load_network
from tradelane import BadRequestError, Client, NotFoundError
from tradelane.keys import SecretKey, load_key, needs_passphrase

DEFAULT_NETWORK: Final = Path(".tradelane")
DEFAULT_NODE: Final = "http://127.0.0.1:7400"

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout instead of text.")]
NodeOption = Annotated[
    list[str] | None,
    typer.Option("--node", metavar="URL", help="API of a node; may be given more than once. [env: TRADELANE_NODE]"),
]
NetworkOption = Annotated[
    Path | None,
    typer.Option(
        "--network", metavar="DIRECTORY", help="Network made by `up` (./.tradelane). [env: TRADELANE_NETWORK]"
    ),
]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", metavar="FILE", help="Trust root; else trust.json of the network directory.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Key file that signs. [env: TRADELANE_KEY]")
]
AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="ORGANISATION", help="Sign as this organisation (id, role or GLN) of the network."),
]
WaitOption = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait until it is committed.")
]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options as given, before anything is looked up."""

    is_json: bool = False
    no_colour: bool = False
    nodes: tuple[str, ...] = ()
    network: Path | None = None
    key: Path | None = None
    acting_as: str | None = None


@dataclass(slots=True)
class Session:
    """One run of a command."""

    settings: Settings
    output: Output
    _network: Network | None = field(default=None, init=False)

    def client(self, nodes: Sequence[str] | None = None) -> Client:
        """Return a client of the nodes that were asked for."""
        return open_client(tuple(nodes) if nodes is not None else self.nodes())

    def nodes(self) -> tuple[str, ...]:
        """Return the API addresses to ask, best first."""
        if self.settings.nodes:
            return self.settings.nodes
        if self.settings.network is None and os.environ.get("TRADELANE_NODE"):
            return tuple(os.environ["TRADELANE_NODE"].replace(",", " ").split())
        network = self.network_if_any()
        return (DEFAULT_NODE,) if network is None else tuple(node.api for node in network.nodes)

    def network_directory(self) -> Path:
        """Return where the network is, or would be."""
        environment = os.environ.get("TRADELANE_NETWORK")
        return self.settings.network or (Path(environment) if environment else DEFAULT_NETWORK)

    def network_if_any(self) -> Network | None:
        """Return the network of the directory, or None where there is none; raises BadRequestError if damaged."""
        if self._network is None:
            directory = self.network_directory()
            if not (directory / "network.json").exists():
                if self.settings.network is not None:
                    raise NotFoundError(
                        "network.missing", f"there is no network in {directory}", "create one with `tradelane up`"
                    )
                return None
            try:
                self._network = load_network(directory)
            except SetupError as error:
                raise BadRequestError("network.damaged", str(error)) from error
        return self._network

    def organisation(self, name: str) -> Organisation | None:
        """Return the network's organisation of this id, GLN or role, None where the network knows none."""
        network = self.network_if_any()
        if network is None:
            return None
        for organisation in network.organisations:
            if name in {organisation.id, organisation.gln}:
                return organisation
        holders = [organisation for organisation in network.organisations if name in organisation.roles]
        if len(holders) > 1:
            known = ", ".join(organisation.id for organisation in holders)
            raise BadRequestError("organisation.ambiguous", f"{name} is the role of {known}", "name one of them")
        return holders[0] if holders else None

    def organisation_id(self, name: str) -> str:
        """Return the ledger's id for a name: an organisation of the network, or the name itself."""
        organisation = self.organisation(name)
        return name if organisation is None else organisation.id

    def key(self) -> SecretKey:
        """Return the key to sign with, asking for its passphrase where it needs one.

        Raises
        ------
        TradelaneError
            None was named, or it cannot be used.

        """
        return open_key(self.key_path())

    def key_path(self) -> Path:
        """Return the key file to sign with; raises BadRequestError or NotFoundError."""
        if self.settings.key is not None:
            return self.settings.key
        if self.settings.acting_as is not None:
            network = self.network_if_any()
            organisation = self.organisation(self.settings.acting_as)
            if network is None or organisation is None:
                known = "none" if network is None else ", ".join(entry.id for entry in network.organisations)
                raise NotFoundError(
                    "organisation.unknown",
                    f"{self.network_directory()} holds no key of {self.settings.acting_as}; it has those of: {known}",
                    "name a key file with --key",
                )
            return network.key_path(organisation.id)
        environment = os.environ.get("TRADELANE_KEY")
        if environment:
            return Path(environment)
        raise BadRequestError("key.missing", "this needs a signature, and no key was named", "use --as or --key")


def open_key(path: Path) -> SecretKey:
    """Return the key in a file, asking for its passphrase where it needs one; raises TradelaneError."""
    passphrase = None
    if needs_passphrase(path):
        passphrase = os.environ.get("TRADELANE_PASSPHRASE")
        if passphrase is None and sys.stdin.isatty():
            passphrase = getpass(f"Passphrase of {path}: ")
    return load_key(path, passphrase)


def open_client(nodes: tuple[str, ...]) -> Client:
    """Return a client; the one place where commands make one, so that tests can answer in the node's stead."""
    return Client(*nodes)


def open_session(
    context: typer.Context,
    *,
    json: bool = False,
    node: Sequence[str] | None = None,
    network: Path | None = None,
    key: Path | None = None,
    acting_as: str | None = None,
) -> Session:
    """Return the session of a command out of its own options and those given before it."""
    settings: Settings = context.obj if isinstance(context.obj, Settings) else Settings()
    settings = replace(
        settings,
        is_json=settings.is_json or json,
        nodes=tuple(node) if node else settings.nodes,
        network=network or settings.network,
        key=key or settings.key,
        acting_as=acting_as or settings.acting_as,
    )
    return Session(settings, Output(is_json=settings.is_json, no_colour=settings.no_colour))


Progress = Callable[[str], None]
