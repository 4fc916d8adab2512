"""Texts: the same ones are accepted whatever Unicode the interpreter knows."""

import sys
import unicodedata

import pytest

from ledger.codec import encode
from ledger.errors import CodecError
from ledger.unicode_14 import is_assigned

OLD = unicodedata.unidata_version == "14.0.0"


@pytest.mark.skipif(not OLD, reason="only CPython 3.11 knows exactly Unicode 14.0")
def test_the_table_is_unicode_14() -> None:
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        assert is_assigned(character) == (unicodedata.category(character) not in {"Cn", "Cs"}), hex(code_point)


def test_nothing_that_the_table_assigns_was_taken_away_since() -> None:
    assigned = [chr(code_point) for code_point in range(sys.maxunicode + 1) if is_assigned(chr(code_point))]
    assert len(assigned) == 282_230
    assert all(unicodedata.category(character) != "Cn" for character in assigned)


@pytest.mark.parametrize("text", ["Malé", "冷凍金枪鱼", "سمك", "🐟", "\ue000", "\U0001fae0"])
def test_ordinary_text_is_accepted(text: str) -> None:
    assert encode(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # Two marks of Unicode 15 in either order: Python 3.11 takes both for normalised, later ones only one.
        ("\U0001e4ec\U0001e4ee", "unassigned_character"),
        ("\U0001e4ee\U0001e4ec", "unassigned_character"),
        ("\u0378", "unassigned_character"),
        ("\ud800", "unassigned_character"),
        ("Male\u0301", "not_nfc"),
    ],
)
def test_text_that_interpreters_could_disagree_on_is_refused(text: str, code: str) -> None:
    with pytest.raises(CodecError) as caught:
        encode(text)
    assert caught.value.code == code
