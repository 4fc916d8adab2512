"""The field types of EPCIS documents: what one value may look like, each with its rule and its message.

A refused value is a ``PydanticCustomError`` whose type is the stable name of the rule. The types check as EPCIS 2.0's
JSON schema does with format assertion switched on: a URI is one of RFC 3986, a time one of RFC 3339, and a word
without a colon is a standard term or an error.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Final, TypeAlias

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from standards.epcis import vocabulary
from standards.epcis.vocabulary import Vocabulary

IDENTIFIER_BYTES_MAX: Final = 512
URI_BYTES_MAX: Final = 2048
# Amounts are added up on the ledger, exactly and therefore within limits.
AMOUNT_DIGITS_MAX: Final = 40

_UNRESERVED: Final = r"A-Za-z0-9._~!$&'()*+,;=\-"
_PCHAR: Final = rf"(?:[{_UNRESERVED}:@]|%[0-9A-Fa-f]{{2}})"
_AUTHORITY: Final = (
    rf"(?:(?:[{_UNRESERVED}:]|%[0-9A-Fa-f]{{2}})*@)?"
    rf"(?:\[[0-9A-Fa-f:.]+\]|(?:[{_UNRESERVED}]|%[0-9A-Fa-f]{{2}})*)(?::[0-9]*)?"
)
_URI: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
)
# Most identifiers need only this: a scheme and characters that are always allowed after it.
_SIMPLE_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?://[A-Za-z0-9.-]+/)?[A-Za-z0-9._~:-]+(?:/[A-Za-z0-9._~:-]+)*"
)
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_OFFSET: Final = re.compile(r"([+-])(?:(0[0-9]|1[0-3]):([0-5][0-9])|(14):(00))")
_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}")
_HEXADECIMAL: Final = re.compile(r"[A-Fa-f0-9]+")
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A day is left at both ends, so that no change of offset leaves the calendar of the datetime module.
TIME_MS_MIN: Final = -62_135_510_400_000
TIME_MS_MAX: Final = 253_402_214_400_000
_MILLISECOND: Final = timedelta(milliseconds=1)
TIME_CHARACTERS_MAX: Final = 64


def is_uri(text: str) -> bool:
    """Return whether a text is an absolute URI of RFC 3986; a compact URI such as ``ext:colour`` is one too.

    One longer than 2048 bytes counts as none.
    """
    if len(text) > URI_BYTES_MAX:
        return False
    return _SIMPLE_URI.fullmatch(text) is not None or _URI.fullmatch(text) is not None


def time_ms(text: str) -> int | None:
    """Return an RFC 3339 time as milliseconds since 1970 UTC, digits after the third dropped, or ``None``."""
    match = _TIME.fullmatch(text) if len(text) <= TIME_CHARACTERS_MAX else None
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        seconds = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None
    moment_ms = seconds + int((fraction or "")[:3].ljust(3, "0"))
    return moment_ms if TIME_MS_MIN <= moment_ms <= TIME_MS_MAX else None


def time_text(moment_ms: int, offset_minutes: int) -> str:
    """Return a time in RFC 3339 on the clock of the given offset, with milliseconds only where there are some."""
    local = _EPOCH + timedelta(milliseconds=moment_ms, minutes=offset_minutes)
    text = local.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    fraction = f".{moment_ms % 1000:03d}" if moment_ms % 1000 else ""
    return f"{text}{fraction}{'Z' if offset_minutes == 0 else offset_text(offset_minutes)}"


def offset_minutes(text: str) -> int | None:
    """Return an eventTimeZoneOffset such as ``+05:30`` in minutes, or ``None`` where it is none."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if match[1] == "-" else minutes


