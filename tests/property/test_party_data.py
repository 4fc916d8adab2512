"""Sealed personal data: it comes back to its recipients alone, every change is found, and nothing of it shows."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.keys import SecretKey
from tradelane import (
    BadRequestError,
    NotAuthorisedError,
    SealedData,
    SealedKey,
    VerificationError,
    encryption_key,
    seal_data,
    unseal_data,
)
from tradelane.party_data import DATA_BYTES_MAX, RECIPIENTS_MAX

ALICE, BOB, EVE = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
RECIPIENTS = [encryption_key(ALICE), encryption_key(BOB)]


def shown(sealed: SealedData, key: SealedKey) -> bytes:
    """Return all bytes that leave the one who seals."""
    return b"".join([sealed.commitment, sealed.ciphertext, *(part for share in key.shares for part in share)])


@settings(max_examples=60)
@given(st.binary(min_size=8, max_size=600))
def test_data_comes_back_to_its_recipients_and_shows_to_nobody_else(data: bytes) -> None:
    sealed, key = seal_data(data, RECIPIENTS)
    assert [unseal_data(sealed, key, one) for one in (ALICE, BOB)] == [data, data]
    with pytest.raises(NotAuthorisedError):
        unseal_data(sealed, key, EVE)
    assert data not in shown(sealed, key)
    assert hashlib.sha256(data).digest() not in shown(sealed, key), "an unsalted hash can be guessed at"
    again, other_key = seal_data(data, RECIPIENTS)
    assert (again.commitment, again.ciphertext) != (sealed.commitment, sealed.ciphertext)
    with pytest.raises(VerificationError):
        unseal_data(sealed, other_key, ALICE)


@settings(max_examples=60)
@given(st.data())
def test_every_change_is_found(drawn: st.DataObject) -> None:
    sealed, key = seal_data(b'{"name": "somebody"}', RECIPIENTS)

    def flipped(value: bytes) -> bytes:
        place, bit = drawn.draw(st.integers(0, len(value) - 1)), drawn.draw(st.integers(0, 7))
        return value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]

    (recipient, share), _ = key.shares
    for changed, changed_key in (
        (replace(sealed, ciphertext=flipped(sealed.ciphertext)), key),
        (replace(sealed, commitment=flipped(sealed.commitment)), key),
        (replace(sealed, ciphertext=sealed.ciphertext[: drawn.draw(st.integers(0, len(sealed.ciphertext) - 1))]), key),
        (sealed, replace(key, shares=((recipient, flipped(share)),))),
        (sealed, replace(key, shares=((recipient, share[: drawn.draw(st.integers(0, len(share) - 1))]),))),
    ):
        with pytest.raises(VerificationError):
            unseal_data(changed, changed_key, ALICE)


def test_the_key_that_encrypts_is_not_the_key_that_signs() -> None:
    assert encryption_key(ALICE) not in {ALICE.public_key, ALICE.seed}
    assert encryption_key(ALICE) == encryption_key(SecretKey(ALICE.seed))


@pytest.mark.parametrize(
    ("data", "recipients"),
    [
        (b"", RECIPIENTS),
        (b"x" * (DATA_BYTES_MAX + 1), RECIPIENTS),
        (b"x", []),
        (b"x", RECIPIENTS[:1] * 2),
        (b"x", [bytes([number]) * 32 for number in range(1, RECIPIENTS_MAX + 2)]),
        (b"x", [b"short"]),
        (b"x", [bytes(32)]),
    ],
)
def test_what_cannot_be_sealed(data: bytes, recipients: list[bytes]) -> None:
    with pytest.raises(BadRequestError):
        seal_data(data, recipients)
