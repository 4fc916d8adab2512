"""Who plays in a story: firms that join a network, loggers with keys of their own, each signing for itself."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.story import key_of
from ledger.codec import Value
from ledger.keys import SecretKey, signed_preimage
from ledger.transaction import Operation
from node.setup import Network
from tradelane import Client, TransactionStatus

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Party:
    """A firm that joins the network for a story."""

    id: str
    name: str
    country: str
    roles: tuple[str, ...]


@dataclass(slots=True)
class Actors:
    """The network, a client of it, and the keys of the firms that have joined and of the loggers."""

    network: Network
    client: Client
    keys: dict[str, SecretKey] = field(default_factory=dict)

    def act(self, who: str, *calls: tuple[str, dict[str, Any]]) -> TransactionStatus:
        """Send operations that a firm or a logger signs, as one transaction."""
        key = self.keys.get(who) or key_of(self.network, who)
        return self.client.submit([Operation(method, arguments) for method, arguments in calls], key, wait_s=30)

    def join_parties(self, parties: Sequence[Party]) -> None:
        """Let firms join: one organisation proposes and two more approve, which is a quorum of four."""
        proposals = []
        for party in parties:
            self.keys[party.id] = SecretKey(secrets.token_bytes(32))
            registered: dict[str, Value] = {
                "id": party.id,
                "name": party.name,
                "country": party.country,
                "roles": list(party.roles),
                "admin_key": self.keys[party.id].public_key,
            }
            action: Value = ["membership.register_organisation", registered]
            proposals.append({"id": f"join-{party.id}", "action": action, "expires_ms": now_ms() + HOUR_MS})
        self.act("brand", *(("governance.propose", proposal) for proposal in proposals))
        for approver in ("maker", "carrier")[: len({node.organisation for node in self.network.nodes}) // 2]:
            self.act(approver, *(("governance.approve", {"id": proposal["id"]}) for proposal in proposals))

    def new_logger(self, owner: str, logger: str) -> list[tuple[str, dict[str, Any]]]:
        """Make a logger's key, and return the calls by which its owner adds and registers it."""
        key = self.keys[logger] = SecretKey(secrets.token_bytes(32))
        chain_id = bytes.fromhex(self.network.chain_id)
        device_key = {
            "key": key.public_key,
            "proof": key.sign(signed_preimage("possession", chain_id, owner.encode())),
            "purpose": "device",
            "methods": ["cold_chain.record_batch"],
        }
        calibrated = {
            "calibrated_from_ms": now_ms() - 30 * 24 * HOUR_MS,
            "calibrated_until_ms": now_ms() + 24 * HOUR_MS,
        }
        device = {"id": logger, "key": key.public_key, **calibrated}
        return [("membership.add_key", device_key), ("cold_chain.register_device", device)]


def now_ms() -> int:
    """Return the time in milliseconds UTC."""
    return time.time_ns() // 1_000_000
