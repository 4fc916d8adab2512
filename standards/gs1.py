"""GS1 identification keys and their check characters.

Rules: GS1 General Specifications section 3 (keys), 7.9.1 (check digit), 7.9.5 (check character pair), 7.11 (character
sets). Every function is pure; what is wrong is said with its position.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final

from standards.errors import IdentifierError

# GS1 AI encodable character set 82; the order is the value of each character in the check character pair.
CSET82: Final = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
CSET39: Final = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CSET64: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
DIGITS: Final = "0123456789"

GTIN_LENGTHS: Final = (8, 12, 13, 14)

_PAIR_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAIR_LENGTH_MAX: Final = 97
_PAIR_MODULUS: Final = 1021


def check_digit(digits: str) -> str:
    """Return the mod-10 check digit that follows ``digits``: weights 3, 1, 3, ... from the right."""
    require_characters(digits, DIGITS, "digit")
    total = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def require_check_digit(value: str) -> None:
    """Refuse a numeric value whose last digit is not its mod-10 check digit; the error names the expected digit."""
    require_characters(value, DIGITS, "digit")
    if len(value) < 2:
        raise IdentifierError("too_short", f"{value!r} is too short to end in a check digit")
    expected = check_digit(value[:-1])
    if value[-1] != expected:
        raise IdentifierError(
            "check_digit",
            f"the check digit of {value} at position {len(value)} is {value[-1]}, it should be {expected}",
            position=len(value),
            expected=expected,
        )


def check_characters(value: str) -> str:
    """Return the check character pair after a Global Model Number; the weights are the primes, from the right."""
    require_characters(value, CSET82, "character of GS1 set 82")
    if len(value) > _PAIR_LENGTH_MAX:
        raise IdentifierError("too_long", f"a check character pair covers at most {_PAIR_LENGTH_MAX} characters")
    pairs = zip(reversed(value), _primes(), strict=False)
    total = sum(CSET82.index(character) * weight for character, weight in pairs) % _PAIR_MODULUS
    return _PAIR_ALPHABET[total >> 5] + _PAIR_ALPHABET[total & 31]


def require_check_characters(value: str) -> None:
    """Refuse a Global Model Number whose last two characters are not its check character pair."""
    if len(value) < 2:
        raise IdentifierError("too_short", f"{value!r} is too short to end in a check character pair")
    require_characters(value, CSET82, "character of GS1 set 82")
    expected = check_characters(value[:-2])
    if value[-2:] != expected:
        raise IdentifierError(
            "check_characters",
            f"the check characters of {value} at position {len(value) - 1} are {value[-2:]}, they should be {expected}",
            position=len(value) - 1,
            expected=expected,
        )


def require_characters(value: str, alphabet: str, what: str) -> None:
    """Refuse a value with a character outside ``alphabet``; the error names the first one and its position."""
    for position, character in enumerate(value, start=1):
        if character not in alphabet:
            raise IdentifierError(
                "character", f"{character!r} at position {position} of {value!r} is not a {what}", position=position
            )


def require_base64(value: str) -> None:
    """Refuse what is not of GS1 set 64: URL-safe base 64, padded by at most two signs to a multiple of three."""
    body = value.rstrip("=")
    require_characters(body, CSET64, "character of GS1 set 64")
    padding = len(value) - len(body)
    if padding and (padding > 2 or len(value) % 3):
        raise IdentifierError("padding", f"{value!r} is not padded to a multiple of three", position=len(body) + 1)


def gtin14(value: str) -> str:
    """Return a GTIN-8, -12, -13 or -14 padded to 14 digits, or refuse it."""
    if len(value) not in GTIN_LENGTHS:
        raise IdentifierError("length", f"a GTIN has 8, 12, 13 or 14 digits; {value!r} has {len(value)} characters")
    require_check_digit(value)
    return value.rjust(14, "0")


def require_gln(value: str) -> None:
    """Refuse anything but a GLN: 13 digits, the last one the check digit."""
    _require_length(value, 13, "a GLN")
    require_check_digit(value)


def require_sscc(value: str) -> None:
    """Refuse anything but an SSCC: 18 digits, the last one the check digit."""
    _require_length(value, 18, "an SSCC")
    require_check_digit(value)


def _primes() -> Iterator[int]:
    found: list[int] = []
    for candidate in count(2):
        if all(candidate % prime for prime in found):
            found.append(candidate)
            yield candidate


def _require_length(value: str, length: int, what: str) -> None:
    if len(value) != length:
        raise IdentifierError("length", f"{what} has {length} characters; {value!r} has {len(value)}")
