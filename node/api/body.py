"""Request bodies: bounded while they stream in, never decompressed, and JSON without a second reading.

The JSON rules are those of ``standards.epcis.json_text`` (RFC 7493): UTF-8, no key twice, no NaN, no lone surrogate,
bounded depth.
"""

import asyncio
import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from fastapi import Request

from node.api.problems import Fault, Problem
from standards.epcis.json_text import JsonObject, JsonValue, loads
from standards.errors import EpcisError

BODY_S_MAX: Final = 30.0
JSON_TYPES: Final = frozenset({"application/json"})
JSON_CODES: Final[Mapping[str, str]] = {
    "too_large": "body.too_large",
    "not_utf8": "json.not_utf8",
    "not_json": "json.syntax",
    "duplicate_key": "json.duplicate_key",
    "number": "json.number",
    "text": "json.text",
    "too_deep": "json.too_deep",
}


def json_body(
    *, required: Sequence[str], properties: Mapping[str, JsonValue], or_binary: str | None = None
) -> dict[str, Any]:
    """Return what /openapi.json says of a body: a JSON object, or bytes of a media type of their own."""
    schema = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": dict(properties),
    }
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if or_binary is not None:
        content[or_binary] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}}


def media_type(request: Request, accepted: Collection[str]) -> str:
    """Return the media type of the body without its parameters; raises Problem where it is none of ``accepted``."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem("body.content_encoding", f"the body is sent as {encoding[:40]!r}")
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise Problem("body.media_type", f"the Content-Type is {given[:80]!r}; send {' or '.join(sorted(accepted))}")
    return given


async def read_body(request: Request, size_bytes_max: int) -> bytes:
    """Return the body; raises Problem as soon as it is known to be larger than ``size_bytes_max``, or too slow."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 15 or int(declared) > size_bytes_max):
        raise _too_large(size_bytes_max)
    parts: list[bytes] = []
    size_bytes = 0
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for part in request.stream():
                size_bytes += len(part)
                if size_bytes > size_bytes_max:
                    raise _too_large(size_bytes_max)
                parts.append(part)
    except TimeoutError as error:
        raise Problem("body.too_slow", f"a body has {BODY_S_MAX:g} seconds to arrive") from error
    return b"".join(parts)


def read_json(data: bytes) -> JsonValue:
    """Return the JSON value of a body; raises Problem."""
    try:
        return loads(data)
    except EpcisError as error:
        raise json_problem(error) from error


def json_problem(error: EpcisError) -> Problem:
    """Return the problem that an error of ``loads`` is; its rule is one of ``JSON_CODES``."""
    code = JSON_CODES[error.rule]
    return Problem(code, error.message, faults=[Fault(error.path, code, error.message)])


def read_fields(data: bytes, needed: Collection[str], optional: Collection[str] = ()) -> JsonObject:
    """Return a JSON object with the ``needed`` fields and none unknown; raises Problem with the first that is wrong."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise Problem(
            "body.not_an_object", "the body is a JSON object in braces", faults=[_fault("$", "not_an_object")]
        )
    known = sorted({*needed, *optional})
    for name in value:
        if name not in known:
            raise field_problem("body.unknown_field", name, f"it is none of {', '.join(known)}")
    for name in needed:
        if name not in value:
            raise field_problem("body.missing_field", name, "it must be there")
    return value


def text_field(fields: JsonObject, name: str) -> str:
    """Return a field that is a text; raises Problem."""
    value = fields[name]
    if not isinstance(value, str):
        raise field_problem("body.wrong_type", name, "it is a text")
    return value


def base64url_field(fields: JsonObject, name: str) -> bytes:
    """Return the bytes of a field in base64url, with or without padding; raises Problem."""
    text = text_field(fields, name).rstrip("=")
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise field_problem("body.not_base64url", name, "it is base64url (RFC 4648 section 5)") from error
    return data


def base64url_list(fields: JsonObject, name: str) -> list[bytes]:
    """Return the bytes of each text of a list in base64url; raises Problem that names the first that is none."""
    entries = fields[name]
    if not isinstance(entries, list):
        raise field_problem("body.wrong_type", name, "it is a list")
    return [base64url_field({f"{name}[{index}]": entry}, f"{name}[{index}]") for index, entry in enumerate(entries)]


def field_problem(code: str, name: str, detail: str) -> Problem:
    """Return the problem with one field of the body."""
    shown = name[:80]
    return Problem(code, f"{shown!r}: {detail}", faults=[Fault(f"$.{shown}", code, detail)])


def _fault(path: str, rule: str) -> Fault:
    return Fault(path, f"body.{rule}", "the body is a JSON object in braces")


def _too_large(size_bytes_max: int) -> Problem:
    return Problem("body.too_large", f"at most {size_bytes_max} bytes are accepted here")
