"""The leakage resilient primitive of NXP (AN12304): a cipher mode and a MAC made of AES, which tags may use instead.

A key makes sixteen plaintexts and a few updated keys. A number is evaluated digit by digit, four bits each: every digit
picks the plaintext that is encrypted under the key so far, and what comes out is the next key.
"""

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK: Final = 16
_STEP: Final = b"\x55" * BLOCK
_OUT: Final = b"\xaa" * BLOCK
_ZERO: Final = bytes(BLOCK)
_PLAINTEXTS: Final = 16
# The polynomial of the field that CMAC doubles in (NIST SP 800-38B).
_REDUCTION: Final = 0x87


class Lrp:
    """One key of a tag with the updated key of a number: 0 authenticates, 1 encrypts."""

    def __init__(self, key: bytes, updated: int = 0) -> None:
        digest = encrypt_block(key, _STEP)
        self._plaintexts = []
        for _ in range(_PLAINTEXTS):
            self._plaintexts.append(encrypt_block(digest, _OUT))
            digest = encrypt_block(digest, _STEP)
        digest = encrypt_block(key, _OUT)
        for _ in range(updated):
            digest = encrypt_block(digest, _STEP)
        self._key = encrypt_block(digest, _OUT)

    def evaluate(self, number: bytes) -> bytes:
        """Return what a number comes to."""
        value = self._key
        for digit in _digits(number):
            value = encrypt_block(value, self._plaintexts[digit])
        return encrypt_block(value, _ZERO)

    def decrypt(self, data: bytes, counter: bytes) -> bytes:
        """Return the plain text of whole blocks, the first under the counter, each later one under the next."""
        length, number = len(counter), int.from_bytes(counter, "big")
        plain = b""
        for start in range(0, len(data), BLOCK):
            key = self.evaluate(number.to_bytes(length, "big"))
            plain += decrypt_block(key, data[start : start + BLOCK])
            number = (number + 1) % (1 << 8 * length)
        return plain

    def mac(self, message: bytes) -> bytes:
        """Return the 16 bytes of the CMAC of a message."""
        once = _double(self.evaluate(_ZERO))
        blocks = [message[start : start + BLOCK] for start in range(0, len(message), BLOCK)] or [b""]
        last = blocks.pop()
        mask = once
        if len(last) < BLOCK:
            last, mask = (last + b"\x80").ljust(BLOCK, b"\0"), _double(once)
        value = _ZERO
        for block in blocks:
            value = self.evaluate(_xor(block, value))
        return self.evaluate(_xor(_xor(last, mask), value))


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """Return one block encrypted with AES."""
    cipher = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - one block, which is what the primitive is built from
    return cipher.update(block) + cipher.finalize()


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """Return one block decrypted with AES."""
    cipher = Cipher(AES(key), ECB()).decryptor()  # noqa: S305 - one block, which is what the primitive is built from
    return cipher.update(block) + cipher.finalize()


def _digits(number: bytes) -> Iterator[int]:
    for byte in number:
        yield byte >> 4
        yield byte & 15


def _double(value: bytes) -> bytes:
    number = int.from_bytes(value, "big") << 1
    if number >> 8 * BLOCK:
        number = (number & (1 << 8 * BLOCK) - 1) ^ _REDUCTION
    return number.to_bytes(BLOCK, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
