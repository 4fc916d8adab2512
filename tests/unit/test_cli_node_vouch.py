"""`tradelane node vouch`: an operator's word for a safety store that cannot know."""

import secrets
from contextlib import closing
from pathlib import Path

import pytest

from node.setup import create_network
from node.storage.safety_store import SafetyStore
from tests.support.command_line import CommandLine


@pytest.fixture
def home(tmp_path: Path) -> Path:
    network = create_network(
        tmp_path / "network", now_ms=1_760_000_000_000, random_bytes=secrets.token_bytes, validators=1
    )
    return network.home(network.nodes[0])


def test_a_store_is_vouched_for_only_with_the_operators_word(tradelane: CommandLine, home: Path) -> None:
    refused = tradelane("node", "vouch", "--home", str(home), "--json")
    assert refused.code == 1
    assert refused.error["code"] == "safety.not_confirmed"
    with closing(SafetyStore.open(home / "safety")) as safety:
        assert safety.new_reason == "new"
    done = tradelane("node", "vouch", "--home", str(home), "--yes", "--json")
    assert (done.code, done.json) == (0, {"reason": "new"})
    with closing(SafetyStore.open(home / "safety")) as safety:
        assert not safety.is_new
    again = tradelane("node", "vouch", "--home", str(home), "--yes")
    assert (again.code, again.out) == (0, "nothing to do: the safety store can vouch for its votes\n")


def test_a_store_in_use_is_left_alone(tradelane: CommandLine, home: Path) -> None:
    with closing(SafetyStore.open(home / "safety")):
        refused = tradelane("node", "vouch", "--home", str(home), "--yes", "--json")
    assert (refused.code, refused.error["code"]) == (5, "home.in_use")
