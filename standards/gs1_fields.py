"""Fields inside the values of application identifiers: times, places, countries, currencies, counts and codes.

Each function refuses what is not of its form, and says why; which value has which field is said in
application_identifiers.py.

Source: GS1 General Specifications section 3; ISO 3166-1, ISO 4217, ISO/IEC 5218, UN/ECE Recommendation 21 (packages).
"""

import re
from functools import cache
from typing import Final

from standards import gs1
from standards.countries import is_country
from standards.errors import IdentifierError

_LATITUDE_MAX: Final = 1_800_000_000
_LONGITUDE_MAX: Final = 3_600_000_000
_DEGREES_LENGTH: Final = 10
_PIECES_LENGTHS_MAX: Final = 18
_MEDIA_TYPES: Final = frozenset({*range(1, 11), *range(80, 100)})
_PERCENT: Final = re.compile(r"[^%]*(?:%[0-9A-Fa-f]{2}[^%]*)*", re.DOTALL)
_POSITION: Final = re.compile(r"([0-9]+)/([0-9]+)")
_YEAR_LENGTH: Final = 4


def require_date(text: str, *, day_zero: bool) -> None:
    """Refuse a YYMMDD that is no date; with ``day_zero`` day 00 stands for the end of the month.

    Of a year only the last two digits are known, so 29 February goes by YY divisible by four. That holds for YY 00
    as long as it means 2000, which is until 2050 (the window is 49 years back and 50 forward).
    """
    gs1.require_characters(text, gs1.DIGITS, "digit")
    if len(text) != 6:
        raise IdentifierError("date", f"{text!r} is not a date YYMMDD")
    _require_day(text, int(text[2:4]), int(text[4:]), is_leap=int(text[:2]) % 4 == 0, day_zero=day_zero)


def require_long_date(text: str, *, day_zero: bool) -> None:
    """Refuse a YYYYMMDD that is no date of the Gregorian calendar; day 00 as for ``require_date``."""
    _require_digits(text, 8)
    year, month, day = int(text[:_YEAR_LENGTH]), int(text[4:6]), int(text[6:])
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    _require_day(text, month, day, is_leap=is_leap, day_zero=day_zero)


def require_hour(text: str) -> None:
    """Refuse what is no hour from 00 to 23."""
    _require_range(text, 24, "hour")


def require_minute(text: str) -> None:
    """Refuse what is no minute or second from 00 to 59."""
    _require_range(text, 60, "minute or second")


def require_time(text: str) -> None:
    """Refuse what is no time of day HHMM."""
    _require_digits(text, 4)
    require_hour(text[:2])
    require_minute(text[2:])


def require_latitude(text: str) -> None:
    """Refuse what is no latitude: ten digits, ten millionths of a degree north of the South Pole."""
    _require_degrees(text, _LATITUDE_MAX)


def require_longitude(text: str) -> None:
    """Refuse what is no longitude: ten digits, ten millionths of a degree east of 180 degrees west."""
    _require_degrees(text, _LONGITUDE_MAX)


def require_country_number(text: str) -> None:
    """Refuse what is no number of a country (ISO 3166-1 numeric)."""
    _require_listed(text, _listed(_COUNTRIES), "number of a country in ISO 3166-1")


def require_country_number_or_several(text: str) -> None:
    """Refuse what is neither the number of a country nor 999, which stands for several."""
    if text != "999":
        require_country_number(text)


def require_country_letters(text: str) -> None:
    """Refuse what is not two letters of a country (ISO 3166-1 alpha-2)."""
    if not is_country(text):
        raise IdentifierError("listed", f"{text!r} is not two letters of a country in ISO 3166-1")


def require_currency_number(text: str) -> None:
    """Refuse what is no number of a currency (ISO 4217)."""
    _require_listed(text, _listed(_CURRENCIES), "number of a currency in ISO 4217")


def require_package_type(text: str) -> None:
    """Refuse what is no code of a package (UN/ECE Recommendation 21 and GS1's own)."""
    _require_listed(text, _listed(_PACKAGES), "code of a package")


def require_sex(text: str) -> None:
    """Refuse what is no code of ISO/IEC 5218: 0, 1, 2 or 9."""
    _require_listed(text, frozenset("0129"), "code of a sex in ISO/IEC 5218")


def require_media_type(text: str) -> None:
    """Refuse what is no code of an AIDC medium: 01 to 10, or 80 to 99 for own use."""
    _require_digits(text, 2)
    if int(text) not in _MEDIA_TYPES:
        raise IdentifierError("listed", f"{text!r} is no code of a medium")


