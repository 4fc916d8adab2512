"""Query parameters that look into the whole of an event: quantities, sensors, errors, extensions, ILMD.

What the ledger reasons about is in the arguments of an operation (node/event_query.py); what is here needs the event as
it was written. Names: EPCIS 2.0 (ISO/IEC 19987) section 8.2.7. Values with a unit are compared in that unit alone.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Final, TypeAlias

from node.records import Record
from standards.digital_link import canonical_id
from standards.epcis import fields, vocabulary
from standards.epcis.json_text import JsonObject, JsonValue
from standards.epcis.operations import shown_event

_COMPARE: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}
_COMPARING: Final = ("EQ", *_COMPARE)
_QUANTITIES: Final = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_MEASURED: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue")
_SENSOR_PARTS: Final = {"SENSORMETADATA": "sensorMetadata", "SENSORREPORT": "sensorReport"}
_IN_BOTH: Final = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_IN_REPORTS: Final = ("type", "microorganism", "chemicalSubstance", "stringValue", "hexBinaryValue", "uriValue")
_SCOPES: Final = ("ILMD", "ERROR_DECLARATION", "readPoint", "bizLocation", "SENSORELEMENT", *_SENSOR_PARTS)
_TYPED_LISTS: Final = {
    "bizTransaction": ("bizTransactionList", "bizTransaction", vocabulary.BIZ_TRANSACTION_TYPE),
    "source": ("sourceList", "source", vocabulary.SOURCE_DESTINATION_TYPE),
    "destination": ("destinationList", "destination", vocabulary.SOURCE_DESTINATION_TYPE),
}
_TIMES: Final[Mapping[str, Callable[[JsonObject], Iterator[JsonValue]]]] = {
    "errorDeclaration_Time": lambda event: _members([_object(event, "errorDeclaration")], "declarationTime"),
    "startTime": lambda event: _members(_sensor_part(event, "SENSORMETADATA"), "startTime"),
    "endTime": lambda event: _members(_sensor_part(event, "SENSORMETADATA"), "endTime"),
    "SENSORMETADATA_time": lambda event: _members(_sensor_part(event, "SENSORMETADATA"), "time"),
    "SENSORREPORT_time": lambda event: _members(_sensor_part(event, "SENSORREPORT"), "time"),
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_AMOUNT_NAME: Final = re.compile(r"(EQ|GT|GE|LT|LE)_quantity(?:_([A-Z0-9]{2,3}))?")
_MEASURED_NAME: Final = re.compile(rf"(EQ|GT|GE|LT|LE)_({'|'.join(_MEASURED)}|percRank)(?:_([A-Z0-9]{{2,3}}))?")
_TYPED_NAME: Final = re.compile(r"EQ_(bizTransaction|source|destination)_(.+)")
_EXTENSION_NAME: Final = re.compile(
    rf"(EQ|GT|GE|LT|LE|EXISTS|HASATTR|EQATTR)_(INNER_)?(?:({'|'.join(_SCOPES)})_)?([^\s:]+:[^\s]+)"
)

FIXED: Final = frozenset(
    {
        "EQ_persistentDisposition_set",
        "EQ_persistentDisposition_unset",
        "EQ_errorReason",
        "EQ_correctiveEventID",
        "EQ_booleanValue",
        *(f"EQ_{name}" for name in (*_IN_BOTH, *_IN_REPORTS)),
        *(f"EQ_{part}_{name}" for part in _SENSOR_PARTS for name in _IN_BOTH),
        *(f"{side}_{name}" for side in ("GE", "LT") for name in _TIMES),
        *(f"{comparing}_{name}" for comparing in _COMPARING for name in ("quantity", "percRank")),
    }
)
PATTERNS: Final = (
    "EQ_bizTransaction_{type}",
    "EQ_source_{type}",
    "EQ_destination_{type}",
    "{comparison}_quantity_{unit}",
    *(f"{{comparison}}_{name}_{{unit}}" for name in _MEASURED),
    "{comparison}_{field}",
    "EXISTS_{field}",
    "HASATTR_{field}",
    "EQATTR_{field}_{attribute}",
)
"""Families of parameters: a comparison is EQ, GT, GE, LT or LE; a field an extension, with a scope before it."""


class ParameterError(ValueError):
    """A query parameter is unknown or its value cannot be used; the text names it."""


class Seen:
    """A record that a query looks at, and its event in full, which is made when it is first asked for."""

    def __init__(self, record: Record, namespaces: Mapping[str, str]) -> None:
        self.record = record
        self._namespaces = namespaces

    @cached_property
    def _shown(self) -> tuple[JsonObject, JsonValue]:
        return shown_event(self.record.arguments)

    @property
    def event(self) -> JsonObject:
        """The event as it was written."""
        return self._shown[0]

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """The namespaces of the event's extensions by prefix: its own, and those of its document."""
        return {**_declared(self._shown[1]), **_declared(self.event.get("@context"))}


