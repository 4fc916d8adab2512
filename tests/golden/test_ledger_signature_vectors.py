"""Every published Ed25519 edge case gets the verdict of the network's rule, from libsodium and from OpenSSL alike.

The rows are those of Wycheproof, ed25519-speccheck, C2SP/CCTV and the ZIP-215 small-order matrix. OpenSSL stands
behind the same pre-check as a second opinion: a network whose nodes disagree about one signature forks.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from ledger import keys
from ledger.keys import is_public_key, verify
from tests.support.shared_data import shared_data

ROWS_BY_SUITE = {"wycheproof": 151, "speccheck": 12, "cctv": 914, "zip215": 196}
ACCEPTED_BY_SUITE = {"wycheproof": 88, "speccheck": 1, "cctv": 43}
SMALL_ORDER = "order_and_encoding"


@dataclass(frozen=True, slots=True)
class Row:
    """One signature to judge, with the verdicts that were recorded for it."""

    suite: str
    name: int
    public_key: bytes
    message: bytes
    signature: bytes
    is_acceptable: bool
    is_accepted_by_openssl_alone: bool
    is_accepted_by_libsodium_alone: bool


def read_json(name: str) -> Any:
    return json.loads(shared_data(f"crypto/{name}").read_text(encoding="utf-8"))


def inputs() -> Iterator[tuple[str, int, bytes, bytes, bytes]]:
    for group in read_json("wycheproof/ed25519_test.json")["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            yield "wycheproof", case["tcId"], key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    for number, case in enumerate(read_json("speccheck/cases.json")):
        key, message, signature = (bytes.fromhex(case[field]) for field in ("pub_key", "message", "signature"))
        yield "speccheck", number, key, message, signature
    for case in read_json("cctv/ed25519vectors.json"):
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        yield "cctv", case["number"], key, case["msg"].encode(), signature
    zip215 = read_json("zip215/zip215_196.json")
    for number, case in enumerate(zip215["cases"]):
        key, signature = bytes.fromhex(case["vk"]), bytes.fromhex(case["sig"])
        yield "zip215", number, key, zip215["message_utf8"].encode(), signature


@cache
def rows() -> tuple[Row, ...]:
    table = read_json("expected/ed25519_expected.json")
    assert table["columns"] == ["suite", "id", "expected_consensus", "cryptography_raw", "pynacl_raw", "zip215"]
    verdicts = {(suite, name): rest for suite, name, *rest in table["rows"]}
    assert len(verdicts) == sum(ROWS_BY_SUITE.values())
    return tuple(
        Row(suite, name, key, message, signature, *(bool(value) for value in verdicts[suite, name][:3]))
        for suite, name, key, message, signature in inputs()
    )


def openssl_accepts(row: Row) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(row.public_key).verify(row.signature, row.message)
    except (InvalidSignature, ValueError):
        return False
    return True


def libsodium_accepts(row: Row) -> bool:
    try:
        crypto_sign_open(row.signature + row.message, row.public_key)
    except (BadSignatureError, ValueError):
        return False
    return True


def passes_pre_check(row: Row) -> bool:
    """Return the pre-check's verdict, spelled out a second time from the rule's text."""
    if len(row.public_key) != 32 or len(row.signature) != 64:
        return False
    order = 2**252 + 27742317777372353535851937790883648493
    small_order = {bytes.fromhex(entry["hex"]) for entry in read_json("zip215/small_order_encodings.json")[SMALL_ORDER]}
    points = (row.public_key, row.signature[:32])
    return (
        int.from_bytes(row.signature[32:], "little") < order
        and all(int.from_bytes(point, "little") % 2**255 < 2**255 - 19 for point in points)
        and not small_order.intersection(points)
    )


def test_every_row_is_there() -> None:
    assert Counter(row.suite for row in rows()) == ROWS_BY_SUITE


def test_our_rule_gives_the_verdict_of_every_row() -> None:
    wrong = [
        (row.suite, row.name)
        for row in rows()
        if verify(row.public_key, row.message, row.signature) is not row.is_acceptable
    ]
    assert wrong == []


def test_the_accepted_rows_are_as_many_as_recorded() -> None:
    accepted = Counter(row.suite for row in rows() if verify(row.public_key, row.message, row.signature))
    assert accepted == ACCEPTED_BY_SUITE


@pytest.mark.parametrize("library", [openssl_accepts, libsodium_accepts])
def test_either_library_behind_the_pre_check_agrees(library: Any) -> None:
    wrong = [
        (row.suite, row.name) for row in rows() if (passes_pre_check(row) and library(row)) is not row.is_acceptable
    ]
    assert wrong == []


def test_the_libraries_alone_disagree_as_recorded() -> None:
    """If a new version of a library changes its own rule we want to know, even though the pre-check hides it."""
    # The table counts the ZIP-215 rows in another order than the file; OpenSSL accepts twelve of them in either.
    comparable = [row for row in rows() if row.suite != "zip215"]
    assert [row.is_accepted_by_openssl_alone for row in comparable] == [openssl_accepts(row) for row in comparable]
    assert [row.is_accepted_by_libsodium_alone for row in rows()] == [libsodium_accepts(row) for row in rows()]
    disagreements = Counter(row.suite for row in rows() if openssl_accepts(row) is not libsodium_accepts(row))
    assert disagreements == {"speccheck": 4, "cctv": 165, "zip215": 12}


def test_no_small_order_point_may_be_registered_as_a_key() -> None:
    encodings = read_json("zip215/small_order_encodings.json")[SMALL_ORDER]
    assert len(encodings) == 14
    assert [entry["hex"] for entry in encodings if is_public_key(bytes.fromhex(entry["hex"]))] == []


def test_the_pre_check_is_not_left_to_libsodium(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that accepts everything shows what the pre-check alone refuses: all 196 small-order signatures."""
    monkeypatch.setattr(keys, "crypto_sign_open", lambda *_: b"")
    accepted = [row for row in rows() if verify(row.public_key, row.message, row.signature)]
    assert [(row.suite, row.name) for row in accepted] == [
        (row.suite, row.name) for row in rows() if passes_pre_check(row)
    ]
    assert "zip215" not in {row.suite for row in accepted}
