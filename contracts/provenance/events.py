"""The shape of one EPCIS event's arguments (ISO/IEC 19987:2024 section 7.4), as standards/epcis hands them over.

Only the form is looked at here; what an event means for the things it names is in capture.py. Fields that no rule needs
yet (transactions, sources, destinations, sensors, residue) are checked for their form and stay in the
transaction, which is their record.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from contracts.arguments import Arguments, blob, identifier, integer, listed, mapping, prose, refuse, row
from contracts.decimals import scaled
from contracts.results import Rejected, ResultCode
from ledger.codec import Value, encode
from ledger.hashing import tagged_hash
from ledger.limits import INTEGER_MAX, TRANSACTION_BYTES_MAX

IDENTIFIERS_MAX: Final = 5_000

OBJECT: Final = "ObjectEvent"
AGGREGATION: Final = "AggregationEvent"
TRANSACTION: Final = "TransactionEvent"
TRANSFORMATION: Final = "TransformationEvent"
ASSOCIATION: Final = "AssociationEvent"
ADD: Final = "ADD"
OBSERVE: Final = "OBSERVE"
DELETE: Final = "DELETE"

_WITH_ACTION: Final = frozenset({OBJECT, AGGREGATION, TRANSACTION, ASSOCIATION})
_ACTIONS: Final = frozenset({ADD, OBSERVE, DELETE})
_POLICIES: Final = frozenset({"mark", "refuse"})
_OFFSET_MINUTES_MAX: Final = 14 * 60
_NAMED_LISTS_MAX: Final = 1_000
_SENSORS_MAX: Final = 10_000
# Measured values are not reckoned with here, so that they may be longer than a quantity.
_NUMBER: Final = re.compile(r"-?[0-9]{1,1000}(?:\.[0-9]{1,1000})?")
_URI_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of a class of things: ``amount`` is a decimal string or None (unknown), ``unit`` None for pieces."""

    class_id: str
    amount: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """That an event is in error: since when (ms UTC), why, and which events stand in its place."""

    declared_ms: int
    reason: str | None
    corrective_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Identifiers keep their order and are named once a list; ``time_ms`` is UTC."""

    type: str
    time_ms: int
    event_id: str | None
    action: str | None
    parent: str | None
    epcs: tuple[str, ...]
    children: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    child_quantities: tuple[Quantity, ...]
    input_quantities: tuple[Quantity, ...]
    output_quantities: tuple[Quantity, ...]
    step: str | None
    disposition: str | None
    persistent_set: tuple[str, ...]
    persistent_unset: tuple[str, ...]
    location: str | None
    declaration: Declaration | None
    refuses_violations: bool
    content_hash: bytes = field(repr=False)
    declared_hash: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What names the event in heads: its event id, or the hash of its content where it has none."""
        return ("content", self.content_hash.hex()) if self.event_id is None else (self.event_id,)


def read_event(arguments: dict[str, Value]) -> Event:
    """Return the event of a capture operation; rejects with BAD_ARGUMENTS or TOO_MANY_IDENTIFIERS."""
    read = Arguments(arguments)
    kind = _type(read)
    if kind in _WITH_ACTION:
        action: str | None = read.choice("action", _ACTIONS)
    else:
        action = read.choice("action", _ACTIONS) if read.has("action") and kind != TRANSFORMATION else None
    location = read.optional_identifier("read_point")
    location = read.optional_identifier("biz_location") or location
    is_refusing = read.has("policy") and read.choice("policy", _POLICIES) == "refuse"
    _read_unused(read)
    content = {name: value for name, value in arguments.items() if name not in ("policy", "declaration")}
    event = Event(
        type=kind,
        time_ms=read.integer("event_time_ms", -INTEGER_MAX),
        event_id=read.optional_identifier("event_id"),
        action=action,
        parent=read.optional_identifier("parent"),
        epcs=_identifiers(read, "epcs"),
        children=_identifiers(read, "children"),
        inputs=_identifiers(read, "inputs"),
        outputs=_identifiers(read, "outputs"),
        quantities=read.listed("quantities", IDENTIFIERS_MAX, _quantity),
        child_quantities=read.listed("child_quantities", IDENTIFIERS_MAX, _quantity),
        input_quantities=read.listed("input_quantities", IDENTIFIERS_MAX, _quantity),
        output_quantities=read.listed("output_quantities", IDENTIFIERS_MAX, _quantity),
        step=read.optional_identifier("biz_step"),
        disposition=read.optional_identifier("disposition"),
        persistent_set=read.listed("persistent_set", 20, identifier),
        persistent_unset=read.listed("persistent_unset", 20, identifier),
        location=location,
        declaration=_declaration(read),
        refuses_violations=is_refusing,
        content_hash=tagged_hash("event", encode(content)),
        declared_hash=tagged_hash("declaration", encode([content, arguments.get("declaration")])),
    )
    read.end()
    named = sum(len(part) for part in (event.epcs, event.children, event.inputs, event.outputs)) + sum(
        len(part)
        for part in (event.quantities, event.child_quantities, event.input_quantities, event.output_quantities)
    )
    if named > IDENTIFIERS_MAX:
        raise Rejected(ResultCode.TOO_MANY_IDENTIFIERS, f"{named} identifiers, at most {IDENTIFIERS_MAX}")
    return event


