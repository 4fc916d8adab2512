"""What the reader of JSON refuses, with the path, and what it keeps."""

from decimal import Decimal

import pytest

from standards.epcis.json_text import DEPTH_MAX, SIZE_BYTES_MAX, dumps, loads, path_text, same
from standards.errors import EpcisError


@pytest.mark.parametrize(
    ("data", "path", "rule"),
    [
        (b'{"a": [1, {"b": NaN}]}', "$.a[1].b", "number"),
        (b'{"a": Infinity}', "$.a", "number"),
        (b'{"a": -Infinity}', "$.a", "number"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "$.a", "duplicate_key"),
        (b'{"a": 1, "a": 1}', "$", "duplicate_key"),
        (b'{"a": "\xff"}', "$", "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "$", "not_utf8"),
        (b'\xef\xbb\xbf{"a": 1}', "$", "not_json"),
        (b'{"a": "\\ud800"}', "$.a", "text"),
        (b'{"a": ["x", "\\udc00\\ud800"]}', "$.a[1]", "text"),
        (b'{"a": "\\u0000"}', "$.a", "text"),
        (b'{"a": {"\\u0000": 1}}', "$.a", "text"),
        (b'{"a": "\x00"}', "$", "not_json"),
        (b'{"a": 1,}', "$", "not_json"),
        (b"", "$", "not_json"),
        (b'{"a": 01}', "$", "not_json"),
        (b'{"a": ' + b"1" * 65 + b"}", "$.a", "number"),
        (b'{"a": 1.' + b"1" * 65 + b"}", "$.a", "number"),
        (b'{"a": 1e100}', "$.a", "number"),
        (b'{"a": 1e-100}', "$.a", "number"),
        (b'{"a": 1e99999999999}', "$.a", "number"),
        (b"[" * 65 + b"]" * 65, "$" + "[0]" * 64, "too_deep"),
        (b"[" * 100_000, "$", "too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "$" + ".a" * 64, "too_deep"),
        (b" " * (SIZE_BYTES_MAX + 1), "$", "too_large"),
    ],
)
def test_refused_with_its_path(data: bytes, path: str, rule: str) -> None:
    with pytest.raises(EpcisError) as caught:
        loads(data)
    assert (caught.value.path, caught.value.rule) == (path, rule)


def test_the_greatest_depth_is_accepted() -> None:
    assert loads(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)


def test_numbers_stay_exact() -> None:
    value = loads(b'[12345678901234567890, 0.10, 1e3, -0, -0.0, 1.50E-2, "\\ud83d\\ude00"]')
    assert value == [12345678901234567890, Decimal("0.10"), Decimal("1e3"), Decimal("-0"), Decimal("-0.0"),
        Decimal("0.0150"), "\N{GRINNING FACE}"]  # fmt: skip
    assert dumps(value) == '[12345678901234567890,0.10,1E+3,-0,-0.0,0.0150,"\N{GRINNING FACE}"]'.encode()


def test_canonical_json_sorts_by_code_point() -> None:
    assert dumps({"b": 1, "a": {}, "B": [], "ä": None, "a\n": "é\t\u2028"}) == (
        '{"B":[],"a":{},"a\\n":"é\\t\u2028","b":1,"ä":null}'.encode()
    )


def test_equality_looks_at_digits_and_types() -> None:
    assert same({"a": [1, Decimal("1.0")]}, {"a": [1, Decimal("1.0")]})
    for left, right in [
        (1, True),
        (0, False),
        (Decimal("1.0"), Decimal("1.00")),
        (1, Decimal(1)),
        ([], {}),
        ("", None),
    ]:
        assert not same(left, right)
    assert not same({"a": 1}, {"a": 1, "b": 1})
    assert not same([1], [1, 1])


def test_paths_quote_what_is_no_name() -> None:
    assert path_text(("a", 0, "b_c", "ext:d", "it's", "")) == r"$.a[0].b_c['ext:d']['it\'s']['']"
