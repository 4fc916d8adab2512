"""JSON that programs in several languages read alike: whole numbers, no name twice, one spelling of binary fields.

Libraries differ in what they make of a repeated name, of a fraction and of an integer beyond 2^53. So a text is read
only if it is what comes out when its value is written again, white space aside, and the numbers in it are exact
everywhere. Every refusal is a ``ProofError``.
"""

import base64
import binascii
import json
import re
from typing import Final, cast

from ledger.errors import ProofError
from ledger.readable import Json

_EXACT_MAX: Final = (1 << 53) - 1
# A text in quotes is kept, white space outside of one is not.
_SPACES: Final = re.compile(r'("(?:[^"\\]+|\\.)*")|[ \t\n\r]+')
_PLACE: Final = re.compile(r"0|[1-9][0-9]{0,9}")


def parse_json(text: str, length_max: int) -> Json:
    """Return the value of a JSON text of at most ``length_max`` characters; raises ProofError."""
    if len(text) > length_max:
        raise ProofError("too_long", f"the text has {len(text)} characters, at most {length_max} are read")
    try:
        value = cast(Json, json.loads(text, parse_int=_integer, parse_constant=_refuse))
        is_exact = _is_exact(value)
        spelling = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # RecursionError stands for absurd nesting.
    except (ValueError, RecursionError) as error:
        raise ProofError("not_json", f"the text is not JSON: {error}") from error
    if not is_exact or spelling != _SPACES.sub(r"\1", text):
        raise ProofError(
            "not_canonical",
            "the text has a name twice, a number that is no integer below 2^53, or a character or number spelled in "
            "another way than the usual one",
        )
    return value


def fields_of(value: Json, names: tuple[str, ...], what: str, optional: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return the object if it has exactly the named fields, and of the optional ones any."""
    if type(value) is not dict:
        raise ProofError("field_type", f"{what} is an object")
    for name in names:
        if name not in value:
            raise ProofError("missing_field", f"{what} has no field {name!r}")
    for name in value:
        if name not in names and name not in optional:
            raise ProofError("unknown_field", f"{what} has a field {name!r}, which the format does not know")
    return value


def list_of(value: Json, length_max: int, what: str) -> list[Json]:
    """Return the array if it has at most ``length_max`` elements."""
    if type(value) is not list:
        raise ProofError("field_type", f"{what} is an array")
    if len(value) > length_max:
        raise ProofError("too_many", f"{what} has {len(value)} elements, at most {length_max} are read")
    return value


def integer_of(value: Json, what: str, maximum: int = _EXACT_MAX) -> int:
    """Return the integer if it lies between 0 and ``maximum``."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise ProofError("field_type", f"{what} is an integer from 0 to {maximum}")
    return value


def text_of(value: Json, what: str, length_max: int = 128) -> str:
    """Return the string if it has from 1 to ``length_max`` characters."""
    if type(value) is not str or not 1 <= len(value) <= length_max:
        raise ProofError("field_type", f"{what} is a text of 1 to {length_max} characters")
    if not _is_exact(value):
        raise ProofError("field_type", f"{what} holds half a character (a lone surrogate)")
    return value


def bytes_of(value: Json, what: str, size_bytes_max: int, size_bytes_min: int = 0) -> bytes:
    """Return the bytes of a base64url text (RFC 4648 section 5) without padding, spare bits or other characters."""
    if type(value) is not str:
        raise ProofError("field_type", f"{what} is a base64url text")
    try:
        data = base64.b64decode(value.encode("ascii") + b"=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ProofError("base64url", f"{what} is not base64url: {error}") from error
    # The lenient decoder drops spare bits and takes + and / besides: only the one spelling comes back the same.
    if to_base64url(data) != value:
        raise ProofError("base64url", f"{what} is not the one base64url spelling of its bytes (no padding)")
    if not size_bytes_min <= len(data) <= size_bytes_max:
        raise ProofError("field_size", f"{what} is {size_bytes_min} to {size_bytes_max} bytes, not {len(data)}")
    return data


def to_base64url(data: bytes) -> str:
    """Return the base64url text of bytes, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _integer(text: str) -> int:
    # Python refuses to read integers of absurd length; any that is not exact everywhere stands for them.
    return int(text) if len(text) <= 20 else _EXACT_MAX + 1


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no value")


def _is_exact(value: Json) -> bool:
    """Say whether every program reads the value as it is."""
    if type(value) is dict:
        # JavaScript puts names that are numbers first, in the order of the numbers.
        places = [name for name in value if _PLACE.fullmatch(name)]
        is_in_order = list(value)[: len(places)] == sorted(places, key=int)
        return is_in_order and all(_is_exact(name) and _is_exact(item) for name, item in value.items())
    if type(value) is list:
        return all(map(_is_exact, value))
    if type(value) is str:
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return type(value) is not float and (type(value) is not int or abs(value) <= _EXACT_MAX)