Test: TypeAlias = Callable[[Seen], bool]


def read_filter(name: str, text: str, namespaces: Mapping[str, str]) -> Test | None:
    """Return the test of a parameter, None where it has none of these names; raises ParameterError.

    ``namespaces`` are those that the caller has given by prefix, for the names of extensions.
    """
    fixed = _fixed(name, text)
    if fixed is not None:
        return fixed
    for pattern, read in (
        (_AMOUNT_NAME, _amount_test),
        (_MEASURED_NAME, _measured_test),
        (_TYPED_NAME, _typed_test),
    ):
        match = pattern.fullmatch(name)
        if match is not None:
            return read(name, match, text)
    match = _EXTENSION_NAME.fullmatch(name)
    return None if match is None else _extension_test(name, match, text, namespaces)


def extension_values(seen: Seen, name: str, namespaces: Mapping[str, str]) -> list[JsonValue]:
    """Return the values of an extension of an event itself."""
    return list(_named([seen.event], _expanded(name, namespaces), seen.prefixes, is_inner=False))


def read_values(text: str) -> tuple[str, ...]:
    """Return the values of a parameter, of which any may hold."""
    return tuple(value for value in text.split(",") if value)


def _fixed(name: str, text: str) -> Test | None:
    if name not in FIXED or name.endswith(("_quantity", "_percRank")):
        return None
    side, _, field = name.partition("_")
    if field in _TIMES:
        return _time_test(name, side, _TIMES[field], text)
    values = read_values(text)
    if field.startswith("persistentDisposition_"):
        terms = frozenset(vocabulary.bareword(vocabulary.DISPOSITION, value) for value in values)
        argument = field.replace("persistentDisposition", "persistent")
        return lambda seen: not terms.isdisjoint(_texts(seen.record.arguments.get(argument)))
    if field == "errorReason":
        reasons = frozenset(vocabulary.bareword(vocabulary.ERROR_REASON, value) for value in values)
        return lambda seen: (
            seen.record.event is not None
            and (seen.record.event.declaration is not None and seen.record.event.declaration.reason in reasons)
        )
    if field == "correctiveEventID":
        return lambda seen: (
            not frozenset(values).isdisjoint(_texts(_object(seen.event, "errorDeclaration").get("correctiveEventIDs")))
        )
    if field == "booleanValue":
        wanted = _truth(name, text)
        return lambda seen: any(found is wanted for found in _members(_sensor_part(seen.event, "SENSORREPORT"), field))
    return _sensor_test(field, values)


def _sensor_test(field: str, values: tuple[str, ...]) -> Test:
    part, _, name = field.partition("_")
    parts = (part,) if part in _SENSOR_PARTS else ("SENSORREPORT",) if field in _IN_REPORTS else tuple(_SENSOR_PARTS)
    member = name if part in _SENSOR_PARTS else field
    spelling: Callable[[str], str] = str
    if member == "deviceID":
        spelling = canonical_id
    elif member == "type":
        spelling = _measurement
    wanted = frozenset(map(spelling, values))

    def test(seen: Seen) -> bool:
        found = (value for one in parts for value in _members(_sensor_part(seen.event, one), member))
        return any(isinstance(value, str) and spelling(value) in wanted for value in found)

    return test