def require_winding(text: str) -> None:
    """Refuse what is no direction of winding: 0, 1 or 9."""
    _require_listed(text, frozenset("019"), "direction of winding")


def require_yes_or_no(text: str) -> None:
    """Refuse anything but 0 and 1."""
    _require_listed(text, frozenset("01"), "flag 0 or 1")


def require_importer_index(text: str) -> None:
    """Refuse what is not one character of GS1 set 64."""
    if len(text) != 1 or text not in gs1.CSET64:
        raise IdentifierError("character", f"{text!r} is not one character of GS1 set 64")


def require_hyphen(text: str) -> None:
    """Refuse anything but hyphens."""
    if not text or text.strip("-"):
        raise IdentifierError("character", f"{text!r} is not a hyphen")


def require_non_digit(text: str) -> None:
    """Refuse a text of digits alone."""
    if not text.strip(gs1.DIGITS):
        raise IdentifierError("character", f"{text!r} has nothing but digits")


def require_zero(text: str) -> None:
    """Refuse anything but zeros."""
    if not text or text.strip("0"):
        raise IdentifierError("number", f"{text!r} is not zero")


def require_not_zero(text: str) -> None:
    """Refuse a number that is zero."""
    gs1.require_characters(text, gs1.DIGITS, "digit")
    if not text.strip("0"):
        raise IdentifierError("number", f"{text!r} is zero")


def require_no_leading_zero(text: str) -> None:
    """Refuse a number that begins with a zero."""
    gs1.require_characters(text, gs1.DIGITS, "digit")
    if text.startswith("0"):
        raise IdentifierError("number", f"{text!r} begins with a zero", position=1)


