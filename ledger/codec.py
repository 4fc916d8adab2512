"""Canonical msgpack: one value has one encoding, and the decoder refuses every other.

Values are arrays, maps with string keys in code-point order, integers within 64 bits, NFC strings, bytes, booleans
and nil. There are no floats and no extension types. Two nodes that hash the same value therefore hash the same
bytes, and nobody can make a second spelling of a transaction that was signed once.

Rules: docs/formats.md, section "Canonical msgpack"; refused encodings: the golden vectors in tests/golden.
"""

import unicodedata
from typing import Final, TypeAlias, cast

import msgpack

from ledger.errors import CodecError
from ledger.unicode_14 import is_assigned

Value: TypeAlias = "bool | int | str | bytes | list[Value] | dict[str, Value] | None"

DEPTH_MAX: Final = 8
SIZE_BYTES_MAX: Final = 16 * 1024 * 1024

_CONTAINERS: Final = frozenset({dict, list, tuple})
_INTEGER_MIN: Final = -(1 << 63)
_INTEGER_MAX: Final = (1 << 64) - 1


def encode(value: object) -> bytes:
    """Return the canonical encoding of a value; tuples count as arrays.

    Raises
    ------
    CodecError
        The value holds something that has no canonical encoding; the message names it.

    """
    ordered = value if _check(value, DEPTH_MAX) else _ordered(value)
    return cast("bytes", msgpack.packb(ordered, use_bin_type=True))


def decode(data: bytes, size_bytes_max: int = SIZE_BYTES_MAX) -> Value:
    """Return the value that ``data`` is the canonical encoding of.

    The size is checked before anything is parsed, and the value is encoded again and compared, which refuses long
    forms, unsorted or repeated keys and whatever else has a shorter or other spelling.

    Raises
    ------
    CodecError
        The bytes are too many or not canonical.

    """
    if len(data) > size_bytes_max:
        raise CodecError("too_large", f"{len(data)} bytes, at most {size_bytes_max} are accepted")
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            use_list=True,
            ext_hook=_refuse_extension,
            max_str_len=size_bytes_max,
            max_bin_len=size_bytes_max,
            # An element takes at least one byte, so no honest length claim is larger than the input itself.
            max_array_len=len(data),
            max_map_len=len(data),
        )
    except CodecError:
        raise
    # msgpack raises its own types, ValueError for bad UTF-8 and RecursionError-like StackError for deep nesting.
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError) as error:
        raise CodecError("not_msgpack", f"not canonical msgpack: {error}") from error
    if not _check(value, DEPTH_MAX) or msgpack.packb(value, use_bin_type=True) != data:
        raise CodecError("not_canonical", "a longer or unsorted spelling of a value that has a canonical one")
    return cast("Value", value)


def decode_own(data: bytes) -> Value:
    """Return the value of bytes that ``encode`` made and that a checksum has guarded since; nothing is checked."""
    return cast("Value", msgpack.unpackb(data, raw=False, use_list=True))


def _refuse_extension(code: int, data: bytes) -> object:
    del data
    raise CodecError("extension_type", f"extension type {code} is not part of the format")


def _check(value: object, depth_left: int) -> bool:
    """Refuse what has no canonical encoding, and say whether every map is in key order already."""
    # Types are compared where they stand: mypy understands that, and a call of `cast` would cost as much as a check.
    if type(value) is dict:
        return _check_map(value, depth_left)
    if type(value) is list or type(value) is tuple:
        _check_depth(depth_left)
        in_order = True
        for item in value:
            # Most values are one of these, and a call for each would take most of the time.
            if type(item) is bytes or (type(item) is str and item.isascii()):
                continue
            if type(item) is int and _INTEGER_MIN <= item <= _INTEGER_MAX:
                continue
            in_order = _check(item, depth_left - 1) and in_order
        return in_order
    if type(value) is str:
        _check_text(value)
    elif type(value) is int:
        if not _INTEGER_MIN <= value <= _INTEGER_MAX:
            raise CodecError("integer_range", "an integer does not fit in 64 bits")
    elif not (type(value) is bytes or type(value) is bool or value is None):
        raise CodecError("type", f"{type(value).__name__} has no canonical encoding")
    return True


def _check_map(entries: dict[object, object], depth_left: int) -> bool:
    _check_depth(depth_left)
    in_order = True
    previous = ""
    for key, item in entries.items():
        if type(key) is not str:
            raise CodecError("key_type", "map keys must be strings")
        if not key.isascii():
            _check_text(key)
        if previous > key:
            in_order = False
        previous = key
        if type(item) is bytes or (type(item) is str and item.isascii()):
            continue
        if type(item) is int and _INTEGER_MIN <= item <= _INTEGER_MAX:
            continue
        in_order = _check(item, depth_left - 1) and in_order
    return in_order


def _check_depth(depth_left: int) -> None:
    if depth_left == 0:
        raise CodecError("too_deep", f"containers are nested more than {DEPTH_MAX} deep")


def _ordered(value: object) -> object:
    """Return a checked value with its maps in key order."""
    kind = type(value)
    if kind is dict:
        entries = sorted(cast("dict[str, object]", value).items())
        return {key: _ordered(item) if type(item) in _CONTAINERS else item for key, item in entries}
    if kind is list or kind is tuple:
        return [_ordered(item) if type(item) in _CONTAINERS else item for item in cast("list[object]", value)]
    return value


def _check_text(text: str) -> None:
    if text.isascii():
        return
    # Normal forms are the same in every interpreter for characters that Unicode 14.0 assigns, and for no others.
    if not all(map(is_assigned, text)):
        raise CodecError("unassigned_character", "a string holds a character that Unicode 14.0 does not assign")
    if not unicodedata.is_normalized("NFC", text):
        raise CodecError("not_nfc", "a string is not in Unicode normal form C")
