"""The shape gate: small checks that turn decoded values into typed fields or a ``ShapeError`` that names the field."""

from ledger.codec import Value
from ledger.errors import ShapeError


def as_array(value: Value, length: int, what: str) -> list[Value]:
    """Return the array if it has exactly ``length`` elements."""
    if type(value) is not list or len(value) != length:
        raise ShapeError("field_count", f"{what} is an array of {length} fields")
    return value


def as_list(value: Value, length_max: int, what: str) -> list[Value]:
    """Return the array if it has at most ``length_max`` elements."""
    if type(value) is not list:
        raise ShapeError("field_type", f"{what} is an array")
    if len(value) > length_max:
        raise ShapeError("too_many", f"{what} has {len(value)} elements, at most {length_max} are accepted")
    return value


def as_map(value: Value, what: str) -> dict[str, Value]:
    """Return the map."""
    if type(value) is not dict:
        raise ShapeError("field_type", f"{what} is a map")
    return value


def as_bytes(value: Value, length: int, what: str) -> bytes:
    """Return the byte string if it has exactly ``length`` bytes."""
    if type(value) is not bytes or len(value) != length:
        raise ShapeError("field_type", f"{what} is {length} bytes")
    return value


def as_blob(value: Value, size_bytes_max: int, what: str) -> bytes:
    """Return the byte string if it has at most ``size_bytes_max`` bytes."""
    if type(value) is not bytes or len(value) > size_bytes_max:
        raise ShapeError("field_type", f"{what} is at most {size_bytes_max} bytes")
    return value


def as_integer(value: Value, minimum: int, maximum: int, what: str) -> int:
    """Return the integer if it lies in the closed range."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise ShapeError("field_type", f"{what} is an integer from {minimum} to {maximum}")
    return value


def as_text(value: Value, length_max: int, what: str) -> str:
    """Return the string if it has from 1 to ``length_max`` characters."""
    if type(value) is not str or not 1 <= len(value) <= length_max:
        raise ShapeError("field_type", f"{what} is a text of 1 to {length_max} characters")
    return value


def as_boolean(value: Value, what: str) -> bool:
    """Return the value if it is a boolean; raises ShapeError."""
    if type(value) is not bool:
        raise ShapeError("type", f"{what} must be a boolean")
    return value
