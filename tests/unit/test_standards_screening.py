"""Screening: figures on a made-up set of names, what counts as alike, and lists that cannot be read."""

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from standards.screening import (
    NAME_LENGTH_MAX,
    NAMES_MAX,
    THRESHOLD,
    Listed,
    ScreeningError,
    likeness,
    make_list,
    read_list,
    words_of,
)

GIVEN = (
    "Amara,Bashir,Carmen,Dmitri,Elena,Farouk,Giorgio,Hanna,Ibrahim,Jelena,Karim,Leyla,Mikhail,Nadia,Oleksandr,Pilar,"
    "Qasim,Renata,Soraya,Tomas,Ulrike,Viktor,Wanjiru,Ximena,Yusuf,Zofia,Anselm,Beatriz,Cyrus,Daria,Emeka,Fatima"
)
FAMILY = (
    "Aber,Bukal,Casto,Drozin,Elta,Fonse,Gruen,Hashe,Ivarso,Janko,Kostan,Lindva,Marche,Ndia,Oyel,Petros,Quint,Rahmon,"
    "Sokol,Tadewo,Ushak,Valmo,Wierz,Xantho,Yilma,Zahar,Alborz,Brankov,Chuku,Delaro"
)
COMPLIANCE = (Path(__file__).resolve().parents[2] / "docs" / "compliance.md").read_text(encoding="utf-8")
Name = tuple[str, str, str]


