"""Keys: signatures of our own, what never raises, and what a key never shows."""

import hashlib
from typing import Any

import pytest

from ledger.hashing import domain, tagged_hash
from ledger.keys import SecretKey, is_public_key, signed_preimage, verify

KEY = SecretKey(bytes(range(32)))
MESSAGE = b"message"
SIGNATURE = KEY.sign(MESSAGE)


def test_the_first_example_of_rfc_8032() -> None:
    key = SecretKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = key.sign(b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b"
    )
    assert verify(key.public_key, b"", signature)


def test_every_flipped_bit_of_key_message_and_signature_is_refused() -> None:
    assert verify(KEY.public_key, MESSAGE, SIGNATURE)
    whole = KEY.public_key + SIGNATURE + MESSAGE
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verify(bytes(changed[:32]), bytes(changed[96:]), bytes(changed[32:96]))


@pytest.mark.parametrize(
    ("public_key", "message", "signature"),
    [
        (KEY.public_key[:31], MESSAGE, SIGNATURE),
        (KEY.public_key + b"\0", MESSAGE, SIGNATURE),
        (KEY.public_key, MESSAGE, SIGNATURE[:63]),
        (KEY.public_key, MESSAGE, SIGNATURE + b"\0"),
        (KEY.public_key, MESSAGE, b""),
        (bytearray(KEY.public_key), MESSAGE, SIGNATURE),
        (KEY.public_key, bytearray(MESSAGE), SIGNATURE),
        (KEY.public_key, MESSAGE, memoryview(SIGNATURE)),
        (KEY.public_key.hex(), MESSAGE, SIGNATURE),
        (None, None, None),
    ],
)
def test_other_types_and_lengths_are_refused_and_raise_nothing(public_key: Any, message: Any, signature: Any) -> None:
    assert verify(public_key, message, signature) is False


def test_s_must_be_below_the_order_of_the_group() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(SIGNATURE[32:], "little")
    assert not verify(KEY.public_key, MESSAGE, SIGNATURE[:32] + (s + order).to_bytes(32, "little"))


def test_what_may_be_registered_as_a_key() -> None:
    prime = 2**255 - 19
    assert is_public_key(KEY.public_key)
    assert is_public_key((prime - 2).to_bytes(32, "little"))
    assert not is_public_key(prime.to_bytes(32, "little"))
    assert not is_public_key((prime + 2).to_bytes(32, "little"))
    assert not is_public_key(bytes(32))
    assert not is_public_key(KEY.public_key[:31])


def test_a_key_shows_its_public_half_alone() -> None:
    assert repr(KEY) == f"SecretKey(public_key={KEY.public_key.hex()})"
    assert KEY.seed.hex() not in repr(KEY) + str(KEY)
    assert KEY.seed == bytes(range(32))


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), bytearray(32), "a" * 32])
def test_a_seed_is_thirty_two_bytes(seed: Any) -> None:
    with pytest.raises(ValueError, match="a key seed is 32 bytes"):
        SecretKey(seed)


def test_preimages_carry_domain_and_chain() -> None:
    assert domain("header") == b"tradelane/header/v1\0"
    assert signed_preimage("prepare", bytes(32), b"x") == b"tradelane/prepare/v1\0" + bytes(32) + b"x"
    assert tagged_hash("header", b"a", b"b") == hashlib.sha256(b"tradelane/header/v1\0ab").digest()
    with pytest.raises(AssertionError):
        signed_preimage("prepare", bytes(31), b"x")
