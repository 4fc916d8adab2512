"""EPCIS 2.0 events as types.

The field names are EPCIS's, in Python's spelling; ``model_extra`` holds the extensions of a user, whose names are
URIs or compact URIs. Values keep the spelling that they came in: ``standards.epcis.operations`` normalises.

Rules: EPCIS 2.0 (ISO/IEC 19987) sections 7.3 and 7.4, as the JSON binding of section 9 spells them. Where the standard
asks for more than GS1's JSON schema, the comment at the rule says so.
"""

from typing import Annotated, ClassVar, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from standards.epcis import fields
from standards.epcis.json_text import dumps


class Element(BaseModel):
    """An object of EPCIS: exact types, and only names that EPCIS knows or that are URIs."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", alias_generator=to_camel)

    # False: no name but the fields'. None: any name.
    extensible: ClassVar[bool | None] = True
    names: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Remember the names that the fields have in JSON."""
        cls.names = frozenset(str(field.alias) for field in cls.__pydantic_fields__.values())

    @model_validator(mode="before")
    @classmethod
    def _names_known(cls, data: object) -> object:
        if not isinstance(data, dict):
            raise PydanticCustomError("wrong_type", "this is not a JSON object; write it in braces")
        for name, value in data.items():
            if name in cls.names:
                if value is None:
                    raise _fault("null", name, f"{name} is null; leave the field out where there is no value")
            elif cls.extensible is False:
                message = f"{name[:80]!r} is no field of this object, which takes no extensions; remove it"
                raise _fault("unknown_field", name, message)
            elif cls.extensible and not fields.is_uri(name):
                message = (
                    f"{name[:80]!r} is no field of EPCIS here; name an extension by a URI or by a prefix that @context "
                    f"declares, such as 'ext:{name[:80].lstrip('_:@') or 'name'}'"
                )
                raise _fault("undefined_name", name, message)
        return data


def _fault(rule: str, at: str | int, message: str) -> PydanticCustomError:
    """Return the error of an object whose part ``at`` breaks a rule."""
    return PydanticCustomError(rule, "{text}", {"text": message, "at": at})


def _unique(items: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise _fault("repeated_value", index, f"{item} stands twice in this list; keep one")
        seen.add(item)
    return items


def _context(value: object) -> object:
    """Check the shape of an @context; what it refers to is never loaded."""
    entries = value if isinstance(value, list) else [value]
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) or (isinstance(entry, str) and fields.is_uri(entry)):
            continue
        message = "@context is a URI, an object of prefixes, or a list of these"
        if isinstance(value, list):
            raise _fault("not_a_context", index, message)
        raise PydanticCustomError("not_a_context", "{text}", {"text": message})
    if len({dumps(entry) for entry in entries}) != len(entries):
        raise PydanticCustomError("repeated_value", "the same @context entry stands twice; keep one")
    return value


def is_context(value: object) -> bool:
    """Return whether a value has the shape of an @context."""
    try:
        _context(value)
    except PydanticCustomError:
        return False
    return True


def _certification(value: object) -> object:
    """Check a URI or a list of URIs."""
    entries = value if isinstance(value, list) else [value]
    for index, entry in enumerate(entries):
        if not (isinstance(entry, str) and fields.is_uri(entry)):
            message = "certificationInfo is the URI of a certificate or a list of such URIs"
            if isinstance(value, list):
                raise _fault("not_a_uri", index, message)
            raise PydanticCustomError("not_a_uri", "{text}", {"text": message})
    return value


Item = TypeVar("Item")
# A list is refused at its first fault, so that a large one of nothing but faults costs no more than a good one.
Many: TypeAlias = Annotated[list[Item], Field(fail_fast=True)]
Context: TypeAlias = Annotated[object, PlainValidator(_context)]
Identifiers: TypeAlias = Many[fields.Identifier]
UniqueIdentifiers: TypeAlias = Annotated[Many[fields.Identifier], AfterValidator(_unique)]
Dispositions: TypeAlias = Annotated[Many[fields.Disposition], Field(min_length=1), AfterValidator(_unique)]


class QuantityElement(Element):
    """An amount of a class of objects; without ``quantity`` the amount is unknown."""

    extensible = False
    epc_class: fields.Identifier
    quantity: fields.Amount | None = None
    uom: fields.Unit | None = None


