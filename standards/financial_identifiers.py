"""Identifiers of the financial world: IBAN (ISO 13616), BIC (ISO 9362), LEI (ISO 17442).

``check_...`` return an identifier in its electronic form, or refuse it with the position of the first wrong character,
counted from 1 in that form. The check digits of IBAN and LEI are those of ISO 7064 MOD 97-10. An account number belongs
to a person, so no error text repeats an IBAN: it says where the fault is, and the caller has the value. A BIC is never
derived from an IBAN, because which bank holds an account is nobody's to guess.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from standards.countries import is_country
from standards.errors import IdentifierError
from standards.gs1 import DIGITS, require_gln

IBAN_LENGTH_MAX: Final = 34
BIC_LENGTHS: Final = (8, 11)
LEI_LENGTH: Final = 20

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PRINTED_LENGTH_MAX: Final = 2 * IBAN_LENGTH_MAX

# What follows the country and the check digits: n digits, a capital letters, c either, each with its count.
_REGISTERED: Final = """
AD 8n12c|AE 19n|AL 8n16c|AT 16n|AX 14n|AZ 4a20c|BA 16n|BE 12n|BG 4a6n8c|BH 4a14c|BI 23n|BL 10n11c2n|BR 23n1a1c
BY 4c4n16c|CH 5n12c|CR 18n|CY 8n16c|CZ 20n|DE 18n|DJ 23n|DK 14n|DO 4c20n|EE 16n|EG 25n|ES 20n|FI 14n|FK 2a12n|FO 14n
FR 10n11c2n|GB 4a14n|GE 2a16n|GF 10n11c2n|GG 4a14n|GI 4a15c|GL 14n|GP 10n11c2n|GR 7n16c|GT 24c|HR 17n|HU 24n|IE 4a14n
IL 19n|IM 4a14n|IQ 4a15n|IS 22n|IT 1a10n12c|JE 4a14n|JO 4a4n18c|KW 4a22c|KZ 3n13c|LB 4n20c|LC 4a24c|LI 5n12c|LT 16n
LU 3n13c|LV 4a13c|LY 21n|MC 10n11c2n|MD 20c|ME 18n|MF 10n11c2n|MK 3n10c2n|MN 16n|MQ 10n11c2n|MR 23n|MT 4a5n18c
MU 4a19n3a|NC 10n11c2n|NI 4a20n|NL 4a10n|NO 11n|OM 3n16c|PF 10n11c2n|PK 4a16c|PL 24n|PM 10n11c2n|PS 4a21c|PT 21n
QA 4a21c|RE 10n11c2n|RO 4a16c|RS 18n|RU 14n15c|SA 2n18c|SC 4a20n3a|SD 14n|SE 20n|SI 15n|SK 20n|SM 1a10n12c|SO 19n
ST 21n|SV 4a20n|TF 10n11c2n|TL 19n|TN 20n|TR 6n16c|UA 6n19c|VA 18n|VG 4a16n|WF 10n11c2n|XK 16n|YT 10n11c2n
"""
# Numbers that banks of these countries print as IBANs although the registry of ISO 13616 does not list the country.
_UNREGISTERED: Final = """
AO 21n|BF 2c22n|BJ 2c22n|CF 23n|CG 23n|CI 2a22n|CM 23n|CV 21n|DZ 22n|GA 23n|GQ 23n|GW 2c19n|HN 4a20n|IR 22n|KM 23n
MA 24n|MG 23n|ML 2c22n|MZ 21n|NE 2a22n|SN 2c22n|TD 23n|TG 2a22n|YE 4a4n18c
"""
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "n": (DIGITS, "digit"),
    "a": (_LETTERS, "capital letter"),
    "c": (DIGITS + _LETTERS, "digit or capital letter"),
}
_PART: Final = re.compile(r"([0-9]+)([nac])")
_EXTRA_BIC_COUNTRIES: Final = frozenset({"XK"})
"""Kosovo, which has banks and no code in ISO 3166-1."""


def check_iban(value: str) -> str:
    """Return an IBAN in its electronic form; it may come printed, in groups with blanks between."""
    if len(value) > _PRINTED_LENGTH_MAX:
        raise IdentifierError("length", f"an IBAN has at most {IBAN_LENGTH_MAX} characters; this has {len(value)}")
    iban = value.replace(" ", "")
    _require_part(iban[:2], 1, "a")
    parts = _STRUCTURES.get(iban[:2])
    if parts is None:
        raise IdentifierError(
            "country", f"an IBAN begins with the code of a country that has IBANs; {iban[:2]!r} is none", position=1
        )
    length = 4 + sum(count for count, _ in parts)
    if len(iban) != length:
        raise IdentifierError("length", f"an IBAN of {iban[:2]} has {length} characters; this has {len(iban)}")
    _require_part(iban[2:4], 3, "n")
    position = 5
    for count, kind in parts:
        _require_part(iban[position - 1 : position - 1 + count], position, kind)
        position += count
    expected = _check_digits(iban[4:] + iban[:2])
    if iban[2:4] != expected:
        raise IdentifierError(
            "check_digit",
            "the check digits at position 3 do not fit the rest of the IBAN: a character is mistyped",
            position=3,
        )
    return iban


def check_bic(value: str) -> str:
    """Return a BIC: four characters of the party, a country, two of the place, and three of the branch or none."""
    if len(value) not in BIC_LENGTHS:
        raise IdentifierError("length", f"a BIC has 8 or 11 characters; {value[:40]!r} has {len(value)}")
    for start, end, kind in ((0, 4, "c"), (4, 6, "a"), (6, len(value), "c")):
        _require_part(value[start:end], start + 1, kind)
    country = value[4:6]
    if not is_country(country) and country not in _EXTRA_BIC_COUNTRIES:
        raise IdentifierError(
            "country", f"position 5 of {value} should begin the code of a country; {country} is none", position=5
        )
    return value


def check_lei(value: str) -> str:
    """Return an LEI: 18 capital letters and digits, then the two check digits."""
    if len(value) != LEI_LENGTH:
        raise IdentifierError("length", f"an LEI has {LEI_LENGTH} characters; {value[:40]!r} has {len(value)}")
    _require_part(value[:18], 1, "c")
    _require_part(value[18:], 19, "n")
    expected = _check_digits(value[:18])
    if value[18:] != expected:
        raise IdentifierError(
            "check_digit",
            f"the check digits of {value} at position 19 are {value[18:]}, they should be {expected}",
            position=19,
            expected=expected,
        )
    return value


def organisation_scheme(value: str) -> Literal["gln", "lei"]:
    """Return whether an organisation is named by its GLN (13 digits) or its LEI (20 characters), both checked."""
    if len(value) == LEI_LENGTH:
        check_lei(value)
        return "lei"
    require_gln(value)
    return "gln"


def _require_part(part: str, position: int, kind: str) -> None:
    """Refuse a part of an identifier, which begins at a position, for its first character of another kind."""
    alphabet, what = _KINDS[kind]
    for place, character in enumerate(part, start=position):
        if character not in alphabet:
            raise IdentifierError("character", f"position {place} should be a {what}, it is {character!r}", place)


def _check_digits(value: str) -> str:
    """Return the two digits that make a value, followed by them, 1 modulo 97: always 02 to 98."""
    return f"{98 - int(''.join(str(int(character, 36)) for character in value + '00')) % 97:02d}"


def _structures(table: str) -> dict[str, tuple[tuple[int, str], ...]]:
    rows = table.strip().replace("\n", "|").split("|")
    return {row[:2]: tuple((int(count), kind) for count, kind in _PART.findall(row[3:])) for row in rows}


_STRUCTURES: Final = _structures(_REGISTERED) | _structures(_UNREGISTERED)
