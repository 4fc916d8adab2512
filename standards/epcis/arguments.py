"""The arguments of ``provenance.capture``: what the ledger reads of an event, in one spelling.

``arguments_of`` makes them from a valid event, ``event_of`` makes the plain event that they describe. What the two
lose together is the residue (``standards.epcis.operations``). Identifiers are canonical (``standards.digital_link``)
and stand once in a list, standard terms are barewords, times are integer milliseconds UTC, numbers decimal strings
without an exponent. Names that an event lacks are left out.

    type                    name of one of the five types, or the URI of a user's own
    event_time_ms           milliseconds since 1970 UTC; finer digits are in the residue
    offset_minutes          of the event's local clock
    event_id, action        as written
    epcs, children, inputs, outputs                                   [identifier, ...]
    quantities, child_quantities, input_quantities, output_quantities [[class, amount or nil, unit or nil], ...]
    parent, transformation_id, read_point, biz_location               identifier
    biz_step, disposition                                             term
    persistent_set, persistent_unset                                  [term, ...]
    business_transactions                                             [[type or nil, identifier], ...]
    sources, destinations                                             [[type, identifier], ...]
    sensors                 [{device?, time_ms?, start_ms?, end_ms?, reports: [report, ...]}, ...]
    report                  {type, value?, min?, max?, mean?, uom?, component?, exception?, boolean?, device?, time_ms?}
    declaration             {declared_ms, reason?, corrective_ids?, residue?}
    residue                 bytes, see ``operations``
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, cast

from standards.digital_link import canonical_id
from standards.epcis import fields, model, vocabulary
from standards.epcis.json_text import JsonObject, JsonValue
from standards.errors import EpcisError, OperationError

Argument: TypeAlias = bool | int | str | bytes | list["Argument"] | dict[str, "Argument"] | None
Arguments: TypeAlias = dict[str, Argument]

# Argument, attribute of the event, name in JSON: for single identifiers, lists of identifiers, lists of quantities.
_SINGLE: Final = (
    ("parent", "parent_id", "parentID"),
    ("transformation_id", "transformation_id", "transformationID"),
)
_IDENTIFIERS: Final = (
    ("epcs", "epc_list", "epcList"),
    ("children", "child_epcs", "childEPCs"),
    ("inputs", "input_epc_list", "inputEPCList"),
    ("outputs", "output_epc_list", "outputEPCList"),
)
_QUANTITIES: Final = (
    ("quantities", "quantity_list", "quantityList"),
    ("child_quantities", "child_quantity_list", "childQuantityList"),
    ("input_quantities", "input_quantity_list", "inputQuantityList"),
    ("output_quantities", "output_quantity_list", "outputQuantityList"),
)
# The same for the numbers of a sensor report.
_NUMBERS: Final = (
    ("value", "value", "value"),
    ("min", "min_value", "minValue"),
    ("max", "max_value", "maxValue"),
    ("mean", "mean_value", "meanValue"),
)
# What the ledger takes of one event (contracts/provenance). Identifiers are counted over all lists together.
IDENTIFIERS_MAX: Final = 5_000
_ENTRIES_MAX: Final = {
    "persistent_set": ("persistentDisposition", 20),
    "persistent_unset": ("persistentDisposition", 20),
    "business_transactions": ("bizTransactionList", 1_000),
    "sources": ("sourceList", 1_000),
    "destinations": ("destinationList", 1_000),
    "sensors": ("sensorElementList", 1_000),
}
CORRECTIVE_IDS_MAX: Final = 100
REPORTS_MAX: Final = 1_000
_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}")
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def arguments_of(event: model.Event) -> tuple[Arguments, JsonObject]:
    """Return the arguments of a valid event, without residue, and the plain event that they describe."""
    arguments: Arguments = {
        "type": vocabulary.event_type(event.type),
        "event_time_ms": _time(event.event_time),
        "offset_minutes": _offset(event.event_time_zone_offset),
    }
    if event.event_id is not None:
        arguments["event_id"] = event.event_id
    if event.error_declaration is not None:
        arguments["declaration"] = _declaration(event.error_declaration)
    if not isinstance(event, model.UserEvent):
        _add_standard(arguments, event)
    return arguments, event_of(arguments)


def event_of(arguments: Mapping[str, object]) -> JsonObject:
    """Return the event that arguments describe, the residue left aside. Its fields are not checked further.

    Raises
    ------
    OperationError
        ``not_an_event``: an argument has a wrong shape.

    """
    try:
        return _event(arguments)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        message = f"the arguments do not have the shape of provenance.capture: {type(error).__name__} {error}"
        raise OperationError("not_an_event", message) from error


def require_limits(arguments: Arguments, path: str) -> None:
    """Refuse an event of which the ledger would not take so much.

    Raises
    ------
    EpcisError
        ``too_many_entries``, with the path of the list below ``path``, the event's.

    """

    def require(length: int, most: int, field: str) -> None:
        if length > most:
            message = f"{length} entries, at most {most} are accepted; split the event"
            raise EpcisError(path + field, "too_many_entries", message)

    def length(name: str) -> int:
        return len(cast("list[Argument]", arguments.get(name, [])))

    require(sum(length(name) for name, _, _ in (*_IDENTIFIERS, *_QUANTITIES)), IDENTIFIERS_MAX, "")
    for name, (field, most) in _ENTRIES_MAX.items():
        require(length(name), most, f".{field}")
    for index, sensor in enumerate(cast("list[dict[str, list[Argument]]]", arguments.get("sensors", []))):
        require(len(sensor["reports"]), REPORTS_MAX, f".sensorElementList[{index}].sensorReport")
    declaration = cast("dict[str, list[Argument]]", arguments.get("declaration", {}))
    corrective = declaration.get("corrective_ids", [])
    require(len(corrective), CORRECTIVE_IDS_MAX, ".errorDeclaration.correctiveEventIDs")


def _add_standard(arguments: Arguments, event: model.Event) -> None:
    """Add what the five standard types may have; a field that a type lacks counts as absent."""
    action = getattr(event, "action", None)
    if action is not None:
        arguments["action"] = action
    for name, attribute, _ in _SINGLE:
        text = getattr(event, attribute, None)
        if text is not None:
            arguments[name] = canonical_id(text)
    for name, attribute, _ in _IDENTIFIERS:
        identifiers = getattr(event, attribute, None)
        if identifiers is not None:
            arguments[name] = list(dict.fromkeys(map(canonical_id, identifiers)))
    for name, attribute, _ in _QUANTITIES:
        quantities = getattr(event, attribute, None)
        if quantities is not None:
            arguments[name] = [_quantity(element) for element in quantities]
    _add_circumstances(arguments, cast("model.ObjectEvent", event))
    persistent = getattr(event, "persistent_disposition", None)
    if persistent is not None:
        for name, terms in (("persistent_set", persistent.set), ("persistent_unset", persistent.unset)):
            if terms is not None:
                arguments[name] = [vocabulary.bareword(vocabulary.DISPOSITION, term) for term in terms]


def _add_circumstances(arguments: Arguments, event: model.ObjectEvent) -> None:
    """Add why, where, with whom and under what conditions: the fields that all five types share."""
    if event.biz_step is not None:
        arguments["biz_step"] = vocabulary.bareword(vocabulary.BIZ_STEP, event.biz_step)
    if event.disposition is not None:
        arguments["disposition"] = vocabulary.bareword(vocabulary.DISPOSITION, event.disposition)
    if event.read_point is not None:
        arguments["read_point"] = canonical_id(event.read_point.id)
    if event.biz_location is not None:
        arguments["biz_location"] = canonical_id(event.biz_location.id)
    if event.biz_transaction_list is not None:
        arguments["business_transactions"] = [
            [
                None if entry.type is None else vocabulary.bareword(vocabulary.BIZ_TRANSACTION_TYPE, entry.type),
                canonical_id(entry.biz_transaction),
            ]
            for entry in event.biz_transaction_list
        ]
    kind = vocabulary.SOURCE_DESTINATION_TYPE
    if event.source_list is not None:
        arguments["sources"] = [
            [vocabulary.bareword(kind, entry.type), canonical_id(entry.source)] for entry in event.source_list
        ]
    if event.destination_list is not None:
        arguments["destinations"] = [
            [vocabulary.bareword(kind, entry.type), canonical_id(entry.destination)] for entry in event.destination_list
        ]
    if event.sensor_element_list is not None:
        arguments["sensors"] = [_sensor(element) for element in event.sensor_element_list]


def _declaration(declaration: model.ErrorDeclaration) -> Arguments:
    arguments: Arguments = {"declared_ms": _time(declaration.declaration_time)}
    if declaration.reason is not None:
        arguments["reason"] = vocabulary.bareword(vocabulary.ERROR_REASON, declaration.reason)
    if declaration.corrective_event_ids is not None:
        arguments["corrective_ids"] = list[Argument](declaration.corrective_event_ids)
    return arguments


def _quantity(element: model.QuantityElement) -> list[Argument]:
    amount = None if element.quantity is None else decimal_text(element.quantity)
    return [canonical_id(element.epc_class), amount, element.uom]


def _sensor(element: model.SensorElement) -> Arguments:
    arguments: Arguments = {}
    metadata = element.sensor_metadata
    if metadata is not None:
        if metadata.device_id is not None:
            arguments["device"] = canonical_id(metadata.device_id)
        times = {"time_ms": metadata.time, "start_ms": metadata.start_time, "end_ms": metadata.end_time}
        for name, text in times.items():
            if text is not None:
                arguments[name] = _time(text)
    arguments["reports"] = [_report(report) for report in element.sensor_report]
    return arguments


def _report(report: model.SensorReport) -> Arguments:
    arguments: Arguments = {"type": vocabulary.bareword(vocabulary.MEASUREMENT, report.type)}
    if report.device_id is not None:
        arguments["device"] = canonical_id(report.device_id)
    if report.time is not None:
        arguments["time_ms"] = _time(report.time)
    for name, attribute, _ in _NUMBERS:
        number = getattr(report, attribute)
        if number is not None:
            arguments[name] = decimal_text(number)
    # EPCIS lets any text stand for a unit; one that is no unit code means nothing to the ledger.
    if report.uom is not None and _UNIT.fullmatch(report.uom):
        arguments["uom"] = report.uom
    if report.boolean_value is not None:
        arguments["boolean"] = report.boolean_value
    if report.component is not None:
        arguments["component"] = vocabulary.bareword(vocabulary.COMPONENT, report.component)
    if report.exception is not None:
        arguments["exception"] = vocabulary.bareword(vocabulary.SENSOR_ALERT, report.exception)
    return arguments


def decimal_text(number: int | Decimal) -> str:
    """Return a number as digits with an optional point, no exponent; trailing zeros stay."""
    return str(number) if isinstance(number, int) else f"{number:f}"


def _number(text: object) -> int | Decimal:
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal string")
    return Decimal(text) if "." in text else int(text)


def _time(text: str) -> int:
    moment_ms = fields.time_ms(text)
    assert moment_ms is not None, "a valid event has valid times"
    return moment_ms


def _offset(text: str) -> int:
    minutes = fields.offset_minutes(text)
    assert minutes is not None, "a valid event has a valid offset"
    return minutes


def _event(arguments: Mapping[str, object]) -> JsonObject:
    offset = cast("int", arguments["offset_minutes"])
    event: JsonObject = {
        "type": cast("str", arguments["type"]),
        "eventTime": fields.time_text(cast("int", arguments["event_time_ms"]), offset),
        "eventTimeZoneOffset": fields.offset_text(offset),
    }
    _copy(arguments, event, {"event_id": "eventID", "action": "action"})
    _copy(arguments, event, {name: field for name, _, field in (*_SINGLE, *_IDENTIFIERS)})
    for name, _, field in _QUANTITIES:
        if name in arguments:
            event[field] = [_quantity_element(entry) for entry in _rows(arguments[name], 3)]
    _copy(arguments, event, {"biz_step": "bizStep", "disposition": "disposition"})
    if "persistent_set" in arguments or "persistent_unset" in arguments:
        persistent: JsonObject = {}
        _copy(arguments, persistent, {"persistent_set": "set", "persistent_unset": "unset"})
        event["persistentDisposition"] = persistent
    for name, field in (("read_point", "readPoint"), ("biz_location", "bizLocation")):
        if name in arguments:
            event[field] = {"id": cast("str", arguments[name])}
    if "business_transactions" in arguments:
        event["bizTransactionList"] = [
            {**({} if kind is None else {"type": kind}), "bizTransaction": identifier}
            for kind, identifier in _rows(arguments["business_transactions"], 2)
        ]
    for name, field, member in (
        ("sources", "sourceList", "source"),
        ("destinations", "destinationList", "destination"),
    ):
        if name in arguments:
            event[field] = [{"type": kind, member: identifier} for kind, identifier in _rows(arguments[name], 2)]
    if "sensors" in arguments:
        sensors = cast("Sequence[Mapping[str, object]]", arguments["sensors"])
        event["sensorElementList"] = [_sensor_element(sensor, offset) for sensor in sensors]
    if "declaration" in arguments:
        event["errorDeclaration"] = _error_declaration(cast("Mapping[str, object]", arguments["declaration"]), offset)
    return event


def _rows(value: object, columns: int) -> Iterable[list[JsonValue]]:
    for row in cast("Sequence[Sequence[JsonValue]]", value):
        if len(row) != columns:
            raise ValueError(f"a row has {len(row)} columns instead of {columns}")
        yield list(row)


def _quantity_element(row: list[JsonValue]) -> JsonObject:
    epc_class, amount, unit = row
    element: JsonObject = {"epcClass": epc_class}
    if amount is not None:
        element["quantity"] = _number(amount)
    if unit is not None:
        element["uom"] = unit
    return element


def _sensor_element(sensor: Mapping[str, object], offset: int) -> JsonObject:
    metadata: JsonObject = {}
    _copy(sensor, metadata, {"device": "deviceID"})
    for name, field in (("time_ms", "time"), ("start_ms", "startTime"), ("end_ms", "endTime")):
        if name in sensor:
            metadata[field] = fields.time_text(cast("int", sensor[name]), offset)
    reports = cast("Sequence[Mapping[str, object]]", sensor["reports"])
    element: JsonObject = {"sensorMetadata": metadata} if metadata else {}
    element["sensorReport"] = [_sensor_report(report, offset) for report in reports]
    return element


def _sensor_report(report: Mapping[str, object], offset: int) -> JsonObject:
    written: JsonObject = {}
    names = {"type": "type", "device": "deviceID", "uom": "uom", "boolean": "booleanValue"}
    _copy(report, written, {**names, "component": "component", "exception": "exception"})
    if "time_ms" in report:
        written["time"] = fields.time_text(cast("int", report["time_ms"]), offset)
    for name, _, field in _NUMBERS:
        if name in report:
            written[field] = _number(report[name])
    return written


def _error_declaration(declaration: Mapping[str, object], offset: int) -> JsonObject:
    written: JsonObject = {"declarationTime": fields.time_text(cast("int", declaration["declared_ms"]), offset)}
    _copy(declaration, written, {"reason": "reason", "corrective_ids": "correctiveEventIDs"})
    return written


def _copy(source: Mapping[str, object], target: JsonObject, names: Mapping[str, str]) -> None:
    for name, field in names.items():
        if name in source:
            target[field] = cast("JsonValue", source[name])
