"""The published vectors for identifiers: GS1's lint vectors, its Digital Link parser and generator, a normaliser.

Of the lint vectors the rows of the ten linters that we have run, 1,702 of 5,663; the 29 others lint fields that no key
and no qualifier of ours has, and are named in LINTERS_LEFT_OUT. Of the other files every row runs. What we answer
otherwise is named here with its reason.
"""

import re
from collections.abc import Callable
from functools import partial

import pytest

from standards import application_identifiers, gs1
from standards.countries import is_country
from standards.digital_link import CANONICAL_STEM, build, canonical_id, parse
from standards.errors import IdentifierError, StandardsError
from standards.financial_identifiers import check_iban
from tests.support.shared_data import shared_data


def require_country(code: str) -> None:
    """Raise for what is no country's two letters."""
    if not is_country(code):
        raise IdentifierError("country", code)


# Linters that we have, as a function that raises. The empty text is no value for us, so each gets what is not empty.
LINTERS: dict[str, Callable[[str], object]] = {
    "csum": gs1.require_check_digit,
    "csumalpha": gs1.require_check_characters,
    "csetnumeric": lambda value: gs1.require_characters(value, gs1.DIGITS, "digit"),
    "cset82": lambda value: gs1.require_characters(value, gs1.CSET82, "character of set 82"),
    "cset39": lambda value: gs1.require_characters(value, gs1.CSET39, "character of set 39"),
    "cset64": gs1.require_base64,
    "yymmdd": partial(application_identifiers.require_date, day_zero=False),
    "yymmd0": partial(application_identifiers.require_date, day_zero=True),
    "iban": check_iban,
    "iso3166alpha2": require_country,
}
# The check digits are right, and it is three characters longer than Malta's are.
LINT_REFUSED_BY_LENGTH = ("iban", "MT90MALT011000012345MTLCAST001SABC")
# Linters of fields that no GS1 key and no qualifier has: coupons, currencies, countries by number, packages, media,
# sex, positions, clock times, web percent-encoding, prefixes of companies (which need a data source on the network).
LINTERS_LEFT_OUT = frozenset(
    {
        "couponcode",
        "couponposoffer",
        "gcppos1",
        "gcppos2",
        "hasnondigit",
        "hh",
        "hhmi",
        "hyphen",
        "importeridx",
        "iso3166",
        "iso3166999",
        "iso4217",
        "iso5218",
        "latitude",
        "longitude",
        "mediatype",
        "mi",
        "nonzero",
        "nozeroprefix",
        "packagetype",
        "pcenc",
        "pieceoftotal",
        "posinseqslash",
        "ss",
        "winding",
        "yesno",
        "yyyymmd0",
        "yyyymmdd",
        "zero",
    }
)

# Parser rows that depend on an option of GS1's parser; each URI stands twice in the file, once for each setting. We
# read convenience names and GTINs without leading zeros (GS1: "permit"), and know no other identifiers than GS1's.
PARSE_ACCEPTED_BY_OPTION = frozenset(
    {
        "https://a/gtin/12312312312333",
        "https://a/01/2112345678900",
        "https://a/01/416000336108",
        "https://a/01/02345673",
        "https://a/8004/9520614141234567?01=2112345678900",
        "https://a/8004/9520614141234567?01=02345673",
    }
)
PARSE_REFUSED_BY_OPTION = frozenset({"https://example.com/01/09520123456788?99=XYZ&89=ABC123"})
GENERATE_REFUSED_BY_OPTION = frozenset({"(01)12312312312326(99)000001(89)XXX(95)INT"})


def rows(name: str) -> list[list[str]]:
    # Not by the csv module: a value of the lint vectors may be a carriage return or a quotation mark.
    text = shared_data(f"epcis/derived/{name}").read_bytes().decode("utf-8")
    return [line.split("\t") for line in text.split("\n")[1:] if line]


def test_lint_vectors() -> None:
    counted = dict.fromkeys(LINTERS, 0)
    vectors = rows("gs1_lint_vectors_syntax-dictionary.tsv")
    assert {linter for linter, *_ in vectors} == LINTERS.keys() | LINTERS_LEFT_OUT
    for linter, expected, value, error in vectors:
        if linter in LINTERS_LEFT_OUT:
            continue
        try:
            LINTERS[linter](value)
            verdict = "PASS"
        except StandardsError:
            verdict = "FAIL"
        wanted = "FAIL" if (linter, value) == LINT_REFUSED_BY_LENGTH else expected
        assert verdict == wanted, (linter, value, error)
        counted[linter] += 1
    assert counted == {
        "csum": 14,
        "csumalpha": 44,
        "csetnumeric": 12,
        "cset82": 262,
        "cset39": 259,
        "cset64": 281,
        "yymmdd": 61,
        "yymmd0": 61,
        "iban": 26,
        "iso3166alpha2": 682,
    }
    assert (sum(counted.values()), len(vectors), len(LINTERS_LEFT_OUT)) == (1702, 5663, 29)


def test_digital_link_parse_vectors() -> None:
    vectors = rows("dl_parse_vectors_gs1-syntax-engine.tsv")
    for valid, uri, expected in vectors:
        try:
            answer = parse(uri).element_string()
        except StandardsError:
            answer = ""
        if uri in PARSE_REFUSED_BY_OPTION:
            assert answer == ""
        elif valid == "true":
            assert answer == expected, uri
        else:
            assert answer == "" or uri in PARSE_ACCEPTED_BY_OPTION, uri
    assert len(vectors) == 118
    known = {uri for _, uri, _ in vectors}
    assert known >= PARSE_ACCEPTED_BY_OPTION | PARSE_REFUSED_BY_OPTION


def test_digital_link_generate_vectors() -> None:
    vectors = rows("dl_generate_vectors_gs1-syntax-engine.tsv")
    for _, stem, elements, expected in vectors:
        pairs = re.findall(r"\((\d+)\)([^(]*)", elements)
        try:
            answer = build(pairs, CANONICAL_STEM if stem == "NULL" else stem).uri()
        except StandardsError:
            answer = ""
        assert answer == ("" if elements in GENERATE_REFUSED_BY_OPTION else expected), elements
    assert len(vectors) == 22


def test_normaliser_vectors() -> None:
    vectors = rows("dl_normaliser_vectors_RalphTro.tsv")
    for text, expected in vectors:
        # NONE: no identifier of GS1. We leave such a text as it is.
        assert canonical_id(text) == (text if expected == "NONE" else expected)
    assert len(vectors) == 70


@pytest.mark.parametrize("element", ["(01)09520123456788(21)S", "(00)952012345678912345", "(414)9520123456788(254)A"])
def test_what_we_build_we_parse(element: str) -> None:
    link = build(re.findall(r"\((\d+)\)([^(]*)", element))
    assert parse(link.uri()) == link
