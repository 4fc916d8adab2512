"""Faults of the network between four real processes: cut, one-sided, slow and silent links, replays, false senders.

One cluster serves all tests; each leaves it healed and at one tip.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.processes import NodeProcesses
from consensus.messages import Status, decode_message, sign_message
from ledger.codec import decode, encode
from ledger.key_file import key_from_text
from ledger.keys import SecretKey
from ledger.shape import as_array
from node.config import validator_key_path
from node.network.wire import CHAIN_HEADER, decode_batch, encode_batch
from node.setup import Network, NetworkNode, create_network
from tests.support.cluster import free_base_port, statuses, wait_same_tip
from tests.support.load import issue, lost_receipts, metric, pay, streaming
from tests.support.proxy_cluster import LinkedCluster, linked_cluster
from tradelane import Client, TradelaneError
from tradelane.results import NodeStatus

pytestmark = pytest.mark.slow

SEED = 20_261_123


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkedCluster]:
    with linked_cluster(tmp_path_factory.mktemp("links"), random_bytes=random.Random(SEED).randbytes) as running:
        issue(running.network, running.nodes[0])
        yield running


@pytest.fixture
def cluster(whole: LinkedCluster) -> Iterator[LinkedCluster]:
    yield whole
    whole.heal()
    wait_same_tip(whole.network)


def status(node: NetworkNode) -> NodeStatus:
    with Client(node.api) as client:
        return client.status()


def wait_for(what: str, seconds: float, *, every_s: float = 0.05) -> Iterator[None]:
    """Go on until the loop's body breaks off; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        yield
        time.sleep(every_s)


def wait_ready(cluster: LinkedCluster) -> None:
    cluster.processes.wait_ready(cluster.nodes)


def views(node: NetworkNode, first: int, last: int) -> list[int]:
    """Return the view in which each block was decided."""
    with Client(node.api) as client:
        return [int(client.block(height).fields["certificate"]["view"]) for height in range(first, last + 1)]  # type: ignore[call-overload,index,arg-type]


