"""Keys in files: make, save and load them. A key file is readable by its owner alone and is never overwritten."""

import os
import secrets
from pathlib import Path

from ledger.errors import LedgerError
from ledger.key_file import (
    NONCE_BYTES,
    SALT_BYTES,
    is_encrypted,
    key_from_text,
    key_to_text,
    mode_refusal,
    public_key_from_text,
)
from ledger.keys import SEED_BYTES, SecretKey
from tradelane.errors import BadRequestError, ConflictError, NotAuthorisedError, NotFoundError

__all__ = ["SecretKey", "load_key", "load_public_key", "needs_passphrase", "new_key", "save_key"]


def new_key() -> SecretKey:
    """Return a new random key."""
    return SecretKey(secrets.token_bytes(SEED_BYTES))


def save_key(path: Path, key: SecretKey, passphrase: str | None = None) -> None:
    """Write a key file that only its owner may read, durable when this returns.

    Raises
    ------
    ConflictError
        The file exists; a key is never overwritten.

    """
    if passphrase is None:
        text = key_to_text(key)
    else:
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        text = key_to_text(key, passphrase.encode(), salt, nonce)
    # O_EXCL refuses an existing file and a symbolic link alike; the mode is there before the first byte is.
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConflictError(
            "key_file.exists", f"{path} exists and a key file is never overwritten", "choose another name"
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def load_key(path: Path, passphrase: str | None = None) -> SecretKey:
    """Return the key in a file.

    Raises
    ------
    NotFoundError
        There is no such file.
    NotAuthorisedError
        The passphrase is missing or wrong, or others may read the file.
    BadRequestError
        The file is damaged or no key file.

    """
    text = _read(path)
    refusal = mode_refusal(path.stat().st_mode)
    if refusal is not None:
        raise NotAuthorisedError("key_file.exposed", f"{path}: {refusal}", f"chmod 600 {path}")
    try:
        return key_from_text(text, None if passphrase is None else passphrase.encode())
    except LedgerError as error:
        if error.code.startswith("key_file.passphrase"):
            hint = "set TRADELANE_PASSPHRASE or type it when asked"
            raise NotAuthorisedError(error.code, f"{path}: {error}", hint) from error
        raise BadRequestError(error.code, f"{path}: {error}", "restore it from your copy") from error


def load_public_key(path: Path) -> bytes:
    """Return the public key in a key file, for which no passphrase is needed; raises as `load_key`."""
    try:
        return public_key_from_text(_read(path))
    except LedgerError as error:
        raise BadRequestError(error.code, f"{path}: {error}", "name a key file") from error


def needs_passphrase(path: Path) -> bool:
    """Say whether a key file is encrypted; raises as `load_key`."""
    try:
        return is_encrypted(_read(path))
    except LedgerError as error:
        raise BadRequestError(error.code, f"{path}: {error}", "name a key file") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            "key_file.missing", f"there is no key file {path}", f"make one with `tradelane keys new {path}`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError("key_file.unreadable", f"{path} cannot be read: {error}") from error