def require_piece_of_total(text: str) -> None:
    """Refuse what is not the number of a piece and of how many, each half of the digits: 0204 is 2 of 4."""
    gs1.require_characters(text, gs1.DIGITS, "digit")
    if not text or len(text) % 2 or len(text) > _PIECES_LENGTHS_MAX:
        raise IdentifierError("length", f"{text!r} is not two numbers of the same length")
    _require_position(text, int(text[: len(text) // 2]), int(text[len(text) // 2 :]))


def require_position_in_sequence(text: str) -> None:
    """Refuse what is not a position and the end, such as 2/3, without leading zeros."""
    match = _POSITION.fullmatch(text)
    if match is None or not text.isascii():
        raise IdentifierError("number", f"{text!r} is not a position and an end such as 2/3")
    for part in match.groups():
        require_no_leading_zero(part)
    _require_position(text, *map(int, match.groups()))


def require_percent_encoding(text: str) -> None:
    """Refuse a percent sign that does not stand before two hexadecimal digits."""
    if _PERCENT.fullmatch(text) is None:
        raise IdentifierError("character", f"{text!r} has a percent sign without two hexadecimal digits after it")


def _require_digits(text: str, length: int) -> None:
    gs1.require_characters(text, gs1.DIGITS, "digit")
    if len(text) != length:
        raise IdentifierError("length", f"{text!r} has {len(text)} digits instead of {length}")


def _require_range(text: str, end: int, what: str) -> None:
    _require_digits(text, 2)
    if int(text) >= end:
        raise IdentifierError("time", f"there is no {what} {text}")


def _require_degrees(text: str, greatest: int) -> None:
    _require_digits(text, _DEGREES_LENGTH)
    if int(text) > greatest:
        raise IdentifierError("place", f"{text} is more than {greatest}, which is once around")


def _require_listed(text: str, known: frozenset[str], what: str) -> None:
    if text not in known:
        raise IdentifierError("listed", f"{text!r} is no {what}")


def _require_position(text: str, position: int, end: int) -> None:
    if not 1 <= position <= end:
        raise IdentifierError("number", f"{text!r}: there is no piece {position} of {end}")


def _require_day(text: str, month: int, day: int, *, is_leap: bool, day_zero: bool) -> None:
    if not 1 <= month <= 12:
        raise IdentifierError("date", f"{text} is not a date: there is no month {month:02}", position=len(text) - 3)
    days = (31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    if not (0 if day_zero else 1) <= day <= days:
        raise IdentifierError("date", f"{text} is not a date: there is no day {day:02}", position=len(text) - 1)


@cache
def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COUNTRIES: Final = """
004 008 010 012 016 020 024 028 031 032 036 040 044 048 050 051 052 056 060 064 068 070 072 074 076 084 086 090 092
096 100 104 108 112 116 120 124 132 136 140 144 148 152 156 158 162 166 170 174 175 178 180 184 188 191 192 196 203
204 208 212 214 218 222 226 231 232 233 234 238 239 242 246 248 250 254 258 260 262 266 268 270 275 276 288 292 296
300 304 308 312 316 320 324 328 332 334 336 340 344 348 352 356 360 364 368 372 376 380 384 388 392 398 400 404 408
410 414 417 418 422 426 428 430 434 438 440 442 446 450 454 458 462 466 470 474 478 480 484 492 496 498 499 500 504
508 512 516 520 524 528 531 533 534 535 540 548 554 558 562 566 570 574 578 580 581 583 584 585 586 591 598 600 604
608 612 616 620 624 626 630 634 638 642 643 646 652 654 659 660 662 663 666 670 674 678 682 686 688 690 694 702 703
704 705 706 710 716 724 728 729 732 740 744 748 752 756 760 762 764 768 772 776 780 784 788 792 795 796 798 800 804
807 818 826 831 832 833 834 840 850 854 858 860 862 876 882 887 894
"""

_CURRENCIES: Final = """
008 012 032 036 044 048 050 051 052 060 064 068 072 084 090 096 104 108 116 124 132 136 144 152 156 170 174 188 192
203 208 214 222 230 232 238 242 262 270 292 320 324 328 332 340 344 348 352 356 360 364 368 376 388 392 396 398 400
404 408 410 414 417 418 422 426 430 434 446 454 458 462 480 484 496 498 504 512 516 524 532 533 548 554 558 566 578
586 590 598 600 604 608 634 643 646 654 682 690 702 704 706 710 728 748 752 756 760 764 776 780 784 788 800 807 818
826 834 840 858 860 882 886 901 924 925 926 927 928 929 930 933 934 936 938 940 941 943 944 946 947 948 949 950 951
952 953 955 956 957 958 959 960 961 962 963 964 965 967 968 969 970 971 972 973 975 976 977 978 979 980 981 984 985
986 990 994 997 999
"""

_PACKAGES: Final = """
1A 1B 1D 1F 1G 1W 200 201 202 203 204 205 206 210 211 212 2C 3A 3H 43 44 4A 4B 4C 4D 4F 4G 4H 5H 5L 5M 6H 6P 7A 7B 8
8A 8B 8C 9 AA AB AC AD AF AG AH AI AJ AL AM AP APE AT AV B4 BB BC BD BE BF BG BGE BH BI BJ BK BL BM BME BN BO BP BQ BR
BRI BS BT BU BV BW BX BY BZ CA CB CBL CC CCE CD CE CF CG CH CI CJ CK CL CM CN CO CP CQ CR CS CT CU CV CW CX CY CZ DA
DB DC DG DH DI DJ DK DL DM DN DP DPE DR DS DT DU DV DW DX DY E1 E2 E3 EC ED EE EF EG EH EI EN FB FC FD FE FI FL FO FOB
FP FPE FR FT FW FX GB GI GL GR GU GY GZ HA HB HC HG HN HR IA IB IC ID IE IF IG IH IK IL IN IZ JB JC JG JR JT JY KG KI
LAB LE LG LT LU LV LZ MA MB MC ME MPE MR MS MT MW MX NA NE NF NG NS NT NU NV OA OB OC OD OE OF OK OPE OT OU P2 PA PAE
PB PC PD PE PF PG PH PI PJ PK PL PLP PN PO POP PP PPE PR PT PU PUE PV PX PY PZ QA QB QC QD QF QG QH QJ QK QL QM QN QP
QQ QR QS RB1 RB2 RB3 RCB RD RG RJ RK RL RO RT RZ S1 SA SB SC SD SE SEC SH SI SK SL SM SO SP SS ST STL SU SV SW SX SY
SZ T1 TB TC TD TE TEV TG THE TI TK TL TN TO TR TRE TS TT TTE TU TV TW TWE TY TZ UC UN UUE VA VG VI VK VL VN VO VP VQ
VR VS VY WA WB WC WD WF WG WH WJ WK WL WM WN WP WQ WR WRP WS WT WU WV WW WX WY WZ X11 X12 X15 X16 X17 X18 X19 X20 X3
XA XB XC XD XF XG XH XJ XK YA YB YC YD YF YG YH YJ YK YL YM YN YP YQ YR YS YT YV YW YX YY YZ ZA ZB ZC ZD ZF ZG ZH ZJ
ZK ZL ZM ZN ZP ZQ ZR ZS ZT ZU ZV ZW ZX ZY ZZ
"""
