"""Canonical values as JSON that people can read, and back without loss.

JSON has no byte strings, so bytes become ``{"$bytes": "<hex>"}``; a map key that starts with ``$`` gets a second one.
"""

from typing import TypeAlias, cast

from ledger.codec import Value
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
    if type(value) is float:
        raise ShapeError(
            "float", f"{value!r}: the ledger has no floating point numbers; write integers or decimal strings"
        )
    if type(value) is list:
        return [from_json(item) for item in value]
    if type(value) is dict:
        if set(value) == {_BYTES_KEY}:
            return _bytes(value[_BYTES_KEY])
        return {_plain_key(key): from_json(item) for key, item in value.items()}
    return cast(Value, value)


def _bytes(value: Json) -> bytes:
    try:
        if type(value) is str and value == value.lower():
            return bytes.fromhex(value)
    except ValueError:
        pass
    raise ShapeError("hex", f"{_BYTES_KEY} is followed by lower-case hexadecimal digits")


def _plain_key(key: str) -> str:
    if not key.startswith("$"):
        return key
    if not key.startswith("$$"):
        raise ShapeError("reserved_key", f"{key!r}: a key that starts with $ is written with two")
    return key[1:]