def _type(read: Arguments) -> str:
    kind = read.identifier("type")
    if kind not in _WITH_ACTION and kind != TRANSFORMATION and _URI_TYPE.fullmatch(kind) is None:
        refuse("type is one of the five event types or a URI")
    return kind


def _identifiers(read: Arguments, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read.listed(name, 10 * IDENTIFIERS_MAX, identifier)))


def _quantity(value: object, what: str) -> Quantity:
    class_id, amount, unit = row(value, what, 3)
    if amount is not None and (type(amount) is not str or scaled(amount) is None):
        refuse(f"{what}: an amount is a decimal string or nil")
    return Quantity(identifier(class_id, what), amount, None if unit is None else identifier(unit, what, 20))


def _declaration(read: Arguments) -> Declaration | None:
    if not read.has("declaration"):
        return None
    inner = Arguments(mapping(read.required("declaration"), "declaration", 4))
    declaration = Declaration(
        inner.integer("declared_ms", -INTEGER_MAX),
        inner.optional_identifier("reason"),
        inner.listed("corrective_ids", 100, identifier),
    )
    # Its own residue, so that declaring an event in error leaves the content of the event as it was.
    if inner.has("residue"):
        blob(inner.required("residue"), "residue", TRANSACTION_BYTES_MAX)
    inner.end()
    return declaration


def _read_unused(read: Arguments) -> None:
    """Check the form of what no rule needs yet."""
    read.optional_integer("offset_minutes", -_OFFSET_MINUTES_MAX, _OFFSET_MINUTES_MAX)
    read.optional_identifier("transformation_id")
    for name in ("business_transactions", "sources", "destinations"):
        read.listed(name, _NAMED_LISTS_MAX, _typed_identifier)
    read.listed("sensors", _SENSORS_MAX, _sensor)
    if read.has("residue"):
        blob(read.required("residue"), "residue", TRANSACTION_BYTES_MAX)


def _typed_identifier(value: object, what: str) -> None:
    kind, named = row(value, what, 2)
    if kind is not None:
        identifier(kind, what)
    identifier(named, what)


def _sensor(value: object, what: str) -> None:
    """Check one sensor element: times, scalar metadata, and reports of scalars."""
    sensor = mapping(value, what, 32)
    for name, member in sensor.items():
        if name == "reports":
            listed(member, "reports", _SENSORS_MAX, _report)
        elif name.endswith("_ms"):
            integer(member, f"{what}: {name[:40]}", -INTEGER_MAX, INTEGER_MAX)
        else:
            _scalar(member, f"{what}: {name[:40]}")


def _report(value: object, what: str) -> None:
    report = mapping(value, what, 64)
    if "type" not in report:
        refuse(f"{what}: type is missing")
    for name, member in report.items():
        if name in ("value", "min", "max", "mean") and (type(member) is not str or _NUMBER.fullmatch(member) is None):
            refuse(f"{what}: {name} is a decimal string")
        _scalar(member, f"{what}: {name[:40]}")


def _scalar(value: object, what: str) -> None:
    if type(value) is str:
        prose(value, what, 4_096)
    elif type(value) is bytes:
        blob(value, what, 4_096)
    elif not (type(value) is int or type(value) is bool or value is None):
        refuse(f"{what} is a scalar")
