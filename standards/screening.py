"""Screening: whether a name may be one on a list, so that a person looks into it.

First names that share anything are found (``rapidfuzz``, fast and generous), then each is compared word by word. A
score is an integer of a thousand. It only ever says *possible*: a name alone confirms nobody, and no birth year clears
one who has the very name. Names are compared without regard to case, accents, punctuation and the order of words; they
are not transliterated, so a list holds the scripts and spellings it wants found, as aliases.

This is not deterministic across versions of Unicode and of the library, which is why no contract calls it: a screener
signs what came of it (``contracts.settlement.attestations``). No error text repeats a name.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from rapidfuzz import fuzz, process

from standards.errors import StandardsError

THRESHOLD: Final = 880
LIST_BYTES_MAX: Final = 64 * 1024 * 1024
ENTRIES_MAX: Final = 500_000
NAMES_MAX: Final = 64
NAME_LENGTH_MAX: Final = 256

_FULL: Final = 1_000
_CANDIDATES_MAX: Final = 64
_CANDIDATE_SCORE_MIN: Final = 60
_WORD_MISSING: Final = 30
_INITIAL: Final = 850
_BIRTH_YEAR_DIFFERS: Final = 100
_BIRTH_YEARS_APART_MAX: Final = 1
_WORDS_MIN: Final = 2


class ScreeningError(StandardsError):
    """A list cannot be read; the text names the line and never what stands in it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list: its id there, all names, and the birth years that are known."""

    identifier: str
    names: tuple[str, ...]
    birth_years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that the name may belong to."""

    identifier: str
    score: int


@dataclass(frozen=True, slots=True)
class Screened:
    """What came of a screening: the verdict, and for the screener's eyes alone the entries, the likeliest first."""

    verdict: Literal["clear", "possible"]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class ScreeningList:
    """A list that is ready to be searched; ``version`` is the SHA-256 of the file that it was read from."""

    version: bytes
    entries: tuple[Listed, ...]
    _keys: tuple[str, ...] = field(repr=False)
    _owners: tuple[int, ...] = field(repr=False)

    def screen(self, name: str, birth_year: int | None = None, threshold: int = THRESHOLD) -> Screened:
        """Return whether a name may be one of the list's."""
        if not 1 <= len(name) <= NAME_LENGTH_MAX:
            raise ScreeningError("name_length", f"a name has 1 to {NAME_LENGTH_MAX} characters")
        words = words_of(name)
        if not words:
            raise ScreeningError("name_empty", "the name has no letters and no digits")
        best: dict[int, int] = {}
        for place in self._candidates(" ".join(words)):
            owner = self._owners[place]
            other = tuple(self._keys[place].split(" "))
            score = likeness(words, other) - self._birth_year_penalty(owner, birth_year)
            best[owner] = max(score, best.get(owner, 0))
        hits = sorted(
            (Hit(self.entries[owner].identifier, score) for owner, score in best.items() if score >= threshold),
            key=lambda hit: (-hit.score, hit.identifier),
        )
        return Screened("possible" if hits else "clear", tuple(hits))

    def _candidates(self, key: str) -> set[int]:
        """Return the places of the names that come nearest, by the words they share and as a whole.

        One measure would do for most; where very many names share a word, it cannot tell them apart.
        """
        return {
            place
            for scorer in (fuzz.token_set_ratio, fuzz.token_sort_ratio)
            for _, _, place in process.extract(
                key, self._keys, scorer=scorer, limit=_CANDIDATES_MAX, score_cutoff=_CANDIDATE_SCORE_MIN
            )
        }

    def _birth_year_penalty(self, owner: int, birth_year: int | None) -> int:
        known = self.entries[owner].birth_years
        if birth_year is None or not known:
            return 0
        return 0 if any(abs(birth_year - year) <= _BIRTH_YEARS_APART_MAX for year in known) else _BIRTH_YEAR_DIFFERS


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, sorted, as they are compared: NFKC, without case, accents and punctuation."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = (_letter(character) for character in folded if not unicodedata.combining(character))
    return tuple(sorted("".join(letters).split()))


