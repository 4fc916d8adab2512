"""Nodes that lie: a real node whose answers are changed on the way, and a client and commands that say so."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from ledger.proof import TrustRoot, trust_from_genesis, trust_from_json, trust_to_json
from ledger.proof.json_text import bytes_of, to_base64url
from ledger.transaction import Operation
from tests.support.epcis import document, observation, packing
from tests.support.lying_nodes import FROZEN, HONEST, LIAR, Lie, LyingNodes
from tests.support.opened_bundles import closed, transactions_of
from tests.support.running_node import RunningNode, running_node
from tradelane import Checked, Client, VerificationError, check_trace, fetch_checked

PACK = "https://id.gs1.org/01/09506000134352/21/78"
CASE = "https://id.gs1.org/00/095060001343520001"
PAYMENT = (b"\x07" * 16).hex()


@dataclass(frozen=True)
class Scene:
    """The hosts, a trust root, and how to make the chain go on."""

    hosts: LyingNodes
    trust: TrustRoot
    node: RunningNode

    def fetch(self, *nodes: str, ask: Callable[[Client], Any] | None = None) -> Checked:
        """Fetch the trace proof of the pack, or another bundle, from these hosts."""
        with self.hosts.client(*nodes) as client:
            return fetch_checked(client, ask or (lambda one: one.trace_proof(PACK)), self.trust)

    def go_on(self) -> None:
        """Commit another event of the pack."""
        assert self.node.capture(document(observation(PACK))).status_code == 200


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("lying")
    with running_node(directory) as node:
        assert node.capture(document(observation(PACK, "ADD"), packing("ADD", CASE, PACK))).status_code == 200
        node.commit("brand", Operation("settlement.open_account", {"id": "till", "currency": "USD"}))
        yield node


@pytest.fixture
def scene(running: RunningNode, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("tradelane.checking._PAUSE_S", 0.0)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    return Scene(LyingNodes(running), trust_from_genesis(running.node.genesis), running)


def refused(code: str, fetch: Callable[[], object]) -> VerificationError:
    """Check that something is refused by this reason."""
    with pytest.raises(VerificationError) as caught:
        fetch()
    assert caught.value.code == code
    return caught.value


def test_an_honest_node_is_believed_and_compared(scene: Scene) -> None:
    checked = scene.fetch(HONEST)
    assert (checked.node, checked.others, checked.doubts) == (HONEST, 0, ())
    checked = scene.fetch(HONEST, LIAR)
    assert (checked.node, checked.others, checked.doubts) == (HONEST, 1, ())
    with scene.hosts.client(HONEST) as client:
        check_trace(client.trace(PACK), checked.facts)


def hide_last_record(path: str, answer: Any) -> None:
    if path.endswith("/proof") and "trust" not in path:
        answer["history"][-1]["records"].pop()


def hide_container(path: str, answer: Any) -> None:
    if path.endswith("/trace/proof"):
        answer["heads"] = [entry for entry in answer["heads"] if b"/00/" not in _key(entry)]
        answer["history"] = [entry for entry in answer["history"] if b"/00/" not in _key(entry)]


def change_event(path: str, answer: Any) -> None:
    if path.endswith("/proof") and transactions_of(answer):
        transactions = transactions_of(answer)
        encoded = bytearray(bytes_of(transactions[0], "transaction", 1 << 20))
        encoded[len(encoded) // 2] ^= 1
        answer |= closed({**answer, "transactions": [to_base64url(bytes(encoded)), *transactions[1:]]})


@pytest.mark.parametrize(
    ("lie", "code"),
    [(hide_last_record, "history_count"), (hide_container, "parent_missing")],
)
def test_a_hidden_event_is_missed(scene: Scene, lie: Lie, code: str) -> None:
    scene.hosts.lie = lie
    assert "http://liar" in refused(code, lambda: scene.fetch(LIAR)).detail
    checked = scene.fetch(LIAR, HONEST)
    assert checked.node == HONEST
    assert [(doubt.node, doubt.code) for doubt in checked.doubts] == [(LIAR, code)]


def test_a_changed_event_is_noticed(scene: Scene) -> None:
    scene.hosts.lie = change_event
    with pytest.raises(VerificationError) as caught:
        scene.fetch(LIAR)
    assert caught.value.code in {"transaction_signature", "transaction_encoding"}


def test_an_old_state_is_not_taken_for_the_present_one(scene: Scene) -> None:
    old = scene.fetch(FROZEN)
    scene.go_on()
    # With the frozen node alone there is nothing to compare, and the client says so.
    alone = scene.fetch(FROZEN)
    assert (alone.facts.height, alone.others) == (old.facts.height, 0)
    checked = scene.fetch(FROZEN, HONEST)
    assert (checked.node, checked.facts.height) == (HONEST, old.facts.height + 1)
    ((doubt),) = checked.doubts
    assert (doubt.node, doubt.code) == (FROZEN, "stale")
    assert f"http://honest had proven block {old.facts.height + 1} before" in doubt.detail
    assert sum(len(head.records) for head in checked.facts.heads) > sum(len(head.records) for head in old.facts.heads)


def test_a_light_client_alone_knows_a_height_that_was_reached(scene: Scene) -> None:
    scene.fetch(FROZEN)
    scene.go_on()
    newer = scene.fetch(HONEST).facts.trust
    assert newer.height == scene.node.height

    def fetch() -> object:
        with scene.hosts.client(FROZEN) as client:
            return fetch_checked(client, lambda one: one.trace_proof(PACK), newer)

    refused("stale", fetch)


def test_a_hidden_payment_is_missed(scene: Scene) -> None:
    def ask(one: Client) -> Any:
        return one.transfer_proof(PAYMENT)

    before = scene.fetch(FROZEN, ask=ask)
    assert before.facts.heads[0].value is None
    issue: Any = {"id": bytes.fromhex(PAYMENT), "account": "till", "amount": 500}
    scene.node.commit("warehouse", Operation("settlement.issue", issue))
    assert scene.fetch(HONEST, ask=ask).facts.heads[0].value is not None

    def deny(path: str, answer: Any) -> None:
        if "/transfers/" in path:
            answer["heads"][0]["value"] = None

    scene.hosts.lie = deny
    refused("head_present", lambda: scene.fetch(LIAR, ask=ask))
    # That it was not there before is true as of then, and stale now.
    checked = scene.fetch(FROZEN, HONEST, ask=ask)
    assert (checked.node, checked.doubts[0].code) == (HONEST, "stale")
    scene.hosts.lie = hide_last_record
    refused("history_count", lambda: scene.fetch(LIAR, ask=lambda one: one.account_proof("till")))


def test_a_node_that_proves_another_chain_is_named(scene: Scene) -> None:
    def claim(path: str, answer: Any) -> None:
        if path == "/v1/trust/proof":
            answer["chain_id"] = to_base64url(bytes(32))

    scene.hosts.lie = claim
    checked = scene.fetch(HONEST, LIAR)
    assert [(doubt.node, doubt.code) for doubt in checked.doubts] == [(LIAR, "other_chain")]


def drop_event(path: str, answer: Any) -> None:
    if path == "/v1/items/trace":
        del answer["events"][0]


def move_event(path: str, answer: Any) -> None:
    if path == "/v1/items/trace":
        answer["events"][0]["event"]["event_time_ms"] += 1


def invent_event(path: str, answer: Any) -> None:
    if path == "/v1/items/trace":
        answer["events"].append({**answer["events"][0], "operation": 7})


def pretend_height(path: str, answer: Any) -> None:
    if path == "/v1/items/trace":
        answer["height"] -= 1
        answer["events"].pop()


def lose_place(path: str, answer: Any) -> None:
    if path == "/v1/items/trace":
        del answer["events"][0]["index"]


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (drop_event, "answer_hides"),
        (move_event, "answer_differs"),
        (invent_event, "answer_invents"),
        (pretend_height, "stale"),
        (lose_place, "answer_differs"),
    ],
)
def test_a_tree_that_differs_from_the_proof_is_refused(scene: Scene, lie: Lie, code: str) -> None:
    scene.hosts.lie = lie
    with scene.hosts.client(LIAR) as client:
        facts = fetch_checked(client, lambda one: one.trace_proof(PACK), scene.trust).facts
        tree = client.trace(PACK)
    refused(code, lambda: check_trace(tree, facts))


@pytest.fixture
def command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("cli.session.open_client", lambda nodes: scene.hosts.client(*nodes))
    Path("trust.json").write_text(trust_to_json(scene.trust))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*arguments, "--trust", "trust.json"])
        printed = capsys.readouterr()
        return code, " ".join(printed.out.split()), " ".join(printed.err.split())

    return call


def test_the_commands_say_whom_they_do_not_believe(scene: Scene, command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command("trace", "show", PACK, "--verify", "--node", HONEST)
    assert code == 0
    assert "from one node alone" in out
    assert "was in SSCC 095060001343520001" in out
    scene.hosts.lie = drop_event
    code, _, err = command("trace", "show", PACK, "--verify", "--node", LIAR)
    assert code == 6
    assert "answer_hides" in err
    scene.hosts.lie = hide_last_record
    code, _, err = command("verify", PACK, "--node", LIAR)
    assert (code, "history_count" in err) == (6, True)
    code, out, _ = command("verify", PACK, "--node", LIAR, "--node", HONEST)
    assert code == 0
    assert "not relied on: http://liar" in out
    assert "1 other node proved no block after" in out


def test_the_commands_notice_an_old_state(scene: Scene, command: Callable[..., tuple[int, str, str]]) -> None:
    assert command("verify", PACK, "--node", FROZEN)[0] == 0
    scene.go_on()
    code, out, _ = command("verify", PACK, "--node", FROZEN, "--node", HONEST, "--update-trust")
    assert code == 0
    assert "not relied on: http://frozen" in out
    assert "(stale)" in out
    assert trust_from_json(Path("trust.json").read_text()).height == scene.node.height
    # From now on the frozen node cannot deceive even when it is asked alone.
    code, _, err = command("verify", PACK, "--node", FROZEN, "--json")
    assert (code, json.loads(err)["error"]["code"]) == (6, "stale")


def _key(entry: Any) -> bytes:
    return bytes_of(entry["key"], "key", 4096)
