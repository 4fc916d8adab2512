"""What peers send to a running node: each piece of junk is dropped by its own reason, counted, and changes nothing."""

from collections.abc import Iterator

import pytest

from consensus.messages import Prepare, Status, sign_message
from ledger.codec import encode
from ledger.keys import SecretKey
from ledger.transaction import Operation, Transaction
from node.network.asking import JunkError, PeerError
from node.network.peers import PeerNetwork
from tests.support.running_node import RunningNode, running_node

STRANGER = SecretKey(b"\x21" * 32)
OPERATION = Operation("settlement.transfer", {"n": 1})


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("junk")) as running:
        yield running


def junk(node: RunningNode, reason: str) -> float:
    return node.node.metrics.registry.get_sample_value("tradelane_peer_junk_total", {"reason": reason}) or 0.0


def messages(node: RunningNode, *batch: bytes) -> None:
    async def hand_over() -> None:
        node.node.receive_messages(batch)

    node.run(hand_over())


def test_messages_of_no_validator_are_dropped_by_reason(node: RunningNode) -> None:
    chain_id = node.node.chain.chain_id
    stranger = sign_message(STRANGER, chain_id, Prepare(1, 0, b"\0" * 32)).encoded
    validator = node.node.runtime.replica.public_key
    forged = encode(["prepare", [1, 0, b"\0" * 32], validator, bytes(64)])
    cases = {
        "not_msgpack": b"\xc1",
        "field_count": encode([1, 2]),
        "message_tag": encode(["gossip", [], STRANGER.public_key, bytes(64)]),
        "not_a_validator": stranger,
        "bad_signature": forged,
    }
    before = {reason: junk(node, reason) for reason in cases}
    height, view = node.height, node.node.runtime.replica.view
    messages(node, *cases.values())
    assert {reason: junk(node, reason) - before[reason] for reason in cases} == dict.fromkeys(cases, 1.0)
    assert (node.height, node.node.runtime.replica.view) == (height, view)


def test_what_a_peer_answers_is_counted_like_what_it_sends(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it does not answer at all is no junk; reachable peers are counted apart."""
    errors = [JunkError("not_msgpack", "its answer cannot be read"), PeerError("it does not answer")]

    async def fetch_blocks(*_: object) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(PeerNetwork, "fetch_blocks", fetch_blocks)
    before = junk(node, "not_msgpack")
    for _ in range(2):
        assert node.run(node.node.runtime._fetched(b"\1" * 32, 1, 2)) is None
    assert junk(node, "not_msgpack") == before + 1


def test_a_status_of_another_chain_is_not_believed(node: RunningNode) -> None:
    before = junk(node, "not_a_validator")
    messages(node, sign_message(STRANGER, b"\x05" * 32, Status(99, 0, b"\0" * 32)).encoded)
    assert junk(node, "not_a_validator") == before + 1
    assert node.node.runtime.peer_heights == {}


def test_transactions_of_peers_pass_the_same_gates_as_those_of_clients(node: RunningNode) -> None:
    good = node.transaction("maker", OPERATION)
    forged = encode([good.body, bytes(64)])
    cases: dict[str, bytes] = {
        "transaction.malformed": b"\x92\xc4\x00\xc4\x00",
        "transaction.wrong_chain": node.transaction("maker", OPERATION, chain_id=b"\x05" * 32).encoded,
        "transaction.expired": node.transaction("maker", OPERATION, valid_until_ms=1).encoded,
        "transaction.bad_signature": forged,
    }
    before = {reason: junk(node, reason) for reason in cases}
    height = node.height
    node.run(node.node.receive_transactions(list(cases.values())))
    assert {reason: junk(node, reason) - before[reason] for reason in cases} == dict.fromkeys(cases, 1.0)
    assert node.height == height
    assert not node.node.is_pending(good.transaction_id)


def test_a_good_transaction_of_a_peer_is_committed_and_its_echo_is_no_junk(node: RunningNode) -> None:
    good: Transaction = node.transaction("maker", OPERATION)
    node.run(node.node.receive_transactions([good.encoded, good.encoded]))
    assert node.run(node.node.wait_committed(good.transaction_id, 10))
    before = junk(node, "transaction.replayed")
    node.run(node.node.receive_transactions([good.encoded]))
    assert junk(node, "transaction.replayed") == before