def mistyped(word: str, chance: random.Random) -> str:
    """Return a word with a letter left out, doubled, exchanged with the next or replaced."""
    at = chance.randrange(1, len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    swapped = before + after[0] + letter + after[1:]
    return chance.choice(
        [before + after, before + letter * 2 + after, swapped, before + chance.choice("aeiost") + after]
    )


SPELLINGS: dict[str, Callable[[Name, random.Random], str]] = {
    "as listed": lambda name, _: " ".join(name),
    "other order, case, accents": lambda name, _: f"{name[2].upper()}, {name[0]} {name[1]}".replace("e", "\u00e9"),
    "one letter wrong": lambda name, chance: f"{name[0]} {name[1]} {mistyped(name[2], chance)}",
    "two letters wrong": lambda name, chance: f"{mistyped(name[0], chance)} {name[1]} {mistyped(name[2], chance)}",
    "no middle name": lambda name, _: f"{name[0]} {name[2]}",
    "middle name as initial": lambda name, _: f"{name[0]} {name[1][0]}. {name[2]}",
    "no middle name, one letter wrong": lambda name, chance: f"{name[0]} {mistyped(name[2], chance)}",
}


def test_the_figures_of_the_page_are_those_of_the_program() -> None:
    chance = random.Random(7)
    given, family = GIVEN.split(","), FAMILY.split(",")
    made = sorted({(chance.choice(given), chance.choice(given), chance.choice(family)) for _ in range(300)})
    listed = chance.sample(made, 200)
    screening_list = make_list(b"", [Listed(str(index), (" ".join(name),)) for index, name in enumerate(listed)])
    known = {(name[place], name[2]) for name in listed for place in (0, 1)}
    strangers = [(first, last) for first in given for last in family if (first, last) not in known]
    rows = []
    for what, spell in SPELLINGS.items():
        found = [
            str(index) in {hit.identifier for hit in screening_list.screen(spell(name, chance)).hits}
            for index, name in enumerate(listed)
        ]
        rows.append(f"| {what} | {sum(found)} of {len(found)} |")
    false = sum(screening_list.screen(" ".join(name)).verdict == "possible" for name in strangers)
    rows.append(f"| *a stranger, made of the same names* | {false} of {len(strangers)} |")
    assert "\n".join(rows) in COMPLIANCE, "\n".join(rows)
    assert f"{THRESHOLD} of 1,000" in COMPLIANCE


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("  O\u2019Neill-\u00c9mile ", ("emile", "neill", "o")),
        ("STRASSE stra\u00dfe", ("strasse", "strasse")),
        ("\uff2a\uff4f\uff48\uff4e", ("john",)),
        ("\u0905\u092e\u093f\u0924", ("\u0905\u092e\u093f\u0924",)),
        ("\u041f\u0451\u0442\u0440", ("\u043f\u0435\u0442\u0440",)),
        ("...", ()),
    ],
)
def test_words_of_a_name(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_one_shared_name_is_not_a_match() -> None:
    assert likeness(words_of("Emma Daniels"), words_of("EMMA LLC")) < THRESHOLD
    assert likeness(words_of("Emma"), words_of("Emma Daniels")) < THRESHOLD
    assert likeness(words_of("Emma"), words_of("emma")) == 1_000


def test_likeness_has_no_direction() -> None:
    one, other = words_of("Amara Jelena Drozhinov"), words_of("Drozhinov, A.")
    assert likeness(one, other) == likeness(other, one)


def test_another_birth_year_makes_a_doubtful_name_clear_and_never_the_very_name() -> None:
    screening_list = make_list(b"", [Listed("7", ("Amara Jelena Drozhinov", "Amara the Tall"), (1970,))])
    assert screening_list.screen("Amara Jelena Drozhinow", 1971).verdict == "possible"
    assert screening_list.screen("Amara Jelena Drosinow", 1970).verdict == "possible"
    assert screening_list.screen("Amara Jelena Drosinow", 1972).verdict == "clear"
    (hit,) = screening_list.screen("amara jelena drozhinov", 1950).hits
    assert (hit.identifier, hit.score) == ("7", 900)


def test_aliases_find_their_entry_once() -> None:
    screening_list = make_list(b"", [Listed("7", ("Amara Drozhinov", "Drozhinov Amara", "Tall Amara"))])
    assert [hit.score for hit in screening_list.screen("Amara Drozhinov").hits] == [1_000]
    assert screening_list.screen("Amara Tall").verdict == "possible"


def test_a_word_that_very_many_share_hides_nobody() -> None:
    crowd = [Listed(str(number), (f"Karim Person{number}",)) for number in range(500)]
    assert [hit.identifier for hit in make_list(b"", [*crowd, Listed("he", ("Karim",))]).screen("Karim").hits] == ["he"]


def test_a_list_is_read_with_its_version() -> None:
    lines = [{"id": "1", "names": ["Amara Drozhinov"]}, {"id": "2", "names": ["B C"], "birth_years": [1980]}]
    data = "\n".join(map(json.dumps, lines)).encode()
    screening_list = read_list(data + b"\n\n")
    assert screening_list.version == hashlib.sha256(data + b"\n\n").digest()
    assert [entry.birth_years for entry in screening_list.entries] == [(), (1980,)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "list_json"),
        (b"\xff", "list_json"),
        (b"[" * 100_000, "list_json"),
        (b"[]", "list_entry"),
        (b'{"id": "2"}', "list_entry"),
        (b'{"id": "", "names": ["Secret Person"]}', "list_entry"),
        (b'{"id": "2", "names": ["Secret Person", 5]}', "list_entry"),
        (b'{"id": "2", "names": ["Secret Person"], "more": 1}', "list_entry"),
        (b'{"id": "2", "names": ["Secret Person"], "birth_years": [true]}', "list_entry"),
        (json.dumps({"id": "2", "names": ["x"] * (NAMES_MAX + 1)}).encode(), "list_entry"),
        (json.dumps({"id": "2", "names": ["x" * (NAME_LENGTH_MAX + 1)]}).encode(), "list_entry"),
        (b'{"id": "1", "names": ["Secret Person"]}', "list_id"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_repeated(line: bytes, code: str) -> None:
    with pytest.raises(ScreeningError) as caught:
        read_list(b'{"id": "1", "names": ["x"]}\n' + line)
    assert caught.value.code == code
    assert "line 2" in str(caught.value)
    assert not re.search("Secret|Person", f"{caught.value!r}{caught.value.__cause__!r}")


@pytest.mark.parametrize("name", ["", "x" * (NAME_LENGTH_MAX + 1), "?!"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ScreeningError):
        make_list(b"", []).screen(name)
