"""Strict JSON: one spelling of every binary field, no field too many or too few, nothing twice.

What is read here is checked by programs in several languages. Where JSON leaves room (repeated names, floats, padding
in base64) two of them could read one file differently, so there is no room. Every refusal is a ``ProofError``.
"""

import base64
import binascii
import json
from typing import NoReturn, cast

from ledger.errors import ProofError
from ledger.limits import INTEGER_MAX
from ledger.readable import Json


def parse_json(text: str, length_max: int) -> Json:
    """Return the value of a JSON text of at most ``length_max`` characters; raises ProofError."""
    if len(text) > length_max:
        raise ProofError("too_long", f"the text has {len(text)} characters, at most {length_max} are read")
    try:
        return cast(
            Json,
            json.loads(text, object_pairs_hook=_object, parse_float=_refuse_number, parse_constant=_refuse_number),
        )
    # ValueError also stands for integers of absurd length, RecursionError for absurd nesting.
    except (ValueError, RecursionError) as error:
        raise ProofError("not_json", f"the text is not JSON: {error}") from error


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


def integer_of(value: Json, what: str, maximum: int = INTEGER_MAX) -> int:
    """Return the integer if it lies between 0 and ``maximum``."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise ProofError("field_type", f"{what} is an integer from 0 to {maximum}")
    return value


def text_of(value: Json, what: str, length_max: int = 128) -> str:
    """Return the string if it has from 1 to ``length_max`` characters."""
    if type(value) is not str or not 1 <= len(value) <= length_max:
        raise ProofError("field_type", f"{what} is a text of 1 to {length_max} characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ProofError("field_type", f"{what} holds half a character (a lone surrogate)")
    return value


def bytes_of(value: Json, what: str, size_bytes_max: int, size_bytes_min: int = 0) -> bytes:
    """Return the bytes of a base64url text (RFC 4648 section 5) without padding, spare bits or other characters."""
    if type(value) is not str:
        raise ProofError("field_type", f"{what} is a base64url text")
    if len(value) > size_bytes_max // 3 * 4 + 4:
        raise ProofError("field_size", f"{what} is longer than {size_bytes_max} bytes")
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


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ProofError("duplicate_field", f"the field {twice!r} stands twice in one object")
    return dict(pairs)


def _refuse_number(text: str) -> NoReturn:
    raise ProofError("field_type", f"{text[:32]}: the format has integers only")
