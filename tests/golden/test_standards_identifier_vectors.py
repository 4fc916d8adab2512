"""The published vectors for identifiers: GS1's lint vectors, its Digital Link parser and generator, a normaliser.

Every row runs but 12 of the 5,663 lint vectors, which ask a register of company prefixes that we do not have. What we
answer otherwise is named here with its reason.
"""

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

import pytest

from standards import gs1, gs1_coupons, gs1_fields
from standards.digital_link import CANONICAL_STEM, build, canonical_id, parse
from standards.errors import StandardsError
from standards.financial_identifiers import check_iban
from tests.support.shared_data import shared_data

# Linters as a function that raises.
LINTERS: dict[str, Callable[[str], object]] = {
    "csum": gs1.require_check_digit,
    "csumalpha": gs1.require_check_characters,
    "csetnumeric": lambda value: gs1.require_characters(value, gs1.DIGITS, "digit"),
    "cset82": lambda value: gs1.require_characters(value, gs1.CSET82, "character of set 82"),
    "cset39": lambda value: gs1.require_characters(value, gs1.CSET39, "character of set 39"),
    "cset64": gs1.require_base64,
    "yymmdd": partial(gs1_fields.require_date, day_zero=False),
    "yymmd0": partial(gs1_fields.require_date, day_zero=True),
    "couponcode": gs1_coupons.require_coupon_code,
    "couponposoffer": gs1_coupons.require_positive_offer,
    "hasnondigit": gs1_fields.require_non_digit,
    "hh": gs1_fields.require_hour,
    "hhmi": gs1_fields.require_time,
    "hyphen": gs1_fields.require_hyphen,
    "iban": check_iban,
    "importeridx": gs1_fields.require_importer_index,
    "iso3166": gs1_fields.require_country_number,
    "iso3166999": gs1_fields.require_country_number_or_several,
    "iso3166alpha2": gs1_fields.require_country_letters,
    "iso4217": gs1_fields.require_currency_number,
    "iso5218": gs1_fields.require_sex,
    "latitude": gs1_fields.require_latitude,
    "longitude": gs1_fields.require_longitude,
    "mediatype": gs1_fields.require_media_type,
    "mi": gs1_fields.require_minute,
    "nonzero": gs1_fields.require_not_zero,
    "nozeroprefix": gs1_fields.require_no_leading_zero,
    "packagetype": gs1_fields.require_package_type,
    "pcenc": gs1_fields.require_percent_encoding,
    "pieceoftotal": gs1_fields.require_piece_of_total,
    "posinseqslash": gs1_fields.require_position_in_sequence,
    "ss": gs1_fields.require_minute,
    "winding": gs1_fields.require_winding,
    "yesno": gs1_fields.require_yes_or_no,
    "yyyymmd0": partial(gs1_fields.require_long_date, day_zero=True),
    "yyyymmdd": partial(gs1_fields.require_long_date, day_zero=False),
    "zero": gs1_fields.require_zero,
}
# Whether a company prefix was given to anybody: the vectors were made with a register that says no, or that is off
# line. We have none, so these rows have no answer, and the two linters that look at nothing else are not ours.
REGISTER_ERRORS = frozenset({"GS1_LINTER_INVALID_GCP_PREFIX", "GS1_LINTER_GCP_DATASOURCE_OFFLINE"})
LINTERS_LEFT_OUT = frozenset({"gcppos1", "gcppos2"})

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
    differing = []
    for linter, expected, value, error in vectors:
        if error in REGISTER_ERRORS:
            continue
        try:
            LINTERS[linter](value)
            verdict = "PASS"
        except StandardsError:
            verdict = "FAIL"
        if verdict != expected:
            differing.append((linter, value, error))
        counted[linter] += 1
    # An IBAN of Malta has 31 characters; GS1 does not look at the length that each country has.
    assert differing == [("iban", "MT90MALT011000012345MTLCAST001SABC", "")]
    assert min(counted.values()) > 0
    assert (sum(counted.values()), len(vectors)) == (5651, 5663)


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


@pytest.mark.parametrize(
    ("attribute", "wrong"),
    [
        ("421=756X", "421=000X"),
        ("422=756", "422=000"),
        ("426=756", "426=999"),
        ("7030=999X", "7030=998X"),
        ("3910=7561", "3910=0001"),
        ("4307=CH", "4307=XX"),
        ("4309=02790858483015297971", "4309=02790858483600000001"),
        ("4321=1", "4321=2"),
        ("4330=001234-", "4330=001234X"),
        ("7003=2611241259", "7003=2611241260"),
        ("7007=261124261125", "7007=261124261131"),
        ("7011=2611241259", "7011=2611242459"),
        ("7041=1A", "7041=200X"),
        ("7241=80", "7241=79"),
        ("7250=20240229", "7250=21000229"),
        ("7251=202402291259", "7251=202402292559"),
        ("7252=9", "7252=3"),
        ("7258=1%2F3", "7258=4%2F3"),
        ("8001=12345678912310", "8001=12345678900010"),
        ("8007=DE91100000000123456789", "8007=DE91100000000123456780"),
        ("8008=261124125959", "8008=261124125960"),
        ("8026=952012345678800204", "8026=952012345678800502"),
        ("8110=012345612345611110123", "8110=0123456123456111101"),
        ("8112=001234561234560123456", "8112=201234561234560123456"),
    ],
)
def test_the_fields_of_an_attribute_are_checked(attribute: str, wrong: str) -> None:
    link = "https://example.com/00/952012345678912345?"
    name, _, value = attribute.partition("=")
    assert parse(link + attribute).attributes == ((name, unquote(value)),)
    with pytest.raises(StandardsError):
        parse(link + wrong)


@pytest.mark.parametrize("element", ["(01)09520123456788(21)S", "(00)952012345678912345", "(414)9520123456788(254)A"])
def test_what_we_build_we_parse(element: str) -> None:
    link = build(re.findall(r"\((\d+)\)([^(]*)", element))
    assert parse(link.uri()) == link
