"""EPC URNs (``urn:epc:id:``, ``urn:epc:class:``, ``urn:epc:idpat:``) as pairs of application identifier and value.

An EPC URN splits a GS1 key at the company prefix and leaves the check digit out; this module puts both back. A
pattern (``idpat``) with ``*`` in its last field names the class, so the wildcard is dropped.

Source: GS1 EPC Tag Data Standard, section 6 (URN syntax and the mapping to GS1 keys).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import unquote

from standards import application_identifiers, gs1
from standards.errors import IdentifierError

Elements: TypeAlias = list[tuple[str, str]]

_URN: Final = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
_PREFIX: Final = re.compile(r"[0-9]{6,12}")


def elements(urn: str) -> Elements | None:
    """Return the (application identifier, value) pairs of an EPC URN, primary key first.

    ``None`` where the scheme has no GS1 key (``gid``, ``usdod``, ...) or the URN is malformed: such a URN stays what
    it is, a URI.

    >>> elements("urn:epc:class:lgtin:4012345.012345.Lot987")
    [('01', '04012345123456'), ('10', 'Lot987')]
    """
    match = _URN.fullmatch(urn)
    if match is None:
        return None
    kind, scheme, body = match.groups()
    convert = _SCHEMES.get((scheme == "lgtin" and kind != "id", scheme))
    if convert is None or (kind == "class") != (scheme == "lgtin"):
        return None
    fields = body.split(".")
    pattern = kind == "idpat" and fields[-1] == "*"
    if kind == "idpat" and not pattern:
        return None
    try:
        pairs = convert(fields[:-1], None) if pattern else convert(fields[:-1], unquote(fields[-1]))
        for ai, value in pairs:
            application_identifiers.require_value(ai, value)
    except (IdentifierError, ValueError):
        return None
    return pairs


def _key(prefix: str, reference: str, length: int) -> str:
    """Join company prefix and reference to ``length`` digits and add the check digit."""
    digits = prefix + reference
    if len(digits) != length or not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix}.{reference} does not have {length} digits")
    return digits + gs1.check_digit(digits)


def _gtin(prefix: str, indicator_and_item: str) -> str:
    if not indicator_and_item or not _PREFIX.fullmatch(prefix):
        raise ValueError("no item reference")
    digits = indicator_and_item[0] + prefix + indicator_and_item[1:]
    if len(digits) != 13:
        raise ValueError(f"{prefix}.{indicator_and_item} does not have 13 digits")
    return digits + gs1.check_digit(digits)


# Each converter gets the fields before the last one and the decoded last one, which is None for a pattern. A wrong
# number of fields is a ValueError of the unpacking, and means "malformed" like every other.


def _trade_item(qualifier: str) -> Callable[[list[str], str | None], Elements]:
    def convert(fields: list[str], last: str | None) -> Elements:
        prefix, item = fields
        return [("01", _gtin(prefix, item)), *([] if last is None else [(qualifier, last)])]

    return convert


def _joined(ai: str, length: int, lead: str = "") -> Callable[[list[str], str | None], Elements]:
    """Convert a key whose serial follows the check digit without a separator."""

    def convert(fields: list[str], last: str | None) -> Elements:
        prefix, reference = fields
        return [(ai, lead + _key(prefix, reference, length) + (last or ""))]

    return convert


def _plain(ai: str, length: int) -> Callable[[list[str], str | None], Elements]:
    """Convert a key without a serial; a wildcard for its reference names nothing."""

    def convert(fields: list[str], last: str | None) -> Elements:
        (prefix,) = fields
        if last is None:
            raise ValueError("a pattern over all references")
        return [(ai, _key(prefix, last, length))]

    return convert


def _free(ai: str) -> Callable[[list[str], str | None], Elements]:
    """Convert a key that is company prefix and free text, without a check digit."""

    def convert(fields: list[str], last: str | None) -> Elements:
        (prefix,) = fields
        if last is None or not _PREFIX.fullmatch(prefix):
            raise ValueError("no company prefix or a pattern over all references")
        return [(ai, prefix + last)]

    return convert


def _sscc(fields: list[str], last: str | None) -> Elements:
    (prefix,) = fields
    if not last or not _PREFIX.fullmatch(prefix) or len(prefix + last) != 17:
        raise ValueError("an SSCC without its check digit has 17 digits")
    digits = last[0] + prefix + last[1:]
    return [("00", digits + gs1.check_digit(digits))]


def _sgln(fields: list[str], last: str | None) -> Elements:
    prefix, location = fields
    extension = [] if last in (None, "0") else [("254", str(last))]
    return [("414", _key(prefix, location, 12)), *extension]


def _component(fields: list[str], last: str | None) -> Elements:
    prefix, kind = fields
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("no company prefix")
    return [("8010", prefix + unquote(kind)), *([] if last is None else [("8011", last)])]


def _trade_item_piece(fields: list[str], last: str | None) -> Elements:
    prefix, item, piece, total = fields
    return [("8006", _gtin(prefix, item) + piece + total), *([] if last is None else [("21", last)])]


_SCHEMES: Final[Mapping[tuple[bool, str], Callable[[list[str], str | None], Elements]]] = {
    (False, "sgtin"): _trade_item("21"),
    (False, "upui"): _trade_item("235"),
    (True, "lgtin"): _trade_item("10"),
    (False, "itip"): _trade_item_piece,
    (False, "sscc"): _sscc,
    (False, "sgln"): _sgln,
    (False, "pgln"): _plain("417", 12),
    (False, "grai"): _joined("8003", 12, lead="0"),
    (False, "gdti"): _joined("253", 12),
    (False, "sgcn"): _joined("255", 12),
    (False, "giai"): _free("8004"),
    (False, "ginc"): _free("401"),
    (False, "gsrn"): _plain("8018", 17),
    (False, "gsrnp"): _plain("8017", 17),
    (False, "gsin"): _plain("402", 16),
    (False, "cpi"): _component,
}
