"""Ed25519 keys and the one signature rule of the network.

The rule is stricter than RFC 8032 and is part of consensus: libraries disagree on small-order and non-canonical
points, and an attacker who chooses such a key could split a network of mixed libraries. After the pre-check every
cofactorless library gives the same verdict (the golden vectors hold ours against libsodium and OpenSSL).
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from ledger.hashing import domain

Verifier: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether it is good; ``verify`` outside of simulations."""

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32

_FIELD_PRIME: Final = 2**255 - 19
_GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT_MASK: Final = (1 << 255) - 1
# y coordinates of the points of order 1, 2, 4 and 8; with either sign bit they are the small-order encodings.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)


def is_public_key(data: bytes) -> bool:
    """Say whether the bytes are a canonical point encoding that is not of small order (fit to be registered)."""
    return type(data) is bytes and len(data) == PUBLIC_KEY_BYTES and _is_acceptable_point(data)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ``signature`` is the key's signature of ``message`` by our rule; never raises on bad input.

    RFC 8032 section 5.1.7 without the cofactor, and besides: S below the group order, A and R canonical and not of
    small order, exact types and lengths.
    """
    if type(public_key) is not bytes or type(message) is not bytes or type(signature) is not bytes:
        return False
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    if int.from_bytes(signature[32:], "little") >= _GROUP_ORDER:
        return False
    if not _is_acceptable_point(public_key) or not _is_acceptable_point(signature[:32]):
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def signed_preimage(what: str, chain_id: bytes, content: bytes) -> bytes:
    """Return what a key signs: domain tag, 32-byte chain id, content.

    The tag keeps a vote from being taken for a transaction, the chain id keeps either from being replayed elsewhere.
    """
    assert len(chain_id) == 32, "a chain id is the 32-byte genesis hash"
    return domain(what) + chain_id + content


class SecretKey:
    """An Ed25519 signing key; it never shows its seed in a representation or a traceback."""

    __slots__ = ("_expanded", "public_key")

    def __init__(self, seed: bytes) -> None:
        if type(seed) is not bytes or len(seed) != SEED_BYTES:
            raise ValueError(f"a key seed is {SEED_BYTES} bytes")
        self.public_key, self._expanded = crypto_sign_seed_keypair(seed)

    def __repr__(self) -> str:
        return f"SecretKey(public_key={self.public_key.hex()})"

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the key file alone."""
        return self._expanded[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        return crypto_sign(message, self._expanded)[:SIGNATURE_BYTES]


def _is_acceptable_point(encoding: bytes) -> bool:
    y = int.from_bytes(encoding, "little") & _SIGN_BIT_MASK
    return y < _FIELD_PRIME and y not in _SMALL_ORDER_Y
