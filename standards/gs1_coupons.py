"""Coupon codes of North America: AI (8110) and AI (8112), read from left to right, nothing left over.

Source: GS1 General Specifications, section 3.9 and the application guideline for coupons. Whether a company prefix was
given to anybody is not checked, for that needs a register.
"""

from collections.abc import Collection
from typing import Final

from standards import gs1
from standards.errors import IdentifierError
from standards.gs1_fields import require_date

_PREFIX_LENGTHS: Final = range(7)
_VALUE_LENGTHS: Final = range(1, 6)
_SERIAL_LENGTHS: Final = range(10)
_RETAILER_LENGTHS: Final = range(1, 8)
_SHORTEST: Final = 6
_OFFER_LENGTH: Final = 6
_FAMILY_LENGTH: Final = 3
_DATE_LENGTH: Final = 6
# The company is the one that was named first.
_SAME_COMPANY: Final = 9
_REQUIREMENT_CODES: Final = frozenset({0, 1, 2, 3, 4, 9})
_SAVE_VALUE_CODES: Final = frozenset({0, 1, 2, 5, 6})
# Dates of a coupon are of this or the next years: 51 to 99 are of the century before.
_CENTURY_SPLIT: Final = 50


class _Reader:
    """A text of digits and how far it has been read."""

    def __init__(self, text: str) -> None:
        gs1.require_characters(text, gs1.DIGITS, "digit")
        self._text = text
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        return self._position == len(self._text)

    def peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def take(self, length: int, what: str) -> str:
        part = self._text[self._position : self._position + length]
        if len(part) < length:
            raise IdentifierError("coupon", f"{self._text!r} ends within {what}", position=len(self._text))
        self._position += length
        return part

    def digit(self, allowed: Collection[int], what: str) -> int:
        value = int(self.take(1, what))
        if value not in allowed:
            raise IdentifierError("coupon", f"{what} of {self._text!r} is not {value}", position=self._position)
        return value

    def end(self) -> None:
        if not self.is_at_end:
            raise IdentifierError("coupon", f"{self._text!r} goes on after its end", position=self._position + 1)


def require_coupon_code(text: str) -> None:
    """Refuse what is no North American coupon code, AI (8110)."""
    read = _Reader(text)
    read.take(_SHORTEST + read.digit(_PREFIX_LENGTHS, "the length of the company prefix"), "the company prefix")
    read.take(_OFFER_LENGTH, "the offer code")
    read.take(read.digit(_VALUE_LENGTHS, "the length of the save value"), "the save value")
    _read_requirement(read)
    if read.peek() == "1":
        read.take(1, "")
        read.digit(range(4), "the rules for more than one purchase")
        _read_purchase(read)
    if read.peek() == "2":
        read.take(1, "")
        _read_purchase(read)
    expires = _read_date(read, "3", "the expiration date")
    starts = _read_date(read, "4", "the start date")
    if expires is not None and starts is not None and expires < starts:
        raise IdentifierError("coupon", f"{text!r} expires before it starts")
    if read.peek() == "5":
        read.take(1, "")
        read.take(_SHORTEST + read.digit(_SERIAL_LENGTHS, "the length of the serial number"), "the serial number")
    if read.peek() == "6":
        read.take(1, "")
        read.take(_SHORTEST + read.digit(_RETAILER_LENGTHS, "the length of the retailer"), "the retailer")
    if read.peek() == "9":
        read.take(1, "")
        read.digit(_SAVE_VALUE_CODES, "the save value code")
        read.digit(range(3), "the item that the save value applies to")
        read.digit(range(10), "the flag of a store coupon")
        read.digit(range(2), "the flag against multiplying")
    read.end()


def require_positive_offer(text: str) -> None:
    """Refuse what is no code of a coupon in a positive offer file, AI (8112)."""
    read = _Reader(text)
    read.digit(range(2), "the format")
    read.take(_SHORTEST + read.digit(_PREFIX_LENGTHS, "the length of the funder"), "the funder")
    read.take(_OFFER_LENGTH, "the offer code")
    read.take(_SHORTEST + read.digit(_SERIAL_LENGTHS, "the length of the serial number"), "the serial number")
    read.end()


def _read_requirement(read: _Reader) -> None:
    read.take(read.digit(_VALUE_LENGTHS, "the length of a requirement"), "a requirement")
    read.digit(_REQUIREMENT_CODES, "the code of a requirement")
    read.take(_FAMILY_LENGTH, "a family code")


def _read_purchase(read: _Reader) -> None:
    _read_requirement(read)
    length = read.digit((*_PREFIX_LENGTHS, _SAME_COMPANY), "the length of a company prefix")
    if length != _SAME_COMPANY:
        read.take(_SHORTEST + length, "a company prefix")


def _read_date(read: _Reader, mark: str, what: str) -> tuple[int, str] | None:
    """Return a date in the order of time, or None where there is none."""
    if read.peek() != mark:
        return None
    read.take(1, "")
    text = read.take(_DATE_LENGTH, what)
    require_date(text, day_zero=False)
    return int(int(text[:2]) <= _CENTURY_SPLIT), text
