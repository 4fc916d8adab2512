"""`tradelane link`, `code` and `serial` against a real node."""

import json
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from contracts import heads
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from node.queries import get_head
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node
from tests.support.shared_data import REPOSITORY
from tradelane import BadRequestError
from tradelane.identity import code_text, random_code, read_code

GTIN = "09521102002002"
PIECE = f"https://id.gs1.org/01/{GTIN}/21/A1"

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("identity")
    with running_node(directory) as node:
        node.commit("brand", Operation("provenance.register_product", {"gtin": GTIN, "name": "Tuna"}))
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.checking._PAUSE_S", 0.0)
    hosts = LyingNodes(running)
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path("brand")))
    Path("trust.json").write_text(trust_to_json(trust_from_genesis(running.node.genesis)))

    def call(*arguments: str, is_json: bool = True) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run([*arguments, "--node", HONEST, *(["--json"] if is_json else [])])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if is_json and printed.out else printed.out, printed.err

    return call


def test_links_are_published_and_shown(command: Command) -> None:
    file = str(REPOSITORY / "examples" / "product-links.json")
    code, found, err = command("link", "publish", GTIN[1:], file)
    assert (code, found["id"], found["links"]) == (0, f"https://id.gs1.org/01/{GTIN}", 4), err

    code, found, err = command("link", "show", GTIN)
    assert code == 0, err
    (level,) = found["linkset"]
    assert level["itemDescription"] == "Tuna"
    assert len(level["https://ref.gs1.org/voc/pip"]) == 3

    code, text, err = command("link", "show", GTIN, is_json=False)
    assert code == 0, err
    assert text.splitlines()[:5] == [
        "Tuna",
        "  pip (en, default): Tuna steaks",
        "    https://brand.example/tuna-steaks",
        "  pip (de, default): Thunfischsteaks",
        "    https://brand.example/de/thunfisch",
    ]


@pytest.mark.parametrize("text", ["", "{}", "[", '[{"$bytes": 1}]', "[" * 3_000])
def test_a_file_without_links_is_refused(command: Command, text: str) -> None:
    Path("links.json").write_text(text)
    code, _, err = command("link", "publish", GTIN, "links.json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "links.file")


def test_what_is_no_code_of_a_product_has_no_links(command: Command) -> None:
    code, _, err = command("link", "show", "urn:x:y")
    assert (code, json.loads(err)["error"]["code"]) == (1, "link.identifier")
    for wrong in (GTIN[:-1] + "9", "https://id.gs1.org/00/395211020000004175"):
        code, _, err = command("link", "publish", wrong, "links.json")
        assert (code, json.loads(err)["error"]["code"]) == (1, "link.identifier")
    code, _, err = command("link", "show", PIECE)
    assert (code, json.loads(err)["error"]["code"]) == (3, "item.unknown")


def test_a_code_inside_a_piece_from_its_making_to_its_second_use(command: Command, running: RunningNode) -> None:
    code, made, err = command("code", "make", PIECE, "-o", "codes.json")
    assert (code, made["codes"]) == (0, 1), err
    assert stat.S_IMODE(Path("codes.json").stat().st_mode) == 0o600
    (secret,) = json.loads(Path("codes.json").read_text()).values()
    assert re.fullmatch(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", secret)

    def on_ledger() -> set[str]:
        head = get_head(running.node.store, heads.inner_code(PIECE))
        assert head is not None
        return set(head) - {"count", "chain"}

    code, found, err = command("code", "check", PIECE, secret.lower().replace("-", " "), "--trust", "trust.json")
    assert (code, found["matches"], found["revealed_ms"]) == (0, True, None), err
    assert on_ledger() == {"organisation", "commitment", "committed_ms"}

    other = code_text(random_code())
    code, _, err = command("code", "check", PIECE, other, "--trust", "trust.json")
    assert (code, json.loads(err)["error"]["code"]) == (6, "code.wrong")
    code, _, err = command("code", "reveal", PIECE, other)
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.inner_code_wrong")

    code, _, err = command("code", "reveal", PIECE, secret)
    assert code == 0, err
    assert on_ledger() == {"organisation", "commitment", "committed_ms", "revealed_ms", "revealed_by", "code"}
    code, _, err = command("code", "reveal", PIECE, secret)
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.inner_code_revealed")
    code, found, err = command("code", "check", PIECE, secret, "--trust", "trust.json")
    assert (code, found["matches"], found["revealed_ms"] > 0) == (5, True, True), err
    code, text, _ = command("code", "check", PIECE, secret, "--trust", "trust.json", is_json=False)
    assert "the code was used before" in text

    code, _, err = command("code", "make", PIECE, "-o", "codes.json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "file.unwritable")


def test_a_piece_without_a_code_is_told_from_a_wrong_one(command: Command) -> None:
    code, _, err = command("code", "check", PIECE + "x", "ABCD-EFGH-IJKL-MNOP", "--trust", "trust.json")
    assert (code, json.loads(err)["error"]["code"]) == (3, "code.unknown")
    code, _, err = command("code", "check", PIECE, "ABCD-EFGH", "--trust", "trust.json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "code.malformed")


def test_a_tag_is_on_one_piece_for_good(command: Command) -> None:
    uid = "04:de:5f:1e:ac:c0:40"
    code, _, err = command("tag", "find", uid, "--trust", "trust.json")
    assert (code, json.loads(err)["error"]["code"]) == (3, "tag.unknown")
    code, bound, err = command("tag", "bind", uid, PIECE, "--key-version", "3")
    assert (code, bound["uid"], bound["id"]) == (0, "04de5f1eacc040", PIECE), err
    code, found, err = command("tag", "find", uid, "--trust", "trust.json")
    assert (code, found["id"], found["organisation"], found["key_version"]) == (0, PIECE, "brand", 3), err
    code, _, err = command("tag", "bind", uid, PIECE + "x")
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.tag_exists")
    for wrong in ("", "04", "04:de:5f:1e:ac:c0:4x"):
        code, _, err = command("tag", "find", wrong)
        assert (code, json.loads(err)["error"]["code"]) == (1, "tag.uid")


def test_codes_are_read_as_people_type_them() -> None:
    code = random_code()
    assert read_code(f" {code_text(code).lower()} ") == code
    assert read_code("0I10-aaaa-aaaa-aaaa") == read_code("OIIO-AAAA-AAAA-AAAA")
    for text in ("", "ABCD-EFGH-IJKL-MNO8", "é" * 16, "A" * 15):
        with pytest.raises(BadRequestError):
            read_code(text)


def test_serials_are_random_and_of_the_length_that_gs1_allows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serial", GTIN[1:], "--count", "200"]) == 0
    made = capsys.readouterr().out.split()
    assert len(set(made)) == 200
    assert all(re.fullmatch(rf"https://id\.gs1\.org/01/{GTIN}/21/[A-Z2-7]{{20}}", link) for link in made)
    for wrong in ("9521102002003", "952", "1" * 15, "x"):
        assert run(["serial", wrong]) == 1
        assert "serial.gtin" in capsys.readouterr().err
