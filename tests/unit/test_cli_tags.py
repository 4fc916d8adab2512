"""`tradelane tag read`: a message counts once, and the keys are told to nobody."""

import json
from pathlib import Path

import pytest

from cli.main import run

ADDRESS = "https://id.example/x?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086"
LATER = (
    "https://id.example/x?picc_data=FD91EC264309878BE6345CBE53BADF40"
    "&enc=CEE9A53E3E463EF1F459635736738962&cmac=ECC1E7F6C6C73BF6"
)
PLAIN = "https://id.example/x?uid=041E3C8A2D6B80&ctr=000006&cmac=4B00064004B0B3D3"
ZERO = "00" * 16


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keys.json").write_text(json.dumps({"file": ZERO, "meta": ZERO}))


def read(address: str, keys: str = "keys.json") -> int:
    return run(["tag", "read", address, "--keys", keys, "--counters", "counters.json", "--json"])


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    code: str = json.loads(capsys.readouterr().err)["error"]["code"]
    return code


def test_a_message_is_good_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert read(ADDRESS) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"uid": "04de5f1eacc040", "counter": 61, "last_counter": None, "file_data": None}
    assert read(ADDRESS) == 5
    assert failed(capsys) == "tag.replayed"
    assert read(LATER) == 0
    assert json.loads(capsys.readouterr().out)["file_data"] == "78" * 16
    assert read(PLAIN) == 0
    assert json.loads(Path("counters.json").read_text()) == {
        "041e3c8a2d6b80": 6,
        "04958caa5c5e80": 8,
        "04de5f1eacc040": 61,
    }


def test_an_older_counter_than_the_newest_is_a_replay(capsys: pytest.CaptureFixture[str]) -> None:
    Path("counters.json").write_text('{"041e3c8a2d6b80": 7}')
    assert read(PLAIN) == 5
    assert failed(capsys) == "tag.replayed"
    assert Path("counters.json").read_text() == '{"041e3c8a2d6b80": 7}'
    Path("counters.json").write_text('{"041e3c8a2d6b80": 5}')
    assert read(PLAIN) == 0


@pytest.mark.parametrize(
    ("address", "exit_code", "code"),
    [
        (ADDRESS[:-1] + "7", 6, "tag.mac"),
        (ADDRESS.replace("EF96", "EF97"), 6, "tag.key"),
        ("https://id.example/x", 1, "tag.form"),
        (ADDRESS.replace("cmac", "nothing"), 1, "tag.form"),
        (ADDRESS[:-1], 1, "tag.form"),
        (PLAIN.replace("ctr", "nothing"), 1, "tag.form"),
        ("https://[x?cmac=00", 1, "tag.form"),
        ("x" * 3_000, 1, "tag.form"),
    ],
)
def test_a_message_that_is_not_good_leaves_no_counter(
    address: str, exit_code: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(address) == exit_code
    assert failed(capsys) == code
    assert not Path("counters.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"file": "ABCDEF"}', '{"file": 1}', "[" * 5_000, '{"meta": "00"}'])
def test_what_a_file_of_keys_holds_is_not_shown(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("keys.json").write_text(text)
    assert read(ADDRESS) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.err)["error"]["code"] == "tag.keys"
    assert "ABCDEF" not in printed.out + printed.err


@pytest.mark.parametrize("text", ["", "[]", '{"a": "1"}', "[" * 5_000])
def test_counters_that_cannot_be_read_are_not_begun_anew(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("counters.json").write_text(text)
    assert read(ADDRESS) == 1
    assert failed(capsys) == "tag.counters"
    assert Path("counters.json").read_text() == text