def _measurement(text: str) -> str:
    return vocabulary.bareword(vocabulary.MEASUREMENT, text)


def _amount_test(name: str, match: re.Match[str], text: str) -> Test:
    comparing, unit = match[1], match[2]
    holds = _number_test(name, comparing, text)

    def test(seen: Seen) -> bool:
        entries = (entry for field in _QUANTITIES for entry in _objects(seen.event.get(field)))
        return any(entry.get("uom") == unit and holds(entry.get("quantity")) for entry in entries)

    return test


def _measured_test(name: str, match: re.Match[str], text: str) -> Test:
    comparing, field, unit = match[1], match[2], match[3]
    if (unit is None) is not (field == "percRank"):
        raise ParameterError(f"{name}: {'a rank has no unit' if unit else 'name the unit, such as ' + name + '_CEL'}")
    holds = _number_test(name, comparing, text)

    def test(seen: Seen) -> bool:
        reports = _sensor_part(seen.event, "SENSORREPORT")
        return any((unit is None or report.get("uom") == unit) and holds(report.get(field)) for report in reports)

    return test


def _typed_test(name: str, match: re.Match[str], text: str) -> Test:
    del name
    listed, member, terms = _TYPED_LISTS[match[1]]
    kind = vocabulary.bareword(terms, match[2])
    wanted = frozenset(map(canonical_id, read_values(text)))

    def test(seen: Seen) -> bool:
        for entry in _objects(seen.event.get(listed)):
            own, value = entry.get("type"), entry.get(member)
            is_kind = isinstance(own, str) and vocabulary.bareword(terms, own) == kind
            if is_kind and isinstance(value, str) and canonical_id(value) in wanted:
                return True
        return False

    return test


def _extension_test(name: str, match: re.Match[str], text: str, namespaces: Mapping[str, str]) -> Test:
    comparing, is_inner, scope = match[1], match[2] is not None, match[3] or ""
    field, attribute = match[4], ""
    if comparing == "EQATTR":
        field, _, attribute = field.rpartition("_")
        if ":" not in field:
            raise ParameterError(f"{name}: it is EQATTR_, a field and, after _, the name of an attribute")
    wanted = _expanded(field, namespaces)

    def found(seen: Seen) -> Iterator[JsonValue]:
        return _named(_scoped(seen.event, scope), wanted, seen.prefixes, is_inner=is_inner)

    if comparing == "EXISTS":
        is_there = _truth(name, text)
        return lambda seen: any(True for _ in found(seen)) is is_there
    if comparing == "HASATTR":
        names = frozenset(f"@{value}" for value in read_values(text))
        return lambda seen: any(isinstance(value, dict) and not names.isdisjoint(value) for value in found(seen))
    if comparing == "EQATTR":
        values = frozenset(read_values(text))
        return lambda seen: any(
            isinstance(value, dict) and value.get(f"@{attribute}") in values for value in found(seen)
        )
    holds = _value_test(name, comparing, text)

    return lambda seen: any(holds(leaf) for value in found(seen) for leaf in _leaves(value))


def _scoped(event: JsonObject, scope: str) -> list[JsonObject]:
    """Return the objects whose extensions a scope means; none for the event itself."""
    if scope == "":
        return [event]
    if scope == "SENSORELEMENT":
        return _objects(event.get("sensorElementList"))
    if scope in _SENSOR_PARTS:
        return _sensor_part(event, scope)
    return [_object(event, {"ILMD": "ilmd", "ERROR_DECLARATION": "errorDeclaration"}.get(scope, scope))]


def _named(
    objects: list[JsonObject], wanted: str, prefixes: Mapping[str, str], *, is_inner: bool
) -> Iterator[JsonValue]:
    """Yield the values under an extension's name: of the objects themselves, or anywhere within their extensions."""
    for one in objects:
        for name, value in one.items():
            if ":" not in name:
                continue
            if is_inner:
                yield from _within(value, wanted, prefixes)
            elif wanted in (name, _expanded(name, prefixes)):
                yield from value if isinstance(value, list) else (value,)


