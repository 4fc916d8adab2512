"""Key files: what is written is read back, and everything else is refused with its own reason."""

import json

import pytest

from ledger.errors import LedgerError
from ledger.key_file import is_encrypted, key_from_text, key_to_text, mode_refusal, public_key_from_text
from ledger.keys import SecretKey

KEY = SecretKey(bytes(range(32)))
ENCRYPTED = key_to_text(KEY, b"correct horse", salt=bytes(16), nonce=bytes(24))


def refusal(text: str, passphrase: bytes | None = None) -> str:
    with pytest.raises(LedgerError) as caught:
        key_from_text(text, passphrase)
    return caught.value.code


def changed(text: str, **fields: object) -> str:
    return json.dumps({**json.loads(text), **fields})


def test_a_plain_key_comes_back() -> None:
    text = key_to_text(KEY)
    assert json.loads(text) == {
        "format": "tradelane-key/1",
        "public_key": KEY.public_key.hex(),
        "secret": bytes(range(32)).hex(),
    }
    assert key_from_text(text).seed == KEY.seed
    assert not is_encrypted(text)


def test_an_encrypted_key_comes_back_with_its_passphrase_alone() -> None:
    assert key_from_text(ENCRYPTED, b"correct horse").seed == KEY.seed
    assert refusal(ENCRYPTED) == "key_file.passphrase_needed"
    assert refusal(ENCRYPTED, b"wrong horse") == "key_file.passphrase_wrong"
    assert is_encrypted(ENCRYPTED)
    assert public_key_from_text(ENCRYPTED) == KEY.public_key
    assert KEY.seed.hex() not in ENCRYPTED


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"format": "tradelane-key/2"}', "[" * 100_000])
def test_what_is_no_key_file_is_refused(text: str) -> None:
    assert refusal(text) == "key_file.format"


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "00"},
        {"secret": None},
        {"secret": "zz" * 32},
        {"public_key": "00" * 31},
        {"public_key": SecretKey(bytes(32)).public_key.hex()},
        {"encrypted": []},
        {"encrypted": {"kdf": "scrypt"}},
        {"encrypted": {"kdf": "argon2id", "iterations": 10**9}},
        {"encrypted": {"kdf": "argon2id", "iterations": 1, "memory_bytes": 8191}},
    ],
)
def test_a_damaged_field_is_named(fields: dict[str, object]) -> None:
    assert refusal(changed(key_to_text(KEY), **fields)) == "key_file.damaged"


def test_a_plain_file_without_a_secret_is_damaged() -> None:
    fields = json.loads(key_to_text(KEY))
    del fields["secret"]
    assert refusal(json.dumps(fields)) == "key_file.damaged"


def test_a_flipped_bit_in_the_box_is_found() -> None:
    fields = json.loads(ENCRYPTED)
    box = bytearray.fromhex(fields["encrypted"]["box"])
    box[0] ^= 1
    fields["encrypted"]["box"] = box.hex()
    assert refusal(json.dumps(fields), b"correct horse") == "key_file.passphrase_wrong"


@pytest.mark.parametrize(("mode", "is_refused"), [(0o100600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_refused(mode: int, is_refused: bool) -> None:
    assert (mode_refusal(mode) is not None) is is_refused
