"""Check digits, and what a canonical GS1 Digital Link says about an identifier. Integer arithmetic only.

GS1 General Specifications section 7.9 (modulo 10), ISO 17442 with ISO 7064 MOD 97-10 (LEI).
"""

import re
from typing import Final

from contracts.arguments import Arguments
from contracts.results import Rejected, ResultCode

GTIN: Final = re.compile(r"[0-9]{14}")
GLN: Final = re.compile(r"[0-9]{13}")
LEI: Final = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
COUNTRY: Final = re.compile(r"[A-Z]{2}")

_PRODUCT_LINK: Final = re.compile(r"https://id\.gs1\.org/01/([0-9]{14})(?:/10/([^/?#]+))?(?:/.*)?")


def check_digit(digits: str) -> int:
    """Return the GS1 modulo-10 check digit for the digits that stand before it."""
    total = sum(int(digit) * (3 if position % 2 == 0 else 1) for position, digit in enumerate(reversed(digits)))
    return -total % 10


def require_gs1_check_digit(digits: str, what: str) -> str:
    """Return the digits if the last is their check digit; rejects with CHECK_DIGIT_WRONG."""
    if check_digit(digits[:-1]) != int(digits[-1]):
        raise Rejected(ResultCode.CHECK_DIGIT_WRONG, f"{what} {digits} ends in {digits[-1]}, not in its check digit")
    return digits


def is_lei(text: str) -> bool:
    """Say whether the two check digits of a 20-character LEI fit."""
    return LEI.fullmatch(text) is not None and int("".join(str(int(character, 36)) for character in text)) % 97 == 1


def optional_gln(read: Arguments) -> str | None:
    """Return the argument ``gln``, 13 digits with their check digit, or None."""
    gln = read.optional_pattern("gln", GLN)
    return None if gln is None else require_gs1_check_digit(gln, "GLN")


def optional_lei(read: Arguments) -> str | None:
    """Return the argument ``lei`` with its check digits, or None."""
    lei = read.optional_pattern("lei", LEI)
    if lei is not None and not is_lei(lei):
        raise Rejected(ResultCode.CHECK_DIGIT_WRONG, f"LEI {lei} does not end in its check digits")
    return lei


def product_of(identifier: str) -> str | None:
    """Return the GTIN that a canonical Digital Link is about, or None for other identifiers."""
    match = _PRODUCT_LINK.fullmatch(identifier)
    return None if match is None else match.group(1)


def lot_of(identifier: str) -> str | None:
    """Return the batch or lot number in a canonical Digital Link, or None."""
    match = _PRODUCT_LINK.fullmatch(identifier)
    return None if match is None else match.group(2)


def lot_link(gtin: str, lot: str) -> str:
    """Return the canonical Digital Link of a lot; ``lot`` as it stands in a link, percent-encoded."""
    return f"https://id.gs1.org/01/{gtin}/10/{lot}"