def _within(value: JsonValue, wanted: str, prefixes: Mapping[str, str]) -> Iterator[JsonValue]:
    if isinstance(value, list):
        for entry in value:
            yield from _within(entry, wanted, prefixes)
    elif isinstance(value, dict):
        for name, member in value.items():
            if wanted in (name, _expanded(name, prefixes)):
                yield from member if isinstance(member, list) else (member,)
            yield from _within(member, wanted, prefixes)


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict):
        if "#text" in value:
            yield value["#text"]
    elif isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
    else:
        yield value


def _expanded(name: str, namespaces: Mapping[str, str]) -> str:
    """Return the full name of an extension; one whose prefix nobody has declared stands for itself."""
    prefix, separator, local = name.partition(":")
    return namespaces[prefix] + local if separator and prefix in namespaces else name


def _declared(context: JsonValue) -> dict[str, str]:
    entries = context if isinstance(context, list) else [context]
    return {
        prefix: namespace
        for entry in entries
        if isinstance(entry, dict)
        for prefix, namespace in entry.items()
        if isinstance(namespace, str)
    }


def _value_test(name: str, comparing: str, text: str) -> Callable[[JsonValue], bool]:
    """Return what compares a value of an extension: as a number where both are, as a time, else as a text."""
    if comparing == "EQ":
        values = frozenset(read_values(text))
        numbers = frozenset(Decimal(value) for value in values if _NUMBER.fullmatch(value))
        return lambda found: (
            found in values
            if isinstance(found, str)
            else ("true" if found else "false") in values
            if isinstance(found, bool)
            else _number(found) in numbers
        )
    moment_ms = fields.time_ms(text)
    if moment_ms is None:
        return _number_test(name, comparing, text)
    bound = Decimal(moment_ms)
    return lambda found: (
        isinstance(found, str)
        and (found_ms := fields.time_ms(found)) is not None
        and _COMPARE[comparing](Decimal(found_ms), bound)
    )


def _number_test(name: str, comparing: str, text: str) -> Callable[[JsonValue], bool]:
    values = read_values(text) if comparing == "EQ" else (text,)
    for value in values:
        if _NUMBER.fullmatch(value) is None:
            raise ParameterError(f"{name}: {value[:40]!r} is no decimal number such as 4.5")
    numbers = tuple(map(Decimal, values))

    def holds(found: JsonValue) -> bool:
        number = _number(found)
        if number is None:
            return False
        return number in numbers if comparing == "EQ" else _COMPARE[comparing](number, numbers[0])

    return holds


def _number(found: JsonValue) -> Decimal | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, int | Decimal):
        return Decimal(found)
    return Decimal(found) if isinstance(found, str) and _NUMBER.fullmatch(found) else None


def _time_test(name: str, side: str, values: Callable[[JsonObject], Iterator[JsonValue]], text: str) -> Test:
    bound = read_time(name, text)
    is_from = side == "GE"

    def test(seen: Seen) -> bool:
        times = (fields.time_ms(value) for value in values(seen.event) if isinstance(value, str))
        return any(time is not None and (time >= bound) is is_from for time in times)

    return test


def read_time(name: str, text: str) -> int:
    """Return a time of a parameter in milliseconds UTC; raises ParameterError."""
    moment_ms = fields.time_ms(text)
    if moment_ms is None:
        raise ParameterError(f"{name}: it is a time such as 2026-11-04T09:20:00Z")
    return moment_ms


def _truth(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ParameterError(f"{name}: it is true or false")
    return text == "true"


def _sensor_part(event: JsonObject, part: str) -> list[JsonObject]:
    """Return the metadata of all sensor elements of an event, or all their reports."""
    elements = _objects(event.get("sensorElementList"))
    if part == "SENSORMETADATA":
        return [_object(element, "sensorMetadata") for element in elements]
    return [report for element in elements for report in _objects(element.get("sensorReport"))]


def _members(objects: list[JsonObject], name: str) -> Iterator[JsonValue]:
    return (one[name] for one in objects if name in one)


def _object(value: JsonObject, name: str) -> JsonObject:
    member = value.get(name)
    return member if isinstance(member, dict) else {}


def _objects(value: JsonValue) -> list[JsonObject]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
