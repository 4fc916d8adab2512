"""GS1 Digital Link URIs: parse, build, and the one canonical spelling that the ledger uses for an identifier.

``parse`` and ``build`` are strict: keys, qualifiers and attributes have the right form, order and check digits.
``canonical_id`` is lenient on purpose: it never refuses. It rewrites what has the shape of an EPC URN or a Digital
Link, checks no check digit, and returns every other URI as it is, because EPCIS allows any URI as an identifier.

Rules: GS1 Digital Link Standard: URI Syntax 1.2 (ABNF, qualifier order, percent-encoding), CBV 2.0 section 8 (the
constrained canonical form: host id.gs1.org, no query, the finest level only).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from standards import application_identifiers, epc_urn
from standards.errors import DigitalLinkError, IdentifierError

CANONICAL_STEM: Final = "https://id.gs1.org"

# Primary key -> the qualifier sequences that may follow it in the path. Each is in its fixed order.
_SEQUENCES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "00": ((),),
    "01": (("22", "10", "21"), ("235",)),
    "253": ((),),
    "255": ((),),
    "401": ((),),
    "402": ((),),
    "414": (("254",), ("7040",)),
    "415": (("8020",),),
    "417": (("7040",),),
    "8003": ((),),
    "8004": ((),),
    "8006": (("22", "10", "21"),),
    "8010": (("8011",),),
    "8013": ((),),
    "8017": (("8019",),),
    "8018": (("8019",),),
}
# Primary key -> the qualifiers that tell one thing from another, finest first. The canonical form keeps one of them.
_FINEST: Final[Mapping[str, tuple[str, ...]]] = {
    "01": ("235", "21", "10"),
    "8006": ("21", "10"),
    "414": ("254", "7040"),
    "417": ("7040",),
    "415": ("8020",),
    "8010": ("8011",),
    "8017": ("8019",),
    "8018": ("8019",),
}
# The convenience names of version 1.0 may be read but are never written.
_NAMES: Final[Mapping[str, str]] = {
    "sscc": "00",
    "gtin": "01",
    "gdti": "253",
    "gcn": "255",
    "ginc": "401",
    "gsin": "402",
    "gln": "414",
    "payTo": "415",
    "refNo": "8020",
    "party": "417",
    "grai": "8003",
    "giai": "8004",
    "itip": "8006",
    "cpid": "8010",
    "gmn": "8013",
    "gsrnp": "8017",
    "gsrn": "8018",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
    "tpx": "235",
    "glnx": "254",
    "cpsn": "8011",
    "srin": "8019",
    "uic": "7040",
}
# These carry whole URIs or mark something internal and are no attributes of a Digital Link.
_NO_ATTRIBUTES: Final = frozenset({"03", "8200"})
_GTIN_KEYS: Final = frozenset({"01", "02"})

_URI: Final = re.compile(
    r"(?P<scheme>http|HTTP|https|HTTPS)://(?P<domain>(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
# The characters of RFC 3986; a percent sign must stand before two hexadecimal digits.
_URI_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
# What nearly every identifier looks like already; the whole of the work for it is one match.
_CANONICAL: Final = re.compile(r"https://id\.gs1\.org/(?:01/\d{14}(?:/(?:10|21)/[A-Za-z0-9._~-]{1,20})?|00/\d{18})")


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """A parsed Digital Link: ``key`` is the AI of the primary key, GTINs are padded to 14 digits.

    ``qualifiers`` are in path order, ``attributes`` in query order, ``stem`` is scheme, domain and leading path,
    ``other`` the query parameters that are not application identifiers (value ``""`` where there was no ``=``).
    """

    key: str
    value: str
    qualifiers: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    stem: str = CANONICAL_STEM
    other: tuple[tuple[str, str], ...] = field(default=())

    def uri(self) -> str:
        """Return the URI on its own stem, attributes included, other parameters left out."""
        path = "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in ((self.key, self.value), *self.qualifiers))
        query = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in self.attributes)
        return f"{self.stem.rstrip('/')}{path}{'?' if query else ''}{query}"

    def canonical(self) -> str:
        """Return the constrained canonical URI: host id.gs1.org, no attributes, the finest level only."""
        qualifiers = dict(self.qualifiers)
        for ai in _FINEST.get(self.key, ()):
            if ai in qualifiers and not (ai == "254" and qualifiers[ai] == "0"):
                return f"{CANONICAL_STEM}/{self.key}/{quote(self.value, safe='')}/{ai}/{quote(qualifiers[ai], safe='')}"
        return f"{CANONICAL_STEM}/{self.key}/{quote(self.value, safe='')}"

    def element_string(self) -> str:
        """Return the unbracketed GS1 element string as a scanner would send it, with ``^`` for FNC1."""
        text, separated = "^", True
        for ai, value in ((self.key, self.value), *self.qualifiers, *self.attributes):
            text += f"{'' if separated else '^'}{ai}{value}"
            separated = application_identifiers.has_fixed_length(ai)
        return text


def parse(uri: str, *, check: bool = True) -> DigitalLink:
    """Return the Digital Link that ``uri`` is.

    The rightmost primary key of the path counts, what stands before it is the stem. Components are percent-decoded
    after splitting. ``check=False`` leaves out check digits and dates.

    Raises
    ------
    DigitalLinkError
        ``not_a_uri``, ``no_key``, ``unknown_ai``, ``qualifier``, ``repeated`` or ``attribute``.
    IdentifierError
        A value is not of the form of its application identifier.

    """
    match = _URI.fullmatch(uri)
    if match is None or not _URI_CHARACTERS.fullmatch(uri):
        raise DigitalLinkError("not_a_uri", f"{uri!r} is not an http or https URI with a domain and a path")
    segments = match["path"].split("/")[1:]
    start = _key_position(segments, uri)
    elements = [
        (_NAMES.get(name, name), unquote(text))
        for name, text in zip(segments[start::2], segments[start + 1 :: 2], strict=True)
    ]
    key, value = elements[0][0], _value(*elements[0], check=check)
    stem = f"{match['scheme'].lower()}://{match['domain']}{''.join(f'/{segment}' for segment in segments[:start])}"
    qualifiers = tuple((ai, _value(ai, text, check=check)) for ai, text in elements[1:])
    _require_order(key, [ai for ai, _ in qualifiers])
    attributes, other = _read_query(match["query"] or "", check=check)
    _require_attributes(key, [ai for ai, _ in qualifiers], attributes)
    return DigitalLink(key, value, qualifiers, tuple(attributes), stem, tuple(other))


def build(elements: Sequence[tuple[str, str]], stem: str = CANONICAL_STEM) -> DigitalLink:
    """Return the Digital Link of the given (AI, value) pairs, in any order.

    The first primary key becomes the key, its qualifiers are put in their order, the rest become attributes. A pair
    given twice counts once.

    Raises
    ------
    DigitalLinkError
        No primary key, qualifiers that exclude each other, or something that cannot be an attribute.
    IdentifierError
        A value is not of the form of its application identifier.

    """
    key = next((ai for ai, _ in elements if ai in _SEQUENCES), None)
    if key is None:
        raise DigitalLinkError("no_key", "none of the elements is a primary key such as (01) or (00)")
    values: dict[str, str] = {}
    for ai, text in elements:
        value = _value(ai, text, check=True)
        if values.setdefault(ai, value) != value:
            raise DigitalLinkError("repeated", f"({ai}) is given twice with different values")
    usable = {ai for sequence in _SEQUENCES[key] for ai in sequence}
    chosen = [ai for ai in values if ai in usable]
    sequence = next((sequence for sequence in _SEQUENCES[key] if set(chosen) <= set(sequence)), None)
    if sequence is None:
        raise DigitalLinkError("qualifier", f"the qualifiers {' and '.join(chosen)} of ({key}) exclude each other")
    qualifiers = tuple((ai, values[ai]) for ai in sequence if ai in values)
    attributes = [(ai, value) for ai, value in values.items() if ai != key and ai not in sequence]
    # As in an element string, values of fixed length go first.
    attributes.sort(key=lambda pair: not application_identifiers.has_fixed_length(pair[0]))
    _require_attributes(key, [ai for ai, _ in qualifiers], attributes)
    return DigitalLink(key, values[key], qualifiers, tuple(attributes), stem)


def canonical_id(identifier: str) -> str:
    """Return the one spelling of an identifier that the ledger uses as its key.

    EPC URNs (instances, classes and patterns) and Digital Links on any host become
    ``https://id.gs1.org/<key>/<value>[/<finest qualifier>/<value>]``; every other text comes back unchanged.

    >>> canonical_id("urn:epc:id:sgtin:4012345.011111.987")
    'https://id.gs1.org/01/04012345111118/21/987'
    """
    if _CANONICAL.fullmatch(identifier):
        return identifier
    if identifier.startswith("urn:epc:"):
        elements = epc_urn.elements(identifier)
        if elements is None:
            return identifier
        (key, value), *qualifiers = elements
        return DigitalLink(key, value, tuple(qualifiers)).canonical()
    if not identifier.startswith(("http", "HTTP")):
        return identifier
    try:
        return parse(identifier, check=False).canonical()
    except (DigitalLinkError, IdentifierError):
        return identifier


def _key_position(segments: Sequence[str], uri: str) -> int:
    """Return where the rightmost primary key stands, going back by pairs from the end."""
    for position in range(len(segments) - 2, -1, -2):
        if _NAMES.get(segments[position], segments[position]) in _SEQUENCES:
            return position
    raise DigitalLinkError("no_key", f"{uri!r} has no GS1 primary key such as /01/ in its path")


def _value(ai: str, text: str, *, check: bool) -> str:
    if not application_identifiers.is_application_identifier(ai):
        raise DigitalLinkError("unknown_ai", f"there is no GS1 application identifier {ai}")
    if ai in _GTIN_KEYS and len(text) in (8, 12, 13):
        text = text.rjust(14, "0")
    application_identifiers.require_value(ai, text, check=check)
    return text


def _require_order(key: str, qualifiers: Sequence[str]) -> None:
    for sequence in _SEQUENCES[key]:
        if list(qualifiers) == [ai for ai in sequence if ai in qualifiers]:
            return
    allowed = " or ".join("/".join(sequence) for sequence in _SEQUENCES[key] if sequence) or "nothing"
    message = f"after ({key}) the path may have {allowed}, in this order; it has {'/'.join(qualifiers)}"
    raise DigitalLinkError("qualifier", message)


def _read_query(query: str, *, check: bool) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    attributes: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    for parameter in query.split("&"):
        name, _, text = parameter.partition("=")
        if name.isascii() and name.isdigit():
            # A plus sign in a query means a space, which no set of GS1 characters has.
            attributes.append((name, _value(name, unquote(text.replace("+", " ")), check=check)))
        elif parameter:
            other.append((unquote(name), unquote(text)))
    return attributes, other


def _require_attributes(key: str, qualifiers: Sequence[str], attributes: Sequence[tuple[str, str]]) -> None:
    seen = {key, *qualifiers}
    for ai, _ in attributes:
        if ai in seen:
            raise DigitalLinkError("repeated", f"({ai}) stands twice")
        if ai in _NO_ATTRIBUTES:
            raise DigitalLinkError("attribute", f"({ai}) cannot be an attribute of a Digital Link")
        if any(ai in sequence and set(qualifiers) <= set(sequence) for sequence in _SEQUENCES[key]):
            raise DigitalLinkError("attribute", f"({ai}) belongs in the path after ({key}), not in the query")
        seen.add(ai)
