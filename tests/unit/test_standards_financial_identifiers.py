"""IBAN, BIC and LEI: the published vectors, each fault with its position, and no account number in an error text."""

import csv
import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import financial_identifiers
from standards.errors import IdentifierError
from standards.financial_identifiers import (
    check_bic,
    check_iban,
    check_lei,
    organisation_scheme,
)
from tests.support.shared_data import shared_data

CHECKS: dict[str, Callable[[str], str]] = {"IBAN": check_iban, "BIC": check_bic, "LEI": check_lei}
GERMAN = "DE89370400440532013000"


def refusal(check: Callable[[str], str], value: str) -> IdentifierError:
    with pytest.raises(IdentifierError) as caught:
        check(value)
    return caught.value


def test_every_published_vector_gets_its_verdict() -> None:
    path = shared_data("settlement/iban_bic/iban_bic_lei_vectors.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    verdicts = {"valid": 0, "experimental-valid": 0, "invalid": 0}
    for row in rows:
        kind, value, verdict = row["kind"], row["value"], row["verdict"].partition(":")[0]
        verdicts[verdict] += 1
        if verdict == "invalid":
            refusal(CHECKS[kind], value)
        else:
            assert CHECKS[kind](value) == value.replace(" ", "")
    assert verdicts == {"valid": 184, "experimental-valid": 23, "invalid": 19}


def test_the_structures_are_those_of_the_registry() -> None:
    path = shared_data("settlement/iban_bic/schwifty_iban_registry.json")
    registry = json.loads(path.read_text(encoding="utf-8"))
    for country, entry in registry.items():
        kinds = "".join(kind * int(count) for count, kind in re.findall(r"([0-9]+)!([nac])", entry["bban_spec"]))
        ours = financial_identifiers._STRUCTURES[country]
        assert "".join(kind * count for count, kind in ours) == kinds, country


@pytest.mark.parametrize(
    ("value", "code", "position", "said"),
    [
        ("", "country", 1, "begins with the code of a country"),
        ("XX89370400440532013000", "country", 1, "'XX' is none"),
        ("de89370400440532013000", "character", 1, "should be a capital letter, it is 'd'"),
        ("DE8937040044053201300", "length", 0, "an IBAN of DE has 22 characters; this has 21"),
        ("DE8937040044053201300O", "character", 22, "should be a digit, it is 'O'"),
        ("DE8\N{ARABIC-INDIC DIGIT NINE}370400440532013000", "character", 4, "should be a digit"),
        ("DE88370400440532013000", "check_digit", 3, "do not fit"),
        ("DE" + "9" * 1000, "length", 0, "at most 34"),
    ],
)
def test_what_is_wrong_with_an_iban(value: str, code: str, position: int, said: str) -> None:
    error = refusal(check_iban, value)
    assert (error.code, error.position) == (code, position)
    assert said in str(error)


def test_check_digits_that_only_agree_modulo_97_are_refused() -> None:
    assert check_iban("GB98MIDL07009312345678") == "GB98MIDL07009312345678"
    assert refusal(check_iban, "GB01MIDL07009312345678").code == "check_digit"


@given(place=st.integers(2, 21), digit=st.sampled_from("0123456789A"))
def test_one_mistyped_character_is_found_and_the_number_not_repeated(place: int, digit: str) -> None:
    mistyped = GERMAN[:place] + digit + GERMAN[place + 1 :]
    if mistyped == GERMAN:
        return
    error = refusal(check_iban, mistyped)
    said = f"{error} {error!r}"
    assert not any(mistyped[start : start + 5] in said for start in range(len(mistyped) - 4))


@pytest.mark.parametrize(
    ("value", "code", "position"),
    [
        ("GENODEM", "length", 0),
        ("GENO1EM1", "character", 5),
        ("GENODEM1@#%", "character", 9),
        ("GENOXXM1GLS", "country", 5),
        ("genodem1", "character", 1),
    ],
)
def test_what_is_wrong_with_a_bic(value: str, code: str, position: int) -> None:
    error = refusal(check_bic, value)
    assert (error.code, error.position) == (code, position)


def test_a_bank_of_kosovo_has_a_bic() -> None:
    assert check_bic("NLPRXKPR") == "NLPRXKPR"


def test_organisations_are_named_by_gln_or_lei() -> None:
    assert organisation_scheme("9521101000009") == "gln"
    assert organisation_scheme("5493001KJTIIGC8Y1R12") == "lei"


def test_a_wrong_lei_names_the_expected_digits() -> None:
    error = refusal(check_lei, "5493001KJTIIGC8Y1R17")
    assert (error.code, error.position, error.expected) == ("check_digit", 19, "12")


@pytest.mark.parametrize(
    ("value", "position"), [("5493001kjtiigc8y1r12", 8), ("5493001KJTIIGC8Y1R1X", 20), ("549300", 0)]
)
def test_what_is_no_lei(value: str, position: int) -> None:
    assert refusal(check_lei, value).position == position
