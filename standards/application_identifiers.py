"""The GS1 application identifiers: which exist and what their values look like.

One line of the table says the form of a value, then the identifiers that have it. A form is a list of parts; a part
is a character set (``N`` digits, ``X`` set 82, ``Y`` set 39, ``Z`` set 64), its length or range of lengths, and flags:
``c`` the part ends in a mod-10 check digit, ``p`` in a check character pair, ``d`` it is a date YYMMDD, ``D`` the same
with day 00 for "the end of the month".

Source: GS1 General Specifications, section 3.
"""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Final, NamedTuple

from standards import gs1, gs1_coupons, gs1_fields
from standards.errors import IdentifierError
from standards.financial_identifiers import check_iban

_FORMS: Final = {
    "N18c": "00 8017 8018",
    "N14c": "01 02 03",
    "N13c": "410-417",
    "N17c": "402",
    "N13c X0-17": "253",
    "N13c N0-12": "255",
    "N14c X0-16": "8003",
    "N14c N4": "8006 8026",
    "X3-25p": "8013",
    "N6D": "11 12 13 15 16 17",
    "N6d": "4326 7006",
    "N6d N0-6": "7007",
    "N6d N0-4": "7011",
    "N1": "4321 4322 4323 7252",
    "N2": "20 7241",
    "N3": "422 424 426",
    "N4": "3940-3943 8111",
    "N6": "3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165 3200-3205 3210-3215 3220-3225 "
    "3230-3235 3240-3245 3250-3255 3260-3265 3270-3275 3280-3285 3290-3295 3300-3305 3310-3315 3320-3325 3330-3335 "
    "3340-3345 3350-3355 3360-3365 3370-3375 3400-3405 3410-3415 3420-3425 3430-3435 3440-3445 3450-3455 3460-3465 "
    "3470-3475 3480-3485 3490-3495 3500-3505 3510-3515 3520-3525 3530-3535 3540-3545 3550-3555 3560-3565 3570-3575 "
    "3600-3605 3610-3615 3620-3625 3630-3635 3640-3645 3650-3655 3660-3665 3670-3675 3680-3685 3690-3695 3950-3955 "
    "8005",
    "N8": "7250",
    "N10": "4324 4325 7003",
    "N12": "7251",
    "N13": "7001",
    "N14": "8001",
    "N15": "8040 8041",
    "N20": "4309",
    "N32": "8042",
    "N1-4": "7004",
    "N1-6": "242",
    "N1-8": "30 37",
    "N1-10": "8019",
    "N1-12": "8011",
    "N1-15": "3900-3909 3920-3929",
    "N4-15": "423 425",
    "N4-18": "3910-3919 3930-3939",
    "N8 N0-4": "8008",
    "N18 N0-2": "8043",
    "N1 X1 N1": "7258",
    "N1 X3": "7040",
    "N3 X1-9": "421",
    "N3 X1-27": "7030-7039",
    "N6 X0-1": "4330-4333",
    "X2": "4307 4317",
    "X1-2": "7010",
    "X1-3": "427 7008",
    "X1-4": "7041",
    "X1-10": "7009 7255",
    "X1-12": "7005",
    "X1-20": "10 21 22 243 254 420 710-717 4318 7020-7022 7240 8002 8012",
    "X1-25": "7242 8014 8020",
    "X1-28": "235",
    "X1-30": "90 240 241 250 251 400 401 403 4308 4319 7002 7023 8004",
    "X1-34": "8007",
    "X1-35": "4300 4301 4310 4311 4320",
    "X1-40": "7253 7254 7259",
    "X1-50": "8009",
    "X1-70": "4302-4306 4312-4316 7257 8110 8112 8200",
    "X1-90": "91-99 7256",
    "X3-30": "7230-7239",
    "Y1-30": "8010",
    "Z1-90": "8030",
}
_ALPHABETS: Final = {"N": gs1.DIGITS, "X": gs1.CSET82, "Y": gs1.CSET39}
_NAMES: Final = {"N": "digit", "X": "character of GS1 set 82", "Y": "character of GS1 set 39"}
_PART: Final = re.compile(r"([NXYZ])(\d+)(?:-(\d+))?([cpdD]?)")
# Identifiers that begin like this have a fixed length, so no separator follows them in an element string.
_FIXED_PREFIXES: Final = (
    *("00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"),
    *("31", "32", "33", "34", "35", "36", "41"),
)


class Part(NamedTuple):
    """One part of a value: its character set, its least and greatest length and a flag (module docstring)."""

    charset: str
    length_min: int
    length_max: int
    flag: str


def is_application_identifier(ai: str) -> bool:
    """Return whether an identifier such as ``"01"`` or ``"3103"`` exists."""
    return ai in _table()


def has_fixed_length(ai: str) -> bool:
    """Return whether the value of ``ai`` needs no separator after it in an element string."""
    return ai.startswith(_FIXED_PREFIXES)


