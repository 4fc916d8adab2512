"""What leaves a node is on its disk before: read from the system calls of a real node in a network of four.

A ``kill -9`` cannot show a missing sync, for the kernel keeps what was written. The order of the calls can: the record
of a vote is written to the safety store's log, the log is synced, and only then may the first byte of the message go
out to a peer; and the same for a block and the answer that says it is committed.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from cli.processes import NodeProcesses
from consensus.messages import decode_message, tag_of
from ledger.key_file import key_from_text
from node.config import validator_key_path
from node.network.wire import decode_batch
from tests.process.test_cluster import issue, transfer
from tests.support import strace
from tests.support.cluster import running_cluster
from tests.support.strace import Call
from tradelane import Client
from tradelane.results import TransactionStatus

pytestmark = pytest.mark.slow

PROTECTED = {"pre-prepare", "prepare", "commit", "view-change"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NodeProcesses]:
    with running_cluster(tmp_path) as processes:
        yield processes


@pytest.mark.fault(21)
def test_votes_and_blocks_are_on_the_disk_before_anybody_hears_of_them(cluster: NodeProcesses, tmp_path: Path) -> None:
    traced, log = cluster.network.nodes[0], tmp_path / "trace"
    home = cluster.network.home(traced)
    cluster.kill(traced.name)
    with strace.node_under_strace(cluster.network, traced, log, *strace.READ_ORDER), Client(traced.api) as client:
        answered = [issue(cluster.network, client, 1_000_000)]
        answered += [transfer(cluster.network, client) for _ in range(8)]
        # Somebody's turn comes who is not there, so that views change; whoever missed a turn before is forgiven then.
        cluster.kill(cluster.network.nodes[1].name)
        answered += [transfer(cluster.network, client) for _ in range(14)]
    calls = strace.calls(log)
    public_key = key_from_text(validator_key_path(home).read_text()).public_key
    assert_votes_are_synced_first(calls, home, public_key)
    assert_blocks_are_synced_first(calls, home, answered, traced.api)
    # Without the syncs the very same order is refused: this test would see one that is missing.
    unsynced = [call for call in calls if call.name != "fdatasync" or call.start > calls[-1].start // 2]
    with pytest.raises(AssertionError, match="before it was synced"):
        assert_votes_are_synced_first(unsynced, home, public_key)
    with pytest.raises(AssertionError, match="before its block was synced"):
        assert_blocks_are_synced_first(unsynced, home, answered, traced.api)


def assert_votes_are_synced_first(calls: list[Call], home: Path, public_key: bytes) -> None:
    written = log_writes(calls, home / "safety")
    kinds: dict[str, int] = {}
    for body_start, data in messages_sent(calls):
        signed = decode_message(data)
        kind = tag_of(signed.message)
        if signed.sender != public_key or kind not in PROTECTED:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        synced = synced_at(calls, written, signed.signature)
        assert synced is not None, f"{kind} of height {signed.message.height} was sent and never stored"
        assert synced < body_start, f"{kind} of height {signed.message.height} left before it was synced"
    assert set(kinds) == PROTECTED
    assert min(kinds["prepare"], kinds["commit"], kinds["pre-prepare"]) >= 3, kinds


def assert_blocks_are_synced_first(calls: list[Call], home: Path, answered: list[TransactionStatus], api: str) -> None:
    written = log_writes(calls, home / "ledger")
    port = api.rsplit(":", 1)[1]
    answers = [call for call in calls if f":{port}->" in call.target]
    # The head of an answer goes out in a write of its own before the body, and is the first thing that is heard.
    receipts = {
        body.data: head.start
        for head, body in pairwise(answers)
        if head.data.startswith(b"HTTP/1.1 200") and b'"committed"' in body.data
    }
    for status in answered:
        heard = [start for data, start in receipts.items() if status.id.encode() in data]
        synced = synced_at(calls, written, bytes.fromhex(status.id))
        assert heard, f"no answer about {status.id} was seen"
        assert synced is not None, f"transaction {status.id} was never stored"
        assert synced < heard[0], f"transaction {status.id} was answered before its block was synced"


def log_writes(calls: list[Call], directory: Path) -> list[Call]:
    """Return the writes to the log of a LevelDB."""
    place = str(directory / "leveldb")
    return [call for call in calls if call.target.startswith(place) and call.target.endswith(".log") and call.data]


def synced_at(calls: list[Call], written: list[Call], needle: bytes) -> int | None:
    """Return when the sync came back that followed the first write of these bytes to a log."""
    first = next((call for call in written if needle in call.data), None)
    if first is None:
        return None
    return next(
        (
            call.end
            for call in calls
            if call.name == "fdatasync" and call.target == first.target and call.start > first.end
        ),
        None,
    )


def messages_sent(calls: list[Call]) -> Iterator[tuple[int, bytes]]:
    """Yield (when the first byte of the request went out, encoded message) for each consensus message to a peer."""
    streams: dict[tuple[int, str], list[Call]] = {}
    for call in calls:
        if call.target.startswith("TCP") and call.data:
            streams.setdefault((call.descriptor, call.target), []).append(call)
    for writes in streams.values():
        stream = b"".join(call.data for call in writes)
        starts = [start for call in writes for start in [call.start] * len(call.data)]
        position = 0
        while (position := stream.find(b"POST /p2p/messages ", position)) >= 0:
            head_end = stream.find(b"\r\n\r\n", position) + 4
            head = stream[position:head_end].decode("latin-1").lower()
            size = int(head.split("content-length: ")[1].split("\r\n")[0])
            body = stream[head_end : head_end + size]
            if len(body) == size:
                for data in decode_batch(body):
                    yield starts[head_end], data
            position = head_end + size
