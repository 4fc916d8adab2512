"""Key files on disk: private from the first byte, never overwritten, and refused where others could read them."""

from pathlib import Path

import pytest

from ledger.keys import SecretKey
from tradelane.errors import BadRequestError, ConflictError, NotAuthorisedError, NotFoundError
from tradelane.keys import load_key, load_public_key, needs_passphrase, new_key, save_key

KEY = SecretKey(bytes(range(32)))


def test_a_saved_key_is_private_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.json"
    save_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).seed == KEY.seed
    assert load_public_key(path) == KEY.public_key
    assert not needs_passphrase(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, KEY)
    with pytest.raises(ConflictError, match="never overwritten"):
        save_key(path, new_key())
    assert load_key(path).seed == KEY.seed


def test_a_link_is_not_followed_to_overwrite(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConflictError):
        save_key(tmp_path / "link", KEY)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.json"
    save_key(path, KEY)
    path.chmod(mode)
    with pytest.raises(NotAuthorisedError, match="chmod 600") as caught:
        load_key(path)
    assert caught.value.code == "key_file.exposed"


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, KEY, "pässword")
    assert needs_passphrase(path)
    assert load_key(path, "pässword").seed == KEY.seed
    with pytest.raises(NotAuthorisedError) as wrong:
        load_key(path, "password")
    assert wrong.value.code == "key_file.passphrase_wrong"
    with pytest.raises(NotAuthorisedError) as missing:
        load_key(path)
    assert missing.value.code == "key_file.passphrase_needed"


def test_what_is_no_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no key file"):
        load_key(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "other.json").chmod(0o600)
    with pytest.raises(BadRequestError) as caught:
        load_key(tmp_path / "other.json")
    assert caught.value.code == "key_file.format"
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BadRequestError) as unreadable:
        load_public_key(tmp_path / "binary.json")
    assert unreadable.value.code == "key_file.unreadable"