class BizTransaction(Element):
    """A business document that the event belongs to."""

    extensible = False
    type: fields.BizTransactionType | None = None
    biz_transaction: fields.Identifier


class Source(Element):
    """Where or whom the objects come from."""

    extensible = False
    type: fields.SourceDestinationType
    source: fields.Identifier


class Destination(Element):
    """Where or whom the objects go to."""

    extensible = False
    type: fields.SourceDestinationType
    destination: fields.Identifier


class Place(Element):
    """A read point or a business location."""

    extensible = None
    id: fields.Identifier


class PersistentDisposition(Element):
    """Conditions that an event switches on or off for good."""

    extensible = False
    set: Dispositions | None = None
    unset: Dispositions | None = None

    @model_validator(mode="after")
    def _some(self) -> "PersistentDisposition":
        if self.set is None and self.unset is None:
            raise _fault("missing_field", "set", "a persistentDisposition has set or unset or both; add one")
        return self


class SensorMetadata(Element):
    """What holds for all reports of a sensor element."""

    time: fields.Time | None = None
    start_time: fields.Time | None = None
    end_time: fields.Time | None = None
    device_id: fields.Identifier | None = Field(default=None, alias="deviceID")
    device_metadata: fields.Uri | None = None
    raw_data: fields.Uri | None = None
    data_processing_method: fields.Uri | None = None
    biz_rules: fields.Uri | None = None


class SensorReport(Element):
    """One observation of a sensor."""

    type: fields.MeasurementType
    exception: fields.SensorAlert | None = None
    device_id: fields.Identifier | None = Field(default=None, alias="deviceID")
    device_metadata: fields.Uri | None = None
    raw_data: fields.Uri | None = None
    data_processing_method: fields.Uri | None = None
    biz_rules: fields.Uri | None = None
    time: fields.Time | None = None
    microorganism: fields.Uri | None = None
    chemical_substance: fields.Uri | None = None
    coordinate_reference_system: fields.Uri | None = None
    value: fields.Number | None = None
    component: fields.Component | None = None
    string_value: fields.Text | None = None
    boolean_value: fields.Boolean | None = None
    hex_binary_value: fields.Hexadecimal | None = None
    uri_value: fields.Uri | None = None
    min_value: fields.Number | None = None
    max_value: fields.Number | None = None
    mean_value: fields.Number | None = None
    s_dev: fields.Number | None = None
    perc_rank: fields.Number | None = None
    perc_value: fields.Number | None = None
    uom: fields.Text | None = None


class SensorElement(Element):
    """Observations of a sensor, and what they have in common."""

    sensor_metadata: SensorMetadata | None = None
    sensor_report: Annotated[Many[SensorReport], Field(min_length=1)]


class ErrorDeclaration(Element):
    """Says that an earlier event was wrong."""

    declaration_time: fields.Time
    reason: fields.ErrorReason | None = None
    corrective_event_ids: Many[fields.Identifier] | None = Field(default=None, alias="correctiveEventIDs")


class MasterData(Element):
    """Instance or lot master data: extensions only."""


class Event(Element):
    """What every event has."""

    type: fields.Identifier
    event_time: fields.Time
    event_time_zone_offset: fields.Offset
    record_time: fields.Time | None = None
    event_id: fields.Identifier | None = Field(default=None, alias="eventID")
    certification_info: Annotated[object, PlainValidator(_certification)] = None
    error_declaration: ErrorDeclaration | None = None
    context: Context = Field(default=None, alias="@context")


class UserEvent(Event):
    """An event of a user's own type, whose ``type`` is a URI. It may have any fields; what they mean is the user's."""

    extensible = None


class _StandardEvent(Event):
    """What the five types share."""

    type: fields.Text
    biz_step: fields.BizStep | None = None
    disposition: fields.Disposition | None = None
    read_point: Place | None = None
    biz_location: Place | None = None
    source_list: Many[Source] | None = None
    destination_list: Many[Destination] | None = None
    sensor_element_list: Many[SensorElement] | None = None


