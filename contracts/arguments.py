"""The shape gate of the contracts: typed arguments out of a map, or BAD_ARGUMENTS that names the argument.

A handler reads every argument that it knows and calls ``end``, which refuses whatever it did not read. The character
classes are spelt out in ASCII, because the Unicode tables behind ``str.isdigit`` and its like change with Python.
"""

import re
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.limits import INTEGER_MAX

IDENTIFIER_BYTES_MAX: Final = 512
ORGANISATION_LENGTH_MAX: Final = 128

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_LANGUAGES_MAX: Final = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ABSENT: Final = object()

Item = TypeVar("Item")


def refuse(detail: str) -> NoReturn:
    """Reject the operation because its arguments have the wrong shape."""
    raise Rejected(ResultCode.BAD_ARGUMENTS, detail)


def identifier(value: object, what: str, size_bytes_max: int = IDENTIFIER_BYTES_MAX) -> str:
    """Return a non-empty string without control characters (so it can stand in the key of a head)."""
    if type(value) is not str or not value or _CONTROL.search(value):
        refuse(f"{what} is a non-empty text without control characters")
    if len(value) > size_bytes_max or (not value.isascii() and len(value.encode()) > size_bytes_max):
        refuse(f"{what} is longer than {size_bytes_max} bytes")
    return value


def prose(value: object, what: str, length_max: int) -> str:
    """Return a non-empty text for people: line breaks and tabs are fine, other control characters are not."""
    if type(value) is not str or not 1 <= len(value) <= length_max or _CONTROL_BUT_LINES.search(value):
        refuse(f"{what} is a text of 1 to {length_max} characters")
    return value


def integer(value: object, what: str, minimum: int, maximum: int) -> int:
    """Return an integer of the closed range."""
    if type(value) is not int or not minimum <= value <= maximum:
        refuse(f"{what} is an integer from {minimum} to {maximum}")
    return value


def blob(value: object, what: str, size_bytes_max: int) -> bytes:
    """Return a byte string of at most ``size_bytes_max`` bytes."""
    if type(value) is not bytes or len(value) > size_bytes_max:
        refuse(f"{what} is at most {size_bytes_max} bytes")
    return value


def fixed(value: object, what: str, size_bytes: int) -> bytes:
    """Return a byte string of exactly ``size_bytes`` bytes."""
    if type(value) is not bytes or len(value) != size_bytes:
        refuse(f"{what} is {size_bytes} bytes")
    return value


def choice(value: object, what: str, options: frozenset[str]) -> str:
    """Return one of a few words."""
    if type(value) is not str or value not in options:
        refuse(f"{what} is one of {', '.join(sorted(options))}")
    return value


def pattern(value: object, what: str, expression: re.Pattern[str]) -> str:
    """Return a string that the whole expression matches."""
    if type(value) is not str or expression.fullmatch(value) is None:
        refuse(f"{what} does not have the form {expression.pattern}")
    return value


def listed(value: object, what: str, length_max: int, read: Callable[[object, str], Item]) -> tuple[Item, ...]:
    """Return the elements of an array of at most ``length_max``, each read by ``read``."""
    if type(value) is not list or len(value) > length_max:
        refuse(f"{what} is an array of at most {length_max} elements")
    return tuple(read(element, what) for element in value)


def row(value: object, what: str, length: int) -> list[Value]:
    """Return an array of exactly ``length`` elements."""
    if type(value) is not list or len(value) != length:
        refuse(f"{what} holds arrays of {length} elements")
    return value


def mapping(value: object, what: str, length_max: int) -> dict[str, Value]:
    """Return a map of at most ``length_max`` entries."""
    if type(value) is not dict or len(value) > length_max:
        refuse(f"{what} is a map of at most {length_max} entries")
    return value


def texts(value: object, what: str, length_max: int) -> dict[str, Value]:
    """Return texts for people, each by its language tag (BCP 47)."""
    found: dict[str, Value] = {}
    for language, text in mapping(value, what, _LANGUAGES_MAX).items():
        if _LANGUAGE.fullmatch(language) is None:
            refuse(f"{what} maps language tags to texts")
        found[language] = prose(text, what, length_max)
    return found


class Arguments:
    """The arguments of one operation, read by name. ``optional_...`` give None where the argument is absent."""

    __slots__ = ("_present", "_values")

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values
        self._present = 0

    def end(self) -> None:
        """Refuse arguments that were not asked for; call it after the last one was read, each once."""
        if self._present != len(self._values):
            refuse(f"unknown argument among {', '.join(sorted(self._values))}"[:500])

    def has(self, name: str) -> bool:
        """Say whether an argument is present, without reading it."""
        return name in self._values

    def required(self, name: str) -> Value:
        """Return the value of an argument that must be there, unchecked."""
        value = self._values.get(name, _ABSENT)
        if value is _ABSENT:
            refuse(f"{name} is missing")
        self._present += 1
        return value  # type: ignore[return-value]  # the sentinel is gone

    def text(self, name: str, length_max: int) -> str:
        """Return a text for people."""
        return prose(self.required(name), name, length_max)

    def identifier(self, name: str, size_bytes_max: int = IDENTIFIER_BYTES_MAX) -> str:
        """Return an identifier."""
        return identifier(self.required(name), name, size_bytes_max)

    def integer(self, name: str, minimum: int = 0, maximum: int = INTEGER_MAX) -> int:
        """Return an integer of the closed range."""
        return integer(self.required(name), name, minimum, maximum)

    def fixed(self, name: str, size_bytes: int) -> bytes:
        """Return a byte string of exactly ``size_bytes`` bytes."""
        return fixed(self.required(name), name, size_bytes)

    def choice(self, name: str, options: frozenset[str]) -> str:
        """Return one of a few words."""
        return choice(self.required(name), name, options)

    def pattern(self, name: str, expression: re.Pattern[str]) -> str:
        """Return a string that the whole expression matches."""
        return pattern(self.required(name), name, expression)

    def listed(self, name: str, length_max: int, read: Callable[[object, str], Item]) -> tuple[Item, ...]:
        """Return the elements of an array; an absent one counts as empty."""
        return listed(self.required(name), name, length_max, read) if name in self._values else ()

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return a boolean or the default where it is absent."""
        if name not in self._values:
            return default
        value = self.required(name)
        if type(value) is not bool:
            refuse(f"{name} is true or false")
        return value

    def optional_text(self, name: str, length_max: int) -> str | None:
        """Return a text for people or None."""
        return self.text(name, length_max) if name in self._values else None

    def optional_texts(self, name: str, length_max: int) -> dict[str, Value] | None:
        """Return texts for people, each by its language tag, or None."""
        return texts(self.required(name), name, length_max) if name in self._values else None

    def optional_identifier(self, name: str, size_bytes_max: int = IDENTIFIER_BYTES_MAX) -> str | None:
        """Return an identifier or None."""
        return self.identifier(name, size_bytes_max) if name in self._values else None

    def optional_integer(self, name: str, minimum: int = 0, maximum: int = INTEGER_MAX) -> int | None:
        """Return an integer of the closed range or None."""
        return self.integer(name, minimum, maximum) if name in self._values else None

    def optional_fixed(self, name: str, size_bytes: int) -> bytes | None:
        """Return a byte string of exactly ``size_bytes`` bytes or None."""
        return self.fixed(name, size_bytes) if name in self._values else None

    def optional_pattern(self, name: str, expression: re.Pattern[str]) -> str | None:
        """Return a string that the whole expression matches, or None."""
        return self.pattern(name, expression) if name in self._values else None
