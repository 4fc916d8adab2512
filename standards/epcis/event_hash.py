"""The event hash of CBV 2.0: ``ni:///sha-256;<hex>?ver=CBV2.0``, one name for an event in XML and in JSON.

An alias for finding an event, never its integrity: it leaves out the eventID and the error declaration, so that a
declaration has the hash of the event that it negates. The fields are written as ``name=value`` in a fixed order with
nothing between them, lists sorted, and hashed with SHA-256.

Numbers are exact decimals, and only where EPCIS or JSON says that there is one: a serial ``007`` in an extension stays
``007``. Identifiers are canonical Digital Links, times UTC with three decimals rounded half up.

Rules: CBV 2.0 (ISO/IEC 19988) section 8.9.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from standards.digital_link import canonical_id
from standards.epcis import vocabulary
from standards.epcis.json_text import JsonObject, JsonValue


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ALGORITHM: Final = "CBV2.0"

_QUANTITIES: Final = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
# The list -> the name that each of its entries has before its value, empty where an entry is an object without one.
_ENTRIES: Final = {
    "epcList": "epc",
    "childEPCs": "epc",
    "inputEPCList": "epc",
    "outputEPCList": "epc",
    **dict.fromkeys(_QUANTITIES, "quantityElement"),
    "bizTransactionList": "",
    "sourceList": "",
    "destinationList": "",
    "sensorElementList": "sensorElement",
}
_ORDER: Final = _names(
    "eventTime eventTimeZoneOffset certificationInfo epcList parentID inputEPCList childEPCs quantityList "
    "childQuantityList inputQuantityList outputEPCList outputQuantityList action transformationID bizStep disposition "
    "persistentDisposition readPoint bizLocation sensorElementList bizTransactionList destinationList sourceList ilmd"
)
_MEMBERS: Final = _names(
    "id type epcClass quantity bizTransaction source destination set unset sensorMetadata time startTime endTime "
    "deviceID deviceMetadata rawData dataProcessingMethod bizRules exception microorganism chemicalSubstance value "
    "component stringValue booleanValue hexBinaryValue uriValue minValue maxValue meanValue sDev percRank percValue "
    "uom coordinateReferenceSystem"
)
# A report has its time after its device, metadata have it before.
_REPORT: Final = _names(
    "type exception deviceID deviceMetadata rawData dataProcessingMethod bizRules time microorganism "
    "chemicalSubstance value component stringValue booleanValue hexBinaryValue uriValue minValue maxValue meanValue "
    "sDev percRank percValue uom coordinateReferenceSystem"
)
_EXCLUDED: Final = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context", "rdfs:comment"})
_TIMES: Final = frozenset({"eventTime", "time", "startTime", "endTime"})
_CBV: Final = "https://ref.gs1.org/cbv/"
_PREFIXES: Final = {"gs1": "https://gs1.org/voc/", "cbv": _CBV, "cbvmda": "urn:epcglobal:cbv:mda:"}
# Field -> its vocabulary and what stands before a term of it.
_TERMS: Final = {
    "bizStep": (vocabulary.BIZ_STEP, f"{_CBV}BizStep-"),
    "disposition": (vocabulary.DISPOSITION, f"{_CBV}Disp-"),
    "set": (vocabulary.DISPOSITION, f"{_CBV}Disp-"),
    "unset": (vocabulary.DISPOSITION, f"{_CBV}Disp-"),
    "component": (vocabulary.COMPONENT, f"{_CBV}Comp-"),
    "exception": (vocabulary.SENSOR_ALERT, "https://gs1.org/voc/"),
    "bizTransactionList": (vocabulary.BIZ_TRANSACTION_TYPE, f"{_CBV}BTT-"),
    "sourceList": (vocabulary.SOURCE_DESTINATION_TYPE, f"{_CBV}SDT-"),
    "destinationList": (vocabulary.SOURCE_DESTINATION_TYPE, f"{_CBV}SDT-"),
    "sensorReport": (vocabulary.MEASUREMENT, "https://gs1.org/voc/"),
}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?([zZ]|[+-]\d\d:\d\d)")


class _Prefixes(NamedTuple):
    """The namespaces of a document by prefix, and whether compact URIs in values are expanded by them."""

    namespaces: Mapping[str, str]
    is_expanded: bool


def event_hash(
    event: JsonObject, context: JsonValue = None, *, ignored: Collection[str] = (), is_expanded: bool = True
) -> str:
    """Return the hash of a valid event; ``context`` is the @context of its document.

    ``ignored`` are extensions of the event that the parties agreed to leave out. ``is_expanded`` is false only to meet
    implementations that leave compact URIs in values as they are when they read XML.
    """
    text = pre_hash(event, context, ignored=ignored, is_expanded=is_expanded)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver={ALGORITHM}"


def pre_hash(
    event: JsonObject, context: JsonValue = None, *, ignored: Collection[str] = (), is_expanded: bool = True
) -> str:
    """Return the text that ``event_hash`` hashes."""
    prefixes = _Prefixes({**_PREFIXES, **_declared(context), **_declared(event.get("@context"))}, is_expanded)
    members = _members(event, _ORDER, "", prefixes, _EXCLUDED.union(ignored))
    return f"eventType={vocabulary.event_type(str(event['type']))}{members}"


def _declared(context: JsonValue) -> dict[str, str]:
    """Return the prefixes of an @context."""
    entries = context if isinstance(context, list) else [context]
    found: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, dict):
            found |= {name: value for name, value in entry.items() if isinstance(value, str)}
    return found


def _members(
    value: JsonObject,
    order: tuple[str, ...],
    kind: str,
    prefixes: _Prefixes,
    excluded: frozenset[str] = frozenset({"@context"}),
) -> str:
    """Return the members that EPCIS knows in their order, then the extensions sorted."""
    known = [_field(name, value[name], kind, prefixes) for name in order if name in value and name not in excluded]
    names = value.keys() - set(order) - excluded - {"sensorReport"}
    extensions = sorted(_extension(name, value[name], prefixes) for name in names)
    reports = value.get("sensorReport")
    if isinstance(reports, list):
        known += sorted(f"sensorReport{_object(report, 'sensorReport', prefixes)}" for report in reports)
    return "".join(known) + "".join(extensions)


def _object(value: JsonValue, kind: str, prefixes: _Prefixes) -> str:
    order = _REPORT if kind == "sensorReport" else _MEMBERS
    return _members(value, order, kind, prefixes) if isinstance(value, dict) else ""


def _field(name: str, value: JsonValue, kind: str, prefixes: _Prefixes) -> str:
    """Return one field of EPCIS; one that says nothing is left out."""
    if isinstance(value, list):
        if name in _ENTRIES:
            entry = _ENTRIES[name]
            rows = [f"{entry}{_object(row, name, prefixes)}" for row in value if isinstance(row, dict)]
            rows += [f"{entry}={_text(row, entry, kind, prefixes)}" for row in value if not isinstance(row, dict)]
        else:
            rows = [f"{name}={_text(row, name, kind, prefixes)}" for row in value]
            return "".join(sorted(rows))
        return name + "".join(sorted(rows)) if rows else ""
    if isinstance(value, dict):
        inner = _object(value, name, prefixes)
        return name + inner if inner else ""
    text = _text(value, name, kind, prefixes)
    return f"{name}={text}" if text else ""


def _extension(name: str, value: JsonValue, prefixes: _Prefixes) -> str:
    """Return an extension as ``{namespace}name``, with what it holds sorted."""
    title = _title(name, prefixes)
    if isinstance(value, list):
        return "".join(sorted(_extension(name, row, prefixes) for row in value))
    if isinstance(value, dict):
        # XML's attributes count like elements (standards.epcis.xml_read); the text beside them goes first.
        own = _text(value["#text"], "", "", prefixes) if "#text" in value else ""
        parts = (
            _extension(member.removeprefix("@"), item, prefixes) for member, item in value.items() if member != "#text"
        )
        inner = (f"={own}" if own else "") + "".join(sorted(parts))
        return title + inner if inner else ""
    text = _text(value, name.rpartition(":")[2], "", prefixes)
    return f"{title}={text}" if text else ""


def _title(name: str, prefixes: _Prefixes) -> str:
    prefix, separator, local = name.partition(":")
    if separator and prefix in prefixes.namespaces:
        return f"{{{prefixes.namespaces[prefix]}}}{local}"
    return name


def _text(value: JsonValue, name: str, kind: str, prefixes: _Prefixes) -> str:
    """Return a single value in its one spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return _number(Decimal(value))
    text = str(value or "").strip()
    if name in _TERMS or (name == "type" and kind in _TERMS):
        known, stem = _TERMS[name if name in _TERMS else kind]
        term = vocabulary.bareword(known, text)
        if term in known.terms:
            return stem + term
    if name in _TIMES and _TIME.fullmatch(text):
        return _time(text)
    prefix, separator, local = text.partition(":")
    expands = prefixes.is_expanded or prefix in _PREFIXES
    if separator and expands and prefix in prefixes.namespaces and not local.startswith("//"):
        text = prefixes.namespaces[prefix] + local
    # The published vectors leave an apostrophe as it is; our canonical Digital Link has it as %27.
    return canonical_id(text).replace("%27", "'") if text.startswith(("urn:epc:", "http")) else text


def _number(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _time(text: str) -> str:
    """Return a time in UTC with three decimals, the fourth rounded half up."""
    matched = _TIME.fullmatch(text)
    assert matched is not None, "the caller has matched it"
    zone = "+00:00" if matched[3] in "zZ" else matched[3]
    milliseconds = (Decimal(matched[2] or "0") * 1000).quantize(Decimal(1), ROUND_HALF_UP)
    moment = datetime.fromisoformat(matched[1] + zone).astimezone(UTC) + timedelta(milliseconds=int(milliseconds))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