def offset_text(minutes: int) -> str:
    """Return minutes as an eventTimeZoneOffset."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError(
            "wrong_type",
            "{shown} is not a text; {what} is written as a JSON string",
            {
                "shown": _shown(value),
                "what": what,
            },
        )
    return value


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)[:80] if isinstance(value, str) else str(value)[:80]


def _uri(value: object) -> str:
    text = _text(value, "a URI")
    if len(text) > URI_BYTES_MAX:
        raise PydanticCustomError(
            "uri_too_long",
            "a URI of {size} characters; at most {most} are accepted",
            {"size": len(text), "most": URI_BYTES_MAX},
        )
    if not is_uri(text):
        raise PydanticCustomError(
            "not_a_uri",
            "{shown} is not a URI; write an absolute URI such as "
            "https://id.gs1.org/01/09521141012345/21/2017 or urn:epc:id:sgtin:...",
            {"shown": _shown(text)},
        )
    return text


def _identifier(value: object) -> str:
    text = _uri(value)
    if len(text) > IDENTIFIER_BYTES_MAX:
        raise PydanticCustomError(
            "identifier_too_long",
            "an identifier of {size} bytes; at most {most} are accepted",
            {
                "size": len(text),
                "most": IDENTIFIER_BYTES_MAX,
            },
        )
    return text


def _term(known: Vocabulary) -> Callable[[object], str]:
    """Return the check of a field that holds a standard term, or a URI from another vocabulary."""

    def check(value: object) -> str:
        text = _text(value, f"a {known.what}")
        if text in known.terms:
            return text
        if not is_uri(text):
            near = get_close_matches(text[:80], sorted(known.terms), n=1, cutoff=0.5)
            raise PydanticCustomError(
                "unknown_term",
                "{shown} is no standard {what}; use a term of CBV 2.0 such as "
                "{example}, or the full URI of a term of your own",
                {
                    "shown": _shown(text),
                    "what": known.what,
                    "example": (near or sorted(known.terms))[0],
                },
            )
        short = vocabulary.bareword(known, text)
        if text.startswith(_RESERVED[known.prefixes[0].startswith("urn:")]):
            raise PydanticCustomError(
                "use_bareword",
                "{shown} is a GS1 name, which JSON writes short; write {short}",
                {
                    "shown": _shown(text),
                    "short": repr(short) if short != text else "its last part",
                },
            )
        return _identifier(text)

    return check


# The namespaces of GS1 whose terms the JSON binding wants as barewords: the CBV, and the sensor terms of the web
# vocabulary. True is the key of the CBV.
_RESERVED: Final = {
    True: ("urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"),
    False: ("http://gs1.org/voc/", "https://gs1.org/voc/", "http://www.gs1.org/voc/", "https://www.gs1.org/voc/"),
}


def _time(value: object) -> str:
    text = _text(value, "a time")
    if time_ms(text) is None:
        raise PydanticCustomError(
            "not_a_time",
            "{shown} is not a time of RFC 3339 with its offset; write it like "
            "2026-11-02T08:30:00Z or 2026-11-02T08:30:00.000+01:00",
            {"shown": _shown(text)},
        )
    return text


def _matching(pattern: re.Pattern[str], rule: str, what: str, example: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value, what)
        if not pattern.fullmatch(text):
            raise PydanticCustomError(
                rule,
                "{shown} is not {what}; write it like {example}",
                {
                    "shown": _shown(text),
                    "what": what,
                    "example": example,
                },
            )
        return text

    return check


def _action(value: object) -> str:
    if value not in ("ADD", "OBSERVE", "DELETE"):
        raise PydanticCustomError(
            "unknown_action",
            "{shown} is no action; it is ADD, OBSERVE or DELETE",
            {
                "shown": _shown(value),
            },
        )
    return str(value)


def _number(value: object) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError(
            "not_a_number",
            "{shown} is not a JSON number; write it without quotes",
            {
                "shown": _shown(value),
            },
        )
    return value


def _amount(value: object) -> int | Decimal:
    number = _number(value)
    whole, _, fraction = (str(number) if isinstance(number, int) else f"{number:f}").lstrip("-").partition(".")
    if max(len(whole), len(fraction)) > AMOUNT_DIGITS_MAX:
        raise PydanticCustomError(
            "number",
            "{shown} has more than {most} digits before or after the point; round it",
            {"shown": _shown(value), "most": AMOUNT_DIGITS_MAX},
        )
    return number


def _plain(value: object) -> str:
    return _text(value, "this field")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise PydanticCustomError("wrong_type", "{shown} is neither true nor false", {"shown": _shown(value)})
    return value


Text: TypeAlias = Annotated[str, PlainValidator(_plain)]
Boolean: TypeAlias = Annotated[bool, PlainValidator(_boolean)]
Uri: TypeAlias = Annotated[str, PlainValidator(_uri)]
Identifier: TypeAlias = Annotated[str, PlainValidator(_identifier)]
Time: TypeAlias = Annotated[str, PlainValidator(_time)]
Number: TypeAlias = Annotated[int | Decimal, PlainValidator(_number)]
Amount: TypeAlias = Annotated[int | Decimal, PlainValidator(_amount)]
Action: TypeAlias = Annotated[str, PlainValidator(_action)]
Offset: TypeAlias = Annotated[
    str, PlainValidator(_matching(_OFFSET, "not_an_offset", "an offset from UTC", "+01:00 (from -14:00 to +14:00)"))
]
Unit: TypeAlias = Annotated[
    str, PlainValidator(_matching(_UNIT, "not_a_unit", "a unit code of UN/ECE Recommendation 20", "KGM"))
]
Hexadecimal: TypeAlias = Annotated[
    str, PlainValidator(_matching(_HEXADECIMAL, "not_hexadecimal", "hexadecimal", "00FF"))
]
Version: TypeAlias = Annotated[str, PlainValidator(_matching(_VERSION, "not_a_version", "a version", "2.0"))]
BizStep: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.BIZ_STEP))]
Disposition: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.DISPOSITION))]
BizTransactionType: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.BIZ_TRANSACTION_TYPE))]
SourceDestinationType: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.SOURCE_DESTINATION_TYPE))]
ErrorReason: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.ERROR_REASON))]
MeasurementType: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.MEASUREMENT))]
SensorAlert: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.SENSOR_ALERT))]
Component: TypeAlias = Annotated[str, PlainValidator(_term(vocabulary.COMPONENT))]
