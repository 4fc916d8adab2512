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

Value: TypeAlias = "bool | int | str | bytes | list[Value] | dict[str, Value] | None"

DEPTH_MAX: Final = 8
SIZE_BYTES_MAX: Final = 16 * 1024 * 1024

_INTEGER_MIN: Final = -(1 << 63)
_INTEGER_MAX: Final = (1 << 64) - 1


def encode(value: object) -> bytes:
    """Return the canonical encoding of a value; tuples count as arrays.

    Raises
    ------
    CodecError
        The value holds something that has no canonical encoding; the message names it.

    """
    return cast("bytes", msgpack.packb(_canonical(value, DEPTH_MAX), use_bin_type=True))


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
    if encode(value) != data:
        raise CodecError("not_canonical", "a longer or unsorted spelling of a value that has a canonical one")
    return cast("Value", value)


def _refuse_extension(code: int, data: bytes) -> object:
    del data
    raise CodecError("extension_type", f"extension type {code} is not part of the format")


def _canonical(value: object, depth_left: int) -> object:
    """Check a value and return it with its maps in key order, ready to be packed."""
    kind = type(value)
    if kind is str:
        return _checked_text(cast("str", value))
    if kind is int:
        if not _INTEGER_MIN <= cast("int", value) <= _INTEGER_MAX:
            raise CodecError("integer_range", "an integer does not fit in 64 bits")
        return value
    if kind is bytes or kind is bool or value is None:
        return value
    if depth_left == 0:
        raise CodecError("too_deep", f"containers are nested more than {DEPTH_MAX} deep")
    if kind is list or kind is tuple:
        return [_canonical(item, depth_left - 1) for item in cast("list[object]", value)]
    if kind is dict:
        entries = cast("dict[object, object]", value)
        if not all(type(key) is str for key in entries):
            raise CodecError("key_type", "map keys must be strings")
        return {
            _checked_text(key): _canonical(entries[key], depth_left - 1)
            for key in sorted(cast("dict[str, object]", entries))
        }
    raise CodecError("type", f"{kind.__name__} has no canonical encoding")


def _checked_text(text: str) -> str:
    if text.isascii():
        return text
    if not unicodedata.is_normalized("NFC", text):
        raise CodecError("not_nfc", "a string is not in Unicode normal form C")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CodecError("not_utf8", "a string holds a lone surrogate") from error
    return text
