"""The msgpack interop suite, and encodings that a canonical decoder must refuse."""

import json
from typing import Any

import pytest

from ledger.codec import decode, encode
from ledger.errors import CodecError
from tests.support.shared_data import shared_data


def interop_cases() -> list[tuple[str, dict[str, Any]]]:
    suite = json.loads(shared_data("crypto/msgpack/msgpack-test-suite.json").read_text(encoding="utf-8"))
    return [(group, case) for group, cases in suite.items() for case in cases]


def encodings(case: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(text.replace("-", "")) for text in case["msgpack"]]


def value_of(case: dict[str, Any]) -> Any:
    """Return the case's value; a number that JSON readers may round stands as text under ``bignum``."""
    if "bignum" in case:
        return int(case["bignum"])
    if "binary" in case:
        return bytes.fromhex(case["binary"].replace("-", ""))
    (value,) = (content for kind, content in case.items() if kind != "msgpack")
    return value


def is_supported(case: dict[str, Any]) -> bool:
    return not {"timestamp", "ext"} & set(case) and not isinstance(value_of(case), float)


def test_supported_values_have_their_shortest_listed_encoding() -> None:
    chosen = [case for _, case in interop_cases() if is_supported(case)]
    assert len(chosen) == 57
    for case in chosen:
        encoded = encode(value_of(case))
        assert encoded in encodings(case)
        # Integers are also listed as floats (ca, cb), which are shorter for some and no part of our format.
        shortest = min(len(listed) for listed in encodings(case) if listed[0] not in {0xCA, 0xCB})
        assert len(encoded) == shortest
        assert decode(encoded) == value_of(case)
        assert type(decode(encoded)) is type(value_of(case))


def test_every_other_listed_encoding_is_refused() -> None:
    refused = 0
    for _, case in interop_cases():
        canonical = encode(value_of(case)) if is_supported(case) else None
        for listed in encodings(case):
            if listed != canonical:
                with pytest.raises(CodecError):
                    decode(listed)
                refused += 1
    assert refused == 176


def test_non_canonical_encodings_are_refused() -> None:
    cases = json.loads(shared_data("crypto/msgpack/noncanonical_reject.json").read_text(encoding="utf-8"))
    assert len(cases) == 34
    for case in cases:
        assert case["expected"] == "reject"
        with pytest.raises(CodecError) as refusal:
            decode(bytes.fromhex(case["hex"]))
        assert refusal.value.code in {"not_msgpack", "not_canonical", "extension_type", "type", "key_type", "too_deep"}
