"""Hashes: SHA-256 with a domain tag, so that bytes hashed for one purpose never stand for another."""

import hashlib
from functools import cache
from typing import Final

HASH_BYTES: Final = 32
ZERO_HASH: Final = bytes(HASH_BYTES)


@cache
def domain(what: str) -> bytes:
    """Return the tag ``tradelane/<what>/v1`` and a zero byte that starts every hashed or signed preimage."""
    return b"tradelane/" + what.encode("ascii") + b"/v1\0"


def tagged_hash(what: str, *parts: bytes) -> bytes:
    """Return the 32-byte SHA-256 of the domain tag and the parts, which callers must make unambiguous by length."""
    return hashlib.sha256(b"".join((domain(what), *parts))).digest()