class ObjectEvent(_StandardEvent):
    """Something happened to objects."""

    action: fields.Action
    epc_list: UniqueIdentifiers | None = None
    quantity_list: Many[QuantityElement] | None = None
    biz_transaction_list: Many[BizTransaction] | None = None
    persistent_disposition: PersistentDisposition | None = None
    ilmd: MasterData | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ObjectEvent":
        # An empty epcList counts: it is how a sensor reading without objects is written.
        sensed = self.sensor_element_list and self.read_point
        if self.epc_list is None and not self.quantity_list and not sensed:
            message = (
                "an ObjectEvent names its objects; add epcList (it may be empty), a quantityList, or a "
                "sensorElementList together with a readPoint"
            )
            raise _fault("objects_missing", "epcList", message)
        if self.ilmd is not None and self.action != "ADD":
            message = f"ilmd stands only in events with action ADD, this one has {self.action}; remove it"
            raise _fault("ilmd_without_add", "ilmd", message)
        return self


class AggregationEvent(_StandardEvent):
    """Objects were put into, seen in or taken out of a container."""

    action: fields.Action
    parent_id: fields.Identifier | None = Field(default=None, alias="parentID")
    child_epcs: Identifiers | None = Field(default=None, alias="childEPCs")
    child_quantity_list: Many[QuantityElement] | None = None
    biz_transaction_list: Many[BizTransaction] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "AggregationEvent":
        _require_children(self.action, self.child_epcs, self.child_quantity_list)
        # EPCIS 2.0 section 7.4.3 asks for this; GS1's JSON schema does not check it.
        if self.parent_id is None and self.action != "OBSERVE":
            message = f"an AggregationEvent with action {self.action} names its container; add parentID"
            raise _fault("parent_missing", "parentID", message)
        return self


class AssociationEvent(_StandardEvent):
    """Objects were installed in, seen at or removed from an object or a place."""

    action: fields.Action
    parent_id: fields.Identifier = Field(alias="parentID")
    child_epcs: Identifiers | None = Field(default=None, alias="childEPCs")
    child_quantity_list: Many[QuantityElement] | None = None
    biz_transaction_list: Many[BizTransaction] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "AssociationEvent":
        _require_children(self.action, self.child_epcs, self.child_quantity_list)
        return self


class TransactionEvent(_StandardEvent):
    """Objects were linked to or released from business documents."""

    action: fields.Action
    parent_id: fields.Identifier | None = Field(default=None, alias="parentID")
    epc_list: Identifiers | None = None
    quantity_list: Many[QuantityElement] | None = None
    biz_transaction_list: Annotated[Many[BizTransaction], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> "TransactionEvent":
        if self.epc_list is None and not self.quantity_list and self.action != "DELETE":
            message = f"a TransactionEvent with action {self.action} names its objects; add epcList or quantityList"
            raise _fault("objects_missing", "epcList", message)
        return self


class TransformationEvent(_StandardEvent):
    """Inputs were used up and outputs came into being."""

    transformation_id: fields.Identifier | None = Field(default=None, alias="transformationID")
    input_epc_list: UniqueIdentifiers | None = Field(default=None, alias="inputEPCList")
    input_quantity_list: Many[QuantityElement] | None = None
    output_epc_list: UniqueIdentifiers | None = Field(default=None, alias="outputEPCList")
    output_quantity_list: Many[QuantityElement] | None = None
    biz_transaction_list: Many[BizTransaction] | None = None
    persistent_disposition: PersistentDisposition | None = None
    ilmd: MasterData | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "TransformationEvent":
        inputs = bool(self.input_epc_list or self.input_quantity_list)
        outputs = bool(self.output_epc_list or self.output_quantity_list)
        if (inputs and outputs) or (self.transformation_id is not None and (inputs or outputs)):
            return self
        missing, at = ("inputs", "inputEPCList") if not inputs else ("outputs", "outputEPCList")
        message = (
            f"this TransformationEvent has no {missing}; add {at} or {at.replace('EPC', 'Quantity')}, or a "
            "transformationID where another event has them"
        )
        raise _fault("transformation_incomplete", at, message)


def _require_children(action: str, epcs: list[str] | None, quantities: list[QuantityElement] | None) -> None:
    # DELETE without children empties the parent.
    if not epcs and not quantities and action != "DELETE":
        message = f"an event with action {action} names the objects inside; add childEPCs or childQuantityList"
        raise _fault("children_missing", "childEPCs", message)


EVENT_MODELS: Final[dict[str, type[Event]]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "AssociationEvent": AssociationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
}