@pytest.mark.fault(37)
def test_two_against_two_commit_nothing_say_why_and_heal_without_hands(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    before = wait_same_tip(network).height
    for link in cluster.between(nodes[:2]):
        link.hold()
    for node in (nodes[0], nodes[3]):
        with pytest.raises(TradelaneError):
            pay(network, node, wait_s=0.5)
    for _ in wait_for("both sides see that they are no quorum", 10):
        answers = [httpx.get(f"{node.api}/readyz", trust_env=False) for node in nodes]
        if {answer.status_code for answer in answers} == {503}:
            break
    for answer in answers:
        problem = answer.json()
        assert problem["height"] == before
        assert problem["detail"] == "2 of 4 validators can be reached, 3 are needed to commit"
    assert {status(node).height for node in nodes} == {before}
    cluster.heal()
    began = time.monotonic()
    # Both payments wait on one side each; nobody does anything but mend the net.
    for _ in wait_for("both payments are committed", 15):
        if {(answer.pending_transactions, answer.height > before) for answer in statuses(network)} == {(0, True)}:
            break
    assert time.monotonic() - began < 15
    wait_same_tip(network, before + 1)
    wait_ready(cluster)


@pytest.mark.fault(38)
@pytest.mark.parametrize("is_deaf", [True, False], ids=["deaf", "dumb"])
def test_one_sided_links_of_one_node_do_not_keep_the_others_changing_views(
    cluster: LinkedCluster, *, is_deaf: bool
) -> None:
    network, nodes = cluster.network, cluster.nodes
    first = wait_same_tip(network).height + 1
    victim, others = nodes[3], nodes[:3]
    for link in cluster.to(victim) if is_deaf else cluster.from_(victim):
        link.hold()
    receipts = [pay(network, others[turn % 3]) for turn in range(6)]
    last = max(status(node).height for node in others)
    found = views(others[0], first, last)
    # Who cannot be heard, or cannot answer, loses its own turns and nobody else's.
    assert len(found) >= 6
    assert max(found) <= 1
    assert sum(found) <= -(-len(found) // 4)
    for node in others:
        assert metric(node, "tradelane_consensus_reports_total", kind="equivocation") == 0
    cluster.heal()
    wait_same_tip(network, last)
    assert lost_receipts(network, receipts) == []


@pytest.mark.fault(39)
def test_an_isolated_node_catches_up_while_the_others_go_on(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    victim, others = nodes[2], [node for node in nodes if node is not nodes[2]]
    behind = wait_same_tip(network).height
    for link in cluster.between([victim]):
        link.cut()
    with streaming(network, 40, others) as stream:
        for _ in wait_for("blocks without the isolated node", 30):
            if status(others[0]).height >= behind + 8:
                break
        assert status(victim).height == behind
        cluster.heal()
        for _ in wait_for("the isolated node is back at the tip", 10):
            if status(victim).height >= status(others[0]).height - 1:
                break
    wait_same_tip(network, behind + 8)
    assert stream.errors == {}
    assert lost_receipts(network, stream.receipts) == []


def post(network: Network, node: NetworkNode, path: str, body: bytes) -> None:
    """Say something to a node's listener for peers, as anybody can who reaches its port."""
    answer = httpx.post(
        f"{node.p2p}/p2p/{path}", content=body, headers={CHAIN_HEADER: network.chain_id}, trust_env=False
    )
    assert answer.status_code == 204, answer.text


def requests(carried: bytes) -> list[tuple[str, bytes]]:
    """Return (path, body) of each whole request that a link carried."""
    found = []
    while b"\r\n\r\n" in carried:
        head, _, rest = carried.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        size = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        found.append((lines[0].split(" ")[1].removeprefix("/p2p/"), rest[:size]))
        carried = rest[size:]
    return found


def junk(node: NetworkNode, reason: str) -> float:
    return metric(node, "tradelane_peer_junk_total", reason=reason)


@pytest.mark.fault(40)
def test_what_was_said_once_is_worth_nothing_later_or_on_another_chain(cluster: LinkedCluster, tmp_path: Path) -> None:
    network, nodes = cluster.network, cluster.nodes
    link = cluster.links[nodes[0].name, nodes[1].name]
    link.carried.clear()
    link.is_recording = True
    for _ in range(4):
        pay(network, nodes[0], wait_s=10)
    time.sleep(1.5)  # a heart beat at least
    link.is_recording = False
    # Questions are answered whoever asks them; on a busy machine a node asks for what a proposal names.
    carried = [(path, body) for path, body in requests(bytes(link.carried)) if path in ("messages", "transactions")]
    batches = [decode_batch(body) for path, body in carried if path == "messages"]
    said = [decode_message(data).message for batch in batches for data in batch]
    assert {type(message).__name__ for message in said} >= {"Prepare", "Commit", "Status"}
    assert "transactions" in {path for path, _ in carried}

    before = wait_same_tip(network)
    old = metric(nodes[2], "tradelane_consensus_reports_total", kind="old_height")
    for path, body in carried * 2:
        post(network, nodes[2], path, body)
    assert metric(nodes[2], "tradelane_consensus_reports_total", kind="old_height") >= old + 2 * sum(
        not isinstance(message, Status) for message in said
    )
    after = wait_same_tip(network)
    assert (after.height, after.tip_hash, after.pending_transactions) == (before.height, before.tip_hash, 0)

    # The same keys on a chain of their own: nothing of all that counts there.
    twin = create_network(
        tmp_path / "twin",
        now_ms=1_790_000_000_000,
        random_bytes=random.Random(SEED).randbytes,
        base_port=free_base_port(4),
    )
    assert twin.chain_id != network.chain_id
    home, twin_home = network.home(nodes[1]), twin.home(twin.nodes[1])
    assert validator_key_path(home).read_bytes() == validator_key_path(twin_home).read_bytes()
    processes = NodeProcesses(twin)
    try:
        listener = processes.start(twin.nodes[1]).node
        for _ in wait_for("the twin answers", 10):
            try:
                if status(listener).height == 0:
                    break
            except TradelaneError:
                pass
        for path, body in carried:
            post(twin, listener, path, body)
        assert junk(listener, "bad_signature") == len(said)
        assert junk(listener, "transaction.wrong_chain") == sum(
            len(decode_batch(body)) for path, body in carried if path == "transactions"
        )
        answer = status(listener)
        assert (answer.height, answer.view, answer.pending_transactions) == (0, 0, 0)
        assert {peer.height for peer in answer.peers} == {None}
    finally:
        processes.stop_all()


@pytest.mark.fault(41)
def test_who_said_it_is_who_signed_it_whatever_connection_it_came_on(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    listener, sender, other = nodes[0], nodes[3], nodes[2]
    keys = {node: validator_key(network, node) for node in (sender, other)}
    chain_id = bytes.fromhex(network.chain_id)
    here = wait_same_tip(network)
    for link in cluster.from_(sender) + cluster.from_(other):
        link.hold()
    for _ in wait_for("what was on its way has arrived", 5):
        if heard(listener, keys[sender]) == heard(listener, keys[other]) == here.height + 1:
            break

    # From nobody's address, and believed: it is the sender's signature.
    signed = sign_message(keys[sender], chain_id, Status(here.height + 2, 0, bytes.fromhex(here.tip_hash)))
    post(network, listener, "messages", encode_batch([signed.encoded]))
    assert heard(listener, keys[sender]) == here.height + 2

    # In another's name, by a validator and by a stranger; and by a stranger in its own name.
    stranger = SecretKey(b"\x21" * 32)
    before = {reason: junk(listener, reason) for reason in ("bad_signature", "not_a_validator")}
    far = Status(here.height + 9, 0, bytes.fromhex(here.tip_hash))
    for forger in (keys[sender], stranger):
        *said, _, signature = as_array(decode(sign_message(forger, chain_id, far).encoded), 4, "message")
        post(network, listener, "messages", encode_batch([encode([*said, keys[other].public_key, signature])]))
    post(network, listener, "messages", encode_batch([sign_message(stranger, chain_id, far).encoded]))
    assert junk(listener, "bad_signature") == before["bad_signature"] + 2
    assert junk(listener, "not_a_validator") == before["not_a_validator"] + 1
    assert heard(listener, keys[other]) == here.height + 1
    assert status(listener).height == here.height


def validator_key(network: Network, node: NetworkNode) -> SecretKey:
    return key_from_text(validator_key_path(network.home(node)).read_text())


def heard(node: NetworkNode, key: SecretKey) -> int | None:
    """Return the height that a node believes another to work on."""
    return next(peer.height for peer in status(node).peers if peer.public_key == key.public_key.hex())


@pytest.mark.fault(42)
def test_a_silent_and_a_slow_peer_hold_nobody_up(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    victim = nodes[1]
    for kind in ("half-open", "slow"):
        start = wait_same_tip(network).height
        for link in cluster.to(victim):
            if kind == "half-open":
                link.hold()
            else:
                link.slow(bytes_per_s=2_000)
        receipts = []
        for turn in range(4):
            began = time.monotonic()
            receipts.append(pay(network, nodes[(0, 2, 3)[turn % 3]]))
            # One turn of the victim's may pass; the connection's own patience would be ten seconds.
            assert time.monotonic() - began < 6, kind
        assert status(nodes[0]).height >= start + 4
        cluster.heal()
        wait_same_tip(network, start + 4)
        assert lost_receipts(network, receipts) == []


@pytest.mark.fault(42)
def test_a_node_whose_connections_were_forgotten_on_the_way_opens_new_ones_soon(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    victim, others = nodes[3], nodes[:3]
    behind = wait_same_tip(network).height
    for link in cluster.from_(victim):
        link.hold()
    for link in cluster.to(victim):
        link.cut()
    receipts = [pay(network, node) for node in others]
    # Now it hears that there are new blocks, and asks for them in vain.
    for link in cluster.to(victim):
        link.heal()
    for _ in wait_for("it hears that it is behind", 5):
        if max(peer.height or 0 for peer in status(victim).peers) > behind + 1:
            break
    for link in cluster.links.values():
        link.strand()
    cluster.heal()
    began = time.monotonic()
    tip = wait_same_tip(network, max(receipt.height or 0 for receipt in receipts), timeout_s=40)
    assert tip.height >= behind + 3
    assert time.monotonic() - began < 12
    assert lost_receipts(network, receipts) == []


@pytest.mark.fault(43)
def test_a_peer_that_is_away_is_called_with_pauses_and_found_again(cluster: LinkedCluster) -> None:
    network, nodes = cluster.network, cluster.nodes
    victim = nodes[0]
    links = cluster.to(victim)
    before = [link.refused for link in links]
    for link in links:
        link.cut()
    cluster.processes.kill(victim.name)
    receipts = [pay(network, nodes[1]) for _ in range(2)]
    time.sleep(2)
    calls = [link.refused - count for link, count in zip(links, before, strict=True)]
    # Pauses of 50 ms that double up to 2 s, the half of each by chance: at most a dozen in the first seconds.
    assert all(2 <= count <= 20 for count in calls), calls
    cluster.processes.start(victim)
    cluster.heal()
    began = time.monotonic()
    wait_ready(cluster)
    wait_same_tip(network, max(receipt.height or 0 for receipt in receipts))
    assert time.monotonic() - began < 10
    assert lost_receipts(network, receipts) == []
