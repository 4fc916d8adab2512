"""Four real processes under load, one of them killed: what clients read through one node and another never goes back.

Reads ask for the height that their session has seen (`min_height`); what was once final stays so at every node; what
is not known to have happened is not failed. The rules are in tests/support/read_history.py.
"""

import base64
import random
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.processes import NodeProcesses
from ledger.codec import Value
from ledger.transaction import NONCE_BYTES, Operation, sign_transaction
from node.setup import ISSUER, NetworkNode
from tests.support.cluster import organisation_key, running_cluster, wait_same_tip
from tests.support.load import issue
from tests.support.read_history import Answer, History, Read

pytestmark = pytest.mark.slow

_SEED = 20_261_124
_SESSIONS = 3
_VALID_FOR_MS = 30_000
_ASKED_AGAIN = 40


class Clients:
    """Sessions that write and read through nodes of their chance's choice, and what they saw."""

    def __init__(self, processes: NodeProcesses) -> None:
        self.network = processes.network
        self.history = History()
        self.unsure: set[str] = set()
        self.queries = 0
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._key = organisation_key(self.network, ISSUER)
        by_id = {organisation.id: organisation.account for organisation in self.network.organisations}
        self._debit = by_id[ISSUER]
        self._credit = next(account for identifier, account in by_id.items() if identifier != ISSUER)

    def run(self, session: int) -> None:
        """Write, ask what became of a write, and read, until told to stop."""
        chance, seen = random.Random(_SEED + session), 0
        with httpx.Client(timeout=12, trust_env=False) as http:
            while not self.stop.is_set():
                try:
                    seen = max(seen, self.write(http, chance.choice(self.network.nodes)))
                    seen = max(seen, self.read(http, chance.choice(self.network.nodes), session, seen))
                    seen = max(seen, self.events(http, chance.choice(self.network.nodes), seen))
                    with self._lock:
                        known = sorted(self.history.writes)
                    self.ask(http, chance.choice(self.network.nodes), chance.choice(known), seen)
                except httpx.HTTPError:
                    time.sleep(0.02)

    def write(self, http: httpx.Client, node: NetworkNode) -> int:
        """Send one write and return the height at which it was committed, 0 where that is not known."""
        arguments: dict[str, Value] = {
            "id": secrets.token_bytes(16),
            "debit": self._debit,
            "credit": self._credit,
            "amount": 1,
        }
        transaction = sign_transaction(
            self._key,
            bytes.fromhex(self.network.chain_id),
            secrets.token_bytes(NONCE_BYTES),
            time.time_ns() // 1_000_000 + _VALID_FOR_MS,
            [Operation("settlement.transfer", arguments)],
        )
        name = transaction.transaction_id.hex()
        with self._lock:
            self.history.writes.add(name)
            self.unsure.add(name)
        body = {"transaction": base64.urlsafe_b64encode(transaction.encoded).decode()}
        response = http.post(f"{node.api}/v1/transactions", json=body, headers={"prefer": "wait=3"})
        return self._note(response, name, node, 0)

    def ask(self, http: httpx.Client, node: NetworkNode, name: str, min_height: int) -> None:
        """Ask a node what became of a write, at least at a height."""
        response = http.get(f"{node.api}/v1/transactions/{name}", params={"min_height": min_height})
        self._note(response, name, node, min_height)

    def _note(self, response: httpx.Response, name: str, node: NetworkNode, min_height: int) -> int:
        value = response.json()
        if response.status_code == 404:
            state, outcome = "unknown", None
            assert value["code"] == "transaction.unknown"
        elif response.status_code in (429, 503):
            return 0  # the node says that it cannot say
        else:
            assert response.status_code in (200, 202), response.text
            state = value["state"]
            is_final = state == "committed"
            outcome = (value["height"], value["index"], value["receipt"]["result"]) if is_final else None
        with self._lock:
            self.history.answers.append(Answer(name, node.name, min_height, state, outcome))
            if outcome is not None:
                self.unsure.discard(name)
        return 0 if outcome is None else outcome[0]

    def read(self, http: httpx.Client, node: NetworkNode, session: int, min_height: int) -> int:
        """Read the register at a node and return the height of the answer, 0 where there was none."""
        path = f"{node.api}/v1/accounts/{self._credit.replace('/', '%2F')}"
        response = http.get(path, params={"min_height": min_height})
        if response.status_code == 503:
            assert response.json()["code"] == "not_yet_at_height"
            return 0
        assert response.status_code == 200, response.text
        height, value = int(response.headers["tradelane-height"]), int(response.json()["credits_posted"])
        root = response.headers["tradelane-state-root"]
        with self._lock:
            self.history.reads.append(Read(session, node.name, min_height, height, root, value))
        return height

    def events(self, http: httpx.Client, node: NetworkNode, min_height: int) -> int:
        """Ask an EPCIS query at a node and return the height of the answer, 0 where there was none."""
        response = http.get(f"{node.api}/epcis/events", params={"min_height": min_height, "perPage": 1})
        if response.status_code == 503:
            assert response.json()["code"] == "not_yet_at_height"
            return 0
        assert response.status_code == 200, response.text
        height = int(response.headers["tradelane-height"])
        assert height >= min_height, f"{node.name} answered an EPCIS query at {height}, asked for {min_height}"
        with self._lock:
            self.queries += 1
        return height


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


def test_reads_through_four_nodes_never_go_back_while_one_is_killed(cluster: NodeProcesses) -> None:
    nodes = cluster.network.nodes
    issue(cluster.network, nodes[0])
    clients = Clients(cluster)
    threads = [threading.Thread(target=clients.run, args=(session,)) for session in range(_SESSIONS)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.7)
        cluster.kill(nodes[0].name)
        time.sleep(0.7)
        cluster.start(nodes[0])
        cluster.wait_ready([nodes[0]])
        time.sleep(0.7)
    finally:
        clients.stop.set()
        for thread in threads:
            thread.join()
    height = wait_same_tip(cluster.network).height
    settle(clients, height)

    history = clients.history
    assert history.violations() == []
    # What nobody was told of may have happened, and of what was said to have happened nothing is missing.
    value = final_value(clients, height)
    assert value == sum(result == "OK" for _, _, result in history.outcomes().values())
    assert {read.node for read in history.reads} == {node.name for node in nodes}
    assert len(history.reads) > 30, "the load was no load"
    assert len(history.outcomes()) > 15, "the load was no load"
    assert clients.queries > 10, "the load was no load"


def settle(clients: Clients, height: int) -> None:
    """Ask every node for what nobody was told of, until none of it waits any more, and for some of the rest."""
    deadline = time.monotonic() + 20
    with httpx.Client(timeout=12, trust_env=False) as http:
        while True:
            before = len(clients.history.answers)
            for name in sorted(clients.unsure):
                for node in clients.network.nodes:
                    clients.ask(http, node, name, height)
            waiting = {answer.write for answer in clients.history.answers[before:] if answer.state == "pending"}
            if not waiting:
                break
            assert time.monotonic() < deadline, f"{waiting} still wait"
            time.sleep(0.1)
        for name in sorted(clients.history.outcomes())[:_ASKED_AGAIN]:
            for node in clients.network.nodes:
                clients.ask(http, node, name, height)


def final_value(clients: Clients, height: int) -> int:
    """Return the register, which all nodes must agree on."""
    reads = len(clients.history.reads)
    with httpx.Client(timeout=12, trust_env=False) as http:
        for node in clients.network.nodes:
            assert clients.read(http, node, -1, height) >= height
    (value,) = {read.value for read in clients.history.reads[reads:]}
    return value