def require_value(ai: str, value: str, *, check: bool = True) -> None:
    """Refuse a value that is not of the form of its application identifier.

    ``check=False`` leaves out check digits, check characters, dates and fields: lengths and character sets only.

    Raises
    ------
    IdentifierError
        ``unknown_ai``, ``length``, ``character``, ``check_digit``, ``check_characters``, ``date`` or a field's rule.

    """
    parts = _table().get(ai)
    if parts is None:
        raise IdentifierError("unknown_ai", f"there is no GS1 application identifier {ai}")
    shortest, longest = sum(part.length_min for part in parts), sum(part.length_max for part in parts)
    if not shortest <= len(value) <= longest:
        lengths = str(shortest) if shortest == longest else f"{shortest} to {longest}"
        raise IdentifierError("length", f"({ai}) has {lengths} characters; {value!r} has {len(value)}")
    start = 0
    for part in parts:
        text = value[start : start + part.length_max]
        start += len(text)
        if part.charset == "Z":
            gs1.require_base64(text)
        else:
            _require_characters(text, part, value, start)
        if check and text:
            _require_flag(text, part.flag)
    if check:
        _require_fields(ai, value)


def _require_characters(text: str, part: Part, value: str, end: int) -> None:
    alphabet = _ALPHABETS[part.charset]
    for index, character in enumerate(text):
        if character not in alphabet:
            position = end - len(text) + index + 1
            message = f"{character!r} at position {position} of {value!r} is not a {_NAMES[part.charset]}"
            raise IdentifierError("character", message, position=position)


def _require_flag(text: str, flag: str) -> None:
    if flag == "c":
        gs1.require_check_digit(text)
    elif flag == "p":
        gs1.require_check_characters(text)
    elif flag:
        gs1_fields.require_date(text, day_zero=flag == "D")


def _require_fields(ai: str, value: str) -> None:
    """Refuse a value with a field in it that is not of its form."""
    for start, end, require in _fields().get(ai, ()):
        # What is left out is in the form already.
        if value[start:end]:
            require(value[start:end])


_Field = tuple[int, int | None, Callable[[str], object]]


@cache
def _fields() -> dict[str, tuple[_Field, ...]]:
    """Return the fields of the identifiers that have any, as (start, end, check)."""
    country, minute, size = gs1_fields.require_country_number, gs1_fields.require_minute, gs1_fields.require_not_zero
    date = partial(gs1_fields.require_date, day_zero=False)
    long_date = partial(gs1_fields.require_long_date, day_zero=False)
    rows: tuple[tuple[str, tuple[_Field, ...]], ...] = (
        ("421", ((0, 3, country),)),
        ("422 424 426", ((0, None, country),)),
        ("7030-7039", ((0, 3, gs1_fields.require_country_number_or_several),)),
        ("3910-3919 3930-3939", ((0, 3, gs1_fields.require_currency_number),)),
        ("4307 4317", ((0, None, gs1_fields.require_country_letters),)),
        ("4309", ((0, 10, gs1_fields.require_latitude), (10, None, gs1_fields.require_longitude))),
        ("4321-4323", ((0, None, gs1_fields.require_yes_or_no),)),
        ("4300-4306 4310-4316 4320", ((0, None, gs1_fields.require_percent_encoding),)),
        ("4330-4333", ((6, None, gs1_fields.require_hyphen),)),
        ("7003", ((0, 6, date), (6, None, gs1_fields.require_time))),
        ("7007", ((6, None, date),)),
        ("7011", ((6, None, gs1_fields.require_time),)),
        ("7040", ((3, None, gs1_fields.require_importer_index),)),
        ("7041", ((0, None, gs1_fields.require_package_type),)),
        ("7241", ((0, None, gs1_fields.require_media_type),)),
        ("7250", ((0, None, long_date),)),
        ("7251", ((0, 8, long_date), (8, None, gs1_fields.require_time))),
        ("7252", ((0, None, gs1_fields.require_sex),)),
        ("7258", ((0, None, gs1_fields.require_position_in_sequence),)),
        ("8001", ((0, 4, size), (4, 9, size), (9, 12, size), (12, 13, gs1_fields.require_winding))),
        ("8006 8026", ((14, None, gs1_fields.require_piece_of_total),)),
        ("8007", ((0, None, check_iban),)),
        ("8008", ((0, 6, date), (6, 8, gs1_fields.require_hour), (8, 10, minute), (10, None, minute))),
        ("8110", ((0, None, gs1_coupons.require_coupon_code),)),
        ("8112", ((0, None, gs1_coupons.require_positive_offer),)),
    )
    return {ai: fields for identifiers, fields in rows for ai in _expanded(identifiers)}


@cache
def _table() -> dict[str, tuple[Part, ...]]:
    """Return the parts of every identifier; expanded on first use, so that importing this module does no work."""
    table: dict[str, tuple[Part, ...]] = {}
    for form, identifiers in _FORMS.items():
        parts = tuple(
            Part(charset, int(low), int(high or low), flag) for charset, low, high, flag in _PART.findall(form)
        )
        table.update(dict.fromkeys(_expanded(identifiers), parts))
    return table


def _expanded(identifiers: str) -> list[str]:
    """Return the identifiers of a line of a table, ranges written out."""
    found = []
    for entry in identifiers.split():
        first, _, last = entry.partition("-")
        found += [str(number).rjust(len(first), "0") for number in range(int(first), int(last or first) + 1)]
    return found
