"""Key files: a signing key as a JSON text and back. Pure; reading and writing files is done above.

plain      {"format": "tradelane-key/1", "public_key": hex, "secret": hex of the seed}
encrypted  {"format": "tradelane-key/1", "public_key": hex, "encrypted": {"kdf": "argon2id", "iterations": number,
           "memory_bytes": number, "salt": hex, "nonce": hex, "box": hex}}

The box is XSalsa20-Poly1305 over the seed, its key is Argon2id of the passphrase (RFC 9106). The public key stands
outside, so that a file can be recognised without the passphrase; it is compared with the secret when the file is read.
"""

import json
from typing import Final, NoReturn, TypeAlias

from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13, crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError

from ledger.errors import LedgerError
from ledger.keys import PUBLIC_KEY_BYTES, SEED_BYTES, SecretKey

KEY_FORMAT: Final = "tradelane-key/1"
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24

# The second recommended option of RFC 9106 section 4 in memory and passes: about 0.1 s and 64 MiB a guess.
_ITERATIONS: Final = 3
_MEMORY_BYTES: Final = 64 * 1024 * 1024
# A file may ask for more work than we do, but not for so much that reading it stops the machine.
_ITERATIONS_MAX: Final = 16
_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024
_MEMORY_BYTES_MIN: Final = 8192  # less is no Argon2id
_BOX_BYTES: Final = SEED_BYTES + 16

_Fields: TypeAlias = dict[str, object]


def key_to_text(
    key: SecretKey, passphrase: bytes | None = None, salt: bytes | None = None, nonce: bytes | None = None
) -> str:
    """Return the text of a key file, encrypted where a passphrase is given.

    ``salt`` (16 bytes) and ``nonce`` (24 bytes) are fresh random bytes and belong to a passphrase.
    """
    fields: _Fields = {"format": KEY_FORMAT, "public_key": key.public_key.hex()}
    if passphrase is None:
        fields["secret"] = key.seed.hex()
    else:
        assert salt is not None, "an encrypted key needs a salt"
        assert nonce is not None, "an encrypted key needs a nonce"
        assert len(salt) == SALT_BYTES, f"a salt is {SALT_BYTES} bytes"
        assert len(nonce) == NONCE_BYTES, f"a nonce is {NONCE_BYTES} bytes"
        box_key = _box_key(passphrase, salt, _ITERATIONS, _MEMORY_BYTES)
        fields["encrypted"] = {
            "kdf": "argon2id",
            "iterations": _ITERATIONS,
            "memory_bytes": _MEMORY_BYTES,
            "salt": salt.hex(),
            "nonce": nonce.hex(),
            "box": crypto_secretbox(key.seed, nonce, box_key).hex(),
        }
    return json.dumps(fields, indent=2) + "\n"


def key_from_text(text: str, passphrase: bytes | None = None) -> SecretKey:
    """Return the key of a key file's text. A passphrase given for a plain file is not used.

    Raises
    ------
    LedgerError
        ``key_file.format`` (no key file), ``key_file.damaged`` (a field is wrong, or the two halves of the key differ),
        ``key_file.passphrase_needed`` or ``key_file.passphrase_wrong``.

    """
    fields = _fields(text)
    public_key = _hex(fields, "public_key", PUBLIC_KEY_BYTES)
    if "encrypted" in fields:
        seed = _decrypted(fields["encrypted"], passphrase)
    elif "secret" in fields:
        seed = _hex(fields, "secret", SEED_BYTES)
    else:
        _refuse("damaged", "the key file holds neither 'secret' nor 'encrypted'")
    key = SecretKey(seed)
    if key.public_key != public_key:
        _refuse("damaged", "the secret in the key file does not belong to its public key; restore the file")
    return key


def public_key_from_text(text: str) -> bytes:
    """Return the public key that a key file claims, without its passphrase; raises LedgerError."""
    return _hex(_fields(text), "public_key", PUBLIC_KEY_BYTES)


def is_encrypted(text: str) -> bool:
    """Say whether reading the key needs a passphrase; raises LedgerError where the text is no key file."""
    return "encrypted" in _fields(text)


def mode_refusal(mode: int) -> str | None:
    """Return None if a file of this mode hides a secret, else what is wrong and what to do."""
    exposed = mode & 0o077
    if not exposed:
        return None
    return f"other users of this machine may use it (mode {mode & 0o777:04o}); run chmod 600 on it"


def _fields(text: str) -> _Fields:
    try:
        fields = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        _refuse("format", f"this is not a key file: it is not the JSON of {KEY_FORMAT}")
    if not isinstance(fields, dict) or fields.get("format") != KEY_FORMAT:
        _refuse("format", f"this is not a key file: its format is not {KEY_FORMAT!r}")
    return fields


def _decrypted(value: object, passphrase: bytes | None) -> bytes:
    if not isinstance(value, dict) or value.get("kdf") != "argon2id":
        _refuse("damaged", "the key file is encrypted in a way that this program does not know (kdf is not argon2id)")
    iterations = _number(value, "iterations", 1, _ITERATIONS_MAX)
    memory_bytes = _number(value, "memory_bytes", _MEMORY_BYTES_MIN, _MEMORY_BYTES_MAX)
    salt, nonce = _hex(value, "salt", SALT_BYTES), _hex(value, "nonce", NONCE_BYTES)
    box = _hex(value, "box", _BOX_BYTES)
    if passphrase is None:
        _refuse("passphrase_needed", "the key file is encrypted and no passphrase was given")
    try:
        return crypto_secretbox_open(box, nonce, _box_key(passphrase, salt, iterations, memory_bytes))
    except CryptoError:
        _refuse("passphrase_wrong", "the passphrase does not open the key file (or its encrypted part was changed)")


def _box_key(passphrase: bytes, salt: bytes, iterations: int, memory_bytes: int) -> bytes:
    return crypto_pwhash_alg(32, passphrase, salt, iterations, memory_bytes, crypto_pwhash_ALG_ARGON2ID13)


def _number(fields: _Fields, name: str, minimum: int, maximum: int) -> int:
    value = fields.get(name)
    if type(value) is not int or not minimum <= value <= maximum:
        _refuse("damaged", f"the key file's {name!r} is not a number from {minimum} to {maximum}")
    return value


def _hex(fields: _Fields, name: str, length: int) -> bytes:
    value = fields.get(name)
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != length:
        _refuse("damaged", f"the key file's {name!r} is not {length} bytes in hexadecimal")
    return data


def _refuse(code: str, message: str) -> NoReturn:
    raise LedgerError(f"key_file.{code}", message)
