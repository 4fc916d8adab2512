"""Canonical values as JSON that people can read, and back without loss.

JSON has no byte strings, so bytes become ``{"$bytes": "<hex>"}``; a map key that starts with ``$`` gets a second one.
"""

from typing import TypeAlias, cast

from ledger.codec import DEPTH_MAX, Value
from ledger.errors import ShapeError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_BYTES_KEY = "$bytes"


def to_json(value: Value) -> Json:
    """Return a JSON value for a canonical value."""
    if type(value) is bytes:
        return {_BYTES_KEY: value.hex()}
    if type(value) is list:
        return [to_json(item) for item in value]
    if type(value) is dict:
        return {("$" + key if key.startswith("$") else key): to_json(item) for key, item in value.items()}
    return cast(Json, value)


def from_json(value: Json) -> Value:
    """Return the canonical value that a JSON value stands for; raises ShapeError where it stands for none."""
    return _from_json(value, DEPTH_MAX)


def _from_json(value: Json, depth_left: int) -> Value:
    if type(value) is float:
        raise ShapeError(
            "float", f"{value!r}: the ledger has no floating point numbers; write integers or decimal strings"
        )
    if type(value) is dict and set(value) == {_BYTES_KEY}:
        return _bytes(value[_BYTES_KEY])
    if type(value) is not list and type(value) is not dict:
        return cast(Value, value)
    # The codec has the same limit; here it keeps a stranger's nesting from exhausting the interpreter's stack.
    if depth_left == 0:
        raise ShapeError("too_deep", f"containers are nested more than {DEPTH_MAX} deep")
    if type(value) is list:
        return [_from_json(item, depth_left - 1) for item in value]
    assert type(value) is dict, "a container is a list or a map"
    return {_plain_key(key): _from_json(item, depth_left - 1) for key, item in value.items()}


def _bytes(value: Json) -> bytes:
    try:
        data = bytes.fromhex(value) if type(value) is str else None
    except ValueError:
        data = None
    # Python also reads capitals and blanks, which would be other spellings of the same bytes.
    if data is None or data.hex() != value:
        raise ShapeError("hex", f"{_BYTES_KEY} is followed by lower-case hexadecimal digits")
    return data


def _plain_key(key: str) -> str:
    if not key.startswith("$"):
        return key
    if not key.startswith("$$"):
        raise ShapeError("reserved_key", f"{key!r}: a key that starts with $ is written with two")
    return key[1:]
