"""JSON as text, read and written without losing or inventing anything.

``loads`` refuses what JSON parsers quarrel about: text that is not UTF-8, NaN and Infinity, repeated keys, lone
surrogates, the NUL character, numbers beyond all measure and nesting deeper than 64. Numbers stay exact: integers are
``int``, every other number is a ``Decimal`` with all its digits. ``dumps`` writes the canonical form of a value:
keys in code-point order, no spaces, numbers with the digits they came with.

Rules: RFC 8259, RFC 7493 (I-JSON) sections 2.1 to 2.3.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NoReturn, TypeAlias, cast

from standards.errors import EpcisError

JsonValue: TypeAlias = bool | int | Decimal | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]

DEPTH_MAX: Final = 64
SIZE_BYTES_MAX: Final = 8 * 1024 * 1024
NUMBER_CHARACTERS_MAX: Final = 64
EXPONENT_MAX: Final = 99

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


class _Refused:
    """Stands in the parsed value where something must be refused, until its path is known."""

    __slots__ = ("message", "rule")

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        self.message = message


def loads(data: bytes, depth_max: int = DEPTH_MAX, size_bytes_max: int = SIZE_BYTES_MAX) -> JsonValue:
    """Return the JSON value in ``data``.

    Raises
    ------
    EpcisError
        ``too_large``, ``not_utf8``, ``not_json``, ``duplicate_key``, ``number``, ``text`` or ``too_deep``.

    """
    if len(data) > size_bytes_max:
        message = f"{len(data)} bytes, at most {size_bytes_max} are accepted; send the events in several documents"
        raise EpcisError("$", "too_large", message)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EpcisError("$", "not_utf8", f"byte {error.start} is not UTF-8; save the document as UTF-8") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise EpcisError("$", "not_json", message) from error
    except RecursionError as error:
        raise EpcisError("$", "too_deep", f"nested more than {depth_max} deep; flatten it") from error
    # Only an escape can bring in NUL or half a surrogate pair: the decoders above refuse the plain characters.
    if _has_fault(value, depth_max, escapes="\\u" in text):
        _raise_fault(value, (), depth_max)
    return cast("JsonValue", value)


def dumps(value: object) -> bytes:
    """Return the canonical JSON of a value made of the types of ``JsonValue``.

    >>> dumps({"b": Decimal("1.50"), "a": [True, None]})
    b'{"a":[true,null],"b":1.50}'
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode("utf-8")


def same(left: object, right: object) -> bool:
    """Return whether two JSON values are equal, numbers digit by digit and ``true`` different from 1."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is dict:
        one, other = cast("JsonObject", left), cast("JsonObject", right)
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if kind is list:
        ones, others = cast("list[object]", left), cast("list[object]", right)
        return len(ones) == len(others) and all(map(same, ones, others))
    return str(left) == str(right) if kind is Decimal else left == right


def path_text(path: Sequence[str | int]) -> str:
    """Return a JSON path such as ``$.epcisBody.eventList[0]['ext:colour']`` (RFC 9535, short where it can be).

    Of a name longer than 100 characters the first 100 stand in the path.
    """
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        name = step[:100]
        if _PLAIN_KEY.fullmatch(name):
            text += f".{name}"
        else:
            text += "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"
    return text


def _object(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return _Refused("duplicate_key", f"the key {key[:80]!r} stands twice in this object; keep one")


def _decimal(text: str) -> object:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > NUMBER_CHARACTERS_MAX or len(exponent) > 5 or abs(int(exponent or "0")) > EXPONENT_MAX:
        return _refused_number(text)
    return Decimal(text)


def _integer(text: str) -> object:
    if len(text) > NUMBER_CHARACTERS_MAX:
        return _refused_number(text)
    # Minus zero is a number of its own spelling that an int cannot hold.
    return Decimal(text) if text == "-0" else int(text)


def _refused_number(text: str) -> _Refused:
    limits = f"{NUMBER_CHARACTERS_MAX} characters and exponents up to {EXPONENT_MAX}"
    return _Refused("number", f"the number {text[:40]} is too long; numbers have at most {limits}")


def _constant(text: str) -> object:
    return _Refused("number", f"{text} is not a JSON number; leave the field out where there is no value")


def _has_fault(value: object, depth_left: int, *, escapes: bool) -> bool:
    kind = type(value)
    if kind is str:
        return escapes and _UNFIT.search(cast("str", value)) is not None
    if kind is dict:
        entries = cast("dict[str, object]", value)
        if depth_left == 0 or (escapes and any(map(_UNFIT.search, entries))):
            return True
        return any(_has_fault(item, depth_left - 1, escapes=escapes) for item in entries.values())
    if kind is list:
        items = cast("list[object]", value)
        return depth_left == 0 or any(_has_fault(item, depth_left - 1, escapes=escapes) for item in items)
    return kind is _Refused


def _raise_fault(value: object, path: tuple[str | int, ...], depth_max: int) -> None:
    """Raise for the first fault in document order; this walk knows the path, the fast one above does not."""
    if isinstance(value, _Refused):
        raise EpcisError(path_text(path), value.rule, value.message)
    if isinstance(value, str) and _UNFIT.search(value):
        _refuse_text(path)
    if isinstance(value, dict | list) and len(path) >= depth_max:
        raise EpcisError(path_text(path), "too_deep", f"nested more than {depth_max} deep; flatten it")
    if isinstance(value, dict):
        for key, item in value.items():
            if _UNFIT.search(key):
                _refuse_text(path)
            _raise_fault(item, (*path, key), depth_max)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _raise_fault(item, (*path, index), depth_max)


def _refuse_text(path: tuple[str | int, ...]) -> NoReturn:
    message = "a string holds the NUL character or half of a surrogate pair; remove it"
    raise EpcisError(path_text(path), "text", message)


def _write(value: object, parts: list[str]) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, int | Decimal):
        parts.append(str(value))
    elif isinstance(value, dict):
        for index, key in enumerate(sorted(value)):
            parts.append(("{" if index == 0 else ",") + json.dumps(key, ensure_ascii=False) + ":")
            _write(value[key], parts)
        parts.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            parts.append("[" if index == 0 else ",")
            _write(item, parts)
        parts.append("]" if value else "[]")
    else:
        raise AssertionError(f"{type(value).__name__} is not a JSON value")
