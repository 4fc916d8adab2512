"""Certificates: a quorum convinces, and every way not to be one is refused by its name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.certificate import Certificate, VoteKind, assemble_certificate, certificate_from_value, decode_certificate
from ledger.codec import Value, encode
from ledger.errors import LedgerError, ShapeError
from tests.support.ledger_samples import CERTIFICATE, GENESIS, HEADER, VALIDATORS, votes

OTHER_CHAIN = b"\x05" * 32


def refusal(
    certificate: Certificate, kind: VoteKind = VoteKind.COMMIT, chain_id: bytes = GENESIS.chain_id
) -> str | None:
    return certificate.refusal(kind, VALIDATORS, chain_id)


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("signers", [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)])
def test_every_quorum_convinces(signers: tuple[int, ...]) -> None:
    certificate = assemble_certificate(7, 1, HEADER.hash, votes(signers))
    assert certificate.signers == signers
    assert refusal(certificate) is None
    assert decode_certificate(certificate.encode()) == certificate


REFUSED: list[tuple[str, Callable[[Certificate], Certificate]]] = [
    ("signature_count", lambda good: replace(good, signers=good.signers[:2])),
    ("signature_count", lambda good: replace(good, signatures=good.signatures[:2])),
    ("duplicate_signer", lambda good: replace(good, signers=(0, 0, 2))),
    ("duplicate_signer", lambda good: replace(good, signers=(2, 0, 3))),
    ("unknown_signer", lambda good: replace(good, signers=(0, 2, 4))),
    ("unknown_signer", lambda good: replace(good, signers=(-1, 2, 3))),
    ("no_quorum", lambda good: assemble_certificate(7, 1, HEADER.hash, votes((0, 3)))),
    ("no_quorum", lambda good: assemble_certificate(7, 1, HEADER.hash, {})),
    ("bad_signature", lambda good: replace(good, height=8)),
    ("bad_signature", lambda good: replace(good, view=2)),
    ("bad_signature", lambda good: replace(good, block_hash=flipped(good.block_hash))),
    ("bad_signature", lambda good: replace(good, signers=(0, 1, 3))),
    ("bad_signature", lambda good: replace(good, signatures=(*good.signatures[:2], flipped(good.signatures[2])))),
    ("bad_signature", lambda good: replace(good, signatures=good.signatures[::-1])),
    ("bad_signature", lambda good: replace(good, signatures=(*good.signatures[:2], votes((3,), view=2)[3]))),
    ("bad_signature", lambda good: replace(good, signatures=(*good.signatures[:2], b""))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), REFUSED)
def test_a_bad_certificate_is_refused_by_name(name: str, change: Callable[[Certificate], Certificate]) -> None:
    assert refusal(CERTIFICATE) is None
    assert refusal(change(CERTIFICATE)) == name


def test_a_certificate_is_for_one_kind_of_vote_and_one_chain() -> None:
    assert refusal(CERTIFICATE, kind=VoteKind.PREPARE) == "bad_signature"
    assert refusal(CERTIFICATE, chain_id=OTHER_CHAIN) == "bad_signature"
    prepared = assemble_certificate(7, 1, HEADER.hash, votes((0, 1, 2), kind=VoteKind.PREPARE))
    assert refusal(prepared, kind=VoteKind.PREPARE) is None
    assert refusal(prepared) == "bad_signature"


def test_no_signature_is_checked_where_the_count_is_wrong() -> None:
    def verifier(public_key: bytes, message: bytes, signature: bytes) -> bool:
        raise AssertionError("a signature was checked")

    small = replace(CERTIFICATE, signers=(0, 2), signatures=CERTIFICATE.signatures[:2])
    assert small.refusal(VoteKind.COMMIT, VALIDATORS, GENESIS.chain_id, verifier) == "no_quorum"


def test_the_bitmap_has_the_lowest_index_in_the_lowest_bit_and_no_trailing_zero() -> None:
    def bitmap(*signers: int) -> Value:
        value = Certificate(1, 0, HEADER.hash, signers, ()).to_value()
        assert isinstance(value, list)
        return value[3]

    assert bitmap(0, 2, 3) == b"\x0d"
    assert bitmap(8) == b"\x00\x01"
    assert bitmap() == b""
    assert certificate_from_value([1, 0, HEADER.hash, b"\x00\x01", []]).signers == (8,)


SIGNATURE = bytes(64)
BAD_VALUES: list[tuple[str, Value]] = [
    ("field_count", [1, 0, HEADER.hash, b"\x01"]),
    ("field_count", None),
    ("signer_bitmap", [1, 0, HEADER.hash, b"\x01\x00", [SIGNATURE]]),
    ("field_type", [1, 0, HEADER.hash, b"\x01" * 14, [SIGNATURE]]),
    ("field_type", [-1, 0, HEADER.hash, b"\x01", [SIGNATURE]]),
    ("field_type", [True, 0, HEADER.hash, b"\x01", [SIGNATURE]]),
    ("field_type", [1, 1 << 32, HEADER.hash, b"\x01", [SIGNATURE]]),
    ("field_type", [1, 0, HEADER.hash[1:], b"\x01", [SIGNATURE]]),
    ("field_type", [1, 0, HEADER.hash, b"\x01", [SIGNATURE[1:]]]),
    ("field_type", [1, 0, HEADER.hash, b"\x01", SIGNATURE]),
    ("too_many", [1, 0, HEADER.hash, b"\x01", [SIGNATURE] * 101]),
]


@pytest.mark.parametrize(("code", "value"), BAD_VALUES)
def test_a_badly_formed_certificate_is_refused_by_name(code: str, value: Value) -> None:
    with pytest.raises(ShapeError) as refusal:
        certificate_from_value(value)
    assert refusal.value.code == code


def test_the_size_limit_has_room_for_the_largest_set() -> None:
    largest = Certificate((1 << 63) - 1, (1 << 32) - 1, HEADER.hash, tuple(range(100)), (SIGNATURE,) * 100)
    assert decode_certificate(largest.encode()) == largest
    with pytest.raises(LedgerError) as refusal:
        decode_certificate(encode([largest.to_value(), bytes(200)]))
    assert refusal.value.code == "too_large"