def likeness(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how alike two names are, 0 to 1,000: each word of the shorter to its best in the longer, by length.

    Words that only the longer has cost a little each, as middle names do. A single word has to be all of the other.
    """
    shorter, longer = sorted((one, other), key=lambda words: (len(words), sum(map(len, words)), tuple(words)))
    whole = int(fuzz.token_sort_ratio(" ".join(shorter), " ".join(longer)) * 10)
    if len(shorter) < _WORDS_MIN:
        return whole
    left = list(longer)
    total = 0
    for word in sorted(shorter, key=lambda word: (-len(word), word)):
        score, place = max((_word_likeness(word, candidate), -index) for index, candidate in enumerate(left))
        left.pop(-place)
        total += score * len(word)
    by_words = total // sum(map(len, shorter)) - _WORD_MISSING * len(left)
    return max(whole, by_words, 0)


def read_list(data: bytes) -> ScreeningList:
    """Read a list: JSON lines of {"id", "names": [...], "birth_years"?: [...]}.

    Raises
    ------
    ScreeningError
        A line is no such object, or a limit is passed; the text names the line.

    """
    if len(data) > LIST_BYTES_MAX:
        raise ScreeningError("list_size", f"a list has at most {LIST_BYTES_MAX} bytes; this has {len(data)}")
    entries: list[Listed] = []
    identifiers: set[str] = set()
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        entry = _read_entry(line, number)
        if entry.identifier in identifiers:
            raise ScreeningError("list_id", f"line {number}: the id was used in an earlier line")
        identifiers.add(entry.identifier)
        entries.append(entry)
        if len(entries) > ENTRIES_MAX:
            raise ScreeningError("list_entries", f"a list has at most {ENTRIES_MAX} entries")
    return make_list(hashlib.sha256(data).digest(), entries)


def make_list(version: bytes, entries: Iterable[Listed]) -> ScreeningList:
    """Return entries ready to be searched."""
    kept = tuple(entries)
    keys: list[str] = []
    owners: list[int] = []
    for owner, entry in enumerate(kept):
        for key in sorted({" ".join(words_of(name)) for name in entry.names} - {""}):
            keys.append(key)
            owners.append(owner)
    return ScreeningList(version, kept, tuple(keys), tuple(owners))


def _read_entry(line: bytes, number: int) -> Listed:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ScreeningError("list_json", f"line {number} is not JSON in UTF-8") from None
    if not isinstance(said, dict) or not said.keys() <= {"id", "names", "birth_years"}:
        raise ScreeningError("list_entry", f"line {number} is not an object of id, names and birth_years")
    identifier, names, years = said.get("id"), said.get("names"), said.get("birth_years", [])
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= NAME_LENGTH_MAX:
        raise ScreeningError("list_entry", f"line {number}: id is a text of 1 to {NAME_LENGTH_MAX} characters")
    if not isinstance(names, list) or not 1 <= len(names) <= NAMES_MAX or not all(map(_is_name, names)):
        raise ScreeningError(
            "list_entry", f"line {number}: names are 1 to {NAMES_MAX} texts of 1 to {NAME_LENGTH_MAX} characters"
        )
    if not isinstance(years, list) or len(years) > NAMES_MAX or not all(type(year) is int for year in years):
        raise ScreeningError("list_entry", f"line {number}: birth_years are at most {NAMES_MAX} integers")
    return Listed(identifier, tuple(names), tuple(years))


def _letter(character: str) -> str:
    """Return a letter, a digit or a vowel that its script writes as a sign; anything else divides words."""
    return character if character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"} else " "


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= NAME_LENGTH_MAX


def _word_likeness(one: str, other: str) -> int:
    if len(one) == 1 or len(other) == 1:
        return _FULL if one == other else _INITIAL if one[0] == other[0] else 0
    return int(fuzz.ratio(one, other) * 10)
