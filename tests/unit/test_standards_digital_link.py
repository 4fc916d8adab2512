"""Parsing, building and the canonical spelling, on cases of our own; the published vectors are in tests/golden."""

import pytest

from standards import digital_link
from standards.digital_link import DigitalLink, build, canonical_id, parse
from standards.errors import DigitalLinkError, IdentifierError


def test_parse_gives_every_part() -> None:
    link = parse("https://brand.example/shop/en/01/9521101001006/22/2A/10/L%2F1/21/S-1?17=280503&utm=x&flag#top")
    assert link == DigitalLink(
        key="01",
        value="09521101001006",
        qualifiers=(("22", "2A"), ("10", "L/1"), ("21", "S-1")),
        attributes=(("17", "280503"),),
        stem="https://brand.example/shop/en",
        other=(("utm", "x"), ("flag", "")),
    )
    assert link.uri() == "https://brand.example/shop/en/01/09521101001006/22/2A/10/L%2F1/21/S-1?17=280503"
    assert link.canonical() == "https://id.gs1.org/01/09521101001006/21/S-1"
    assert link.element_string() == "^0109521101001006222A^10L/1^21S-1^17280503"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("ftp://a/01/09521101001006", "not_a_uri"),
        ("https://a/01/09521101001006/10/a b", "not_a_uri"),
        ("https://a/b/c", "no_key"),
        ("https://a/01/09521101001006/99/x", "qualifier"),
        ("https://a/01/09521101001006/21/x/10/y", "qualifier"),
        ("https://a/01/09521101001006/235/x/21/y", "qualifier"),
        ("https://a/01/09521101001006?05=1", "unknown_ai"),
        ("https://a/01/09521101001006?17=280503&17=280503", "repeated"),
        ("https://a/01/09521101001006?21=x", "attribute"),
        ("https://a/01/09521101001006?8200=x", "attribute"),
        ("https://a/01/09521101001007", "check_digit"),
        ("https://a/01/09521101001006/21/", "length"),
        ("https://a/01/09521101001006/21/%C3%A9", "character"),
    ],
)
def test_each_refusal_has_its_code(uri: str, code: str) -> None:
    with pytest.raises((DigitalLinkError, IdentifierError)) as caught:
        parse(uri)
    assert caught.value.code == code


def test_check_digits_can_be_left_out() -> None:
    assert parse("https://a/01/09521101001007", check=False).value == "09521101001007"


def test_build_orders_qualifiers_and_refuses_two_values() -> None:
    link = build([("21", "S"), ("01", "9521101001006"), ("10", "L"), ("17", "280503")], "https://brand.example/x/")
    assert link.uri() == "https://brand.example/x/01/09521101001006/10/L/21/S?17=280503"
    with pytest.raises(DigitalLinkError, match="given twice"):
        build([("01", "9521101001006"), ("10", "L"), ("10", "M")])


@pytest.mark.parametrize(
    ("identifier", "canonical"),
    [
        ("https://id.gs1.org/01/09521101001006/21/abc", "https://id.gs1.org/01/09521101001006/21/abc"),
        ("https://id.gs1.org/01/09521101001006/21/abc/", "https://id.gs1.org/01/09521101001006/21/abc/"),
        ("HTTPS://ID.gs1.org/01/9521101001006/21/a%2fb", "https://id.gs1.org/01/09521101001006/21/a%2Fb"),
        # The spelling does not depend on a check digit: two spellings of a wrong number stay one thing.
        ("https://brand.example/01/09521101001007", "https://id.gs1.org/01/09521101001007"),
        ("https://a.example/414/9521101000016/254/0", "https://id.gs1.org/414/9521101000016"),
        ("urn:epc:id:sgtin:9521101.000100.1", "https://id.gs1.org/01/09521101001006/21/1"),
        ("urn:epc:idpat:sgtin:9521101.000100.*", "https://id.gs1.org/01/09521101001006"),
        ("urn:epc:idpat:sgtin:9521101.*.*", "urn:epc:idpat:sgtin:9521101.*.*"),
        ("urn:epc:id:sgtin:9521101.000100", "urn:epc:id:sgtin:9521101.000100"),
        ("urn:epc:id:sgtin:95211.0000100.1", "urn:epc:id:sgtin:95211.0000100.1"),
        ("urn:epc:id:sgtin:9521101.000100.", "urn:epc:id:sgtin:9521101.000100."),
        ("urn:epc:class:sgtin:9521101.000100.1", "urn:epc:class:sgtin:9521101.000100.1"),
        ("urn:epc:id:lgtin:9521101.000100.1", "urn:epc:id:lgtin:9521101.000100.1"),
        ("urn:epc:id:gid:95100000.12345.400", "urn:epc:id:gid:95100000.12345.400"),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("https://example.com/orders/12", "https://example.com/orders/12"),
        ("", ""),
    ],
)
def test_canonical_id(identifier: str, canonical: str) -> None:
    assert canonical_id(identifier) == canonical
    assert canonical_id(canonical) == canonical


def test_every_primary_key_has_a_form() -> None:
    for key in digital_link._SEQUENCES:
        with pytest.raises(IdentifierError):
            parse(f"https://a/{key}/%C3%A9")
